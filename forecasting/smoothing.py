"""Exponential smoothing of many series with many sets of parameters at once.

Guarantees
----------
* A series' numbers do not depend on which others are smoothed with it.
* A period that is not known leaves level, slope and season where they were foreseen to be.

A damped trend and an additive season in error-correction form (Gardner 1985; Hyndman et al. 2008, table 2.1): with
error e = value - (level + damping slope + season),

    level <- level + damping slope + a e,   slope <- damping slope + a b e,   season <- season + (1 - a) g e.

Errors beyond a few running mean absolute errors are cut there (after Gelper, Fried and Croux 2010), so that a single
outlier moves nothing far, while a shift that stays is followed. Series lie side by side with their ends aligned, the
longest first; the loop is over periods, every step is arithmetic on arrays of (series, scales, sets).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forecasting.model import Vector

CUT = 4.0
"""Running mean absolute errors beyond which an error is cut."""
FLOOR = 0.02
"""Least running mean absolute error, or a shift in a series without noise would be cut away."""
MEMORY = 0.1
"""Of the running mean absolute error."""
TOGETHER = 16
"""Series smoothed side by side: more do not fit the processor's cache."""


@dataclass(frozen=True, eq=False)
class Sets:
    """Sets of smoothing parameters, each (p,): a, b, damping and g of the module's equations."""

    level: Vector
    slope: Vector
    damping: Vector
    season: Vector

    @classmethod
    def grid(
        cls, levels: Sequence[float], trends: Sequence[tuple[float, float]], seasons: Sequence[float] = (0.0,)
    ) -> Self:
        """Every combination of a, (b, damping) and g."""
        every = [(a, b, damping, g) for a in levels for b, damping in trends for g in seasons]
        return cls(*np.array(every, dtype=np.float64).T)


@dataclass(frozen=True, eq=False)
class Start:
    """Where a series starts: level, slope and mean error (r,), season (r, m) from the first period on."""

    level: Vector
    slope: Vector
    season: Vector
    error: Vector


@dataclass(frozen=True, eq=False)
class Curve:
    """A series to smooth.

    Attributes
    ----------
    values : (r, n) on each scale; NaN where not known
    start : its first states
    origins : periods seen at which the states are kept; the last one is kept anyway
    """

    values: Vector
    start: Start
    origins: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class States:
    """What a smoothed series is at one moment: level, slope and damping (..., p), season (..., p, m) next first."""

    level: Vector
    slope: Vector
    damping: Vector
    season: Vector

    def ahead(self, horizon: int) -> Vector:
        """(..., p, horizon) what they foresee."""
        damped = np.cumsum(np.cumprod(np.repeat(self.damping[..., None], horizon, axis=-1), axis=-1), axis=-1)
        season = self.season[..., np.arange(horizon) % self.season.shape[-1]]
        return self.level[..., None] + self.slope[..., None] * damped + season

    def pick(self, scale: NDArray[np.intp], chosen: NDArray[np.intp]) -> "States":
        """The states of chosen pairs of scale and set, each (q,)."""
        return States(
            self.level[scale, chosen], self.slope[scale, chosen], self.damping[chosen], self.season[scale, chosen]
        )


@dataclass(frozen=True, eq=False)
class Smoothed:
    """A smoothed series.

    Attributes
    ----------
    last : states after the last period, arrays of (r, p)
    past : the same after each origin
    squared : (r, p) mean squared error one period ahead, errors cut
    """

    last: States
    past: tuple[States, ...]
    squared: Vector


def smoothed(curves: Sequence[Curve], sets: Sets, cut: float = CUT) -> list[Smoothed]:
    """Smooth every series with every set of parameters."""
    order = sorted(range(len(curves)), key=lambda i: -curves[i].values.shape[1])
    found: dict[int, Smoothed] = {}
    for first in range(0, len(order), TOGETHER):
        part = order[first : first + TOGETHER]
        found.update(zip(part, _together([curves[i] for i in part], sets, cut), strict=True))
    return [found[i] for i in range(len(curves))]


def _together(curves: Sequence[Curve], sets: Sets, cut: float) -> Iterator[Smoothed]:
    batch = _Batch.of(curves, sets)
    wanted = batch.moments(curves)
    kept: dict[tuple[int, int], States] = {}
    squared = np.zeros_like(batch.level)
    for t in range(batch.values.shape[2]):
        batch.step(t, sets, cut, squared)
        for i in wanted.get(t, ()):
            kept[i, t] = batch.states(i, t, sets)
    end = batch.values.shape[2] - 1
    for i, curve in enumerate(curves):
        first = end + 1 - curve.values.shape[1]
        past = tuple(kept[i, first + origin - 1] for origin in curve.origins)
        yield Smoothed(batch.states(i, end, sets), past, squared[i] / max(np.isfinite(curve.values[0]).sum(), 1))


@dataclass(frozen=True, eq=False)
class _Batch:
    """Series of one batch, ends aligned, longest first; states are moved in place.

    Attributes
    ----------
    values : (s, r, n) values, NaN before a series starts
    first : (s,) where each starts
    level, slope, error : (s, r, p)
    season : (m, s, r, p) by position modulo m
    """

    values: Vector
    first: NDArray[np.intp]
    level: Vector
    slope: Vector
    error: Vector
    season: Vector

    @classmethod
    def of(cls, curves: Sequence[Curve], sets: Sets) -> "_Batch":
        n = max(curve.values.shape[1] for curve in curves)
        first = np.array([n - curve.values.shape[1] for curve in curves])
        values = np.full((len(curves), curves[0].values.shape[0], n), np.nan)
        for i, curve in enumerate(curves):
            values[i, :, first[i] :] = curve.values
        level, slope, error = (
            np.repeat(np.array([getattr(curve.start, part) for curve in curves])[:, :, None], sets.level.size, axis=2)
            for part in ("level", "slope", "error")
        )
        aligned = [np.roll(curve.start.season, shift, axis=1) for curve, shift in zip(curves, first, strict=True)]
        season = np.repeat(np.moveaxis(np.array(aligned), 2, 0)[..., None], sets.level.size, axis=3)
        return cls(values, first, level, slope, error, season)

    def moments(self, curves: Sequence[Curve]) -> dict[int, list[int]]:
        """Which series' states are wanted after which position."""
        wanted: dict[int, list[int]] = {}
        for i, curve in enumerate(curves):
            for origin in curve.origins:
                wanted.setdefault(int(self.first[i]) + origin - 1, []).append(i)
        return wanted

    def step(self, t: int, sets: Sets, cut: float, squared: Vector) -> None:
        """Move the states of the series that have started by one period."""
        k = int(np.searchsorted(self.first, t, side="right"))
        level, slope, running = self.level[:k], self.slope[:k], self.error[:k]
        season = self.season[t % self.season.shape[0], :k]
        carried = sets.damping * slope
        foreseen = level + carried
        error = self.values[:k, :, t, None] - foreseen - season
        missing = ~np.isfinite(error)
        error[missing] = 0.0
        size = np.minimum(np.abs(error), cut * np.maximum(running, FLOOR))
        error = np.copysign(size, error)
        squared[:k] += error * error
        size -= running
        size[missing] = 0.0
        running += MEMORY * size
        level[:] = foreseen + sets.level * error
        slope[:] = carried + sets.level * sets.slope * error
        season += (1 - sets.level) * sets.season * error

    def states(self, i: int, t: int, sets: Sets) -> States:
        """Copies of one series' states after position t."""
        m = self.season.shape[0]
        season = np.moveaxis(self.season[(t + 1 + np.arange(m)) % m, i], 0, -1)
        return States(self.level[i].copy(), self.slope[i].copy(), sets.damping, season)
