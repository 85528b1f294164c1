"""Periods keep the anchor of the dates they were read from."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.grid import Frequency, Grid, infer_grid


def dates(start: str, freq: str, n: int = 30) -> np.ndarray:
    """Dates of a regular series."""
    return pd.date_range(start, periods=n, freq=freq).to_numpy()


@pytest.mark.parametrize(
    ("start", "freq", "expected"),
    [
        ("2023-01-01", "D", "D"),
        ("2023-01-01", "W-SUN", "W"),
        ("2023-01-04", "W-WED", "W"),
        ("2023-01-01", "MS", "MS"),
        ("2023-01-31", "ME", "MS"),
        ("2023-01-01", "QS", "QS"),
        ("2023-02-01", "QS-FEB", "QS"),
        ("2010-04-01", "YS-APR", "YS"),
        ("2023-01-02", "B", "D"),
    ],
)
def test_the_frequency_is_read_from_the_dates(start: str, freq: str, expected: str) -> None:
    """Days, weeks on any weekday, months by first or last day, quarters and years in any phase."""
    rows = dates(start, freq)
    grid = infer_grid(rows)
    assert grid.frequency == expected
    assert np.all(np.diff(grid.period(rows)) >= 1)
    if freq not in ("ME", "B"):
        assert np.array_equal(grid.label(grid.period(rows)), rows.astype("datetime64[D]"))


@pytest.mark.parametrize(
    ("freq", "end", "label"),
    [
        ("ME", "2023-04-30", "2023-04-01"),
        ("QE", "2023-06-30", "2023-04-01"),
        ("QE-JAN", "2023-04-30", "2023-02-01"),
        ("YE", "2023-12-31", "2023-01-01"),
        ("YE-MAR", "2024-03-31", "2023-04-01"),
    ],
)
@pytest.mark.parametrize("asked", [True, False])
def test_a_period_dated_by_its_last_day_is_labelled_by_its_first(
    freq: str, end: str, label: str, *, asked: bool
) -> None:
    """Months, quarters and years, of the calendar or a fiscal year; whether the frequency is asked for or read."""
    rows = dates("2010-01-01", freq)
    grid = infer_grid(rows, infer_grid(rows).frequency if asked else None)
    assert str(grid.label(grid.period(np.array([end], dtype="datetime64[D]")))[0]) == label
    assert np.all(grid.days_left(rows) == 0)


@given(st.integers(0, 6), st.integers(-5000, 20_000), st.integers(2, 80))
def test_weeks_start_on_any_weekday(weekday: int, first: int, n: int) -> None:
    """Weekly rows on one weekday keep it, as labels of past and coming periods, whichever it is, before 1970 too."""
    rows = (weekday + 7 * (first // 7) + 7 * np.arange(n)).astype("datetime64[D]")
    grid = infer_grid(rows, Frequency.W)
    assert np.array_equal(grid.label(grid.period(rows)), rows)
    assert np.array_equal(np.diff(grid.period(rows)), np.ones(n - 1))


def test_a_leap_day_is_a_day_of_its_own() -> None:
    """29 February has its period among days, and lies in the week, month, quarter and year that hold it."""
    leap = np.array(["2024-02-29"], dtype="datetime64[D]")
    days = Grid(Frequency.D)
    assert str(days.label(days.period(leap) + 1)[0]) == "2024-03-01"
    assert np.diff(days.period(np.array(["2024-02-28", "2024-03-01"], dtype="datetime64[D]")))[0] == 2
    for frequency, label in (("MS", "2024-02-01"), ("QS", "2024-01-01"), ("YS", "2024-01-01")):
        grid = Grid(Frequency(frequency))
        assert str(grid.label(grid.period(leap))[0]) == label


def test_weeks_of_daily_rows_start_on_monday() -> None:
    """Asked for weeks, days are gathered from Monday on."""
    grid = infer_grid(dates("2023-01-01", "D", 60), Frequency.W)
    assert str(grid.label(grid.period(np.array(["2023-01-08"], dtype="datetime64[D]")))[0]) == "2023-01-02"


@settings(deadline=None)
@given(st.sampled_from(list(Frequency)), st.integers(0, 11), st.integers(-20_000, 40_000))
def test_a_day_lies_in_the_period_whose_label_is_the_last_before_it(
    frequency: Frequency, anchor: int, day: int
) -> None:
    """Labels and periods invert each other, and every day has its place."""
    grid = Grid(frequency, anchor % max(frequency.months, 7 if frequency is Frequency.W else 1))
    date = np.array([day]).astype("datetime64[D]")
    period = grid.period(date)
    assert grid.label(period)[0] <= date[0] < grid.label(period + 1)[0]
    assert grid.period(grid.label(period))[0] == period[0]
    assert grid.days_left(date)[0] >= 0
