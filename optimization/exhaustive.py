"""Brute force over a whole problem: the oracle that the other optimizers are held against.

Guarantees
----------
* The best combination of steps is returned; among equally good ones that nearest to the current prices.
* It shares no way of searching with the others: the problem is neither split nor relaxed.
"""

from dataclasses import dataclass
from time import perf_counter

from optimization.account import account
from optimization.conflict import infeasible
from optimization.enumeration import combinations, enumerate_all
from optimization.steps import canonical
from pricing.errors import InputError
from pricing.plan import Plan
from pricing.problem import Problem

MOST = 5_000_000
"""Combinations beyond which enumeration is refused: this many take seconds, and with many draws minutes."""


@dataclass(frozen=True, slots=True)
class ExhaustiveOptimizer:
    """Tries every combination of steps."""

    def solve(self, problem: Problem, *, time_limit: float) -> Plan:
        """Return the best combination, or the best of those tried within `time_limit` [seconds].

        Raises
        ------
        InputError
            if there are more than `MOST` combinations.
        """
        started = perf_counter()
        fixed = canonical(problem)
        check_size(fixed)
        answer = enumerate_all(fixed, time_limit=time_limit)
        if answer.infeasible:
            return infeasible(fixed, answer, started)
        return account(problem, [(fixed, answer)], started)


def check_size(problem: Problem) -> None:
    """Refuse a problem with more than `MOST` combinations."""
    if (count := combinations(problem)) > MOST:
        raise InputError(
            f"10^{len(str(count)) - 1} combinations of prices are too many to try: use the method auto or milp"
        )
