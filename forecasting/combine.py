"""The median of several models, period by period.

Guarantees
----------
* A single member that goes astray does not move it beyond its neighbours.
"""

from collections.abc import Mapping

import numpy as np

from forecasting.model import Forecast, History

COMBINATION = "combination"
OUTSIDE = "naive"
"""The last value steadies the median of few members, and only dilutes that of more."""
STEADY = 0.95
"""Share of periods with a sale from which Prophet counts."""
PROPHET = "prophet-map"


def combined(forecasts: Mapping[str, Forecast], past: History) -> Forecast | None:
    """Median of the members' means and bounds; None with fewer than two members."""
    said = {name: forecast for name, forecast in forecasts.items() if name != PROPHET or _steady(past)}
    members = [forecast for name, forecast in said.items() if name != OUTSIDE or len(said) <= 3]
    if len(members) < 2:
        return None
    return Forecast(*(np.median([getattr(m, part) for m in members], axis=0) for part in ("mean", "lower", "upper")))


def _steady(history: History) -> bool:
    """Whether a season has been seen, with sales in nearly every period: Prophet knows little else, nor of counts."""
    season = history.sales.size >= history.grid.frequency.season
    return bool(season and np.mean(history.sales[history.known] > 0) >= STEADY)
