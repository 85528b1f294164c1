"""Standard errors of slopes that hold with few clusters, with prices set chain-wide, and with reactions that wander.

Guarantees
----------
* With few clusters the variance is neither too large nor too small on average where rows err independently, and the
  degrees of freedom are those it then has.
* Where one cluster holds all that tells the slope there is no error: it is infinite.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtri

from forecasting.elasticity.panel import Fit, Mask, spread, weighted
from forecasting.elasticity.within import Codes, Vector, codes_of, demean

REFIT, CHEAP = 40, 100_000
"""Clusters, or clusters times rows, up to which the jackknife estimates the effects anew."""
ALIKE = 0.05
"""Size of the F test of whether rows that share a stretch of time err alike."""


def sandwich(fit: Fit, clusters: Codes) -> float:
    """Standard error of the slope, clustered, with the factor G / (G - 1)."""
    return float(np.sqrt(_meat(fit, clusters)) / fit.information) if fit.information > 0 else np.inf


@dataclass(frozen=True, slots=True)
class Error:
    """A variance of the slope, and the degrees of freedom of the t distribution that goes with it.

    `both_ways`: whether it counts shared clusters too.
    """

    variance: float
    freedom: float
    both_ways: bool = False

    @property
    def se(self) -> float:
        """Standard error."""
        return float(np.sqrt(self.variance))


def jackknife(fit: Fit, clusters: Codes, shared: Codes | None = None) -> Error:
    """Error by leaving out clusters, and what rows of `shared` ones err alike besides.

    To the variance by clusters comes that by shared ones less that of the crossed clusters (Cameron, Gelbach and Miller
    2011; MacKinnon, Nielsen and Webb 2024 for the jackknife), where the former is above the latter beyond chance: rows
    that share a stretch of time then err alike, or react alike to the price and otherwise than at other times.
    """
    one = _one_way(fit, clusters)
    if shared is None:
        return one
    two = _one_way(fit, shared)
    both = _one_way(fit, codes_of(clusters * (int(shared.max(initial=0)) + 1) + shared))
    if not np.isfinite(one.variance + two.variance + both.variance):
        return Error(np.inf, 1.0)
    if not two.variance > both.variance * float(fdtri(two.freedom, both.freedom, 1 - ALIKE)):
        return one
    variance = one.variance + two.variance - both.variance
    doubt = one.variance**2 / one.freedom + two.variance**2 / two.freedom
    return Error(variance, variance**2 / doubt, both_ways=True)


def _one_way(fit: Fit, clusters: Codes) -> Error:
    """Leaving out one cluster after the other (CV3; MacKinnon, Nielsen and Webb 2023), scaled for few of them.

    One Newton step per cluster from the full estimate. The effects are estimated anew each time, or held where that
    takes long and no longer matters. The jackknife errs on the high side, much so with few clusters: its variance is
    divided by what it would be on average, relative to the truth, if rows erred independently, and has the degrees of
    freedom it would have then (Bell and McCaffrey 2002; Hansen 2025). Infinite when one cluster holds all variation.
    """
    groups = int(clusters.max(initial=-1)) + 1
    rest = fit.information - np.bincount(clusters, fit.weight * fit.own**2)
    if groups < 2 or not np.all(rest > 1e-9 * fit.information):
        return Error(np.inf, 1.0)
    few = groups <= max(REFIT, CHEAP // len(clusters))
    moves, covariance = _anew(fit, clusters, groups) if few else _held(fit, clusters)
    variance = float(moves @ moves) / covariance.trace / fit.information
    return Error(variance, covariance.freedom) if 0 <= variance < np.inf else Error(np.inf, 1.0)


@dataclass(frozen=True, slots=True)
class _Moments:
    """Trace of a covariance matrix, and the sum of its squares."""

    trace: float
    squares: float

    @property
    def freedom(self) -> float:
        """Of the chi-square with the mean and variance of a sum of squares (Satterthwaite 1946)."""
        return self.trace**2 / self.squares


def _anew(fit: Fit, clusters: Codes, groups: int) -> tuple[Vector, _Moments]:
    """(groups,) moves of the slope as clusters are left out, and their covariance if rows erred independently.

    As the slope is efficient then, the covariance is that of the slopes without the clusters less its own variance.
    """
    moves, telling = np.zeros(groups), np.zeros((groups, len(clusters)))
    for g in range(groups):
        moves[g], telling[g] = _without_cluster(fit, clusters == g)
    scaled = np.divide(telling, np.sqrt(fit.weight), out=telling, where=fit.weight > 0)
    covariance = scaled @ scaled.T - 1 / fit.information
    return moves, _Moments(float(np.trace(covariance)), float(np.sum(covariance**2)))


def _held(fit: Fit, clusters: Codes) -> tuple[Vector, _Moments]:
    """The same with the effects held, so that the slopes without two clusters differ by what the two hold."""
    share = np.bincount(clusters, fit.weight * fit.own**2).astype(np.float64)
    odds = share / (fit.information - share)
    squares = odds**2
    total = float(squares.sum() + squares.sum() ** 2 - squares @ squares)
    moments = _Moments(float(odds.sum()) / fit.information, total / fit.information**2)
    return -np.bincount(clusters, fit.score) / (fit.information - share), moments


def _without_cluster(fit: Fit, out: Mask) -> tuple[float, Vector]:
    """How far the slope moves when these rows are left out, and (n,) what log demand of each row then does to it.

    NaN if nothing is left to tell it.
    """
    weight = np.where(out, 0.0, fit.weight)
    free = demean(np.column_stack([fit.residual, fit.columns]), fit.factors, weight, tolerance=1e-7)
    move, own, _ = weighted(free[:, 0], free[:, 1:], weight, spread(fit.columns, weight))
    telling = weight * own
    return move, telling / max(float(telling @ own), 1e-300)


def two_way(fit: Fit, first: Codes, second: Codes) -> float:
    """Standard error clustered both ways (Cameron, Gelbach and Miller 2011), never below either one-way error."""
    if not fit.information > 0:
        return np.inf
    both = codes_of(first * (int(second.max(initial=0)) + 1) + second)
    one, two, overlap = (_meat(fit, codes) for codes in (first, second, both))
    return float(np.sqrt(max(one, two, one + two - overlap)) / fit.information)


def _meat(fit: Fit, clusters: Codes) -> float:
    groups = int(clusters.max(initial=-1)) + 1
    sums = np.bincount(clusters, fit.score)
    return float(groups / (groups - 1) * (sums @ sums)) if groups > 1 else np.inf
