"""Baselines repeat what was seen."""

import numpy as np
import pytest

from forecasting.baseline import Drift, Level, Naive, SeasonalNaive
from forecasting.grid import Frequency, Grid
from forecasting.model import NotFittedError
from tests.forecasting.examples import future, history

MONTHS = Grid(Frequency.MS)


def test_naive_keeps_the_last_known_value() -> None:
    """An unknown last period leaves the one before."""
    past = history([1.0, 2.0, 9.0, np.nan])
    assert Naive().fit(past).forecast(future(past, 3), level=0.8, seed=0).mean.tolist() == [9.0, 9.0, 9.0]


def test_naive_is_less_sure_the_further_ahead() -> None:
    """Errors of a random walk grow with the root of the horizon."""
    past = history([20.0, 24.0, 19.0, 22.0, 21.0])
    said = Naive().fit(past).forecast(future(past, 4), level=0.8, seed=0)
    width = said.upper - said.mean
    assert width == pytest.approx(width[0] * np.sqrt([1, 2, 3, 4]))


def test_seasonal_naive_repeats_the_last_season() -> None:
    """The 14th month ahead is that of the season's second month."""
    past = history(np.arange(1.0, 25.0), grid=MONTHS, start=600)
    said = SeasonalNaive().fit(past).forecast(future(past, 14), level=0.8, seed=0)
    assert said.mean.tolist() == [*range(13, 25), 13, 14]


def test_seasonal_naive_refuses_less_than_a_season() -> None:
    """It does not pretend to know a season it has not seen."""
    with pytest.raises(NotFittedError, match="needs a season"):
        SeasonalNaive().fit(history([1.0] * 11, grid=MONTHS))


def test_level_lifts_last_season_to_the_recent_level() -> None:
    """A series that doubled is forecast at twice its last season."""
    season = np.array([4.0, 5, 6, 8, 9, 12, 15, 12, 9, 8, 6, 5])
    past = history(np.concatenate([season, season, 2 * season]), grid=MONTHS, start=600)
    said = Level(window=6).fit(past).forecast(future(past, 12), level=0.8, seed=0)
    assert said.mean == pytest.approx(4 * season)  # last season, which was twice, times the growth that was twice
    short = history([4.0, 6.0, 8.0], grid=MONTHS)
    assert Level().fit(short).forecast(future(short, 2), level=0.8, seed=0).mean == pytest.approx([6.0, 6.0])


def test_level_of_days_is_the_mean_of_the_last_weeks() -> None:
    """Each weekday's mean of eight weeks; the ninth week before counts no more."""
    week = np.array([1.0, 2, 3, 4, 5, 6, 7])
    past = history(np.concatenate([[99.0] * 8, week * 2, *([week] * 7)]), grid=Grid(Frequency.D), start=600)
    said = Level().fit(past).forecast(future(past, 9), level=0.8, seed=0)
    assert said.mean == pytest.approx(9 / 8 * np.append(week, week[:2]))


def test_drift_goes_on_from_the_last_known_value_at_the_mean_change() -> None:
    """From 10 to 16 in three periods: 2 a period, also where neighbours and the last period are unknown."""
    past = history([10.0, np.nan, 13.0, 16.0, np.nan])
    said = Drift().fit(past).forecast(future(past, 2), level=0.8, seed=0)
    assert said.mean == pytest.approx([20.0, 22.0])


def test_drift_is_less_sure_than_a_random_walk_far_ahead() -> None:
    """Its slope is itself uncertain: the variance after h periods of n grows by h (1 + h / n)."""
    past = history(100 + np.random.default_rng(0).normal(0, 3, 41).cumsum())
    said = Drift().fit(past).forecast(future(past, 40), level=0.8, seed=0)
    width = said.upper - said.mean
    assert width[[9, 39]] / width[0] == pytest.approx(np.sqrt(np.array([10 * 1.25, 40 * 2]) / (1 + 1 / 40)))
