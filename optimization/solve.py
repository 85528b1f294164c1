"""Finds the best prices: splits the problem, solves each part by the method that suits it, and accounts for the whole.

Guarantees
----------
* Infeasible is a status, never an exception; it names rules that cannot hold together.
* No plan leaves that fails the check of `pricing.feasibility`; a solver's faulty answer is an error, not a plan.
* The same problem gives the same plan, in whatever order its offers, rules and resources are brought, unless the time
  limit cuts the search short. Among equally good prices those nearest the current ones are taken, then the lower ones:
  of whole parts where all that could be best were tried, otherwise offer by offer, offers tied in a circle together.
* A solver that dies, overruns its time or ends in a way that proves nothing costs the proof, not the plan: what the
  other methods found is reported with its gap and the reason.
"""

from dataclasses import dataclass, field, replace
from time import perf_counter

from optimization.account import account
from optimization.by_relaxation import Weights, relax_parts
from optimization.components import split
from optimization.conflict import infeasible
from optimization.enumeration import combinations, enumerate_all, settle
from optimization.exhaustive import check_size
from optimization.lagrangian.tables import covered, tables_of
from optimization.method import Method
from optimization.mixed_integer import mixed_integer
from optimization.shadow import shadow_prices
from optimization.steps import Answer, canonical, permitted
from pricing.plan import Plan
from pricing.problem import Problem

SMALL = 5_000
"""Combinations up to which trying all of them is quicker than building a model."""


@dataclass(frozen=True, slots=True)
class HighsOptimizer:
    """Prices by Lagrangian relaxation and mixed-integer programming (Pyomo and HiGHS), part by part.

    Attributes
    ----------
    method : auto unless one method is wanted for every part; a part the Lagrangian relaxation cannot take (a tail
        mean, ties of very many offers in circles) goes to HiGHS, and the report's method says so
    """

    method: Method = Method.AUTO

    def solve(self, problem: Problem, *, time_limit: float) -> Plan:
        """Return the best plan found within `time_limit` [seconds].

        Raises
        ------
        InputError
            if the method is exhaustive and a part has too many combinations.
        """
        return solve_from(problem, {}, method=self.method, time_limit=time_limit)[0]


@dataclass(slots=True)
class Resolver:
    """Solves one problem after another that differ little, such as in demand: each begins where the last one ended.

    The plans are as good as fresh ones, within their proven gaps; only the way to them is shorter.
    """

    method: Method = Method.AUTO
    weights: Weights = field(default_factory=dict)

    def solve(self, problem: Problem, *, time_limit: float) -> Plan:
        """As `HighsOptimizer.solve`."""
        plan, self.weights = solve_from(problem, self.weights, method=self.method, time_limit=time_limit)
        return plan


def solve_from(problem: Problem, weights: Weights, *, method: Method, time_limit: float) -> tuple[Plan, Weights]:
    """The best plan found, and the weights of what joins its offers, from which a like problem may start."""
    started = perf_counter()
    if method in {Method.AUTO, Method.LAGRANGIAN} and covered(problem) and (tables := tables_of(problem)) is not None:
        deadline = started + time_limit
        found = relax_parts(problem, tables, weights, quick=method is Method.LAGRANGIAN, deadline=deadline)
        if found.infeasible is not None:
            return infeasible(found.infeasible, Answer("lagrangian", infeasible=True), started), weights
        shadow = shadow_prices if tables.overfull else lambda _: found.shadow
        return account(problem, [(problem, found.answer)], started, shadow=shadow), found.weights
    return _by_parts(problem, method, started, time_limit), {}


def _by_parts(problem: Problem, method: Method, started: float, time_limit: float) -> Plan:
    """Solve part by part with enumeration or HiGHS.

    Parts that are enumerated at once need no time worth mention; of what is left, each other part may take a share in
    proportion to its steps.
    """
    parts = split(canonical(problem))
    sizes = [0 if _at_once(part, method) else sum(len(offer.ladder) for offer in part.offers) for part in parts]
    answers = []
    for n, part in enumerate(parts):
        left = max(0.0, time_limit - (perf_counter() - started))
        answer = _part(part, method, left * sizes[n] / max(sum(sizes[n:]), 1))
        if answer.infeasible:
            return infeasible(part, answer, started)
        answers.append((part, _settled(part, answer)))
    return account(problem, answers, started)


def _at_once(part: Problem, method: Method) -> bool:
    return method is not Method.MILP and combinations(part) <= SMALL


def _part(part: Problem, method: Method, time_limit: float) -> Answer:
    if not all(mask.any() for mask in permitted(part).values()):
        return Answer(method if method is not Method.AUTO else "exhaustive", infeasible=True)
    if method is Method.EXHAUSTIVE:
        check_size(part)
    if method is Method.EXHAUSTIVE or _at_once(part, method):
        return enumerate_all(part, time_limit=time_limit)
    return mixed_integer(part, time_limit=time_limit)


def _settled(part: Problem, answer: Answer) -> Answer:
    if answer.steps is None or answer.method == "exhaustive":
        return answer
    return replace(answer, steps=settle(part, answer.steps))
