"""What every model says of the future, and said at past origins, of many series at once.

Guarantees
----------
* A trial at a past origin sees nothing after it, save the regressors that are known ahead, and capacities.
* A model that fails on one series fails on that series only.
* What sold nothing for a year is a matter for the baselines, whose forecast is then exactly 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from forecasting.baseline import BASELINES
from forecasting.censoring import servable_all
from forecasting.combine import COMBINATION, combined
from forecasting.model import Fit, FleetModel, Forecast, Future, History, Model, NotFittedError, Vector
from forecasting.pooled import Pooled

FOLDS = 3
LARGEST_SCORE = 20.0


@dataclass(frozen=True, eq=False)
class Past:
    """What a model said at past origins, latest first; each (folds, h), NaN where it said nothing."""

    mean: Vector
    lower: Vector
    upper: Vector

    @classmethod
    def silent(cls, folds: int, horizon: int) -> "Past":
        """Nothing said yet."""
        return cls(*(np.full((folds, horizon), np.nan) for _ in range(3)))

    def note(self, fold: int, forecast: Forecast) -> None:
        """Enter what was said at one origin."""
        for part in ("mean", "lower", "upper"):
            getattr(self, part)[fold, : forecast.mean.size] = getattr(forecast, part)


@dataclass(frozen=True, eq=False)
class Trials:
    """How every model did on one series at past origins, and what each says of the future.

    Attributes
    ----------
    outcomes : (folds, h) what came after each origin, latest origin first; NaN where not known [units]
    sold_out : (folds, h) whether it sold out, so that demand was at least as much
    past : by model, what it said then
    forecasts : by model, what it says of the future
    level : mean sales of the series [units]
    capacity : (h,) most that can be sold in the coming periods [units]
    step : periods between origins
    """

    outcomes: Vector
    sold_out: "np.ndarray[tuple[int, int], np.dtype[np.bool_]]"
    past: Mapping[str, Past]
    forecasts: Mapping[str, Forecast]
    level: float
    capacity: Vector
    step: int

    @property
    def whole(self) -> bool:
        """Whether a whole horizon lies between origins, as it does for every series that is long enough."""
        return self.step == self.outcomes.shape[1]

    @property
    def sold(self) -> bool:
        """Whether anything was sold after an origin; what sold nothing, every model gets right."""
        return bool(np.nansum(self.outcomes) > 0)

    def errors(self, name: str) -> Vector:
        """(folds, h) outcome less mean; where the outcome sold out, a forecast above it is no error."""
        error = self.outcomes - self.past[name].mean
        return np.where(self.sold_out, np.maximum(error, 0.0), error)

    def losses(self, name: str) -> Vector:
        """(folds,) mean absolute error relative to the series' level, NaN where nothing was said."""
        wrong = np.abs(self.errors(name))
        seen = np.isfinite(wrong)
        total, count = np.where(seen, wrong, 0.0).sum(axis=1), seen.sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan) / self.level

    def scores(self, name: str) -> Vector:
        """(folds, h) absolute error in half widths of the interval, on the side where it fell.

        NaN where it is not known, as where less than the forecast was left to be sold.
        """
        said = self.past[name]
        error = np.where(self.sold_out & (self.outcomes <= said.mean), np.nan, self.outcomes - said.mean)
        half = np.where(error > 0, said.upper - said.mean, said.mean - said.lower)
        least = 1e-3 * np.maximum(said.mean, 1e-6)
        return np.asarray(np.minimum(np.abs(error) / np.maximum(half, least), LARGEST_SCORE), dtype=np.float64)


def step_of(n: int, horizon: int) -> int:
    """Periods between origins: the horizon, or a third of a shorter history."""
    return min(horizon, max(n // 3, 1))


def origins(n: int, horizon: int, folds: int = FOLDS) -> list[int]:
    """Past origins, latest first: whole horizons back from the end, each with at least half the history before it.

    A history too short for one whole horizon is tried on its last third.
    """
    step = step_of(n, horizon)
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
    asked = [ask for i, h in enumerate(histories) for ask in _asked(i, h, futures[i])]
    pasts = servable_all([ask.past for ask in asked], [float(ask.ahead.capacity.max()) for ask in asked], country)
    said = _forecasts(pasts, [ask.ahead for ask in asked], candidates, level, seed)
    found = [_Found.of(history, future) for history, future in zip(histories, futures, strict=True)]
    for ask, forecasts in zip(asked, said, strict=True):
        found[ask.series].add(ask, forecasts)
    return [each.trials() for each in found]


@dataclass(frozen=True, eq=False)
class _Ask:
    """A forecast to be made: of a series, at a fold after an origin (None for the real future)."""

    series: int
    fold: int | None
    past: History
    ahead: Future


def _asked(series: int, history: History, future: Future) -> list[_Ask]:
    horizon = future.periods.size
    tries = [(fold, n) for fold, n in enumerate(origins(history.sales.size, horizon)) if history.known[:n].any()]
    asked = [_Ask(series, fold, history.head(n), history.ahead(n, horizon)) for fold, n in tries]
    return [*asked, _Ask(series, None, history, future)]


@dataclass(frozen=True, eq=False)
class _Found:
    """Trials of one series as they come in."""

    history: History
    future: Future
    outcomes: Vector
    sold_out: "np.ndarray[tuple[int, int], np.dtype[np.bool_]]"
    past: dict[str, Past] = field(default_factory=dict)
    forecasts: dict[str, Forecast] = field(default_factory=dict)

    @classmethod
    def of(cls, history: History, future: Future) -> "_Found":
        horizon = future.periods.size
        outcomes = np.full((FOLDS, horizon), np.nan)
        sold_out = np.zeros(outcomes.shape, dtype=np.bool_)
        for fold, n in enumerate(origins(history.sales.size, horizon)):
            came = history.sales[n : n + horizon]
            outcomes[fold, : came.size] = came
            sold_out[fold, : came.size] = history.censored[n : n + horizon] > 0
        return cls(history, future, outcomes, sold_out)

    def add(self, ask: _Ask, said: Mapping[str, Forecast]) -> None:
        """Note what was said, of the future or at a past origin."""
        if ask.fold is None:
            self.forecasts.update(said)
            return
        for name, forecast in said.items():
            self.past.setdefault(name, Past.silent(*self.outcomes.shape)).note(ask.fold, forecast)

    def trials(self) -> Trials:
        history, coming = self.history, self.future
        step = step_of(history.sales.size, coming.periods.size)
        return Trials(self.outcomes, self.sold_out, self.past, self.forecasts, history.level, coming.capacity, step)


def _forecasts(
    pasts: Sequence[History], aheads: Sequence[Future], candidates: Mapping[str, Model], level: float, seed: int
) -> list[dict[str, Forecast]]:
    """Of each history, what each model that can be fitted says, and the combination of two or more of them."""
    said: list[dict[str, Forecast]] = [{} for _ in pasts]
    sells = [_sells(past) for past in pasts]
    for name, model in candidates.items():
        everyone = name in BASELINES or isinstance(model, Pooled)
        places = [i for i in range(len(pasts)) if sells[i] or everyone]
        for place, fit in zip(places, _fits(model, [pasts[i] for i in places]), strict=True):
            if isinstance(fit, NotFittedError) or not (sells[place] or name in BASELINES):
                continue
            try:
                said[place][name] = fit.forecast(aheads[place], level=level, seed=seed)
            except (NotFittedError, ValueError, np.linalg.LinAlgError):  # a value that is not a number: fall back
                continue
    for past, each in zip(pasts, said, strict=True):
        if (both := combined(each, past)) is not None:
            each[COMBINATION] = both
    return said


def _sells(history: History) -> bool:
    """Whether anything was sold in the last year."""
    return bool(np.nansum(history.sales[-int(np.ceil(history.grid.frequency.year)) :]) > 0)


def _fits(model: Model, pasts: Sequence[History]) -> Iterator[Fit | NotFittedError]:
    """Fits in order, all at once where the model can; the reason where there is none."""
    if isinstance(model, FleetModel):
        try:
            yield from model.fit_all(pasts)
        except (ValueError, IndexError, np.linalg.LinAlgError):  # one of them cannot be fitted: each on its own
            yield from (_fit(model, past) for past in pasts)
    else:
        yield from (_fit(model, past) for past in pasts)


def _fit(model: Model, past: History) -> Fit | NotFittedError:
    try:
        return model.fit(past)
    except NotFittedError as error:
        return error
    except (ValueError, IndexError, np.linalg.LinAlgError) as error:
        return NotFittedError(f"{model.name}: {error}")
