"""The damped trend levels off where the series did, and goes on where it did not."""

import numpy as np
import pytest

from forecasting.damped_trend import DampedTrend
from forecasting.grid import Frequency, Grid
from forecasting.model import History, Vector
from tests.forecasting.examples import future, history, seasonal

MONTHS = Grid(Frequency.MS)


def said(past: History, horizon: int = 24) -> Vector:
    """Means of the coming periods."""
    return DampedTrend().fit(past).forecast(future(past, horizon), level=0.8, seed=0).mean


def test_steady_growth_goes_on() -> None:
    """Ten years at 1 % a month, with a season: two more are foreseen within 5 %."""
    months = np.arange(144)
    sales = 200 * 1.01**months * (1 + 0.3 * np.sin(2 * np.pi * months / 12))
    assert said(history(sales[:120], grid=MONTHS)) == pytest.approx(sales[120:], rel=0.05)


def test_noise_around_a_level_has_no_trend() -> None:
    """Two years ahead it is foreseen within 5 % of where it is."""
    sales = np.random.default_rng(1).normal(100, 5, 120)
    assert said(history(sales, grid=MONTHS))[[0, -1]] == pytest.approx([100, 100], rel=0.05)


def test_growth_that_has_ended_is_not_taken_up_again() -> None:
    """Five years of growth, three of standstill: the forecast stands still."""
    logs = np.r_[np.linspace(4, 6, 60), np.full(36, 6.0)]
    sales = np.exp(logs + np.random.default_rng(3).normal(0, 0.02, 96))
    assert said(history(sales, grid=MONTHS))[-1] == pytest.approx(np.exp(6), rel=0.1)


def test_together_is_as_alone() -> None:
    """Series of other lengths change no digit."""
    every = [history(seasonal(n, seed=n)) for n in (4, 30, 130, 131)]
    for past, fit in zip(every, DampedTrend().fit_all(every), strict=True):
        alone = said(past, 6)
        assert np.array_equal(alone, fit.forecast(future(past), level=0.8, seed=0).mean)  # type: ignore[union-attr]
