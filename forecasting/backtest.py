"""How such forecasts would have done: forecasts from past origins beside what came.

Guarantees
----------
* A back-test sees at each origin what a forecast made there would have seen, choice of model and intervals included:
  only rows up to it say what a gap, a price or a capacity was.
* Where a period sold out, a forecast above its sales is no error.
* A loss that cannot be had (of a series without any sale, scaled by a history that never changed) is NaN, an empty cell
  in a file, and is left out of the mean over series.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting import evaluate
from forecasting.combine import COMBINATION
from forecasting.fleet import Progress, Task, trials
from forecasting.grid import Frequency
from forecasting.model import Forecast, Future, History
from forecasting.select import AUTO, Chosen, choose
from forecasting.series import SILENCE, Panel, panel_of
from forecasting.trials import Trials
from pricing.errors import InputError

ALL = "all"
LOSSES = ("wape", "mase", "rmsse", "bias", "pinball", "coverage")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one model said of one series at one origin, and what came.

    Attributes
    ----------
    key : values of the `by` columns
    model : as asked for
    picked : the model the forecast comes from
    origin : first period forecast
    actual : (h,) what came, NaN where not known; sold-out periods count as no less than was forecast
    forecast : (h,)
    past : (n,) sales before the origin
    season : periods in a season
    """

    key: tuple[str, ...]
    model: str
    picked: str
    origin: int
    actual: evaluate.Vector
    forecast: Forecast
    past: evaluate.Vector
    season: int

    @property
    def known(self) -> NDArray[np.bool_]:
        """(h,) whether it is known what came."""
        return np.isfinite(self.actual)

    def losses(self, level: float) -> dict[str, float]:
        """Scaled losses, which are of one origin."""
        known = self.known
        actual, mean, lower, upper = (
            values[known] for values in (self.actual, self.forecast.mean, self.forecast.lower, self.forecast.upper)
        )
        return {
            "mase": evaluate.mase(actual, mean, self.past, self.season),
            "rmsse": evaluate.rmsse(actual, mean, self.past),
            "pinball": evaluate.pinball(actual, lower, upper, level),
        }


@dataclass(frozen=True, eq=False)
class Backtest:
    """Forecasts of several models from past origins, and what came.

    Attributes
    ----------
    panel : the series, whole
    task : what was forecast, and how
    folds : past origins asked for
    outcomes : of every model, series and origin that could be compared; the model asked for first
    """

    panel: Panel
    task: Task
    folds: int
    outcomes: tuple[Outcome, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models compared, the one asked for first."""
        return tuple(dict.fromkeys(outcome.model for outcome in self.outcomes))

    def of(self, model: str) -> list[Outcome]:
        """Outcomes of one model."""
        return [outcome for outcome in self.outcomes if outcome.model == model]

    @cached_property
    def table(self) -> pd.DataFrame:
        """Losses per series and model, then those of all series; see `backtest_table`."""
        groups: dict[tuple[tuple[str, ...], str], list[Outcome]] = {}
        for outcome in self.outcomes:
            groups.setdefault((outcome.key, outcome.model), []).append(outcome)
            groups.setdefault(((), outcome.model), []).append(outcome)
        order = {model: place for place, model in enumerate(self.models)}
        rows = [
            {**dict(zip(self.panel.by, key or (ALL,) * len(self.panel.by), strict=True)), "model": model}
            | _pooled(groups[key, model], self.task.level)
            for key, model in sorted(groups, key=lambda group: (not group[0], group[0], order[group[1]]))
        ]
        return pd.DataFrame(rows)

    def totals(self) -> pd.DataFrame:
        """Losses of all series together, by model."""
        return self.table.tail(len(self.models)).set_index("model")

    def by_step(self) -> pd.DataFrame:
        """Pooled wape, coverage and number of periods by model and step ahead (1 is the first period forecast)."""
        return pd.concat([_steps(model, self.of(model)) for model in self.models], ignore_index=True)


def backtest(
    sales: pd.DataFrame,
    task: Task,
    *,
    folds: int = 3,
    future: pd.DataFrame | None = None,
    progress: Progress | None = None,
) -> Backtest:
    """Forecast from `folds` past origins, one horizon apart, and set beside it what came.

    A series that had ended before an origin (silent for more than twice its longest silence before), and stayed so, is
    not counted there: every model gets its nothing right.

    Parameters
    ----------
    sales : one row per sale, or per period
    task : what to forecast, and how
    folds : past origins
    future : names the regressors that are known ahead
    progress : called as series are done

    Raises
    ------
    InputError
        Where no series is long enough.
    """
    if folds < 1:
        raise InputError(f"the number of folds is {folds}; it must be at least 1")
    panel = panel_of(sales, task.request, future, covering=False)
    made = []
    for fold in range(folds):
        places = _places(sales, future, panel, task, fold + 1)
        pasts, aheads = [place.past for place in places], [place.ahead for place in places]
        step = None if progress is None else _fold_progress(progress, fold, folds)
        made.append((places, trials(pasts, aheads, task, task.candidates(panel.grid.frequency, compared=True), step)))
    outcomes = [
        outcome
        for model in _compared(panel.grid.frequency, made, task)
        for places, fleet in made
        for outcome in _outcomes(places, fleet, model, task.level)
    ]
    if not outcomes:
        raise InputError(f"no series is long enough to look back {task.horizon} periods; take a shorter horizon")
    return Backtest(panel, task, folds, tuple(outcomes))


def backtest_table(
    sales: pd.DataFrame,
    task: Task,
    *,
    folds: int = 3,
    future: pd.DataFrame | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Losses of forecasts from past origins; parameters and errors as in `backtest`.

    Returns
    -------
    the `by` columns, model, wape, mase, rmsse, bias, pinball, coverage, periods (compared); every model that was tried,
    "auto" for the choice. The rows of the series "all" pool every series: wape, bias and coverage over all periods, the
    scaled losses averaged over series and origins.
    """
    return backtest(sales, task, folds=folds, future=future, progress=progress).table


def _fold_progress(progress: Progress, fold: int, folds: int) -> Progress:
    return lambda done, total: progress(fold * total + done, folds * total)


@dataclass(frozen=True, eq=False)
class _Place:
    """A series at an origin: what was known then, and the whole of it (`cut` periods lie before the origin)."""

    key: tuple[str, ...]
    whole: History
    cut: int
    past: History
    ahead: Future

    @property
    def compared(self) -> bool:
        """Whether there was something to forecast from, and something to compare with."""
        known = self.whole.known
        coming = slice(self.cut, self.cut + self.ahead.periods.size)
        over = not np.nansum(self.whole.sales[coming]) and _ended(self.past.sales)
        return bool(self.past.known.any() and known[coming].any() and not over)


def _places(sales: pd.DataFrame, future: pd.DataFrame | None, panel: Panel, task: Task, fold: int) -> list[_Place]:
    """Every series that reaches back to the origin `fold` horizons before the end."""
    then = _known_then(sales, future, panel, task, fold)
    given = future is not None and task.capacity is not None and task.capacity in future
    places = []
    for key, whole in zip(panel.keys, panel.histories, strict=True):
        cut = whole.sales.size - fold * task.horizon
        if cut < 1:
            continue
        past, capacity = then.get(key, (whole.head(cut), None))
        ahead = whole.ahead(cut, task.horizon)
        for name in whole.carried:
            ahead.regressors[:, whole.names.index(name)] = past.regressors[-1, whole.names.index(name)]
        if capacity is not None and not given:
            ahead = replace(ahead, capacity=capacity)
        place = _Place(key, whole, cut, past, ahead)
        if place.compared:
            places.append(place)
    return places


def _known_then(
    sales: pd.DataFrame, future: pd.DataFrame | None, panel: Panel, task: Task, fold: int
) -> dict[tuple[str, ...], tuple[History, evaluate.Vector]]:
    """Histories made of rows up to the origin, and the capacity that would have been expected.

    Empty where those rows alone would not show the same periods and regressors.
    """
    origin = panel.futures[0].periods[0] - fold * task.horizon
    last = pd.Timestamp(panel.grid.label(np.array([origin]))[0]) - pd.Timedelta(days=1)
    request = replace(task.request, as_of=last, frequency=panel.grid.frequency)
    try:
        then = panel_of(sales, request, future, covering=False)
    except InputError:  # nothing was sold before the origin
        return {}
    same = then.grid == panel.grid and then.futures[0].periods[0] == origin
    if not same or then.histories[0].names != panel.histories[0].names:
        return {}
    pairs = zip(then.histories, then.futures, strict=True)
    return {key: (past, ahead.capacity) for key, (past, ahead) in zip(then.keys, pairs, strict=True)}


def _ended(sales: evaluate.Vector) -> bool:
    """Whether a series is silent at its end for longer than `SILENCE`, and than twice its longest silence before."""
    sold = np.flatnonzero(sales > 0)
    if not sold.size:
        return False
    silences = np.diff(np.append(sold, sales.size)) - 1
    return bool(silences[-1] > max(SILENCE, 2 * silences[:-1].max(initial=0)))


def _compared(frequency: Frequency, made: Sequence[tuple[Sequence[_Place], Sequence[Trials]]], task: Task) -> list[str]:
    """The model asked for, and every other that could be fitted to some series at some origin.

    Where it could not, it counts with what it falls back to, so that all are compared on the same outcomes.
    """
    fitted = {name for _, fleet in made for each in fleet for name in each.forecasts}
    others = [*task.candidates(frequency, compared=True), *([COMBINATION] if task.model == AUTO else [])]
    return [task.model, *(name for name in others if name in fitted and name != task.model)]


def _outcomes(places: Sequence[_Place], fleet: Sequence[Trials], model: str, level: float) -> list[Outcome]:
    """What one model said from one origin, paired with what came."""
    chosen = choose(fleet, level=level, model=model) if fleet else []
    return [_outcome(place, model, each) for place, each in zip(places, chosen, strict=True)]


def _outcome(place: _Place, model: str, chosen: Chosen) -> Outcome:
    whole, forecast = place.whole, chosen.forecast
    window = slice(place.cut, place.cut + forecast.mean.size)
    actual = whole.sales[window]
    actual = np.where(whole.censored[window] > 0, np.maximum(actual, forecast.mean), actual)
    season = whole.grid.frequency.season
    origin = int(place.ahead.periods[0])
    return Outcome(place.key, model, chosen.model, origin, actual, forecast, place.past.sales, season)


def _steps(model: str, outcomes: Sequence[Outcome]) -> pd.DataFrame:
    actual = np.stack([outcome.actual for outcome in outcomes])
    mean, lower, upper = (
        np.stack([getattr(outcome.forecast, part) for outcome in outcomes]) for part in ("mean", "lower", "upper")
    )
    rows = []
    for step in range(actual.shape[1]):
        known = np.isfinite(actual[:, step])
        came = actual[known, step]
        inside = evaluate.coverage(came, lower[known, step], upper[known, step]) if known.any() else float("nan")
        wape = evaluate.wape(came, mean[known, step])
        rows.append({"model": model, "step": step + 1, "wape": wape, "coverage": inside, "periods": int(known.sum())})
    return pd.DataFrame(rows)


def _pooled(group: Sequence[Outcome], level: float) -> dict[str, float]:
    known = np.concatenate([outcome.known for outcome in group])
    actual = np.concatenate([outcome.actual for outcome in group])[known]
    mean, lower, upper = (
        np.concatenate([getattr(outcome.forecast, part) for outcome in group])[known]
        for part in ("mean", "lower", "upper")
    )
    scaled = pd.DataFrame([outcome.losses(level) for outcome in group]).mean()  # skips what could not be scaled
    values = {
        "wape": evaluate.wape(actual, mean),
        "bias": evaluate.bias(actual, mean),
        "coverage": evaluate.coverage(actual, lower, upper),
        **scaled.to_dict(),
    }
    return {**{name: values[name] for name in LOSSES}, "periods": actual.size}
