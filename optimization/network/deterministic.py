"""The deterministic linear program: sell expected demand where it earns most, and what each resource is then worth.

Guarantees
----------
* An allocation comes with a proof: its own bid prices bound what any allocation can earn. Without one there is a status
  and no allocation.
* The allocation keeps every capacity, and no product gets more than its demand.
* Networks that share nothing do not change each other's answer, nor does the order of products and resources.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from scipy.sparse import coo_array, csc_array
from scipy.sparse.csgraph import connected_components

from optimization.network.linear import pack
from optimization.network.proof import report
from optimization.network.values import IndependentDemand, Indices, Vector, ranked
from pricing.plan import PROVEN, Report, Status

METHOD = "deterministic linear program"


@dataclass(frozen=True, slots=True, eq=False)
class Allocation:
    """How much of each product to sell, or an account of why that is not known.

    Attributes
    ----------
    units : (n,) of each product [units]; None without a proven status
    bid_prices : (m,) what a unit of each resource is worth at the margin [currency]; None without a proven status
    """

    report: Report
    units: Vector | None = field(default=None, repr=False)
    bid_prices: Vector | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        proven = self.report.status in PROVEN
        if not proven == (self.units is not None) == (self.bid_prices is not None):
            raise ValueError("an allocation leaves with a proof, or not at all")


def allocate(problem: IndependentDemand, *, time_limit: float = 60.0) -> Allocation:
    r"""Solve :math:`\max f y` subject to :math:`A y \le C`, :math:`0 \le y \le d`.

    The value bounds what any policy can expect when requests arrive at random with these means (Talluri and van Ryzin
    1998). Resources that demand cannot exhaust bind nothing. What remains falls apart into networks that share nothing:
    one resource is filled from the most earned per unit down (Dantzig 1957), more than one is for HiGHS.

    Parameters
    ----------
    time_limit : for all of it [seconds]
    """
    started = perf_counter()
    network = problem.network
    products, resources = ranked(network.products), ranked(network.resources)
    whole = _Whole(
        network.fare[products],
        csc_array(network.uses[:, products][resources]),
        network.capacity[resources],
        problem.demand[products],
    )
    found = _solve(whole, started + time_limit)
    if found is None:
        return Allocation(Report(Status.TIME_LIMIT, METHOD, perf_counter() - started, bound=whole.stake))
    sold, worth = whole.within(found[0]), found[1]
    known = report(METHOD, started, objective=float(whole.fare @ sold), bound=whole.bound(worth), stake=whole.stake)
    if known.status not in PROVEN:
        return Allocation(known)
    units, bid_prices = np.empty_like(sold), np.empty_like(worth)
    units[products], bid_prices[resources] = sold, worth
    return Allocation(known, units, bid_prices)


@dataclass(frozen=True, slots=True, eq=False)
class _Whole:
    """The arrays of a problem, in an order that does not depend on who brought them."""

    fare: Vector
    uses: csc_array
    capacity: Vector
    demand: Vector

    @property
    def stake(self) -> float:
        """What would be earned were nothing scarce [currency]."""
        return float(self.fare @ self.demand)

    def within(self, units: Vector) -> Vector:
        """The allocation, cut by what a solver's rounding took too much."""
        units = np.clip(units, 0.0, self.demand)
        used = self.uses @ units
        share = np.divide(self.capacity, used, out=np.ones_like(used), where=used > self.capacity)
        entries = self.uses.tocoo()
        keep = np.ones(len(units))
        np.minimum.at(keep, entries.col, np.where(entries.data > 0, share[entries.row], 1.0))
        return units * keep

    def bound(self, bid_prices: Vector) -> float:
        r"""What no allocation exceeds, for any :math:`\pi \ge 0`: :math:`\pi C + d (f - \pi A)^+` (weak duality)."""
        gain = np.maximum(self.fare - self.uses.T @ bid_prices, 0.0)
        return float(bid_prices @ self.capacity + gain @ self.demand)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A network that shares nothing with the others, as entries of the matrix."""

    row: Indices
    column: Indices
    use: Vector


def _solve(whole: _Whole, deadline: float) -> tuple[Vector, Vector] | None:
    """Units and bid prices; None once the time is up."""
    units, bid_prices = whole.demand.copy(), np.zeros(len(whole.capacity))
    for part in _parts(whole):
        if perf_counter() >= deadline:
            return None
        rows, row = np.unique(part.row, return_inverse=True)
        if len(rows) == 1:
            units[part.column], bid_prices[rows] = _fill(whole, part)
            continue
        columns, column = np.unique(part.column, return_inverse=True)
        matrix = csc_array((part.use, (row, column)), shape=(len(rows), len(columns)))
        fare, demand, room = whole.fare[columns], whole.demand[columns], whole.capacity[rows]
        packed = pack(fare, matrix, room, demand, time_limit=deadline - perf_counter())
        if packed is None:
            return None
        units[columns], bid_prices[rows] = packed.values, packed.duals
    return units, bid_prices


def _parts(whole: _Whole) -> Iterator[_Part]:
    """What is linked by resources that demand can exhaust."""
    scarce = whole.uses @ whole.demand > whole.capacity
    entries = whole.uses.tocoo()
    linking = scarce[entries.row] & (entries.data > 0) & (whole.demand[entries.col] > 0)
    row, column, use = (part[linking] for part in (entries.row, entries.col, entries.data))
    size = sum(whole.uses.shape)
    graph = coo_array((np.ones(len(row)), (row, len(whole.capacity) + column)), shape=(size, size))
    label = connected_components(graph, directed=False)[1][row]
    order = np.argsort(label, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        if len(places):
            yield _Part(row[places], column[places], use[places])


def _fill(whole: _Whole, part: _Part) -> tuple[Vector, float]:
    """One resource: units of the part's products, and the worth of one more unit of the resource."""
    fare, demand, room = whole.fare[part.column], whole.demand[part.column], whole.capacity[part.row[0]]
    order = np.argsort(-fare / part.use, kind="stable")
    wanted = (part.use * demand)[order]
    taken = np.clip(room - (np.cumsum(wanted) - wanted), 0.0, wanted)
    units = np.empty_like(taken)
    units[order] = taken / part.use[order]
    left = order[taken < wanted]  # nobody, where the resource is scarce by the rounding of a sum alone
    return units, float(fare[left[0]] / part.use[left[0]]) if left.size else 0.0
