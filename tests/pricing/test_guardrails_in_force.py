"""What is in force, and was of late, is what the rows of the price book say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.guardrails import InForce, history_from
from pricing.guardrails.in_force import Row
from pricing.policy import Mode, Policy

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
POLICY = Policy()


def rows(*changes: tuple[timedelta, str]) -> list[Row]:
    """Rows of the price book for prices that began so long ago, each until the next."""
    starts = [NOW - ago for ago, _ in changes]
    ends = [*starts[1:], None]
    return [(start, end, Decimal(price)) for start, end, (_, price) in zip(starts, ends, changes, strict=True)]


def over(*changes: tuple[timedelta, str], **settings_: Any) -> InForce:
    """What is in force after these changes."""
    return InForce.over(rows(*changes), NOW, Policy(**settings_))


def emergency(since: datetime) -> dict[str, Any]:
    """Settings of an emergency."""
    return {"mode": Mode.EMERGENCY, "emergency_since": since}


def test_a_price_that_never_moved_is_its_own_past() -> None:
    """All there is to know of it is that price."""
    twenty = Decimal(20)
    assert over((400 * DAY, "20")) == InForce(twenty, twenty, twenty, twenty, twenty, twenty)
    assert InForce.steady(twenty) == InForce(twenty, twenty, twenty)


def test_each_window_holds_what_was_in_force_at_some_instant_of_it() -> None:
    """Three in the last day, five in the last 28, and the older ones in neither."""
    known = over(
        (300 * DAY, "50"),
        (29 * DAY, "12"),
        (20 * DAY, "30"),
        (10 * DAY, "22"),
        (23 * HOUR, "18"),
        (2 * HOUR, "20"),
    )
    assert [str(each) for each in (known.price, known.lowest, known.highest)] == ["20", "18", "22"]
    assert [str(each) for each in (known.lowest_lately, known.highest_lately)] == ["12", "30"]
    assert over((300 * DAY, "50"), (29 * DAY, "12"), (20 * DAY, "30"), cumulative_days=20).lowest_lately == 30


def test_a_price_that_ended_as_a_window_began_is_not_in_it() -> None:
    """And one that ended a moment later is."""
    moment = timedelta(microseconds=1)
    assert over((2 * DAY, "10"), (DAY, "20")).lowest == 20
    assert over((2 * DAY, "10"), (DAY - moment, "20")).lowest == 10
    assert over((99 * DAY, "10"), (28 * DAY, "20")).lowest_lately == 20
    assert over((99 * DAY, "10"), (28 * DAY - moment, "20")).lowest_lately == 10


def test_a_price_begins_at_its_instant_and_ends_before_the_next_does() -> None:
    """At the very instant of a change the new price is in force."""
    assert over((DAY, "10"), (timedelta(0), "20")).price == 20
    assert over((DAY, "10"), (timedelta(0), "20")).coming is None


def test_the_rows_may_stand_in_any_order() -> None:
    """Time counts, not place."""
    changes = [(40 * DAY, "12"), (20 * DAY, "30"), (DAY, "22"), (HOUR, "18")]
    told = rows(*changes)
    assert InForce.over(told[::-1], NOW, POLICY) == InForce.over(told, NOW, POLICY)


def test_a_price_that_was_replaced_as_it_began_was_never_in_force() -> None:
    """Whichever of the two rows stands first."""
    told = [(NOW - HOUR, NOW - HOUR, Decimal(10)), (NOW - HOUR, None, Decimal(20))]
    for order in (told, told[::-1]):
        known = InForce.over(order, NOW, POLICY)
        assert (known.price, known.usual) == (Decimal(20), Decimal(20))


def test_a_price_that_is_yet_to_begin_is_told_apart() -> None:
    """It neither counts as a price of the past nor as the one in force; the earliest is named."""
    told = [
        (NOW - DAY, NOW + DAY, Decimal(20)),
        (NOW + 3 * DAY, None, Decimal(60)),
        (NOW + DAY, NOW + 3 * DAY, Decimal(40)),
    ]
    known = InForce.over(told, NOW, Policy(**emergency(NOW + 2 * DAY)))
    assert {known.price, known.highest, known.highest_lately, known.usual} == {Decimal(20)}
    assert known.coming == NOW + DAY
    assert known.before_emergency is None


@pytest.mark.parametrize(
    "told",
    [[], [(NOW + HOUR, None, Decimal(20))], [(NOW - DAY, NOW, Decimal(20))]],
    ids=["nothing", "not begun", "ended now"],
)
def test_without_a_price_in_force_there_is_nothing_to_say(told: list[Row]) -> None:
    """It is not guessed."""
    with pytest.raises(ValueError, match=r"^no price is in force at 2026-03-29 01:30:00\+00:00$"):
        InForce.over(told, NOW, POLICY)


def test_the_usual_price_is_the_one_of_most_of_the_time() -> None:
    """An hour at a hundred times the price does not make it usual; what is older than 90 days does not count."""
    assert over((90 * DAY, "20"), (2 * HOUR, "2000"), (HOUR, "21")).usual == 20
    assert over((90 * DAY, "20"), (44 * DAY, "30")).usual == 20
    assert over((90 * DAY, "20"), (45 * DAY, "30")).usual == 20
    assert over((90 * DAY, "20"), (46 * DAY, "30")).usual == 30
    assert over((900 * DAY, "10"), (90 * DAY, "20"), (60 * DAY, "10")).usual == 10
    assert over((900 * DAY, "10"), (89 * DAY, "20")).usual == 20


def test_time_at_the_same_price_adds_up() -> None:
    """Twice twenty days at 20 outweigh thirty at 30."""
    assert over((70 * DAY, "20"), (50 * DAY, "30"), (20 * DAY, "20")).usual == 20
    assert over((70 * DAY, "30"), (50 * DAY, "20"), (19 * DAY, "30")).usual == 30


def test_each_price_counts_for_its_own_time_only() -> None:
    """Three days at 10 outweigh one at 20 and one and a half at 30."""
    assert over((132 * HOUR, "10"), (60 * HOUR, "20"), (36 * HOUR, "30")).usual == 10


def test_an_offer_that_has_just_come_on_sale_has_no_usual_price() -> None:
    """No time has passed at any price."""
    assert over((timedelta(0), "20")).usual is None


def test_the_price_before_the_emergency_is_the_one_in_force_when_it_began() -> None:
    """Whatever has happened since; of an offer that came later it is its first."""
    changes = [(30 * DAY, "20"), (5 * DAY, "25"), (DAY, "30")]
    since = {name: NOW - ago for name, ago in (("before", 6 * DAY), ("at", 5 * DAY), ("long", 60 * DAY))}
    assert over(*changes, **emergency(since["before"])).before_emergency == 20
    assert over(*changes, **emergency(since["at"])).before_emergency == 25
    assert over(*changes, **emergency(since["long"])).before_emergency == 20
    assert over(*changes, **emergency(NOW)).before_emergency == 30
    assert over(*changes).before_emergency is None


@pytest.mark.parametrize(
    ("settings_", "days"),
    [
        ({}, 90),
        ({"cumulative_days": 200}, 200),
        (emergency(NOW - 300 * DAY), 300),
        (emergency(NOW - 3 * DAY), 90),
    ],
)
def test_the_book_is_read_back_to_the_longest_memory(settings_: dict[str, Any], days: int) -> None:
    """The median, the cumulative cap, or the emergency."""
    assert history_from(NOW, Policy(**settings_)) == NOW - days * DAY


@pytest.mark.parametrize("price", ["9.99", "20.01"])
def test_a_price_outside_its_own_range_is_a_fault(price: str) -> None:
    """Nothing is reckoned with what cannot be."""
    with pytest.raises(ValueError, match=rf"^price {price} lies outside its own range, 10 to 20$"):
        InForce(Decimal(price), Decimal(10), Decimal(20))


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(1, 110 * 24), st.integers(1, 9)), min_size=1, max_size=8, unique_by=lambda c: c[0]),
    st.integers(1, 40),
    st.integers(1, 110 * 24),
)
def test_it_equals_looking_at_every_hour(changes: list[tuple[int, int]], days: int, ago: int) -> None:
    """Brute force over a hundred days of hours."""
    changes.sort(reverse=True)
    hourly: dict[int, Decimal] = {}
    for start, price in changes:
        hourly |= dict.fromkeys(range(start, 0, -1), Decimal(price))
    known = over(
        *((start * HOUR, str(price)) for start, price in changes),
        cumulative_days=days,
        **emergency(NOW - ago * HOUR),
    )
    day = [hourly[hour] for hour in range(1, 25) if hour in hourly]
    lately = [hourly[hour] for hour in range(1, 24 * days + 1) if hour in hourly]
    usual = sorted(hourly[hour] for hour in range(1, 90 * 24 + 1) if hour in hourly)
    assert known.price == Decimal(changes[-1][1])
    assert (known.lowest, known.highest) == (min(day), max(day))
    assert (known.lowest_lately, known.highest_lately) == (min(lately), max(lately))
    assert known.usual == usual[(len(usual) - 1) // 2]
    assert known.before_emergency == hourly.get(ago, Decimal(changes[0][1]))
