r"""Which products to offer together, when a sale of product j is worth :math:`w_j`: the step of column generation.

Guarantees
----------
* A bound is valid: no set earns more per period. That of `best` is the worth of its set unless the time ran out.
* What is worth nothing is never offered.

A set S earns :math:`\sum_l \lambda_l \sum_{j \in S} w_j v_{lj} / (v_{l0} + \sum_{i \in S} v_{li})` per period.
"""

from dataclasses import dataclass

import numpy as np

from optimization.highs import run
from optimization.network.assortment_model import build
from optimization.network.values import Indices, Mask, Vector

MOST_ENUMERATED = 2_000_000
"""Sets times segments up to which every set is tried, in a tenth of a second; the solver takes seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Segments linked by products that several of them consider, and those products.

    Attributes
    ----------
    products : (k,) where they stand in the network
    rate : (s,) [buyers / period]
    ratios : (s, k) weights as multiples of each segment's weight of buying nothing
    """

    products: Indices
    rate: Vector
    ratios: Vector

    def sales(self, sets: Mask) -> Vector:
        """(..., k) expected sales of each product [units / period] while each of the sets (..., k) is offered."""
        attraction = self.ratios * sets[..., None, :]
        share = attraction / (1 + attraction.sum(axis=-1, keepdims=True))
        return np.einsum("s,...sk->...k", self.rate, share)


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """A set to offer (k,), what it earns, and what no set exceeds [currency / period]."""

    offered: Mask
    earned: float
    bound: float


def entering(group: Group, worth: Vector, *, beyond: float, time_limit: float) -> Best:
    """Find a set that earns more than `beyond`, if there is one: the greedy one if it suffices, else the best."""
    if len(group.rate) > 1:
        found = greedy(group, worth)
        if found.earned > beyond:
            return found
    return best(group, worth, time_limit=time_limit)


def best(group: Group, worth: Vector, *, time_limit: float) -> Best:
    """Find the best set: in closed form for one segment, by trying every set of a few products, else by HiGHS."""
    if len(group.rate) == 1:
        return apart(group, worth)
    useful = np.flatnonzero(worth > 0)
    if len(group.rate) * 2 ** len(useful) <= MOST_ENUMERATED:
        return _of(group, worth, _enumerated(group, worth, useful))
    return _mixed_integer(group, worth, useful, time_limit)


def _enumerated(group: Group, worth: Vector, useful: Indices) -> Mask:
    """The best of all sets of useful products."""
    sets = (np.arange(2 ** len(useful))[:, None] >> np.arange(len(useful)) & 1).astype(np.float64)
    ratios = group.ratios[:, useful].T
    earned = (sets @ (ratios * worth[useful, None]) / (1 + sets @ ratios)) @ group.rate
    offered = np.zeros(len(worth), dtype=np.bool_)
    offered[useful] = sets[np.argmax(earned)] > 0
    return offered


def apart(group: Group, worth: Vector) -> Best:
    """Let each segment have the set that is best for it alone: those worth most, down to some worth, is one.

    A bound for segments together, exact for one (Talluri and van Ryzin 2004). The set returned is the
    first segment's.
    """
    order = np.argsort(-worth, kind="stable")
    ratios = np.concatenate([np.zeros((len(group.rate), 1)), group.ratios[:, order]], axis=1)
    earned = np.cumsum(ratios * np.append(0.0, worth[order]), axis=1) / (1 + np.cumsum(ratios, axis=1))
    offered = np.zeros(len(worth), dtype=np.bool_)
    offered[order[: np.argmax(earned[0])]] = True
    return _of(group, worth, offered, bound=float(group.rate @ earned.max(axis=1)))


def greedy(group: Group, worth: Vector) -> Best:
    """Add the product that helps most while one helps (Bront et al. 2009); bounded as `apart`."""
    offered, earned = np.zeros(len(worth), dtype=np.bool_), 0.0
    while not offered.all():
        tried = offered | np.eye(len(worth), dtype=np.bool_)[~offered]
        values = group.sales(tried) @ worth
        if not values.max() > earned:
            break
        offered, earned = tried[np.argmax(values)], values.max()
    return _of(group, worth, offered, bound=apart(group, worth).bound)


def _mixed_integer(group: Group, worth: Vector, useful: Indices, time_limit: float) -> Best:
    """HiGHS, or the greedy set if it finds none better in time."""
    found = greedy(group, worth)
    done = run(build(worth[useful], group.rate, group.ratios[:, useful]), time_limit=time_limit)
    bound = max(min(done.bound, found.bound), found.earned)
    offered = np.zeros(len(worth), dtype=np.bool_)
    offered[useful] = [done.values.get(f"y[{i}]", 0.0) > 0.5 for i in range(len(useful))]
    better = _of(group, worth, offered, bound=bound)
    return better if better.earned > found.earned else Best(found.offered, found.earned, bound)


def _of(group: Group, worth: Vector, offered: Mask, *, bound: float = 0.0) -> Best:
    earned = float(group.sales(offered) @ worth)
    return Best(offered, earned, max(bound, earned))
