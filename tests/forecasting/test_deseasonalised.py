"""A season is taken off and put back whole; what chance explains is not taken for one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.deseasonalised import Adjusted, seasonal_pattern
from forecasting.grid import Frequency, Grid
from tests.forecasting.air_passengers import PASSENGERS
from tests.forecasting.examples import history

MONTHS = Grid(Frequency.MS)


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=80).filter(any))
def test_what_is_put_back_on_what_was_taken_off_is_the_series(sales: list[float]) -> None:
    """Up to rounding, and to the largest value a forecast may take."""
    past = history(sales, grid=MONTHS)
    adjusted = Adjusted.of(past)
    assert adjusted.sales(adjusted.logs, 0) == pytest.approx(past.sales, rel=1e-9, abs=1e-9 * past.level)


def test_a_regular_season_is_taken_off_whole() -> None:
    """Ten years of the same twelve factors on a growing series leave a straight line in logs."""
    factors = np.tile(np.log([0.5, 0.6, 0.8, 1, 1.2, 1.5, 2.0, 1.6, 1.1, 0.9, 0.7, 0.6]), 10)
    left = np.resize(seasonal_pattern(0.01 * np.arange(120) + factors, 12), 120)
    assert factors - factors.mean() == pytest.approx(left, abs=1e-6)


def test_noise_is_not_taken_for_a_season() -> None:
    """Of noise alone, far less than its own deviation is taken off."""
    noise = np.random.default_rng(2).normal(0, 0.2, (50, 60))
    sizes = [seasonal_pattern(row, 12).std() for row in noise]
    assert np.mean(sizes) < 0.03


def test_july_and_august_are_the_passengers_season() -> None:
    """Summer about a quarter above, November a fifth below."""
    factors = np.exp(seasonal_pattern(np.log(PASSENGERS), 12))
    assert set(np.argsort(factors)[-2:]) == {6, 7}
    assert factors[[6, 7, 10]] == pytest.approx([1.25, 1.24, 0.80], abs=0.03)


def test_gaps_and_less_than_two_seasons_are_no_season() -> None:
    """Gaps are passed over; 24 months are too few to tell."""
    season = np.tile(np.sin(np.arange(12)), 6)
    gaps = season.copy()
    gaps[[3, 17, 40]] = np.nan
    assert seasonal_pattern(gaps, 12) == pytest.approx(seasonal_pattern(season, 12), abs=0.1)
    assert not seasonal_pattern(season[:24], 12).any()
