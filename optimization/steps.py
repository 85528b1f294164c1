"""What each step of each ladder is worth, and which steps the rules leave; the common ground of every solver here.

Guarantees
----------
* Prices are compared as exact Decimals; floats appear only in units and money earned.
* `canonical` puts a problem into one order, so that the order in which offers are brought changes nothing.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from math import fsum
from operator import sub

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
    SamePrice,
    offers_of,
)

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Steps = Mapping[str, int]
"""Offer id -> chosen step of its ladder."""

TIE = 64 * float(np.finfo(np.float64).eps)
"""Sums closer than this share of all they may add up are the same but for rounding (some sixty roundings)."""


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
    whole = np.ones(sum(len(offer.ladder) for offer in problem.offers), dtype=np.bool_)
    ends = np.cumsum([len(offer.ladder) for offer in problem.offers]).tolist()
    masks = {offer.id: whole[end - len(offer.ladder) : end] for offer, end in zip(problem.offers, ends, strict=True)}
    by_id = {offer.id: offer for offer in problem.offers}
    for rule in problem.rules:
        if isinstance(rule, MaxChange | DailyChange | MinMargin):
            for name, (first, end) in spans(rule, by_id):
                masks[name][:first] = False
                masks[name][end:] = False
        elif isinstance(rule, Ending | SamePrice):
            for name, mask in _scattered(rule, by_id):
                masks[name] &= mask
    most = float(np.concatenate([offer.mean for offer in problem.offers]).max())
    for resource in problem.resources:
        if max(resource.uses.values(), default=0.0) * most > ceiling(resource):
            for name in resource.uses:
                masks[name] &= fits(by_id[name], resource)
    return masks


def _scattered(rule: Ending | SamePrice, offers: Mapping[str, Choice]) -> Iterator[tuple[str, Mask]]:
    """What a rule that may leave any steps leaves of each offer's ladder."""
    if isinstance(rule, Ending):
        yield from ((name, ending_in(offers[name], rule.endings)) for name in rule.offers)
    else:
        shared = common_prices([offers[name] for name in rule.offers])
        yield from ((name, np.array([price in shared for price in offers[name].paid])) for name in rule.offers)


Span = tuple[int, int]
"""First step a rule leaves of a ladder, and the first above it that it does not."""


def spans(rule: MaxChange | DailyChange | MinMargin, offers: Mapping[str, Choice]) -> Iterator[tuple[str, Span]]:
    """What a rule that leaves neighbouring steps leaves of each offer's ladder."""
    keep = 1 - rule.fraction
    if isinstance(rule, MinMargin):  # price - unit cost >= fraction * price
        for name, offer in offers.items():
            prices = offer.ladder.prices
            yield name, (bisect_left(prices, offer.unit_cost, key=lambda price: price * keep), len(prices))
        return
    rise, lately = 1 + rule.fraction, isinstance(rule, DailyChange)
    for name in rule.offers:  # |price - q| <= fraction * q for the current price q, or every price of the last 24 hours
        offer = offers[name]
        if before := offer.in_force_lately if lately else offer.in_force:
            prices = offer.ladder.prices
            yield name, (bisect_left(prices, max(before) * keep), bisect_right(prices, min(before) * rise))


def ending_in(offer: Choice, endings: tuple[str, ...]) -> Mask:
    """(steps,) whether what is paid ends in one of these."""
    found = [[total % power in ends for total in offer.paid] for power, ends in _exact(endings)]
    return np.array(found[0]) if len(found) == 1 else np.any(found, axis=0)


def ends_in(price: Decimal, endings: tuple[str, ...]) -> bool:
    """Whether the price equals an ending modulo the power of ten that the ending is written up to."""
    return any(price % power in ends for power, ends in _exact(endings))


@lru_cache
def _exact(endings: tuple[str, ...]) -> tuple[tuple[Decimal, frozenset[Decimal]], ...]:
    """The endings by the power of ten they are written up to."""
    powers = {text: Decimal(10) ** len(text.partition(".")[0]) for text in endings}
    return tuple(
        (power, frozenset(Decimal(text) for text in endings if powers[text] == power))
        for power in sorted(set(powers.values()))
    )


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
    return np.array([offer.current_price in (None, price) for price in offer.ladder])


def margin_above(offer: Choice, fraction: Decimal) -> Floats:
    """(steps,) expected margin beyond the share `fraction` of what is taken in: (p - c - f p) d [currency]."""
    return margins_above([offer], fraction)[0]


def margins_above(offers: Sequence[Choice], fraction: Decimal) -> list[Floats]:
    """As `margin_above`, of many offers at once."""
    ends = np.cumsum([len(offer.ladder) for offer in offers])
    steps = np.diff(ends, prepend=0)
    price = as_floats(chain.from_iterable(offer.ladder.prices for offer in offers))
    cost = as_floats(offer.unit_cost for offer in offers)
    units = np.concatenate([offer.mean for offer in offers])
    return np.split((price * float(1 - fraction) - np.repeat(cost, steps)) * units, ends[:-1])


@dataclass(frozen=True, slots=True)
class Answer:
    """How the solve of one part of a problem ended.

    Attributes
    ----------
    steps : chosen step per offer; None without an answer
    bound : nothing can do better [currency]
    infeasible : proven to have no answer
    reason : what kept the search from its end, in words; empty if nothing did
    """

    method: str
    steps: Steps | None = field(default=None)
    bound: float = np.inf
    infeasible: bool = False
    reason: str = ""


def value_of(problem: Problem, steps: Steps) -> float:
    """Objective at the chosen steps: mean or tail mean of what is earned, less the loss for spilling [currency]."""
    chosen = [(offer, steps[offer.id]) for offer in problem.offers]
    prices, costs = (offer.ladder.prices[k] for offer, k in chosen), (offer.unit_cost for offer, _ in chosen)
    margin = problem.objective is Objective.MARGIN
    per_unit = as_floats(map(sub, prices, costs) if margin else prices)
    if problem.risk.measure is Measure.MEAN:
        earned = np.array([per_unit @ np.array([offer.mean[k] for offer, k in chosen])])
    else:
        units = [np.broadcast_to(offer.demand[:, k], draws(problem)) for offer, k in chosen]
        earned = per_unit @ np.array(units)
    return float(np.sort(earned) @ tail_weights(problem)) - sum(spill_loss(problem, steps))


def used(problem: Problem, resource: Shared, steps: Steps) -> float:
    """Expected use of a resource at the chosen steps [units]."""
    return all_used(problem, [resource], steps)[resource.id]


def all_used(problem: Problem, resources: Iterable[Shared], steps: Steps) -> dict[str, float]:
    """Resource id -> its expected use at the chosen steps, whatever the order of the offers [units]."""
    units = {offer.id: float(offer.mean[steps[offer.id]]) for offer in problem.offers}
    return {r.id: fsum(use * units[name] for name, use in r.uses.items()) for r in resources}


def spill_loss(problem: Problem, steps: Steps) -> list[float]:
    """Loss for expected use beyond capacity, one entry per resource that allows it [currency]."""
    soft = [resource for resource in problem.resources if resource.spill is not None]
    taken = all_used(problem, soft, steps) if soft else {}
    return [float(r.spill) * max(0.0, taken[r.id] - r.capacity) for r in soft if r.spill is not None]


def scale_of(problem: Problem) -> float:
    """More money than any prices could move: sums differing by a billionth of it are equal but for rounding.

    Each offer's largest demand at the largest of its gains per unit.
    """
    most = np.array([offer.demand.max() for offer in problem.offers])
    cost = problem.objective is Objective.MARGIN
    gain = as_floats(
        max(offer.ladder.prices[-1], offer.unit_cost) if cost else offer.ladder.prices[-1] for offer in problem.offers
    )
    return max(float(most @ gain), 1e-300)
