"""Rules and capacities as limits that can give: how far some prices are beyond each, and what limit would do.

Guarantees
----------
* At the limit that `loosened` names, the rule holds at the steps given. It is the tightest such limit, but for rounding
  outwards in the fourth decimal of a share and the sixth digit of a number of units.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Context, Decimal
from enum import StrEnum
from math import expm1, log1p

import numpy as np
import pyomo.environ as pyo

from optimization.steps import Floats, Mask, Steps, ending_in, margin_above, unchanged
from pricing.money import as_floats, minor_digits
from pricing.problem import Choice, Problem, Shared
from pricing.rules import (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    MinMargin,
    MinUnits,
    MostChanges,
    Order,
    Rule,
    SamePrice,
    SellThrough,
    offers_of,
)

Item = Rule | Shared
Offers = Mapping[str, Choice]


class How(StrEnum):
    """What of the offers' weights is limited: their sum, the largest, or the largest less the smallest."""

    SUM = "sum"
    LARGEST = "largest"
    SPREAD = "spread"


@dataclass(frozen=True, slots=True, eq=False)
class Elastic:
    """A rule as an upper limit on something about the steps chosen.

    Attributes
    ----------
    weights : offer id -> (steps,) what each step weighs
    limit : in the unit of the weights
    loose : the rule with another such limit; None if it has none of its own
    scale : what makes an excess over the limit a relative one
    """

    weights: Mapping[str, Floats]
    limit: float
    loose: Callable[[float], Item | None]
    scale: float = 1.0
    how: How = How.SUM

    def total(self, steps: Steps) -> float:
        """What is limited, at these steps."""
        chosen = [float(weights[steps[name]]) for name, weights in self.weights.items()]
        match self.how:
            case How.SUM:
                return sum(chosen)
            case How.LARGEST:
                return max(chosen)
            case How.SPREAD:
                return max(chosen) - min(chosen)

    def least(self, masks: Mapping[str, Mask]) -> dict[str, int]:
        """The permitted step of each offer that weighs least; the least total there is, but for a spread."""
        return {name: int(np.argmin(np.where(masks[name], weights, np.inf))) for name, weights in self.weights.items()}

    def excess(self, block: pyo.Block, problem: Problem) -> pyo.Expression:
        """The same less the limit, relative, as a linear expression to minimise; what it needs goes into the block."""
        at, x = {offer.id: i for i, offer in enumerate(problem.offers)}, block.model().x
        each = [pyo.quicksum(w * x[at[name], k] for k, w in enumerate(row)) for name, row in self.weights.items()]
        if self.how is How.SUM:
            return (pyo.quicksum(each) - self.limit) / self.scale
        block.high, block.low = pyo.Var(), pyo.Var()
        block.above = pyo.Constraint(range(len(each)), rule=lambda block, n: each[n] - block.high <= 0)
        if self.how is How.LARGEST:
            return (block.high - self.limit) / self.scale
        block.below = pyo.Constraint(range(len(each)), rule=lambda block, n: each[n] - block.low >= 0)
        return (block.high - block.low - self.limit) / self.scale


def loosened(problem: Problem, item: Item, steps: Steps) -> Item | None:
    """The item with the tightest limit that it keeps at these steps; None if it has no limit of its own."""
    if isinstance(item, AverageMargin):
        return replace(item, fraction=0 - _share(-average_margin(problem, item, steps)))
    elastic = elastic_of(problem, item)
    return elastic.loose(elastic.total(steps))


def limit_of(item: Item) -> float | None:
    """The limit of an item as a number."""
    match item:
        case Shared(capacity=limit) | MinUnits(units=limit) | SellThrough(share=limit) | MostChanges(count=limit):
            return float(limit)
        case Order(min_gap=limit) | MaxSpread(amount=Decimal() as limit):
            return float(limit)
        case SamePrice():
            return 0.0
        case Ending():
            return None
        case _:
            return float(item.fraction or 0)


def average_margin(problem: Problem, rule: AverageMargin, steps: Steps) -> float:
    """The average margin at these steps, as a share of what is taken in."""
    names = set(rule.offers)
    named = [(offer, steps[offer.id]) for offer in problem.offers if offer.id in names]
    revenue = sum(float(offer.ladder[k]) * float(offer.mean[k]) for offer, k in named)
    return sum(float(margin_above(offer, Decimal(0))[k]) for offer, k in named) / (revenue or 1.0)


def elastic_of(problem: Problem, item: Item) -> Elastic:
    """An item as a limit that can give."""
    by_id = problem.by_id
    match item:
        case Order() | SamePrice() | MaxSpread() | Ending():
            return _of_prices(problem, by_id, item)
        case MaxChange() | DailyChange() | MostChanges():
            return _of_changes(by_id, item)
        case MinMargin() | AverageMargin():
            return _of_margins(by_id, item)
        case _:
            return _of_units(problem, by_id, item)


def _of_prices(problem: Problem, offers: Offers, rule: Order | SamePrice | MaxSpread | Ending) -> Elastic:
    paid = {name: as_floats(offers[name].paid) for name in offers_of(rule)}
    dearest, cent = (
        max(float(prices[-1]) for prices in paid.values()),
        Decimal(1).scaleb(-minor_digits(problem.currency)),
    )

    def exact(apart: float) -> Decimal:  # prices are whole cents, and so are their differences
        return Decimal(repr(apart)).quantize(cent)

    match rule:
        case Order(lower, upper, gap):
            apart = {lower: paid[lower], upper: -paid[upper]}
            return Elastic(apart, -float(gap), lambda x: replace(rule, min_gap=0 - exact(x)), dearest)
        case MaxSpread(fraction=Decimal() as fraction):  # dearest / cheapest <= 1 + f
            logs = {name: np.log(prices) for name, prices in paid.items()}
            most = log1p(float(fraction))
            return Elastic(logs, most, lambda x: replace(rule, fraction=_share(expm1(x))), how=How.SPREAD)
        case SamePrice(names) | MaxSpread(names):
            amount = float(limit_of(rule) or 0)
            return Elastic(paid, amount, lambda x: MaxSpread(names, exact(x)), dearest, How.SPREAD)
        case Ending(names, endings):
            wrong = {name: (~ending_in(offers[name], endings)).astype(np.float64) for name in names}
            return Elastic(wrong, 0.0, lambda _: None)


def _of_changes(offers: Offers, rule: MaxChange | DailyChange | MostChanges) -> Elastic:
    if isinstance(rule, MostChanges):
        changed = {name: (~unchanged(offers[name])).astype(np.float64) for name in rule.offers}
        return Elastic(changed, float(rule.count), lambda x: replace(rule, count=round(x)), float(len(rule.offers)))
    moves = {}
    for name in rule.offers:
        before = offers[name].in_force if isinstance(rule, MaxChange) else offers[name].in_force_lately
        far = (max((abs(price - q) / q for q in before), default=Decimal(0)) for price in offers[name].ladder)
        moves[name] = as_floats(far)
    return Elastic(moves, float(rule.fraction), lambda x: replace(rule, fraction=_share(x)), how=How.LARGEST)


def _of_margins(offers: Offers, rule: MinMargin | AverageMargin) -> Elastic:
    if isinstance(rule, MinMargin):
        short = {name: as_floats(o.unit_cost / price - 1 for price in o.ladder) for name, o in offers.items()}
        most = -float(rule.fraction)
        return Elastic(short, most, lambda x: replace(rule, fraction=0 - _share(x)), how=How.LARGEST)
    missing = {name: -margin_above(offers[name], rule.fraction) for name in rule.offers}
    at_stake = sum(float(np.abs(row).max()) for row in missing.values()) or 1.0
    return Elastic(missing, 0.0, lambda _: None, at_stake)


def _of_units(problem: Problem, offers: Offers, item: Shared | MinUnits | SellThrough) -> Elastic:
    if isinstance(item, MinUnits):
        sold = {name: -offers[name].mean for name in item.offers}
        return Elastic(sold, -item.units, lambda x: replace(item, units=0 - _digits(x)), item.units or 1.0)
    if isinstance(item, Shared):
        use = {name: each * offers[name].mean for name, each in item.uses.items()}
        return Elastic(use, item.capacity, lambda x: replace(item, capacity=_digits(x)), item.capacity or 1.0)
    resource = next(resource for resource in problem.resources if resource.id == item.resource)
    whole = resource.capacity or 1.0
    taken = {name: -each * offers[name].mean / whole for name, each in resource.uses.items()}
    return Elastic(taken, -item.share, lambda x: replace(item, share=0 - float(_share(x))))


def _share(value: float) -> Decimal:
    """Rounded up to a hundredth of a percent."""
    return Decimal(repr(round(value, 9))).quantize(Decimal("0.0001"), ROUND_CEILING)


def _digits(value: float) -> float:
    """Rounded up to six digits."""
    return float(Context(prec=6, rounding=ROUND_CEILING).create_decimal(f"{value:.12g}"))
