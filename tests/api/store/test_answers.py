"""What is said beside a price follows from the book and the law of its market, on both databases."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from api.served.answers import take
from api.store.book import PriceBook
from api.store.database import open_to_read, reading
from pricing.book import Listing, Provenance
from pricing.errors import RefusedError
from pricing.law import NO_LAW, Fee, Law, MarketLaw
from tests.api.store.book_kit import DAY, NOW, OFFERS, POLICY, Home, decision, new_book, place_in, proposal

GERMAN = Law((MarketLaw(name="DE", country="DE"),), time_zone="Europe/Berlin")
BRITISH = Law((MarketLaw(name="UK", country="GB"),), time_zone="Europe/London")
BOTH = (GERMAN, NO_LAW)
NEW_YORK = Law((MarketLaw(name="NY", country="US", region="NY"),))
MUG = replace(OFFERS[0], id="mug", product="mug", event="all", segment="all", current_price=Decimal("12.00"))


def goods(home: Home) -> PriceBook:
    """A book with a mug at 12.00."""
    book = new_book(home)
    book.import_offers([Listing(MUG)], by="ann", now=NOW)
    return book


def tickets(home: Home) -> PriceBook:
    """A book with a ticket at 10.00."""
    book = new_book(home)
    book.import_offers([Listing(OFFERS[0])], by="ann", now=NOW)
    return book


def move(
    book: PriceBook,
    price: str,
    *,
    at: datetime,
    begins: datetime | None = None,
    law: Law = NO_LAW,
    inputs: tuple[str, ...] = (),
) -> int:
    """Propose, approve and publish a price of the only offer; returns the version."""
    (now,) = book.prices_in_force(at)
    name = f"{at.isoformat()} {book.version()}"
    made = proposal(decision(now.offer, price, now=str(now.price)), name=name, base=book.version(), at=at)
    book.propose(replace(made, provenance=replace(made.provenance, inputs=inputs)))
    book.approve(name, by="bob", now=at, large=True)
    return book.publish(name, by="bob", now=at, policy=POLICY, law=law, at=begins)


def answers(home: Home, at: datetime, law: Law) -> dict[str, dict[str, Any]]:
    """What is said about each offer."""
    with reading(open_to_read(place_in(home))) as db:
        entries = take(db, now=at, law=law).entries
    return {entry.offer: msgspec.json.decode(entry.price) for entry in entries}


def said(home: Home, at: datetime, law: Law) -> Mapping[str, Any]:
    """The answer about the only offer."""
    (answer,) = answers(home, at, law).values()
    return answer


def test_a_reduction_is_told_as_the_history_bears_it_out(home: Home) -> None:
    """From 12 to 11 after forty days: of 12, since it began, 8 % and not a tenth more; also weeks later."""
    book, began = goods(home), NOW + 40 * DAY
    move(book, "11.00", at=began)
    expected = {"lowest_price": "12.00", "since": "2026-04-11T09:30:00Z", "percent": 8, "days": 30}
    for later in (began, began + 20 * DAY):
        assert said(home, later, GERMAN)["reduction"] == expected
    assert said(home, began, NO_LAW)["reduction"] is None


def test_a_price_that_was_raised_for_a_while_is_no_reduction(home: Home) -> None:
    """11, two weeks of 12, back to 11: nothing is claimed."""
    book = goods(home)
    move(book, "11.00", at=NOW + 10 * DAY)
    move(book, "12.00", at=NOW + 12 * DAY)
    move(book, "11.00", at=NOW + 26 * DAY)
    assert said(home, NOW + 27 * DAY, GERMAN)["reduction"] is None


def test_a_price_that_a_rollback_restores_is_measured_by_what_was_before_it(home: Home) -> None:
    """11 was a reduction of 12; after a day of 10 that was taken back it is none."""
    book = goods(home)
    move(book, "11.00", at=NOW + 40 * DAY)
    before = said(home, NOW + 41 * DAY, GERMAN)["reduction"]
    version = move(book, "10.00", at=NOW + 42 * DAY)
    book.rollback(version, by="ann", now=NOW + 43 * DAY, policy=POLICY)
    assert before["lowest_price"] == "12.00"
    assert said(home, NOW + 44 * DAY, GERMAN)["reduction"] is None


def test_a_reduction_that_is_scheduled_is_told_from_its_beginning(home: Home) -> None:
    """Not before; then by the days before it begins."""
    book, begins = goods(home), NOW + 45 * DAY
    move(book, "11.00", at=NOW + 44 * DAY, begins=begins)
    assert said(home, begins - timedelta(seconds=1), GERMAN)["reduction"] is None
    assert said(home, begins, GERMAN)["reduction"]["since"] == "2026-04-16T09:30:00Z"


def test_a_price_that_was_taken_back_before_it_began_was_never_charged(home: Home) -> None:
    """10 was scheduled and cancelled; what 11 is measured by is still 12."""
    book, at = goods(home), NOW + 40 * DAY
    version = move(book, "10.00", at=at, begins=at + 2 * DAY)
    book.rollback(version, by="ann", now=at + DAY, policy=POLICY)
    move(book, "11.00", at=at + 3 * DAY)
    assert said(home, at + 3 * DAY, GERMAN)["reduction"]["lowest_price"] == "12.00"


def test_a_former_price_is_shown_only_if_it_is_the_lowest(home: Home) -> None:
    """A higher one was never charged in the days that count; elsewhere each stands as the owner says."""
    book, at = new_book(home), NOW + 40 * DAY
    listed = {"mug-a": "12.00", "mug-b": "15.00", "mug-c": "11.50"}
    mugs = [replace(MUG, id=name, product=name, list_price=Decimal(price)) for name, price in listed.items()]
    book.import_offers(map(Listing, mugs), by="ann", now=NOW)
    book.propose(proposal(*(decision(name, "11.00", now="12.00") for name in listed), base=1, at=at))
    book.approve("p1", by="bob", now=at, large=True)
    book.publish("p1", by="bob", now=at, policy=POLICY, law=NO_LAW)
    shown = {law: {name: answer["list_price"] for name, answer in answers(home, at, law).items()} for law in BOTH}
    assert shown == {GERMAN: {"mug-a": "12.00", "mug-b": None, "mug-c": None}, NO_LAW: listed}


def test_a_total_has_the_fees_of_its_market_each_by_its_name(home: Home) -> None:
    """1.50 and 5 % on 12.00 are 14.10; what it was before is a total, too."""
    fees = (Fee(name="booking", amount=Decimal("1.50")), Fee(name="service", share=Decimal("0.05")))
    law = Law((MarketLaw(name="DE", country="DE", fees=fees),))
    book = goods(home)
    answer = said(home, NOW, law)
    assert (answer["total_price"], answer["price"]) == ("14.10", "12.00")
    assert answer["fees"] == [{"name": "booking", "amount": "1.50"}, {"name": "service", "amount": "0.60"}]
    move(book, "11.00", at=NOW + 40 * DAY)
    reduced = said(home, NOW + 40 * DAY, law)
    assert (reduced["total_price"], reduced["reduction"]["lowest_price"]) == ("13.05", "14.10")
    assert reduced["reduction"]["percent"] == 7


def test_the_market_is_named_where_there_are_several(home: Home) -> None:
    """With one there is nothing to tell apart; a price for all channels is in none of two."""
    book = goods(home)
    both = Law((MarketLaw(name="DE", country="DE", channels=("de",)), MarketLaw(name="rest")))
    assert said(home, NOW, GERMAN)["market"] is None
    book.import_offers([Listing(replace(MUG, id=name, channel=name)) for name in ("de", "web")], by="ann", now=NOW)
    named = {offer: answer["market"] for offer, answer in answers(home, NOW, both).items()}
    assert named == {"mug": None, "de": "DE", "web": "rest"}


def test_personal_data_is_disclosed_as_long_as_the_price_that_was_made_from_it_holds(home: Home) -> None:
    """Also when a later decision without such data keeps it; not for one that a person's data never entered."""
    book = goods(home)
    assert said(home, NOW, NEW_YORK)["disclosures"] == []
    move(book, "11.00", at=NOW + DAY, inputs=("date", "customer"))
    words = ["THIS PRICE WAS SET BY AN ALGORITHM USING YOUR PERSONAL DATA"]
    assert said(home, NOW + DAY, NEW_YORK)["disclosures"] == words
    move(book, "11.00", at=NOW + 2 * DAY, inputs=("date",))
    assert said(home, NOW + 2 * DAY, NEW_YORK)["disclosures"] == words
    version = move(book, "12.00", at=NOW + 3 * DAY, inputs=("date",))
    assert said(home, NOW + 3 * DAY, NEW_YORK)["disclosures"] == []
    book.rollback(version, by="ann", now=NOW + 4 * DAY, policy=POLICY)
    assert said(home, NOW + 4 * DAY, NEW_YORK)["disclosures"] == words


def test_an_explanation_lists_what_its_price_was_made_from(home: Home) -> None:
    """The columns, as the decision recorded them."""
    book = goods(home)
    move(book, "11.00", at=NOW + DAY, inputs=("date", "quantity"))
    with reading(open_to_read(place_in(home))) as db:
        (entry,) = take(db, now=NOW + DAY).entries
    made_from = msgspec.json.decode(entry.explanation)["provenance"]
    assert msgspec.convert(made_from, Provenance).inputs == ("date", "quantity")


def test_a_rise_is_announced_with_the_range_of_prices(home: Home) -> None:
    """At once it is refused; scheduled a day ahead it stands beside the price of today."""
    book = tickets(home)
    with pytest.raises(RefusedError, match="24 hours ahead"):
        move(book, "11.00", at=NOW, law=BRITISH)
    begins = NOW + timedelta(hours=25)
    book.publish(book.proposals()[-1].id, by="bob", now=NOW, policy=POLICY, law=BRITISH, at=begins)
    answer = said(home, NOW, BRITISH)
    coming = [{"price": "11.00", "total_price": "11.00", "valid_from": "2026-03-03T10:30:00Z"}]
    assert answer["tier_notice"] == {"hours": 24.0, "coming": coming}
    assert answer["price_range"] == {"lowest": "10.00", "highest": "11.00"}
    assert said(home, begins, BRITISH)["price_range"] == {"lowest": "11.00", "highest": "11.00"}
    assert said(home, NOW, GERMAN)["tier_notice"] is None


def test_many_offers_have_each_their_own_past(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are asked about at once."""
    monkeypatch.setattr("api.store.past.AT_ONCE", 7)
    book, count = new_book(home), 30
    mugs = [replace(MUG, id=f"mug-{i:03}", product=f"mug-{i:03}") for i in range(count)]
    book.import_offers([Listing(mug) for mug in mugs], by="ann", now=NOW)
    at = NOW + 35 * DAY
    moved = [decision(mug.id, "11.00", now="12.00") for mug in mugs[::2]]
    book.propose(proposal(*moved, name="half", base=1, at=at))
    book.approve("half", by="bob", now=at, large=True)
    book.publish("half", by="bob", now=at, policy=POLICY, law=NO_LAW)
    reduced = {name for name, answer in answers(home, at, GERMAN).items() if answer["reduction"] is not None}
    assert reduced == {mug.id for mug in mugs[::2]}
