"""Sales in, a table of forecasts out; and a table of how such forecasts would have done.

Guarantees
----------
* One row per series and future period, none missing, in the order of the series and then of the dates.
* The same sales, options and seed give the same table, however many processes share the work.
* A back-test sees at each origin what a forecast made there would have seen, choice of model and intervals included.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed
from threadpoolctl import threadpool_limits

from forecasting import evaluate
from forecasting.combine import COMBINATION
from forecasting.features import holidays_in
from forecasting.grid import Frequency
from forecasting.model import Forecast, Future, History, Model
from forecasting.select import AUTO, Trials, choose, models, tried
from forecasting.series import Panel, Request, panel_of
from pricing.errors import InputError

Progress = Callable[[int, int], None]
"""Called with work done and work in all."""
ALL = "all"
LOSSES = ("wape", "mase", "rmsse", "bias", "pinball", "coverage")
PARTITION = 64
"""Most series that are worked on together: enough to share what they have in common, few enough for any memory."""
WORTH_PROCESSES = 8.0
"""Seconds of fitting below which starting other processes costs more than it saves."""
SECONDS = {"prophet": 0.5, "count": 0.03, "prophet-map": 0.003, "ridge": 0.001}
"""What one model of one series takes, trials included; only the decision to share the work rests on it."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to forecast a panel; see `forecast_table`."""

    level: float = 0.8
    model: str = AUTO
    seed: int = 0
    country: str | None = None

    def __post_init__(self) -> None:
        known = [AUTO, COMBINATION, *models()]
        if self.model not in known:
            raise InputError(f"no model is called {self.model}; there are {', '.join(known)}")
        if not 0.0 < self.level < 1.0:
            raise InputError(f"the level {self.level} is not between 0 and 1")
        if self.country:
            holidays_in(self.country, 2000)

    def candidates(self, *, compared: bool = False) -> dict[str, Model]:
        """Models to try on each series: what is asked for, and what it falls back to (or is compared to).

        Two of a kind would outvote the others in a median: Prophet's own optimizer gives way to `prophet-map`, the same
        model in a hundredth of the time, and `ridge` to `count`.
        """
        every = models(self.country)
        if self.model in (AUTO, COMBINATION):
            return {name: model for name, model in every.items() if name not in ("prophet", "ridge")}
        kept = ("naive", "seasonal-naive", self.model) if compared else ("naive", "seasonal-naive", "level", self.model)
        return {name: model for name, model in every.items() if name in kept}


def forecast_table(
    sales: pd.DataFrame,
    *,
    horizon: int,
    freq: str | None = None,
    by: Sequence[str] = ("product",),
    target: str = "quantity",
    as_of: pd.Timestamp | str | None = None,
    future: pd.DataFrame | None = None,
    capacity: str | None = None,
    country: str | None = None,
    level: float = 0.8,
    model: str = AUTO,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Forecast every series of a table of sales.

    Parameters
    ----------
    sales : one row per sale, or per period
    horizon : periods to forecast
    freq : D, W, MS, QS or YS; read from the dates where not given
    by : columns whose values name a series
    target : "quantity", or "revenue" (price times quantity)
    as_of : last date (or instant) to use
    future : `date`, any of the `by` columns, and price, promotion or other regressors of coming dates
    capacity : column with the most that can be sold: forecasts are of sales, cut there
    country : ISO 3166 code whose public holidays count
    level : share of outcomes the interval is to hold
    model : auto, or the name of a model
    seed : of whatever is drawn
    progress : called as series are done

    Returns
    -------
    the `by` columns, date (first day of the period), mean, lower, upper [units or currency], model

    Raises
    ------
    InputError
        Where a column, the frequency, the model or the country does not exist, or nothing is left to forecast from.
    """
    options = Options(level, model, seed, country)
    panel = panel_of(sales, _request(by, horizon, freq=freq, target=target, as_of=as_of, capacity=capacity), future)
    fleet = _tried(panel.histories, panel.futures, options, options.candidates(), progress)
    chosen = choose(fleet, level=level, model=model)
    return _rows(panel, [(c.model, c.forecast) for c in chosen], horizon)


def _request(
    by: Sequence[str],
    horizon: int,
    *,
    freq: str | None,
    target: str,
    as_of: pd.Timestamp | str | None,
    capacity: str | None,
) -> Request:
    if freq is not None and freq not in list(Frequency):
        raise InputError(f"the frequency is one of {', '.join(Frequency)}, not {freq}")
    moment = None if as_of is None else pd.Timestamp(as_of)
    return Request(tuple(by), horizon, Frequency(freq) if freq else None, target, moment, capacity)


def _tried(
    histories: Sequence[History],
    futures: Sequence[Future],
    options: Options,
    candidates: dict[str, Model],
    progress: Progress | None,
) -> list[Trials]:
    """Every series' trials, in order; partitions of them are shared among processes where that is worth it."""
    n = len(histories)
    seconds = n * sum(SECONDS.get(name, 0.0) for name in candidates)
    shared = seconds > WORTH_PROCESSES and cpu_count() > 1
    size = int(np.clip(n / (4 * cpu_count()), 1, PARTITION)) if shared else PARTITION
    work = [(histories[i : i + size], futures[i : i + size], candidates, options) for i in range(0, n, size)]
    results: Iterable[list[Trials]]
    if shared:
        results = Parallel(n_jobs=-1, return_as="generator")(delayed(_partition)(*item) for item in work)
    else:
        results = (_partition(*item) for item in work)
    return list(_counted(results, n, progress))


def _counted(results: Iterable[list[Trials]], total: int, progress: Progress | None) -> Iterator[Trials]:
    for done, trials in enumerate(chain.from_iterable(results), start=1):
        if progress:
            progress(done, total)
        yield trials


def _partition(
    histories: Sequence[History], futures: Sequence[Future], candidates: dict[str, Model], options: Options
) -> list[Trials]:
    with threadpool_limits(1):  # more threads make small matrices slower
        return tried(histories, futures, candidates, level=options.level, seed=options.seed, country=options.country)


def _rows(panel: Panel, forecasts: Sequence[tuple[str, Forecast]], horizon: int) -> pd.DataFrame:
    keys = np.repeat(np.array(panel.keys, dtype=object), horizon, axis=0)
    table = pd.DataFrame({name: keys[:, j] for j, name in enumerate(panel.by)}, dtype="str")
    table["date"] = np.concatenate([panel.grid.label(future.periods) for future in panel.futures]).astype(
        "datetime64[s]"
    )
    for part in ("mean", "lower", "upper"):
        table[part] = np.concatenate([getattr(forecast, part) for _, forecast in forecasts])
    table["model"] = np.repeat([model for model, _ in forecasts], horizon)
    return table


def backtest_table(
    sales: pd.DataFrame,
    *,
    horizon: int,
    folds: int = 3,
    freq: str | None = None,
    by: Sequence[str] = ("product",),
    target: str = "quantity",
    as_of: pd.Timestamp | str | None = None,
    future: pd.DataFrame | None = None,
    capacity: str | None = None,
    country: str | None = None,
    level: float = 0.8,
    model: str = AUTO,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Forecast from `folds` past origins, `horizon` periods apart, and compare with what came.

    Where a period sold out, a forecast above its sales is no error. Other parameters as in `forecast_table`; here
    `future` names the regressors that are known ahead.

    Returns
    -------
    the `by` columns, model, wape, mase, rmsse, bias, pinball, coverage, periods (compared); every model that was tried,
    "auto" for the choice. The rows of the series "all" pool every series: wape, bias and coverage over all periods, the
    scaled losses averaged over series.
    """
    if folds < 1:
        raise InputError(f"the number of folds is {folds}; it must be at least 1")
    options = Options(level, model, seed, country)
    panel = panel_of(sales, _request(by, horizon, freq=freq, target=target, as_of=as_of, capacity=capacity), future)
    outcomes: list[Outcome] = []
    for fold in range(folds):
        step = None if progress is None else _fold_progress(progress, fold, folds)
        outcomes += _fold(panel, fold + 1, horizon, options, step)
    if not outcomes:
        raise InputError(f"no series is long enough to look back {horizon} periods; take a shorter horizon")
    return _losses_table(panel, outcomes, level)


def _fold_progress(progress: Progress, fold: int, folds: int) -> Progress:
    return lambda done, total: progress(fold * total + done, folds * total)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one model said of one series at one origin, and what came, where it is known."""

    key: tuple[str, ...]
    model: str
    actual: evaluate.Vector
    forecast: Forecast
    past: evaluate.Vector
    season: int

    def losses(self, level: float) -> dict[str, float]:
        """Scaled losses, which are of one origin."""
        return {
            "mase": evaluate.mase(self.actual, self.forecast.mean, self.past, self.season),
            "rmsse": evaluate.rmsse(self.actual, self.forecast.mean, self.past),
            "pinball": evaluate.pinball(self.actual, self.forecast.lower, self.forecast.upper, level),
        }


def _fold(panel: Panel, fold: int, horizon: int, options: Options, progress: Progress | None) -> list[Outcome]:
    """Forecast from the origin `fold` horizons back, and pair with what came."""
    cuts = [(i, h, h.sales.size - fold * horizon) for i, h in enumerate(panel.histories)]
    usable = [
        (i, h, cut) for i, h, cut in cuts if cut >= 1 and h.known[:cut].any() and h.known[cut : cut + horizon].any()
    ]
    if not usable:
        return []
    pasts, aheads = [h.head(cut) for _, h, cut in usable], [h.ahead(cut, horizon) for _, h, cut in usable]
    candidates = options.candidates(compared=True)
    fleet = _tried(pasts, aheads, options, candidates, progress)
    said = {options.model: [c.forecast for c in choose(fleet, level=options.level, model=options.model)]}
    for name in [*candidates, *([COMBINATION] if options.model == AUTO else [])]:
        if name != options.model and any(name in trials.forecasts for trials in fleet):
            said[name] = [c.forecast for c in choose(fleet, level=options.level, model=name)]
    return [
        _outcome(panel, usable[j], name, forecast)
        for name, forecasts in said.items()
        for j, forecast in enumerate(forecasts)
    ]


def _outcome(panel: Panel, place: tuple[int, History, int], model: str, forecast: Forecast) -> Outcome:
    i, history, cut = place
    window = slice(cut, cut + forecast.mean.size)
    actual, known = history.sales[window], history.known[window]
    actual = np.where(history.censored[window] > 0, np.maximum(actual, forecast.mean), actual)[known]
    kept = Forecast(forecast.mean[known], forecast.lower[known], forecast.upper[known])
    return Outcome(panel.keys[i], model, actual, kept, history.sales[:cut], history.grid.frequency.season)


def _losses_table(panel: Panel, outcomes: Sequence[Outcome], level: float) -> pd.DataFrame:
    order = list(dict.fromkeys(outcome.model for outcome in outcomes))
    groups: dict[tuple[tuple[str, ...], str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.key, outcome.model), []).append(outcome)
        groups.setdefault(((), outcome.model), []).append(outcome)
    rows = []
    for (key, model), group in sorted(
        groups.items(), key=lambda item: (not item[0][0], item[0][0], order.index(item[0][1]))
    ):
        named = dict(zip(panel.by, key or (ALL,) * len(panel.by), strict=True))
        rows.append({**named, "model": model, **_pooled(group, level)})
    return pd.DataFrame(rows)


def _pooled(group: Sequence[Outcome], level: float) -> dict[str, float]:
    actual = np.concatenate([outcome.actual for outcome in group])
    mean, lower, upper = (
        np.concatenate([getattr(outcome.forecast, part) for outcome in group]) for part in ("mean", "lower", "upper")
    )
    scaled = pd.DataFrame([outcome.losses(level) for outcome in group]).mean()  # skips what could not be scaled
    values = {
        "wape": evaluate.wape(actual, mean),
        "bias": evaluate.bias(actual, mean),
        "coverage": evaluate.coverage(actual, lower, upper),
        **scaled.to_dict(),
    }
    return {**{name: values[name] for name in LOSSES}, "periods": actual.size}
