"""Whoever wants to know is told of every price that changes: at least once, in order, and provably by us."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy

import httpx
import pytest
from structlog.testing import capture_logs

from api.shops.addresses import Guard, GuardedTransport
from api.shops.credentials import Secret
from api.store.book import PriceBook
from api.store.database import DATABASE_NAME, open_database
from api.store.log import Entry
from api.store.migrations import upgrade
from api.webhooks import FIRST_WAIT, GIVE_UP, LONGEST_WAIT, Delivery, Endpoint, Outbox, is_event
from pricing.errors import InputError
from tests.api.store.book_kit import IDS, LISTINGS, NOW, POLICY, decision, publish

KEY = base64.b64encode(bytes(range(32))).decode()
ADDRESS = "https://hooks.example/T0/s3cret-path"
DAY = timedelta(days=1)


@dataclass
class Listener:
    """An endpoint: what it heard, and what it answers, in turn; 204 once it has said all that."""

    answers: list[int | Exception] = field(default_factory=list)
    heard: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Hear an event."""
        self.heard.append(request)
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, headers={"Location": "https://elsewhere.example/"})

    @property
    def versions(self) -> list[int]:
        """Of the book, as they were heard."""
        return [json.loads(request.content)["data"]["version"] for request in self.heard]


class Book:
    """A price book with its first offers, which are version 1."""

    def __init__(self, database: Path) -> None:
        self.book = PriceBook(open_database(database))

    def publish(self, price: str, was: str, *, at: datetime = NOW) -> None:
        """Publish one price."""
        publish(self.book, decision(IDS[0], price, now=was), name=f"p{price}", at=at)

    def entries(self, after: int) -> Sequence[Entry]:
        """What the log says beyond an entry, a few at a time."""
        return self.book.entries(after=after, limit=2)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a book at version 1, to be copied."""
    place = tmp_path_factory.mktemp("book") / DATABASE_NAME
    engine = open_database(place)
    upgrade(engine)
    PriceBook(engine).import_offers(LISTINGS, by="ann", now=NOW)
    engine.dispose()
    return place


@pytest.fixture
def book(tmp_path: Path, first: Path) -> Book:
    """A book at version 1."""
    return Book(Path(copy(first, tmp_path)))


def outbox(path: Path, listener: Callable[[httpx.Request], httpx.Response]) -> Outbox:
    """The outbox of one endpoint."""
    endpoint = Endpoint("till", ADDRESS, Secret(f"whsec_{KEY}"))
    return Outbox(endpoint, path / "webhooks" / "till.json", httpx.MockTransport(listener))


@dataclass
class Told:
    """An outbox that has begun, its book and who listens."""

    box: Outbox
    book: Book
    listener: Listener

    def deliver(self, after: timedelta = timedelta(0)) -> Delivery:
        """Tell what is due."""
        return self.box.deliver(self.book.entries, now=NOW + after)


@pytest.fixture
def told(tmp_path: Path, book: Book) -> Told:
    """An endpoint that has begun with version 1, and versions 2 and 3 to be told of."""
    made = Told(outbox(tmp_path, listener := Listener()), book, listener)
    assert made.deliver() == Delivery(0)
    book.publish("11.00", "10.00")
    book.publish("12.00", "11.00")
    return made


def test_every_publication_is_told_once_and_in_order(told: Told) -> None:
    """What was there before the endpoint is not told; steps that change no price are not either."""
    assert told.deliver() == Delivery(2)
    assert told.listener.versions == [2, 3]
    assert told.deliver() == Delivery(0)


def test_an_event_says_what_the_log_says(told: Told) -> None:
    """Offer, channel, price and when it begins; nobody's name and nothing of what was thought about it."""
    told.deliver()
    event = json.loads(told.listener.heard[0].content)
    (price,) = event["data"].pop("prices")
    assert event == {
        "type": "prices.changed",
        "timestamp": "2026-03-02T09:30:00+00:00",
        "data": {"entry": event["data"]["entry"], "change": "publish", "version": 2},
    }
    assert (price["offer"], price["channel"], price["price"], price["currency"]) == (IDS[0], "all", "11.00", "EUR")
    assert set(price) == {"offer", "channel", "currency", "price", "version", "valid_from"}


def test_a_rollback_is_told_too(told: Told) -> None:
    """It restores prices, so it changes them."""
    told.deliver()
    told.book.book.rollback(3, by="bob", now=NOW + timedelta(hours=1), policy=POLICY)
    told.deliver()
    last = json.loads(told.listener.heard[-1].content)["data"]
    assert (last["change"], last["version"], last["prices"][0]["price"]) == ("rollback", 4, "11.00")


def test_a_receiver_can_prove_who_sent_it(told: Told) -> None:
    """The signature is that of Standard Webhooks: over id, time and body, with the shared secret."""
    told.deliver(timedelta(seconds=7))
    request = told.listener.heard[0]
    name, sent = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    proof = hmac.new(base64.b64decode(KEY), f"{name}.{sent}.".encode() + request.content, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == "v1," + base64.b64encode(proof).decode()
    assert int(sent) == int(NOW.timestamp()) + 7
    assert len({each.headers["webhook-id"] for each in told.listener.heard}) == 2


@pytest.mark.parametrize("failure", [500, 404, 410, 302, httpx.ConnectError("no"), httpx.ReadTimeout("no")], ids=str)
def test_what_was_not_taken_is_sent_again_before_what_follows(told: Told, failure: int | Exception) -> None:
    """With the same id and body, after a wait; nothing overtakes it. A redirect is not followed."""
    told.listener.answers = [failure]
    assert told.deliver() == Delivery(0, NOW + FIRST_WAIT)
    assert told.deliver(FIRST_WAIT / 2) == Delivery(0, NOW + FIRST_WAIT)
    assert len(told.listener.heard) == 1
    assert told.deliver(FIRST_WAIT) == Delivery(2)
    assert told.listener.versions == [2, 2, 3]
    first, second, _ = told.listener.heard
    assert first.content == second.content
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_waits_double_up_to_an_hour(told: Told) -> None:
    """A dead endpoint is asked ever more rarely."""
    told.listener.answers = [500] * 14
    at, waits = NOW, list[timedelta]()
    while len(waits) < 14:
        again = told.deliver(at - NOW).again
        assert again is not None
        waits.append(again - at)
        at = again
    assert waits[:3] == [FIRST_WAIT, FIRST_WAIT * 2, FIRST_WAIT * 4]
    assert waits[-1] == LONGEST_WAIT
    assert len(told.listener.heard) == 14


def test_what_is_refused_for_a_day_is_kept_as_a_dead_letter_and_can_be_revived(told: Told) -> None:
    """What follows is told; the dead letter says which entry and why, and is sent once more on demand."""
    told.listener.answers = [500] * 5
    for hours in (0, 1, 2, 3):
        assert told.deliver(timedelta(hours=hours)).again
    given_up = told.deliver(GIVE_UP)
    assert (given_up.sent, [dead.reason for dead in given_up.dead]) == (1, ["answered 500"])
    assert told.listener.versions[-1] == 3
    told.listener.answers = [500]
    assert len(told.box.revive(told.book.entries, now=NOW + GIVE_UP).dead) == 1
    assert told.box.revive(told.book.entries, now=NOW + GIVE_UP) == Delivery(1)
    assert told.listener.versions[-1] == 2
    assert told.deliver(GIVE_UP * 2) == Delivery(0)


def test_an_event_is_tried_several_times_however_old_it_is(told: Told) -> None:
    """A worker that was off for a week does not give up what it never sent."""
    told.listener.answers = [500]
    assert told.deliver(7 * DAY) == Delivery(0, NOW + 7 * DAY + FIRST_WAIT)
    assert told.deliver(7 * DAY + FIRST_WAIT) == Delivery(2)


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("arrived", [False, True])
def test_a_kill_in_the_middle_loses_nothing(tmp_path: Path, told: Told, *, arrived: bool) -> None:
    """What may have arrived is sent again with its id; the next process goes on where this one was."""

    def dies(request: httpx.Request) -> httpx.Response:
        if arrived:
            told.listener(request)
        raise Killed

    with pytest.raises(Killed):
        outbox(tmp_path, dies).deliver(told.book.entries, now=NOW)
    assert told.deliver() == Delivery(2)
    assert told.listener.versions == [*([2] * arrived), 2, 3]
    assert len({request.headers["webhook-id"] for request in told.listener.heard}) == 2


def test_a_hostile_address_is_not_spoken_to(told: Told) -> None:
    """It waits like an endpoint that is down, and the reason is logged without the secret path."""
    guard = Guard(resolve=lambda _host, _port: ["10.0.0.7"])
    box = Outbox(
        told.box.endpoint, told.box.path, GuardedTransport(guard, inner=lambda: httpx.MockTransport(told.listener))
    )
    with capture_logs() as logs:
        assert box.deliver(told.book.entries, now=NOW).again
    assert told.listener.heard == []
    assert "hooks.example" in str(logs)
    assert "s3cret-path" not in str(logs)


def test_no_secret_is_logged_or_remembered(told: Told) -> None:
    """Neither the signing key nor the path of the address."""
    told.listener.answers = [500]
    with capture_logs() as logs:
        told.deliver()
    for text in (str(logs), told.box.path.read_text(), repr(told.box.endpoint)):
        assert KEY not in text
        assert "s3cret-path" not in text
    assert logs


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_not base64!", "whsec_" + base64.b64encode(b"short").decode()])
def test_a_weak_secret_is_refused(key: str) -> None:
    """What anybody could guess signs nothing."""
    with pytest.raises(InputError, match="24 random bytes"):
        Endpoint("till", ADDRESS, Secret(key))


def test_what_cannot_be_read_is_not_begun_anew(told: Told) -> None:
    """A damaged file is reported; nothing is told twice, and nothing left out, by guessing."""
    told.box.path.write_text("{")
    with pytest.raises(InputError, match=r"till\.json"):
        told.deliver()


def test_a_log_that_was_restored_is_not_taken_for_the_same(tmp_path: Path, told: Told, first: Path) -> None:
    """Its numbers come again with other entries; none of them is passed over in silence."""
    told.deliver()
    restored = Book(Path(copy(first, tmp_path / "restored.db")))
    for price, was in (("12.00", "10.00"), ("11.00", "12.00")):
        with pytest.raises(InputError, match="restore"):
            told.box.deliver(restored.entries, now=NOW)
        restored.publish(price, was)
    told.box.path.unlink()
    assert told.box.deliver(restored.entries, now=NOW) == Delivery(0)


def test_a_book_older_than_logs_tells_nothing_of_its_past() -> None:
    """The entry with which it begins its log changes no price."""
    assert not is_event(Entry(1, NOW.astimezone(UTC), "upgrade", "adopt", "book", '{"prices": [{"offer": "a"}]}', "00"))
