"""What one more unit of a resource would earn.

Guarantees
----------
* A shadow price is never negative, and 0 for a resource that leaves some over in the relaxation.
"""

from optimization.highs import run
from optimization.ladder import build, overfull
from pricing.problem import Problem

SECONDS = 30.0


def shadow_prices(problem: Problem) -> dict[str, float]:
    """Resource id -> shadow price [currency per unit of the resource].

    The dual value of the capacity row in the linear relaxation, in which an offer may sell part of the time at one
    step and part at another: how much the best value of that relaxation rises per unit of capacity, at the margin.
    Prices on a ladder are lumpy, so the plan itself may leave some of a resource over that has a shadow price.
    """
    if not problem.resources:
        return {}
    duals = run(build(problem, without=[overfull]), time_limit=SECONDS, relax=True).duals
    return {resource.id: max(0.0, duals.get(f"capacity[{r}]", 0.0)) for r, resource in enumerate(problem.resources)}
