"""A sale is recorded once, beside the price that was in force; a batch that is wrong anywhere changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from api.quote_ids import Quote, sign
from api.store.book import PriceBook
from api.store.database import open_database, reading, writing
from api.store.sales import SPAN, Heard, Received, Sale, heard, latest_number, record, sums
from api.store.tables import prices, sales, secrets
from pricing.book import Listing
from pricing.errors import Finding, MismatchError, RefusedError
from pricing.model import ALL
from tests.api.store.book_kit import DAY, IDS, NOW, OFFERS, Home, book_with_prices, decision, place_in, publish

HOUR = timedelta(hours=1)
LATER = NOW + DAY


def sale(name: str = "s1", **changed: Any) -> Sale:
    """Two tickets at the price in force."""
    values: dict[str, Any] = {
        "id": name,
        "offer": IDS[0],
        "sold_at": NOW + HOUR,
        "quantity": 2.0,
        "price": Decimal("10.00"),
        "currency": "EUR",
    }
    return Sale(**(values | changed))


class Till:
    """A price book that sales come back to."""

    def __init__(self, home: Home) -> None:
        self.book: PriceBook = book_with_prices(home)
        self.engine: Engine = open_database(place_in(home))

    def take(self, *batch: Sale, by: str = "shop") -> Received:
        """Record a batch, a day after the prices began."""
        return record(self.engine, batch, by=by, now=LATER)

    def rows(self) -> list[Any]:
        """Every sale recorded."""
        with reading(self.engine) as db:
            return list(db.execute(select(sales).order_by(sales.c.number)))

    def refused(self, *batch: Sale) -> dict[str | None, str]:
        """What is wrong with a batch, by place; nothing is recorded."""
        before = self.rows()
        with pytest.raises(MismatchError) as caught:
            self.take(*batch)
        assert self.rows() == before
        return {finding.column: finding.reason for finding in caught.value.findings}


@pytest.fixture
def till(home: Home) -> Till:
    """A till, on both databases."""
    return Till(home)


def test_a_sale_is_recorded_with_the_price_in_force(till: Till) -> None:
    """Who sent it and when stands beside it."""
    assert till.take(sale()) == Received(1, 0, ())
    row = till.rows()[0]
    assert (row.offer, row.channel, row.sold_at, row.quantity) == (IDS[0], ALL, NOW + HOUR, 2.0)
    assert (row.price, row.in_force, row.by, row.received_at) == (Decimal("10.00"), Decimal("10.00"), "shop", LATER)


def test_the_same_sale_again_changes_nothing(till: Till) -> None:
    """A shop that got no answer sends again; new ones in the same batch are taken."""
    till.take(sale("s1"), sale("s2"))
    assert till.take(sale("s2"), sale("s3")) == Received(1, 1, ())
    assert [row.id for row in till.rows()] == ["s1", "s2", "s3"]


@pytest.mark.parametrize(
    "changed",
    [
        {"quantity": 3.0},
        {"price": Decimal("9.00")},
        {"offer": IDS[1]},
        {"sold_at": NOW + 2 * HOUR},
    ],
)
def test_the_same_id_with_another_content_is_refused(till: Till, changed: dict[str, Any]) -> None:
    """It says in what it differs."""
    till.take(sale())
    told = till.refused(sale("new"), sale(**changed))
    assert list(told) == ["sales[1].id"]
    assert "recorded before with another" in told["sales[1].id"]
    assert next(iter(changed)) in told["sales[1].id"]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5, unique=True), max_size=8))
def test_however_sales_are_sent_each_counts_once(new_home: Callable[[], Home], batches: list[list[int]]) -> None:
    """Any batches, overlapping as they like: one row per id, in the end."""
    till = Till(new_home())
    for batch in batches:
        till.take(*(sale(f"s{number}", quantity=float(number + 1)) for number in batch))
    sent = {number for batch in batches for number in batch}
    assert sorted(row.quantity for row in till.rows()) == sorted(float(number + 1) for number in sent)


def test_everything_wrong_with_a_batch_is_said_at_once(till: Till) -> None:
    """Row, field and reason of each; the good rows are not recorded either."""
    told = till.refused(
        sale("a"),
        sale("b", offer="othello", price=Decimal("10.00")),
        sale("c", currency="USD"),
        sale("d", quantity=0.0, sold_at=LATER + HOUR),
        sale("e", price=Decimal(0)),
        sale("f", price=Decimal("10.001")),
        sale("g", price=Decimal(1000)),
        sale("h", channel="web", sold_at=NOW - 500 * DAY),
        sale("a"),
        sale("i", quote="made-up"),
        sale("j", quantity=float("nan")),
        sale("k", price=Decimal("NaN")),
        sale("l", price=Decimal("0.10")),
    )
    expected = {
        "sales[1].offer": "no offer othello",
        "sales[2].currency": "is in EUR, not USD",
        "sales[3].quantity": "not be 0",
        "sales[3].sold_at": "future",
        "sales[4].price": "not a price",
        "sales[5].price": "more decimals",
        "sales[6].price": "major units",
        "sales[7].sold_at": "400 days ago",
        "sales[8].id": "twice",
        "sales[9].quote": "no quote for hamlet-adult",
        "sales[10].quantity": "must lie between",
        "sales[11].price": "not an amount",
        "sales[12].price": "major units",
    }
    assert list(told) == list(expected)
    for place, words in expected.items():
        assert words in told[place], (place, told[place])


def test_a_sale_at_another_price_is_recorded_and_reported(till: Till) -> None:
    """A voucher of 3.00: the sale counts, and the answer names it."""
    done = till.take(sale("a", price=Decimal("7.00")), sale("b"))
    assert done.new == 2
    assert [(odd.id, odd.paid, odd.in_force) for odd in done.otherwise] == [("a", Decimal("7.00"), Decimal("10.00"))]


def test_the_price_in_force_is_the_one_at_the_instant_of_the_sale(till: Till) -> None:
    """A new price at noon: sales before it are held against the old one, from its instant on against the new one."""
    publish(till.book, decision(price="11.00"), at=NOW + 5 * HOUR)
    moments = [NOW + 5 * HOUR - timedelta(microseconds=1), NOW + 5 * HOUR]
    till.take(*(sale(str(n), sold_at=at) for n, at in enumerate(moments)))
    assert [row.in_force for row in till.rows()] == [Decimal("10.00"), Decimal("11.00")]


def test_a_sale_from_before_the_first_price_has_none_in_force(till: Till) -> None:
    """It is recorded, and reported as what cannot be compared."""
    done = till.take(sale(sold_at=NOW - DAY))
    assert [odd.in_force for odd in done.otherwise] == [None]


def test_a_quoted_price_is_the_one_that_counts(till: Till) -> None:
    """The price moved to 11.00 meanwhile; what was quoted at 10.00 is no voucher. An expired quote is refused."""
    with reading(till.engine) as db:
        number = db.scalars(select(prices.c.number).where(prices.c.offer == IDS[0])).one()
        other = db.scalars(select(prices.c.number).where(prices.c.offer == IDS[1])).one()
        secret = db.scalars(select(secrets.c.value).where(secrets.c.name == "quotes")).one().encode()
    publish(till.book, decision(price="11.00"), at=NOW + HOUR)
    quote = sign(Quote(number, 1000, NOW + 4 * HOUR), secret)
    done = till.take(sale(sold_at=NOW + 2 * HOUR, quote=quote))
    assert done.otherwise == ()
    assert till.rows()[0].in_force == Decimal("10.00")
    told = till.refused(
        sale("late", sold_at=NOW + 5 * HOUR, quote=quote),
        sale("other", quote=sign(Quote(other, 1000, NOW + 4 * HOUR), secret)),
    )
    assert "expired" in told["sales[0].quote"]
    assert "no quote for hamlet-adult" in told["sales[1].quote"]


def test_a_return_is_a_negative_quantity(till: Till) -> None:
    """It is recorded like a sale, and takes from the sums."""
    till.take(sale("a", quantity=5.0), sale("b", quantity=-2.0))
    with reading(till.engine) as db:
        found = sums(db, since=NOW, until=LATER)
    assert [(each.units, each.revenue) for each in found] == [(3.0, 30.0)]


def test_a_channel_without_its_own_price_has_the_price_for_all(till: Till) -> None:
    """The shop may say web or nothing: there is one price."""
    till.take(sale("a", channel="web"), sale("b"), sale("c", channel=ALL))
    assert {row.channel for row in till.rows()} == {ALL}


def test_where_each_channel_has_its_price_the_channel_must_be_said(home: Home) -> None:
    """Without it nobody knows which price was in force."""
    till = Till(home)
    named = [replace(OFFERS[0], id="lear", channel=name) for name in ("web", "door")]
    till.book.import_offers(list(map(Listing, named)), by="ann", now=NOW)
    told = till.refused(sale("a", offer="lear"), sale("b", offer="lear", channel="phone"))
    assert "say which" in told["sales[0].channel"]
    assert "not sold in phone" in told["sales[1].channel"]
    till.take(sale("c", offer="lear", channel="door"))
    assert till.rows()[0].channel == "door"


def test_sums_are_by_price_and_quarter_of_an_hour(till: Till) -> None:
    """Two prices within one quarter are told apart; sales at another price are counted apart."""
    at = NOW + 5 * HOUR + timedelta(minutes=5)
    publish(till.book, decision(price="11.00"), at=at)
    minute = timedelta(minutes=1)
    till.take(
        sale("a", sold_at=at - minute),
        sale("b", sold_at=at, price=Decimal("11.00"), quantity=3.0),
        sale("c", sold_at=at + minute, price=Decimal("8.00"), quantity=1.0),
        sale("d", sold_at=at + 20 * minute, price=Decimal("11.00")),
    )
    with reading(till.engine) as db:
        found = sorted(sums(db, since=NOW, until=LATER), key=lambda each: (each.price, each.at))
        none = sums(db, since=NOW, until=at - minute)
    assert none == ()
    assert all(each.at % SPAN == 0 for each in found)
    assert [(each.units, each.revenue, each.otherwise) for each in found] == [
        (2.0, 20.0, 0.0),
        (4.0, 41.0, 1.0),
        (2.0, 22.0, 0.0),
    ]


def test_first_and_latest_sale(till: Till) -> None:
    """By when it was sold, and by when it came."""
    assert heard(till.engine) is None
    with reading(till.engine) as db:
        assert latest_number(db) == 0
    till.take(sale("a", sold_at=NOW + 3 * HOUR), sale("b", sold_at=NOW + HOUR))
    assert heard(till.engine) == Heard(NOW + HOUR, LATER)
    with reading(till.engine) as db:
        assert latest_number(db) == 2


def test_the_database_itself_keeps_sales_as_they_came(till: Till) -> None:
    """Neither changed nor deleted nor recorded under the same id."""
    till.take(sale())
    for statement in (
        sales.update().values(quantity=9.0),
        sales.delete(),
        sales.insert().values({**till.rows()[0]._mapping, "number": 99}),
    ):
        with pytest.raises(RefusedError), writing(till.engine) as db:
            db.execute(statement)
    assert len(till.rows()) == 1


def test_findings_name_the_place_in_the_batch(till: Till) -> None:
    """As a body is written: `sales[0].offer`."""
    with pytest.raises(MismatchError) as caught:
        till.take(sale(offer="othello"))
    assert caught.value.findings == (Finding("there is no offer othello", column="sales[0].offer"),)
