"""A combination is robust to any one of its members."""

import numpy as np
import pytest

from forecasting.combine import CHEAP, LONG, MEMBERS, MODEST, WEIGHTS, YOUNG, combined
from forecasting.fleet import Task
from forecasting.grid import Frequency, Grid
from forecasting.model import Forecast
from tests.forecasting.air_passengers import HELD_OUT, passengers, percentage_error
from tests.forecasting.examples import future, history, seasonal

PAST = history(seasonal(120))


def said(values: dict[str, float]) -> dict[str, Forecast]:
    """What each says of one period, one unit either way."""
    return {name: Forecast(*(np.array([v]) for v in (mean, mean - 1, mean + 1))) for name, mean in values.items()}


def test_the_combination_is_the_median_of_its_members() -> None:
    """One member that goes astray does not move it, a stranger does not count; a single member is no combination."""
    both = combined(said({"ridge": 5.0, "theta": 7.0, "level": 900.0, "sarimax": 2.0}), PAST)
    assert both is not None
    assert (both.mean[0], both.upper[0]) == (7.0, 8.0)
    assert combined(said({"ridge": 5.0}), PAST) is None
    assert combined(said({"ridge": 5.0, "naive": 6.0}), PAST) is not None


def test_long_seasons_are_a_mean_that_leans_on_holt_winters() -> None:
    """Four parts of it and one of each other, within the middle half of what all members say."""
    long, every = passengers(12 * LONG), {"holt-winters": 7.0, "damped-trend": 9.0, "theta": 9.0, "level": 9.0}
    both = combined(said({**every, "ridge": 7.0, "recent-median": 7.0}), long)
    assert both is not None
    assert (both.lower[0], both.mean[0], both.upper[0]) == pytest.approx((6 + 6 / 7, 7 + 6 / 7, 8 + 6 / 7))
    astray = combined(said({**every, "holt-winters": 900.0}), long)
    assert astray is not None
    assert astray.mean[0] <= np.quantile([900, 9, 9, 9], 0.75)


def test_with_few_seasons_smoothing_has_no_say() -> None:
    """Two years of months are the median of the others."""
    short = passengers(12 * LONG - 1)
    both = combined(said({"holt-winters": 900.0, "damped-trend": 900.0, "theta": 12.0, "level": 14.0}), short)
    assert both is not None
    assert both.mean[0] == 13.0


def test_of_a_few_weeks_the_last_one_counts_and_one_level() -> None:
    """Eight weeks that fall: what the last week and other series say is not outvoted; half a year hears all members."""
    every = said({"naive": 5.0, "pooled": 6.0, "recent-median": 9.0, "level": 10.0, "theta": 1.0, "ridge": 8.0})
    few, many = (
        combined(every, history(np.linspace(20, 5, n), grid=Grid(Frequency.W), start=2000))
        for n in (8, YOUNG[Frequency.W])
    )
    assert few is not None
    assert many is not None
    assert (few.lower[0], few.mean[0], few.upper[0]) == (5.0, 6.0, 7.0)
    assert many.mean[0] == 8.0


def test_of_a_few_days_or_months_only_levels_count() -> None:
    """Neither the last one nor a trend is heard."""
    for frequency in (Frequency.D, Frequency.MS):
        past = history(np.linspace(20, 5, YOUNG[frequency] - 1), grid=Grid(frequency), start=2000)
        both = combined(said({"naive": 1.0, "recent-median": 9.0, "level": 10.0, "theta": 1.0, "ridge": 1.0}), past)
        assert both is not None
        assert both.mean[0] == 9.5


def test_every_member_is_a_model_and_weights_are_of_members() -> None:
    """No name is misspelt."""
    for frequency, names in MEMBERS.items():
        assert set(names) <= set(Task(horizon=1).candidates(frequency))
        assert set(MODEST[frequency]) <= set(Task(horizon=1).candidates(frequency))
    assert set(WEIGHTS) <= set(MEMBERS[Frequency.MS])
    assert set(CHEAP) == set(MEMBERS[Frequency.D])


def test_air_passengers_two_years_ahead_are_off_by_less_than_nine_in_a_hundred() -> None:
    """Where repeating the last year is off by 15.5."""
    past = passengers(144 - HELD_OUT)
    ahead = future(past, HELD_OUT)
    every = Task(horizon=HELD_OUT).candidates(Frequency.MS).values()
    both = combined({m.name: m.fit(past).forecast(ahead, level=0.8, seed=0) for m in every}, past)
    assert both is not None
    assert percentage_error(both.mean) < 9
