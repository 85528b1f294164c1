"""Best ladder prices where buyers choose among the offers, with proof.

Guarantees
----------
* Expected profit is the mean over all draws and segments of the demand; every plan's figures are derived again from
  `ChoiceDemand` and checked by `pricing.feasibility` before it leaves.
* The bound is valid: all combinations were tried, or it is the mixed-integer program's over all draws, or that of
  `bound_apart`; the status follows from the gap alone.
* Infeasible is a status; it names rules that cannot hold together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from optimization.account import OPTIMAL_GAP, account
from optimization.choice.blame import blamed
from optimization.choice.model import program
from optimization.choice.ratios import Ratios, limits, per_unit, ratios, steps_of
from optimization.choice.search import Judge, bound_apart, climb, is_small, try_all
from optimization.highs import Run, run
from optimization.steps import Answer
from pricing.choice_problem import ChoiceProblem
from pricing.plan import Plan, Report, Status

MOST_CELLS = 20_000
"""Ratios times options up to which the program is solved over all draws; beyond, over the first draws that fit."""

SHADOW_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ChoiceOptimizer:
    """Prices by trying all combinations of small problems, by mixed-integer programming beyond."""

    def solve(self, problem: ChoiceProblem, *, time_limit: float) -> Plan:
        """Return the best plan found within `time_limit` [seconds].

        Raises
        ------
        InputError
            if a nest has too many joint prices, or utilities lie too far apart for numbers to hold.
        """
        started = perf_counter()
        answer = _answer(problem, time_limit)
        if answer.infeasible:
            return blamed(problem, answer, started)
        if answer.steps is None:
            known = answer.bound if answer.bound < np.inf else None
            return Plan(Report(Status.TIME_LIMIT, answer.method, perf_counter() - started, bound=known))
        around = problem.at({o.id: o.ladder[answer.steps[o.id]] for o in problem.base.offers})
        return account(around, [(around, answer)], started, shadow=lambda _: shadow_prices(problem))


def shadow_prices(problem: ChoiceProblem) -> dict[str, float]:
    """Resource id -> what one more unit would earn, in the relaxation of the program [currency per unit].

    0 for each resource where the relaxation leaves some over, and where the program is too large to ask.
    """
    whole, base = ratios(problem), problem.base
    found = _first_draws(whole, len(problem.demand.segments))
    if not base.resources:
        return {}
    duals = run(program(problem, found), time_limit=SHADOW_SECONDS, relax=True).duals
    return {
        base.resources[limit.resource].id: max(0.0, duals.get(f"most[{n}]", 0.0))
        for n, limit in enumerate(limits(base))
        if limit.resource is not None
    }


def _answer(problem: ChoiceProblem, time_limit: float) -> Answer:
    """How the search ended."""
    deadline = perf_counter() + time_limit
    found = ratios(problem)
    if not all(len(group.rows) for group in found.groups):
        return Answer("exhaustive", infeasible=True)
    judge = Judge(problem, found)
    if is_small(found):
        best = try_all(judge)
        value = -np.inf if best is None else _value(judge, best)
        steps = None if best is None else steps_of(problem, found, best)
        return Answer("exhaustive", steps, value, infeasible=best is None)
    return _programmed(judge, bound_apart(found, per_unit(problem.base)), deadline)


def _programmed(judge: Judge, apart: float, deadline: float) -> Answer:
    """The program's answer, over as many draws as it can take, improved by single changes over all draws."""
    problem, found = judge.problem, judge.found
    part = _first_draws(found, len(problem.demand.segments))
    done = _run(problem, part, deadline, gap=OPTIMAL_GAP / 10)
    whole = part is found
    if whole and done.infeasible:
        return Answer("milp", infeasible=True)
    bound = min(done.bound, apart) if whole else apart
    if not done.values:
        return Answer("milp", bound=bound)
    best = climb(judge, _options(part, done), deadline)
    if best is None:
        return Answer("milp", bound=bound)
    method = "milp" if whole else f"milp over {len(part.weight) // len(problem.demand.segments)} draws, then climbing"
    return Answer(method, steps_of(problem, found, best), max(bound, _value(judge, best)))


def _run(problem: ChoiceProblem, found: Ratios, deadline: float, gap: float) -> Run:
    return run(program(problem, found), time_limit=max(deadline - perf_counter(), 1e-3), gap=gap)


def _first_draws(found: Ratios, segments: int) -> Ratios:
    """The ratios themselves where the program can take them all; otherwise those of the first draws, weighing more."""
    cells = sum(len(group.rows) for group in found.groups)
    fits = max(1, MOST_CELLS // (cells * segments)) * segments
    if fits >= len(found.weight):
        return found
    groups = tuple(replace(g, value=g.value[:fits], units=g.units[:fits]) for g in found.groups)
    return Ratios(groups, found.weight[:fits] * (len(found.weight) / fits), found.outside[:fits])


def _options(found: Ratios, done: Run) -> list[int]:
    """Option per group that the solver chose."""

    def taken(g: int, o: int) -> float:
        group = found.groups[g]
        name = f"whole[{g},{o}]" if len(group.offers) > 1 else f"x[{group.offers[0]},{group.rows[o, 0]}]"
        return done.values.get(name, 0.0)

    return [int(np.argmax([taken(g, o) for o in range(len(group.rows))])) for g, group in enumerate(found.groups)]


def _value(judge: Judge, choice: Sequence[int]) -> float:
    return float(judge.value(judge.totals(np.array([choice])))[0])
