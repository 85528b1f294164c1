"""The rails are asked where prices begin, by what the book itself remembers, on both databases."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from api.store.book import PriceBook
from pricing.book import Decision, Listing
from pricing.errors import RefusedError
from pricing.law import NO_LAW
from pricing.policy import Mode, Policy
from tests.api.store.book_kit import (
    DAY,
    IDS,
    LISTINGS,
    NOW,
    OFFERS,
    POLICY,
    Home,
    book_with_prices,
    decision,
    price_list,
    proposal,
)

HOUR = timedelta(hours=1)


def put(
    book: PriceBook, *moves: Decision, name: str, after: timedelta, large: bool = False, **policy: Any
) -> dict[str, str]:
    """Propose, approve and publish so long after the beginning, under a policy; the prices then."""
    at = NOW + after
    book.propose(proposal(*moves, name=name, base=book.version(), at=at))
    book.approve(name, by="bob", now=at, large=large)
    book.publish(name, by="bob", now=at, policy=replace(POLICY, **policy), law=NO_LAW)
    return price_list(book)


def refused(book: PriceBook, *moves: Decision, why: str, name: str, after: timedelta, **policy: Any) -> None:
    """What `put` does is refused, for this reason, and changes nothing."""
    before = price_list(book)
    with pytest.raises(RefusedError, match=why):
        put(book, *moves, name=name, after=after, **policy)
    assert price_list(book) == before


def test_caps_count_from_what_the_book_remembers(home: Home) -> None:
    """Of a day, of four weeks, and no longer."""
    book, day, four_weeks = book_with_prices(home), Decimal("0.15"), Decimal("0.15")
    put(book, decision(price="11.00"), name="p1", after=HOUR)
    up = decision(price="12.00", now="11.00")
    refused(book, up, why="moves more than 15% in a day", name="p2", after=24 * HOUR, daily_cap=day)
    refused(book, up, why="moves more than 15% in 28 days", name="p3", after=27 * DAY, cumulative_cap=four_weeks)
    assert put(book, up, name="p4", after=29 * DAY, daily_cap=day, cumulative_cap=four_weeks)[IDS[0]] == "12.00"


def test_a_price_far_from_the_usual_one_is_refused(home: Home) -> None:
    """It is what most of the last 90 days cost."""
    book, up = book_with_prices(home), decision(price="12.00")
    refused(book, up, why="factor of 1.1 from its usual price of 10", name="p1", after=9 * DAY, band=Decimal("1.1"))
    assert put(book, up, name="p2", after=9 * DAY, band=Decimal("1.2"))[IDS[0]] == "12.00"


def test_an_emergency_caps_prices_at_those_before_it(home: Home) -> None:
    """However long ago it began: the book is read back to it."""
    book = book_with_prices(home)
    emergency: dict[str, Any] = {"mode": Mode.EMERGENCY, "emergency_since": NOW + DAY}
    put(book, decision(price="11.00"), name="p1", after=2 * DAY)
    up = decision(price="12.00", now="11.00")
    words = r"more than 10% above 10\.00, its price before the emergency"
    refused(book, up, why=words, name="p2", after=300 * DAY, **emergency)
    put(book, decision(price="12.00", now="11.00"), name="p3", after=301 * DAY)
    assert put(book, decision(price="11.00", now="12.00"), name="p4", after=302 * DAY, **emergency)[IDS[0]] == "11.00"


def test_the_breaker_counts_what_others_have_published(home: Home) -> None:
    """Until a day has passed, or a person has seen it."""
    book = book_with_prices(home)
    strict: dict[str, Any] = {"breaker": Decimal("0.5"), "breaker_least": 1}
    put(book, decision(IDS[0]), name="p1", after=HOUR, **strict)
    words = "with it 2 of 3 offers on sale would have moved within 24 hours"
    refused(book, decision(IDS[1]), why=words, name="p2", after=2 * HOUR, **strict)
    put(book, decision(IDS[1]), name="p3", after=3 * HOUR, large=True, **strict)
    assert put(book, decision(IDS[2]), name="p4", after=28 * HOUR, **strict)[IDS[2]] == "11.00"


def test_the_listing_of_the_moment_counts(home: Home) -> None:
    """Bounds tightened after the decision, and a sale that is over."""
    book = book_with_prices(home)
    tight = Listing(replace(OFFERS[0], ceiling=Decimal("10.50")))
    over = replace(LISTINGS[1], sold_until=NOW + HOUR)
    book.import_offers([tight, over], by="ann", now=NOW)
    refused(book, decision(IDS[0]), why=r"above its ceiling of 10\.50", name="p1", after=2 * HOUR)
    refused(book, decision(IDS[1]), why="is on sale until", name="p2", after=2 * HOUR)


def test_a_scheduled_price_is_waited_for(home: Home) -> None:
    """Another decision about its offer is refused until it has begun; one about another offer is not."""
    book = book_with_prices(home)
    book.propose(proposal(decision(IDS[0]), name="p1"))
    book.approve("p1", by="bob", now=NOW)
    book.publish("p1", by="bob", now=NOW, policy=POLICY, law=NO_LAW, at=NOW + DAY)
    refused(book, decision(IDS[0], "12.00"), why="is scheduled; cancel it first", name="p2", after=HOUR)
    assert put(book, decision(IDS[1]), name="p3", after=HOUR)[IDS[1]] == "11.00"
    again = decision(IDS[0], "12.00", now="11.00")
    assert put(book, again, name="p4", after=2 * DAY)[IDS[0]] == "12.00"


def test_the_default_policy_lets_a_usual_step_through(home: Home) -> None:
    """And refuses a proposal whose sales nobody dated."""
    book, made = book_with_prices(home), proposal(decision(price="11.00"))
    undated = replace(made, id="p0", provenance=replace(made.provenance, sales_until=None))
    for each in (undated, made):
        book.propose(each)
        book.approve(each.id, by="bob", now=NOW)
    with pytest.raises(RefusedError, match="the newest sales are of unknown age"):
        book.publish("p0", by="bob", now=NOW, policy=Policy(), law=NO_LAW)
    book.publish("p1", by="bob", now=NOW, policy=Policy(), law=NO_LAW)
    assert price_list(book)[IDS[0]] == "11.00"
