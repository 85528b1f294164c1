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
