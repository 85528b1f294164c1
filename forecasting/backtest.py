"""How such forecasts would have done: forecasts from past origins beside what came.

Guarantees
----------
* A back-test sees at each origin what a forecast made there would have seen, choice of model and intervals included:
  only rows up to it say what a gap, a price or a capacity was.
* Where a period sold out, a forecast above its sales is no error; whether its interval held is not known, and is not
  counted either way.
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
from forecasting.model import SILENCE, Forecast, Future, History
from forecasting.select import AUTO, Chosen, choose
from forecasting.series import Calendar, Panel, panel_of
from forecasting.trials import Trials
from pricing.errors import InputError

Counts = NDArray[np.int64]
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
    short : (h,) whether it sold out below what was forecast, so that more might have come
    forecast : (h,)
    past : (n,) sales before the origin
    season : periods in a season
    """

    key: tuple[str, ...]
    model: str
    picked: str
    origin: int
    actual: evaluate.Vector
    short: NDArray[np.bool_]
    forecast: Forecast
    past: evaluate.Vector
    season: int

    @property
    def known(self) -> NDArray[np.bool_]:
        """(h,) whether it is known what came."""
        return np.isfinite(self.actual)

    @property
    def judged(self) -> NDArray[np.bool_]:
        """(h,) whether it is known if the interval held."""
        return self.known & ~self.short

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(h,) whether it is known that the interval held."""
        return self.judged & (self.forecast.lower <= self.actual) & (self.actual <= self.forecast.upper)

    def losses(self, level: float) -> dict[str, float]:
        """Scaled losses, which are of one origin."""
        actual, mean, judged = self.actual[self.known], self.forecast.mean[self.known], self.judged
        bounds = (self.forecast.lower[judged], self.forecast.upper[judged])
        return {
            "mase": evaluate.mase(actual, mean, self.past, self.season),
            "rmsse": evaluate.rmsse(actual, mean, self.past),
            "pinball": evaluate.pinball(self.actual[judged], *bounds, level) if judged.any() else float("nan"),
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
        """Losses per series and model, then those of all series.

        The `by` columns, model, wape, mase, rmsse, bias, pinball, coverage, periods (compared); every model that was
        tried, "auto" for the choice. The rows of the series "all" pool every series: wape, bias and coverage over all
        periods, the scaled losses averaged over series and origins.
        """
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

    def held(self, model: str) -> tuple[Counts, Counts]:
        """(origins, h) outcomes inside the interval, and outcomes of which that is known; the latest origin first."""
        groups: dict[int, list[Outcome]] = {}
        for outcome in sorted(self.of(model), key=lambda outcome: -outcome.origin):
            groups.setdefault(outcome.origin, []).append(outcome)
        inside = [np.sum([outcome.inside for outcome in group], axis=0) for group in groups.values()]
        return np.array(inside), np.array([np.sum([o.judged for o in group], axis=0) for group in groups.values()])


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
        if key not in then:  # it had not begun
            continue
        past, capacity = then[key]
        cut = past.sales.size
        coming = slice(cut, cut + task.horizon)
        ahead = Future(
            whole.periods[coming], _coming(past, whole, coming), whole.capacity[coming] if given else capacity
        )
        place = _Place(key, whole, cut, past, ahead)
        if place.compared:
            places.append(place)
    return places


def _coming(past: History, whole: History, coming: slice) -> evaluate.Vector:
    """(h, k) regressors of the coming periods, as known then: as they came, or the last one where nobody gave them."""
    if not past.names:
        return np.empty((0, 0))
    regressors = whole.regressors[coming][:, [whole.names.index(name) for name in past.names]]
    for column in map(past.names.index, past.carried):
        regressors[:, column] = past.regressors[-1, column]
    return past.reach(regressors)


def _known_then(
    sales: pd.DataFrame, future: pd.DataFrame | None, panel: Panel, task: Task, fold: int
) -> dict[tuple[str, ...], tuple[History, evaluate.Vector]]:
    """Histories made of rows up to the origin, and the capacity that would have been expected.

    They end at the origin even where nothing at all was sold in the periods before it. A regressor that nobody had
    written down by then is not among theirs.
    """
    origin = int(panel.futures[0].periods[0]) - fold * task.horizon
    first = min(history.start for history in panel.histories)
    if origin <= first:
        return {}
    last = pd.Timestamp(panel.grid.label(np.array([origin]))[0]) - pd.Timedelta(days=1)
    calendar = Calendar(panel.grid, first, origin - 1)
    then = panel_of(sales, replace(task.request, as_of=last, calendar=calendar), future, covering=False)
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
    sold = whole.sales[window]
    short = (whole.censored[window] > 0) & (sold < forecast.mean)
    actual = np.where(short, forecast.mean, sold)
    season = whole.grid.frequency.season
    origin = int(place.ahead.periods[0])
    return Outcome(place.key, model, chosen.model, origin, actual, short, forecast, place.past.sales, season)


def _steps(model: str, outcomes: Sequence[Outcome]) -> pd.DataFrame:
    actual, mean, inside, judged = (
        np.stack(values)
        for values in zip(*((o.actual, o.forecast.mean, o.inside, o.judged) for o in outcomes), strict=True)
    )
    rows = []
    for step in range(actual.shape[1]):
        known = np.isfinite(actual[:, step])
        wape = evaluate.wape(actual[known, step], mean[known, step])
        held = _share(inside[:, step], judged[:, step])
        rows.append({"model": model, "step": step + 1, "wape": wape, "coverage": held, "periods": int(known.sum())})
    return pd.DataFrame(rows)


def _share(inside: NDArray[np.bool_], judged: NDArray[np.bool_]) -> float:
    """Share of the outcomes inside the interval, of those of which that is known."""
    return float(inside.sum() / judged.sum()) if judged.any() else float("nan")


def _pooled(group: Sequence[Outcome], level: float) -> dict[str, float]:
    known, inside, judged, actual, mean = (
        np.concatenate(values)
        for values in zip(*((o.known, o.inside, o.judged, o.actual, o.forecast.mean) for o in group), strict=True)
    )
    scaled = pd.DataFrame([outcome.losses(level) for outcome in group]).mean()  # skips what could not be scaled
    values = {
        "wape": evaluate.wape(actual[known], mean[known]),
        "bias": evaluate.bias(actual[known], mean[known]),
        "coverage": _share(inside, judged),
        **scaled.to_dict(),
    }
    return {**{name: values[name] for name in LOSSES}, "periods": int(known.sum())}
