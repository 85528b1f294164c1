"""Tries every combination of steps.

Guarantees
----------
* The best combination is returned; among equally good ones that nearest to the current prices, then the lower prices
  (in the order of offer ids).
* "infeasible" is proven: no combination was left out.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import permutations
from math import prod
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from optimization.steps import (
    TIE,
    Answer,
    Floats,
    Mask,
    Steps,
    ceiling,
    margin_above,
    ordered,
    outcomes,
    permitted,
    scale_of,
    tail_weights,
    unchanged,
    within_spread,
)
from pricing.problem import TOLERANCE, Problem
from pricing.rules import AverageMargin, MaxSpread, MinUnits, MostChanges, Order, SamePrice, SellThrough

CHUNK = 1 << 14

Combinations = NDArray[np.intp]


def settle(problem: Problem, steps: Steps) -> dict[str, int]:
    """Move each offer that earns the same at another step to the one nearest its current price, if the rules allow.

    What a solver leaves to chance where a single price does not matter: the objective stays as it is. What an offer
    earns is the same but for rounding by its own measure, however much others earn.
    """
    masks, tie = permitted(problem), TIE * scale_of(problem)
    worth = [outcomes(problem, offer) for offer in problem.offers]
    chosen = np.array([steps[offer.id] for offer in problem.offers])
    for i, offer in enumerate(problem.offers):
        alike = np.isclose(worth[i], worth[i][:, [chosen[i]]], rtol=TIE, atol=0.0)
        equal = np.flatnonzero(np.all(alike, axis=0) & masks[offer.id])
        if len(equal) > 1:
            rows = np.repeat(chosen[None, :], len(equal), axis=0)
            rows[:, i] = equal
            rows = rows[feasible(problem, rows)]
            value = score(problem, worth, rows)
            far = np.where(value >= value.max() - tie, np.round(_distance(problem, i)[rows[:, i]], 9), np.inf)
            chosen[i] = rows[int(np.argmin(far)), i]
    return {offer.id: int(k) for offer, k in zip(problem.offers, chosen, strict=True)}


def combinations(problem: Problem) -> int:
    """How many combinations of permitted steps there are."""
    return prod(int(mask.sum()) for mask in permitted(problem).values())


def enumerate_all(problem: Problem, *, time_limit: float = np.inf) -> Answer:
    """Best combination of a problem in canonical order; out of time, the best so far with a crude bound.

    The first `CHUNK` combinations are always tried, however little time there is.
    """
    deadline = perf_counter() + time_limit
    worth = [outcomes(problem, offer) for offer in problem.offers]
    scale, nearness = scale_of(problem), [_distance(problem, i) for i in range(len(problem.offers))]
    best: tuple[float, Floats, Floats, Combinations] = (-np.inf, np.empty(0), np.empty(0), np.empty((0, 0), np.intp))
    complete = True
    for n, chunk in enumerate(_chunks(list(permitted(problem).values()))):
        if n > 0 and perf_counter() > deadline:
            complete = False
            break
        kept = chunk[feasible(problem, chunk)]
        if len(kept):
            value = score(problem, worth, kept)
            far = np.sum([near[kept[:, i]] for i, near in enumerate(nearness)], axis=0)
            best = _better(best, value, far, kept, TIE * scale)
    top, _, _, rows = best
    if not len(rows):
        return Answer("exhaustive", infeasible=complete)
    steps = {offer.id: int(k) for offer, k in zip(problem.offers, rows[0], strict=True)}
    bound = top if complete else float(sum(table.max(axis=1).max() for table in worth))
    return Answer("exhaustive", steps, max(bound, top))


def _chunks(masks: list[Mask]) -> Iterator[Combinations]:
    """(rows, offers) chosen steps, in lexicographic order."""
    options = [np.flatnonzero(mask) for mask in masks]
    sizes = tuple(len(option) for option in options)
    for start in range(0, prod(sizes), CHUNK):
        picks = np.unravel_index(np.arange(start, min(start + CHUNK, prod(sizes))), sizes)
        yield np.stack([option[pick] for option, pick in zip(options, picks, strict=True)], axis=1)


def feasible_rows(problem: Problem, masks: list[Mask]) -> Combinations:
    """(rows, offers) every combination that keeps the rules."""
    none = np.empty((0, len(masks)), dtype=np.intp)
    return np.concatenate([none, *(chunk[feasible(problem, chunk)] for chunk in _chunks(masks))])


def feasible(problem: Problem, rows: Combinations) -> Mask:
    """(rows,) whether the combinations of permitted steps keep the rules that link offers, and the capacities."""
    keeps, at = np.ones(len(rows), dtype=np.bool_), {offer.id: i for i, offer in enumerate(problem.offers)}
    for rule in problem.rules:
        if isinstance(rule, Order | MaxSpread | SamePrice):
            keeps &= _keep_prices(problem, at, rule, rows)
        elif isinstance(rule, MinUnits | SellThrough | AverageMargin | MostChanges):
            keeps &= _keep_sums(problem, at, rule, rows)
    for resource in problem.resources:
        if resource.spill is None and resource.uses:
            keeps &= _units(problem, rows, resource.uses) <= ceiling(resource)
    return keeps


def _keep_prices(
    problem: Problem, at: Mapping[str, int], rule: Order | MaxSpread | SamePrice, rows: Combinations
) -> Mask:
    """(rows,) whether a rule that compares prices holds."""
    keeps = np.ones(len(rows), dtype=np.bool_)
    match rule:
        case Order(lower, upper):
            table = ordered(rule, problem.offers[at[lower]], problem.offers[at[upper]])
            keeps &= table[rows[:, at[lower]], rows[:, at[upper]]]
        case MaxSpread(names):
            for cheap, dear in permutations(names, 2):
                table = within_spread(rule, problem.offers[at[cheap]], problem.offers[at[dear]])
                keeps &= table[rows[:, at[cheap]], rows[:, at[dear]]]
        case SamePrice(names):
            rank = {price: n for n, price in enumerate({p for name in names for p in problem.offers[at[name]].paid})}
            levels = [np.array([rank[p] for p in problem.offers[at[name]].paid]) for name in names]
            chosen = [level[rows[:, at[name]]] for level, name in zip(levels, names, strict=True)]
            keeps &= np.all([c == chosen[0] for c in chosen], axis=0)
    return keeps


def _keep_sums(
    problem: Problem,
    at: Mapping[str, int],
    rule: MinUnits | SellThrough | AverageMargin | MostChanges,
    rows: Combinations,
) -> Mask:
    """(rows,) whether a rule about many offers together holds."""
    match rule:
        case MinUnits(names, units):
            return _units(problem, rows, dict.fromkeys(names, 1.0)) >= units * (1 - TOLERANCE)
        case SellThrough(name, share):
            resource = next(resource for resource in problem.resources if resource.id == name)
            return _units(problem, rows, resource.uses) >= share * resource.capacity * (1 - TOLERANCE)
        case AverageMargin(names, fraction):
            least = fraction - Decimal(repr(TOLERANCE))
            return _total(problem, rows, {name: margin_above(problem.offers[at[name]], least) for name in names}) >= 0
        case MostChanges(names, count):
            changes = {name: np.where(unchanged(problem.offers[at[name]]), 0.0, 1.0) for name in names}
            return _total(problem, rows, changes) <= count


def score(problem: Problem, worth: list[Floats], rows: Combinations) -> Floats:
    """(rows,) objective of each combination [currency]."""
    earned = np.zeros((len(rows), worth[0].shape[0]))
    for i, table in enumerate(worth):
        earned += table.T[rows[:, i]]
    value: Floats = np.sort(earned, axis=1) @ tail_weights(problem)
    for resource in problem.resources:
        if resource.spill is not None and resource.uses:
            beyond = _units(problem, rows, resource.uses) - resource.capacity
            value -= float(resource.spill) * np.maximum(beyond, 0.0)
    return value


def _units(problem: Problem, rows: Combinations, uses: Mapping[str, float]) -> Floats:
    """(rows,) expected use of what each unit of an offer takes so much of [units]."""
    return _total(problem, rows, {o.id: use * o.mean for o in problem.offers if (use := uses.get(o.id, 0.0))})


def _total(problem: Problem, rows: Combinations, weights: Mapping[str, Floats]) -> Floats:
    """(rows,) sum over offers of the (steps,) weights at the chosen steps."""
    total = np.zeros(len(rows))
    for i, offer in enumerate(problem.offers):
        if offer.id in weights:
            total += weights[offer.id][rows[:, i]]
    return total


def _distance(problem: Problem, i: int) -> Floats:
    """(steps,) distance of each step from the current price, as a share of it; 0 for an offer that has none."""
    offer = problem.offers[i]
    current = offer.current_price
    if current is None:
        return np.zeros(len(offer.ladder))
    return np.array([float(abs(price - current) / current) for price in offer.ladder])


def _better(
    best: tuple[float, Floats, Floats, Combinations], value: Floats, far: Floats, rows: Combinations, tie: float
) -> tuple[float, Floats, Floats, Combinations]:
    """Merge a chunk into the combinations that tie for the lead: nearest the current prices first, then lower prices.

    Of those only the ones that earn more than all before them are kept: however many tie, no other can still win.
    """
    top = max(best[0], float(value.max()))
    rows = np.concatenate([best[3], rows]) if len(best[3]) else rows
    value, far = np.concatenate([best[1], value]), np.concatenate([best[2], far])
    lead = np.flatnonzero(value >= top - tie)
    lead = lead[np.argsort(np.round(far[lead], 9), kind="stable")]
    nearer = np.maximum.accumulate(np.concatenate([[-np.inf], value[lead][:-1]]))
    kept = lead[value[lead] > nearer]
    return top, value[kept], far[kept], rows[kept]
