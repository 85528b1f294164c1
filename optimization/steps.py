"""What each step of each ladder is worth, and which steps the rules leave; the common ground of every solver here.

Guarantees
----------
* Prices are compared as exact Decimals; floats appear only in units and money earned.
* `canonical` puts a problem into one order, so that the order in which offers are brought changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from pricing.money import as_floats
from pricing.problem import (
    TOLERANCE,
    Choice,
    MaxChange,
    Measure,
    MinMargin,
    Objective,
    Order,
    Problem,
    SamePrice,
    Shared,
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
        match rule:
            case MaxChange(names, fraction):
                for name in names:
                    masks[name] &= within_change(by_id[name], fraction)
            case MinMargin(fraction):
                for name in masks:
                    masks[name] &= with_margin(by_id[name], fraction)
            case SamePrice(names):
                shared = common_prices([by_id[name] for name in names])
                for name in names:
                    masks[name] &= np.array([price in shared for price in by_id[name].ladder])
    for resource in problem.resources:
        for name in resource.uses:
            masks[name] &= fits(by_id[name], resource)
    return masks


def within_change(offer: Choice, fraction: Decimal) -> Mask:
    """(steps,) whether |price - current| <= fraction * current; an offer without a current price is free."""
    current = offer.current_price
    if current is None:
        return np.ones(len(offer.ladder), dtype=np.bool_)
    return np.array([abs(price - current) <= fraction * current for price in offer.ladder])


def with_margin(offer: Choice, fraction: Decimal) -> Mask:
    """(steps,) whether price - unit cost >= fraction * price."""
    return np.array([price - offer.unit_cost >= fraction * price for price in offer.ladder])


def common_prices(offers: list[Choice]) -> frozenset[Decimal]:
    """Prices that are on every one of these ladders."""
    ladders = [frozenset(offer.ladder) for offer in offers]
    return frozenset.intersection(*ladders) if ladders else frozenset()


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
    return np.array([[up >= low + order.min_gap for up in upper.ladder] for low in lower.ladder])


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
