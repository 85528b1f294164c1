# Two commands do everything on a fresh machine with Python 3.11, make and git: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One BLAS thread: on small machines more threads make batched linear algebra many times slower.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
DEMO := demo
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar off


.PHONY: demo test test-shops browser postgresql check fix serve bench docs lock clean

demo: $(VENV)/.run  ## simulate a season, price it, publish it, report on it (folder demo/)
	$(BIN)/fairfare demo $(DEMO)

serve: $(VENV)/.run  ## serve the prices of the demo on http://127.0.0.1:8000
	@test -d $(DEMO) || $(MAKE) demo
	$(BIN)/fairfare serve --workspace $(DEMO)

test: check browser postgresql  ## every check and every test
	$(BIN)/python -m pytest -n 2

test-shops: $(VENV)/.dev browser  ## tests against running shops, each in an environment of its own (kept under ~/.cache/fairfare)
	$(BIN)/python -m tests.shops.processes
	$(BIN)/python -m pytest -m shops -n 2 --dist loadfile tests/shops

browser:  # browser tests need Chromium: fetched where we may, skipped where not (with CI=true its absence fails)
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; } \
	  || echo "Chromium is not here and could not be installed: browser tests will be skipped"

postgresql:  # tests of the price book on PostgreSQL: as above
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || { test "$$(id -u)" = 0 \
	  && command -v apt-get >/dev/null && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql >/dev/null; } \
	  || echo "PostgreSQL is not here and could not be installed: its tests will be skipped"

check: $(VENV)/.dev  ## lint, format, types, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/.dev  ## mend what can be mended automatically
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench  ## each benchmark runs the peer beside ours and prints one JSON line
	@for b in benchmarks/bench_*.py; do $(BIN)/python $$b || exit 1; done

docs: $(VENV)/.dev  ## rewrite the parts of docs/ that come from the code
	$(BIN)/python docs/generate.py

lock: $(VENV)/.dev  ## pin every dependency with its hashes; names no download host
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group build $(LOCK) -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group build --extra prod $(LOCK) -c requirements.lock -o requirements-prod.lock
	$(BIN)/uv pip compile pyproject.toml --group build --group dev --extra prod $(LOCK) -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml --group bench $(LOCK) -c requirements-dev.lock -o requirements-bench.lock
	$(BIN)/uv pip compile tests/shops/pretix.in $(LOCK) -o tests/shops/pretix.lock
	$(BIN)/uv pip compile tests/shops/oscar.in $(LOCK) -o tests/shops/oscar.lock
LOCK := --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet

$(VENV)/.run: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Fairfare needs Python 3.11 or newer; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --require-hashes -r requirements.lock
	$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.bench: $(VENV)/.dev requirements-bench.lock
	$(PIP_INSTALL) --require-hashes -r requirements-bench.lock
	@touch $@

clean:  ## remove the environment and the demo
	rm -rf $(VENV) $(DEMO)
