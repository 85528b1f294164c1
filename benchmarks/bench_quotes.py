"""POST 100 quotes: `fairfare serve` against gunicorn with plain Flask, which looks the prices up and invents ids.

Prints one JSON line. `cpu_us` is the server's own processor time per request of 100 quotes, the median over rounds that
alternate between the two; `p50_ms` is what the client waits, one request after another. Ours signs each quote, so that
every worker knows it; the peer's are known to one process only. Linux only; without gunicorn only ours is measured.
"""

import argparse
import contextlib
import http.client
import importlib.util
import json
import random
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench_price_read import OFFERS, Server, connect, free_port, ours, processor_seconds, running
from flask import Flask, Response, jsonify, request

from api.settings import FILE

BATCH = 100
WARM_UP, REQUESTS, ROUNDS = 200, 1000, 5
LASTING = 15 * 60
"""How long the peer's quotes last [seconds]."""


def peer() -> Flask:
    """What one would write in a few minutes: two dictionaries, a key, and jsonify."""
    app = Flask("peer")
    prices = {
        f"offer-{i}": {
            "offer": f"offer-{i}",
            "channel": "all",
            "price": "11.00",
            "currency": "EUR",
            "total_price": "11.00",
            "fees": [],
            "disclosures": [],
            "version": 2,
            "stale": False,
        }
        for i in range(OFFERS)
    }
    quotes: dict[str, dict[str, object]] = {}

    @app.post("/v1/quotes")
    def quote() -> Response | tuple[Response, int]:
        if request.headers.get("Authorization") != "Bearer peer":
            return jsonify(error="no key"), 401
        expires_at = int(time.time()) + LASTING
        made = [
            {"id": secrets.token_urlsafe(24), "expires_at": expires_at, **prices[item["offer"]]}
            for item in request.get_json()["items"]
        ]
        quotes.clear()  # a real one would have to keep them; here they must not grow
        quotes.update((str(each["id"]), each) for each in made)
        return jsonify(items=made)

    return app


@contextlib.contextmanager
def theirs() -> Iterator[Server | None]:
    """The peer on gunicorn, with the threads that ours has; None where gunicorn is not installed."""
    if importlib.util.find_spec("gunicorn") is None:
        yield None
        return
    port = free_port()
    options = ["--worker-class", "gthread", "--threads", "4", "--bind", f"127.0.0.1:{port}", "--log-level", "error"]
    command = ["-m", "gunicorn", "--chdir", str(Path(__file__).parent), *options, "bench_quotes:peer()"]
    with running(*command) as process:
        yield Server(port, process, {"Authorization": "Bearer peer"})


def post(connection: http.client.HTTPConnection, server: Server, body: bytes) -> bool:
    """Ask for quotes; whether they came."""
    headers = {**server.headers, "Content-Type": "application/json"}
    connection.request("POST", "/v1/quotes", body=body, headers=headers)
    answer = connection.getresponse()
    return len(json.loads(answer.read()).get("items", ())) == BATCH


class Side:
    """One of the two, and what was measured of it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cpu_us: list[float] = []
        self.latencies: list[float] = []
        connection = connect(server)
        self.errors = sum(not post(connection, server, body) for body in bodies(WARM_UP))

    def measure(self) -> None:
        """One round."""
        asked, connection = bodies(REQUESTS), connect(self.server)
        before = processor_seconds(self.server.process)
        for body in asked:
            sent = time.perf_counter()
            self.errors += not post(connection, self.server, body)
            self.latencies.append((time.perf_counter() - sent) * 1e3)
        self.cpu_us.append((processor_seconds(self.server.process) - before) / REQUESTS * 1e6)

    def told(self) -> dict[str, float]:
        """The figures."""
        return {
            "cpu_us": round(statistics.median(self.cpu_us), 1),
            "p50_ms": round(statistics.median(self.latencies), 3),
            "requests": len(self.latencies),
            "errors": self.errors,
        }


def bodies(count: int) -> list[bytes]:
    """Carts of a hundred offers each, drawn at random."""
    draw = random.Random(count)  # noqa: S311  # not a secret
    names = [f"offer-{i}" for i in range(OFFERS)]
    return [
        json.dumps({"items": [{"offer": name} for name in draw.sample(names, BATCH)]}).encode() for _ in range(count)
    ]


def main() -> None:
    """Measure both sides and print one line."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / FILE).write_text("requests_per_second = 100000\n", encoding="utf-8")
        server, other = stack.enter_context(ours(folder)), stack.enter_context(theirs())
        us, them = Side(server), None if other is None else Side(other)
        for _ in range(ROUNDS):
            for side in filter(None, (us, them)):
                side.measure()
        answer: dict[str, object] = {"benchmark": "quotes", "fairfare": us.told()}
    if them is None:
        sys.stderr.write("gunicorn is not installed: only ours was measured\n")
    else:
        ratio = round(us.told()["cpu_us"] / them.told()["cpu_us"], 2)
        answer |= {"gunicorn_flask": them.told(), "cpu_ratio": ratio}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
