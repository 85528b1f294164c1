"""What to offer and for how long, as the answer to a choice-based linear program, and its proof.

Guarantees
----------
* An offering comes with a proof: its bid prices bound what any offering can earn. Without one there is a status and no
  offering.
* Its sets fill the horizon, and its expected sales keep every capacity.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from optimization.network.market import Market
from optimization.network.proof import report
from optimization.network.values import Mask, Vector
from pricing.plan import PROVEN, Report

SLIVER = 1e-9
"""Share of the horizon that rounding alone can give to a set."""


@dataclass(frozen=True, slots=True)
class Offered:
    """Products offered together, and for how long in all [periods]; in which order is free."""

    products: tuple[str, ...]
    periods: float


@dataclass(frozen=True, slots=True)
class Step:
    """One round of column generation: what the sets so far earn, and what no offering exceeds [currency]."""

    objective: float
    bound: float


@dataclass(frozen=True, slots=True, eq=False)
class Offering:
    """Which sets to offer, or an account of why that is not known.

    Attributes
    ----------
    offered : sets, longest first; None without a proven status
    units : (n,) expected sales of each product [units]; None without a proven status
    bid_prices : (m,) what a unit of each resource is worth at the margin [currency]; None without a proven status
    steps : how the bound closed in
    """

    report: Report
    offered: tuple[Offered, ...] | None = None
    units: Vector | None = field(default=None, repr=False)
    bid_prices: Vector | None = field(default=None, repr=False)
    steps: tuple[Step, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        proven = self.report.status in PROVEN
        if not proven == (self.offered is not None) == (self.units is not None) == (self.bid_prices is not None):
            raise ValueError("an offering leaves with a proof, or not at all")


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Sets offered to one group of segments.

    Attributes
    ----------
    sets : (b, k)
    periods : (b,)
    """

    sets: Mask
    periods: Vector


def close(
    market: Market,
    schedules: Sequence[Schedule],
    bid_prices: Vector,
    *,
    bound: float,
    method: str,
    started: float,
    steps: Sequence[Step] = (),
) -> Offering:
    """The offering made of each group's schedule, with what it earns and how good that is known to be.

    Parameters
    ----------
    schedules : one for each of the market's groups
    bid_prices : (m,) in the market's order [currency]
    bound : what no offering exceeds [currency]
    started : reading of `perf_counter` when the solve began [seconds]
    """
    fitting = _within(market, schedules)
    sales = _sales(market, fitting)
    known = report(method, started, objective=float(market.fare @ sales), bound=bound, stake=market.stake)
    if known.status not in PROVEN:
        return Offering(known, steps=tuple(steps))
    sold, worth = np.empty_like(sales), np.empty_like(bid_prices)
    sold[market.products], worth[market.resources] = sales, bid_prices
    return Offering(known, tuple(_together(market, fitting)), sold, worth, tuple(steps))


def _within(market: Market, schedules: Sequence[Schedule]) -> list[Schedule]:
    """The schedules without slivers, shortened by what rounding took too much."""
    horizon = market.problem.periods
    kept = []
    for schedule in schedules:
        lasting = schedule.periods > SLIVER * horizon
        periods = schedule.periods[lasting]
        kept.append(Schedule(schedule.sets[lasting], periods * min(1.0, horizon / max(periods.sum(), horizon))))
    used = market.uses @ _sales(market, kept)
    over = used > market.capacity
    share = float((market.capacity[over] / used[over]).min(initial=1.0))
    return [Schedule(schedule.sets, schedule.periods * share) for schedule in kept]


def _sales(market: Market, schedules: Sequence[Schedule]) -> Vector:
    """(n,) expected sales of each product in the market's order [units]."""
    sales = np.zeros(len(market.fare))
    for group, schedule in zip(market.groups, schedules, strict=True):
        sales[group.products] = schedule.periods @ group.sales(schedule.sets)
    return sales


def _together(market: Market, schedules: Sequence[Schedule]) -> Iterator[Offered]:
    """Lay the groups' schedules side by side and cut the horizon wherever one of them changes."""
    horizon = market.problem.periods
    ends = [np.cumsum(schedule.periods) / horizon for schedule in schedules]
    cuts = np.unique(np.round(np.concatenate([*ends, [1.0]]), 12))
    names = market.problem.network.products
    time: dict[tuple[str, ...], float] = defaultdict(float)
    for begin, end in zip([0.0, *cuts], cuts, strict=False):
        shown = [
            names[market.products[j]]
            for group, schedule, stops in zip(market.groups, schedules, ends, strict=True)
            for place in [int(np.searchsorted(stops, (begin + end) / 2))]
            if place < len(stops)
            for j in group.products[schedule.sets[place]]
        ]
        time[tuple(sorted(shown))] += float(end - begin) * horizon
    yield from (Offered(products, time[products]) for products in sorted(time, key=lambda key: (-time[key], key)))
