"""No price gets into force but through approval by another, atomically, inside its bounds, and never twice at once."""

import dataclasses
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from api.store.book import PriceBook
from api.store.database import open_database
from api.store.queries import decode
from pricing.book import Change, Listing, PriceInForce, Standing, Verdict
from pricing.errors import RefusedError
from pricing.model import Ladder
from pricing.outcome import Gain
from tests.api.store.book_kit import (
    DAY,
    IDS,
    LADDER,
    LISTINGS,
    NOW,
    OFFERS,
    POLICY,
    Home,
    book_with_prices,
    decision,
    new_book,
    place_in,
    price_list,
    proposal,
    publish,
    put_in_force,
)

LATER = NOW + timedelta(hours=1)
NAN = Decimal("NaN")


@pytest.fixture
def book(home: Home) -> PriceBook:
    """A book at version 1: each of three offers costs 10.00."""
    return book_with_prices(home)


def everything(book: PriceBook) -> tuple[object, ...]:
    """All that a refused step must leave as it was."""
    return book.version(), book.publications(), tuple(book.history(offer) for offer in IDS)


def test_a_proposal_is_read_back_equal(book: PriceBook) -> None:
    """Decimals, instants and verdicts survive the database digit for digit."""
    proposed = proposal(decision(), decision(IDS[1], "10.00"))
    book.propose(proposed)
    assert book.proposal("p1") == proposed == book.latest_proposal()
    assert book.proposals() == (proposed,)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_proposal_that_cannot_be_recorded_exactly_is_refused(book: PriceBook, number: float) -> None:
    """A number that is missing or infinite does not become something else on the way to the database."""
    with pytest.raises(RefusedError, match="not finite"):
        book.propose(proposal(decision(gain=Gain(number, 0.0, 0.0, 0.0))))
    assert book.proposals() == ()


def test_a_proposal_recorded_before_gains_were_is_read_with_the_widest_range() -> None:
    """Nothing recorded is edited: what an earlier version wrote stays readable, and no risk gets smaller by it."""
    text = msgspec.json.encode(proposal(decision(now="10.00"))).decode()
    raw = msgspec.json.decode(text)
    for made in raw["decisions"]:
        del made["gain"], made["explanation"]
        made["loss_probability"] = 0.25
    del raw["gains"]
    (read,) = decode(msgspec.json.encode(raw).decode()).decisions
    assert read.gain == Gain(0.0, -200.0, 200.0, 0.25)
    assert read.then == decision().then


def test_an_empty_book_has_no_proposal_and_no_version(home: Home) -> None:
    """Nothing is in force before the first import."""
    empty = new_book(home)
    assert (empty.version(), empty.latest_proposal(), empty.prices_in_force()) == (0, None, ())


@pytest.mark.parametrize("by", ["ann", "Ann", " ANN ", "\uff21nn"])
def test_a_proposer_cannot_approve(book: PriceBook, by: str) -> None:
    """Not under another spelling of the same name either."""
    book.propose(proposal(decision()))
    with pytest.raises(RefusedError, match="someone else must approve"):
        book.approve("p1", by=by, now=NOW)
    assert book.standing("p1", now=NOW) is Standing.OPEN


def test_nobody_takes_a_step_without_a_name(book: PriceBook) -> None:
    """A blank name approves nothing."""
    book.propose(proposal(decision()))
    with pytest.raises(RefusedError, match="say who"):
        book.approve("p1", by="  ", now=NOW)


def test_what_is_not_approved_is_not_published(book: PriceBook) -> None:
    """Neither an open nor a rejected proposal."""
    book.propose(proposal(decision()))
    with pytest.raises(RefusedError, match="is not approved"):
        put_in_force(book)
    book.reject("p1", by="bob", now=NOW)
    with pytest.raises(RefusedError, match="was rejected"):
        put_in_force(book)
    with pytest.raises(RefusedError, match="was rejected"):
        book.approve("p1", by="cyd", now=NOW)


@pytest.mark.parametrize("late", [DAY, 2 * DAY])
def test_an_expired_proposal_never_publishes(book: PriceBook, late: timedelta) -> None:
    """From the instant it expires at, even if it was approved in time."""
    book.propose(proposal(decision()))
    book.approve("p1", by="bob", now=NOW)
    before = everything(book)
    with pytest.raises(RefusedError, match="expired"):
        put_in_force(book, "p1", at=NOW + late)
    assert everything(book) == before


def test_an_expired_proposal_is_not_approved(book: PriceBook) -> None:
    """Approval comes in time or not at all."""
    book.propose(proposal(decision()))
    with pytest.raises(RefusedError, match="expired"):
        book.approve("p1", by="bob", now=NOW + DAY)


def test_a_stale_proposal_never_publishes(book: PriceBook) -> None:
    """Once the book has moved on, what was decided against the older version is not published, nor proposed."""
    book.propose(proposal(decision(), name="slow"))
    book.approve("slow", by="bob", now=NOW)
    publish(book, decision(IDS[1]), name="quick")
    before = everything(book)
    with pytest.raises(RefusedError, match="stale"):
        put_in_force(book, "slow")
    with pytest.raises(RefusedError, match="stale"):
        book.propose(proposal(decision(), name="late"))
    assert everything(book) == before
    assert book.standing("slow", now=NOW) is Standing.STALE


def test_a_proposal_publishes_once(book: PriceBook) -> None:
    """The second time it is refused."""
    publish(book, decision())
    with pytest.raises(RefusedError, match="published already"):
        put_in_force(book)
    assert book.standing("p1", now=NOW + 2 * DAY) is Standing.PUBLISHED


def test_publishing_moves_prices_and_leaves_the_rest(book: PriceBook) -> None:
    """A moved price is closed and opened at one instant; a kept one stays open since its first day."""
    assert publish(book, decision(), decision(IDS[1], "10.00"), at=LATER) == 2
    assert price_list(book) == {IDS[0]: "11.00", IDS[1]: "10.00", IDS[2]: "10.00"}
    old, new = book.history(IDS[0])
    assert (old.version, old.valid_until, new.version, new.valid_from) == (1, LATER, 2, LATER)
    assert new.terms == old.terms == {"product": "hamlet", "segment": "adult", "event": "friday", "list_price": None}
    assert len(book.history(IDS[1])) == 1


BROKEN: dict[str, dict[str, Any]] = {
    "outside its bounds": {"price": "13.00"},
    "not on its ladder": {"price": "11.50"},
    "which is not a price": {"allowed": NAN},
    "outside its bounds 10.00 to NaN": {"ceiling": NAN},
    "outside its bounds NaN": {"floor": NAN},
    "outside its bounds 10.00 to Infinity": {"ceiling": Decimal("Infinity")},
    "is in USD": {"currency": "USD"},
    "was decided at 9.00": {"now": "9.00"},
    "no price in force": {"offer": "macbeth"},
    "cannot express": {"price": "11.001", "ladder": Ladder((Decimal("11.001"),))},
}


@pytest.mark.parametrize("reason", BROKEN)
def test_a_price_that_breaks_a_rule_is_not_published(
    book: PriceBook, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever came before: the book checks again, and the sound decision beside it is not published either."""
    monkeypatch.setattr("api.store.steps._encode", lambda _: "{}")
    book.propose(wrong := proposal(decision(IDS[1]), decision(**BROKEN[reason])))
    monkeypatch.setattr("api.store.queries.decode", lambda _: wrong)
    book.approve("p1", by="bob", now=NOW)
    before = everything(book)
    with pytest.raises(RefusedError, match=reason):
        put_in_force(book)
    assert everything(book) == before


def test_a_held_price_may_lie_off_its_ladder(book: PriceBook) -> None:
    """It is not moved, so nothing is published for it."""
    held = decision(IDS[0], "10.00", wanted=Decimal("12.00"), verdict=Verdict.HELD, floor=Decimal("11.00"))
    assert publish(book, held) == 2
    assert price_list(book)[IDS[0]] == "10.00"


def plant_failure(book: PriceBook, statement: str) -> None:
    """From now on the database fails at the first statement that begins so."""

    @event.listens_for(book._engine, "before_cursor_execute")
    def _fail(_db: object, _cursor: object, sql: str, *_: object) -> None:
        if sql.startswith(statement):
            raise MemoryError("planted")


@pytest.mark.parametrize("statement", ["INSERT INTO publications", "UPDATE prices", "INSERT INTO prices"])
def test_publishing_is_atomic(home: Home, statement: str) -> None:
    """A failure in the middle leaves the version before it whole."""
    book = book_with_prices(home)
    book.propose(proposal(*map(decision, IDS)))
    book.approve("p1", by="bob", now=NOW)
    before = everything(book)
    broken = PriceBook(open_database(place_in(home)))
    plant_failure(broken, statement)
    with pytest.raises(MemoryError, match="planted"):
        put_in_force(broken, "p1")
    assert everything(book) == before
    assert put_in_force(book) == 2


KILLED = """
import os, sys
from pathlib import Path
from sqlalchemy import event
from api.store.book import PriceBook
from api.store.database import open_database
from tests.api.store.book_kit import put_in_force

place = sys.argv[1]
engine = open_database(place if "://" in place else Path(place))

@event.listens_for(engine, "after_cursor_execute")
def die(db, cursor, sql, *rest):
    if sql.startswith(sys.argv[2]):
        os._exit(9)

put_in_force(PriceBook(engine))
"""


@pytest.mark.parametrize("statement", ["UPDATE prices", "INSERT INTO prices"])
def test_a_process_killed_while_publishing_changes_nothing(home: Home, statement: str) -> None:
    """The next one finds the version before it whole, and can publish."""
    book = book_with_prices(home)
    book.propose(proposal(*map(decision, IDS)))
    book.approve("p1", by="bob", now=NOW)
    before = everything(book)
    command = [sys.executable, "-c", KILLED, str(place_in(home)), statement]
    killed = subprocess.run(command, env=os.environ | {"PYTHONPATH": "."}, check=False, timeout=60)
    assert killed.returncode == 9
    assert everything(book) == before
    assert put_in_force(book) == 2


def test_of_two_publishers_one_wins(home: Home) -> None:
    """Two proposals published at the same moment: one gets in force, the other is refused as stale."""
    book = book_with_prices(home)
    for name, price in (("p1", "11.00"), ("p2", "12.00")):
        book.propose(proposal(decision(price=price), name=name))
        book.approve(name, by="bob", now=NOW)
    start, results = threading.Barrier(2), dict[str, int | str]()

    def run(name: str) -> None:
        rival = PriceBook(open_database(place_in(home)))
        start.wait()
        try:
            results[name] = put_in_force(rival, name)
        except RefusedError as error:
            results[name] = str(error)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("p1", "p2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won, lost = sorted(results.values(), key=lambda result: isinstance(result, str))
    assert won == 2
    assert "stale" in str(lost)
    assert book.version() == 2


def test_rolling_back_restores_the_prices_exactly(book: PriceBook) -> None:
    """As a new version; the history keeps what was."""
    before = price_list(book)
    publish(book, decision(), decision(IDS[1], "12.00"))
    assert book.rollback(2, by="bob", now=LATER, policy=POLICY) == 3
    assert price_list(book) == before
    assert [str(price.price) for price in book.history(IDS[0])] == ["10.00", "11.00", "10.00"]
    assert len(book.history(IDS[2])) == 1, "a price that never changed stays open"
    assert [made.change for made in book.publications()] == [Change.IMPORT, Change.PUBLISH, Change.ROLLBACK]


def test_what_cannot_be_rolled_back_is_refused(book: PriceBook) -> None:
    """There is nothing before the import, and no version that was never made."""
    for version in (1, 7):
        with pytest.raises(RefusedError, match="not a publication that can be rolled back"):
            book.rollback(version, by="bob", now=NOW, policy=POLICY)


def test_rolling_back_keeps_what_came_on_sale_since(book: PriceBook) -> None:
    """An offer that had no price then keeps the one it has now."""
    publish(book, decision())
    new_offer(book)
    book.rollback(2, by="bob", now=NOW, policy=POLICY)
    assert price_list(book) == dict.fromkeys((*IDS, "macbeth"), "10.00")


def test_importing_the_same_offers_twice_changes_nothing(book: PriceBook) -> None:
    """The second time there is no new version."""
    before = everything(book)
    assert book.import_offers(LISTINGS, by="ann", now=LATER) == 1
    assert everything(book) == before


def test_an_import_never_changes_a_price_in_force(book: PriceBook) -> None:
    """A price that disagrees with the book is refused, all of them at once."""
    publish(book, decision(), decision(IDS[1]))
    with pytest.raises(RefusedError, match=r"hamlet-adult.*11\.00.*; .*hamlet-child"):
        book.import_offers(LISTINGS, by="ann", now=LATER)


def test_a_frozen_book_changes_nothing_until_a_person_lifts_it(home: Home) -> None:
    """Publishing, rolling back and importing are refused, by another process after a restart too."""
    book = book_with_prices(home)
    publish(book, decision())
    book.propose(proposal(decision(IDS[1]), name="p2", base=2))
    book.approve("p2", by="bob", now=NOW)
    book.freeze(by="cyd", now=NOW, reason="flood")
    restarted = PriceBook(open_database(place_in(home)))
    steps: list[Callable[[], int]] = [
        lambda: put_in_force(restarted, "p2"),
        lambda: restarted.rollback(2, by="bob", now=NOW, policy=POLICY),
        lambda: new_offer(restarted),
    ]
    for step in steps:
        with pytest.raises(RefusedError, match=r"frozen since 2026-03-02 09:30 UTC by cyd \(flood\)"):
            step()
    assert restarted.frozen()
    restarted.unfreeze(by="cyd", now=NOW, reason="over")
    assert not book.frozen()
    assert put_in_force(book, "p2") == 3


def new_offer(book: PriceBook) -> int:
    """Import an offer the book does not know."""
    return book.import_offers([Listing(dataclasses.replace(OFFERS[0], id="macbeth"))], by="ann", now=NOW)


def test_a_price_is_found_at_any_instant(book: PriceBook) -> None:
    """The instant of a publication belongs to the new price; before the first there is none."""
    publish(book, decision(), at=LATER)
    tick = timedelta(microseconds=1)
    found = [book.price_at(IDS[0], "all", at) for at in (NOW - tick, NOW, LATER - tick, LATER, LATER + 99 * DAY)]
    assert [price and str(price.price) for price in found] == [None, "10.00", "10.00", "11.00", "11.00"]


def test_a_clock_that_went_back_keeps_the_order(book: PriceBook) -> None:
    """A publication dated before the last one is dated just after it."""
    publish(book, decision(), at=NOW - 5 * DAY)
    first, second = book.publications()
    assert second.at == first.at + timedelta(microseconds=1)
    assert price_list(book)[IDS[0]] == "11.00"


Step = tuple[str, int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["publish", "rollback", "freeze", "unfreeze"]),
        st.integers(0, 2),
        st.integers(0, 3),
        st.integers(-3, 3),
    ),
    max_size=12,
)


def take_step(book: PriceBook, step: Step, number: int, now: datetime) -> None:
    """Take one step; what the book refuses is part of the game."""
    verb, offer, choice, _ = step
    try:
        if verb == "publish":
            current = price_list(book)
            publish(book, decision(IDS[offer], str(LADDER[choice]), now=current[IDS[offer]]), name=f"p{number}", at=now)
        elif verb == "rollback":
            book.rollback(book.version() - choice, by="bob", now=now, policy=POLICY)
        elif verb == "freeze":
            book.freeze(by="bob", now=now, reason="test")
        else:
            book.unfreeze(by="bob", now=now, reason="test")
    except RefusedError:
        pass


def replay(book: PriceBook) -> dict[str, str]:
    """The prices the log of publications leads to, worked out from the proposals alone."""
    states: list[dict[str, str]] = [{}]
    for made in book.publications():
        state = dict(states[-1])
        if made.change is Change.IMPORT:
            state = dict.fromkeys(IDS, "10.00")
        elif made.change is Change.ROLLBACK:
            state = dict(states[(made.undone or 0) - 1])
        elif made.proposal:
            state |= {d.offer: str(d.allowed) for d in book.proposal(made.proposal).decisions}
        states.append(state)
    return states[-1]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_exactly_one_price_is_in_force_at_any_instant(new_home: Callable[[], Home], steps: list[Step]) -> None:
    """Whatever sequence of steps, with the clock going both ways: no gap, no overlap, and the log gives the book."""
    book, now = book_with_prices(new_home()), NOW
    for number, step in enumerate(steps):
        now += step[3] * timedelta(minutes=7)
        take_step(book, step, number, now)
    for offer in IDS:
        rows = book.history(offer)
        assert rows[0].valid_from == NOW
        assert [row.valid_until for row in rows[:-1]] == [row.valid_from for row in rows[1:]]
        assert rows[-1].valid_until is None
        for made in book.publications():
            assert len([row for row in rows if holds(row, made.at)]) == 1
    assert price_list(book) == replay(book)


def holds(price: PriceInForce, at: datetime) -> bool:
    """Whether a price is in force at an instant."""
    return price.valid_from <= at and (price.valid_until is None or at < price.valid_until)
