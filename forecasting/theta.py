"""Theta: a series without its season, in logs, smoothed, with half the slope of its straight line as drift.

Guarantees
----------
* A series' numbers do not depend on which others are fitted with it, and the same history gives the same numbers.
* A forecast cannot be negative, and stays below a fixed multiple of the largest sales.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from forecasting.deseasonalised import Adjusted
from forecasting.foreseen import FORESEEN, Noise, apart
from forecasting.model import Forecast, Future, History, NotFittedError, Vector, only
from forecasting.smoothing import Sets, Smoothed, States, smoothed

SETS = Sets.grid(tuple(np.arange(1, 20) / 20), ((0.0, 0.0),))


@dataclass(frozen=True, slots=True)
class Line:
    """Where a Theta forecast starts, and what it rises by.

    Attributes
    ----------
    level : of simple exponential smoothing
    smoothing : its parameter
    slope : of a straight line through the series [per period]
    n : periods smoothed
    """

    level: float
    smoothing: float
    slope: float
    n: int

    @classmethod
    def of(cls, states: States, best: int, seen: Vector) -> "Line":
        """After the periods seen, with the chosen set of parameters."""
        return cls(float(states.level[0, best]), float(SETS.level[best]), straight_slope(seen), seen.size)

    def ahead(self, horizon: int) -> Vector:
        """(horizon,) forecast: smoothing with half the slope as drift (Hyndman and Billah 2003)."""
        lag = (1 - (1 - self.smoothing) ** self.n) / self.smoothing
        return self.level + 0.5 * self.slope * (np.arange(horizon, dtype=np.float64) + lag)


def straight_slope(values: Vector) -> float:
    """Least-squares slope of the known values [per period]; 0 for fewer than two."""
    known = np.flatnonzero(np.isfinite(values))
    time = known - known.mean() if known.size else np.zeros(0)
    energy = float(np.sum(time**2))
    return float(np.sum(time * values[known])) / energy if energy > 0 else 0.0


@dataclass(frozen=True, eq=False)
class ThetaFit:
    """Simple exponential smoothing with half the linear trend.

    Attributes
    ----------
    adjusted : the history without its season
    line : how it goes on
    noise : how sure it is
    """

    adjusted: Adjusted
    line: Line
    noise: Noise

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:  # noqa: ARG002  # nothing is random
        """Carry the line forward, put the season back."""
        history = self.adjusted.history
        ahead = future.periods - history.following(1)[0]
        mean = self.adjusted.sales(self.line.ahead(int(ahead[-1]) + 1), self.adjusted.logs.size)[ahead]
        return self.noise.around(mean, history, future, level)


@dataclass(frozen=True, slots=True)
class Theta:
    """The Theta method (Assimakopoulos and Nikolopoulos 2000) on the deseasonalised series in logs."""

    name: str = field(default="theta", init=False)
    minimum: int = field(default=3, init=False)

    def fit(self, history: History) -> ThetaFit:
        """Fit to one history."""
        return only(self.fit_all([history]))

    def fit_all(self, histories: Sequence[History]) -> list[ThetaFit | NotFittedError]:
        """Fit every history that is long enough, side by side."""
        able, refused = apart(self, histories)
        adjusted = [Adjusted.of(history) for history in able]
        curves = [each.curve(float(each.logs[np.isfinite(each.logs)][0]), 0.0, 1.0) for each in adjusted]
        fits = iter(map(_fit, adjusted, smoothed(curves, SETS, cut=np.inf)))
        return [reason or next(fits) for reason in refused]


def _fit(adjusted: Adjusted, result: Smoothed) -> ThetaFit:
    best = int(np.argmin(result.squared[0]))
    past = zip(result.past, adjusted.origins, strict=True)
    lines = [Line.of(states, best, adjusted.logs[:origin]) for states, origin in past]
    horizon = FORESEEN[adjusted.history.grid.frequency]
    noise = adjusted.noise([line.ahead(horizon) for line in lines])
    return ThetaFit(adjusted, Line.of(result.last, best, adjusted.logs), noise)
