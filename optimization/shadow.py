"""What one more unit of a resource would earn.

Guarantees
----------
* A shadow price is never negative, and 0 for a resource that leaves some over in the relaxation.
"""

from dataclasses import replace

from optimization.highs import run
from optimization.ladder import build, overfull
from optimization.lagrangian.parts import parts_of
from optimization.lagrangian.relax import prices_of_rows
from optimization.lagrangian.rows import RESOURCE
from optimization.lagrangian.tables import covered, tables_of
from optimization.steps import ceiling
from pricing.problem import Problem

SECONDS = 30.0


def shadow_prices(problem: Problem) -> dict[str, float]:
    """Resource id -> shadow price [currency per unit of the resource].

    The dual value of the capacity row in the linear relaxation, in which an offer may sell part of the time at one
    step and part at another: how much the best value of that relaxation rises per unit of capacity, at the margin.
    Where that slope has a corner, as with a capacity that is exactly used up and no more wanted, it is the slope to the
    right: what one more unit would earn, not what one less would cost. Prices on a ladder are lumpy, so the plan itself
    may leave some of a resource over that has a shadow price.

    The weights that make the Lagrangian bound least are such dual values (Geoffrion 1974); where the relaxation covers
    the rules they are taken, exact to some digits, otherwise those of the linear program.
    """
    if not problem.resources:
        return {}
    if covered(problem) and (tables := tables_of(problem, overfull=True)) is not None:
        found = {name: price for part in parts_of(tables) for name, price in prices_of_rows(part).items()}
        return {resource.id: found.get((RESOURCE, resource.id), 0.0) for resource in problem.resources}
    return _by_program(problem)


def _by_program(problem: Problem) -> dict[str, float]:
    """The dual values of the capacities' rows in the linear program."""
    past_corner = tuple(replace(resource, capacity=ceiling(resource)) for resource in problem.resources)
    duals = run(
        build(replace(problem, resources=past_corner), without=[overfull]), time_limit=SECONDS, relax=True
    ).duals
    return {resource.id: max(0.0, duals.get(f"capacity[{r}]", 0.0)) for r, resource in enumerate(problem.resources)}
