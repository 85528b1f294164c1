"""Demand behind a sell-out: sold-out sales are a lower bound of demand, not demand.

Guarantees
----------
* Unconstrained demand is never below what was sold, and equals it where nothing sold out.
* Where a count model cannot be fitted, sales are left as they are, rather than raised by a guess.

The method is expectation-maximisation for counts: fit, replace each sold-out count by its expectation given that demand
was at least as high, fit again (Dempster, Laird and Rubin 1977; in revenue management Talluri and van Ryzin 2004,
section 9.4.1). A period of which only a share sold out is raised by that share.
"""

from dataclasses import replace

import numpy as np
from scipy.stats import nbinom, poisson

from forecasting.model import History, Vector

LARGEST = 4.0
"""Demand is not raised above this many times the sales that sold out: the data cannot tell how much more it was."""


def demand_beyond(sold: Vector, mean: Vector, dispersion: float) -> Vector:
    """Expected demand given that it was at least `sold`.

    E[D | D >= c] = mu + c (1 + a mu) P(D = c) / P(D >= c) for a negative binomial of variance mu + a mu^2 (a Poisson
    count with a = 0), by summing (j + 1) P(j + 1) = (1/a + j) P(j) a mu / (1 + a mu) over j >= c - 1.

    Parameters
    ----------
    sold : (n,) what sold before stock ran out [units]
    mean : (n,) expected demand [units]
    dispersion : a, 0 for a Poisson count

    Returns
    -------
    (n,) at least `sold`, at most `LARGEST` times as much [units]
    """
    count = np.ceil(sold)
    if dispersion > 0:
        size, chance = 1 / dispersion, 1 / (1 + dispersion * mean)
        tail, at = nbinom.logsf(count - 1, size, chance), nbinom.logpmf(count, size, chance)
        beyond = mean + count * (1 + dispersion * mean) * np.exp(at - tail)
    else:
        beyond = mean + count * np.exp(poisson.logpmf(count, mean) - poisson.logsf(count - 1, mean))
    beyond = np.where(np.isfinite(beyond), beyond, sold)
    return np.clip(beyond, sold, np.maximum(LARGEST * sold, 1.0))


def raised(history: History, mean: Vector, dispersion: float) -> Vector:
    """(n,) sales, with sold-out periods raised to the expected demand by the share that sold out."""
    out = np.flatnonzero((history.censored > 0) & history.known)
    demand = history.sales.copy()
    beyond = demand_beyond(history.sales[out], mean[out], dispersion)
    demand[out] += history.censored[out] * (beyond - history.sales[out])
    return demand


def with_demand(history: History, demand: Vector) -> History:
    """The history with demand in place of sales, nothing censored any more."""
    return replace(history, sales=demand, censored=np.zeros_like(demand), integer=False)
