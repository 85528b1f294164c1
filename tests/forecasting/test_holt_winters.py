"""Damped Holt-Winters follows trend and season, and each series is as if alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.grid import Frequency, Grid
from forecasting.holt_winters import LOGS, RAW, ROOTS, HoltWinters, entered, left
from forecasting.model import History, NotFittedError, Vector
from tests.forecasting.air_passengers import HELD_OUT, passengers, percentage_error
from tests.forecasting.examples import SHAPES, future, history, seasonal

MONTHS, YEARS, DAYS = Grid(Frequency.MS), Grid(Frequency.YS), Grid(Frequency.D)
SEASON = np.array([4.0, 5, 6, 8, 9, 12, 15, 12, 9, 8, 6, 5]) * 10


def said(past: History, horizon: int = 12) -> Vector:
    """Means of the coming periods."""
    return HoltWinters().fit(past).forecast(future(past, horizon), level=0.8, seed=0).mean


def test_scales_are_left_as_they_were_entered() -> None:
    """Also by zero sales."""
    shares = np.array([0.0, 0.3, 1.0, 7.0])
    assert left(entered(shares), np.array([RAW, LOGS, ROOTS])) == pytest.approx(np.tile(shares, (3, 1)))


def test_a_trend_and_a_season_that_multiply_go_on() -> None:
    """Without noise, growth of 1 % a month on a strong season is foreseen within 7 % two years ahead."""
    months = np.arange(96)
    sales = np.resize(SEASON, 96) * 1.01**months
    mean = said(history(sales[:72], grid=MONTHS), 24)
    assert mean == pytest.approx(sales[72:], rel=0.07)


def test_air_passengers_two_years_ahead() -> None:
    """Closer than the airline model of Box and Jenkins, whose mean absolute percentage error is 8.5 %."""
    assert percentage_error(said(passengers(144 - HELD_OUT), HELD_OUT)) < 8.5


def test_a_level_shift_is_followed() -> None:
    """Two seasons after sales doubled they are foreseen doubled."""
    sales = np.resize(SEASON, 96) * np.where(np.arange(96) < 72, 1.0, 2.0)
    assert said(history(sales, grid=MONTHS)).sum() == pytest.approx(2 * SEASON.sum(), rel=0.15)


def test_one_outlier_hardly_moves_the_season() -> None:
    """A month ten times as high, two years ago."""
    sales = np.resize(SEASON, 84)
    odd = sales.copy()
    odd[60] *= 10
    assert said(history(odd, grid=MONTHS)) == pytest.approx(said(history(sales, grid=MONTHS)), rel=0.12)


def test_months_without_sales_stay_nearly_so() -> None:
    """Sold in summer only: winters are foreseen below a tenth of the mean."""
    past = SHAPES["months sold only in summer"]
    mean = said(past)
    assert mean[[0, 1, 2, 3, 4, 8, 9, 10, 11]].max() < 0.1 * past.level
    assert mean[5:8] == pytest.approx([9, 12, 7], rel=0.15)


def test_fewer_than_two_seasons_carry_half_a_season() -> None:
    """Fifteen months: the summer is foreseen, but not all of it."""
    mean = said(history(np.resize(SEASON, 15), grid=MONTHS))
    summer, winter = mean[[2, 3, 4]].mean(), mean[[9, 8, 10]].mean()
    assert 1.2 < summer / winter < 2.4


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e12])
def test_the_unit_of_sales_does_not_matter(scale: float) -> None:
    """Thousandths or millions of millions."""
    past = np.resize(SEASON, 50) * 1.01 ** np.arange(50)
    whole = history(past * scale, grid=MONTHS)
    limit = 4 * max(float(np.max(whole.sales)), 1.0)
    assert np.all(said(whole) <= limit)
    assert said(whole) == pytest.approx(said(history(past, grid=MONTHS)) * scale, rel=1e-6)


def test_series_of_all_lengths_and_seasons_together_are_each_as_alone() -> None:
    """Monthly, weekly, daily and yearly series in one call: no digit changes, and refusals stay in place."""
    every = [
        *(history(np.resize(SEASON, n), grid=MONTHS) for n in (5, 14, 61, 120)),
        history(seasonal(80, seed=4)),
        history([3.0]),
        history(seasonal(90), grid=DAYS, start=18_000),
        history([5.0, 6, 7, 9, 8, 12, 11], grid=YEARS),
        SHAPES["gaps"],
    ]
    for past, found in zip(every, HoltWinters().fit_all(every), strict=True):
        if past.sales.size < 5:
            assert isinstance(found, NotFittedError)
            continue
        assert not isinstance(found, NotFittedError)
        together = found.forecast(future(past, 30), level=0.8, seed=0)
        alone = HoltWinters().fit(past).forecast(future(past, 30), level=0.8, seed=0)
        assert np.array_equal(together.mean, alone.mean)
        assert np.array_equal(together.lower, alone.lower)


def test_a_horizon_beyond_any_past_origin_is_foreseen_too() -> None:
    """Ten years of months from three."""
    past = history(np.resize(SEASON, 36), grid=MONTHS)
    forecast = HoltWinters().fit(past).forecast(future(past, 120), level=0.8, seed=0)
    assert forecast.mean.sum() == pytest.approx(10 * SEASON.sum(), rel=0.1)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.one_of(st.just(0.0), st.just(np.nan), st.floats(0, 1e9)), min_size=5, max_size=40),
    st.sampled_from([Grid(frequency) for frequency in Frequency]),
)
def test_any_history_gets_a_forecast_within_bounds(sales: list[float], grid: Grid) -> None:
    """Zeros, gaps, jumps over nine orders of magnitude, on every grid."""
    values = np.array(sales)
    if np.isfinite(values).sum() < 5:
        return
    mean = said(history(values, grid=grid), 26)
    assert np.all((mean >= 0) & (mean <= 4 * max(float(np.nanmax(values)), 1.0)))


def test_what_lies_decades_back_does_not_matter() -> None:
    """Thirty years of months, of which the first two are changed: no digit moves."""
    sales = np.resize(SEASON, 360) * np.exp(np.random.default_rng(0).normal(0, 0.1, 360))
    changed = sales.copy()
    changed[:24] = changed[23::-1]
    assert said(history(changed, grid=MONTHS)) == pytest.approx(said(history(sales, grid=MONTHS)), rel=1e-12)
