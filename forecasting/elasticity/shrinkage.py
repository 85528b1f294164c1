"""Pooling across groups: what all of them say tempers what each one says.

Guarantees
----------
* A precise slope keeps its own value; an imprecise one moves towards the mean of the credible groups like it.
* A group that is not identified carries no number of its own: it gets the distribution of a group not yet seen.
* Where no credible group supports a mean below 0, what is known of demand in general stands in (`GENERAL`).
* What is handed on lies below 0: `Pooled.below_zero`.

The gain is real only where rows are few; with many rows per group pooling changes little.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, log_ndtr, ndtr, ndtri, polygamma, stdtrit

from forecasting.elasticity.within import Vector


@dataclass(frozen=True, slots=True)
class Normal:
    """A normal distribution of an elasticity."""

    mean: float
    sd: float


GENERAL = Normal(-1.5, 1.0)
"""Weakly informative prior of an elasticity, before it is cut off at 0: most goods and tickets lie above -3.5."""

_TAU = np.geomspace(0.01, 3.0, 60)
"""Standard deviations between groups that are weighed against each other; every third where covariates are."""
_OMEGA = np.geomspace(0.02, 1.0, 6)
"""Standard deviations of what covariates do, likewise."""
_SCALE, _EFFECT = GENERAL.sd, 0.5
"""Half-normal priors of both (Gelman 2006: weak, matter for few groups only): groups may differ as much as goods do in
general; what covariates do is as likely small as not."""
ENOUGH, FEWEST = 10, 5
"""Clusters from which an error stands by itself, and groups from which others' noise is leaned on."""
_NOTHING = 10.0
"""Error from which a slope tells the others nothing."""
_CERTAIN = 1e4
"""Degrees of freedom of noise that is alike in all groups."""
_UNCUT = 7.0
"""A mean so many deviations below 0 is not moved by the cut (by less than 1e-10 of the deviation)."""
_FARTHEST = -30.0
"""Deviations above 0 beyond which what is left below 0 is an exponential to all practical purposes."""
_AT_ONCE = 2_000_000
"""Numbers worked on at once."""
MOST_LEVELS = 100
"""Columns with more values that groups share are not told apart: each is a number to learn."""


@dataclass(frozen=True, slots=True)
class BelowZero:
    """A normal distribution with this location and scale, given that it is below 0: own-price demand falls.

    Mean and deviation lead back to it, so that a table of them is enough to draw from.
    """

    location: float
    scale: float

    @classmethod
    @lru_cache(maxsize=65_536)
    def with_moments(cls, mean: float, sd: float) -> Self:
        """The distribution below 0 with this mean and deviation.

        None has a deviation above its mean's size: such a mean is kept, with the widest distribution it can have. A
        mean that is not below 0 is taken for the location.
        """
        if mean >= 0 or -mean >= _UNCUT * sd:
            return cls(mean, sd)

        def excess(cut: float) -> float:
            centre, spread = _standard(cut)
            return spread / centre - sd / -mean

        cut = float(brentq(excess, _FARTHEST, _UNCUT + 1)) if excess(_FARTHEST) > 0 else _FARTHEST
        scale = -mean / _standard(cut)[0]
        return cls(-cut * scale, scale)

    @property
    def mean(self) -> float:
        """Of the distribution below 0."""
        return self.location if self._uncut else -self.scale * _standard(-self.location / self.scale)[0]

    @property
    def sd(self) -> float:
        """Of the distribution below 0."""
        return self.scale if self._uncut else self.scale * _standard(-self.location / self.scale)[1]

    def quantile(self, share: Vector) -> Vector:
        """(n,) values that shares (n,) of the distribution lie below; a spike at min(location, 0) without a scale."""
        if not self.scale > 0:
            return np.full(len(share), min(self.location, 0.0))
        below = max(float(ndtr(-self.location / self.scale)), 1e-250)
        return np.minimum(self.location + self.scale * ndtri(np.maximum(share, 1e-12) * below), 0.0)

    @property
    def _uncut(self) -> bool:
        return not -self.location < _UNCUT * self.scale


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Posterior mean and standard deviation of each group's elasticity, (n,), and those of an unseen group like it."""

    mean: Vector
    sd: Vector
    unseen_mean: Vector = field(repr=False)
    unseen_sd: Vector = field(repr=False)

    def below_zero(self) -> pd.DataFrame:
        """elasticity, se, lower and upper of each posterior, given that demand falls with the price."""
        cut = [BelowZero(float(mean), float(sd)) for mean, sd in zip(self.mean, self.sd, strict=True)]
        ends = np.array([own.quantile(np.array([0.025, 0.975])) for own in cut]).reshape(-1, 2)
        moments = np.array([(own.mean, own.sd) for own in cut]).reshape(-1, 2)
        return pd.DataFrame(np.hstack([moments, ends]), columns=["elasticity", "se", "lower", "upper"])


def pool(
    slopes: Sequence[float],
    spreads: Sequence[float],
    *,
    credible: Sequence[bool],
    own: Sequence[bool],
    covariates: Vector | None = None,
) -> Pooled:
    """Posterior of each group's elasticity under slope ~ N(elasticity, spread^2), elasticity ~ N(mean, tau^2).

    The mean is linear in the covariates, whose effects are N(0, omega^2). Mean, effects, tau and omega are integrated
    out over the credible groups, with `GENERAL` as prior of the mean where covariates are average (normal-normal
    hierarchical model; Gelman et al. 2013, sections 5.4 and 15.1).

    Parameters
    ----------
    slopes, spreads : (n,) each group's estimate and its standard deviation
    credible : (n,) whether the group may speak for others
    own : (n,) whether the group's slope may be used for itself; otherwise it gets that of a group not yet seen
    covariates : (n, k) what is known of each group, on scales of about 1
    """
    b, s = (np.asarray(values, dtype=np.float64) for values in (slopes, spreads))
    use = np.asarray(credible, dtype=bool) & np.isfinite(b) & (s > 0) & (s < _NOTHING)
    known = np.zeros((len(b), 0)) if covariates is None else covariates
    learned = _Learned.of(b, s, use, known)
    if not use.any() or not learned.falls:
        learned, use = _alone(len(b)), np.zeros(len(b), dtype=bool)
    unseen_mean, unseen_sd = _mixture(learned.weight, learned.centre, learned.variance + learned.between)
    mean, sd = unseen_mean.copy(), unseen_sd.copy()
    # The mean of the groups already holds the slope of each that speaks for them.
    for rows, posterior in ((use, _members), (~use, _outsiders)):
        at = np.flatnonzero(rows & np.asarray(own, dtype=bool))
        mean[at], sd[at] = posterior(b[at], s[at], learned, at)
    return Pooled(mean, sd, unseen_mean, unseen_sd)


def covariates_of(keys: Sequence[tuple[str, ...]], prices: Sequence[float]) -> Vector:
    """(n, k) what pooling may know of groups: how dear they are, and what they share with others.

    Parameters
    ----------
    keys : values that tell the groups apart, such as product and segment; a value some groups share is a column
    prices : (n,) mean log price of each, NaN if unknown
    """
    price = np.asarray(prices, dtype=np.float64)
    seen = price[np.isfinite(price)]
    columns = []
    if len(seen) > 2 and (spread := float(seen.std())) > 0:
        columns.append(np.nan_to_num(np.clip((price - seen.mean()) / spread, -2.0, 2.0)))
    for values in zip(*keys, strict=True):
        level, _ = pd.factorize(np.array(values, dtype=object))
        count = np.bincount(level)
        shared = np.flatnonzero((count > 1) & (count < len(level)))
        if len(shared) <= MOST_LEVELS:
            columns += [(level == which).astype(np.float64) for which in shared]
    return np.column_stack(columns) if columns else np.zeros((len(price), 0))


@dataclass(frozen=True, slots=True)
class Said:
    """What the sales of one group say of its slope, before other groups are heard.

    Attributes
    ----------
    slope : the group's own
    se, freedom : its standard error and degrees of freedom; NaN and 0 where there are too few rows for one
    information, size : as in `forecasting.elasticity.panel.Fit`; NaN with instruments
    """

    slope: float = np.nan
    se: float = np.nan
    freedom: float = 0.0
    information: float = np.nan
    size: float = np.nan


def spreads_of(said: Sequence[Said]) -> Vector:
    """(n,) deviations of the normals that stand for each slope's t distribution; NaN where nothing is known of it.

    How much noisier than a Poisson's sales are, `se^2 information`, is itself hard to tell from few clusters, and
    cannot be told from very few rows. It is taken to grow with the size of the sales as 1 + alpha size (Breslow 1984),
    beyond that to be a scaled inverse chi-square over groups, estimated by moments of its logarithm (Smyth 2004).
    """
    se, free, told, size = (
        np.array([getattr(one, name) for one in said], dtype=np.float64)
        for name in ("se", "freedom", "information", "size")
    )
    with np.errstate(invalid="ignore"):
        spread, noise = se * stdtrit(np.maximum(free, 1.0), 0.975) / 1.959964, se**2 * told
        seen = np.isfinite(noise) & (noise > 0) & (free > 0)
        few = np.isfinite(told) & (told > 0) & ~(free >= ENOUGH - 1)
    if seen.sum() < FEWEST or not few.any():
        return spread
    usual = _usual(noise[seen], free[seen], size[seen])
    prior = _alike(noise[seen] / usual(size[seen]), free[seen])
    own = np.where(seen[few], noise[few], 0.0), np.where(seen[few], free[few], 0.0)
    both = (prior * usual(size[few]) + own[1] * own[0]) / (prior + own[1])
    spread[few] = np.sqrt(both / told[few]) * stdtrit(prior + own[1], 0.975) / 1.959964
    return spread


def _usual(noise: Vector, free: Vector, size: Vector) -> Callable[[Vector], Vector]:
    """Noise as a function of size: that of a Poisson and beyond, or in proportion where it is less noisy than that."""

    def excess(alpha: float) -> float:
        return float(free @ (noise / (1 + alpha * size) - 1))

    most = float((noise / size).max())
    alpha = float(brentq(excess, 0.0, most)) if excess(0.0) > 0 else 0.0
    level = 1.0 if alpha else float(free @ noise / free.sum())
    return lambda of: level * (1 + alpha * of)


def _alike(ratio: Vector, free: Vector) -> float:
    """Degrees of freedom that stand for how alike the groups' noise is."""
    half = free / 2
    level = np.log(ratio) - digamma(half) + np.log(half)
    beyond = float(level.var(ddof=1) - polygamma(1, half).mean())
    return 2 * _inverse_trigamma(beyond) if beyond > 0 else _CERTAIN


def _inverse_trigamma(value: float) -> float:
    return (
        float(np.exp(brentq(lambda log: polygamma(1, np.exp(log)) - value, -12.0, 12.0))) if value > 1e-5 else _CERTAIN
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Learned:
    """What the credible groups say, for each pair of tau and omega.

    Attributes
    ----------
    weight : (m,) posterior probability of the pair
    centre, variance : (m, n) of the mean of groups like each
    between : (m, 1) tau^2
    falls : whether the mean where covariates are average lies below 0 by its 95 % interval
    """

    weight: Vector
    centre: Vector
    variance: Vector
    between: Vector
    falls: bool

    @classmethod
    def of(cls, b: Vector, s: Vector, use: NDArray[np.bool_], known: Vector) -> "_Learned":
        average = known[use].mean(axis=0) if use.any() else np.zeros(known.shape[1])
        x = np.column_stack([np.ones(len(b)), known - average])
        tau, omega = (
            (axis.ravel() for axis in np.meshgrid(_TAU[::3], _OMEGA)) if known.shape[1] else (_TAU, np.ones(len(_TAU)))
        )
        size = max(_AT_ONCE // max(x.size, 1), 1)
        parts = [
            _given(b[use], s[use], x, use, tau[at : at + size], omega[at : at + size])
            for at in range(0, len(tau), size)
        ]
        log_weight, centre, variance, mean, spread = (np.concatenate(part) for part in zip(*parts, strict=True))
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        middle, sd = _mixture(weight, mean[:, None], spread[:, None])
        return cls(weight, centre, variance, tau[:, None] ** 2, bool(middle[0] + 1.96 * sd[0] < 0))


def _given(  # noqa: PLR0917
    b: Vector, s: Vector, x: Vector, use: NDArray[np.bool_], tau: Vector, omega: Vector
) -> tuple[Vector, ...]:
    """(m,) log posterior of tau and omega, (m, n) mean and variance of groups like each, (m,) of the average group."""
    prior = np.where(np.arange(x.shape[1]) == 0, GENERAL.sd**-2.0, omega[:, None] ** -2.0)
    start = np.append(GENERAL.mean, np.zeros(x.shape[1] - 1))
    precision, seen = 1 / (s**2 + tau[:, None] ** 2), x[use]
    curvature = (seen.T * precision[:, None, :]) @ seen + prior[:, :, None] * np.eye(x.shape[1])
    inverse = np.linalg.inv(curvature)
    effects = (inverse @ ((precision * b) @ seen + prior * start)[:, :, None])[:, :, 0]
    misfit = (precision * (b - effects @ seen.T) ** 2).sum(axis=1) + (prior * (effects - start) ** 2).sum(axis=1)
    width = np.log(precision).sum(axis=1) + np.log(prior).sum(axis=1) - np.linalg.slogdet(curvature)[1]
    # Both grids are even in the logarithm; omega is left so, as covariates mostly tell little.
    known = np.log(tau) - 0.5 * (tau / _SCALE) ** 2 - 0.5 * (omega / _EFFECT) ** 2
    variance: Vector = ((x @ inverse) * x).sum(axis=2)
    return 0.5 * (width - misfit) + known, effects @ x.T, variance, effects[:, 0], inverse[:, 0, 0].astype(np.float64)


def _members(slope: Vector, spread: Vector, learned: _Learned, at: NDArray[np.intp]) -> tuple[Vector, Vector]:
    """Posteriors of groups whose slopes are among those the mean was learned from, averaged over tau and omega.

    Given those and the mean, a group is `share` its own slope and the rest the mean, which is uncertain in turn.
    """
    centre, variance = learned.centre[:, at], learned.variance[:, at]
    share = learned.between / (learned.between + spread**2)
    about = share * spread**2 + (1 - share) ** 2 * variance
    return _mixture(learned.weight, centre + share * (slope - centre), about)


def _outsiders(slope: Vector, spread: Vector, learned: _Learned, at: NDArray[np.intp]) -> tuple[Vector, Vector]:
    """Posteriors of groups whose slopes the mean was not learned from: their slopes against a group not yet seen."""
    centre, prior = learned.centre[:, at], learned.variance[:, at] + learned.between
    share = prior / (prior + spread**2)
    return _mixture(learned.weight, centre + share * (slope - centre), share * spread**2)


def _mixture(weight: Vector, mean: Vector, variance: Vector) -> tuple[Vector, Vector]:
    """Means and deviations (n,) of mixtures with weights (m,) of normals (m, n)."""
    centre = weight @ mean
    return centre, np.sqrt(weight @ (variance + (mean - centre) ** 2))


def _alone(groups: int) -> _Learned:
    """The general prior as if it were what the groups say."""
    one = np.ones((1, groups))
    return _Learned(np.ones(1), GENERAL.mean * one, GENERAL.sd**2 * one, np.zeros((1, 1)), falls=True)


def _standard(cut: float) -> tuple[float, float]:
    """Size of the mean and deviation of N(-cut, 1) below 0 (Johnson, Kotz and Balakrishnan 1994, section 13.10.1)."""
    ratio = float(np.exp(-0.5 * cut**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(cut)))
    return cut + ratio, float(np.sqrt(1 - cut * ratio - ratio**2))
