"""What is known about an answer, from its value and its bound alone.

Guarantees
----------
* Status follows from the gap, whatever a solver said: `optimal` at most a millionth, `feasible` at most one in ten
  thousand, otherwise `time-limit`.
"""

from time import perf_counter

from optimization.account import OPTIMAL_GAP, PROVEN_GAP, ROUNDING
from pricing.plan import PROVEN, Report, Status


def report(method: str, started: float, *, objective: float, bound: float, stake: float) -> Report:
    """Report an answer; one that is not proven loses its objective.

    Parameters
    ----------
    started : reading of `perf_counter` when the solve began [seconds]
    bound : nothing earns more than this [currency]
    stake : what would be earned were nothing scarce; a bound nearer to the objective than `ROUNDING` times it is equal
    """
    seconds = perf_counter() - started
    bound = objective if abs(bound - objective) <= ROUNDING * stake else bound
    gap = (bound - objective) / max(abs(objective), 1e-9)
    proven = Status.OPTIMAL if gap <= OPTIMAL_GAP else Status.FEASIBLE if gap <= PROVEN_GAP else Status.TIME_LIMIT
    status = proven if gap >= 0 else Status.TIME_LIMIT  # a bound below what is earned bounds nothing
    if status in PROVEN:
        return Report(status, method, seconds, objective, bound, gap)
    return Report(status, method, seconds, bound=bound)
