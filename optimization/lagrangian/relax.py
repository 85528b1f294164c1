"""Lagrangian relaxation with repair: quick, feasible, and with a proven bound.

Guarantees
----------
* The bound is valid whatever the weights (Fisher 1981), and however early the time runs out.
* Steps that come out keep every tie and every row, or none come out.
* "infeasible" is proven: some offers' ties leave no steps, or the bound is below anything prices could earn.
"""

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from optimization.lagrangian.bundle import Trial, lowered
from optimization.lagrangian.exact import best_choice, scale_of, settled
from optimization.lagrangian.grid import Indices
from optimization.lagrangian.repair import repaired
from optimization.lagrangian.rows import Name
from optimization.lagrangian.tables import Tables
from optimization.steps import Floats

CLOSE = 1e-6
"""How close to its least the dual value is brought; what repair loses is more."""

EXACT = 1e-9
"""The same for few offers, where cutting planes come to an end: the weights are then exact to as many digits."""

ENOUGH = 1e-5
"""Share of the bound that is left to gain when repair stops."""

FEW = 200
"""Offers up to which it is worth looking whether few enough choices are left to try them all."""

ATTEMPTS = 4
"""Trials from which repair starts, until one leads to enough."""

ROUNDING = 1e-9
"""Share of all the money at stake that rounding may be."""


@dataclass(frozen=True, eq=False)
class Relaxed:
    """How one part was answered.

    Attributes
    ----------
    steps : (offers,) None without an answer
    value : what they earn [currency]
    bound : nothing can earn more [currency]
    weights : (rows,) what one more unit of each row's limit would earn [currency]
    """

    steps: Indices | None
    value: float
    bound: float
    weights: Floats
    infeasible: bool = False

    @property
    def gap(self) -> float:
        """How far the value may be from the best, as a share of it."""
        return (self.bound - self.value) / max(abs(self.value), 1e-9)


def relaxed(tables: Tables, start: Floats, *, deadline: float) -> Relaxed:
    """Lower the bound, repair what attains it, and try whatever could still be better where that is little."""
    trials = lowered(tables, start, close=_close(tables), deadline=deadline)
    bound, weights = trials[0].value, trials[0].weights
    if bound < _least(tables):
        return Relaxed(None, -np.inf, bound, weights, infeasible=True)
    steps, value = None, -np.inf
    for trial in _different(trials):
        steps, value = _better(tables, trial, steps, value, bound=bound, deadline=deadline)
        if (found := _tried_out(tables, steps, value, bound, weights)) is not None:
            return found
        if bound - value <= ENOUGH * abs(bound) or perf_counter() > deadline:
            break
    return Relaxed(None if steps is None else settled(tables, steps), value, max(bound, value), weights)


def prices_of_rows(tables: Tables) -> dict[Name, float]:
    """What one more unit of each row's limit would earn in the relaxation, at the margin [currency]."""
    trials = lowered(tables, np.zeros(len(tables.rows.limit)), close=_close(tables), deadline=np.inf)
    return dict(zip(tables.rows.names, trials[0].weights.tolist(), strict=True))


def _close(tables: Tables) -> float:
    return EXACT if len(tables.names) <= FEW else CLOSE


def _better(
    tables: Tables, trial: Trial, steps: Indices | None, value: float, *, bound: float, deadline: float
) -> tuple[Indices | None, float]:
    """The better of the steps known and those that repair makes of a trial, with their value."""
    enough = bound - ENOUGH * abs(bound)
    other = repaired(tables, trial.steps, trial.weights, enough=enough, deadline=deadline)
    if other is None:
        return steps, value
    worth = tables.value(other, tables.activity(other))
    return (other, worth) if worth > value else (steps, value)


def _tried_out(tables: Tables, steps: Indices | None, value: float, bound: float, weights: Floats) -> Relaxed | None:
    """The best of all choices, or the proof that there is none; None if too many are left to try."""
    if len(tables.names) > FEW:
        return None
    least = value if steps is not None else _least(tables)
    best = best_choice(tables, weights, bound - least)
    if best is None:
        return None
    if not len(best):
        return Relaxed(None, -np.inf, bound, weights, infeasible=True)
    value = tables.value(best, tables.activity(best))
    return Relaxed(best, value, value, weights)


def named(tables: Tables, steps: Indices) -> dict[str, int]:
    """Offer id -> chosen step."""
    return dict(zip(tables.names, steps.tolist(), strict=True))


def _different(trials: list[Trial]) -> list[Trial]:
    """The first trials whose steps are not those of an earlier one."""
    found: list[Trial] = []
    for trial in trials:
        if len(found) < ATTEMPTS and not any(np.array_equal(trial.steps, other.steps) for other in found):
            found.append(trial)
    return found


def _least(tables: Tables) -> float:
    """Less than any prices can earn: every offer at its worst step, every resource with a loss overrun."""
    worst = np.where(tables.open, tables.worth, np.inf).min(axis=0)
    if not np.all(np.isfinite(worst)):
        return np.inf
    soft = ~tables.rows.hard
    most = tables.rows.units[soft] @ np.where(tables.open, tables.units, 0.0).max(axis=0)
    return float(worst.sum() - tables.rows.loss[soft] @ most) - ROUNDING * scale_of(tables)
