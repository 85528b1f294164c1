"""Choose a model per series by how the models did at past origins, and widen its interval until it holds.

Guarantees
----------
* Every series gets a forecast: what cannot be fitted, or has never been tried on the series, gives way to a baseline.
* A trial at a past origin sees nothing after it, save the regressors that are known ahead.
* What a few trials say of one series is shrunk towards what all trials say of its fleet, and a single model
  replaces the median of all only where it is clearly better.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from forecasting.baseline import Level, Naive, SeasonalNaive
from forecasting.censoring import with_demand
from forecasting.combine import COMBINATION, combined
from forecasting.count_model import CountModel
from forecasting.model import Fit, FleetModel, Forecast, Future, History, Model, NotFittedError, Vector
from forecasting.prophet_map import ProphetMap
from forecasting.prophet_model import ProphetModel
from forecasting.ridge import Ridge

FOLDS = 3
WEIGHT = 8.0
"""The fleet's losses count as much as this many trials of the series itself."""
MARGIN = 0.2
"""A single model must beat the combination by this much, in log loss."""
SCORES = 20.0
"""The fleet's interval scores count as much as this many of the series itself."""
STEADY = 0.95
"""Share of periods with a sale from which Prophet counts in the combination."""
AUTO = "auto"
PROPHET = "prophet-map"
BASELINES = ("naive", "seasonal-naive", "level")


def models(country: str | None = None) -> dict[str, Model]:
    """Every model by name."""
    simple: list[Model] = [Naive(), SeasonalNaive(), Level()]
    every = [*simple, CountModel(country), Ridge(country), ProphetMap(country), ProphetModel(country)]
    return {model.name: model for model in every}


@dataclass(frozen=True, eq=False)
class Trials:
    """How every model did on one series at past origins, and what each says of the future.

    Attributes
    ----------
    losses : by model, mean absolute error at each origin it was tried at, relative to the series' level
    scores : by model, how far each outcome lay from the mean, in half widths of the interval (folds, h); NaN if unknown
    forecasts : by model, what it says of the future
    """

    losses: Mapping[str, Vector]
    scores: Mapping[str, Vector]
    forecasts: Mapping[str, Forecast]


@dataclass(frozen=True, eq=False)
class Chosen:
    """A series' forecast, and the model it comes from."""

    model: str
    forecast: Forecast


def unconstrained(history: History, country: str | None) -> History:
    """The history with demand in place of sold-out sales, where the count model can tell."""
    if not history.censored.any():
        return history
    try:
        return with_demand(history, CountModel(country).fit(history).demand)
    except NotFittedError:
        return history


def origins(n: int, horizon: int, folds: int = FOLDS) -> list[int]:
    """Past origins, latest first: whole horizons back from the end, each with at least half the history before it.

    A history too short for one whole horizon is tried on its last third.
    """
    step = min(horizon, max(n // 3, 1))
    return [origin for fold in range(1, folds + 1) if (origin := n - fold * step) >= max(n / 2, 2)]


def tried(
    histories: Sequence[History],
    futures: Sequence[Future],
    candidates: Mapping[str, Model],
    *,
    level: float,
    seed: int,
    country: str | None = None,
) -> list[Trials]:
    """Try every model on every series at past origins, and forecast the future with each.

    All of it is asked of a model at once, so that a `FleetModel` may share what series and origins have in common.
    """
    asked = [ask for i, h in enumerate(histories) for ask in _asked(i, h, futures[i], country)]
    said = _forecasts([ask.past for ask in asked], [ask.ahead for ask in asked], candidates, level, seed)
    found = [_Found() for _ in histories]
    for ask, forecasts in zip(asked, said, strict=True):
        found[ask.series].add(ask, histories[ask.series], futures[ask.series].periods.size, forecasts)
    return [each.trials() for each in found]


@dataclass(frozen=True, eq=False)
class _Ask:
    """A forecast to be made: of a series, after an origin (None for the real future)."""

    series: int
    origin: int | None
    past: History
    ahead: Future


def _asked(series: int, history: History, future: Future, country: str | None) -> list[_Ask]:
    horizon = future.periods.size
    tries = [origin for origin in origins(history.sales.size, horizon) if history.known[:origin].any()]
    asked = [
        _Ask(series, origin, unconstrained(history.head(origin), country), history.ahead(origin, horizon))
        for origin in tries
    ]
    return [*asked, _Ask(series, None, unconstrained(history, country), future)]


@dataclass(frozen=True, eq=False)
class _Found:
    """Trials of one series as they come in."""

    losses: dict[str, list[float]] = field(default_factory=dict)
    scores: dict[str, list[Vector]] = field(default_factory=dict)
    forecasts: dict[str, Forecast] = field(default_factory=dict)

    def add(self, ask: _Ask, history: History, horizon: int, said: Mapping[str, Forecast]) -> None:
        """Note what was said of the future, or how far it was from what came."""
        if ask.origin is None:
            self.forecasts.update(said)
            return
        for name, forecast in said.items():
            error = _errors(history, ask.origin, forecast)
            if np.isfinite(error).any():
                self.losses.setdefault(name, []).append(float(np.nanmean(np.abs(error))) / history.level)
                self.scores.setdefault(name, []).append(_scores(error, forecast, horizon))

    def trials(self) -> Trials:
        losses, scores = ({k: np.array(v) for k, v in part.items()} for part in (self.losses, self.scores))
        return Trials(losses, scores, self.forecasts)


def _forecasts(
    pasts: Sequence[History], aheads: Sequence[Future], candidates: Mapping[str, Model], level: float, seed: int
) -> list[dict[str, Forecast]]:
    """Of each history, what each model that can be fitted says, and the combination of two or more of them."""
    said: list[dict[str, Forecast]] = [{} for _ in pasts]
    for name, model in candidates.items():
        for place, fit in enumerate(_fits(model, pasts)):
            if isinstance(fit, NotFittedError):
                continue
            try:
                said[place][name] = fit.forecast(aheads[place], level=level, seed=seed)
            except (NotFittedError, ValueError, np.linalg.LinAlgError):  # a value that is not a number: fall back
                continue
    for past, each in zip(pasts, said, strict=True):
        members = {name: forecast for name, forecast in each.items() if name != PROPHET or _steady(past)}
        if (both := combined(members)) is not None:
            each[COMBINATION] = both
    return said


def _steady(history: History) -> bool:
    """Whether a season has been seen, with sales in nearly every period: Prophet knows little else, nor of counts."""
    season = history.sales.size >= history.grid.frequency.season
    return bool(season and np.mean(history.sales[history.known] > 0) >= STEADY)


def _fits(model: Model, pasts: Sequence[History]) -> Iterator[Fit | NotFittedError]:
    """Fits in order, all at once where the model can; the reason where there is none."""
    if isinstance(model, FleetModel):
        try:
            yield from model.fit_all(pasts)
        except np.linalg.LinAlgError:  # one of them is singular: each on its own
            yield from (_fit(model, past) for past in pasts)
    else:
        yield from (_fit(model, past) for past in pasts)


def _fit(model: Model, past: History) -> Fit | NotFittedError:
    try:
        return model.fit(past)
    except NotFittedError as error:
        return error
    except (ValueError, np.linalg.LinAlgError) as error:
        return NotFittedError(f"{model.name}: {error}")


def _errors(history: History, origin: int, forecast: Forecast) -> Vector:
    """(h,) outcome less mean; where the outcome sold out, a forecast above it is no error."""
    window = slice(origin, origin + forecast.mean.size)
    error = history.sales[window] - forecast.mean
    return np.where(history.censored[window] > 0, np.maximum(error, 0.0), error)


def _scores(error: Vector, forecast: Forecast, horizon: int) -> Vector:
    """(horizon,) error in half widths of the interval, on the side where it fell."""
    half = np.where(error > 0, forecast.upper - forecast.mean, forecast.mean - forecast.lower)
    least = 1e-3 * np.maximum(forecast.mean, 1e-6)
    scores = np.full(horizon, np.nan)
    scores[: error.size] = np.minimum(np.abs(error) / np.maximum(half, least), 20.0)
    return scores


def choose(fleet: Sequence[Trials], *, level: float, model: str = AUTO) -> list[Chosen]:
    """One forecast per series: the model that did best, its interval widened (or narrowed) until it holds."""
    names = list(dict.fromkeys(name for trials in fleet for name in trials.forecasts))
    shared = _fleet_losses(fleet, names)
    picked = [_picked(trials, shared, model) for trials in fleet]
    widths = {name: _fleet_width([t.scores[name] for t in fleet if name in t.scores], level) for name in names}
    return [
        Chosen(name, _held(trials.forecasts[name], trials.scores.get(name), widths[name], level))
        for name, trials in zip(picked, fleet, strict=True)
    ]


def _relative(trials: Trials, name: str) -> float:
    """Log of a model's loss over the last value's, at the same origins; never minus infinity."""
    naive, own = trials.losses.get("naive"), trials.losses.get(name)
    if own is None or naive is None:
        return float("nan")
    return float(np.log((own.mean() + 0.01) / (naive[: own.size].mean() + 0.01)))


def _fleet_losses(fleet: Sequence[Trials], names: Sequence[str]) -> dict[str, float]:
    """Mean log relative loss of each model over the series it was tried on."""
    values = {name: np.array([_relative(trials, name) for trials in fleet]) for name in names}
    return {name: float(np.nanmean(v)) if np.isfinite(v).any() else float("nan") for name, v in values.items()}


def _picked(trials: Trials, shared: Mapping[str, float], model: str) -> str:
    """The model asked for, or the best; a baseline where neither can be had."""
    if model != AUTO and model in trials.forecasts:
        return model
    tested = {} if model != AUTO else {name: _shrunk(trials, name, shared) for name in trials.forecasts}
    tested = {name: loss for name, loss in tested.items() if np.isfinite(loss)}
    if tested:
        return min(tested, key=lambda name: (tested[name] - MARGIN * (name == COMBINATION), name))
    return next(name for name in ("seasonal-naive", "level", "naive") if name in trials.forecasts)


def _shrunk(trials: Trials, name: str, shared: Mapping[str, float]) -> float:
    """Own log relative loss, shrunk to the fleet's; NaN for a model never tried here, unless it is a baseline."""
    own = _relative(trials, name)
    if not np.isfinite(own):
        return shared[name] if name in BASELINES else float("nan")
    n = trials.losses[name].size
    return (n * own + WEIGHT * shared[name]) / (n + WEIGHT)


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
