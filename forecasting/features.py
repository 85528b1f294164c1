"""What a model may know of a period ahead: calendar, holidays, and regressors whose coming values are given.

Guarantees
----------
* Every column depends on the period's date or on given regressors, never on sales of another period.
* A season is only fitted where the history holds enough of it; a regressor only where it varied; a price only where
  dearer periods sold less, other things equal (a positive slope is price following demand).

Each column comes with the standard deviation of its effect on log sales held plausible beforehand; models shrink by it.
"""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import holidays
import numpy as np
from numpy.typing import NDArray

from forecasting.grid import Dates, Frequency, Grid, Periods
from forecasting.model import History, Vector
from pricing.errors import InputError

PRICE = "price"
Positions = NDArray[np.intp]
HARMONICS = {Frequency.D: (3, 6), Frequency.W: (2, 6), Frequency.MS: (2, 6), Frequency.QS: (1, 2), Frequency.YS: (0, 0)}
"""Pairs of yearly sine and cosine, with one to two years of history and with more."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Seasons and holidays of one grid, as far as a history can tell them.

    Attributes
    ----------
    grid : the periods
    harmonics : pairs of yearly sine and cosine
    weekdays : whether days of the week differ
    country : ISO 3166 code whose holidays count, if any
    names : holidays seen at least twice in the history
    """

    grid: Grid
    harmonics: int
    weekdays: bool
    country: str | None = None
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, history: History, country: str | None = None) -> Self:
        """What this history can tell: a year for yearly seasons, two weeks for weekdays, two of each holiday."""
        grid, n = history.grid, history.sales.size
        years = n / grid.frequency.year
        few, many = HARMONICS[grid.frequency]
        harmonics = 0 if years < 1.15 else few if years < 2 else many
        holidays = country and grid.frequency in (Frequency.D, Frequency.W)
        names = _seen_twice(grid, history.start, n, country) if holidays else ()
        weekdays = grid.frequency is Frequency.D and n >= 14
        return cls(grid, harmonics, weekdays, country, names)

    def columns(self, periods: Periods) -> tuple[Vector, Vector]:
        """(n, p) columns of the periods, and (p,) plausible deviations of their effects on log sales.

        Series of the same periods share them; they cannot be written to.
        """
        return _columns(self, *run_of(periods))

    def blocks(self, periods: Periods) -> tuple[tuple[Vector, Vector], ...]:
        """Columns and deviations of the year, of the week and of holidays."""
        return self._yearly(periods), self._weekly(periods), self._holidays(periods)

    def _yearly(self, periods: Periods) -> tuple[Vector, Vector]:
        order = np.arange(1, self.harmonics + 1)
        angle = 2 * np.pi * np.outer(_year_fraction(self.grid, periods), order)
        return np.hstack([np.sin(angle), np.cos(angle)]), np.tile(0.3 / np.sqrt(order), 2)

    def _weekly(self, periods: Periods) -> tuple[Vector, Vector]:
        days = np.arange(6 if self.weekdays else 0)
        return (periods[:, None] % 7 == days).astype(np.float64), np.full(days.size, 1.0)

    def _holidays(self, periods: Periods) -> tuple[Vector, Vector]:
        columns = holiday_columns(self.grid, periods, self.country, self.names)
        return columns, np.full(columns.shape[1], 0.3)


def run_of(periods: Periods) -> tuple[int, int]:
    """First period and length of consecutive periods, a key to what depends on nothing else."""
    first, n = int(periods[0]), periods.size
    if not np.array_equal(periods, np.arange(first, first + n)):
        raise ValueError("periods are not consecutive")
    return first, n


@lru_cache(maxsize=64)
def _columns(calendar: Calendar, first: int, n: int) -> tuple[Vector, Vector]:
    blocks = calendar.blocks(np.arange(first, first + n))
    columns, deviations = np.hstack([c for c, _ in blocks]), np.concatenate([d for _, d in blocks])
    columns.flags.writeable = deviations.flags.writeable = False
    return columns, deviations


def _year_fraction(grid: Grid, periods: Periods) -> Vector:
    if grid.frequency.months:
        return periods / grid.frequency.year
    return grid.label(periods).astype(np.int64) / 365.25


def holiday_columns(grid: Grid, periods: Periods, country: str | None, names: tuple[str, ...]) -> Vector:
    """(n, 2 names) whether each holiday falls in the period, and whether it falls in the one beside it.

    Of days that is the following one, whose eve the period is. Of weeks it is the one before, for rows dated by the
    week's last day: the data say which of the two is meant.
    """
    if not country or not names:
        return np.empty((periods.size, 0))
    days, seen = _holidays_of(country, grid.label(periods))
    at = grid.period(days)
    beside = 1 if grid.frequency is Frequency.W else -1
    columns = [np.isin(periods, at[seen == name] + shift) for shift in (0, beside) for name in names]
    return np.column_stack(columns).astype(np.float64)


@lru_cache(maxsize=64)
def _seen_twice(grid: Grid, start: int, n: int, country: str) -> tuple[str, ...]:
    _, names = _holidays_of(country, grid.label(np.arange(start, start + n)))
    found, counts = np.unique(names, return_counts=True)
    return tuple(str(name) for name, count in zip(found, counts, strict=True) if count >= 2)


def _holidays_of(country: str, dates: Dates) -> tuple[Dates, NDArray[np.str_]]:
    """Days and names of a country's holidays from the first date to a month after the last."""
    first, last = dates.min(), dates.max() + np.timedelta64(31, "D")
    years = range(int(str(first)[:4]), int(str(last)[:4]) + 1)
    found = [(day, name) for year in years for day, name in holidays_in(country, year)]
    inside = [(day, name) for day, name in found if first <= np.datetime64(day) <= last]
    return np.array([day for day, _ in inside], dtype="datetime64[D]"), np.array(
        [name for _, name in inside], dtype=str
    )


@lru_cache(maxsize=512)
def holidays_in(country: str, year: int) -> tuple[tuple[dt.date, str], ...]:
    """Public holidays of one country and year, in order; raises InputError for a code nobody has."""
    try:
        found = holidays.country_holidays(country.upper(), years=year)
    except NotImplementedError as error:
        raise InputError(
            f"no holidays are known for the country code {country}; use ISO 3166, as in US, GB, DE"
        ) from error
    return tuple((day, name) for day, names in sorted(found.items()) for name in sorted(names.split("; ")))


def usable_regressors(history: History, calendar: Calendar) -> Positions:
    """Positions of the regressors that varied and, for the price, whose slope is negative given season and trend."""
    varied = [j for j in range(len(history.names)) if np.ptp(history.regressors[history.known, j]) > 1e-9]
    if (
        PRICE in history.names
        and (price := history.names.index(PRICE)) in varied
        and not _falls(history, calendar, price)
    ):
        varied.remove(price)
    return np.array(varied, dtype=np.intp)


def _falls(history: History, calendar: Calendar, price: int) -> bool:
    """Whether log sales fall with the regressor in a ridge regression on season and trend."""
    seasonal, deviation = calendar.columns(history.periods)
    n = history.sales.size
    design = np.column_stack([np.ones(n), np.linspace(-1, 0, n), seasonal, history.regressors[:, price]])[history.known]
    log = np.log(history.sales[history.known] + 0.05 * history.level)
    penalty = np.concatenate([[0.0, 0.1], 0.1 / deviation**2, [1e-6]])
    slope = np.linalg.solve(design.T @ design + np.diag(penalty + 1e-9), design.T @ log)[-1]
    return bool(slope < 0)
