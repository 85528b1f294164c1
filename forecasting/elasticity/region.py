"""Every slope that instruments do not contradict, however weak they are.

Guarantees
----------
* A region holds the truth as often as promised, whether or not the instruments move the price (Anderson and Rubin 1949;
  clustered as Magnusson 2010). It may be an interval, two rays, every number, or, with several instruments that
  contradict each other, none; it is never cut off to look like an interval.

A slope stands if demand's reaction to the instruments less slope times the price's may be zero. The test does not
change when both are scaled, so that slopes are looked for by their direction, infinite ones included.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_distribution

from forecasting.elasticity.within import Vector

_GRID, _HALVINGS = 1440, 50
"""Directions in which a region is looked for, and halvings that place its ends."""
_NEAR = np.geomspace(1e-9, 0.1, 80)
"""Angles from the best slope at which it is looked for too: a precise region is narrow."""


@dataclass(frozen=True, slots=True)
class Region:
    """Every slope the data do not contradict: none, intervals, or rays (infinite ends), in increasing order."""

    pieces: tuple[tuple[float, float], ...]

    @property
    def bounded(self) -> bool:
        """Whether there is such a slope, and none is infinite."""
        return bool(self.pieces) and all(np.isfinite(end) for piece in self.pieces for end in piece)

    @property
    def lower(self) -> float:
        """Smallest slope not contradicted."""
        return self.pieces[0][0] if self.pieces else np.nan

    @property
    def upper(self) -> float:
        """Largest slope not contradicted."""
        return self.pieces[-1][1] if self.pieces else np.nan

    def __str__(self) -> str:
        return " or ".join(_piece(*piece) for piece in self.pieces) or "none"


def _piece(low: float, high: float) -> str:
    if np.isinf(low) and np.isinf(high):
        return "any number"
    if np.isinf(low):
        return f"up to {high:+.2f}"
    return f"{low:+.2f} and above" if np.isinf(high) else f"{low:+.2f} to {high:+.2f}"


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """How instruments move demand and price, (m,) each, the covariance of both, and their best slope.

    A slope is tried as centre + scale tan(angle), an angle of 90 degrees being an infinite one. Centre and scale are
    such that with one instrument the statistic is a cosine squared of the angle.
    """

    demand: Vector
    price: Vector
    covariance: Vector
    best: float
    clusters: int

    @property
    def _coordinates(self) -> tuple[float, float]:
        m = len(self.price)
        demand, price, both = (
            float(np.trace(block))
            for block in (self.covariance[:m, :m], self.covariance[m:, m:], self.covariance[:m, m:])
        )
        rest = demand * price - both**2
        return (both / price, float(np.sqrt(rest)) / price) if rest > 0 and price > 0 else (self.best, 1.0)

    @property
    def _angles(self) -> Vector:
        centre, scale = self._coordinates
        best = np.arctan((self.best - centre) / scale)
        near = np.concatenate([best - _NEAR, [best], best + _NEAR])
        even = (np.arange(_GRID) + 0.5) * np.pi / _GRID - np.pi / 2
        return np.unique(np.concatenate([even, np.mod(near + np.pi / 2, np.pi) - np.pi / 2]))

    def statistic(self, angle: Vector) -> Vector:
        """(n,) Wald statistic of demand - slope price = 0 (Anderson and Rubin 1949; clustered as Magnusson 2010)."""
        (centre, scale), m = self._coordinates, len(self.price)
        on_demand = np.cos(angle)
        on_price = -(on_demand * centre + np.sin(angle) * scale)
        gap = on_demand[:, None] * self.demand + on_price[:, None] * self.price
        map_ = np.concatenate([on_demand[:, None, None] * np.eye(m), on_price[:, None, None] * np.eye(m)], axis=2)
        spread = map_ @ self.covariance @ np.swapaxes(map_, 1, 2)
        return np.einsum("ni,nij,nj->n", gap, np.linalg.pinv(spread, hermitian=True), gap)

    def slope(self, angle: float) -> float:
        """The slope in this direction."""
        centre, scale = self._coordinates
        return centre + scale * float(np.tan(angle))

    def region(self, level: float) -> Region:
        """Slopes at which the statistic is within its quantile, that of Hotelling's T^2 with these clusters."""
        m, g = len(self.price), self.clusters
        limit = (g - 1) * m / (g - m) * float(f_distribution.ppf(level, m, g - m)) if g > m else np.inf
        angles = self._angles
        inside = self.statistic(angles) <= limit
        if inside.all() or not inside.any():
            return Region(((-np.inf, np.inf),) if inside.all() else ())
        change = np.flatnonzero(inside != np.roll(inside, -1))
        after = np.append(angles[1:], angles[0] + np.pi)
        ends = self._ends(angles[change], after[change], inside[change], limit)
        return Region(tuple(sorted(self._arcs(ends[~inside[change]], ends[inside[change]]))))

    def _ends(self, low: Vector, high: Vector, inside: NDArray[np.bool_], limit: float) -> Vector:
        """Where between two angles the region, in which the first is or is not, ends or begins."""
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            same = (self.statistic(middle) <= limit) == inside
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        return low

    def _arcs(self, starts: Vector, stops: Vector) -> list[tuple[float, float]]:
        """Intervals of slopes between the angles at which regions begin and end; through infinity they are two rays."""
        pieces = []
        for start in starts:
            stop = min(stops[stops > start], default=float(stops.min()) + np.pi)
            if start < np.pi / 2 < stop:
                pieces += [(self.slope(start), np.inf), (-np.inf, self.slope(stop - np.pi))]
            else:
                pieces.append((self.slope(start), self.slope(stop)))
        return pieces

    @property
    def contradiction(self) -> float:
        """P-value of several instruments agreeing, on the slope that suits all best (Hansen, Heaton and Yaron 1996)."""
        more, freedom = len(self.price) - 1, self.clusters - len(self.price) + 1
        if freedom < 1:
            return 1.0
        smallest = float(self.statistic(self._angles).min())
        return float(f_distribution.sf(smallest * freedom / ((self.clusters - 1) * more), more, freedom))
