"""Theta agrees with statsmodels on the logs it works on."""

import numpy as np
import pytest
from statsmodels.tsa.forecasting.theta import ThetaModel

from forecasting.grid import Frequency, Grid
from forecasting.smoothing import Curve, Sets, Start, smoothed
from forecasting.theta import Line, Theta, straight_slope
from tests.forecasting.examples import future, history, seasonal


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_forecast_is_that_of_statsmodels(seed: int) -> None:
    """Same smoothing parameter, same 12 forecasts to 1e-6."""
    values = 5 + np.random.default_rng(seed).normal(0.02, 0.1, 70).cumsum()
    theirs = ThetaModel(values, deseasonalize=False).fit()
    smoothing = float(theirs.params["alpha"])
    start = Start(values[:1], np.zeros(1), np.zeros((1, 1)), np.ones(1))
    (ours,) = smoothed([Curve(values[None], start)], Sets.grid((smoothing,), ((0.0, 0.0),)), cut=np.inf)
    line = Line(float(ours.last.level[0, 0]), smoothing, straight_slope(values), values.size)
    assert line.ahead(12) == pytest.approx(theirs.forecast(12, theta=2).to_numpy(), abs=1e-6)


def test_half_the_growth_goes_on() -> None:
    """Growth of 2 % a year in a straight line in logs goes on at 1 %."""
    past = history(1000 * np.exp(0.02 * np.arange(30)), grid=Grid(Frequency.YS), start=0)
    mean = Theta().fit(past).forecast(future(past, 10), level=0.8, seed=0).mean
    assert np.diff(np.log(mean + 0.05 * past.level)) == pytest.approx([0.01] * 9, abs=0.001)


def test_together_is_as_alone() -> None:
    """Series of other lengths change no digit."""
    every = [history(seasonal(n, seed=n)) for n in (4, 30, 130, 131)]
    for past, fit in zip(every, Theta().fit_all(every), strict=True):
        alone = Theta().fit(past).forecast(future(past), level=0.8, seed=0)
        assert np.array_equal(alone.mean, fit.forecast(future(past), level=0.8, seed=0).mean)  # type: ignore[union-attr]


def test_a_straight_line_needs_two_points() -> None:
    """Unknown periods are passed over."""
    assert straight_slope(np.array([np.nan, 2.0, np.nan, 8.0])) == pytest.approx(3.0)
    assert straight_slope(np.array([np.nan, 2.0])) == 0.0
