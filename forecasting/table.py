"""Sales in, a table of forecasts out.

Guarantees
----------
* One row per series and future period, none missing, in the order of the series and then of the dates; totals follow,
  from the finest to the grand total, and agree with their series in the mean.
* The same sales, task and seed give the same table, however many processes share the work.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from forecasting.fleet import Progress, Task, trials
from forecasting.hierarchy import hierarchy_of, reconciled, totals_of
from forecasting.model import Forecast, Future, History
from forecasting.select import Chosen, choose
from forecasting.series import Panel, panel_of

Named = tuple[tuple[str, ...], str, Forecast]
"""The values of the `by` columns, the model, and what it says."""


def forecast_table(
    sales: pd.DataFrame,
    task: Task,
    *,
    future: pd.DataFrame | None = None,
    totals: bool = False,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Forecast every series of a table of sales.

    Parameters
    ----------
    sales : one row per sale, or per period
    task : what to forecast, and how
    future : `date`, any of the `by` columns, and price, promotion or other regressors of coming dates
    totals : also every total over the `by` columns ("all" where it is summed over), reconciled with the series
    progress : called as series are done

    Returns
    -------
    the `by` columns, date (first day of the period), mean, lower, upper [units or currency], model

    Raises
    ------
    InputError
        Where a column does not exist, nothing is left to forecast from, or a series is called what a total would be.
    """
    panel = panel_of(sales, task.request, future)
    if totals:
        return _rows(panel, _with_totals(panel, task, progress), task.horizon)
    chosen = _forecast(panel.histories, panel.futures, task, progress)
    said = [(key, c.model, c.forecast) for key, c in zip(panel.keys, chosen, strict=True)]
    return _rows(panel, said, task.horizon)


def _forecast(
    histories: Sequence[History], futures: Sequence[Future], task: Task, progress: Progress | None
) -> list[Chosen]:
    """The chosen forecast of each series."""
    candidates = task.candidates(histories[0].grid.frequency) if histories else {}
    fleet = trials(histories, futures, task, candidates, progress)
    return choose(fleet, level=task.level, model=task.model)


def _part(progress: Progress, before: int, every: int, done: int, _total: int) -> None:
    """Tell progress of a part as progress of the whole."""
    progress(before + done, every)


def _with_totals(panel: Panel, task: Task, progress: Progress | None) -> list[Named]:
    """Series and totals, forecast each on its own and then reconciled."""
    hierarchy, n = hierarchy_of(panel.keys, panel.by), len(panel.keys)
    histories, futures = totals_of(panel, hierarchy)
    every = n + len(histories)
    shares = [None if progress is None else partial(_part, progress, before, every) for before in (0, n)]
    chosen = _forecast(panel.histories, panel.futures, task, shares[0])
    chosen += _forecast(histories, futures, task, shares[1])  # apart: no series is to learn from its own total
    limit = np.stack([future.capacity for future in panel.futures])
    agreed = reconciled([c.forecast for c in chosen], [c.errors for c in chosen], hierarchy.sums, limit)
    named = [*zip(panel.keys, range(n), strict=True), *zip(hierarchy.keys, hierarchy.nodes, strict=True)]
    return [(key, chosen[node].model, agreed[node]) for key, node in named]


def _rows(panel: Panel, said: Sequence[Named], horizon: int) -> pd.DataFrame:
    keys = np.repeat(np.array([key for key, _, _ in said], dtype=object), horizon, axis=0)
    table = pd.DataFrame({name: keys[:, j] for j, name in enumerate(panel.by)}, dtype="str")
    dates = panel.grid.label(panel.futures[0].periods)
    table["date"] = np.tile(dates, len(said)).astype("datetime64[s]")
    for part in ("mean", "lower", "upper"):
        table[part] = np.concatenate([getattr(forecast, part) for _, _, forecast in said])
    table["model"] = np.repeat([model for _, model, _ in said], horizon)
    return table
