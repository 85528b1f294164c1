"""A price that is to begin later begins then, unless a person takes it back before."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from api.store.book import PriceBook
from api.store.log import verify
from pricing.errors import RefusedError
from pricing.law import NO_LAW
from pricing.model import Ladder, Offer
from tests.api.store.book_kit import (
    DAY,
    IDS,
    LISTINGS,
    NOW,
    POLICY,
    Home,
    book_with_prices,
    decision,
    proposal,
    publish,
    put_in_force,
)

NOON = NOW + timedelta(hours=2, minutes=30)
TICK = timedelta(microseconds=1)


@pytest.fixture
def book(home: Home) -> PriceBook:
    """Version 2 lets one of three offers cost 11.00 from noon on."""
    book = book_with_prices(home)
    schedule(book, "p1")
    return book


def schedule(book: PriceBook, name: str, *, offer: str = IDS[0], now: str = "10.00", begins: datetime = NOON) -> int:
    """Let an offer cost 11.00 from an instant on."""
    book.propose(proposal(decision(offer, now=now), name=name, base=book.version()))
    book.approve(name, by="bob", now=NOW)
    return put_in_force(book, name, begins=begins)


def costs(book: PriceBook, at: datetime, offer: str = IDS[0]) -> str:
    """The price of an offer at an instant."""
    found = book.price_at(offer, "all", at)
    assert found is not None
    return str(found.price)


def test_it_begins_at_its_instant(book: PriceBook) -> None:
    """Not a microsecond before; the price until then says when it ends."""
    assert [costs(book, at) for at in (NOW, NOON - TICK, NOON, NOON + 99 * DAY)] == ["10.00", "10.00", "11.00", "11.00"]
    assert [price.valid_until for price in book.history(IDS[0])] == [NOON, None]
    assert [(price.offer, price.valid_from) for price in book.coming(NOW)] == [(IDS[0], NOON)]
    assert book.publications()[-1].effective_at == NOON


def test_the_past_is_not_decided(home: Home) -> None:
    """An instant that has come already is refused."""
    book = book_with_prices(home)
    with pytest.raises(RefusedError, match="is past"):
        schedule(book, "late", begins=NOW)


def test_an_offer_with_a_coming_price_is_left_alone(book: PriceBook) -> None:
    """Whoever wants another takes the coming one back first; other offers go on."""
    for begins in (None, NOON - TICK, NOON + DAY):
        name = f"again {begins}"
        book.propose(proposal(decision(price="12.00"), name=name, base=2))
        book.approve(name, by="bob", now=NOW)
        with pytest.raises(RefusedError, match=r"scheduled|was decided at 10\.00"):
            put_in_force(book, name, begins=begins)
    publish(book, decision(IDS[1]), name="other")
    assert costs(book, NOON) == "11.00"


def test_taking_it_back_leaves_the_price_in_force(book: PriceBook) -> None:
    """It alone is taken back, whatever was published since; the price goes on without an end."""
    publish(book, decision(IDS[1]), name="other")
    assert book.rollback(2, by="cyd", now=NOW, policy=POLICY) == 4
    assert [costs(book, NOON, offer) for offer in IDS] == ["10.00", "11.00", "10.00"]
    assert book.history(IDS[0])[-1].valid_until is None
    assert book.coming(NOW) == ()
    for version, reason in ((2, "was rolled back already"), (4, "propose them again")):
        with pytest.raises(RefusedError, match=reason):
            book.rollback(version, by="cyd", now=NOW, policy=POLICY)


def test_what_has_begun_is_rolled_back_like_any_other(book: PriceBook) -> None:
    """With all that followed."""
    publish(book, decision(IDS[1]), name="other")
    assert book.rollback(2, by="cyd", now=NOON, policy=POLICY) == 4
    assert [costs(book, NOON + DAY, offer) for offer in IDS] == ["10.00", "10.00", "10.00"]
    assert costs(book, NOON - TICK) == "10.00"


def test_rolling_back_an_earlier_publication_leaves_what_was_scheduled_before_it(book: PriceBook) -> None:
    """A schedule that is older than what is undone goes on."""
    publish(book, decision(IDS[1]), name="other")
    book.rollback(3, by="cyd", now=NOW, policy=POLICY)
    assert [costs(book, NOON, offer) for offer in IDS] == ["11.00", "10.00", "10.00"]


def test_a_freeze_takes_back_what_has_not_begun(book: PriceBook) -> None:
    """Frozen means no change; lifting the freeze does not bring it back."""
    schedule(book, "p2", offer=IDS[1])
    assert book.freeze(by="cyd", now=NOW, reason="storm") == (2, 3)
    assert book.freeze(by="cyd", now=NOW, reason="storm still") == ()
    assert [costs(book, NOON + DAY, offer) for offer in IDS] == ["10.00"] * 3
    book.unfreeze(by="cyd", now=NOW, reason="over")
    assert [costs(book, NOON + DAY, offer) for offer in IDS] == ["10.00"] * 3


def test_what_a_coming_price_rests_on_is_not_taken_from_under_it(home: Home) -> None:
    """A child's price that follows the adult's would rise without it: it is taken back first, then both may go."""
    ordered, book = replace(POLICY, segment_order=(("child", "adult"),)), book_with_prices(home)
    for offer, begins in ((IDS[0], NOON), (IDS[1], NOON + DAY)):
        book.propose(proposal(decision(offer), name=offer, base=book.version()))
        book.approve(offer, by="bob", now=NOW)
        book.publish(offer, by="bob", now=NOW, policy=ordered, law=NO_LAW, at=begins)
    with pytest.raises(
        RefusedError,
        match=r"from 2026-03-03 12:00 UTC on hamlet-child at 11\.00 .* hamlet-adult at 10\.00; take version 3 back",
    ):
        book.rollback(2, by="cyd", now=NOW, policy=ordered)
    assert [costs(book, NOON + DAY, offer) for offer in IDS] == ["11.00", "11.00", "10.00"]
    assert verify(book._engine, None) == ()
    assert [book.rollback(version, by="cyd", now=NOW, policy=ordered) for version in (3, 2)] == [4, 5]
    assert book.coming(NOW) == ()


def test_an_order_that_was_broken_before_does_not_keep_a_schedule_from_being_taken_back(book: PriceBook) -> None:
    """Only what the step itself would make worse is refused."""
    publish(book, decision(IDS[1]), name="child above adult")
    ordered = replace(POLICY, segment_order=(("child", "adult"), ("child", "senior")))
    schedule(book, "p3", offer=IDS[2], begins=NOON + DAY)
    assert book.rollback(4, by="cyd", now=NOW, policy=ordered) == 5


def test_bounds_that_leave_out_a_coming_price_are_refused(book: PriceBook) -> None:
    """The owner hears of it before the price begins, not after."""
    dear = [replace(each, offer=_with_ceiling(each.offer)) for each in LISTINGS]
    with pytest.raises(
        RefusedError, match=r"leaves out 11\.00, in force from 2026-03-02 12:00 UTC; roll back version 2"
    ):
        book.import_offers(dear, by="ann", now=NOW)


def _with_ceiling(offer: Offer) -> Offer:
    return replace(offer, ceiling=Decimal("10.50"), ladder=Ladder.of(["10.00"], "EUR"))


def test_a_clock_that_went_back_begins_nothing_early(book: PriceBook) -> None:
    """What is published after a jump back is dated after what was published before it."""
    publish(book, decision(IDS[1]), name="other", at=NOW - DAY)
    assert book.publications()[-1].at > book.publications()[-2].at
    assert costs(book, NOON - TICK) == "10.00"
