"""The choice falls back, does not look ahead, and calibrates what it promises."""

import dataclasses

import numpy as np
import pytest

from forecasting.combine import COMBINATION
from forecasting.fleet import Task
from forecasting.grid import Frequency
from forecasting.model import Forecast, Future, History
from forecasting.select import choose, models
from forecasting.trials import Past, Trials, tried
from tests.forecasting.examples import SHAPES, future

QUICK = Task(horizon=6).candidates(Frequency.W) | {"count": models()["count"]}


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


def trials_of(losses: dict[str, float], folds: int = 3, half: float = 0.0) -> Trials:
    """Trials in which each model was too low by its loss times 10, or by a share of that beyond or within its bounds.

    It forecasts 10, within 8 and 12; then it said as much less as it lost, within bounds `half` times that.
    """
    said = Forecast(np.full(3, 10.0), np.full(3, 8.0), np.full(3, 12.0))
    shape = (folds, 3)
    past = {
        name: Past(*(np.full(shape, 10 - 10 * loss * (1 + side * (half or 2.0))) for side in (0, 1, -1)))
        for name, loss in losses.items()
    }
    return Trials(
        np.full(shape, 10.0), np.zeros(shape, bool), past, dict.fromkeys(losses, said), 10.0, np.full(3, np.inf), 3
    )


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
    wide, narrow = (trials_of({"naive": 0.3}, folds=200, half=half) for half in (0.5, 2.0))
    assert choose([wide], level=0.8)[0].forecast.upper == pytest.approx([14.0] * 3, abs=0.4)
    assert choose([narrow], level=0.8)[0].forecast.upper == pytest.approx([11.0] * 3, abs=0.3)


def test_widened_intervals_stay_below_the_capacity() -> None:
    """Outcomes far outside the bounds widen them to the capacity, no further."""
    trials = dataclasses.replace(trials_of({"naive": 0.3}, folds=200, half=0.2), capacity=np.full(3, 12.5))
    assert choose([trials], level=0.8)[0].forecast.upper == pytest.approx([12.5] * 3)
