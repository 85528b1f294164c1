"""Pooling across groups: what all of them say tempers what each one says.

Guarantees
----------
* A precise slope keeps its own value; an imprecise one moves towards the mean of the credible groups.
* A group that is not identified carries no number of its own: it gets the distribution of a group not yet seen.
* Where no credible group supports a mean below 0, what is known of demand in general stands in (`GENERAL`).

The gain is real only where rows are few; with many rows per group pooling changes little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.elasticity.within import Vector


@dataclass(frozen=True, slots=True)
class Normal:
    """A normal distribution of an elasticity."""

    mean: float
    sd: float


GENERAL = Normal(-1.5, 1.0)
"""Weakly informative prior of an elasticity: most goods and tickets lie between -3.5 and 0."""

_TAU = np.geomspace(0.01, 3.0, 60)
"""Standard deviations between groups that are weighed against each other."""
_TAU_SCALE = 0.5
"""Half-normal prior of the standard deviation between groups (Gelman 2006: weak, matters for few groups only)."""


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Posterior mean and standard deviation of each group's elasticity, (n,) each, and that of a group not yet seen."""

    mean: Vector
    sd: Vector
    unseen: Normal


def pool(slopes: Sequence[float], spreads: Sequence[float], *, credible: Sequence[bool], own: Sequence[bool]) -> Pooled:
    """Posterior of each group's elasticity under slope ~ N(elasticity, spread^2), elasticity ~ N(mean, tau^2).

    Mean and tau are integrated out over the credible groups, with `GENERAL` as prior of the mean (normal-normal
    hierarchical model; Gelman et al. 2013, section 5.4).

    Parameters
    ----------
    slopes, spreads : (n,) each group's estimate and its standard deviation
    credible : (n,) whether the group may speak for others
    own : (n,) whether the group's slope may be used for itself; otherwise it gets `unseen`
    """
    b, s = (np.asarray(values, dtype=np.float64) for values in (slopes, spreads))
    use = np.asarray(credible, dtype=bool) & np.isfinite(b) & np.isfinite(s) & (s > 0)
    weight, centre, variance = _mean_given_tau(b[use], s[use])
    unseen = _mixture(weight, centre, variance + _TAU**2)
    if not use.any() or not _below_zero(weight, centre, variance):
        unseen, weight, centre, variance = _alone()
    mean, sd = np.full(len(b), unseen.mean), np.full(len(b), unseen.sd)
    hierarchy = len(weight) > 1
    for i in np.flatnonzero(own):
        # The mean of the groups already holds the slope of each that speaks for them.
        within = hierarchy and use[i]
        posterior = (_member if within else _outsider)(b[i], s[i], weight, centre, variance)
        mean[i], sd[i] = posterior.mean, posterior.sd
    return Pooled(mean, sd, unseen)


def _mean_given_tau(b: Vector, s: Vector) -> tuple[Vector, Vector, Vector]:
    """Posterior weight of each tau, and mean and variance of the groups' mean given it."""
    precision = 1 / (s[None, :] ** 2 + _TAU[:, None] ** 2)
    total = precision.sum(axis=1) + 1 / GENERAL.sd**2
    centre = (precision @ b + GENERAL.mean / GENERAL.sd**2) / total
    misfit = (precision * (b[None, :] - centre[:, None]) ** 2).sum(axis=1) + ((centre - GENERAL.mean) / GENERAL.sd) ** 2
    log_weight = 0.5 * np.log(precision).sum(axis=1) - 0.5 * np.log(total) - 0.5 * misfit
    log_weight += np.log(_TAU) - 0.5 * (_TAU / _TAU_SCALE) ** 2  # the grid is even in log tau
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.sum(), centre, 1 / total


def _member(slope: float, spread: float, weight: Vector, centre: Vector, variance: Vector) -> Normal:
    """Posterior of a group whose slope is among those the mean was learned from, averaged over tau.

    Given tau and the mean, a group is `share` its own slope and the rest the mean, which is uncertain in turn.
    """
    share = _TAU**2 / (_TAU**2 + spread**2)
    return _mixture(weight, centre + share * (slope - centre), share * spread**2 + (1 - share) ** 2 * variance)


def _outsider(slope: float, spread: float, weight: Vector, centre: Vector, variance: Vector) -> Normal:
    """Posterior of a group whose slope the mean was not learned from: its slope against a group not yet seen."""
    prior = variance + _TAU**2 if len(weight) > 1 else variance
    share = prior / (prior + spread**2)
    return _mixture(weight, centre + share * (slope - centre), share * spread**2)


def _mixture(weight: Vector, mean: Vector, variance: Vector) -> Normal:
    centre = float(weight @ mean)
    return Normal(centre, float(np.sqrt(weight @ (variance + (mean - centre) ** 2))))


def _below_zero(weight: Vector, centre: Vector, variance: Vector) -> bool:
    """Whether the groups' mean lies below 0 by its 95 % interval."""
    mean = _mixture(weight, centre, variance)
    return mean.mean + 1.96 * mean.sd < 0


def _alone() -> tuple[Normal, Vector, Vector, Vector]:
    """The general prior as if it were the groups' distribution."""
    one: NDArray[np.float64] = np.ones(1)
    return GENERAL, one, GENERAL.mean * one, GENERAL.sd**2 * one
