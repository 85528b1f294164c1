"""GET one price: `fairfare serve` against gunicorn with plain Flask, with the machine's cores kept busy.

Prints one JSON line. `cpu_us` is the server's own processor time per request, measured on a quiet machine; `p50_ms`
and `p99_ms` are what a client sees at a steady rate while one CPU-bound process per core runs beside. Linux only;
without gunicorn only ours is measured.
"""

import argparse
import contextlib
import http.client
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from flask import Flask, Response, jsonify, request

from api.clock import utc_now
from api.settings import FILE
from api.store.book import PriceBook
from api.store.database import DATABASE_NAME, open_database
from api.store.keys import Scope, create_key
from api.store.migrations import upgrade
from pricing.book import Listing
from pricing.model import Ladder, Offer

OFFERS = 1_000
WARM_UP = 300
CLOSED_LOOP = 4_000
"""Requests sent one after another to measure processor time."""
BUSY = "import time\nend = time.monotonic() + 300\nwhile time.monotonic() < end: sum(range(100_000))"


@dataclass(frozen=True)
class Server:
    """A server that is up: where, as which process, and how it is asked."""

    port: int
    process: int
    headers: dict[str, str]


def peer() -> Flask:
    """What one would write in a minute: a dictionary, a key, and jsonify."""
    app = Flask("peer")
    prices = {
        f"offer-{i}": {"offer": f"offer-{i}", "price": "11.00", "currency": "EUR", "version": 2, "stale": False}
        for i in range(OFFERS)
    }

    @app.get("/v1/prices/<offer>")
    def price(offer: str) -> Response | tuple[Response, int]:
        if request.headers.get("Authorization") != "Bearer peer":
            return jsonify(error="no key"), 401
        return jsonify(prices[offer])

    return app


def make_workspace(folder: Path) -> str:
    """A price book with an approved and published price per offer; returns a key."""
    engine = open_database(folder / DATABASE_NAME)
    upgrade(engine)
    ladder = Ladder((Decimal("10.00"), Decimal("11.00")))
    offers = [Offer(f"offer-{i}", "p", "EUR", ladder, ladder[0], ladder[1], ladder[1]) for i in range(OFFERS)]
    PriceBook(engine).import_offers(map(Listing, offers), by="bench", now=utc_now())
    return create_key(engine, {Scope.PRICES_READ}, holder="shop", by="ann", now=utc_now())


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(*command: str) -> Iterator[int]:
    """A process, ended afterwards."""
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL) as process:  # noqa: S603  # our own
        try:
            yield process.pid
        finally:
            process.terminate()


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[Server]:
    """`fairfare serve` on a workspace."""
    key, port = make_workspace(folder), free_port()
    main = "from api.cli import main; main()"
    with running("-c", main, "serve", "--workspace", str(folder), "--port", str(port)) as process:
        yield Server(port, process, {"Authorization": f"Bearer {key}"})


@contextlib.contextmanager
def theirs() -> Iterator[Server | None]:
    """The peer on gunicorn, with the threads that ours has; None where gunicorn is not installed."""
    if importlib.util.find_spec("gunicorn") is None:
        yield None
        return
    port = free_port()
    options = ["--worker-class", "gthread", "--threads", "4", "--bind", f"127.0.0.1:{port}", "--log-level", "error"]
    command = ["-m", "gunicorn", "--chdir", str(Path(__file__).parent), *options, "bench_price_read:peer()"]
    with running(*command) as process:
        yield Server(port, process, {"Authorization": "Bearer peer"})


def connect(server: Server) -> http.client.HTTPConnection:
    """A connection, as soon as the server answers (within 30 s)."""
    end = time.monotonic() + 30
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        try:
            connection.connect()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return connection


def get(connection: http.client.HTTPConnection, server: Server, i: int) -> bool:
    """Ask for one price; whether the answer is the price asked for."""
    connection.request("GET", f"/v1/prices/offer-{i % OFFERS}", headers=server.headers)
    answer = connection.getresponse()
    return answer.status == http.client.OK and json.loads(answer.read())["offer"] == f"offer-{i % OFFERS}"


def processor_seconds(process: int) -> float:
    """Processor time of a process and its children so far [seconds]."""
    ticks, children = 0, [process]
    while children:
        pid = children.pop()
        with contextlib.suppress(FileNotFoundError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            for task in Path(f"/proc/{pid}/task").iterdir():
                children += map(int, (task / "children").read_text().split())
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(server: Server, *, rate: int, seconds: int) -> dict[str, float]:
    """Processor time per request, then latency at a steady rate with all cores busy."""
    connection = connect(server)
    errors = sum(not get(connection, server, i) for i in range(WARM_UP))
    before = processor_seconds(server.process)
    errors += sum(not get(connection, server, i) for i in range(CLOSED_LOOP))
    used = processor_seconds(server.process) - before
    with contextlib.ExitStack() as busy:
        for _ in range(os.cpu_count() or 1):
            busy.enter_context(running("-c", BUSY))
        start, latencies = time.perf_counter(), []
        for i in range(rate * seconds):
            time.sleep(max(0.0, start + i / rate - time.perf_counter()))
            sent = time.perf_counter()
            errors += not get(connection, server, i)
            latencies.append((time.perf_counter() - sent) * 1e3)
        achieved = len(latencies) / (time.perf_counter() - start)
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "cpu_us": round(used / CLOSED_LOOP * 1e6, 1),
        "p50_ms": round(cuts[49], 3),
        "p99_ms": round(cuts[98], 3),
        "max_ms": round(max(latencies), 3),
        "per_second": round(achieved, 1),
        "requests": CLOSED_LOOP + len(latencies),
        "errors": errors,
    }


def main() -> None:
    """Measure both sides and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=500, help="requests a second")
    parser.add_argument("--seconds", type=int, default=8, help="how long, for each side")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_text("requests_per_second = 100000\n", encoding="utf-8")
        with ours(Path(folder)) as server:
            us = measure(server, rate=options.rate, seconds=options.seconds)
    answer: dict[str, object] = {"benchmark": "price_read", "fairfare": us}
    with theirs() as other:
        if other is not None:
            them = measure(other, rate=options.rate, seconds=options.seconds)
            answer |= {"gunicorn_flask": them, "cpu_ratio": round(us["cpu_us"] / them["cpu_us"], 2)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
