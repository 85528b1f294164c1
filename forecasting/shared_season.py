"""The calendar that series of one place share, and what of it can be told from all of them at once.

Guarantees
----------
* A period without known sales, a period sold nothing and a series that has ended weigh nothing in the calendar.
* The season as of an origin is estimated from averages of the columns before it, whose amplitudes rest on the block.
* A lone outlier does not move it: residuals are cut around the median of their period.

Each series' log sales, less a centred triangular mean of half a year to each side (a moving
average applied twice; Hyndman and Athanasopoulos 2021, section 3.3), are averaged across series by period and explained
by a ridge regression on a yearly curve and on the days around holidays.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from forecasting.features import holidays_in
from forecasting.grid import Dates, Frequency, Grid
from forecasting.model import History, Vector

Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]
EASTER = "Easter Sunday"
HARMONICS, KNOTS = 6, 52
"""Pairs of yearly waves, and knots of a piecewise linear curve over the year."""
WAVE, KNOT, HOLIDAY, SLOT = 0.3, 0.07, 0.15, 0.4
"""Plausible deviations of their effects on log sales; `SLOT` is a weekday's, a month's or a quarter's."""
AROUND = (-2, -1, 0, 1, 2)
"""Distances from a holiday at which it has effects of their own [periods]; in between, on a line."""
CLIP = 1.25
"""The limit of a residual, in mean absolute ones. What all series do in a few extreme weeks is pressed towards it: each
does it in its own measure; amplitudes and corrections give back what the season then lacks."""
COMMON = 0.25
"""Shocks that all series share in a period, in units of a series' own noise; no number of series averages them out."""
MEMORY, LONGEST = 8.0, 12.0
"""The weight of a period halves with so many years of age, and none is older than the second [years]."""
ROUNDS = 2
"""Levels, season and amplitudes are estimated in turn this many times."""
AMPLITUDE = 1.0
"""Years of evidence by which a series' amplitude is shrunk to 1."""


@dataclass(frozen=True, eq=False)
class Block:
    """Series that end at the same period, side by side.

    Attributes
    ----------
    grid : the periods
    first : first period of the columns
    log : (N, T) log sales, 0 where not known
    known : (N, T) whether sales are known and more than nothing
    """

    grid: Grid
    first: int
    log: Vector
    known: Mask

    @classmethod
    def of(cls, histories: Sequence[History]) -> "Block":
        """Histories that end together, their last `LONGEST` years."""
        grid = histories[0].grid
        longest = max(history.sales.size for history in histories)
        width = min(longest, int(LONGEST * grid.frequency.year))
        sales = np.full((len(histories), width), np.nan)
        for row, history in zip(sales, histories, strict=True):
            kept = history.sales[-width:]
            row[width - kept.size :] = kept
        known = sales > 0
        end = histories[0].start + histories[0].sales.size
        return cls(grid, end - width, np.log(np.where(known, sales, 1.0)), known)

    @property
    def width(self) -> int:
        """Number of periods."""
        return self.log.shape[1]

    @property
    def half(self) -> int:
        """Periods in half a year, at least 2."""
        return max(int(self.grid.frequency.year / 2), 2)

    @property
    def yearly(self) -> bool:
        """Whether there is enough history to tell a season of a year."""
        return self.width >= 1.15 * self.grid.frequency.year


def easter(year: int) -> dt.date:
    """Easter Sunday of the western churches (Meeus 1991, Astronomical Algorithms, chapter 8)."""
    century, rest = divmod(year, 100)
    leap, fourth = divmod(century, 4)
    moon = (19 * (year % 19) + century - leap - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * fourth + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (year % 19 + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return dt.date(year, month, day + 1)


def season_columns(grid: Grid, country: str | None, first: int, n: int, *, yearly: bool) -> tuple[Vector, Vector]:
    """(n, p) columns of the calendar, and (p,) plausible deviations of their effects on log sales; read only."""
    return _columns(grid, country, first, n, yearly)


@lru_cache(maxsize=32)
def _columns(grid: Grid, country: str | None, first: int, n: int, yearly: bool) -> tuple[Vector, Vector]:
    periods = np.arange(first, first + n)
    blocks: list[tuple[Vector, float]] = []
    if slots(grid.frequency) > 1 and (yearly or grid.frequency is Frequency.D):
        slot = periods[:, None] % slots(grid.frequency)
        blocks.append(((slot == np.arange(slots(grid.frequency))).astype(np.float64), SLOT))
    if yearly and grid.frequency in (Frequency.D, Frequency.W):
        dates = grid.label(periods)
        blocks += [*_curve(dates), *_holidays(grid, dates, country)]
    columns = np.hstack([np.zeros((n, 1)), *(part for part, _ in blocks)])
    deviations = np.concatenate([[1.0], *(np.full(part.shape[1], deviation) for part, deviation in blocks)])
    columns.flags.writeable = deviations.flags.writeable = False
    return columns, deviations


def slots(frequency: Frequency) -> int:
    """Periods of the season that is told apart one by one: weekdays, months, quarters; 1 where there is none."""
    return 1 if frequency is Frequency.W else frequency.season


def _curve(dates: Dates) -> list[tuple[Vector, float]]:
    """Waves over the year, and hats at 52 knots."""
    year = dates.astype("datetime64[Y]")
    share = ((dates - year.astype("datetime64[D]")).astype(np.int64) + 0.5) / 366
    waves = [
        (np.column_stack([np.sin(angle), np.cos(angle)]), WAVE / np.sqrt(k))
        for k in range(1, HARMONICS + 1)
        for angle in [2 * np.pi * k * share]
    ]
    apart = np.abs((share[:, None] * KNOTS - np.arange(KNOTS) + KNOTS / 2) % KNOTS - KNOTS / 2)
    return [*waves, (np.maximum(1.0 - apart, 0.0), KNOT)]


def _holidays(grid: Grid, dates: Dates, country: str | None) -> list[tuple[Vector, float]]:
    """Hats at whole periods' distance from each holiday: it does not matter which day a week is dated by."""
    if not country:
        return []
    years = range(int(str(dates[0])[:4]) - 1, int(str(dates[-1])[:4]) + 2)
    found: dict[str, list[dt.date]] = {EASTER: [easter(year) for year in years]}
    for year in years:
        for day, name in holidays_in(country, year):
            if not name.endswith("(observed)"):
                found.setdefault(name, []).append(day)
    parts = []
    for dates_ in found.values():
        apart = _apart(grid, dates, np.array(dates_, dtype="datetime64[D]"))
        parts += [np.maximum(1.0 - np.abs(apart - at), 0.0).max(axis=1) for at in AROUND]
    return [(np.column_stack(parts), HOLIDAY)]


def _apart(grid: Grid, dates: Dates, days: Dates) -> Vector:
    """(n, days) periods from each day to each date: whole ones for a holiday that keeps its weekday (or of days)."""
    if np.unique(days.astype(np.int64) % 7).size == 1 or grid.frequency is Frequency.D:
        return (grid.period(dates)[:, None] - grid.period(days)).astype(np.float64)
    return (dates[:, None] - days).astype(np.int64) / 7


def centred(log: Vector, known: Mask, half: int) -> Vector:
    """(N, n) triangular mean of the known values up to `half` periods to each side; 0 where there is none."""
    if not len(log):
        return np.zeros(log.shape)
    side = np.ones(half + 1)
    kernel = np.convolve(side, side)[None, :]
    total = fftconvolve(np.where(known, log, 0.0), kernel, mode="full", axes=1)[:, half:-half]
    weight = fftconvolve(known.astype(np.float64), kernel, mode="full", axes=1)[:, half:-half]
    return np.asarray(np.where(weight > 0.5, total / np.maximum(weight, 0.5), 0.0), dtype=np.float64)


def averaged(residual: Vector, known: Mask, limit: float) -> tuple[Vector, Vector]:
    """(n,) mean across series of residuals cut at `limit` around their median, itself pressed, and how many there are.

    A mean beyond the limit is pressed to its geometric mean with it.
    """
    count = known.sum(axis=0)
    if not count.any():
        return np.zeros(count.size), count.astype(np.float64)
    ordered = np.sort(np.where(known, residual, np.inf), axis=0)
    ends = [np.take_along_axis(ordered, np.maximum(at // 2, 0)[None, :], axis=0)[0] for at in (count - 1, count)]
    some, even = count > 0, count % 2 == 0
    middle = np.where(some, np.where(some & even, ends[0] / 2 + ends[1] / 2, ends[0]), 0.0)
    apart = np.where(known, np.clip(residual - middle, -limit, limit), 0.0)
    mean = middle + apart.sum(axis=0) / np.maximum(count, 1)
    pressed = np.sign(mean) * np.sqrt(limit * np.maximum(np.abs(mean), limit))
    return np.where(np.abs(mean) > limit, pressed, mean), count.astype(np.float64)


def amplitudes(residual: Vector, known: Mask, season: Vector, year: float) -> Vector:
    """(N,) slope of the residuals on the season, shrunk to 1 by `AMPLITUDE` years of evidence."""
    prior = AMPLITUDE * year * float(np.mean(season**2)) + 1e-12
    return ((np.where(known, residual, 0.0) @ season) + prior) / (known @ season**2 + prior)


@dataclass(frozen=True, eq=False)
class Shared:
    """What all series of a block say of its calendar.

    Attributes
    ----------
    block : the series
    country : ISO 3166 code whose holidays count, if any
    free : (N, T) log sales less the season, from which levels are taken
    residual : (N, T) log sales less level, season included
    mean, count : (T,) residuals averaged across series, and of how many
    noise : mean absolute residual of a series
    """

    block: Block
    country: str | None
    free: Vector
    residual: Vector
    mean: Vector
    count: Vector
    noise: float

    @classmethod
    def of(cls, block: Block, country: str | None) -> "Shared":
        """Levels, season and amplitudes in turn, from flat ones."""
        season, amplitude = np.zeros(block.width), np.ones(len(block.log))
        for _ in range(ROUNDS):
            free = block.log - amplitude[:, None] * season
            residual = np.where(block.known, block.log - centred(free, block.known, block.half), 0.0)
            usual = residual - (amplitude[:, None] - 1) * season
            noise = float(np.abs(usual[block.known]).mean()) + 1e-4 if block.known.any() else 0.1
            mean, count = averaged(usual, block.known, CLIP * noise)
            shared = cls(block, country, free, residual, mean, count, noise)
            season = shared.season(shared.effects(mean, count), 0, block.width)
            amplitude = amplitudes(residual, block.known, season, block.grid.frequency.year)
        return shared

    @cached_property
    def columns(self) -> tuple[Vector, Vector]:
        """Calendar of the block and of a year after it."""
        block = self.block
        n = block.width + int(block.grid.frequency.year) + 1
        return season_columns(block.grid, self.country, block.first, n, yearly=block.yearly)

    def effects(self, mean: Vector, count: Vector) -> Vector:
        """(p,) ridge regression of averages on the calendar; more series, less noise."""
        columns, deviations = self.columns
        n = mean.size
        variance = self.noise**2 * (COMMON**2 + 1 / np.maximum(count, 1.0))
        age = np.arange(n)[::-1] / self.block.grid.frequency.year
        weight = np.where(count > 0, 0.5 ** (age / MEMORY) / variance, 0.0)
        weighted = columns[:n].T * weight
        return np.asarray(
            np.linalg.solve(weighted @ columns[:n] + np.diag(deviations**-2.0), weighted @ mean), dtype=np.float64
        )

    def season(self, effects: Vector, start: int, stop: int) -> Vector:
        """(stop - start,) season of the block's columns; beyond a year after its end the calendar is made anew."""
        columns, _ = self.columns
        if stop > len(columns):
            block = self.block
            columns, _ = season_columns(block.grid, self.country, block.first, stop, yearly=block.yearly)
        return np.asarray(columns[start:stop] @ effects, dtype=np.float64)

    def as_of(self, origin: int, rows: Rows, width: int) -> tuple[Vector, Vector]:
        """(m, width) residuals and (p,) effects of the season as they would have been seen after `origin` columns.

        Only the last half year differs: there the centred level cannot look ahead.
        """
        half, block, start = self.block.half, self.block, origin - width
        edge, back = max(origin - half, start), max(origin - 2 * half, 0)
        free, known = self.free[rows, back:origin], block.known[rows, back:origin]
        level = centred(free, known, half)[:, edge - back :]
        late = np.where(known[:, edge - back :], block.log[rows, edge:origin] - level, 0.0)
        mean, count = averaged(late, known[:, edge - back :], CLIP * self.noise)
        effects = self.effects(np.append(self.mean[:edge], mean), np.append(self.count[:edge], count))
        return np.hstack([self.residual[rows, start:edge], late]), effects
