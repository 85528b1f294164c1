"""Two workers of `fairfare serve`, asked from another process while prices are published and the database goes away."""

import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from api.clock import utc_now
from api.settings import default_text
from api.store.database import open_database
from api.store.keys import Scope, create_key
from api.workspace import Workspace
from pricing.law import NO_LAW
from tests.api.served.test_metrics import value
from tests.api.store.book_kit import IDS, LISTINGS, NOW, POLICY, Home, decision, proposal
from tests.api.store.postgres import Server
from tests.api.store.test_serving import gone
from tests.api.test_serve import serving

OUTAGE = float(os.environ.get("FAIRFARE_OUTAGE", "3"))
"""How long the database is gone [seconds]; benchmarks/bench_serve.py does it for minutes."""
RATE = 100


@dataclass
class Client:
    """Asks for the first price all the time, at a steady rate; keeps what came."""

    address: str
    key: str
    answers: list[tuple[int, str, bool]] = field(default_factory=list)

    def connection(self) -> http.client.HTTPConnection:
        """A connection of its own."""
        return http.client.HTTPConnection(self.address, timeout=10)

    def ask(self, connection: http.client.HTTPConnection) -> tuple[int, str, bool]:
        """Status, price, and whether it is stale."""
        connection.request("GET", f"/v1/prices/{IDS[0]}", headers={"Authorization": f"Bearer {self.key}"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        return answer.status, said.get("price", ""), said.get("stale", False)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask in the background."""
        stopped = threading.Event()

        def run() -> None:
            connection, start, i = self.connection(), time.monotonic(), 0
            while not stopped.wait(max(0.0, start + i / RATE - time.monotonic())):
                self.answers.append(self.ask(connection))
                i += 1
            connection.close()

        (thread := threading.Thread(target=run)).start()
        yield
        stopped.set()
        thread.join()

    def until(self, name: str, wanted: float) -> float:
        """How long it takes until a figure, the worst of all workers, is what is wanted [seconds]."""
        connection, start = self.connection(), time.monotonic()
        while True:
            connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {self.key}"})
            said = connection.getresponse().read()
            if value(said, name) == wanted:
                connection.close()
                return time.monotonic() - start
            assert time.monotonic() < start + 20, said.decode()
            time.sleep(0.01)


def publish(place: Workspace, price: str, now: str) -> None:
    """Propose, approve and publish, as of now."""
    at, book = utc_now(), place.book
    book.propose(proposal(decision(price=price, now=now), name=price, base=book.version(), at=at))
    book.approve(price, by="bob", now=at)
    book.publish(price, by="bob", now=utc_now(), policy=POLICY, law=NO_LAW)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Callable[[], Server]:
    """The PostgreSQL server, where a test runs on it."""
    return lambda: request.getfixturevalue("postgres")


def test_each_worker_follows_within_two_seconds_and_none_fails_while_the_database_is_gone(
    home: Home, server: Callable[[], Server], tmp_path: Path
) -> None:
    """No answer of any status but 200 at 100 a second; stale while it is gone, right and fresh after it is back."""
    folder = home if isinstance(home, Path) else tmp_path
    place = Workspace.create(folder, default_text(database=None if isinstance(home, Path) else home))
    place.book.import_offers(LISTINGS, by="ann", now=NOW)
    key = create_key(open_database(place.database), {Scope.PRICES_READ}, holder="shop", by="ann", now=NOW)
    with serving(folder, "--workers", "2") as url:
        client = Client(url.removeprefix("http://"), key)
        client.until("fairfare_stale", 0)
        with client.asking():
            publish(place, "11.00", "10.00")
            assert client.until("fairfare_book_version", 2) < 2
            before = len(client.answers)
            with gone(home, server):
                assert client.until("fairfare_stale", 1) < 2
                time.sleep(OUTAGE)
                while_gone = client.answers[before:]
            assert client.until("fairfare_stale", 0) < 2
            publish(place, "12.00", "11.00")
            assert client.until("fairfare_book_version", 3) < 2
    assert {status for status, _, _ in client.answers} == {200}
    assert {price for _, price, _ in while_gone} == {"11.00"}
    assert len(while_gone) > RATE * OUTAGE * 0.8
    assert sum(stale for _, _, stale in while_gone) > RATE * OUTAGE * 0.5
