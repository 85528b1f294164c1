"""What is told of a fit is what the fit holds, with its intervals and reasons, and of the newest fit."""

import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from werkzeug.test import Client, TestResponse

from api.app import create_app
from api.estimates import CURRENT, ESTIMATES, Current
from api.fitting import Fit, load_fit
from api.http.auth import Gate
from api.settings import default_text
from api.store.keys import Scope
from api.workspace import Workspace
from tests.api.test_app import FREE, Served
from tests.api.test_workspace import NOW, busy

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """An application with keys."""
    return Served(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a fit of a year of one product, made once."""
    return busy_workspace(tmp_path_factory.mktemp("kept"))


def busy_workspace(folder: Path) -> Path:
    """A workspace in a folder, with a fit, a proposal and a stage."""

    def bring(text: str, name: str) -> Path:
        (folder / name).write_text(text, encoding="utf-8", newline="")
        return folder / name

    place = Workspace.create(folder / "shop", default_text())
    busy(place, bring)
    return place.root


@pytest.fixture
def place(kept: Path, tmp_path: Path) -> Workspace:
    """A copy of it."""
    return Workspace.open(shutil.copytree(kept, tmp_path / "shop"))


@pytest.fixture
def fit(place: Workspace) -> Fit:
    """Its fit."""
    return load_fit(place.fits)


class Reader:
    """Who asks what a workspace's fit says."""

    def __init__(self, served: Served, root: Path) -> None:
        gate = Gate(served.snapshots, requests=FREE, failures=FREE)
        self.client = Client(create_app(served.snapshots, root=root, now=lambda: NOW, gate=gate))
        self.keys = served.keys

    def get(self, path: str, *, scope: Scope = Scope.PRICES_READ, known: str = "") -> TestResponse:
        """Ask with a key, and with the ETag of an answer that is known."""
        headers = {"Authorization": f"Bearer {self.keys[scope]}"} | ({"If-None-Match": known} if known else {})
        return self.client.get(path, headers=headers)

    def pages(self, path: str, limit: int) -> list[dict[str, Any]]:
        """All items, page by page."""
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}").get_json()
            items += page["items"]
            assert len(page["items"]) == limit or page["next"] is None
            if page["next"] is None:
                return items
            cursor = f"&cursor={page['next']}"


def test_forecasts_by_day_add_up_to_what_prices_were_decided_on(served: Served, place: Workspace, fit: Fit) -> None:
    """Each with an interval around it, and the fit it comes from."""
    rows = Reader(served, place.root).pages("/v1/forecasts", 10)
    days = [row["date"] for row in rows]
    assert days == sorted(days)
    assert len(days) == len(set(days)) == place.settings.policy.horizon_days
    assert days[0] == f"{place.today(NOW):%Y-%m-%d}"
    assert sum(row["mean"] for row in rows) == pytest.approx(fit.demand["mean"].iloc[0], abs=0.01)
    assert all(0 <= row["lower"] <= row["mean"] <= row["upper"] for row in rows)
    assert all(row["upper"] > row["lower"] for row in rows)
    assert {row["model_version"] for row in rows} == {fit.version}
    assert {(row["product"], row["model"], row["level"]) for row in rows} == {("mug", fit.demand["model"].iloc[0], 0.8)}


def test_the_interval_of_a_day_holds_what_it_says(place: Workspace, fit: Fit) -> None:
    """Four days in five, by the same spread, noise and chance drawn at random."""
    (expected,), rng = fit.expected, np.random.default_rng(0)
    said = Current(place.fits).estimates()
    assert said is not None
    series = said.series[0]
    level = np.exp(rng.normal(-(expected.spread**2) / 2, expected.spread, (4000, 1)))
    days = rng.gamma(1 / expected.noise, expected.noise, (4000, len(series.mean)))
    sold = rng.poisson(level * days * np.array(series.mean))
    inside = ((sold >= np.array(series.lower)) & (sold <= np.array(series.upper))).mean()
    assert 0.77 <= inside <= 0.86


def test_price_responses_are_told_with_status_and_reason(served: Served, place: Workspace, fit: Fit) -> None:
    """As `fairfare elasticity` gives them."""
    (row,) = Reader(served, place.root).pages("/v1/elasticities", 10)
    known = fit.elasticities.iloc[0]
    assert row["elasticity"] == pytest.approx(known["elasticity"])
    assert (row["status"], row["reason"], row["n_obs"]) == (known["status"], known["reason"], known["n_obs"])
    assert (row["model_version"], row["fitted_at"]) == (fit.version, "2026-11-21T00:00:00Z")


def test_a_new_fit_is_told_at_once(served: Served, place: Workspace, fit: Fit) -> None:
    """And a client that has the answer is sent it only then."""
    reader = Reader(served, place.root)
    before = reader.get("/v1/elasticities")
    assert reader.get("/v1/elasticities", known=before.headers["ETag"]).status_code == 304
    made = place.fit(now=NOW + timedelta(days=1), progress=lambda *_: None)
    assert made.version != fit.version
    after = reader.get("/v1/elasticities", known=before.headers["ETag"])
    assert {row["model_version"] for row in after.get_json()["items"]} == {made.version}


def test_before_there_is_a_fit_there_is_nothing_to_tell(served: Served, tmp_path: Path) -> None:
    """Which is an empty list."""
    reader = Reader(served, tmp_path)
    for path in ("/v1/forecasts", "/v1/elasticities"):
        assert reader.get(path).get_json() == {"items": [], "next": None}


@pytest.mark.parametrize("damaged", [b"", b"{", b'{"version": 1}', b"\xff" * 40, b"[" * 100_000])
def test_a_damaged_file_is_ignored(place: Workspace, fit: Fit, damaged: bytes) -> None:
    """What was read before stays; without that there is nothing to tell."""
    current = Current(place.fits)
    before = current.estimates()
    assert before is not None
    (place.fits / fit.version / ESTIMATES).write_bytes(damaged)
    assert Current(place.fits).estimates() is None
    (place.fits / CURRENT).write_bytes((place.fits / CURRENT).read_bytes() + b" ")
    assert current.estimates() is before
    (place.fits / CURRENT).write_bytes(damaged)
    assert current.estimates() is before


def test_only_what_was_asked_for_is_told(served: Served, place: Workspace, fit: Fit) -> None:
    """By product, segment and event; a misspelt filter filters nothing and is refused."""
    reader = Reader(served, place.root)
    assert fit.expected
    assert len(reader.pages("/v1/forecasts?product=mug&event=all", 100)) == len(reader.pages("/v1/forecasts", 100))
    for path in ("/v1/forecasts?product=cup", "/v1/forecasts?event=friday", "/v1/elasticities?segment=child"):
        assert reader.get(path).get_json()["items"] == []
    for path in (
        "/v1/forecasts?produkt=mug",
        "/v1/elasticities?event=all",
        "/v1/forecasts?limit=0",
        "/v1/forecasts?cursor=x",
    ):
        assert reader.get(path).status_code == 422


@pytest.mark.parametrize("cursor", ["00.ff.6d7567", "ffff.", "..", "ffffffff.ffff.ff.ff.ff"])
def test_any_cursor_of_the_right_form_is_a_place(served: Served, place: Workspace, fit: Fit, cursor: str) -> None:
    """Given out or not."""
    reader = Reader(served, place.root)
    assert fit.expected
    for path in ("/v1/forecasts", "/v1/elasticities"):
        assert reader.get(f"{path}?cursor={cursor}").status_code == 200


def test_who_reads_prices_or_writes_proposals_may_read_it(served: Served, place: Workspace) -> None:
    """Nobody else."""
    reader = Reader(served, place.root)
    for scope in Scope:
        allowed = scope in {Scope.PRICES_READ, Scope.PROPOSALS_WRITE, Scope.ADMIN}
        for path in ("/v1/forecasts", "/v1/elasticities"):
            assert (reader.get(path, scope=scope).status_code == 200) is allowed


def test_reading_it_loads_no_pandas_and_no_model(place: Workspace, fit: Fit) -> None:
    """The serving process stays small."""
    code = (
        "import sys; from pathlib import Path; from api.estimates import Current; "
        "assert Current(Path(sys.argv[1])).estimates().model_version == sys.argv[2]; "
        "print(*{'pandas', 'numpy', 'scipy', 'sqlalchemy'} & set(sys.modules))"
    )
    words = [sys.executable, "-c", code, str(place.fits), fit.version]
    loaded = subprocess.run(words, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert loaded.stdout.strip() == ""
    assert datetime(2026, 11, 21, tzinfo=UTC) == fit.fitted_at
