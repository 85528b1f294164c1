"""A choice-based problem as the solvers see it.

Guarantees
----------
* The order in which products, resources and segments are brought changes nothing.
* A bound is valid for any bid prices from 0 up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csc_array
from scipy.sparse.csgraph import connected_components

from optimization.network.assortment import Best, Group, apart
from optimization.network.values import Indices, SegmentedDemand, Vector, ranked


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """A problem's arrays in an order that does not depend on who brought them, and its groups of segments.

    Segments that share no product do not mind what the others are offered: each group fills the horizon on its own.
    """

    problem: SegmentedDemand
    products: Indices
    resources: Indices
    fare: Vector
    uses: csc_array
    capacity: Vector
    groups: tuple[Group, ...]

    @classmethod
    def of(cls, problem: SegmentedDemand) -> "Market":
        """Order the arrays and find the groups."""
        network = problem.network
        products, resources = ranked(network.products), ranked(network.resources)
        segments = ranked(problem.segments)
        segments = segments[problem.rate[segments] > 0]
        ratios = problem.weights[segments][:, products] / problem.no_purchase[segments, None]
        return cls(
            problem,
            products,
            resources,
            network.fare[products],
            csc_array(network.uses[:, products][resources]),
            network.capacity[resources],
            tuple(_groups(problem.rate[segments], ratios)),
        )

    @property
    def stake(self) -> float:
        """What would be earned were nothing scarce and every segment shown the best for it alone [currency]."""
        return self.bound(
            np.zeros(len(self.capacity)), [apart(group, self.fare[group.products]) for group in self.groups]
        )

    def adjusted(self, bid_prices: Vector) -> Vector:
        """(n,) what a sale of each product earns less what its resources are worth [currency]."""
        return self.fare - self.uses.T @ bid_prices

    def bound(self, bid_prices: Vector, found: Sequence[Best]) -> float:
        """What no offering exceeds, given what no set of each group exceeds at these bid prices [currency]."""
        free = sum(best.bound for best in found)
        return float(bid_prices @ self.capacity) + self.problem.periods * free


def _groups(rate: Vector, ratios: Vector) -> list[Group]:
    count, size = len(rate), sum(ratios.shape)
    segment, product = np.nonzero(ratios)
    graph = coo_array((np.ones(len(segment)), (segment, count + product)), shape=(size, size))
    label = connected_components(graph, directed=False)[1]
    groups = []
    for name in dict.fromkeys(label[:count].tolist()):
        members, considered = np.flatnonzero(label[:count] == name), np.flatnonzero(label[count:] == name)
        groups.append(Group(considered, rate[members], ratios[members][:, considered]))
    return groups
