"""Which rules and resources cannot hold together.

Guarantees
----------
* What is named has no answer together, and leaving out any one of it has: nothing is named that is not to blame.
  (Where the time for the search runs out first, what was not yet tried stays named.)
"""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np

from optimization.components import split
from optimization.enumeration import combinations, enumerate_all
from optimization.highs import run
from optimization.ladder import build
from optimization.steps import Answer, permitted
from optimization.words import resource_in_words, rule_in_words
from pricing.plan import Plan, Report, Status
from pricing.problem import MaxChange, MinMargin, Problem, Risk, Rule, Shared

Item = Rule | Shared
SMALL = 5_000
SECONDS = 60.0


def infeasible(part: Problem, answer: Answer, started: float) -> Plan:
    """The plan of a problem with a part that has no answer."""
    words = conflict(part)
    return Plan(Report(Status.INFEASIBLE, answer.method, perf_counter() - started), conflict=words)


def conflict(problem: Problem) -> tuple[str, ...]:
    """A set of rules and resources with no answer, from which none can be left out, in words."""
    culprit = _one_offer(problem)
    return tuple(
        resource_in_words(item) if isinstance(item, Shared) else rule_in_words(culprit, item)
        for item in smallest(culprit, time_limit=SECONDS)
    )


def smallest(problem: Problem, *, time_limit: float, hopeless: Callable[[Problem], bool] | None = None) -> list[Item]:
    """Deletion filter: leave out one rule or resource at a time, for good if there is still no answer without it.

    (Chinneck and Dravnieks 1991, algorithm 1.) `hopeless` proves that there is none; `has_no_answer` unless given.
    """
    deadline = perf_counter() + time_limit
    kept: list[Item] = [*problem.rules, *(r for r in problem.resources if r.spill is None)]
    for item in tuple(kept):
        without = [other for other in kept if other is not item]
        if perf_counter() < deadline and (hopeless or has_no_answer)(keeping(problem, without)):
            kept = without
    return kept


def keeping(problem: Problem, items: list[Item]) -> Problem:
    """The problem with only these rules and resources, and nothing to gain but an answer."""
    resources = tuple(item for item in items if isinstance(item, Shared))
    rules = tuple(item for item in items if not isinstance(item, Shared))
    return replace(problem, resources=resources, rules=rules, risk=Risk())


def has_no_answer(problem: Problem) -> bool:
    """Whether it is proven that no prices keep every rule and capacity."""
    return any(_impossible(part) for part in split(problem))


def _impossible(part: Problem) -> bool:
    if not all(mask.any() for mask in permitted(part).values()):
        return True
    if combinations(part) <= SMALL:
        return enumerate_all(part).infeasible
    return run(build(part), time_limit=SECONDS, gap=np.inf).infeasible


def _one_offer(problem: Problem) -> Problem:
    """The problem of a single offer that no step is left for, if there is one; otherwise the whole."""
    for offer in problem.offers:
        about = tuple(
            MaxChange((offer.id,), rule.fraction) if isinstance(rule, MaxChange) else rule
            for rule in problem.rules
            if isinstance(rule, MinMargin) or (isinstance(rule, MaxChange) and offer.id in rule.offers)
        )
        resources = tuple(
            replace(r, uses={offer.id: r.uses[offer.id]}) for r in problem.resources if offer.id in r.uses
        )
        alone = replace(problem, offers=(offer,), rules=about, resources=resources, risk=Risk())
        if has_no_answer(alone):
            return alone
    return problem
