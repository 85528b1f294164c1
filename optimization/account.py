"""Turns chosen steps into a plan: what it earns, sells and uses, and how sure that is.

Guarantees
----------
* Status follows from the proven gap alone: `optimal` at most `OPTIMAL_GAP`, `feasible` at most `PROVEN_GAP`, otherwise
  `time-limit`. A plan that left no time to find prices is `time-limit` without prices.
* No plan leaves whose prices fail the check of `pricing.feasibility`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from time import perf_counter

from optimization.binding import binding
from optimization.shadow import shadow_prices
from optimization.steps import Answer, Steps, all_used, scale_of, value_of
from pricing.errors import FairfareError
from pricing.feasibility import violations
from pricing.plan import Plan, Report, Status, Used
from pricing.problem import Problem

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
    reason = "; ".join(sorted({answer.reason for _, answer in parts} - {""}))
    if any(answer.steps is None for _, answer in parts):
        known = bound if bound < float("inf") else None
        return Plan(Report(Status.TIME_LIMIT, method, perf_counter() - started, bound=known, reason=reason))
    found: dict[str, int] = {}
    for _, answer in parts:
        found.update(answer.steps or {})
    steps = {offer.id: found[offer.id] for offer in problem.offers}
    fixed = _in_order(problem)  # sums in one order, so that the order of the offers changes no digit
    use = all_used(problem, problem.resources, steps)
    worth = {name: price for part, answer in parts for name, price in shadow(part).items()}
    plan = Plan(
        replace(_report(fixed, method, steps, bound, started), reason=reason),
        prices={offer.id: offer.ladder[steps[offer.id]] for offer in problem.offers},
        expected_units={offer.id: float(offer.mean[steps[offer.id]]) for offer in problem.offers},
        resources=tuple(Used(r.id, use[r.id], r.capacity, worth.get(r.id, 0.0)) for r in problem.resources),
        binding=binding(fixed, steps, worth, use),
        total_prices={offer.id: offer.paid[steps[offer.id]] for offer in problem.offers if offer.totals},
    )
    if broken := violations(problem, plan):
        raise SolverError("the solver's prices break the problem's rules and are not used: " + "; ".join(broken))
    return plan


def _in_order(problem: Problem) -> Problem:
    """The problem with its offers in the order of their ids."""
    if all(one.id < other.id for one, other in pairwise(problem.offers)):
        return problem
    return replace(problem, offers=tuple(sorted(problem.offers, key=lambda offer: offer.id)))


def _report(problem: Problem, method: str, steps: Steps, bound: float, started: float) -> Report:
    objective = value_of(problem, steps)
    bound = objective if bound - objective <= ROUNDING * scale_of(problem) else bound
    gap = (bound - objective) / max(abs(objective), 1e-9)
    status = Status.OPTIMAL if gap <= OPTIMAL_GAP else Status.FEASIBLE if gap <= PROVEN_GAP else Status.TIME_LIMIT
    return Report(status, method, perf_counter() - started, objective, bound, gap)
