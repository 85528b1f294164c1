"""The median of several models, period by period.

Guarantees
----------
* A single member that goes astray does not move it beyond its neighbours.
"""

from collections.abc import Mapping

import numpy as np

from forecasting.model import Forecast

COMBINATION = "combination"
OUTSIDE = "naive"
"""The last value steadies the median of few members, and only dilutes that of more."""


def combined(forecasts: Mapping[str, Forecast]) -> Forecast | None:
    """Median of the members' means and bounds; None with fewer than two members."""
    members = [forecast for name, forecast in forecasts.items() if name != OUTSIDE or len(forecasts) <= 3]
    if len(members) < 2:
        return None
    return Forecast(*(np.median([getattr(m, part) for m in members], axis=0) for part in ("mean", "lower", "upper")))
