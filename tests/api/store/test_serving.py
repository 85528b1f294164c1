"""What is served changes when the book says so: not before, not later, not twice, whatever clocks and databases do."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from api.app import create_app
from api.cli.options import parse_instant
from api.clock import PATIENCE
from api.served.feeds import Form
from api.served.follower import Follower
from api.served.snapshot import SNAPSHOT_NAME
from api.settings import default_text
from api.store.book import PriceBook
from api.store.database import DATABASE_NAME, open_database
from api.store.keys import Scope, create_key
from api.workspace import Workspace
from tests.api.clocks import Machine
from tests.api.store.book_kit import (
    DAY,
    IDS,
    LISTINGS,
    NOW,
    POLICY,
    Home,
    book_with_prices,
    decision,
    place_in,
    proposal,
    put_in_force,
)
from tests.api.store.postgres import Server

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
BEGINS = NOW + HOUR
OLD, NEW = "10.00", "11.00"


@dataclass
class Shop:
    """A served price book, on a machine whose clock may be set."""

    home: Home
    folder: Path
    book: PriceBook
    machine: Machine
    follower: Follower
    key: str

    @classmethod
    def at(cls, home: Home, folder: Path, machine: Machine | None = None) -> "Shop":
        """A book with three prices, just served."""
        book = book_with_prices(home)
        engine = open_database(place_in(home))
        key = create_key(engine, {Scope.PRICES_READ}, holder="shop", by="ann", now=NOW)
        return cls._on(home, folder, book, machine or Machine(), key)

    @classmethod
    def _on(cls, home: Home, folder: Path, book: PriceBook, machine: Machine, key: str) -> "Shop":
        follower = Follower(place_in(home), folder / SNAPSHOT_NAME, clock=machine.clock())
        follower.refresh()
        return cls(home, folder, book, machine, follower, key)

    def schedule(self, begins: datetime = BEGINS) -> int:
        """Publish another price of the first offer, from an instant on."""
        name = f"p{self.book.version()}"
        self.book.propose(proposal(decision(), name=name, base=self.book.version()))
        self.book.approve(name, by="bob", now=NOW)
        return put_in_force(self.book, name, begins=begins)

    def again(self) -> "Shop":
        """The same after the server was started again."""
        return self._on(self.home, self.folder, self.book, self.machine, self.key)

    def get(self, path: str, known: str = "") -> TestResponse:
        """Ask over HTTP."""
        headers = {"Authorization": f"Bearer {self.key}"} | ({"If-None-Match": known} if known else {})
        return create_app(self.follower, now=self.follower.now).test_client().get(path, headers=headers)

    def json(self, path: str) -> Any:
        """The JSON of an answer."""
        response = self.get(path)
        assert response.status_code == 200, response.text
        return response.get_json()

    def price(self) -> str:
        """What the first offer costs."""
        entry = self.follower.current().snapshot.find(IDS[0], None)
        assert entry is not None
        return str(json.loads(bytes(entry.price))["price"])


@pytest.fixture
def shop(home: Home, tmp_path: Path) -> Shop:
    """On each database."""
    return Shop.at(home, tmp_path)


def everywhere(shop: Shop) -> set[str]:
    """The price of the first offer, wherever it is said."""
    path = f"/v1/prices/{IDS[0]}"
    found = [shop.json(path), shop.json(f"{path}?channel=all"), shop.json(f"{path}/explanation")]
    said = {item["price"] for item in [*found, *shop.json("/v1/prices?segment=adult")["items"]]}
    feeds = [shop.get(f"/v1/feeds/{form}").text for form in Form]
    return said | {NEW if NEW in feed else OLD for feed in feeds}


def test_a_price_begins_at_its_instant_everywhere(shop: Shop) -> None:
    """A microsecond before it the old one is served, at it the new one: price, list, explanation and feeds."""
    shop.schedule()
    shop.follower.refresh()
    assert shop.json(f"/v1/prices/{IDS[0]}")["valid_until"] == "2026-03-02T10:30:00Z"
    shop.machine.wait(HOUR - TICK)
    assert everywhere(shop) == {OLD}
    shop.machine.wait(TICK)
    assert everywhere(shop) == {NEW}
    answer = shop.json(f"/v1/prices/{IDS[0]}")
    assert (answer["version"], answer["valid_from"], answer["valid_until"]) == (2, "2026-03-02T10:30:00Z", None)
    assert shop.json(f"/v1/prices/{IDS[0]}/explanation")["reasons"] == ["because 11.00 earns more"]


@pytest.mark.parametrize("path", [f"/v1/prices/{IDS[0]}", "/v1/prices", "/v1/feeds/prices.csv"])
def test_an_etag_ends_with_the_price_it_stands_for(shop: Shop, path: str) -> None:
    """Nothing is sent again until the price begins, and then it is, with nobody looking at the database."""
    shop.schedule()
    shop.follower.refresh()
    tag = shop.get(path).headers["ETag"]
    shop.machine.wait(HOUR - TICK)
    assert shop.get(path, known=tag).status_code == 304
    shop.machine.wait(TICK)
    assert shop.get(path, known=tag).status_code == 200


@contextmanager
def gone(home: Home, postgres: Callable[[], Server]) -> Iterator[None]:
    """For a while there is no database."""
    if isinstance(home, str):
        (server := postgres()).halt()
        yield
        server.resume()
        return
    files = [home / f"{DATABASE_NAME}{ending}" for ending in ("", "-wal", "-shm")]
    moved = [(file, shutil.move(file, file.with_name(f"away-{file.name}"))) for file in files if file.exists()]
    yield
    for file, place in moved:
        shutil.move(place, file)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Callable[[], Server]:
    """The PostgreSQL server, where a test runs on it."""
    return lambda: request.getfixturevalue("postgres")


def test_a_price_begins_without_the_database(shop: Shop, server: Callable[[], Server]) -> None:
    """Flagged stale; also where serving starts without it, before or after the instant."""
    shop.schedule()
    shop.follower.refresh()
    with gone(shop.home, server), capture_logs():
        shop.follower.refresh()
        again = shop.again()
        assert (shop.price(), again.price()) == (OLD, OLD)
        shop.machine.wait(HOUR)
        late = shop.again()
        for each in (shop, again, late):
            assert (each.price(), each.follower.current().stale) == (NEW, True)
    shop.follower.refresh()
    assert (shop.price(), shop.follower.current().stale) == (NEW, False)


def test_a_price_that_has_begun_does_not_end_because_a_clock_is_set_back(
    shop: Shop, server: Callable[[], Server]
) -> None:
    """Not in this server, nor in one that is started then with the database down; nor when that is back."""
    shop.schedule()
    shop.follower.refresh()
    shop.machine.wait(HOUR)
    shop.follower.refresh()
    shop.machine.jump(-2 * HOUR)
    with capture_logs():
        with gone(shop.home, server):
            shop.follower.refresh()
            again = shop.again()
            assert (shop.price(), again.price()) == (NEW, NEW)
        for each in (shop, again):
            each.follower.refresh()
            assert (each.price(), each.follower.current().stale) == (NEW, False)


@pytest.mark.parametrize("step", ["rollback", "freeze"])
def test_a_price_that_was_taken_back_never_begins(shop: Shop, step: str) -> None:
    """Seen at the next look; the price in force goes on."""
    version = shop.schedule()
    shop.follower.refresh()
    if step == "rollback":
        shop.book.rollback(version, by="bob", now=NOW + TICK, policy=POLICY)
    else:
        shop.book.freeze(by="bob", now=NOW + TICK, reason="a promise")
    shop.follower.refresh()
    assert shop.json(f"/v1/prices/{IDS[0]}")["valid_until"] is None
    shop.machine.wait(2 * HOUR)
    assert shop.price() == OLD


def test_a_publication_dated_by_a_clock_ahead_is_served_at_once(shop: Shop) -> None:
    """Another machine's clock is a minute ahead: what it published has happened."""
    ahead = NOW + timedelta(minutes=1)
    shop.book.propose(proposal(decision(), name="p", base=1))
    shop.book.approve("p", by="bob", now=ahead)
    put_in_force(shop.book, "p", at=ahead)
    shop.follower.refresh()
    assert shop.price() == NEW
    shop.machine.wait(HOUR)
    shop.follower.refresh()
    assert shop.follower.now() == shop.machine.wall


jumps = st.sampled_from([DAY, -HOUR, -DAY, HOUR, 30 * DAY, timedelta(seconds=-90), timedelta(minutes=70)])


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A book with a price that begins later; on one database, as nothing is asked of it that depends on which."""
    folder = tmp_path_factory.mktemp("scheduled")
    shop = Shop.at(folder, folder)
    shop.schedule()
    return shop


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(jumps, st.integers(1, int(PATIENCE) - 1), st.integers(0, 1200)), max_size=12), st.booleans())
def test_no_jump_brings_a_price_early_late_or_twice(
    scheduled: Shop, tmp_path_factory: pytest.TempPathFactory, made: list[tuple[timedelta, int, int]], looking: bool
) -> None:
    """The wall clock is set wrong again and again and right again: every answer is what the true time demands."""
    shop = replace(scheduled, folder=tmp_path_factory.mktemp("jumps"), machine=Machine()).again()
    true = NOW
    with capture_logs():
        for jump, wrong, right in made:
            for delta, seconds in ((jump, wrong), (-jump, right)):
                shop.machine.jump(delta)
                for part in (seconds // 2, seconds - seconds // 2):
                    shop.machine.wait(timedelta(seconds=part))
                    true += timedelta(seconds=part)
                    if looking:
                        shop.follower.refresh()
                    assert shop.price() == (OLD if true < BEGINS else NEW)


LOCAL = {
    "Berlin, the night before clocks go forward": ("2026-03-28T02:30:00+01:00", "2026-03-28T01:30:00"),
    "Berlin, clocks go forward, as if they had not": ("2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00"),
    "Berlin, clocks go forward, as if they had already": ("2026-03-29T02:30:00+02:00", "2026-03-29T00:30:00"),
    "Berlin, the night after": ("2026-03-30T02:30:00+02:00", "2026-03-30T00:30:00"),
    "Berlin, clocks go back, the first 02:30": ("2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00"),
    "Berlin, clocks go back, the second 02:30": ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00"),
    "New York, clocks go forward, as if they had not": ("2026-03-08T02:30:00-05:00", "2026-03-08T07:30:00"),
    "New York, clocks go forward, as if they had already": ("2026-03-08T02:30:00-04:00", "2026-03-08T06:30:00"),
    "New York, clocks go back, the second 01:30": ("2026-11-01T01:30:00-05:00", "2026-11-01T06:30:00"),
    "New York, clocks go back, 02:30": ("2026-11-01T02:30:00-05:00", "2026-11-01T07:30:00"),
}


@pytest.fixture
def machine_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put this machine into a time zone."""

    def put(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("written", "instant"), LOCAL.values(), ids=LOCAL)
def test_a_price_scheduled_in_local_time_begins_then_whatever_clocks_do_that_night(
    tmp_path: Path, machine_in: Callable[[str], None], written: str, instant: str
) -> None:
    """Sent with the offset of its zone, on a server whose own zone changes its clocks that night; not twice either."""
    machine_in("Europe/Berlin" if written[-5] in "12" else "America/New_York")
    begins = datetime.fromisoformat(f"{instant}+00:00")
    assert parse_instant(written) == begins, "as `fairfare publish --at` reads it"
    now = begins - 20 * HOUR
    place = Workspace.create(tmp_path, default_text())
    place.book.import_offers(LISTINGS, by="ann", now=now)
    key = create_key(open_database(place.database), {Scope.ADMIN}, holder="bob", by="ann", now=now)
    follower = Follower(place.database, tmp_path / SNAPSHOT_NAME, clock=(machine := Machine(now)).clock())
    follower.refresh()
    shop = Shop(tmp_path, tmp_path, place.book, machine, follower, key)
    place.book.propose(proposal(decision(), at=now))
    place.book.approve("p1", by="bob", now=now)
    app = create_app(follower, root=tmp_path, now=follower.now, refresh=follower.refresh)
    sent = app.test_client().post(
        "/v1/publications", json={"proposal": "p1", "effective_at": written}, headers={"Authorization": f"Bearer {key}"}
    )
    assert sent.status_code == 201, sent.text
    seen = []
    for minutes in (19 * 60 - 30, 60, 29, 1, 30, 30, 60, 24 * 60):
        machine.wait(timedelta(minutes=minutes))
        follower.refresh()
        seen.append((follower.now() < begins, shop.price()))
    assert seen == [(True, OLD)] * 3 + [(False, NEW)] * 5
    assert shop.json(f"/v1/prices/{IDS[0]}")["valid_from"] == f"{instant}Z"
