"""What an operator watches, in Prometheus' text format, over all workers of a server.

Guarantees
----------
* Counting costs an answer about a microsecond, and can neither fail nor delay it: it is done in memory.
* Whichever worker is asked answers for all: each leaves its figures in a folder about every second. On a full disk the
  figures of the others are old, nothing else. What a worker that ended has counted stays counted.
* Labels come from a fixed set: routes as they are declared, never paths as they were asked.

Counts and times are added up over the workers. Of the others the worst stands for all: the oldest version, the oldest
confirmation, stale if one is.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from api.served.snapshot import Snapshot

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0, 10.0)
"""Upper bounds of the classes of latency [seconds]."""
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"})
WORST = {"fairfare_stale": max}
"""Which value of a gauge stands for all workers; for the others it is the least."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series for each that says since when; rates need none


class Meter:
    """The figures of one worker; `folder` is where the workers of one server leave theirs for each other."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._registry = registry = CollectorRegistry()
        labels = ("method", "route", "status")
        about = "Requests answered, and how long that took"
        self._requests = Histogram("fairfare_request_seconds", about, labels, buckets=BOUNDS, registry=registry)
        lanes = {"GET": "/v1/prices/<path:offer>", "POST": "/v1/quotes"}
        self._lanes = {method: self._requests.labels(method, route, "200") for method, route in lanes.items()}
        self._version = Gauge("fairfare_book_version", "Version of the price book that is served", registry=registry)
        self._offers = Gauge("fairfare_prices_in_force", "Prices in force", registry=registry)
        self._stale = Gauge(
            "fairfare_stale", "1: the price book cannot be reached, the last good prices are served", registry=registry
        )
        self._taken = Gauge("fairfare_taken_timestamp_seconds", "When what is served was read", registry=registry)
        self._confirmed = Gauge(
            "fairfare_confirmed_timestamp_seconds",
            "When the price book last confirmed what is served",
            registry=registry,
        )
        self._failures = Counter("fairfare_book_failures", "Looks at the price book that failed", registry=registry)

    def quick(self, method: str, seconds: float) -> None:
        """Count an answer of an express lane: a price, or quotes."""
        self._lanes[method].observe(seconds)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count any other answer."""
        self._requests.labels(method if method in METHODS else "other", route, str(status)).observe(seconds)

    def confirmed(self, served: Snapshot, *, now: datetime) -> None:
        """Note that the price book was read, and what is served."""
        self._version.set(served.content.version)
        self._offers.set(len(served.entries))
        self._taken.set(served.content.taken_at.timestamp())
        self._confirmed.set(now.timestamp())
        self._stale.set(0)

    def failed(self) -> None:
        """Note that the price book could not be read."""
        self._failures.inc()
        self._stale.set(1)

    def share(self) -> None:
        """Leave this worker's figures where the others find them, if there is room."""
        if self._folder is None:
            return
        beside = self._folder / f"{os.getpid()}.new"
        with suppress(OSError):
            beside.write_bytes(generate_latest(self._registry))
            beside.replace(self._folder / f"{os.getpid()}.prom")

    def exposition(self) -> bytes:
        """The figures of all workers."""
        return generate_latest(_Merged([generate_latest(self._registry).decode(), *self._of_others()]))

    def _of_others(self) -> Iterator[str]:
        for file in sorted(self._folder.glob("*.prom")) if self._folder is not None else ():
            if int(file.stem) == os.getpid():
                continue
            text = file.read_text(encoding="utf-8")
            yield text if _runs(int(file.stem)) else "\n".join(line for line in text.splitlines() if _counts(line))


def _counts(line: str) -> bool:
    """Whether a line is about a figure that only grows, and so outlives its worker."""
    return "fairfare_request_seconds" in line or "fairfare_book_failures" in line


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


class _Merged(Collector):
    """The figures in several texts as one."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = texts

    def collect(self) -> Iterator[Metric]:
        """Each family of figures once."""
        families: dict[str, Metric] = {}
        values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
        for text in self._texts:
            for family in text_string_to_metric_families(text):
                families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                merged = values.setdefault(family.name, {})
                for sample in family.samples:
                    key = (sample.name, tuple(sample.labels.items()))
                    merged[key] = _together(family, merged.get(key), sample.value)
        for name, family in families.items():
            family.samples = [Sample(key[0], dict(key[1]), value) for key, value in values[name].items()]
            yield family


def _together(family: Metric, one: float | None, other: float) -> float:
    if one is None:
        return other
    return WORST.get(family.name, min)(one, other) if family.type == "gauge" else one + other
