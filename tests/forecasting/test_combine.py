"""A combination is robust to any one of its members."""

import numpy as np
import pytest

from forecasting.baseline import Level
from forecasting.combine import MEMBERS, SMOOTHED, combined
from forecasting.damped_trend import DampedTrend
from forecasting.grid import Frequency
from forecasting.holt_winters import HoltWinters
from forecasting.model import Forecast, Model
from forecasting.theta import Theta
from tests.forecasting.air_passengers import HELD_OUT, passengers, percentage_error
from tests.forecasting.examples import future, history, seasonal

PAST = history(seasonal(120))


def test_the_combination_is_the_median_of_its_members() -> None:
    """One member that goes astray does not move it; a single member is no combination."""
    said = {f"m{k}": Forecast(*(np.array([v]) for v in (k, 0.0, 2.0 * k))) for k in (5.0, 7.0, 900.0)}
    both = combined(said, PAST)
    assert both is not None
    assert (both.mean[0], both.upper[0]) == (7.0, 14.0)
    assert combined({"m": said["m5.0"]}, PAST) is None


def test_months_are_the_weighted_mean_of_their_members() -> None:
    """Others do not count, and a member that could not be fitted leaves its weight to the rest."""
    past = passengers()
    said = {
        name: Forecast(*(np.array([v]) for v in (mean, mean - 1, mean + 1)))
        for name, mean in ((SMOOTHED, 7.0), ("theta", 12.0), ("seasonal-naive", 900.0))
    }
    both = combined(said, past)
    assert both is not None
    assert (both.lower[0], both.mean[0], both.upper[0]) == pytest.approx((7.0, 8.0, 9.0))
    assert combined({SMOOTHED: said[SMOOTHED], "naive": said["theta"]}, past) is None


def test_air_passengers_two_years_ahead_are_off_by_less_than_nine_in_a_hundred() -> None:
    """Where repeating the last year is off by 15.5."""
    past = passengers(144 - HELD_OUT)
    every: list[Model] = [HoltWinters(), DampedTrend(), Theta(), Level()]
    assert {model.name for model in every} == set(MEMBERS[Frequency.MS])
    ahead = future(past, HELD_OUT)
    both = combined({m.name: m.fit(past).forecast(ahead, level=0.8, seed=0) for m in every}, past)
    assert both is not None
    assert percentage_error(both.mean) < 9
