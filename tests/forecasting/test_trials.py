"""Trials see nothing after their origin, each series on its own, and fail one by one."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.combine import COMBINATION
from forecasting.fleet import Task
from forecasting.grid import Frequency, Grid
from forecasting.model import History
from forecasting.trials import Trials, origins, tried
from tests.forecasting.examples import SHAPES, future, history, seasonal

QUICK = Task(horizon=6).candidates(Frequency.W)


def run(past: History) -> Trials:
    """Trials of all models but Prophet."""
    (trials,) = tried([past], [future(past)], QUICK, level=0.8, seed=0)
    return trials


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 60), st.integers(1, 5))
def test_origins_leave_half_the_history_to_learn_from(n: int, horizon: int, folds: int) -> None:
    """Latest first, never more than asked, none beyond the end."""
    found = origins(n, horizon, folds)
    assert len(found) <= folds
    assert all(n / 2 <= origin < n for origin in found)
    assert found == sorted(found, reverse=True)


def test_trials_at_an_origin_do_not_see_what_came_after() -> None:
    """Changing the last weeks changes the trials they judge, but no forecast made before them."""
    seen: list[np.ndarray] = []

    class Spy(type(QUICK["naive"])):  # type: ignore[misc]
        def fit(self, past: History) -> object:
            seen.append(past.sales.copy())
            return super().fit(past)

    past = history(seasonal(120))
    tried([past], [future(past)], {"naive": Spy()}, level=0.8, seed=0)
    assert [sales.size for sales in seen] == [114, 108, 102, 120]
    assert all(np.array_equal(sales, past.sales[: sales.size]) for sales in seen)


def test_a_price_nobody_gives_is_carried_forward_in_trials_too() -> None:
    """At a past origin the price to come is the last one; a regressor known ahead is itself."""
    price = np.linspace(5, 20, 40)
    past = dataclasses.replace(history(seasonal(40), price=price), carried=("price",))
    assert np.exp(past.ahead(30, 4).regressors[:, 0]) == pytest.approx([price[29]] * 4)
    assert np.exp(history(seasonal(40), price=price).ahead(30, 4).regressors[:, 0]) == pytest.approx(price[30:34])


def test_prophet_does_not_count_where_many_periods_sold_nothing() -> None:
    """Nor before a season was seen: the combination is then that of the others; elsewhere it takes part."""
    sales = seasonal(120)
    sparse = np.where(np.arange(120) % 4 == 0, 0.0, sales)
    others = {name: model for name, model in QUICK.items() if name != "prophet-map"}
    for values, same in ((sales, False), (sparse, True), (sales[:50], True)):
        past = history(values)
        (without,) = tried([past], [future(past)], others, level=0.8, seed=0)
        both, alone = (trials.forecasts[COMBINATION].mean for trials in (run(past), without))
        assert np.array_equal(both, alone) is same


def test_series_tried_together_are_each_as_alone() -> None:
    """Losses, scores and forecasts of a series do not depend on the others, save what is learned from these."""
    every = [history(seasonal(120, seed=k)) for k in range(4)] + [history(seasonal(70)), history([3.0])]
    own = {name: model for name, model in QUICK.items() if name != "pooled"}
    together = tried(every, [future(past) for past in every], own, level=0.8, seed=0)
    for past, found in zip(every, together, strict=True):
        (alone,) = tried([past], [future(past)], own, level=0.8, seed=0)
        assert found.past.keys() == alone.past.keys()
        for name, forecast in alone.forecasts.items():
            assert np.array_equal(forecast.mean, found.forecasts[name].mean)
        for name in alone.past:
            assert np.array_equal(alone.errors(name), found.errors(name), equal_nan=True)


def test_what_ended_teaches_others_and_is_left_to_the_baselines() -> None:
    """A pooled model sees a series that sold nothing for a year, but does not forecast it."""
    ended = history(np.r_[seasonal(60), np.zeros(60)])
    live = history(seasonal(120, seed=5))
    seen: list[int] = []

    class Spy(type(QUICK["pooled"])):  # type: ignore[misc]
        def fit_all(self, pasts: list[History]) -> object:
            seen.append(len(pasts))
            return super().fit_all(pasts)

    first, second = tried([ended, live], [future(ended), future(live)], QUICK | {"pooled": Spy()}, level=0.8, seed=0)
    assert seen == [8]  # three origins and the end, of both
    assert "pooled" in second.forecasts
    assert set(first.forecasts) == {"naive", "seasonal-naive", "level", COMBINATION}


def test_one_series_that_cannot_be_solved_does_not_stop_the_others() -> None:
    """A singular matrix among many: each is then fitted on its own."""

    class Singular(type(QUICK["ridge"])):  # type: ignore[misc]
        def fit_all(self, pasts: list[History]) -> object:
            if any(past.sales[0] == 13.0 for past in pasts):
                raise np.linalg.LinAlgError("singular")
            return super().fit_all(pasts)

    good, bad = history(seasonal(60)), history(np.r_[13.0, seasonal(59)])
    model = {"naive": QUICK["naive"], "ridge": Singular()}
    first, second = tried([good, bad], [future(good), future(bad)], model, level=0.8, seed=0)
    assert "ridge" in first.forecasts
    assert "ridge" not in second.forecasts


def test_a_sold_out_outcome_below_the_forecast_is_no_error() -> None:
    """A forecast of 50 where 40 sold and then nothing was left lost nothing."""
    sales = np.full(60, 50.0)
    sales[-6:] = 40.0
    plain = run(history(sales)).losses("naive")[0]
    assert plain > 0.1
    censored = np.r_[np.zeros(54), np.ones(6)]
    assert run(history(sales, censored=censored)).losses("naive")[0] == 0


def test_what_never_sold_is_forecast_at_exactly_nothing() -> None:
    """By baselines only; no model's small number stands for none."""
    found = run(SHAPES["all zeros"])
    assert set(found.forecasts) == {"naive", "seasonal-naive", "level", COMBINATION}
    assert all(np.all(forecast.upper == 0) for forecast in found.forecasts.values())


def test_a_long_silence_before_an_origin_looked_like_the_end() -> None:
    """Of ten weeks not reported, a trial made at their end sees none sold, as a forecast made then did."""
    sales = seasonal(120, level=400.0)
    sales[92:102] = np.nan
    past = history(sales)
    assert np.all(past.head(102).sales[92:] == 0)
    assert np.isnan(past.head(95).sales[92:]).all()
    assert np.isnan(past.head(110).sales[92:102]).all()


def test_what_sold_out_below_the_forecast_says_nothing_of_the_interval() -> None:
    """Neither a hit nor a miss: how much more was wanted is not known."""
    sales = np.full(60, 50.0)
    sales[-6:] = 40.0
    scores = run(history(sales, censored=np.r_[np.zeros(54), np.ones(6)])).scores("naive")
    assert np.isnan(scores[0]).all()
    assert np.isfinite(scores[1:]).all()


def test_series_too_short_for_whole_horizons_are_not_aligned_with_others() -> None:
    """Their origins lie elsewhere."""
    assert run(history(seasonal(40))).whole
    assert not run(history(seasonal(12))).whole


def test_a_season_that_is_closed_for_half_the_year_fails_no_other_series() -> None:
    """A lift that runs in winter only, the last 200 days of some trials not reported."""
    days = Grid(Frequency.D)
    sales = np.tile(np.r_[np.full(150, np.nan), seasonal(215, level=300.0)], 3)
    closed, other = history(sales, grid=days), history(seasonal(sales.size), grid=days)
    found = tried(
        [closed, other],
        [future(closed, 60), future(other, 60)],
        Task(horizon=60).candidates(Frequency.D),
        level=0.8,
        seed=0,
    )
    assert "theta" in found[1].forecasts
    assert all(np.isfinite(forecast.mean).all() for forecast in found[0].forecasts.values())
