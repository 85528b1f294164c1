"""The weights of the rows at which the dual bound is least, by cutting planes.

Guarantees
----------
* Every bound returned is the dual value at weights that are returned too: valid however early the search stops.
* Weights are never negative, nor above the loss for spilling.
"""

from dataclasses import dataclass
from time import perf_counter

import highspy
import numpy as np

from optimization.lagrangian.grid import Indices
from optimization.lagrangian.tables import Tables
from optimization.steps import Floats

ROUNDS = 300
INWARD = 0.5
"""How far the next weights are drawn from the master's answer towards the best known (Ben-Ameur and Neto 2007)."""

RADIUS = 0.1
"""First size of the box around the best weights, as a share of all the money at stake per limit of a row."""

SAMPLE = 4_000
"""Offers of a sample on which most of the work is done."""

LEVELS = 4

SERIOUS, SHRINK, GROW = 0.1, 0.7, 2.0
"""A step that gains a tenth of what the master promised lets the box grow where it bounds; others shrink it."""


HAIR = 1e-9
TIGHT = 1e-10
"""The smallest tolerance HiGHS takes; the box need not become smaller."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One try of weights: the dual value, the steps that attain it, and what these take of the rows."""

    weights: Floats
    value: float
    steps: Indices
    activity: Floats


def tried(tables: Tables, weights: Floats) -> Trial:
    """The dual value at some weights."""
    steps, value = tables.best(weights)
    return Trial(weights, value, steps, tables.activity(steps))


def minimise(tables: Tables, start: Floats, *, close: float, deadline: float, radius: float = RADIUS) -> list[Trial]:
    """Lower the dual value until it is within the share `close` of its least; the trials, the best first.

    Cutting planes (Kelley 1960) within a box around the best weights (Marsten, Hogan and Blankenship 1975): far from
    what was tried, the cuts promise too much.
    """
    caps = _caps(tables)
    best = tried(tables, np.minimum(start, caps))
    trials = [best]
    if not len(start) or not np.isfinite(best.value):
        return trials
    master, size, inward = _Master(tables, caps, best), radius, INWARD
    for _ in range(ROUNDS):
        lowest, corner, bounded = master.solve(best.weights, size)
        promised = best.value - lowest
        if promised <= close * max(abs(best.value), 1e-9):
            if not bounded:
                break
            size *= 2 * GROW
            continue
        trial = tried(tables, inward * best.weights + (1 - inward) * corner)
        trials.append(trial)
        master.cut(trial)
        serious = trial.value < best.value - SERIOUS * promised
        inward = INWARD if serious else 0.0
        if trial.value < best.value:
            best = trial
        size *= (GROW if bounded else 1.0) if serious else SHRINK
        if perf_counter() > deadline or size < TIGHT:
            break
    return sorted(trials, key=lambda trial: trial.value)


def lowered(tables: Tables, start: Floats, *, close: float, deadline: float) -> list[Trial]:
    """As `minimise`; of many offers, most of the way is gone with a sample of them.

    The sample's limits are set so that at the weights last tried it uses of every row, beyond its limit, its share of
    what all offers use beyond theirs: where the sample is balanced, so are all (full approximation, Brandt 1977).
    """
    sample = _sample(tables)
    if not len(sample):
        return minimise(tables, start, close=close, deadline=deadline)
    share = len(sample) / len(tables.names)
    small = tables.only(sample, share * tables.rows.limit)
    weights, trials = start, []
    for level in range(LEVELS):
        weights = minimise(small, weights, close=close, deadline=deadline, radius=RADIUS / 4**level)[0].weights
        trials.append(tried(tables, weights))
        wanted = share * (tables.rows.limit - trials[-1].activity)
        small = tables.only(sample, wanted + tried(small, weights).activity)
    trials.sort(key=lambda trial: trial.value)
    return trials


def _sample(tables: Tables) -> Indices:
    """Whole trees, evenly spread, of about `SAMPLE` offers; none where there are not many more."""
    stride = len(tables.names) // SAMPLE
    if stride < 4 or len(tables.circles.members):
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(tables.trees.root % stride == 0)


def _caps(tables: Tables) -> Floats:
    """(rows,) no weight needs to be above the loss for spilling, or ten times all the money at stake per limit."""
    finite = np.isfinite(tables.worth)
    most = np.where(finite, tables.worth, -np.inf).max(axis=0)
    least = np.where(finite, tables.worth, np.inf).min(axis=0)
    stake = 10 * float((most - least)[np.isfinite(most)].sum()) + 1e-9
    return np.minimum(tables.rows.loss, stake / tables.rows.scale)


class _Master:
    """The linear program of all cuts: the least value that weights within a box could still have.

    Weights are counted in money per limit of their row, and money in the first dual value.
    """

    def __init__(self, tables: Tables, caps: Floats, first: Trial) -> None:
        self._money = max(abs(first.value), 1e-9)
        self._unit = self._money / tables.rows.scale
        self._caps = caps / self._unit
        self._limit = tables.rows.limit
        self._solver = highspy.Highs()
        options = {
            "output_flag": False,
            "presolve": "off",
            "threads": 1,
            "primal_feasibility_tolerance": TIGHT,
            "dual_feasibility_tolerance": TIGHT,
        }
        for name, value in options.items():
            self._solver.setOptionValue(name, value)
        none, nothing = np.empty(0, dtype=np.int32), np.empty(0)
        for _ in self._caps:
            self._solver.addCol(0.0, 0.0, 0.0, 0, none, nothing)
        self._solver.addCol(1.0, -np.inf, np.inf, 0, none, nothing)
        self._columns = np.arange(len(caps) + 1, dtype=np.int32)
        self.cut(first)

    def cut(self, trial: Trial) -> None:
        """The dual value lies above its tangent at the trial."""
        slope = (self._limit - trial.activity) * self._unit / self._money
        offset = trial.value / self._money - float(slope @ (trial.weights / self._unit))
        self._solver.addRow(offset, np.inf, len(self._columns), self._columns, np.append(-slope, 1.0))

    def solve(self, centre: Floats, size: float) -> tuple[float, Floats, bool]:
        """Least value within the box, the weights there, and whether the box is what holds them back."""
        centre = centre / self._unit
        low, high = np.maximum(centre - size, 0.0), np.minimum(centre + size, self._caps)
        self._solver.changeColsBounds(len(low), self._columns[:-1], low, high)
        self._solver.run()
        values = np.asarray(self._solver.getSolution().col_value)
        point = np.clip(values[:-1], low, high)
        hair = HAIR * size
        held = ((point <= low + hair) & (low > 0)) | ((point >= high - hair) & (high < self._caps))
        return float(values[-1]) * self._money, point * self._unit, bool(held.any())
