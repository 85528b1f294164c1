"""Several models in one: of months, quarters and years a weighted mean, of weeks and days the median.

Guarantees
----------
* Of weeks and days, a single member that goes astray does not move it beyond its neighbours.

The weights were set on public monthly and quarterly series (see docs/forecasting.md), on which they hardly matter.
"""

from collections.abc import Mapping

import numpy as np

from forecasting.grid import Frequency
from forecasting.model import Forecast, History

COMBINATION = "combination"
OUTSIDE = "naive"
"""The last value steadies the median of few members, and only dilutes that of more."""
STEADY = 0.95
"""Share of periods with a sale from which Prophet counts."""
PROPHET = "prophet-map"
SMOOTHED = "holt-winters"
MEMBERS: Mapping[Frequency, Mapping[str, float]] = {
    Frequency.MS: {SMOOTHED: 4.0, "damped-trend": 1.0, "theta": 1.0, "level": 1.0},
    Frequency.QS: {SMOOTHED: 4.0, "damped-trend": 1.0, "theta": 1.0, "level": 1.0},
    Frequency.YS: {SMOOTHED: 1.0, "damped-trend": 1.0, "theta": 1.0},
}
"""Members of the mean, and what each weighs."""


def combined(forecasts: Mapping[str, Forecast], past: History) -> Forecast | None:
    """Weighted mean or median of the members' means and bounds; None with fewer than two members."""
    weights = MEMBERS.get(past.grid.frequency, {})
    if SMOOTHED in forecasts and SMOOTHED in weights:
        return _weighted_mean({name: forecasts[name] for name in weights if name in forecasts}, weights)
    said = {name: forecast for name, forecast in forecasts.items() if name != PROPHET or _steady(past)}
    members = [forecast for name, forecast in said.items() if name != OUTSIDE or len(said) <= 3]
    if len(members) < 2:
        return None
    return Forecast(*(np.median([getattr(m, part) for m in members], axis=0) for part in ("mean", "lower", "upper")))


def _weighted_mean(members: Mapping[str, Forecast], weights: Mapping[str, float]) -> Forecast | None:
    """Mean of the means and of the bounds."""
    if len(members) < 2:
        return None
    share = np.array([weights[name] for name in members]) / sum(weights[name] for name in members)
    mean, lower, upper = (
        np.sum([w * getattr(m, part) for w, m in zip(share, members.values(), strict=True)], axis=0)
        for part in ("mean", "lower", "upper")
    )
    return Forecast.within(mean, lower, upper, upper)


def _steady(history: History) -> bool:
    """Whether a season has been seen, with sales in nearly every period: Prophet knows little else, nor of counts."""
    season = history.sales.size >= history.grid.frequency.season
    return bool(season and np.mean(history.sales[history.known] > 0) >= STEADY)
