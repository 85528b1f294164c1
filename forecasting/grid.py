"""Regular periods: which period a date falls in, and how a period is labelled.

Guarantees
----------
* Periods are consecutive integers; the label of a period is its first day, the date its rows carry in the owner's own
  data (weeks keep their weekday, quarters and years their month) unless those are dated by the last day of a month.
* `grid.period(grid.label(p)) == p` for every period.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Dates = NDArray[np.datetime64]
Periods = NDArray[np.int64]


class Frequency(StrEnum):
    """Length of a period: day, week, month, quarter, year."""

    D = "D"
    W = "W"
    MS = "MS"
    QS = "QS"
    YS = "YS"

    @property
    def season(self) -> int:
        """Periods in the season a seasonal-naive forecast repeats."""
        return {"D": 7, "W": 52, "MS": 12, "QS": 4, "YS": 1}[self.value]

    @property
    def year(self) -> float:
        """Periods in a year."""
        return {"D": 365.25, "W": 365.25 / 7, "MS": 12.0, "QS": 4.0, "YS": 1.0}[self.value]

    @property
    def months(self) -> int:
        """Months in a period, 0 where a period is counted in days."""
        return {"MS": 1, "QS": 3, "YS": 12}.get(self.value, 0)


@dataclass(frozen=True, slots=True)
class Grid:
    """Consecutive periods of one frequency.

    Attributes
    ----------
    frequency : length of a period
    anchor : first day of a period: for weeks the days since Thursday (1970-01-01), for quarters and years the months
        since January, modulo the length of a period
    """

    frequency: Frequency
    anchor: int = 0

    def period(self, dates: Dates) -> Periods:
        """(n,) period each date falls in."""
        if months := self.frequency.months:
            return (dates.astype("datetime64[M]").astype(np.int64) - self.anchor) // months
        days = dates.astype("datetime64[D]").astype(np.int64)
        return days if self.frequency is Frequency.D else (days - self.anchor) // 7

    def label(self, periods: Periods) -> Dates:
        """(n,) first day of each period."""
        if months := self.frequency.months:
            return (periods * months + self.anchor).astype("datetime64[M]").astype("datetime64[D]")
        days = periods if self.frequency is Frequency.D else periods * 7 + self.anchor
        return days.astype("datetime64[D]")

    def days_left(self, dates: Dates) -> NDArray[np.int64]:
        """(n,) days from each date to the last day of its period [days]."""
        following = self.label(self.period(dates) + 1)
        return (following - dates.astype("datetime64[D]")).astype(np.int64) - 1


def infer_grid(dates: Dates, frequency: Frequency | None = None) -> Grid:
    """Read the length of a period, and the day it starts, from the dates rows carry.

    All on the first (or all on the last) day of a month means months, quarters or years, whichever is the longest that
    fits; 19 of 20 on one weekday means weeks that start on it; anything else means days. A given frequency keeps the
    anchor of the dates where they have one, quarters and years dated by their last day included; weeks of daily rows
    start on Monday.
    """
    days = np.unique(dates.astype("datetime64[D]"))
    chosen = frequency or _inferred(days)
    if chosen is Frequency.W:
        weekday, share = _weekday(days)
        return Grid(chosen, weekday if share >= 0.95 and days.size > 1 else 4)  # 1970-01-05 was a Monday
    if chosen.months > 1:
        months = days.astype("datetime64[M]").astype(np.int64)
        phases = np.unique((months + _month_ends(days)) % chosen.months)
        return Grid(chosen, int(phases[0]) if phases.size == 1 else 0)
    return Grid(chosen)


def _weekday(days: Dates) -> tuple[int, float]:
    """Commonest weekday, counted from Thursday, and the share of the days that fall on it."""
    counts = np.bincount(days.astype(np.int64) % 7, minlength=7)
    return int(counts.argmax()), float(counts.max() / counts.sum())


def _month_ends(days: Dates) -> bool:
    """Whether all are the last day of their month."""
    return bool(np.all(days == (days.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1))


def _inferred(days: Dates) -> Frequency:
    months = days.astype("datetime64[M]")
    first = bool(np.all(days == months.astype("datetime64[D]")))
    if days.size > 1 and (first or _month_ends(days)):
        step = int(np.gcd.reduce(np.diff(months.astype(np.int64))))
        return Frequency.YS if step % 12 == 0 else Frequency.QS if step % 3 == 0 else Frequency.MS
    return Frequency.W if days.size > 1 and _weekday(days)[1] >= 0.95 else Frequency.D
