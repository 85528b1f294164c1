"""A series with its season taken off, and the season put back on what is said of it.

Guarantees
----------
* What is put back on what was taken off is the series.
* A season is shrunk by how much of it chance explains, to none where chance explains it all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from forecasting.foreseen import OFFSET, Noise, origins, remembered
from forecasting.model import History, Vector
from forecasting.smoothing import Curve, Start


def seasonal_pattern(logs: Vector, season: int) -> Vector:
    """(m,) what each position of the season adds, from the first period on; nothing where no season was seen twice.

    Classical decomposition (Makridakis, Wheelwright and Hyndman 1998, chapter 3): medians of what is left
    beside a centred moving average, shrunk by how much of their variance chance explains.
    """
    known = np.flatnonzero(np.isfinite(logs))
    if season == 1 or known.size < 2 * season + 1:
        return np.zeros(season)
    beside = logs - _centred(np.interp(np.arange(logs.size), known, logs[known]), season)
    padded = np.full(-(-logs.size // season) * season, np.nan)
    padded[: logs.size] = beside
    folded = padded.reshape(-1, season)
    pattern = np.array([np.median(f) if (f := column[np.isfinite(column)]).size else 0.0 for column in folded.T])
    pattern -= pattern.mean()
    return pattern * _share_not_chance(folded - pattern, pattern)


def _centred(values: Vector, season: int) -> Vector:
    """(n,) centred moving average over a season; NaN at the ends."""
    weights = np.ones(season) / season
    if season % 2 == 0:
        weights = np.convolve(weights, [0.5, 0.5])
    average = np.full(values.size, np.nan)
    reach = weights.size // 2
    average[reach : values.size - reach] = np.convolve(values, weights, "valid")
    return average


def _share_not_chance(residual: Vector, pattern: Vector) -> float:
    """Share of the pattern's variance that noise of the residuals does not explain (James and Stein 1961)."""
    seasons = np.isfinite(residual).sum() / pattern.size
    noise = float(np.nanvar(residual)) / max(seasons - 1, 0.5)
    return max(0.0, 1 - noise / max(float(pattern.var(ddof=1)), 1e-12))


@dataclass(frozen=True, eq=False)
class Adjusted:
    """A history in logs, its season taken off.

    Attributes
    ----------
    history : the whole of it
    logs : (n,) log(sales in shares of their mean + offset) less the season, of the last periods
    pattern : (m,) the season, from the first of them on
    """

    history: History
    logs: Vector
    pattern: Vector

    @classmethod
    def of(cls, history: History) -> Self:
        """Take the season off."""
        season = history.grid.frequency.season
        logs = np.log(history.sales[-remembered(season) :] / history.level + OFFSET)
        pattern = seasonal_pattern(logs, season)
        return cls(history, logs - np.resize(pattern, logs.size), pattern)

    @property
    def origins(self) -> tuple[int, ...]:
        """Past origins to foresee from."""
        return origins(self.logs.size, self.history.grid.frequency.season)

    def curve(self, level: float, slope: float, error: float) -> Curve:
        """The logs, to be smoothed from a start."""
        start = Start(np.array([level]), np.array([slope]), np.zeros((1, 1)), np.array([error]))
        return Curve(self.logs[None], start, self.origins)

    def sales(self, logs: Vector, origin: int) -> Vector:
        """Sales, from deseasonalised logs (h,) of the periods after the first `origin`."""
        season = self.pattern[(origin + np.arange(logs.size)) % self.pattern.size]
        return np.maximum(np.exp(np.clip(logs + season, -30.0, 5.0)) - OFFSET, 0.0) * self.history.level

    def noise(self, foreseen: Sequence[Vector]) -> Noise:
        """How sure a model is that said these logs at the past origins."""
        skipped = self.history.sales.size - self.logs.size
        means = [self.sales(logs, origin) for logs, origin in zip(foreseen, self.origins, strict=True)]
        return Noise.of(self.history, means, [skipped + origin for origin in self.origins])
