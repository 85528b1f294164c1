"""Turns chosen steps into a plan: what it earns, sells and uses, what stands in its way, and how sure that is.

Guarantees
----------
* Status follows from the proven gap alone: `optimal` at most `OPTIMAL_GAP`, `feasible` at most `PROVEN_GAP`, otherwise
  `time-limit`. A plan that left no time to find prices is `time-limit` without prices.
* No plan leaves whose prices fail the check of `pricing.feasibility`.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from time import perf_counter

from optimization.shadow import shadow_prices
from optimization.steps import Answer, Steps, canonical, scale_of, used, value_of
from optimization.words import listed, percent, priced
from pricing.errors import FairfareError
from pricing.feasibility import violations
from pricing.plan import Plan, Report, Status, Used
from pricing.problem import TOLERANCE, MaxChange, MinMargin, MinUnits, Order, Problem, Rule, SamePrice

OPTIMAL_GAP = 1e-6
PROVEN_GAP = 1e-4
ROUNDING = 1e-9
"""A bound this share of all the money at stake above the objective differs from it by rounding only."""

Parts = Sequence[tuple[Problem, Answer]]
Shadow = Callable[[Problem], dict[str, float]]


class SolverError(FairfareError):
    """A solver handed back prices that break the problem's own rules; they were thrown away.

    Usual cause: a fault of the solver, or demand spread over so many orders of magnitude that rounding decides.
    """


def account(problem: Problem, parts: Parts, started: float, *, shadow: Shadow = shadow_prices) -> Plan:
    """The plan made of the answers of a problem's parts; `shadow` gives what one more unit of a resource would earn.

    Raises
    ------
    SolverError
        if the prices break a rule.
    """
    method = "+".join(sorted({answer.method for _, answer in parts}))
    bound = sum(answer.bound for _, answer in parts)
    if any(answer.steps is None for _, answer in parts):
        known = bound if bound < float("inf") else None
        return Plan(Report(Status.TIME_LIMIT, method, perf_counter() - started, bound=known))
    found: dict[str, int] = {}
    for _, answer in parts:
        found.update(answer.steps or {})
    steps = {offer.id: found[offer.id] for offer in problem.offers}
    fixed = canonical(problem)  # sums in one order, so that the order of the offers changes no digit
    worth = {name: price for part, answer in parts for name, price in shadow(part).items()}
    plan = Plan(
        _report(fixed, method, steps, bound, started),
        prices={offer.id: offer.ladder[steps[offer.id]] for offer in problem.offers},
        expected_units={offer.id: float(offer.mean[steps[offer.id]]) for offer in problem.offers},
        resources=tuple(Used(r.id, used(fixed, r, steps), r.capacity, worth.get(r.id, 0.0)) for r in problem.resources),
        binding=binding(fixed, steps, worth),
        total_prices={offer.id: offer.paid[steps[offer.id]] for offer in problem.offers if offer.totals},
    )
    if broken := violations(problem, plan):
        raise SolverError("the solver's prices break the problem's rules and are not used: " + "; ".join(broken))
    return plan


def _report(problem: Problem, method: str, steps: Steps, bound: float, started: float) -> Report:
    objective = value_of(problem, steps)
    bound = objective if bound - objective <= ROUNDING * scale_of(problem) else bound
    gap = (bound - objective) / max(abs(objective), 1e-9)
    status = Status.OPTIMAL if gap <= OPTIMAL_GAP else Status.FEASIBLE if gap <= PROVEN_GAP else Status.TIME_LIMIT
    return Report(status, method, perf_counter() - started, objective, bound, gap)


def binding(problem: Problem, steps: Steps, worth: dict[str, float]) -> tuple[str, ...]:
    """What stands in the way, in words.

    A rule on prices binds where it holds with equality, or where the next step of the ladder would break it. A
    resource or a least number of units binds where it holds with equality; a resource also where one more unit of it
    would earn something.
    """
    found = [text for rule in problem.rules for text in _rule(problem, rule, steps)]
    for resource in problem.resources:
        taken = used(problem, resource, steps)
        if taken >= resource.capacity * (1 - TOLERANCE) or worth.get(resource.id, 0.0) > 0:
            more = f"; bid price {worth.get(resource.id, 0.0):.2f} {problem.currency}"
            found.append(f"{resource.id}: {taken:.1f} of {resource.capacity:g} are used{more}")
    return tuple(found)


def _rule(problem: Problem, rule: Rule, steps: Steps) -> list[str]:
    by_id = {offer.id: offer for offer in problem.offers}
    price = {name: by_id[name].ladder[step] for name, step in steps.items()}
    said = {name: priced(problem, by_id[name], price[name]) for name in steps}
    match rule:
        case Order(lower, upper, gap) if _stuck(problem, rule, steps):
            more = f"at least {gap} {problem.currency} more than" if gap else "at least as much as"
            return [f"{said[upper]} costs {more} {said[lower]}"]
        case MaxChange(names, share):
            return [
                f"{said[name]}: moves at most {percent(share)} from {current}"
                for name in names
                if (current := by_id[name].current_price) is not None
                and _edge(by_id[name].ladder.prices, steps[name], current * (1 - share), current * (1 + share))
            ]
        case SamePrice(names) if len(names) > 1:
            return [f"{listed([said[name] for name in names])} cost the same"]
        case MinMargin(share):
            return [
                f"{said[o.id]}: the margin is at least {percent(share)} of the price, at a cost of {o.unit_cost}"
                for o in problem.offers
                if steps[o.id] > 0 and o.ladder[steps[o.id] - 1] * (1 - share) < o.unit_cost
            ]
        case MinUnits(names, units):
            sold = sum(float(by_id[name].mean[steps[name]]) for name in names)
            return [f"{listed(names)}: {sold:.1f} of at least {units:g} units"] * (sold <= units * (1 + TOLERANCE))
    return []


def _stuck(problem: Problem, order: Order, steps: Steps) -> bool:
    """Whether the order holds with equality, or one step nearer would break it."""
    by_id = {offer.id: offer for offer in problem.offers}
    low, high = by_id[order.lower].ladder, by_id[order.upper].ladder
    i, k = steps[order.lower], steps[order.upper]
    next_low = low[i + 1] if i + 1 < len(low) else None
    next_high = high[k - 1] if k > 0 else None
    return (
        high[k] == low[i] + order.min_gap
        or (next_low is not None and next_low + order.min_gap > high[k])
        or (next_high is not None and low[i] + order.min_gap > next_high)
    )


def _edge(prices: tuple[Decimal, ...], step: int, low: Decimal, high: Decimal) -> bool:
    """Whether a neighbouring step lies outside [low, high], or the step on its border."""
    return prices[step] in (low, high) or any(
        not low <= prices[k] <= high for k in (step - 1, step + 1) if 0 <= k < len(prices)
    )
