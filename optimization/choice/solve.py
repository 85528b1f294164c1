"""Best ladder prices where buyers choose among the offers, with proof.

Guarantees
----------
* Expected profit is the mean over all draws and segments of the demand; every plan's figures are derived again from
  `ChoiceDemand` and checked by `pricing.feasibility` before it leaves.
* The bound is valid: all combinations were tried, or it is the mixed-integer program's over all draws, or that of
  `bound_apart`; the status follows from the gap alone.
* The order in which offers are brought changes no price.
* Infeasible is a status; it names rules that cannot hold together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from optimization.account import OPTIMAL_GAP, account
from optimization.choice.blame import blamed
from optimization.choice.model import program
from optimization.choice.ratios import Ratios, limits, options_of, per_unit, ratios, steps_of
from optimization.choice.search import Judge, bound_apart, climb, is_small, promising, try_all
from optimization.highs import Run, run
from optimization.method import Method
from optimization.steps import Answer
from pricing.choice_problem import ChoiceProblem
from pricing.errors import InputError
from pricing.plan import Plan, Report, Status

MOST_CELLS = 20_000
"""Ratios times options up to which the program is solved over all draws."""

CELLS_A_SECOND = 1_000
"""How many of them are worth building for a second of search, so that building leaves time to search."""

MOST_LEFT = 20_000_000
"""Choices times ratios up to which those are tried that bounds have left over."""

TRIED_A_SECOND = 1_000_000
"""How many of them are worth trying for a second of the time allowed."""

FEW_CELLS = 2_000
"""Ratios times options of the program that stands in for a larger one: the draws it knows are the first."""

SHADOW_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ChoiceOptimizer:
    """Prices by trying all combinations of small problems, by mixed-integer programming beyond.

    Attributes
    ----------
    method : auto unless only one of the two is wanted
    """

    method: Method = Method.AUTO

    def solve(self, problem: ChoiceProblem, *, time_limit: float) -> Plan:
        """Return the best plan found within `time_limit` [seconds].

        Raises
        ------
        InputError
            if a nest has too many joint prices, utilities lie too far apart for numbers to hold, or the method is not
            for this problem.
        """
        started, fixed = perf_counter(), problem.canonical()
        answer = _answer(fixed, self.method, time_limit)
        if answer.infeasible:
            return blamed(fixed, answer, started)
        if answer.steps is None:
            known = answer.bound if answer.bound < np.inf else None
            return Plan(Report(Status.TIME_LIMIT, answer.method, perf_counter() - started, bound=known))
        around = problem.at({o.id: o.ladder[answer.steps[o.id]] for o in problem.base.offers})
        return account(around, [(around, answer)], started, shadow=lambda _: shadow_prices(fixed))


def shadow_prices(problem: ChoiceProblem) -> dict[str, float]:
    """Resource id -> what one more unit would earn, in the relaxation of the program [currency per unit].

    0 for each resource where the relaxation leaves some over, and where the program is too large to ask.
    """
    base = problem.base
    if not base.resources:
        return {}
    found = _few_draws(ratios(problem), len(problem.demand.segments))
    duals = run(program(problem, found), time_limit=SHADOW_SECONDS, relax=True).duals
    return {
        base.resources[limit.resource].id: max(0.0, duals.get(f"most[{n}]", 0.0))
        for n, limit in enumerate(limits(base))
        if limit.resource is not None
    }


def _answer(problem: ChoiceProblem, method: Method, time_limit: float) -> Answer:
    """How the search ended."""
    found = ratios(problem)
    _check(method, found)
    if not all(len(group.rows) for group in found.groups):
        return Answer("exhaustive", infeasible=True)
    judge = Judge(problem, found)
    if method is not Method.MILP and is_small(found):
        return _tried(judge, "exhaustive")
    return _programmed(judge, bound_apart(found, per_unit(problem.base)), method, time_limit)


def _check(method: Method, found: Ratios) -> None:
    """Refuse a method that is not for these ratios."""
    if method is Method.LAGRANGIAN:
        raise InputError("where buyers choose among the offers, the method is auto, milp or exhaustive")
    if method is Method.EXHAUSTIVE and not is_small(found):
        raise InputError("there are too many combinations of prices to try: use the method auto or milp")


def _programmed(judge: Judge, apart: float, method: Method, time_limit: float) -> Answer:
    """First prices from the program over a few draws, then a proof from what could still be better than they are."""
    problem, whole, deadline = judge.problem, judge.found, perf_counter() + time_limit
    few = _few_draws(whole, len(problem.demand.segments))
    done = _run(problem, few, perf_counter() + time_limit / 10)
    if few is whole and done.infeasible:
        return Answer("milp", infeasible=True)
    bound = min(done.bound, apart) if few is whole else apart
    first = _improved(judge, few, done, bound, "milp" if few is whole else "milp over some draws")
    return first if _gap(judge, first) <= OPTIMAL_GAP else _proven(judge, first, method, time_limit, deadline)


def _proven(judge: Judge, first: Answer, method: Method, time_limit: float, deadline: float) -> Answer:
    """The best of the choices that may beat the first answer: all of them tried, or the program over all draws."""
    problem, left, value = judge.problem, judge.found, -np.inf
    if first.steps is not None:
        value = _worth(judge, first)
        left = promising(left, per_unit(problem.base), value)
    rest = Judge(problem, left)
    if method is not Method.MILP and is_small(left, min(MOST_LEFT, time_limit * TRIED_A_SECOND)):
        return _tried(rest, f"{first.method}, then exhaustive")
    if left.cells > min(MOST_CELLS, time_limit * CELLS_A_SECOND):
        return first
    done = _run(problem, left, deadline)
    if first.steps is None and done.infeasible:
        return Answer("milp", infeasible=True)
    bound = min(first.bound, max(done.bound, value))
    found = _improved(rest, left, done, bound, "milp")
    return found if found.steps is not None and _worth(rest, found) >= value else replace(first, bound=bound)


def _tried(judge: Judge, method: str) -> Answer:
    """The best of all choices, or the proof that there is none."""
    best = try_all(judge)
    if best is None:
        return Answer(method, infeasible=True)
    return Answer(method, steps_of(judge.problem, judge.found, best), _value(judge, best))


def _improved(judge: Judge, taken: Ratios, done: Run, bound: float, method: str) -> Answer:
    """What a run over some of the draws chose, made better over all of them."""
    choice = climb(judge, _options(taken, done)) if done.values else None
    if choice is None:
        return Answer(method, bound=bound)
    return Answer(method, steps_of(judge.problem, judge.found, choice), max(bound, _value(judge, choice)))


def _gap(judge: Judge, answer: Answer) -> float:
    """Share by which the bound exceeds the value; infinite without prices."""
    if answer.steps is None:
        return np.inf
    value = _worth(judge, answer)
    return (answer.bound - value) / max(abs(value), 1e-9)


def _worth(judge: Judge, answer: Answer) -> float:
    """Value of an answer that has prices [currency]."""
    return _value(judge, options_of(judge.problem, judge.found, answer.steps or {}))


def _run(problem: ChoiceProblem, found: Ratios, deadline: float) -> Run:
    model = program(problem, found)
    return run(model, time_limit=max(deadline - perf_counter(), 1e-3), gap=OPTIMAL_GAP / 10)


def _few_draws(found: Ratios, segments: int) -> Ratios:
    """The ratios of the first draws, weighing more: at least one draw, and as many as a quick program takes."""
    cells = sum(len(group.rows) for group in found.groups)
    count = max(1, FEW_CELLS // (cells * segments)) * segments
    if count >= len(found.weight):
        return found
    groups = tuple(replace(g, value=g.value[:count], units=g.units[:count]) for g in found.groups)
    return Ratios(groups, found.weight[:count] * (len(found.weight) / count), found.outside[:count])


def _options(found: Ratios, done: Run) -> list[int]:
    """Option per group that the solver chose."""

    def taken(g: int, o: int) -> float:
        group = found.groups[g]
        name = f"whole[{g},{o}]" if len(group.offers) > 1 else f"x[{group.offers[0]},{group.rows[o, 0]}]"
        return done.values.get(name, 0.0)

    return [int(np.argmax([taken(g, o) for o in range(len(group.rows))])) for g, group in enumerate(found.groups)]


def _value(judge: Judge, choice: Sequence[int]) -> float:
    return float(judge.value(judge.totals(np.array([choice])))[0])
