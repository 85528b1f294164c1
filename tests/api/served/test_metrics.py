"""What an operator watches is right over all workers, whatever becomes of them, and costs next to nothing."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.served.metrics import Meter
from tests.api.served.test_snapshot import entry, of
from tests.api.test_app import Served, check_problem

PRICE = {"method": "GET", "route": "/v1/prices/<path:offer>", "status": "200"}
OTHER_WORKER = """
import sys, pathlib
from api.served.metrics import Meter
from tests.api.served.test_snapshot import entry, of
meter = Meter(pathlib.Path(sys.argv[1]))
meter.quick("GET", 0.002)
meter.confirmed(of(entry("a")), now=of().since)
meter.failed()
meter.share()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """An application of its own, so that nobody else's requests are counted."""
    return Served(tmp_path)


def value(text: bytes, name: str, **labels: str) -> float | None:
    """One figure; None if it is not there."""
    samples = [s for family in text_string_to_metric_families(text.decode()) for s in family.samples]
    return next((s.value for s in samples if s.name == name and labels.items() <= s.labels.items()), None)


def test_every_answer_is_counted_by_route_and_status(served: Served) -> None:
    """Express lane or not, refused or not; a path that is no route is none of its own."""
    for path in ("/v1/prices/hamlet-adult", "/v1/prices/hamlet-adult?channel=all", "/v1/prices/nope", "/a", "/b"):
        served.get(path)
    served.client.get("/v1/prices/hamlet-adult")
    text = served.get("/metrics").data
    assert value(text, "fairfare_request_seconds_count", **PRICE) == 2
    assert value(text, "fairfare_request_seconds_count", **(PRICE | {"status": "404"})) == 1
    assert value(text, "fairfare_request_seconds_count", **(PRICE | {"status": "401"})) == 1
    assert value(text, "fairfare_request_seconds_count", method="GET", route="none", status="404") == 2
    assert b"nope" not in text


def test_only_a_key_that_may_read_prices_reads_the_figures(served: Served) -> None:
    """Without one: 401."""
    assert served.get("/metrics").mimetype == "text/plain"
    check_problem(served.client.get("/metrics"), 401)


@pytest.fixture
def other(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another worker that has answered a price, and then lost the price book."""
    command = [sys.executable, "-c", OTHER_WORKER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_one_worker_answers_for_all(other: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """Counts are added up; of the rest the worst stands; of a worker that ended only what it counted."""
    meter = Meter(tmp_path)
    meter.quick("GET", 0.002)
    meter.confirmed(of(entry("a"), entry("b")), now=of().since)
    meter.share()
    text = meter.exposition()
    assert value(text, "fairfare_request_seconds_count", **PRICE) == 2
    assert value(text, "fairfare_book_failures_total") == 1
    assert (value(text, "fairfare_stale"), value(text, "fairfare_prices_in_force")) == (1, 1)
    other.kill()
    other.wait()
    text = meter.exposition()
    assert value(text, "fairfare_request_seconds_count", **PRICE) == 2
    assert value(text, "fairfare_book_failures_total") == 1
    assert (value(text, "fairfare_stale"), value(text, "fairfare_prices_in_force")) == (0, 2)


def test_a_disk_that_is_full_fails_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others' figures are old then; ours are not."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    meter = Meter(tmp_path)
    meter.share()
    meter.quick("GET", 0.002)
    monkeypatch.setattr(Path, "write_bytes", full)
    meter.share()
    assert value(meter.exposition(), "fairfare_request_seconds_count", **PRICE) == 1


def test_counting_costs_microseconds() -> None:
    """A hundred times less than the goal for an answer."""
    meter = Meter()
    start = time.process_time()
    for _ in range(10_000):
        meter.quick("GET", 0.002)
    assert (time.process_time() - start) / 10_000 < 2e-5


def test_a_worker_finds_its_own_figures_once(tmp_path: Path) -> None:
    """What it left for the others is not added to what it has."""
    meter = Meter(tmp_path)
    meter.failed()
    meter.share()
    assert [file.name for file in tmp_path.iterdir()] == [f"{os.getpid()}.prom"]
    assert value(meter.exposition(), "fairfare_book_failures_total") == 1
