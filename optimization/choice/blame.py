"""Which rules and resources of a choice problem cannot hold together.

Guarantees
----------
* What is named has no answer together, and leaving out any one of it has; where the time runs out first, what was not
  yet tried stays named, and the plan says so.
"""

from time import perf_counter

import numpy as np

from optimization.choice.model import program
from optimization.choice.ratios import ratios, rules_alone
from optimization.choice.search import Judge, is_small, try_all
from optimization.conflict import infeasible, keeping
from optimization.elastic import Item
from optimization.highs import run
from optimization.ladder import build
from optimization.steps import Answer, permitted
from optimization.words import item_in_words
from pricing.choice_problem import ChoiceProblem
from pricing.plan import Blame, Plan, Report, Status
from pricing.problem import Problem

SECONDS = 10.0
"""Time for naming the conflict, and for one proof that there is no answer."""


def blamed(problem: ChoiceProblem, answer: Answer, started: float) -> Plan:
    """The plan of a problem without an answer: rules and resources that have none together, one by one to blame.

    Deletion filter: each item is left out in turn, for good if there is still no answer without it (Chinneck and
    Dravnieks 1991, algorithm 1). Where rules about prices alone have no answer, they are blamed as in any problem.
    """
    if _no_prices_at_all(alone := rules_alone(problem)):
        return infeasible(alone, answer, started)
    deadline = perf_counter() + SECONDS
    base = problem.base
    kept: list[Item] = [*base.rules, *(shared for shared in base.resources if shared.spill is None)]
    for item in tuple(kept):
        without = [other for other in kept if other is not item]
        if perf_counter() < deadline and has_no_prices(ChoiceProblem(keeping(base, without), problem.demand)):
            kept = without
    return Plan(
        Report(Status.INFEASIBLE, answer.method, perf_counter() - started),
        conflict=tuple(item_in_words(base, item) for item in kept),
        blame=Blame.IRREDUCIBLE if perf_counter() < deadline else Blame.UNREDUCED,
    )


def has_no_prices(problem: ChoiceProblem) -> bool:
    """Whether it is proven that no prices keep every rule and capacity."""
    found = ratios(problem)
    if not all(len(group.rows) for group in found.groups):
        return True
    if is_small(found):
        return try_all(Judge(problem, found)) is None
    return run(program(problem, found), time_limit=SECONDS, gap=np.inf).infeasible


def _no_prices_at_all(alone: Problem) -> bool:
    if not all(mask.any() for mask in permitted(alone).values()):
        return True
    return run(build(alone), time_limit=SECONDS, gap=np.inf).infeasible
