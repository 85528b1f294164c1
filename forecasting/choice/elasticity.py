"""Own and cross elasticities of a choice model: per cent of choices per per cent of price.

Guarantees
----------
* The aggregate elasticity is of the expected share over all situations: each situation's own elasticity weighted by its
  probability (Ben-Akiva and Lerman 1985, section 5.4). At sample means it is that of one average situation.
* An alternative that is never available has no elasticity (NaN), and takes no buyers from others. One that is available
  at times stands in the average situation as if it always were, at its means while it was: the aggregate elasticity,
  of the situations as they were, is the one that counts how often.
* Shares sum to 1, so that weighted by share the elasticities with respect to one price sum to 0.
"""

from dataclasses import dataclass, field

import numpy as np

from forecasting.choice.choices import Choices, Mask, Matrix, Vector
from forecasting.choice.design import Design
from forecasting.choice.fit import Fit
from forecasting.choice.nested import Nests, shares

DIFFERENCE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Elasticities:
    """Elasticities of each alternative's share (rows) with respect to each price (columns).

    Attributes
    ----------
    aggregate, se : (m, m) probability weighted, and its standard error by the delta method
    at_means : (m, m) of one situation with all alternatives that were ever available and the mean of each column
    """

    aggregate: Matrix = field(repr=False)
    se: Matrix = field(repr=False)
    at_means: Matrix = field(repr=False)


def elasticities(found: Fit, choices: Choices) -> Elasticities:
    """Elasticities over these choices."""
    made = found.design(choices)
    price = choices.values[choices.price] * choices.available
    slope = np.array([found.place(choices.price, name) for name in choices.segments])[choices.segment]

    def aggregate(theta: Vector) -> Matrix:
        return _weighted(made, found, theta, theta[slope], price)

    mean = aggregate(found.theta)
    steps = np.diag(DIFFERENCE * np.maximum(found.se, 1e-12))
    jacobian = np.array([(aggregate(found.theta + s) - aggregate(found.theta - s)) / (2 * s.sum()) for s in steps])
    variance = np.einsum("ajk,ab,bjk->jk", jacobian, found.covariance, jacobian)
    return Elasticities(mean, np.sqrt(np.maximum(variance, 0.0)), _at_means(made, found, slope, price))


def _weighted(made: Design, found: Fit, theta: Vector, slope: Vector, price: Matrix) -> Matrix:
    k = found.coefficients
    logsum = found.nests.logsum(theta[k:])
    under = shares(made.utility(theta[:k]), found.nests, logsum)
    weighted, move = made.weight[:, None] * under.share, slope[:, None] * price
    own = (weighted * move).sum(axis=0)
    summed = _assembled(own, weighted.T @ (move * under.share), weighted.T @ (move * under.within), found.nests, logsum)
    total = weighted.sum(axis=0)[:, None]
    return np.divide(summed, total, out=np.full_like(summed, np.nan), where=total > 0)


def _assembled(own: Vector, across: Matrix, within: Matrix, nests: Nests, logsum: Vector) -> Matrix:
    """D ln P_j / d V_k = [j = k] / lambda - P_k - [same nest] (1 - lambda) / lambda P(k | nest), summed by parts."""
    each = logsum[nests.of]
    return np.diag(own / each) - across - nests.same() * ((1 - each) / each)[:, None] * within


def _at_means(made: Design, found: Fit, slope: Vector, price: Matrix) -> Matrix:
    weight = made.weight[:, None] * made.available
    weight = weight / np.maximum(weight.sum(axis=0), np.finfo(np.float64).tiny)
    ever: Mask = np.any(made.available, axis=0)
    mean = np.einsum("nm,nmk->mk", weight, made.x)[None]
    average = Design(made.terms, mean, ever[None], np.zeros(1, dtype=np.int64), np.ones(1))
    coefficient = np.array([made.weight @ found.theta[slope] / made.weight.sum()])
    return _weighted(average, found, found.theta, coefficient, (weight * price).sum(axis=0)[None])
