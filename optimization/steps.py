"""What each step of each ladder is worth, and which steps the rules leave; the common ground of every solver here.

Guarantees
----------
* Prices are compared as exact Decimals; floats appear only in units and money earned.
* `canonical` puts a problem into one order, so that the order in which offers are brought changes nothing.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from pricing.money import as_floats
from pricing.problem import TOLERANCE, Choice, Measure, Objective, Problem, Shared
from pricing.rules import (
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    MinMargin,
    Order,
    Rule,
    SamePrice,
    offers_of,
)

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Steps = Mapping[str, int]
"""Offer id -> chosen step of its ladder."""


def canonical(problem: Problem) -> Problem:
    """The same problem with offers, resources and rules in a fixed order."""
    return replace(
        problem,
        offers=tuple(sorted(problem.offers, key=lambda offer: offer.id)),
        resources=tuple(sorted(problem.resources, key=lambda resource: resource.id)),
        rules=tuple(sorted(problem.rules, key=lambda rule: (type(rule).__name__, sorted(offers_of(rule)), repr(rule)))),
    )


def outcomes(problem: Problem, offer: Choice) -> Floats:
    """What the offer earns at each step in each draw that the risk measure looks at.

    Returns
    -------
    (draws, steps) [currency]; a single row, at mean demand, where the mean is maximised.
    """
    cost = offer.unit_cost if problem.objective is Objective.MARGIN else Decimal(0)
    per_unit = as_floats(price - cost for price in offer.ladder)
    if problem.risk.measure is Measure.MEAN:
        return per_unit * offer.mean[None, :]
    return per_unit * np.broadcast_to(offer.demand, (draws(problem), len(offer.ladder)))


def draws(problem: Problem) -> int:
    """Number of demand draws; offers whose demand is taken as known have it in every draw."""
    return max(offer.demand.shape[0] for offer in problem.offers)


def tail_weights(problem: Problem) -> Floats:
    """Weight of each draw once draws are sorted from worst to best.

    The worst `alpha * draws` of them weigh alike, the one that straddles the share in part (Rockafellar and Uryasev
    2002, eq. 8); the mean is the case of one draw.

    Returns
    -------
    (draws,) summing to 1
    """
    if problem.risk.measure is Measure.MEAN:
        return np.ones(1)
    inside = problem.risk.alpha * draws(problem)
    return np.clip(inside - np.arange(draws(problem)), 0, 1) / inside


def permitted(problem: Problem) -> dict[str, Mask]:
    """Offer id -> (steps,) the steps that stay once every rule about a single offer has spoken."""
    masks = {offer.id: np.ones(len(offer.ladder), dtype=np.bool_) for offer in problem.offers}
    by_id = {offer.id: offer for offer in problem.offers}
    for rule in problem.rules:
        for name, mask in _about_each(rule, by_id):
            masks[name] &= mask
    for resource in problem.resources:
        for name in resource.uses:
            masks[name] &= fits(by_id[name], resource)
    return masks


def _about_each(rule: Rule, offers: Mapping[str, Choice]) -> Iterator[tuple[str, Mask]]:
    """What a rule about single offers leaves of each one's ladder."""
    match rule:
        case MaxChange(names, fraction) | DailyChange(names, fraction):
            lately = isinstance(rule, DailyChange)
            yield from ((name, within_change(offers[name], fraction, lately=lately)) for name in names)
        case Ending(names, endings):
            yield from ((name, ending_in(offers[name], endings)) for name in names)
        case MinMargin(fraction):
            yield from ((name, with_margin(offer, fraction)) for name, offer in offers.items())
        case SamePrice(names):
            shared = common_prices([offers[name] for name in names])
            yield from ((name, np.array([price in shared for price in offers[name].paid])) for name in names)


def within_change(offer: Choice, fraction: Decimal, *, lately: bool = False) -> Mask:
    """(steps,) whether |price - q| <= fraction * q for the current price q, or for every price of the last 24 hours.

    An offer without such a price is free.
    """
    current = () if offer.current_price is None else (offer.current_price,)
    before = offer.in_force_lately if lately else current
    if not before:
        return np.ones(len(offer.ladder), dtype=np.bool_)
    return _inside(offer.ladder.prices, max(before) * (1 - fraction), min(before) * (1 + fraction))


def _inside(prices: Sequence[Decimal], low: Decimal, high: Decimal) -> Mask:
    """(steps,) whether low <= price <= high, of rising prices."""
    mask = np.zeros(len(prices), dtype=np.bool_)
    mask[bisect_left(prices, low) : bisect_right(prices, high)] = True
    return mask


def with_margin(offer: Choice, fraction: Decimal) -> Mask:
    """(steps,) whether price - unit cost >= fraction * price."""
    first = bisect_left(offer.ladder.prices, offer.unit_cost, key=lambda price: price * (1 - fraction))
    return np.arange(len(offer.ladder)) >= first


def ending_in(offer: Choice, endings: Sequence[str]) -> Mask:
    """(steps,) whether what is paid ends in one of these: equals it modulo the power of ten it is written up to."""
    exact = [(Decimal(text), Decimal(10) ** len(text.partition(".")[0])) for text in endings]
    return np.array([any(total % power == ending for ending, power in exact) for total in offer.paid])


def common_prices(offers: list[Choice]) -> frozenset[Decimal]:
    """What can be paid for every one of these offers."""
    return frozenset.intersection(*(frozenset(offer.paid) for offer in offers))


def fits(offer: Choice, resource: Shared) -> Mask:
    """(steps,) whether the offer's own expected use stays within the capacity; always, where spilling is allowed."""
    if resource.spill is not None:
        return np.ones(len(offer.ladder), dtype=np.bool_)
    return resource.uses.get(offer.id, 0.0) * offer.mean <= ceiling(resource)


def ceiling(resource: Shared) -> float:
    """Capacity with the allowance for rounding that every solver and the check grant alike [units]."""
    return resource.capacity * (1 + TOLERANCE)


def ordered(order: Order, lower: Choice, upper: Choice) -> Mask:
    """(lower steps, upper steps) whether the two prices keep the order and its gap."""
    first = [bisect_left(upper.paid, low + order.min_gap) for low in lower.paid]
    return np.arange(len(upper.ladder)) >= np.array(first)[:, None]


def within_spread(spread: MaxSpread, cheap: Choice, dear: Choice) -> Mask:
    """(cheap steps, dear steps) whether the second price is at most the allowed spread above the first."""
    beyond = [bisect_right(dear.paid, spread.most(low)) for low in cheap.paid]
    return np.arange(len(dear.ladder)) < np.array(beyond)[:, None]


def unchanged(offer: Choice) -> Mask:
    """(steps,) whether the price stays as it is; always, for an offer that has none."""
    if offer.current_price is None:
        return np.ones(len(offer.ladder), dtype=np.bool_)
    return _inside(offer.ladder.prices, offer.current_price, offer.current_price)


def margin_above(offer: Choice, fraction: Decimal) -> Floats:
    """(steps,) expected margin beyond the share `fraction` of what is taken in: (p - c - f p) d [currency]."""
    return as_floats(price * (1 - fraction) - offer.unit_cost for price in offer.ladder) * offer.mean


@dataclass(frozen=True, slots=True)
class Answer:
    """How the solve of one part of a problem ended.

    Attributes
    ----------
    steps : chosen step per offer; None without an answer
    bound : nothing can do better [currency]
    infeasible : proven to have no answer
    """

    method: str
    steps: Steps | None = field(default=None)
    bound: float = np.inf
    infeasible: bool = False


def value_of(problem: Problem, steps: Steps) -> float:
    """Objective at the chosen steps: mean or tail mean of what is earned, less the loss for spilling [currency]."""
    earned = np.sum([outcomes(problem, offer)[:, steps[offer.id]] for offer in problem.offers], axis=0)
    return float(np.sort(earned) @ tail_weights(problem)) - sum(spill_loss(problem, steps))


def used(problem: Problem, resource: Shared, steps: Steps) -> float:
    """Expected use of a resource at the chosen steps [units]."""
    return float(sum(resource.uses.get(o.id, 0.0) * o.mean[steps[o.id]] for o in problem.offers))


def spill_loss(problem: Problem, steps: Steps) -> list[float]:
    """Loss for expected use beyond capacity, one entry per resource that allows it [currency]."""
    return [
        float(resource.spill) * max(0.0, used(problem, resource, steps) - resource.capacity)
        for resource in problem.resources
        if resource.spill is not None
    ]


def scale_of(problem: Problem) -> float:
    """The most money any prices could move: sums differing by a billionth of it are equal but for rounding."""
    return max(float(sum(np.abs(outcomes(problem, offer)).max() for offer in problem.offers)), 1e-300)
