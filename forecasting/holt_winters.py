"""Damped Holt-Winters, with the parameters that foresaw best several periods ahead at past origins, averaged.

Guarantees
----------
* A series' numbers do not depend on which others are fitted with it, and the same history gives the same numbers.
* A forecast cannot be negative, and stays below a fixed multiple of the largest sales.
* A season is carried only as far as it was seen: halved before two seasons, none before one.

Each series is smoothed with every set of parameters on three scales: as it is (additive season), in logs
(multiplicative) and as square roots (between the two). Each is scored by its mean absolute error over the periods that
followed past origins, and the forecasts of the best are averaged: best sets change from year to year, averages do not
(Kourentzes, Barrow and Petropoulos 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forecasting.foreseen import FORESEEN, OFFSET, Noise, apart, origins, remembered
from forecasting.model import Forecast, Future, History, NotFittedError, Vector, only
from forecasting.smoothing import Curve, Sets, Smoothed, Start, States, smoothed

Scales = NDArray[np.intp]
RAW, LOGS, ROOTS = 0, 1, 2
LEVELS = (0.1, 0.2, 0.35, 0.55, 0.8)
TRENDS = ((0.0, 0.0), (0.1, 0.9), (0.1, 0.98), (0.3, 0.9), (0.05, 1.0))
SEASONS = (0.05, 0.2, 0.4)
BEST = 16
"""Of the sets on all scales, so many are averaged."""


def entered(shares: Vector) -> Vector:
    """(3, n) sales, in shares of their mean, on each scale."""
    return np.stack([shares, np.log(shares + OFFSET), np.sqrt(shares)])


def left(values: Vector, scale: Scales) -> Vector:
    """Sales, in shares of their mean, from (..., q, h) values of which each q is on its scale."""
    shares = values.copy()
    logs, roots = scale == LOGS, scale == ROOTS
    shares[..., logs, :] = np.exp(np.minimum(values[..., logs, :], 5.0)) - OFFSET
    shares[..., roots, :] = np.square(np.maximum(values[..., roots, :], 0.0))
    return np.maximum(shares, 0.0)


@dataclass(frozen=True, eq=False)
class HoltWintersFit:
    """A smoothed series.

    Attributes
    ----------
    history : what it was fitted to
    states : where the (q,) best sets stand
    scale : (q,) scale of each
    noise : how sure it is
    """

    history: History
    states: States
    scale: Scales
    noise: Noise

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:  # noqa: ARG002  # nothing is random
        """Mean of the best sets, with an interval from their errors at past origins."""
        ahead = future.periods - self.history.following(1)[0]
        shares = left(self.states.ahead(int(ahead[-1]) + 1), self.scale).mean(axis=0)
        return self.noise.around(shares[ahead] * self.history.level, self.history, future, level)


@dataclass(frozen=True, slots=True)
class HoltWinters:
    """Damped Holt-Winters, averaged over the sets of parameters that did best."""

    name: str = field(default="holt-winters", init=False)
    minimum: int = field(default=5, init=False)

    def fit(self, history: History) -> HoltWintersFit:
        """Fit to one history."""
        return only(self.fit_all([history]))

    def fit_all(self, histories: Sequence[History]) -> list[HoltWintersFit | NotFittedError]:
        """Fit every history that is long enough; those with seasons of one length side by side."""
        able, refused = apart(self, histories)
        seasons = np.array([history.grid.frequency.season for history in able])
        fits: dict[int, HoltWintersFit] = {}
        for season in np.unique(seasons):
            group = np.flatnonzero(seasons == season)
            curves = [_curve(able[i], int(season)) for i in group]
            sets = Sets.grid(LEVELS, TRENDS, SEASONS if season > 1 else (0.0,))
            for i, curve, result in zip(group, curves, smoothed(curves, sets), strict=True):
                fits[int(i)] = _best(able[i], curve, result)
        fitted = iter([fits[i] for i in range(len(able))])
        return [reason or next(fitted) for reason in refused]


def _curve(history: History, season: int) -> Curve:
    values = entered(history.sales[-remembered(season) :] / history.level)
    return Curve(values, start_of(values, season), origins(values.shape[1], season))


def start_of(values: Vector, season: int) -> Start:
    """First states, from the first two to four seasons (half of a long history, at least two)."""
    n = values.shape[1]
    window = values[:, : max(2 * season, min(4 * season, n // 2)) if season > 1 else 10]
    time = np.arange(window.shape[1])
    slope = _first_slope(window, season)
    level = _known_mean(window - slope[:, None] * time)
    beside = window - level[:, None] - slope[:, None] * time
    pattern = _first_season(beside, season)
    error = _known_mean(np.abs(beside - pattern[:, time % season]))
    return Start(level - slope, slope, pattern, 1.25 * error + 1e-6)


def _first_slope(window: Vector, season: int) -> Vector:
    """(r,) half the median change per period from one season to the next: early slopes rarely last."""
    change = (window[:, season:] - window[:, :-season]) / season
    known = change[:, np.isfinite(change[0])]
    return 0.5 * np.median(known, axis=1) if known.size else np.zeros(window.shape[0])


def _first_season(beside: Vector, season: int) -> Vector:
    """(r, m) mean deviation of each position, adding up to none; halved where hardly any was seen twice."""
    n = beside.shape[1]
    if season == 1 or np.isfinite(beside[0]).sum() < season:
        return np.zeros((beside.shape[0], season))
    padded = np.full((beside.shape[0], -(-n // season) * season), np.nan)
    padded[:, :n] = beside
    folded = padded.reshape(beside.shape[0], -1, season)
    seen = np.isfinite(folded).sum(axis=1)
    pattern = np.where(np.isfinite(folded), folded, 0.0).sum(axis=1) / np.maximum(seen, 1)
    pattern -= pattern.mean(axis=1, keepdims=True)
    return pattern * (1.0 if n >= 2 * season else 0.5)


def _known_mean(values: Vector) -> Vector:
    """(r,) mean of what is known; zero where nothing is."""
    known = values[:, np.isfinite(values[0])]
    return known.mean(axis=1) if known.size else np.zeros(values.shape[0])


def _best(history: History, curve: Curve, result: Smoothed) -> HoltWintersFit:
    """Score every set on every scale at past origins, and keep the best."""
    sets = result.last.damping.size
    scale, chosen = (index.ravel() for index in np.indices((curve.values.shape[0], sets)))
    seen = curve.values[RAW]
    horizon = FORESEEN[history.grid.frequency]
    said = [left(past.pick(scale, chosen).ahead(horizon), scale) for past in result.past]
    best = np.argsort(_scores(said, seen, curve.origins), kind="stable")[:BEST]
    skipped = history.sales.size - seen.size
    means = [shares[best].mean(axis=0) * history.level for shares in said]
    noise = Noise.of(history, means, [skipped + origin for origin in curve.origins])
    return HoltWintersFit(history, result.last.pick(scale[best], chosen[best]), scale[best], noise)


def _scores(said: Sequence[Vector], seen: Vector, past: Sequence[int]) -> Vector:
    """(q,) sum of absolute errors over what is known after the past origins."""
    total = np.zeros(said[0].shape[0])
    for shares, origin in zip(said, past, strict=True):
        actual = seen[origin : origin + shares.shape[1]]
        known = np.flatnonzero(np.isfinite(actual))
        total += np.abs(shares[:, known] - actual[known]).sum(axis=1)
    return total
