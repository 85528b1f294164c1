"""Finds the best prices: splits the problem, solves each part by the method that suits it, and accounts for the whole.

Guarantees
----------
* Infeasible is a status, never an exception; it names rules that cannot hold together.
* No plan leaves that fails the check of `pricing.feasibility`; a solver's faulty answer is an error, not a plan.
* The same problem gives the same plan, in whatever order its offers, rules and resources are brought, unless the time
  limit cuts the search short. Among equally good prices a part that is enumerated takes those nearest the current
  ones; the other methods do so offer by offer, and where several prices tie only together take one, always the same.
"""

from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from optimization.account import OPTIMAL_GAP, PROVEN_GAP, account
from optimization.components import split
from optimization.conflict import infeasible
from optimization.enumeration import combinations, enumerate_all, settle
from optimization.exhaustive import check_size
from optimization.highs import Run, run
from optimization.ladder import build
from optimization.lagrangian import applies, relax_and_repair
from optimization.method import Method
from optimization.steps import Answer, canonical, permitted, value_of
from pricing.plan import Plan
from pricing.problem import MinUnits, Problem

SMALL = 5_000
"""Combinations up to which trying all of them is quicker than building a model."""

LARGE = 2_000
"""Steps beyond which the search stops at `PROVEN_GAP`: the last digits would take minutes and earn nothing."""


@dataclass(frozen=True, slots=True)
class HighsOptimizer:
    """Prices by mixed-integer programming (Pyomo and HiGHS), part by part.

    Attributes
    ----------
    method : auto unless one method is wanted for every part; a part the Lagrangian relaxation cannot take (a tail
        mean, long chains of ordered offers) goes to HiGHS, and the report's method says so
    """

    method: Method = Method.AUTO

    def solve(self, problem: Problem, *, time_limit: float) -> Plan:
        """Return the best plan found within `time_limit` [seconds].

        Parts that are enumerated at once need no time worth mention; of what is left, each other part may take a share
        in proportion to its steps.

        Raises
        ------
        InputError
            if the method is exhaustive and a part has too many combinations.
        """
        started = perf_counter()
        parts = split(canonical(problem))
        sizes = [0 if self._at_once(part) else sum(len(offer.ladder) for offer in part.offers) for part in parts]
        answers = []
        for n, part in enumerate(parts):
            left = max(0.0, time_limit - (perf_counter() - started))
            answer = self._part(part, left * sizes[n] / max(sum(sizes[n:]), 1))
            if answer.infeasible:
                return infeasible(part, answer, started)
            answers.append((part, _settled(part, answer)))
        return account(problem, answers, started)

    def _at_once(self, part: Problem) -> bool:
        return self.method in {Method.AUTO, Method.EXHAUSTIVE} and combinations(part) <= SMALL

    def _part(self, part: Problem, time_limit: float) -> Answer:
        if not all(mask.any() for mask in permitted(part).values()):
            return Answer(self.method if self.method is not Method.AUTO else "exhaustive", infeasible=True)
        if self.method is Method.EXHAUSTIVE:
            check_size(part)
        if self.method is Method.EXHAUSTIVE or self._at_once(part):
            return enumerate_all(part, time_limit=time_limit)
        if self.method is not Method.LAGRANGIAN or not applies(part):
            return mixed_integer(part, time_limit=time_limit)
        started = perf_counter()
        answer = relax_and_repair(part, time_limit=time_limit)
        if _proven(part, answer):
            return answer
        left = max(time_limit - (perf_counter() - started), 1e-3)
        return replace(mixed_integer(part, time_limit=left), method="lagrangian, then milp")


def _proven(part: Problem, answer: Answer) -> bool:
    if answer.steps is None:
        return False
    value = value_of(part, answer.steps)
    return answer.bound - value <= PROVEN_GAP * max(abs(value), 1e-9)


def _settled(part: Problem, answer: Answer) -> Answer:
    if answer.steps is None or answer.method == "exhaustive":
        return answer
    return replace(answer, steps=settle(part, answer.steps))


def mixed_integer(part: Problem, *, time_limit: float) -> Answer:
    """Solve a part with HiGHS; if it finds no prices in time, the relaxation or the enumeration does what it can."""
    large = sum(len(offer.ladder) for offer in part.offers) > LARGE
    handy, unit = _in_handy_units(part)
    done = run(build(handy), time_limit=time_limit, gap=PROVEN_GAP if large else OPTIMAL_GAP / 10)
    if done.values or done.infeasible:
        return Answer("milp", _steps(handy, done), done.bound * unit, done.infeasible)
    if applies(part):
        fallback = relax_and_repair(part, time_limit=max(time_limit, 1.0))
    else:
        fallback = enumerate_all(part, time_limit=max(time_limit, 1.0))
    return Answer(
        f"milp, then {fallback.method}", fallback.steps, min(done.bound * unit, fallback.bound), fallback.infeasible
    )


def _in_handy_units(part: Problem) -> tuple[Problem, float]:
    """The part with demand counted in a unit that makes the largest about a hundred, and that unit.

    A power of two, so that no digit changes: the solver's absolute tolerances then mean the same however demand is
    counted.
    """
    largest = max((float(offer.demand.max(initial=0.0)) for offer in part.offers), default=0.0)
    unit = float(2.0 ** round(np.log2(largest / 100))) if largest > 0 else 1.0
    handy = replace(
        part,
        offers=tuple(replace(offer, demand=offer.demand / unit) for offer in part.offers),
        resources=tuple(replace(resource, capacity=resource.capacity / unit) for resource in part.resources),
        rules=tuple(replace(r, units=r.units / unit) if isinstance(r, MinUnits) else r for r in part.rules),
    )
    return handy, unit


def _steps(part: Problem, done: Run) -> dict[str, int] | None:
    if done.infeasible:
        return None
    return {
        offer.id: int(np.argmax([done.values.get(f"x[{i},{k}]", 0.0) for k in range(len(offer.ladder))]))
        for i, offer in enumerate(part.offers)
    }
