"""How such forecasts would have done: forecasts from past origins beside what came.

Guarantees
----------
* A back-test sees at each origin what a forecast made there would have seen, choice of model and intervals included.
* Where a period sold out, a forecast above its sales is no error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting import evaluate
from forecasting.combine import COMBINATION
from forecasting.fleet import Progress, Task, trials
from forecasting.model import Forecast, History
from forecasting.select import AUTO, choose
from forecasting.series import Panel, panel_of
from pricing.errors import InputError

ALL = "all"
LOSSES = ("wape", "mase", "rmsse", "bias", "pinball", "coverage")


def backtest_table(
    sales: pd.DataFrame,
    task: Task,
    *,
    folds: int = 3,
    future: pd.DataFrame | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Forecast from `folds` past origins, one horizon apart, and compare with what came.

    Parameters
    ----------
    sales : one row per sale, or per period
    task : what to forecast, and how
    folds : past origins
    future : names the regressors that are known ahead
    progress : called as series are done

    Returns
    -------
    the `by` columns, model, wape, mase, rmsse, bias, pinball, coverage, periods (compared); every model that was tried,
    "auto" for the choice. The rows of the series "all" pool every series: wape, bias and coverage over all periods, the
    scaled losses averaged over series.
    """
    if folds < 1:
        raise InputError(f"the number of folds is {folds}; it must be at least 1")
    panel = panel_of(sales, task.request, future, covering=False)
    outcomes: list[Outcome] = []
    for fold in range(folds):
        step = None if progress is None else _fold_progress(progress, fold, folds)
        outcomes += _fold(panel, fold + 1, task, step)
    if not outcomes:
        raise InputError(f"no series is long enough to look back {task.horizon} periods; take a shorter horizon")
    return _losses_table(panel, outcomes, task.level)


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


def _fold(panel: Panel, fold: int, task: Task, progress: Progress | None) -> list[Outcome]:
    """Forecast from the origin `fold` horizons back, and pair with what came."""
    cuts = [(i, h, h.sales.size - fold * task.horizon) for i, h in enumerate(panel.histories)]
    usable = [
        (i, h, cut)
        for i, h, cut in cuts
        if cut >= 1 and h.known[:cut].any() and h.known[cut : cut + task.horizon].any()
    ]
    if not usable:
        return []
    pasts, aheads = [h.head(cut) for _, h, cut in usable], [h.ahead(cut, task.horizon) for _, h, cut in usable]
    candidates = task.candidates(compared=True)
    fleet = trials(pasts, aheads, task, candidates, progress)
    said = {task.model: [c.forecast for c in choose(fleet, level=task.level, model=task.model)]}
    for name in [*candidates, *([COMBINATION] if task.model == AUTO else [])]:
        if name != task.model and any(name in each.forecasts for each in fleet):
            said[name] = [c.forecast for c in choose(fleet, level=task.level, model=name)]
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
