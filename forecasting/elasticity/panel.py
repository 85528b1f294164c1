"""Slopes with fixed effects: Poisson pseudo-likelihood, its censored form, and least squares in logs.

Guarantees
----------
* The Poisson slope is the one a dummy for every level would give; it needs no logarithm of the quantity, so periods
  without a sale count (Santos Silva and Tenreyro 2006). Log1p, which is biased at low counts, is nowhere used.
* Rows that no finite effect can explain (a level in which nothing was sold) are left out, and `Fit.kept` says so.
* Rows that sold out count as "at least this many", never as demand.
* A fit that did not settle says so; it is never handed on as a slope.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import betainc, gammaln

from forecasting.elasticity.within import Codes, Vector, codes_of, demean

Mask = NDArray[np.bool_]

MAX_ITERATIONS = 60
_LARGEST = 40.0
"""Bound of the linear predictor: exp(40) units is beyond any sale; it keeps a diverging fit finite."""
_ABSORBED = 1e-7
_SETTLED = 1e-6
"""Change at which iterations stop; they are Newton's, so that the next would be of the order of its square."""
_LEAST = 0.05
"""Least weight of a row in a step, as a share of an uncensored one's; where the steps end does not depend on it."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The slope on the first column, with what its error is made from; all arrays over the rows kept.

    Attributes
    ----------
    slope : coefficient on the first column
    kept : (n,) which of the rows given were used
    mean : (m,) fitted quantity [units]; of a linear model the fitted outcome
    own : (m,) the first column after effects and the other columns are taken out
    weight : (m,) weight of the row
    residual : (m,) working residual: what one more weighted regression would still explain
    columns, factors : (m, k) and (m,) each, what the slope was estimated with
    converged : whether the iterations settled
    dispersion : alpha of a negative binomial, variance = mean + alpha mean^2; 0 for Poisson
    """

    slope: float
    kept: Mask = field(repr=False)
    mean: Vector = field(repr=False)
    own: Vector = field(repr=False)
    weight: Vector = field(repr=False)
    residual: Vector = field(repr=False)
    columns: Vector = field(repr=False)
    factors: tuple[Codes, ...] = field(repr=False)
    converged: bool = True
    dispersion: float = 0.0

    @property
    def information(self) -> float:
        """Weighted sum of squares of the first column's own variation."""
        return float(self.weight @ self.own**2)

    @property
    def size(self) -> float:
        """Mean weight of a row, as the information counts rows; of a Poisson fit the mean quantity [units]."""
        told = self.weight * self.own**2
        return float(told @ self.weight / told.sum())

    @property
    def score(self) -> Vector:
        """(m,) each row's contribution to the score of the slope."""
        return self.own * self.weight * self.residual

    @property
    def usable(self) -> bool:
        """Whether the slope is a number and the iterations settled."""
        return self.converged and bool(np.isfinite(self.slope)) and self.information > 0


def linear(outcome: Vector, columns: Vector, factors: Sequence[Codes]) -> Fit:
    """Least squares of `outcome` (n,) on `columns` (n, k) and the levels of `factors`."""
    ones = np.ones(len(outcome))
    within = demean(np.column_stack([outcome, columns]), factors, ones)
    slope, own, residual = weighted(within[:, 0], within[:, 1:], ones, spread(columns, ones))
    kept = np.ones(len(outcome), dtype=bool)
    return Fit(slope, kept, outcome - residual, own, ones, residual, columns, tuple(factors))


def log_log(quantity: Vector, columns: Vector, factors: Sequence[Codes]) -> Fit:
    """Least squares of ln(quantity); rows without a sale have no logarithm and are left out."""
    kept = quantity > 0
    if not kept.any():
        return _nothing(kept)
    fit = linear(np.log(quantity[kept]), columns[kept], [codes_of(f[kept]) for f in factors])
    return replace(fit, kept=kept, mean=np.exp(fit.mean))


def poisson(quantity: Vector, columns: Vector, factors: Sequence[Codes]) -> Fit:
    """Poisson pseudo-likelihood of `quantity` (n,) [units] on `columns` (n, k) and the levels of `factors`.

    Iteratively reweighted least squares with the effects projected out of each step (Correia, Guimaraes and Zylkin
    2020); the previous step's projection is the next one's start.
    """
    kept = informative(quantity, factors)
    y, x = quantity[kept], columns[kept]
    levels = [codes_of(f[kept]) for f in factors]
    return _Count(y, x, levels, kept).fit(np.log((y + y.mean()) / 2)) if len(y) else _nothing(kept)


def censored(quantity: Vector, columns: Vector, factors: Sequence[Codes], sold_out: Mask) -> Fit:
    """Negative binomial (NB2) where demand of the rows in `sold_out` was at least their quantity.

    E[demand | demand >= quantity] in place of a sold-out quantity makes the score that of the censored likelihood
    (Hausman, Hall and Griliches 1984 for NB2); slopes and dispersion are maximised in turn.
    """
    first = poisson(quantity, columns, factors)
    if not first.usable:
        return first
    kept = first.kept
    y, x, cut = quantity[kept], columns[kept], sold_out[kept]
    levels = [codes_of(f[kept]) for f in factors]
    fit, alpha = first, _dispersion(y, first.mean, cut)
    for _ in range(MAX_ITERATIONS):
        fit = _Count(y, x, levels, kept, alpha, cut).fit(np.log(fit.mean))
        last, alpha = alpha, _dispersion(y, fit.mean, cut)
        if abs(alpha - last) <= 1e-4 * (alpha + 1e-3) or not fit.converged:
            break
    return fit


def informative(quantity: Vector, factors: Sequence[Codes]) -> Mask:
    """(n,) rows left after dropping every level in which nothing was sold, until none is left."""
    kept = np.ones(len(quantity), dtype=bool)
    while True:
        sold = kept.copy()
        for factor in factors:
            sold &= (np.bincount(factor, quantity * kept) > 0)[factor]
        if not np.any(quantity[sold] > 0):
            return np.zeros_like(kept)
        if np.array_equal(sold, kept):
            return kept
        kept = sold


def spread(columns: Vector, weight: Vector) -> float:
    """Weighted sum of squares of the first column around its mean."""
    first, total = columns[:, 0], float(weight.sum())
    return float(weight @ (first - weight @ first / total) ** 2) if total > 0 else 0.0


def weighted(z: Vector, x: Vector, weight: Vector, spread: float) -> tuple[float, Vector, Vector]:
    """Slope on the first column, its own variation, and the residual, all columns already free of effects.

    NaN where effects and other columns leave less than `_ABSORBED` of the column's original `spread`.
    """
    others = x[:, 1:]
    own, rest = (_without(column, others, weight) for column in (x[:, 0], z))
    information = float(weight @ own**2)
    if not information > _ABSORBED * spread:
        return np.nan, own, rest
    slope = float(weight @ (own * rest)) / information
    return slope, own, rest - slope * own


def _without(column: Vector, others: Vector, weight: Vector) -> Vector:
    """What is left of a column after weighted least squares on the others."""
    if not others.shape[1]:
        return column
    root = np.sqrt(weight)
    scale = np.sqrt(weight @ others**2)
    basis = others / np.where(scale > 0, scale, 1.0)
    return column - basis @ np.linalg.lstsq(root[:, None] * basis, root * column, rcond=1e-9)[0]


@dataclass(frozen=True, slots=True, eq=False)
class _Count:
    """A count model: its data over the rows kept, its dispersion, and the rows that sold out."""

    quantity: Vector
    columns: Vector
    factors: Sequence[Codes]
    kept: Mask
    alpha: float = 0.0
    cut: Mask | None = None

    def weight(self, mu: Vector) -> Vector:
        """(m,) inverse variance of the working response."""
        return mu / (1 + self.alpha * mu)

    def score(self, mu: Vector) -> tuple[Vector, Vector]:
        """(m,) each: slope of the log-likelihood in the linear predictor, and its curvature, sign turned.

        NB2 is an exponential family in log(alpha mu / (1 + alpha mu)), so that the variance of demand given that it
        was at least the quantity is the derivative of its mean, which the score of a sold-out row contains.
        """
        if not self.alpha:
            return self.quantity - mu, mu
        spread = 1 + self.alpha * mu
        mean, variance = self.quantity.copy(), np.zeros(len(mu))
        if self.cut is not None:
            mean[self.cut], variance[self.cut] = _beyond(self.quantity[self.cut], mu[self.cut], self.alpha)
        score = (mean - mu) / spread
        return score, (mu + self.alpha * mu * (mean - mu) / spread - variance / spread) / spread

    def fit(self, eta: Vector) -> Fit:
        """Iterate from the linear predictor `eta` until it and the slope stand still."""
        within, offset = np.asfortranarray(self.columns), np.zeros(len(eta))
        slope, own, change = np.nan, offset, 1.0
        for _ in range(MAX_ITERATIONS):
            mu = _bounded_exp(eta)
            score, curvature = self.score(mu)
            weight = np.maximum(curvature, _LEAST * self.weight(mu))
            z = eta + score / weight
            tolerance = float(np.clip(1e-2 * change, 1e-10, 1e-4))
            free = demean(np.column_stack([z - offset, within]), self.factors, weight, tolerance=tolerance)
            offset, within, last = z - free[:, 0], free[:, 1:], slope
            slope, own, residual = weighted(free[:, 0], within, weight, spread(self.columns, weight))
            moved = float(np.sqrt(np.average((z - residual - eta) ** 2, weights=weight)))
            eta, change = z - residual, max(moved, abs(slope - last)) if np.isfinite(last) else 1.0
            if change < _SETTLED or not np.isfinite(slope):
                break
        return self._result(slope, own, _bounded_exp(eta), converged=change < _SETTLED)

    def _result(self, slope: float, own: Vector, mu: Vector, *, converged: bool) -> Fit:
        score, weight = self.score(mu)[0], self.weight(mu)
        if self.cut is not None:
            weight, own = self._observed(mu, self.cut)
        return Fit(
            slope, self.kept, mu, own, weight, score / weight, self.columns, tuple(self.factors), converged, self.alpha
        )

    def _observed(self, mu: Vector, cut: Mask) -> tuple[Vector, Vector]:
        """Weights of the observed information, where a sold-out row tells less, and the own variation under them."""
        weight = self.weight(mu)
        weight = np.where(cut, np.clip(self.score(mu)[1], 1e-9, weight), weight)
        within = demean(self.columns, self.factors, weight)
        return weight, _without(within[:, 0], within[:, 1:], weight)


def _bounded_exp(eta: Vector) -> Vector:
    return np.exp(np.clip(eta, -_LARGEST, _LARGEST))


def _beyond(c: Vector, mu: Vector, alpha: float) -> tuple[Vector, Vector]:
    """Mean and variance of demand, NB2 with these means, given that it was at least c [units].

    With size r = 1 / alpha: E[Y; Y >= c] = mu P(Y' >= c - 1) and E[Y (Y - 1); Y >= c] = mu^2 (1 + alpha) P(Y'' >= c -
    2), Y' and Y'' negative binomial of sizes r + 1 and r + 2 with the same odds.
    """
    size, odds = 1 / alpha, alpha * mu / (1 + alpha * mu)
    tail = _at_least(c, size, odds)
    far = tail < 1e-280
    tail = np.where(far, 1.0, tail)
    mean = np.maximum(mu * _at_least(c - 1, size + 1, odds) / tail, c)
    pairs = mu**2 * (1 + alpha) * _at_least(c - 2, size + 2, odds) / tail
    return np.where(far, c, mean), np.where(far, 0.0, np.maximum(pairs + mean - mean**2, 0.0))


def _at_least(c: Vector, size: float, odds: Vector) -> Vector:
    """P(Y >= c) of a negative binomial."""
    return np.where(c > 0, betainc(np.maximum(c, 1e-9), size, odds), 1.0)


def _dispersion(y: Vector, mu: Vector, cut: Mask) -> float:
    """Alpha that maximises the censored NB2 likelihood at these means."""
    seen, m = y[~cut], mu[~cut]

    def loss(log_alpha: float) -> float:
        size = np.exp(-log_alpha)
        told = gammaln(seen + size) - gammaln(size) + size * np.log(size / (size + m)) + seen * np.log(m / (size + m))
        hidden = np.log(np.maximum(_at_least(y[cut], size, mu[cut] / (size + mu[cut])), 1e-300))
        return -float(told.sum() + hidden.sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-9.0, 3.0), method="bounded", options={"xatol": 1e-4}).x))


def _nothing(kept: Mask) -> Fit:
    none = np.zeros(0)
    return Fit(np.nan, kept, none, none, none, none, np.zeros((0, 1)), (), converged=False)
