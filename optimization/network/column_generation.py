"""The choice-based linear program: which sets of products to offer, and for how long, when buyers choose among them.

Guarantees
----------
* Every round has a valid bound, and the bounds kept never rise.
* It ends: a set enters once, and where the greedy search finds none that helps, an exact one decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from scipy.sparse import csc_array

from optimization.account import OPTIMAL_GAP
from optimization.network.assortment import Best, entering
from optimization.network.linear import pack
from optimization.network.market import Market
from optimization.network.offering import Offering, Schedule, Step, close
from optimization.network.values import Mask, SegmentedDemand, Vector

METHOD = "choice-based linear program"


def choice_based(problem: SegmentedDemand, *, time_limit: float = 60.0) -> Offering:
    r"""Solve the choice-based linear program (Gallego et al. 2004; Liu and van Ryzin 2008; Bront et al. 2009).

    .. math:: \max \sum_{kS} R_k(S) t_k(S) : \sum_{kS} A Q_k(S) t_k(S) \le C, \sum_S t_k(S) \le T, t \ge 0

    for groups k of segments that share no product; with one group it is the program of the sources. In each round the
    sets found so far are given their best times; the duals say which set would help most. For any :math:`\pi \ge 0`
    no offering earns more than :math:`\pi C + T \sum_k \max_S \sum_j (f_j - \pi A_j) Q_{kj}(S)`.

    Parameters
    ----------
    time_limit : for all of it [seconds]
    """
    started = perf_counter()
    market = Market.of(problem)
    columns: list[_Column] = []
    master = _Master(np.zeros(0), np.zeros(len(market.capacity)), np.zeros(len(market.groups)), 0.0)
    bound, steps = market.stake, []
    while True:
        left = started + time_limit - perf_counter()
        found = [_entering(market, master, k, left) for k in range(len(market.groups))]
        bound = min(bound, market.bound(master.bid_prices, found))
        steps.append(Step(master.objective, bound))
        known = {column.key for column in columns}
        new = [column for k, best in enumerate(found) if (column := _column(market, k, best)).key not in known]
        improved = _solve(market, [*columns, *new], left) if new and left > 0 and not _proven(steps[-1]) else None
        if improved is None:
            schedules = _schedules(market, columns, master)
            return close(market, schedules, master.bid_prices, bound=bound, method=METHOD, started=started, steps=steps)
        columns, master = [*columns, *new], improved


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """A set offered to a group, and its expected sales (n,) [units / period]."""

    group: int
    offered: Mask
    sales: Vector

    @property
    def key(self) -> tuple[int, bytes]:
        """What tells columns apart."""
        return self.group, self.offered.tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class _Master:
    """The best times of the sets found so far.

    Attributes
    ----------
    periods : (columns,)
    bid_prices : (m,) [currency]
    idle : (groups,) what one more period of each group would earn [currency / period]
    objective : [currency]
    """

    periods: Vector
    bid_prices: Vector
    idle: Vector
    objective: float


def _entering(market: Market, master: _Master, k: int, time_limit: float) -> Best:
    """A set of group k whose time would be worth more than it is."""
    group = market.groups[k]
    worth = market.adjusted(master.bid_prices)[group.products]
    enough = OPTIMAL_GAP / 10 * master.objective / market.problem.periods / len(market.groups)
    return entering(group, worth, beyond=float(master.idle[k]) + enough, time_limit=time_limit)


def _column(market: Market, k: int, best: Best) -> _Column:
    sales = np.zeros(len(market.fare))
    sales[market.groups[k].products] = market.groups[k].sales(best.offered)
    return _Column(k, best.offered, sales)


def _solve(market: Market, columns: Sequence[_Column], time_limit: float) -> _Master | None:
    """Give each set its best time; None if the time is up."""
    m, horizon = len(market.capacity), market.problem.periods
    sales = np.stack([column.sales for column in columns], axis=1)
    turns = np.equal.outer(np.arange(len(market.groups)), [column.group for column in columns])
    rows = csc_array(np.concatenate([market.uses @ sales, turns]))
    room = np.append(market.capacity, np.full(len(market.groups), horizon))
    earned = market.fare @ sales
    beyond = np.full(len(columns), 2 * horizon)  # so that the row of the horizon binds, and has the dual
    packed = pack(earned, rows, room, beyond, time_limit=time_limit)
    if packed is None:
        return None
    return _Master(packed.values, packed.duals[:m], packed.duals[m:], float(earned @ packed.values))


def _proven(step: Step) -> bool:
    return step.bound - step.objective <= OPTIMAL_GAP / 100 * step.bound


def _schedules(market: Market, columns: Sequence[_Column], master: _Master) -> list[Schedule]:
    schedules = []
    for k, group in enumerate(market.groups):
        own = [place for place, column in enumerate(columns) if column.group == k]
        sets = np.array([columns[place].offered for place in own], dtype=np.bool_).reshape(-1, len(group.products))
        schedules.append(Schedule(sets, master.periods[own]))
    return schedules
