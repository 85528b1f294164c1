"""The least that rules and capacities would have to give for an infeasible problem to have an answer.

Guarantees
----------
* With the limits named there are prices that keep every rule, and no tighter limit would do: what is not proven within
  the time is not said.
* Where no rule of the conflict is enough by itself, the limits named are those of least total relative change.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from time import perf_counter

import numpy as np
import pyomo.environ as pyo

from optimization.components import EACH, can_run_out
from optimization.elastic import Elastic, How, Item, average_margin, elastic_of, limit_of, loosened
from optimization.highs import run
from optimization.ladder import build, read_steps
from optimization.steps import Steps, permitted
from optimization.words import at_least, item_in_words, percent
from pricing.plan import Loosened, Relaxation
from pricing.problem import Problem, Risk, Shared
from pricing.rules import AverageMargin, MaxSpread, MinMargin, MinUnits, MostChanges, Order, SamePrice

LARGE = 20_000
"""Steps beyond which building a model takes longer than there is time for."""

LEAST = 1e-9
"""Relative change below which a limit is not broken but rounded."""


def relaxations(problem: Problem, conflict: Sequence[Item], *, deadline: float) -> tuple[Relaxation, ...]:
    """For each rule of a conflict the least change of its limit that leaves an answer, the smallest change first.

    Where none is enough alone, one relaxation of several limits (the elastic program of Chinneck and Dravnieks 1991).
    What is not proven to be least by the deadline is left out.
    """
    alone: list[tuple[float, Relaxation]] = []
    for n, item in enumerate(conflict):
        left = (deadline - perf_counter()) / (len(conflict) - n)
        steps = _least(problem, item, time_limit=left) if left > 0 else None
        if steps is not None:
            elastic = elastic_of(problem, item)
            alone.append(((elastic.total(steps) - elastic.limit) / elastic.scale, _said(problem, [item], steps)))
    if alone or perf_counter() > deadline:
        return tuple(relaxation for _, relaxation in sorted(alone, key=lambda pair: pair[0]))
    return _together(problem, time_limit=deadline - perf_counter())


def _least(problem: Problem, item: Item, *, time_limit: float) -> Steps | None:
    """Steps that keep everything but the item, and break that least; None without any, or without proof."""
    free = _without(problem, item)
    steps = _solve(free, [elastic_of(problem, item)], time_limit=time_limit)
    return _best_ratio(free, item, steps, time_limit) if steps and isinstance(item, AverageMargin) else steps


def _best_ratio(problem: Problem, rule: AverageMargin, steps: Steps, time_limit: float) -> Steps | None:
    """Steps of the largest average margin: none leave anything above the margin of these (Dinkelbach 1967)."""
    while True:
        margin = average_margin(problem, rule, steps)
        above = elastic_of(problem, replace(rule, fraction=Decimal(repr(margin))))
        better = _solve(problem, [above], time_limit=time_limit)
        if better is None or average_margin(problem, rule, better) <= margin + LEAST:
            return better and steps
        steps = better


def _together(problem: Problem, *, time_limit: float) -> tuple[Relaxation, ...]:
    if _too_large(problem):
        return ()
    items: list[Item] = [*problem.rules, *(resource for resource in problem.resources if resource.spill is None)]
    unlimited = tuple(replace(resource, spill=Decimal(0)) for resource in problem.resources)
    free = replace(problem, rules=(), resources=unlimited, risk=Risk())
    elastics = [elastic_of(problem, item) for item in items]
    steps = _solve(free, elastics, time_limit=time_limit)
    if steps is None:
        return ()
    broken = [i for i, e in zip(items, elastics, strict=True) if e.total(steps) - e.limit > LEAST * e.scale]
    return (_said(problem, broken, steps),)


def _without(problem: Problem, item: Item) -> Problem:
    if isinstance(item, Shared):
        free = (replace(r, spill=Decimal(0)) if r.id == item.id else r for r in problem.resources)
        return replace(problem, resources=tuple(free), risk=Risk())
    return replace(problem, rules=tuple(rule for rule in problem.rules if rule is not item), risk=Risk())


def _solve(problem: Problem, elastics: Sequence[Elastic], *, time_limit: float) -> Steps | None:
    """Steps of least total excess; None if there are none, or it is not proven in time."""
    if len(elastics) == 1 and elastics[0].how is not How.SPREAD and _apart(problem):
        masks = permitted(problem)
        lowest = {name: int(np.argmax(mask)) for name, mask in masks.items()}
        return lowest | elastics[0].least(masks) if all(mask.any() for mask in masks.values()) else None
    if _too_large(problem):
        return None
    model = build(problem)
    model.earned.deactivate()
    model.excess = pyo.Block(range(len(elastics)))
    excess = [elastic.excess(model.excess[n], problem) for n, elastic in enumerate(elastics)]
    if len(excess) > 1:
        model.over = pyo.Var(range(len(excess)), domain=pyo.NonNegativeReals)
        model.atmost = pyo.Constraint(range(len(excess)), rule=lambda m, n: excess[n] - m.over[n] <= 0)
        excess = [model.over[n] for n in range(len(excess))]
    model.least = pyo.Objective(expr=pyo.quicksum(excess), sense=pyo.minimize)
    done = run(model, time_limit=time_limit)
    if not done.values:
        return None
    steps = read_steps(problem, done.values)
    if len(elastics) == 1:
        found = elastics[0].total(steps) / elastics[0].scale
    else:
        found = sum(max(0.0, (e.total(steps) - e.limit) / e.scale) for e in elastics)
    return steps if found + done.bound <= 1e-6 * max(1.0, abs(found)) else None


def _too_large(problem: Problem) -> bool:
    return sum(len(offer.ladder) for offer in problem.offers) > LARGE


def _apart(problem: Problem) -> bool:
    """Whether each offer may be priced whatever the others' prices are."""
    free = all(isinstance(rule, (*EACH, MinMargin)) for rule in problem.rules)
    return free and not any(can_run_out(problem, r) for r in problem.resources if r.spill is None)


def _said(problem: Problem, items: Sequence[Item], steps: Steps) -> Relaxation:
    """The limits at which these items hold at these steps."""
    changes, words = [], []
    for item in items:
        what, loose = item_in_words(problem, item), loosened(problem, item, steps)
        if loose is None:
            changes.append(Loosened(what, None, None))
            words.append(f"without the rule: {what}")
        else:
            changes.append(Loosened(what, limit_of(item), limit_of(loose)))
            words.append(f"{item_in_words(problem, loose)}, instead of {_limit_in_words(problem, item)}")
    return Relaxation("; and ".join(words), tuple(changes))


def _limit_in_words(problem: Problem, item: Item) -> str:
    match item:
        case Order(min_gap=gap):
            return at_least(gap, problem.currency).removesuffix(" than").removesuffix(" as")
        case MaxSpread(amount=Decimal() as amount):
            return f"{amount} {problem.currency}"
        case SamePrice() | Shared() | MinUnits() | MostChanges():
            return f"{limit_of(item):g}"
        case _:
            return percent(Decimal(repr(limit_of(item))))
