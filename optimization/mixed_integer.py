"""Solves a part by mixed-integer programming, and by something else where that finds nothing.

Guarantees
----------
* A large part is solved in a process of its own, so that a solver that overruns or dies takes nothing with it.
* The answer is in the problem's own units; its bound is proven.
"""

from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter

import numpy as np

from optimization.account import OPTIMAL_GAP, PROVEN_GAP
from optimization.enumeration import combinations, enumerate_all
from optimization.highs import run
from optimization.ladder import build, read_steps
from optimization.lagrangian.relax import named, relaxed
from optimization.lagrangian.tables import covered, tables_of
from optimization.steps import Answer, Mask
from pricing.problem import MinUnits, Problem, Risk

LARGE = 2_000
"""Steps beyond which the search stops at `PROVEN_GAP`: the last digits would take minutes and earn nothing.

Also beyond which the solver gets a process of its own, which takes some tenths of a second to start.
"""


SECONDS_PER_STEP = 1e-4
"""What it takes to write one step of one offer into a model."""

MOST = 10**9
"""Combinations beyond which trying the first of them is no way to find prices."""


def steps_of(part: Problem) -> int:
    """Steps of all ladders together."""
    return sum(len(offer.ladder) for offer in part.offers)


def is_large(part: Problem) -> bool:
    """Whether the part has so many steps that the search for its last digits does not pay."""
    return steps_of(part) > LARGE


def mixed_integer(part: Problem, *, time_limit: float, closed: Mapping[str, Mask] | None = None) -> Answer:
    """Solve a part with HiGHS; if it finds no prices in time, the relaxation or the enumeration does what it can.

    Parameters
    ----------
    closed : offer id -> (steps,) steps known to be in no better answer than one known already; given where the
        caller has such an answer, which then stands in for what HiGHS does not find
    """
    started, large = perf_counter(), is_large(part)
    if closed is not None and time_limit < SECONDS_PER_STEP * steps_of(part):
        return Answer("milp", reason="the part is too large to be written as a mixed-integer program in the time left")
    handy, unit = _in_handy_units(part)
    model = build(handy)
    for i, offer in enumerate(part.offers):
        for step in np.flatnonzero((closed or {}).get(offer.id, ())[: len(offer.ladder)]):  # tables pad short ladders
            model.x[i, int(step)].setub(0)
    left = max(time_limit - (perf_counter() - started), 1e-3)
    done = run(model, time_limit=left, gap=PROVEN_GAP if large else OPTIMAL_GAP / 10, apart=large)
    if done.values or done.infeasible or closed is not None:
        steps = read_steps(handy, done.values) if done.values else None
        return Answer("milp", steps, done.bound * unit, done.infeasible, done.reason)
    fallback = _instead(part, max(time_limit - (perf_counter() - started), 1.0))
    bound = min(done.bound * unit, fallback.bound)
    return replace(fallback, method=f"milp, then {fallback.method}", bound=bound, reason=done.reason)


def _instead(part: Problem, time_limit: float) -> Answer:
    """What can be found without HiGHS: by relaxation of the mean, which the tail mean is never above, or by trying."""
    deadline = perf_counter() + time_limit
    mean = replace(part, risk=Risk())
    if covered(mean) and (tables := tables_of(mean)) is not None:
        found = relaxed(tables, np.zeros(len(tables.rows.limit)), deadline=deadline)
        steps = None if found.steps is None else named(tables, found.steps)
        return Answer("lagrangian", steps, found.bound, found.infeasible)
    if combinations(part) > MOST:
        return Answer("exhaustive")
    return enumerate_all(part, time_limit=time_limit)


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
