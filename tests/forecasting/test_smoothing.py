"""Smoothing agrees with statsmodels, and leaves each series to itself."""

import numpy as np
import pytest
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from forecasting.smoothing import Curve, Sets, Start, smoothed

SETS = Sets.grid((0.2, 0.6), ((0.0, 0.0), (0.15, 0.9)), (0.0, 0.3))


def curve(n: int, season: int = 4, seed: int = 1) -> Curve:
    """A random walk with a season, on two scales, whose states are kept half way."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2, n)).cumsum(axis=1) + np.tile([2.0, 0, -1, -1], n)[:n] + 20
    start = Start(values[:, 0], np.array([0.1, -0.2]), np.tile([1.0, 0.5, -0.5, -1.0], (2, season // 4)), np.ones(2))
    return Curve(values, start, (n // 2,))


@pytest.mark.parametrize("damping", [0.9, 0.98])
def test_the_recursion_is_that_of_statsmodels(damping: float) -> None:
    """Same parameters, same first states: the same 12 forecasts to 1e-9."""
    given = curve(60)
    model = ETSModel(
        given.values[0],
        trend="add",
        damped_trend=True,
        seasonal="add",
        seasonal_periods=4,
        initialization_method="known",
        initial_level=given.start.level[0],
        initial_trend=given.start.slope[0],
        initial_seasonal=given.start.season[0],
    )
    theirs = model.smooth([0.3, 0.3 * 0.2, 0.7 * 0.4, damping])
    (ours,) = smoothed([given], Sets.grid((0.3,), ((0.2, damping),), (0.4,)), cut=np.inf)
    assert ours.last.ahead(12)[0, 0] == pytest.approx(theirs.forecast(12), abs=1e-9)
    assert ours.squared[0, 0] == pytest.approx(theirs.mse)


def test_a_series_is_smoothed_as_if_alone() -> None:
    """Longer, shorter and many others beside it change no digit."""
    every = [curve(n, seed=n) for n in (9, 60, 30, 31, 12)] * 5
    for given, found in zip(every, smoothed(every, SETS), strict=True):
        (alone,) = smoothed([given], SETS)
        assert np.array_equal(alone.last.ahead(9), found.last.ahead(9))
        assert np.array_equal(alone.past[0].ahead(9), found.past[0].ahead(9))
        assert np.array_equal(alone.squared, found.squared)


def test_states_at_an_origin_do_not_see_what_came_after() -> None:
    """They are those of the series cut there."""
    given = curve(40)
    (whole,) = smoothed([given], SETS)
    (head,) = smoothed([Curve(given.values[:, :20], given.start)], SETS)
    assert np.array_equal(whole.past[0].ahead(8), head.last.ahead(8))


def test_unknown_periods_change_nothing_that_is_foreseen() -> None:
    """Three periods not known at the end: the same forecasts, three periods later."""
    given = curve(40)
    longer = Curve(np.hstack([given.values, np.full((2, 3), np.nan)]), given.start)
    (before,), (after,) = smoothed([given], SETS), smoothed([longer], SETS)
    assert after.last.ahead(5) == pytest.approx(before.last.ahead(8)[..., 3:])


def test_a_single_outlier_moves_little_and_a_shift_is_followed() -> None:
    """A value a thousand times the noise off is cut; a level that stays there is reached."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=(1, 80))
    start = Start(np.zeros(1), np.zeros(1), np.zeros((1, 1)), np.ones(1))
    still = Sets.grid((0.3,), ((0.0, 0.0),))
    outlier, shift = values.copy(), values.copy()
    outlier[0, 70] += 1000
    shift[0, 40:] += 100
    said = [smoothed([Curve(v, start)], still)[0].last.ahead(1)[0, 0, 0] for v in (values, outlier, shift)]
    assert abs(said[1] - said[0]) < 1
    assert said[2] == pytest.approx(100, abs=3)
