"""What was done can be told from the log alone, and nobody can change what it says unnoticed."""

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from api.store.book import PriceBook
from api.store.database import open_database
from api.store.keys import Scope, create_key, revoke_key
from api.store.log import ANCHOR_NAME, verify
from api.store.migrations import upgrade
from api.store.overrides import Overrides
from pricing.book import Listing
from pricing.errors import RefusedError
from pricing.law import NO_LAW
from tests.api.store.book_kit import (
    DAY,
    IDS,
    LISTINGS,
    NOW,
    OFFERS,
    POLICY,
    Home,
    decision,
    override,
    place_in,
    price_list,
    proposal,
    publish,
    put_in_force,
)


class Shop:
    """A book with a past, its database and its anchor."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.engine = open_database(place_in(home))
        upgrade(self.engine)
        self.anchor = folder / ANCHOR_NAME
        self.book = PriceBook(self.engine, self.anchor)
        self.book.import_offers(LISTINGS, by="ann", now=NOW)
        publish(self.book, decision(), name="p1")
        publish(self.book, decision(IDS[1], "12.00"), name="p2")
        self.book.rollback(3, by="cyd", now=NOW, policy=POLICY)

    def findings(self) -> tuple[str, ...]:
        """What is wrong with the log and the book beside it."""
        return verify(self.engine, self.anchor)

    def tamper(self, statement: str) -> None:
        """Do what the database's own rules forbid, as someone with full access could."""
        with self.engine.connect() as db:
            if db.dialect.name == "postgresql":
                db.execute(text("SET session_replication_role = replica"))
            else:
                for name in db.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                    db.execute(text(f"DROP TRIGGER {name}"))
            db.execute(text(statement))
            db.commit()


@pytest.fixture
def shop(home: Home, tmp_path: Path) -> Shop:
    """Three offers, two publications, one rolled back."""
    return Shop(home, tmp_path)


def test_every_step_is_in_the_log(shop: Shop) -> None:
    """What was done to what, by whom; steps that were refused are not."""
    with pytest.raises(RefusedError):
        shop.book.rollback(9, by="cyd", now=NOW, policy=POLICY)
    told = [(entry.action, entry.subject, entry.by) for entry in shop.book.entries()]
    assert told == [
        ("import", "1", "ann"),
        *[("propose", "p1", "ann"), ("approve", "p1", "bob"), ("publish", "2", "bob")],
        *[("propose", "p2", "ann"), ("approve", "p2", "bob"), ("publish", "3", "bob")],
        ("rollback", "4", "cyd"),
    ]
    assert shop.findings() == ()


def test_keys_and_freezes_are_in_the_log(shop: Shop) -> None:
    """Who may do what is part of the story; the key itself is not."""
    key = create_key(shop.engine, {Scope.ADMIN}, holder="till", by="ann", now=NOW, anchor=shop.anchor)
    revoke_key(shop.engine, 1, by="ann", now=NOW, reason="lost", anchor=shop.anchor)
    shop.book.freeze(by="ann", now=NOW, reason="flood")
    entries = shop.book.entries(after=8)
    assert [entry.action for entry in entries] == ["create-key", "revoke-key", "freeze"]
    assert not any(key in entry.body for entry in entries)
    assert shop.findings() == ()


def test_the_log_is_read_page_by_page(shop: Shop) -> None:
    """Each page goes on after the last entry of the one before."""
    first = shop.book.entries(limit=5)
    assert [entry.number for entry in first] == [1, 2, 3, 4, 5]
    assert [entry.number for entry in shop.book.entries(after=5, limit=5)] == [6, 7, 8]


EDITS = {
    "UPDATE log SET by = 'eve' WHERE number = 3": "entry 3 of the log is not what was written",
    "DELETE FROM log WHERE number = 5": "the log goes from entry 4 to 6",
    "DELETE FROM log WHERE number = 9": "entry 9 of the log is gone; the anchor log.anchor knows it",
    "UPDATE prices SET price = '0.01' WHERE version = 2": "hamlet-adult all EUR from 2026-03-02T09:30:00.000001",
    "DELETE FROM prices WHERE version = 4": "the book holds 2 prices of hamlet-child all EUR, the log tells of 3",
    "UPDATE proposals SET body = '{}' WHERE id = 'p1'": "proposal p1 is not what was proposed",
    "UPDATE listings SET body = '{}' WHERE number = 2": "what is offered as hamlet-child is not what was imported",
    "DELETE FROM listings WHERE number = 3": "what is offered as hamlet-senior is not what was imported",
    "UPDATE reviews SET by = 'eve' WHERE proposal = 'p1'": "who approved or rejected proposal p1 is not",
    "DELETE FROM overrides": "an override of hamlet-adult is not what the log tells",
    "UPDATE overrides SET amount = '12.00'": "an override of hamlet-adult is not what the log tells",
    "DELETE FROM freezes": "what froze prices is not what the log tells",
}


@pytest.mark.parametrize("statement", EDITS)
def test_what_was_changed_behind_its_back_is_found(shop: Shop, statement: str) -> None:
    """Of the log, of prices and proposals, of bounds, approvals, overrides and freezes."""
    shop.book.freeze(by="ann", now=NOW, reason="flood")
    Overrides(shop.engine, shop.anchor).set(override(), policy=POLICY, law=NO_LAW)
    assert shop.findings() == ()
    shop.tamper(statement)
    assert any(EDITS[statement] in finding for finding in shop.findings())


def test_a_log_written_anew_is_found_by_its_anchor(shop: Shop, tmp_path: Path, new_home: Callable[[], Home]) -> None:
    """A chain that is whole in itself, but is not the one the anchor knows."""
    forged = open_database(place_in(new_home()))
    upgrade(forged)
    PriceBook(forged).import_offers(LISTINGS, by="eve", now=NOW)
    assert verify(forged, None) == ()
    assert verify(forged, tmp_path / "none")[0].startswith("the anchor none is gone")
    assert "entry 1 of the log is another than the anchor log.anchor knows" in verify(forged, shop.anchor)


def test_the_anchor_is_never_ahead_of_what_is_committed(shop: Shop) -> None:
    """A step that fails leaves no line; nor does one that is part of a larger one that fails."""
    before = shop.anchor.read_bytes()
    with pytest.raises(RefusedError):
        shop.book.propose(proposal(decision(), base=1, name="old"))
    with pytest.raises(RefusedError):
        shop.book.override("p9", [], by="bob", now=NOW, policy=POLICY, law=NO_LAW)
    assert shop.anchor.read_bytes() == before
    assert len(before.splitlines()) == 8


def test_an_anchor_that_cannot_be_written_does_not_undo_a_step(home: Home, tmp_path: Path) -> None:
    """The step is committed; the next one goes on. All that is found is that there is no anchor."""
    shop = Shop(home, tmp_path / "missing")
    assert price_list(shop.book)[IDS[0]] == "11.00"
    (finding,) = shop.findings()
    assert "log.anchor is gone" in finding


def test_a_person_may_set_a_price_instead_of_the_engine(shop: Shop) -> None:
    """As a proposal of their own that someone else must approve; the engine's is closed."""
    shop.book.propose(proposal(decision(now="11.00", price="12.00"), base=4, name="engine"))
    mine = dataclasses.replace(decision(now="11.00", price="10.00"), set_by="bob", reasons=("set by bob: rain",))
    made = shop.book.override("engine", [mine], by="bob", now=NOW, policy=POLICY, law=NO_LAW)
    assert (made.proposed_by, made.decisions) == ("bob", (mine,))
    with pytest.raises(RefusedError, match="was rejected"):
        shop.book.approve("engine", by="cyd", now=NOW)
    with pytest.raises(RefusedError, match="someone else must approve"):
        shop.book.approve(made.id, by="bob", now=NOW)
    shop.book.approve(made.id, by="cyd", now=NOW)
    put_in_force(shop.book, made.id)
    assert price_list(shop.book)[IDS[0]] == "10.00"
    assert shop.findings() == ()


def test_what_a_proposal_does_not_decide_cannot_be_overridden(shop: Shop) -> None:
    """And the proposal stays open."""
    shop.book.propose(proposal(decision(now="11.00", price="12.00"), base=4, name="engine"))
    with pytest.raises(RefusedError, match="decides nothing about hamlet-child all"):
        shop.book.override("engine", [decision(IDS[1])], by="bob", now=NOW, policy=POLICY, law=NO_LAW)
    shop.book.approve("engine", by="cyd", now=NOW)


Step = tuple[str, int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["publish", "schedule", "rollback", "freeze", "unfreeze", "import"]),
        st.integers(0, 2),
        st.integers(0, 3),
        st.integers(-2, 5),
    ),
    max_size=14,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_replaying_the_log_gives_the_book(
    new_home: Callable[[], Home], tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    """Whatever was done, with prices that begin later and a clock that goes both ways."""
    shop, now = Shop(new_home(), tmp_path_factory.mktemp("log")), NOW + DAY / 2
    for number, (verb, offer, choice, hours) in enumerate(steps):
        now += timedelta(hours=hours)
        with suppress(RefusedError):
            take(shop.book, verb, (IDS[offer], choice), f"s{number}", now=now)
        assert shop.findings() == ()
    for name in IDS:
        rows = shop.book.history(name)
        assert [row.valid_until for row in rows[:-1]] == [row.valid_from for row in rows[1:]]
        assert rows[-1].valid_until is None


def take(book: PriceBook, verb: str, what: tuple[str, int], name: str, *, now: datetime) -> None:
    """Take one step; `what` is an offer, and which price or which version."""
    offer, choice = what
    if verb in {"publish", "schedule"}:
        current = str(book.known(POLICY, now=now)[offer, "all"].price)
        book.propose(
            proposal(decision(offer, f"{10 + choice % 3}.00", now=current), name=name, base=book.version(), at=now)
        )
        book.approve(name, by="bob", now=now)
        begins = now + timedelta(hours=1 + choice) if verb == "schedule" else None
        put_in_force(book, name, at=now, begins=begins)
    elif verb == "rollback":
        book.rollback(book.version() - choice, by="bob", now=now, policy=POLICY)
    elif verb == "import":
        book.import_offers([Listing(dataclasses.replace(OFFERS[0], id=f"new-{choice}"))], by="ann", now=now)
    else:
        (book.freeze if verb == "freeze" else book.unfreeze)(by="bob", now=now, reason="test")
