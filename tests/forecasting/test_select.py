"""The choice falls back, does not look ahead, and calibrates what it promises."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.combine import COMBINATION, combined
from forecasting.model import Forecast, Future, History
from forecasting.select import Trials, choose, models, origins, tried
from tests.forecasting.examples import SHAPES, future, history, seasonal

QUICK = {name: model for name, model in models().items() if name != "prophet"}


def run(past: History, ahead: Future | None = None) -> Trials:
    """Trials of all models but Prophet."""
    (trials,) = tried([past], [ahead or future(past)], QUICK, level=0.8, seed=0)
    return trials


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("model", ["auto", "count", "seasonal-naive", COMBINATION])
def test_every_series_gets_a_forecast_whatever_is_asked(shape: str, model: str) -> None:
    """A series too short for the model falls back to a baseline, and the result says to which."""
    trials = run(SHAPES[shape])
    (chosen,) = choose([trials], level=0.8, model=model)
    assert chosen.forecast.mean.shape == (6,)
    assert model in (chosen.model, "auto") or model not in trials.forecasts
    if SHAPES[shape].known.sum() < 3:
        assert chosen.model in ("naive", "level", COMBINATION)


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


def trials_of(losses: dict[str, float], folds: int = 3) -> Trials:
    """Trials in which each model lost what it is said to have lost, and forecasts 10, within 8 and 12."""
    said = Forecast(np.full(3, 10.0), np.full(3, 8.0), np.full(3, 12.0))
    scores = {name: np.full((folds, 3), 0.5) for name in losses}
    return Trials({k: np.full(folds, v) for k, v in losses.items()}, scores, dict.fromkeys(losses, said))


def test_a_model_that_is_clearly_better_is_chosen() -> None:
    """Everywhere half the loss of the others."""
    fleet = [trials_of({"naive": 0.4, "count": 0.1, COMBINATION: 0.3})] * 5
    assert {chosen.model for chosen in choose(fleet, level=0.8)} == {"count"}


def test_a_little_better_does_not_beat_the_combination() -> None:
    """A tenth less loss over three trials is luck."""
    fleet = [trials_of({"naive": 0.4, "count": 0.27, COMBINATION: 0.3})] * 5
    assert {chosen.model for chosen in choose(fleet, level=0.8)} == {COMBINATION}


def test_one_series_is_judged_in_the_light_of_its_fleet() -> None:
    """A model that failed on all the others must do more than win three trials."""
    lucky = trials_of({"naive": 0.4, "count": 0.2, COMBINATION: 0.3})
    fleet = [trials_of({"naive": 0.4, "count": 0.9, COMBINATION: 0.3})] * 20
    assert choose([lucky], level=0.8)[0].model == "count"
    assert choose([lucky, *fleet], level=0.8)[0].model == COMBINATION


def test_intervals_that_held_too_little_are_widened() -> None:
    """Outcomes twice as far off as the bounds widen them towards twice; ones well inside narrow them."""
    wide, narrow = (
        dataclasses.replace(trials_of({"naive": 0.3}, folds=40), scores={"naive": np.full((40, 3), score)})
        for score in (2.0, 0.5)
    )
    assert choose([wide], level=0.8)[0].forecast.upper == pytest.approx([14.0] * 3, abs=0.4)
    assert choose([narrow], level=0.8)[0].forecast.upper == pytest.approx([11.0] * 3, abs=0.3)


def test_the_combination_is_the_median_of_its_members() -> None:
    """One member that goes astray does not move it; a single member is no combination."""
    said = {f"m{k}": Forecast(*(np.array([v]) for v in (k, 0.0, 2.0 * k))) for k in (5.0, 7.0, 900.0)}
    both = combined(said)
    assert both is not None
    assert (both.mean[0], both.upper[0]) == (7.0, 14.0)
    assert combined({"m": said["m5.0"]}) is None


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
    """Losses, scores and forecasts of a series do not depend on the others of its partition."""
    every = [history(seasonal(120, seed=k)) for k in range(4)] + [history(seasonal(70)), history([3.0])]
    together = tried(every, [future(past) for past in every], QUICK, level=0.8, seed=0)
    for past, found in zip(every, together, strict=True):
        alone = run(past)
        assert found.losses.keys() == alone.losses.keys()
        for name, forecast in alone.forecasts.items():
            assert np.array_equal(forecast.mean, found.forecasts[name].mean)
        for name, losses in alone.losses.items():
            assert np.array_equal(losses, found.losses[name])


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
    plain = run(history(sales)).losses["naive"][0]
    assert plain > 0.1
    censored = np.r_[np.zeros(54), np.ones(6)]
    assert run(history(sales, censored=censored)).losses["naive"][0] == 0
