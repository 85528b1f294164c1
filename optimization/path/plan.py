"""The best prices of a path, and again as stock runs.

Guarantees
----------
* A price in the plan has its status, bound and check from the ladder problem's optimizer.
* Re-planning changes no price that starts within the notice, and counts what was sold against the stock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from optimization.path.ladder import ladder_problem
from optimization.path.problem import Path
from pricing.plan import Plan
from pricing.ports import Optimizer


@dataclass(frozen=True, slots=True)
class PathPlan:
    """The plan of a path.

    Attributes
    ----------
    plan : the ladder problem's, with its status, bound and reasons; its offers are `offer@period`
    prices : offer -> period -> price, of the periods not over; empty without an answer
    """

    plan: Plan
    prices: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)


def best_path(path: Path, *, now: datetime, optimizer: Optimizer, time_limit: float) -> PathPlan:
    """The best prices of all periods not over, as far as `time_limit` [seconds] allows."""
    plan = optimizer.solve(ladder_problem(path, now), time_limit=time_limit)
    prices: dict[str, dict[str, Decimal]] = {}
    for name, price in plan.prices.items():
        offer, period = name.rsplit("@", 1)
        prices.setdefault(offer, {})[period] = price
    return PathPlan(plan, prices)


def replan(
    path: Path,
    earlier: PathPlan,
    sold: Mapping[str, Mapping[str, float]],
    *,
    now: datetime,
    optimizer: Optimizer,
    time_limit: float,
) -> PathPlan:
    """The best prices from `now` on, given what was sold; prices of periods within the notice stay as planned."""
    close = {period.id for period in path.periods if period.starts_at < now + path.notice}
    offers = tuple(
        replace(
            offer,
            announced={**offer.announced, **{p: v for p, v in earlier.prices.get(offer.id, {}).items() if p in close}},
        )
        for offer in path.offers
    )
    updated = replace(path, offers=offers, sold=sold)
    return best_path(updated, now=now, optimizer=optimizer, time_limit=time_limit)
