"""A proposal in two: nothing twice, nothing lost, and what is published leaves the other part as good as it was."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from api.store.book import PriceBook
from api.store.checks import Key
from api.store.database import open_database, writing
from api.store.log import ANCHOR_NAME, verify
from pricing.book import Standing
from pricing.errors import RefusedError
from pricing.law import NO_LAW
from pricing.outcome import Gain, TotalGain
from tests.api.store.book_kit import (
    IDS,
    LISTINGS,
    NOW,
    POLICY,
    Home,
    book_with_prices,
    decision,
    place_in,
    price_list,
    proposal,
    put_in_force,
)

ADULT, CHILD, SENIOR = ((offer, "all") for offer in IDS)
RULES: dict[str, Any] = {"policy": POLICY, "law": NO_LAW}
ORDERED = replace(POLICY, segment_order=(("child", "adult"),))


@pytest.fixture
def book(home: Home) -> PriceBook:
    """Each of three offers costs 10.00; a proposal of ann's moves all of them."""
    made = book_with_prices(home)
    made.propose(proposal(*map(decision, IDS)))
    return made


def split(book: PriceBook, keys: set[Key], name: str = "p1", **changed: Any) -> tuple[str, str]:
    """As bob."""
    return book.split(name, keys, by="bob", now=NOW, **(RULES | changed))


def approve_and_publish(book: PriceBook, name: str) -> int:
    """As bob."""
    book.approve(name, by="bob", now=NOW)
    return put_in_force(book, name)


@given(st.data())
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_parts_hold_exactly_the_decisions_of_the_whole(book: PriceBook, data: st.DataObject) -> None:
    """Nothing twice, nothing lost, nothing changed, in the order of the whole; also of a part of a part."""
    name = f"p{len(book.proposals()) + 1}"
    book.propose(proposal(*(decision(offer, channel=channel) for offer in IDS for channel in "abc"), name=name))
    waiting, told = name, []
    for _ in range(data.draw(st.integers(1, 3))):
        whole = book.proposal(waiting)
        keys = [each.key for each in whole.decisions]
        if len(keys) < 2:
            break
        wanted = data.draw(st.sets(st.sampled_from(keys), min_size=1, max_size=len(keys) - 1))
        chosen, rest = (book.proposal(part) for part in split(book, wanted, waiting))
        assert {each.key for each in chosen.decisions} == wanted
        both = sorted((*chosen.decisions, *rest.decisions), key=lambda each: keys.index(each.key))
        assert tuple(both) == whole.decisions
        kept = ("proposed_by", "proposed_at", "expires_at", "provenance", "base_version")
        assert all(getattr(part, each) == getattr(whole, each) for part in (chosen, rest) for each in kept)
        told.append(chosen.id)
        waiting = rest.id
    assert len({*told, waiting, name}) == len(told) + 2
    assert verify(book._engine, None) == ()


def test_what_is_not_chosen_stays_waiting_when_the_rest_is_in_force(book: PriceBook) -> None:
    """A part that is published moves its own prices only, and the other one is published after it."""
    chosen, rest = split(book, {ADULT})
    assert approve_and_publish(book, chosen) == 2
    assert price_list(book) == dict(zip(IDS, ("11.00", "10.00", "10.00"), strict=True))
    assert book.standing(rest, now=NOW) is Standing.OPEN
    assert book.latest_proposal() == book.proposal(rest)
    further, last = split(book, {CHILD}, rest)
    book.reject(further, by="bob", now=NOW, reason="not this one")
    assert approve_and_publish(book, last) == 3
    assert price_list(book) == dict(zip(IDS, ("11.00", "10.00", "11.00"), strict=True))


def test_a_proposal_that_was_split_is_closed(book: PriceBook) -> None:
    """Neither approved, rejected, published nor split again."""
    split(book, {ADULT})
    assert book.standing("p1", now=NOW) is Standing.SPLIT
    for step in (
        lambda: book.approve("p1", by="bob", now=NOW),
        lambda: book.reject("p1", by="bob", now=NOW),
        lambda: put_in_force(book),
        lambda: split(book, {CHILD}),
        lambda: book.override("p1", [decision(price="12.00", set_by="bob")], by="bob", now=NOW, **RULES),
    ):
        with pytest.raises(RefusedError, match="was split"):
            step()


@pytest.mark.parametrize(
    ("keys", "said"),
    [(set(), "not all"), ({ADULT, CHILD, SENIOR}, "not all"), ({("nobody", "all")}, "nothing about nobody")],
)
def test_a_split_that_is_none_is_refused(book: PriceBook, keys: set[Key], said: str) -> None:
    """Nothing, everything, or what the proposal does not decide about."""
    with pytest.raises(RefusedError, match=said):
        split(book, keys)
    assert book.standing("p1", now=NOW) is Standing.OPEN
    assert len(book.proposals()) == 1


@pytest.mark.parametrize("end", ["approved", "rejected", "expired", "stale"])
def test_only_an_open_proposal_is_split(book: PriceBook, end: str) -> None:
    """What was decided about, lapsed or is overtaken is not."""
    later = NOW
    if end == "approved":
        book.approve("p1", by="bob", now=NOW)
    elif end == "rejected":
        book.reject("p1", by="bob", now=NOW)
    elif end == "expired":
        later += timedelta(days=2)
    else:
        book.propose(proposal(decision(), name="p2"))
        approve_and_publish(book, "p2")
    with pytest.raises(RefusedError, match=end):
        book.split("p1", {ADULT}, by="bob", now=later, **RULES)


def test_the_proposer_of_the_whole_may_not_approve_a_part(book: PriceBook) -> None:
    """Splitting makes nobody else the proposer."""
    for part in book.split("p1", {ADULT}, by="ann", now=NOW, **RULES):
        with pytest.raises(RefusedError, match="someone else must approve"):
            book.approve(part, by="Ann", now=NOW)


def test_a_declared_order_is_not_broken_by_leaving_one_of_its_prices_behind(home: Home) -> None:
    """A child's price that rises with the adult's may not rise without it; the other way round it may."""
    book = book_with_prices(home)
    book.propose(proposal(*map(decision, IDS)))
    with pytest.raises(
        RefusedError, match=r"without the others: hamlet-child at 11.00 would cost more than hamlet-adult"
    ):
        split(book, {CHILD, SENIOR}, policy=ORDERED)
    assert book.standing("p1", now=NOW) is Standing.OPEN
    chosen, rest = split(book, {ADULT}, policy=ORDERED)
    for part in (chosen, rest):
        book.approve(part, by="bob", now=NOW)
        book.publish(part, by="bob", now=NOW, policy=ORDERED, law=NO_LAW)
    assert set(price_list(book).values()) == {"11.00"}


def test_what_forbids_the_whole_does_not_forbid_to_split_it(book: PriceBook) -> None:
    """A price that may no longer move is left behind by a split; what is sound is published."""
    book.propose(proposal(decision(), decision(IDS[1], now="10.50"), name="p2"))
    chosen, rest = split(book, {ADULT}, "p2")
    assert approve_and_publish(book, chosen) == 2
    book.approve(rest, by="bob", now=NOW)
    with pytest.raises(RefusedError, match=r"decided at 10.50"):
        put_in_force(book, rest)


@pytest.mark.parametrize("what", ["import", "publication", "rollback"])
def test_a_part_is_overtaken_by_whatever_is_not_another_part(book: PriceBook, what: str) -> None:
    """Only the other parts of the same proposal leave it as good as it was."""
    chosen, rest = split(book, {ADULT})
    approve_and_publish(book, chosen)
    if what == "import":
        book.import_offers([replace(LISTINGS[0], offer=replace(LISTINGS[0].offer, id="new"))], by="ann", now=NOW)
    elif what == "rollback":
        book.rollback(2, by="bob", now=NOW, policy=POLICY)
    else:
        book.propose(proposal(decision(IDS[2]), name="p2", base=2))
        approve_and_publish(book, "p2")
    assert book.standing(rest, now=NOW) is Standing.STALE
    book.propose(
        proposal(decision(IDS[2], price="12.00", now=price_list(book)[IDS[2]]), name="p3", base=book.version())
    )
    assert book.standing("p3", now=NOW) is Standing.OPEN


def test_a_part_with_a_price_set_by_hand_stays_a_part(book: PriceBook) -> None:
    """It is not overtaken by the other part either."""
    chosen, rest = split(book, {ADULT})
    made = book.override(rest, [decision(IDS[1], "12.00", set_by="cyd")], by="cyd", now=NOW, **RULES)
    approve_and_publish(book, chosen)
    assert book.standing(made.id, now=NOW) is Standing.OPEN
    approve_and_publish(book, made.id)
    assert price_list(book) == dict(zip(IDS, ("11.00", "12.00", "11.00"), strict=True))
    assert verify(book._engine, None) == ()


def test_a_rollback_takes_back_one_part_or_both(book: PriceBook) -> None:
    """The later part goes with the one before it, as every later version does."""
    chosen, rest = split(book, {ADULT})
    approve_and_publish(book, chosen)
    approve_and_publish(book, rest)
    book.rollback(3, by="bob", now=NOW, policy=POLICY)
    assert price_list(book) == dict(zip(IDS, ("11.00", "10.00", "10.00"), strict=True))
    book.rollback(2, by="bob", now=NOW, policy=POLICY)
    assert set(price_list(book).values()) == {"10.00"}


def test_what_is_expected_of_each_part_is_kept_with_it(book: PriceBook) -> None:
    """And nothing where it is not known: ranges are not added up."""
    known = (TotalGain("EUR", None, Gain(9.0, 1.0, 20.0, 0.05)),)
    chosen, rest = split(book, {ADULT}, gains=(known, ()))
    assert (book.proposal(chosen).gains, book.proposal(rest).gains) == (known, ())


def test_an_edited_part_is_found(home: Home, tmp_path: Path) -> None:
    """What is a part of what, and what a part holds, are in the log."""
    book_with_prices(home)
    engine = open_database(place_in(home))
    book = PriceBook(engine, tmp_path / ANCHOR_NAME)
    book.propose(proposal(*map(decision, IDS)))
    split(book, {ADULT})
    with pytest.raises(RefusedError, match="only ever appended"), writing(engine) as db:
        db.execute(text("UPDATE parts SET whole = proposal"))
    with engine.connect() as db:
        if db.dialect.name == "postgresql":
            db.execute(text("SET session_replication_role = replica"))
        else:
            db.execute(text("DROP TRIGGER parts_no_delete"))
        db.execute(text("DELETE FROM parts"))
        db.commit()
    assert sum("is a part of" in said for said in verify(engine, None)) == 2


def test_of_many_who_split_approve_or_reject_at_once_one_wins(home: Home, tmp_path: Path) -> None:
    """Each is told what became of theirs, and no decision is in two proposals that count."""
    book_with_prices(home).propose(proposal(*map(decision, IDS)))
    start, told = threading.Barrier(12), list[str]()

    def run(number: int) -> None:
        rival = PriceBook(open_database(place_in(home)), tmp_path / ANCHOR_NAME)
        keys = {ADULT, (CHILD, SENIOR)[number % 2]} if number % 3 else {CHILD}
        start.wait()
        try:
            if number % 4 == 3:
                rival.approve("p1", by=f"person {number}", now=NOW)
            else:
                rival.split("p1", keys, by=f"person {number}", now=NOW, **RULES)
            told.append("done")
        except RefusedError as error:
            told.append("told so" if "was split" in str(error) or "approved already" in str(error) else str(error))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(told) == {"done": 1, "told so": 11}
    book = PriceBook(open_database(place_in(home)), tmp_path / ANCHOR_NAME)
    counting = [each for each in book.proposals() if book.standing(each.id, now=NOW) is not Standing.SPLIT]
    assert Counter(decided.key for each in counting for decided in each.decisions) == dict.fromkeys(
        [ADULT, CHILD, SENIOR], 1
    )
    assert verify(open_database(place_in(home)), tmp_path / ANCHOR_NAME) == ()
