"""Choose a model per series by how the models did at past origins, and widen its interval until it holds.

Guarantees
----------
* Every series gets a forecast: what cannot be fitted, or has never been tried on the series, gives way to a baseline.
* What a few trials say of one series is shrunk towards what all trials say of its fleet, and a single model
  replaces the combination only where it is clearly better.
* A series on which less than one whole horizon could be judged is left to the combination.
* A series that sold nothing at all after its trial origins says nothing of the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from forecasting.baseline import BASELINES, Drift, Level, Naive, RecentMedian, SeasonalNaive
from forecasting.combine import COMBINATION
from forecasting.count_model import CountModel
from forecasting.damped_trend import DampedTrend
from forecasting.holt_winters import HoltWinters
from forecasting.model import Forecast, Model, Vector
from forecasting.pooled import Pooled
from forecasting.prophet_map import ProphetMap
from forecasting.prophet_model import ProphetModel
from forecasting.ridge import Ridge
from forecasting.state_space import Ets, Sarimax, UnobservedComponents
from forecasting.theta import Theta
from forecasting.trials import FOLDS, Trials

WEIGHT = 8.0
"""The fleet's losses count as much as this many trials of the series itself."""
MARGIN = 0.2
"""A single model must beat the combination by this much, in log loss, over `FOLDS` origins; by more over fewer, as
series share what happened after an origin."""
SCORES = 20.0
"""The fleet's interval scores count as much as this many of the series itself."""
AVERAGES = (COMBINATION, "pooled")
"""Not single models: one averages models, the other what all series say."""
AUTO = "auto"


def models(country: str | None = None) -> dict[str, Model]:
    """Every model by name."""
    simple: list[Model] = [Naive(), SeasonalNaive(), Level(), Drift(), RecentMedian()]
    classic: list[Model] = [HoltWinters(), DampedTrend(), Theta(), Ets(), UnobservedComponents(), Sarimax()]
    every = [*simple, *classic, CountModel(country), Ridge(country)]
    every += [Pooled(country), ProphetMap(country), ProphetModel(country)]
    return {model.name: model for model in every}


@dataclass(frozen=True, eq=False)
class Chosen:
    """A series' forecast, the model it comes from, and how wrong that was at past origins.

    Attributes
    ----------
    errors : (folds, h) outcome less mean, latest origin first, NaN where not known or where the series was tried from
        other origins than longer ones that end with it [units]
    """

    model: str
    forecast: Forecast
    errors: Vector


def choose(fleet: Sequence[Trials], *, level: float, model: str = AUTO) -> list[Chosen]:
    """One forecast per series: the model that did best, its interval widened (or narrowed) until it holds."""
    names = list(dict.fromkeys(name for trials in fleet for name in trials.forecasts))
    losses = [{name: _relative(trials, name) for name in trials.past} for trials in fleet]
    live = [trials.sold for trials in fleet]
    shared = _fleet_losses(list(compress(losses, live)) or losses, names)
    picked = [_picked(trials, own, shared, model) for trials, own in zip(fleet, losses, strict=True)]
    heard = list(compress(fleet, live)) or fleet
    widths = {
        name: _fleet_width([t.scores(name) for t in heard if name in t.past], level) for name in dict.fromkeys(picked)
    }
    return [_chosen(trials, name, widths[name], level) for name, trials in zip(picked, fleet, strict=True)]


def _chosen(trials: Trials, name: str, fleet: Vector, level: float) -> Chosen:
    tried = name in trials.past
    held = _held(trials.forecasts[name], trials.scores(name) if tried else None, fleet, level)
    within = Forecast.within(held.mean, held.lower, held.upper, trials.capacity)
    errors = trials.errors(name) if tried and trials.whole else np.full_like(trials.outcomes, np.nan)
    return Chosen(name, within, errors)


def _relative(trials: Trials, name: str) -> tuple[float, float]:
    """Log of a model's loss over the last value's at the same origins (never minus infinity), and how many these are.

    An origin after which only a part of the horizon came counts as that part of one.
    """
    if "naive" not in trials.past:
        return float("nan"), 0.0
    own, naive = trials.losses(name), trials.losses("naive")
    both = np.isfinite(own) & np.isfinite(naive)
    if not both.any():
        return float("nan"), 0.0
    heard = float(np.isfinite(trials.outcomes[both]).mean(axis=1).sum())
    return float(np.log((own[both].mean() + 0.01) / (naive[both].mean() + 0.01))), heard


def _fleet_losses(losses: Sequence[Mapping[str, tuple[float, float]]], names: Sequence[str]) -> dict[str, float]:
    """Mean log relative loss of each model over the series it was tried on."""
    values = {name: np.array([own[name][0] for own in losses if name in own]) for name in names}
    return {name: float(np.nanmean(v)) if np.isfinite(v).any() else float("nan") for name, v in values.items()}


def _picked(trials: Trials, own: Mapping[str, tuple[float, float]], shared: Mapping[str, float], model: str) -> str:
    """The model asked for, or the best; a baseline where neither can be had."""
    if model != AUTO and model in trials.forecasts:
        return model
    tested = {} if model != AUTO else {name: _shrunk(own, name, shared) for name in trials.forecasts}
    tested = {name: loss for name, loss in tested.items() if np.isfinite(loss)}
    if tested:
        heard = max((n for _, n in own.values()), default=0.0)
        if heard < 1 and COMBINATION in tested:  # the last few periods of a young series mislead
            return COMBINATION
        margin = MARGIN * FOLDS / max(heard, 1.0)
        return min(tested, key=lambda name: (tested[name] - margin * (name in AVERAGES), name))
    return next(name for name in ("seasonal-naive", "level", "naive") if name in trials.forecasts)


def _shrunk(own: Mapping[str, tuple[float, float]], name: str, shared: Mapping[str, float]) -> float:
    """Own log relative loss, shrunk to the fleet's; NaN for a model never tried here, unless it is a baseline."""
    loss, n = own.get(name, (float("nan"), 0.0))
    if not n:
        return shared[name] if name in BASELINES else float("nan")
    return (n * loss + WEIGHT * shared[name]) / (n + WEIGHT)


def _thirds(horizon: int) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """(horizon,) which third of the horizon a period belongs to."""
    return np.arange(horizon) * 3 // max(horizon, 1)


def _log_width(scores: Vector, level: float, prior: float) -> float:
    """Log of the factor that makes `level` of the scores fall inside, shrunk to the prior.

    Split conformal prediction with normalised scores (Lei et al. 2018), with its correction for few of them.
    """
    seen = scores[np.isfinite(scores)]
    if not seen.size:
        return prior
    q = float(np.quantile(seen, min(1.0, level * (1 + 1 / seen.size))))
    return (seen.size * float(np.log(np.clip(q, 0.3, 5.0))) + SCORES * prior) / (seen.size + SCORES)


def _fleet_width(scores: Sequence[Vector], level: float) -> Vector:
    """(h,) log factor by third of the horizon, from all series' trials of one model."""
    if not scores:
        return np.zeros(1)
    every = np.vstack(scores)
    overall = _log_width(every, level, 0.0)
    thirds = _thirds(every.shape[1])
    widths = np.array([_log_width(every[:, thirds == k], level, overall) for k in range(3)])
    return widths[thirds]


def _held(forecast: Forecast, scores: Vector | None, fleet: Vector, level: float) -> Forecast:
    """The forecast with its interval scaled by what past origins ask for."""
    if scores is None or not np.isfinite(scores).any():
        factor = np.exp(np.resize(fleet, forecast.mean.size))
    else:
        priors, place = np.unique(np.resize(fleet, forecast.mean.size), return_inverse=True)
        factor = np.exp([_log_width(scores, level, float(prior)) for prior in priors])[place]
    lower = forecast.mean - factor * (forecast.mean - forecast.lower)
    upper = forecast.mean + factor * (forecast.upper - forecast.mean)
    return Forecast(forecast.mean, np.maximum(lower, 0.0), upper)
