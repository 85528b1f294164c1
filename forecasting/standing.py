"""Where each live series stands at an origin, and what that says of the periods after it.

Guarantees
----------
* Levels, ages and clues rest on columns before the origin; amplitudes, noise and what is free of the season on all of
  the block, which ends at the real origin: learned corrections are a little flattered, forecasts see nothing ahead.
* Clues are differences of logarithms, ages in years and horizons in quarters: the unit sales are counted in drops out.

The level is an exponential average of log sales less the series' own share of the season (its amplitude), since the
last pause of half a year.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from forecasting.grid import Frequency
from forecasting.model import Vector
from forecasting.shared_season import Mask, Rows, Shared, amplitudes

SMOOTHING = {Frequency.D: 0.1, Frequency.W: 0.3, Frequency.MS: 0.4, Frequency.QS: 0.5, Frequency.YS: 0.6}
"""Weight of the newest period in the level."""
SLOWER = 6.0
"""The slow level, to which the level is compared, has a weight so many times smaller."""
WINDOW, TOP, NOISE = 3, 2, 1
"""What is looked back on for amplitudes, for the largest sales, and for noise [years]."""
FEW = 20.0
"""A series' noise is shrunk to the usual one by so many periods; its weekdays to none by a fifth of them."""
CLUES = 16
"""Columns of the regression on what a standing says."""


@dataclass(frozen=True, eq=False)
class Standing:
    """Live series after `origin` columns of a block, over a window of w columns before it.

    Attributes
    ----------
    shared : calendar of the block
    origin : columns seen
    effects : (p,) of the season as seen then
    rows : (m,) rows of the block that are live
    known : (m, w) whether sales are known
    deviation : (m, w) log sales less centred level and season
    amplitude : (m,) share of the season
    weekday : (m, slots) own effects of the days of the week, where periods are days
    level, slow, last : (m,) of log sales less season: now, of late, and the last one
    top : (m,) largest log sales of late, or the log capacity
    age : (m,) since the first sale, or the last pause [periods]
    noise : (m,) usual size of a deviation
    """

    shared: Shared
    origin: int
    effects: Vector
    rows: Rows
    known: Mask
    deviation: Vector
    amplitude: Vector
    weekday: Vector
    level: Vector
    slow: Vector
    last: Vector
    top: Vector
    age: Vector
    noise: Vector

    @classmethod
    def of(cls, shared: Shared, origin: int, limit: Vector) -> Self:
        """What can be seen after `origin` columns.

        Parameters
        ----------
        limit : (N,) log of the capacity, infinite where there is none
        """
        block, year = shared.block, shared.block.grid.frequency.year
        rows = np.flatnonzero(block.known[:, max(origin - recent(year), 0) : origin].any(axis=1))
        width = min(origin, int(WINDOW * year))
        start = origin - width
        log, known = block.log[rows, start:origin], block.known[rows, start:origin]
        residual, effects = shared.as_of(origin, rows, width)
        season = shared.season(effects, start, origin)
        amplitude = amplitudes(residual, known, season, year)
        deviation = np.where(known, residual - amplitude[:, None] * season, 0.0)
        weekday = _weekdays(deviation, known, block.first + start, block.grid.frequency)
        day = (block.first + np.arange(start, origin)) % weekday.shape[1]
        deviation = np.where(known, deviation - weekday[:, day], 0.0)
        run, first = _run(known, block.half)
        began = np.where((first > 0) | (start == 0), start + first, block.known[rows].argmax(axis=1))
        plain = log - amplitude[:, None] * season - weekday[:, day]
        smoothing = SMOOTHING[block.grid.frequency]
        newest = width - 1 - run[:, ::-1].argmax(axis=1)
        top = np.where(run, log, -np.inf)[:, -int(TOP * year) :].max(axis=1, initial=-np.inf)
        return cls(
            shared,
            origin,
            effects,
            rows,
            known,
            deviation,
            amplitude,
            weekday,
            level=_average(plain, run, smoothing),
            slow=_average(plain, run, smoothing / SLOWER),
            last=plain[np.arange(rows.size), newest],
            top=np.maximum(top, np.where(np.isfinite(limit[rows]), limit[rows], -np.inf)),
            age=(origin - began).astype(np.float64),
            noise=_noise(deviation[:, -int(NOISE * year) :], known[:, -int(NOISE * year) :]),
        )

    @property
    def young(self) -> Mask:
        """(m,) whether a series has been live for less than half a year."""
        return self.age < self.shared.block.half

    @cached_property
    def relative(self) -> Vector:
        """(m,) level against the median one."""
        return np.clip(self.level - np.median(self.level), -3.0, 3.0) if self.level.size else self.level

    @cached_property
    def market(self) -> float:
        """How far levels are above the slow ones, on average."""
        return float(np.mean(self.level - self.slow))

    def base(self, ahead: Rows, members: Rows) -> Vector:
        """(k, h) log level plus season, `ahead` periods after the origin (1 is the first)."""
        season = self.shared.season(self.effects, self.origin, self.origin + int(ahead.max()))[ahead - 1]
        day = (self.shared.block.first + self.origin + ahead - 1) % self.weekday.shape[1]
        return np.asarray(
            self.level[members, None] + self.amplitude[members, None] * season + self.weekday[members][:, day],
            dtype=np.float64,
        )

    def clues(self, ahead: Rows, members: Rows) -> tuple[Vector, Vector]:
        """(k, h) base, and (k, h, CLUES) what may move sales away from it."""
        base, year = self.base(ahead, members), self.shared.block.grid.frequency.year
        far = np.sqrt(np.minimum(ahead / year, 1.0) * 4.0)
        age = self.age[members] / year
        youth, momentum = np.exp(-2.0 * age), self.level[members] - self.slow[members]
        room = np.minimum(self.top[members] - self.level[members], 1.0)
        fixed = [np.ones_like(age), np.log1p(age), youth, momentum, self.last[members] - self.level[members], room]
        fixed += [self.relative[members], np.full(age.size, self.market), self._a_year_before(members)]
        moving = [np.ones_like(age), youth, room]
        around, exact = self._a_year_ago(ahead, members)
        clues = np.empty((*base.shape, CLUES))
        clues[..., :9] = np.stack(fixed, axis=-1)[:, None, :]
        clues[..., 9:12] = np.stack(moving, axis=-1)[:, None, :] * far[:, None]
        clues[..., 12], clues[..., 13] = around, exact
        clues[..., 14] = np.maximum(base - self.top[members, None], 0.0)
        clues[..., 15] = base - self.level[members, None]
        return base, clues

    @property
    def _lag(self) -> int:
        """Periods in a year, whole weeks of days."""
        frequency = self.shared.block.grid.frequency
        return 364 if frequency is Frequency.D else frequency.season

    def _a_year_ago(self, ahead: Rows, members: Rows) -> tuple[Vector, Vector]:
        """(k, h) deviations a year before: smoothed over three periods, and of the very one; 0 where not known."""
        width = self.known.shape[1]
        total, weight = np.zeros((members.size, ahead.size)), np.zeros((members.size, ahead.size))
        for shift in (-1, 1, 0):
            at = width - 1 + ahead - self._lag + shift
            inside = (at >= 0) & (at < width)
            at = np.clip(at, 0, width - 1)
            seen = inside & self.known[members][:, at]
            exact = np.where(seen, self.deviation[members][:, at], 0.0)
            total, weight = total + (2 - abs(shift)) * exact, weight + (2 - abs(shift)) * seen
        return total / np.maximum(weight, 1.0), exact

    def _a_year_before(self, members: Rows) -> Vector:
        """(k,) mean deviation of the four periods a year before the origin, which the level holds as well."""
        stop = self.known.shape[1] - self._lag
        if stop < 4:
            return np.zeros(members.size)
        return np.asarray(self.deviation[members, stop - 4 : stop].mean(axis=1), dtype=np.float64)


def recent(year: float) -> int:
    """Periods within which a live series has sold something."""
    return max(round(year / 10), 2)


def _run(known: Mask, half: int) -> tuple[Mask, Rows]:
    """(m, w) what is known since the last pause of half a year, and (m,) where that starts."""
    width = known.shape[1]
    at = np.arange(width)
    seen = np.maximum.accumulate(np.where(known, at, -1), axis=1)
    before = np.hstack([np.full((len(known), 1), -1), seen[:, :-1]])
    resumed = np.where(known & (at - before > half) & (before >= 0), at, -1).max(axis=1, initial=-1)
    first = np.where(resumed >= 0, resumed, known.argmax(axis=1))
    return known & (at >= first[:, None]), first


def _average(plain: Vector, run: Mask, smoothing: float) -> Vector:
    """(m,) exponential average over the run."""
    weight = run * (1 - smoothing) ** np.arange(plain.shape[1])[::-1]
    return np.asarray((weight * plain).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-300), dtype=np.float64)


def _weekdays(deviation: Vector, known: Mask, first: int, frequency: Frequency) -> Vector:
    """(m, 7) own effects of weekdays, shrunk to none; (m, 1) zeros where periods are not days."""
    if frequency is not Frequency.D:
        return np.zeros((len(deviation), 1))
    last = slice(-min(deviation.shape[1], 26 * 7), None)
    day = (first + np.arange(deviation.shape[1]))[last] % 7 == np.arange(7)[:, None]
    share = day.T.astype(np.float64)
    return np.asarray((deviation[:, last] @ share) / (known[:, last] @ share + FEW / 5), dtype=np.float64)


def _noise(deviation: Vector, known: Mask) -> Vector:
    """(m,) mean absolute deviation, shrunk to the median one."""
    usual = max(float(np.median(np.abs(deviation[known]))), 1e-3) if known.any() else 0.1
    return np.asarray((np.abs(deviation).sum(axis=1) + FEW * usual) / (known.sum(axis=1) + FEW), dtype=np.float64)
