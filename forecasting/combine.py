"""Several models in one: the median of many, or of long seasonal series a mean that leans on Holt-Winters.

Guarantees
----------
* A single member that goes astray does not move the median beyond its neighbours, nor the mean out of the middle half
  of all that is said.

The weights were set on public monthly and quarterly series (see docs/forecasting.md), on which they hardly matter.
"""

from collections.abc import Mapping

import numpy as np

from forecasting.grid import Frequency
from forecasting.model import Forecast, History, Vector

COMBINATION = "combination"
STEADY = 0.95
"""Share of periods with a sale from which Prophet counts."""
PROPHET = "prophet-map"
CHEAP = ("seasonal-naive", "level", "recent-median", "theta", "ridge", PROPHET)
WEIGHTS = {"holt-winters": 4.0, "damped-trend": 1.0, "theta": 1.0, "level": 1.0}
"""Members of the mean, and what each counts."""
SMOOTHED = ("holt-winters", "damped-trend")
MEMBERS: Mapping[Frequency, tuple[str, ...]] = {
    Frequency.D: CHEAP,
    Frequency.W: (*CHEAP, *SMOOTHED, "pooled"),
    Frequency.MS: (*CHEAP, *SMOOTHED),
    Frequency.QS: (*CHEAP, *SMOOTHED),
    Frequency.YS: (*CHEAP, *SMOOTHED),
}
"""Whom the combination asks, by the length of a period: days are many, so their members are cheap."""
LONG = 3
"""Seasons from which Holt-Winters knows the season well enough to lead."""
YOUNG = {Frequency.D: 28, Frequency.W: 26, Frequency.MS: 8, Frequency.QS: 4, Frequency.YS: 3}
"""Periods below which what rises or falls is not taken for a trend or a season of its own."""
SIMPLE = ("level", "recent-median")
MODEST: Mapping[Frequency, tuple[str, ...]] = {
    **dict.fromkeys(Frequency, SIMPLE),
    Frequency.W: ("naive", "recent-median", "pooled"),
}
"""Members for as long: a level and, of weeks, the last one and what other series say of the calendar and of openings.
Where sales rise or fall from the first week on, two levels of many weeks would outvote what is seen of that."""
FALLBACK = ("naive", "level")
"""Members where fewer than two of a frequency's own can be had."""
PARTS = ("mean", "lower", "upper")


def combined(forecasts: Mapping[str, Forecast], past: History) -> Forecast | None:
    """Median, or weighted mean, of the members' means and bounds; None with fewer than two members."""
    frequency = past.grid.frequency
    asked = MODEST if past.sales.size < YOUNG[frequency] else MEMBERS
    members = {name: forecasts[name] for name in asked[frequency] if name in forecasts}
    if not _steady(past):
        members.pop(PROPHET, None)
    if len(members) < 2:
        members |= {name: forecasts[name] for name in FALLBACK if name in forecasts}
    if len(members) < 2:
        return None
    if frequency.months and past.sales.size >= LONG * frequency.season and WEIGHTS.keys() <= members.keys():
        return _leaning(members)
    if frequency.months:  # with few seasons, smoothing takes what happened once for a trend
        members = {name: said for name, said in members.items() if name not in SMOOTHED} or members
    return Forecast(*(np.median([getattr(m, part) for m in members.values()], axis=0) for part in PARTS))


def _leaning(members: Mapping[str, Forecast]) -> Forecast:
    """Weighted mean of means and of bounds, each kept within the middle half of what all members say."""
    mean, lower, upper = (_kept({name: getattr(m, part) for name, m in members.items()}) for part in PARTS)
    return Forecast.within(mean, lower, upper, upper)


def _kept(values: Mapping[str, Vector]) -> Vector:
    share = np.array([WEIGHTS.get(name, 0.0) for name in values]) / sum(WEIGHTS.values())
    said = np.stack(list(values.values()))
    low, high = np.quantile(said, (0.25, 0.75), axis=0)
    return np.clip(share @ said, low, high)


def _steady(history: History) -> bool:
    """Whether a season has been seen, with sales in nearly every period: Prophet knows little else, nor of counts."""
    season = history.sales.size >= history.grid.frequency.season
    return bool(season and np.mean(history.sales[history.known] > 0) >= STEADY)
