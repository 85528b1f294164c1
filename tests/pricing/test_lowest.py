"""The price a reduction is measured by equals what counting every half hour finds, over 10,000 random histories."""

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pricing.lowest import Reduction, Row, reduction

HISTORIES = 10_000
DAYS = 30
ZONES = ("Europe/Berlin", "America/New_York", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
"""Among them one whose clocks turn at midnight, and one whose clocks turn by half an hour."""
CELL = timedelta(minutes=30)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
CELLS = 48 * 365
TURNS = {"Europe/Berlin": (87, 297), "America/New_York": (66, 304), "America/Havana": (66, 304)}
"""Days of 2026 on which clocks are turned, counted from the first."""

Find = Callable[[list[Row], datetime, ZoneInfo], Reduction | None]


@functools.cache
def local_days(zone: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(CELLS,) the calendar day of each half hour, as a number."""
    days = [(FIRST + i * CELL).astimezone(ZoneInfo(zone)).date().toordinal() for i in range(CELLS)]
    return np.array(days, dtype=np.int64)


def instant(cell: int) -> datetime:
    """When a half hour begins."""
    return FIRST + int(cell) * CELL


class History:
    """A random history of prices, as rows and half hour by half hour (0: not on sale)."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.zone = ZONES[rng.integers(len(ZONES))]
        turn = TURNS.get(self.zone, (120,))
        middle = 48 * (rng.choice(turn) + rng.integers(-2, 34)) + rng.integers(48)
        edges = np.unique(middle + rng.integers(-48 * 60, 48 * 20, size=rng.integers(2, 14)))
        edges = edges[(edges >= 0) & (edges < CELLS - 1)]
        self.prices = np.zeros(CELLS, dtype=np.int64)
        self.rows: list[Row] = []
        for i, (begins, ends) in enumerate(itertools.pairwise(edges)):
            if rng.random() < 0.15:
                continue  # not on sale
            cents = int(rng.integers(95, 101)) * int(rng.choice([10, 9, 5]))
            if rng.random() < 0.3 and self.rows:
                cents = int(self.rows[-1][2] * 100)
            last = i == len(edges) - 2 and rng.random() < 0.5
            self.prices[begins : CELLS if last else ends] = cents
            self.rows.append((instant(begins), None if last else instant(ends), Decimal(cents) / 100))
        self.at = int(np.clip(middle + rng.integers(-48 * 10, 48 * 20), 1, CELLS - 1))
        rng.shuffle(self.rows)


def counted(history: History) -> Reduction | None:
    """The reduction as a child would find it: half hour by half hour, day by day."""
    prices, days = history.prices, local_days(history.zone)
    price, start = int(prices[history.at]), history.at
    while start > 0 and price and prices[start - 1] == price:
        start -= 1
    on_sale = np.flatnonzero((prices[:start] > 0) & (days[start] - days[:start] <= DAYS))
    if (
        not price
        or not on_sale.size
        or days[start] == days[on_sale[0]]
        or price >= (lowest := int(prices[on_sale].min()))
    ):
        return None
    percent = max(p for p in range(101) if price * 100 <= lowest * (100 - p))
    return Reduction(Decimal(lowest) / 100, instant(start), percent, int(days[start] - days[on_sale[0]]))


def histories(count: int, seed: int = 0) -> Iterator[History]:
    """Random histories, the same each time."""
    rng = np.random.default_rng(seed)
    return (History(rng) for _ in range(count))


def found(rows: list[Row], at: datetime, zone: ZoneInfo) -> Reduction | None:
    """What is tested."""
    return reduction(rows, at, days=DAYS, zone=zone)


def differ(find: Find, history: History) -> bool:
    """Whether a way to find the reduction errs about a history."""
    return find(history.rows, instant(history.at), ZoneInfo(history.zone)) != counted(history)


def test_the_lowest_price_equals_brute_force() -> None:
    """Days on which clocks are turned, times not on sale, equal prices and prices still to come among them."""
    claimed = 0
    for i, history in enumerate(histories(HISTORIES)):
        expected = counted(history)
        claimed += expected is not None
        assert found(history.rows, instant(history.at), ZoneInfo(history.zone)) == expected, i
    assert claimed > HISTORIES / 10


def lowest_of_days(rows: list[Row], until: datetime, zone: ZoneInfo) -> Decimal | None:
    """The lowest of the days before an instant."""
    first = (until.astimezone(zone).date() - timedelta(days=DAYS)).toordinal()
    seen = [
        price
        for begins, ends, price in rows
        if begins < until and (ends is None or (ends - CELL).astimezone(zone).date().toordinal() >= first)
    ]
    return min(seen, default=None)


def _before_today(rows: list[Row], at: datetime, zone: ZoneInfo) -> Reduction | None:
    true = found(rows, at, zone)
    lowest = lowest_of_days(rows, at, zone)
    return None if true is None or lowest is None else replace(true, lowest_price=lowest)


def _by_hours(rows: list[Row], at: datetime, zone: ZoneInfo) -> Reduction | None:
    true = found(rows, at, zone)
    if true is None:
        return None
    first = true.since - timedelta(days=DAYS)
    seen = [price for begins, ends, price in rows if begins < true.since and (ends is None or ends > first)]
    return replace(true, lowest_price=min(seen)) if seen else None


def _begun_inside(rows: list[Row], at: datetime, zone: ZoneInfo) -> Reduction | None:
    true = found(rows, at, zone)
    if true is None:
        return None
    seen = [row for row in rows if row[0] >= true.since - timedelta(days=DAYS)]
    lowest = lowest_of_days(seen, true.since, zone)
    return None if lowest is None else replace(true, lowest_price=lowest)


def _days_of_utc(rows: list[Row], at: datetime, _zone: ZoneInfo) -> Reduction | None:
    return found(rows, at, ZoneInfo("UTC"))


def _price_just_before(rows: list[Row], at: datetime, zone: ZoneInfo) -> Reduction | None:
    true = found(rows, at, zone)
    before = [price for _, ends, price in rows if true is not None and ends == true.since]
    return replace(true, lowest_price=before[0]) if true is not None and before else true


def _each_row_a_start(rows: list[Row], at: datetime, zone: ZoneInfo) -> Reduction | None:
    current = [row for row in rows if row[0] <= at and (row[1] is None or at < row[1])]
    lowest = lowest_of_days(rows, current[0][0], zone) if current else None
    true = found(rows, at, zone)
    return true if lowest is not None and current[0][2] < lowest else None


@pytest.mark.parametrize(
    "wrong",
    [_before_today, _by_hours, _begun_inside, _days_of_utc, _price_just_before, _each_row_a_start],
    ids=lambda wrong: wrong.__name__.strip("_"),
)
def test_a_planted_bug_is_found(wrong: Find) -> None:
    """Each way to get it wrong that has been seen elsewhere differs from the count."""
    assert any(differ(wrong, history) for history in histories(2_000))


BERLIN = ZoneInfo("Europe/Berlin")


def day(number: int, month: int = 6, hour: int = 10) -> datetime:
    """An hour of a day in Berlin."""
    return datetime(2026, month, number, hour, tzinfo=BERLIN)


def test_a_price_raised_for_a_week_bears_out_no_reduction() -> None:
    """1.29, raised to 1.69, back to 1.29: nothing has been reduced (CJEU, C-330/23)."""
    rows: list[Row] = [
        (day(1), day(20), Decimal("1.29")),
        (day(20), day(27), Decimal("1.69")),
        (day(27), None, Decimal("1.29")),
    ]
    assert reduction(rows, day(28), days=DAYS, zone=BERLIN) is None


def test_the_percentage_is_of_the_lowest_price() -> None:
    """From 100 for weeks, 120 for a day, to 80: 20 %, not 33 %."""
    rows: list[Row] = [
        (day(1), day(20), Decimal(100)),
        (day(20), day(21), Decimal(120)),
        (day(21), None, Decimal(80)),
    ]
    assert reduction(rows, day(28), days=DAYS, zone=BERLIN) == Reduction(Decimal(100), day(21), 20, 20)


def test_each_step_of_a_progressive_reduction_is_measured_by_the_one_before() -> None:
    """100, then 80, then 60 within the month: the second step is measured by 80."""
    rows: list[Row] = [
        (day(1, 5), day(10), Decimal(100)),
        (day(10), day(15), Decimal(80)),
        (day(15), None, Decimal(60)),
    ]
    assert reduction(rows, day(16), days=DAYS, zone=BERLIN) == Reduction(Decimal(80), day(15), 25, 30)


def test_a_reduction_may_last_longer_than_the_days_it_is_measured_by() -> None:
    """Two months on, what counts is still the time before it began."""
    rows: list[Row] = [(day(1, 5), day(10), Decimal(100)), (day(10), None, Decimal(80))]
    expected = Reduction(Decimal(100), day(10), 20, 30)
    assert {reduction(rows, at, days=DAYS, zone=BERLIN) for at in (day(10), day(20, 8))} == {expected}


def test_a_percentage_is_never_rounded_up() -> None:
    """99.01 from 100 is 0 % off, not 1 %."""
    rows: list[Row] = [(day(1), day(20), Decimal(100)), (day(20), None, Decimal("99.01"))]
    claimed = reduction(rows, day(20), days=DAYS, zone=BERLIN)
    assert claimed is not None
    assert claimed.percent == 0


def test_nothing_is_claimed_where_nothing_is_known() -> None:
    """Before it is on sale, with its first price, and after a month without a price."""
    rows: list[Row] = [(day(1, 4), day(5, 4), Decimal(100)), (day(20), None, Decimal(80))]
    assert [reduction(rows, at, days=DAYS, zone=BERLIN) for at in (day(1, 3), day(2, 4), day(1, 5), day(20))] == [
        None
    ] * 4


def test_a_price_of_an_instant_is_no_former_price() -> None:
    """First on sale and lowered within a day there is no reduction; lowered the day after there is one."""
    lowered: dict[datetime, Row] = {
        at: (at, None, Decimal(80)) for at in (day(1, 5) + timedelta(microseconds=1), day(2, 5))
    }
    found = [reduction([(day(1, 5), at, Decimal(100)), row], at, days=DAYS, zone=BERLIN) for at, row in lowered.items()]
    assert found == [None, Reduction(Decimal(100), day(2, 5), 20, 1)]


def test_a_price_counts_until_the_instant_it_ends() -> None:
    """One that ended as the first of the days began does not; one that ends now is not in force."""
    first_day = day(21, 5, 0)
    rows: list[Row] = [
        (day(1, 5), first_day, Decimal(70)),
        (first_day, day(20), Decimal(100)),
        (day(20), day(25), Decimal(80)),
    ]
    assert reduction(rows, day(20), days=DAYS, zone=BERLIN) == Reduction(Decimal(100), day(20), 20, 30)
    assert reduction(rows, day(25), days=DAYS, zone=BERLIN) is None
    longer = [(day(1, 5), first_day + timedelta(microseconds=1), Decimal(70)), *rows[1:]]
    assert reduction(longer, day(20), days=DAYS, zone=BERLIN) is None
