"""Ladders rise, offers have bounds, events have zones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.model import Event, Ladder, Offer, Resource

OFFER = Offer(
    id="night / stalls",
    product="stalls",
    currency="EUR",
    ladder=Ladder.parse("10:30:2.50", "EUR"),
    floor=Decimal(10),
    ceiling=Decimal(30),
    current_price=Decimal(20),
)


@pytest.mark.parametrize(
    ("text", "prices"),
    [
        ('["12.00", 10, 11.5]', ["10.00", "11.50", "12.00"]),
        ("10:20:2.50", ["10.00", "12.50", "15.00", "17.50", "20.00"]),
        ("10:13:1 ending .99", ["10.99", "11.99", "12.99"]),
        ("9.5:9.5:1", ["9.50"]),
    ],
)
def test_a_ladder_is_read_in_three_ways(text: str, prices: list[str]) -> None:
    """A JSON list, a range, and a range with a price ending."""
    assert Ladder.parse(text, "EUR") == Ladder(tuple(Decimal(price) for price in prices))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[1,",
        "10:20",
        "20:10:1",
        "10:20:0",
        "10:20:-1",
        "0:5:1",
        "a:b:c",
        "1:100000:0.01",
        "[NaN]",
        "[0]",
        "1:3:1 ending 2",
    ],
)
def test_what_is_no_ladder_is_refused(text: str) -> None:
    """Falling, endless, empty or non-positive ladders are refused."""
    with pytest.raises(ValueError, match=r"."):
        Ladder.parse(text, "EUR")


@given(st.lists(st.decimals(min_value="0.01", max_value=1000, places=2), min_size=1, max_size=30))
def test_a_ladder_rises_whatever_the_order_it_was_given_in(prices: list[Decimal]) -> None:
    """Steps are sorted and unique, and `within` keeps to its bounds."""
    ladder = Ladder.of(prices, "EUR")
    assert list(ladder) == sorted(set(prices))
    assert all(Decimal(5) <= price <= Decimal(50) for price in ladder.within(Decimal(5), Decimal(50)))


@pytest.mark.parametrize(
    "change",
    [
        {"floor": Decimal(0)},
        {"floor": Decimal("NaN")},
        {"floor": Decimal(31)},
        {"ceiling": Decimal("Infinity")},
        {"ceiling": Decimal("NaN")},
        {"floor": Decimal(11), "ceiling": Decimal(12)},
        {"current_price": Decimal("NaN")},
        {"current_price": Decimal(0)},
        {"unit_cost": Decimal(-1)},
        {"unit_cost": Decimal("Infinity")},
        {"currency": "EURO"},
    ],
)
def test_an_offer_that_cannot_be_priced_does_not_exist(change: dict[str, object]) -> None:
    """Bounds that enclose no step, prices that are no prices, unknown currencies."""
    with pytest.raises(ValueError, match=r"."):
        replace(OFFER, **change)  # type: ignore[arg-type]


def test_an_event_has_a_zone_and_starts_after_it_goes_on_sale() -> None:
    """An instant without a zone is ambiguous, and refused."""
    start = datetime(2027, 1, 1, 20, tzinfo=UTC)
    assert Event("night", start, start - timedelta(days=60)).venue == "all"
    with pytest.raises(ValueError, match="no time zone"):
        Event("night", start.replace(tzinfo=None))
    with pytest.raises(ValueError, match="after it starts"):
        Event("night", start, start)


@pytest.mark.parametrize("capacity", [-1.0, float("nan"), float("inf")])
def test_a_resource_holds_a_number_of_units(capacity: float) -> None:
    """NaN never passes as a capacity."""
    with pytest.raises(ValueError, match="not a number of units"):
        Resource("room", capacity)
