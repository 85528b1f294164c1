"""A served workspace under load and faults, seen from another process; prints one JSON line.

By default: 500 requests a second on the demo while a model is fitted beside it again and again and 20 publications
happen. Every answer is held against the book's history afterwards: `torn` are prices that do not belong to their
version, `out_of_bounds` those outside [floor, ceiling], `early` those that had not begun; `lag_ms` is how long after
its end a price was served at most, from the begin of the publication that replaced it. Latency counts from the instant
a request was due, so that a server that stands still cannot hide it.

`--outage S` takes the database away for S seconds instead; `--visible N` publishes N times, and measures how long it
takes until every worker serves that; `--postgresql` does either on a PostgreSQL server of its own. Linux only.
"""

import argparse
import contextlib
import http.client
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

from bench_price_read import Server, connect, free_port, processor_seconds, running

from api.clock import utc_now
from api.settings import default_text
from api.store.book import PriceBook
from api.store.database import open_database
from api.store.keys import Scope, create_key
from api.workspace import Workspace
from pricing.book import Decision, Listing, Proposal, Provenance, Verdict
from pricing.demand import Evidence, Identification
from pricing.law import NO_LAW
from pricing.model import Ladder, Offer
from pricing.outcome import Gain, Outcome
from pricing.policy import Policy

FAIRFARE = ("-c", "from api.cli import main; main()")
ONE, MANY = Decimal(1), 10**6
WIDE = Policy(step=ONE, weak_step=ONE, daily_cap=ONE, cumulative_cap=ONE, band=Decimal(99), breaker_least=MANY)
"""Lets every price move each time: what is measured is the way, not the rails."""
OFFERS, CONNECTIONS = 200, 16
DUE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: when it was due, sent and there (seconds of one clock, and the wall clock's when sent)."""

    due: float
    done: float
    wall: float
    status: int
    body: bytes


def shop(folder: Path, database: str | None) -> Workspace:
    """A workspace with prices and nothing else."""
    place = Workspace.create(folder, default_text(database=database))
    ladder = Ladder.of(["10.00", "11.00", "12.00"], "EUR")
    offers = [Offer(f"offer-{i}", "p", "EUR", ladder, ladder[0], ladder[2], ladder[0]) for i in range(OFFERS)]
    place.book.import_offers(map(Listing, offers), by="bench", now=utc_now())
    return place


def demo(folder: Path) -> Workspace:
    """The demo's workspace: a history that can be fitted, and prices published."""
    command = [sys.executable, *FAIRFARE, "demo", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  # our own
    return Workspace.open(folder)


@contextlib.contextmanager
def serving(place: Workspace, workers: int) -> Iterator[Server]:
    """`fairfare serve` on it."""
    engine, port = open_database(place.database), free_port()
    key = create_key(engine, {Scope.PRICES_READ}, holder="shop", by="bench", now=utc_now())
    options = ("--workspace", str(place.root), "--port", str(port), "--workers", str(workers))
    with running(*FAIRFARE, "serve", *options) as process:
        server = Server(port, process, {"Authorization": f"Bearer {key}"})
        connect(server).close()
        time.sleep(2)  # every worker is up
        yield server


def move(book: PriceBook) -> int:
    """Publish another price of every offer; returns the version."""
    now = utc_now()
    prices = {price.key: price for price in book.prices_in_force(now)}
    decisions = tuple(decide(each.offer, prices[key].price) for key, each in book.listings().items())
    made_from = Provenance("bench", "bench", "bench", sales_until=now, fitted_at=now)
    proposal = Proposal(f"bench-{book.version()}", "ann", now, now + DUE, made_from, decisions, book.version())
    book.propose(proposal)
    book.approve(proposal.id, by="bob", now=now)
    return book.publish(proposal.id, by="bob", now=utc_now(), policy=WIDE, law=NO_LAW)


def decide(offer: Offer, price: Decimal) -> Decision:
    """One step up from where one step down led, and the other way round."""
    steps = [step for step in offer.ladder if offer.floor <= step <= offer.ceiling]
    at = steps.index(price)
    other = steps[at + 1 if at % 2 == 0 and at + 1 < len(steps) else at - 1]
    outcome = Outcome(other, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    return Decision(
        offer=offer.id, channel=offer.channel, currency=offer.currency, in_force=price, wanted=other, allowed=other,
        floor=offer.floor, ceiling=offer.ceiling, ladder=offer.ladder, verdict=Verdict.MOVE, reasons=("a benchmark",),
        evidence=Evidence(Identification.IDENTIFIED, -1.5, 0.1, "a benchmark", "none"), now=outcome, then=outcome,
        gain=Gain(1.0, 1.0, 1.0, 0.0),
    )  # fmt: skip


def ask(server: Server, offers: list[str], *, rate: int, seconds: float, meanwhile: Callable[[], object]) -> list[Seen]:
    """Ask for prices at a steady rate over several connections, each in a thread of its own."""
    found: list[Seen] = []
    start, total = time.perf_counter() + 0.5, int(rate * seconds)

    def one(first: int) -> None:
        connection = connect(server)
        for i in range(first, total, CONNECTIONS):
            due = start + i / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            wall, status, body = time.time(), 0, b""
            try:
                connection.request("GET", f"/v1/prices/{quote(offers[i % len(offers)])}", headers=server.headers)
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
            found.append(Seen(due, time.perf_counter(), wall, status, body))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    meanwhile()
    for thread in threads:
        thread.join()
    return found


def judge(found: list[Seen], place: Workspace) -> dict[str, float]:
    """Hold every answer against the book."""
    book, listings = place.book, place.book.listings()
    past = [row for offer in {offer for offer, _ in listings} for row in book.history(offer)]
    rows = {(row.offer, row.channel, row.version): row for row in past}
    wrong, lags = dict.fromkeys(("errors", "torn", "out_of_bounds", "early", "stale"), 0), [0.0]
    for seen in found:
        if seen.status != http.client.OK:
            wrong["errors"] += 1
            continue
        said = json.loads(seen.body)
        row = rows.get((said["offer"], said["channel"], said["version"]))
        sold = listings[said["offer"], said["channel"]].offer
        wrong["torn"] += row is None or (str(row.price), row.currency) != (said["price"], said["currency"])
        wrong["out_of_bounds"] += not sold.floor <= Decimal(said["price"]) <= sold.ceiling
        wrong["stale"] += said["stale"]
        if row is not None:
            asked = datetime.fromtimestamp(seen.wall, UTC)
            wrong["early"] += row.valid_from > asked + timedelta(seconds=seen.done - seen.due)
            lags.append((asked - (row.valid_until or asked)).total_seconds() * 1e3)
    waits = [(seen.done - seen.due) * 1e3 for seen in found]
    cuts = statistics.quantiles(waits, n=1000)
    quick = {"p50_ms": cuts[499], "p99_ms": cuts[989], "p999_ms": cuts[998], "max_ms": max(waits)}
    over = max(seen.done for seen in found) - min(seen.due for seen in found)
    return {
        **wrong,
        **{name: round(value, 3) for name, value in quick.items()},
        "lag_ms": round(max(lags), 1),
        "requests": len(found),
        "per_second": round(len(found) / over, 1),
    }


def busy(place: Workspace, *, seconds: float, publications: int) -> dict[str, float]:
    """Fit again and again and publish in processes of their own; what came of it."""
    end, fits, before = time.monotonic() + seconds, 0, place.book.version()
    publishing = ("--publish", str(publications), "--every", str(seconds / (publications + 1)), "--in", str(place.root))
    with running(__file__, *publishing):
        while (left := end - time.monotonic()) > 0:
            fit = [sys.executable, *FAIRFARE, "fit", "--workspace", str(place.root)]
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(fit, check=True, timeout=left, capture_output=True)  # noqa: S603  # our own
                fits += 1
    return {"fits": fits, "publications": place.book.version() - before}


@contextlib.contextmanager
def postgresql() -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """A server of its own, as the tests have it: its database, how to stop it, how to start it again."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.api.store.postgres import Server as Postgres  # noqa: PLC0415  # only where it is wanted

    server = Postgres.start()
    try:
        yield server.new_database(), server.halt, server.resume
    finally:
        server.stop()


@contextlib.contextmanager
def book_on(folder: Path, *, on_postgresql: bool) -> Iterator[tuple[Workspace, Callable[[], None], Callable[[], None]]]:
    """A workspace, how to take its database away, and how to bring it back."""
    if on_postgresql:
        with postgresql() as (url, halt, resume):
            yield shop(folder, url), halt, resume
        return
    place, away = shop(folder, None), folder / "away"
    away.mkdir()

    def shift(source: Path, target: Path) -> None:
        for file in source.glob("prices.db*"):
            shutil.move(file, target / file.name)

    yield place, lambda: shift(folder, away), lambda: shift(away, folder)


def load(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Steady load beside fits and publications."""
    place, did = demo(folder), dict[str, float]()
    with serving(place, options.workers) as server:
        offers = sorted({offer for offer, _ in place.book.listings()})
        before = processor_seconds(server.process)
        went = ask(server, offers, rate=options.rate, seconds=options.seconds, meanwhile=lambda: did.update(
            busy(place, seconds=options.seconds, publications=options.publications)))  # fmt: skip
        used = processor_seconds(server.process) - before
    return judge(went, place) | did | {"cpu_us": round(used / len(went) * 1e6, 1)}


def outage(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Steady load while the database goes and comes back."""
    with book_on(folder, on_postgresql=options.postgresql) as (place, take, give):
        with serving(place, options.workers) as server:
            offers = [offer for offer, _ in place.book.listings()]

            def gone() -> None:
                time.sleep(5)
                take()
                time.sleep(options.outage)
                give()

            went = ask(server, offers, rate=options.rate, seconds=options.outage + 15, meanwhile=gone)
            fresh = not json.loads(went[-1].body)["stale"]
        return judge(went, place) | {"outage_seconds": options.outage, "fresh_at_the_end": fresh}


def visible(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """From the end of a publication until every worker gives its price; each is a server of its own, to be asked."""
    with book_on(folder, on_postgresql=options.postgresql) as (place, _, _), contextlib.ExitStack() as stack:
        servers = [stack.enter_context(serving(place, 1)) for _ in range(options.workers)]
        book, offer, waits = place.book, next(iter(place.book.listings()))[0], []
        asked = [(connect(server), server) for server in servers]
        for i in range(options.visible):
            time.sleep(0.37 + i % 7 / 10)  # at any moment between two looks
            version, committed, behind = move(book), time.perf_counter(), asked
            while behind := [each for each in behind if version_of(*each, offer) < version]:
                time.sleep(0.005)
            waits.append((time.perf_counter() - committed) * 1e3)
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return {
        "p50_ms": round(cuts[49]),
        "p99_ms": round(cuts[98]),
        "max_ms": round(max(waits)),
        "publications": len(waits),
    }


def version_of(connection: http.client.HTTPConnection, server: Server, offer: str) -> int:
    """Which publication set the price that is served."""
    connection.request("GET", f"/v1/prices/{offer}", headers=server.headers)
    return int(json.loads(connection.getresponse().read())["version"])


def publish(place: Workspace, times: int, every: float) -> None:
    """Publish again and again, at times that were set before."""
    start = time.monotonic()
    for i in range(1, times + 1):
        time.sleep(max(0.0, start + i * every - time.monotonic()))
        move(place.book)


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=500, help="requests a second")
    parser.add_argument("--seconds", type=int, default=60, help="how long")
    parser.add_argument("--publications", type=int, default=20, help="how many meanwhile")
    parser.add_argument("--workers", type=int, default=1, help="of the server")
    parser.add_argument("--outage", type=int, metavar="S", help="take the database away for so long [seconds]")
    parser.add_argument("--visible", type=int, metavar="N", help="publish so many times")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite, with --outage or --visible")
    parser.add_argument("--publish", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--every", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--in", dest="place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.publish:
        publish(Workspace.open(options.place), options.publish, options.every)
        return
    kind = outage if options.outage else visible if options.visible else load
    with tempfile.TemporaryDirectory() as root:
        found = kind(Path(root) / "shop", options)
    database = "postgresql" if options.postgresql else "sqlite"
    about = {"benchmark": "serve", "kind": kind.__name__, "database": database, "workers": options.workers}
    print(json.dumps(about | found))


if __name__ == "__main__":
    main()
