"""Sales in, a table of forecasts out.

Guarantees
----------
* One row per series and future period, none missing, in the order of the series and then of the dates.
* The same sales, task and seed give the same table, however many processes share the work.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecasting.fleet import Progress, Task, trials
from forecasting.model import Forecast
from forecasting.select import choose
from forecasting.series import Panel, panel_of


def forecast_table(
    sales: pd.DataFrame, task: Task, *, future: pd.DataFrame | None = None, progress: Progress | None = None
) -> pd.DataFrame:
    """Forecast every series of a table of sales.

    Parameters
    ----------
    sales : one row per sale, or per period
    task : what to forecast, and how
    future : `date`, any of the `by` columns, and price, promotion or other regressors of coming dates
    progress : called as series are done

    Returns
    -------
    the `by` columns, date (first day of the period), mean, lower, upper [units or currency], model

    Raises
    ------
    InputError
        Where a column does not exist, or nothing is left to forecast from.
    """
    panel = panel_of(sales, task.request, future)
    fleet = trials(panel.histories, panel.futures, task, task.candidates(), progress)
    chosen = choose(fleet, level=task.level, model=task.model)
    return _rows(panel, [(c.model, c.forecast) for c in chosen], task.horizon)


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
