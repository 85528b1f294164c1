"""A ladder problem as arrays: what every step is worth, what it takes of every row, and how offers are tied.

Guarantees
----------
* Offers stand in one order, whatever order they are brought in.
* The dual value is a bound whatever the weights: paying for a row instead of keeping it can only help (Fisher 1981).
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from optimization.lagrangian.circles import Circles, enumerate_circles, too_many
from optimization.lagrangian.grid import Grid, Indices, forbid_overfull, grid_of, permitted
from optimization.lagrangian.rows import Rows, lines_of, stacked
from optimization.lagrangian.ties import Planted, find_ties, plant
from optimization.lagrangian.trees import Trees
from optimization.steps import Floats, Mask
from pricing.problem import Measure, Objective, Problem
from pricing.rules import (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    MinMargin,
    MinUnits,
    MostChanges,
    Order,
    SamePrice,
    SellThrough,
)


@dataclass(frozen=True, eq=False)
class Tables:
    """The problem.

    Attributes
    ----------
    names : (offers,) ids
    worth : (steps, offers) what a step earns; -inf where it may not be taken [currency]
    units, taken : (steps, offers) expected units and revenue; 0 where the step may not be taken
    changed : (steps, offers) 1 where the price is not the current one, otherwise 0; empty where no row asks
    far : (steps, offers) distance from the current price, as a share of it; 0 without one
    overfull : whether steps are left out only because they overfill a resource on their own
    """

    names: tuple[str, ...]
    worth: Floats
    units: Floats
    taken: Floats
    changed: Floats
    far: Floats
    rows: Rows
    trees: Trees
    circles: Circles
    overfull: bool = False

    @cached_property
    def by_name(self) -> Indices:
        """(offers,) the offers in the order of their ids."""
        return np.array(sorted(range(len(self.names)), key=self.names.__getitem__), dtype=np.intp)

    @property
    def open(self) -> Mask:
        """(steps, offers) whether the step may be taken."""
        return np.isfinite(self.worth)

    def net(self, weights: Floats) -> Floats:
        """(steps, offers) worth less what a step takes of each row, at these prices of a unit of each row."""
        return self.worth - self.load(weights)

    def load(self, weights: Floats) -> Floats:
        """(steps, offers) what each step takes of the rows, summed with these weights."""
        load = self.units * (weights @ self.rows.units)
        if self.rows.taken.nnz:
            load += self.taken * (weights @ self.rows.taken)
        if self.rows.change.nnz:
            load += self.changed * (weights @ self.rows.change)
        return load

    def activity(self, steps: Indices) -> Floats:
        """(rows,) left-hand side of every row at the chosen steps."""
        offers, rows = np.arange(len(steps)), self.rows
        total = rows.units @ self.units[steps, offers]
        if rows.taken.nnz:
            total += rows.taken @ self.taken[steps, offers]
        if rows.change.nnz:
            total += rows.change @ self.changed[steps, offers]
        return total

    def value(self, steps: Indices, activity: Floats) -> float:
        """Objective at the chosen steps, less the loss for spilling [currency]."""
        soft = ~self.rows.hard
        beyond = np.maximum(activity - self.rows.limit, 0.0)[soft]
        return float(self.worth[steps, np.arange(len(steps))].sum() - self.rows.loss[soft] @ beyond)

    def best(self, weights: Floats) -> tuple[Indices, float]:
        """The best steps once the rows are paid for, and the dual value: nothing feasible is worth more.

        The bound of the Lagrangian relaxation (Fisher 1981).
        """
        net = self.net(weights)
        steps, value = self.trees.best(self.circles.apart(net))
        value += self.circles.choose(net, steps) + float(weights @ self.rows.limit)
        return steps, value

    def marginals(self, weights: Floats) -> Floats:
        """(steps, offers) dual value of the offer's own tree with the offer held at that step."""
        net = self.net(weights)
        return self.circles.marginals(net, self.trees.marginals(self.circles.apart(net)))

    def hopeless(self) -> str:
        """An offer whose tree no steps are left for; the first of all if there is none such."""
        roots = np.flatnonzero(np.isinf(self.trees.marginals(self.worth).max(axis=0)))
        return self.names[int(roots[0]) if len(roots) else 0]

    def only(self, offers: Indices, limit: Floats, rows: Indices | None = None) -> "Tables":
        """The problem of whole trees and groups, in rising order, with other limits of the rows, or of some rows."""
        kept = np.arange(len(self.rows.limit)) if rows is None else rows
        return Tables(
            tuple(self.names[i] for i in offers),
            self.worth[:, offers],
            self.units[:, offers],
            self.taken[:, offers],
            self.changed[:, offers],
            self.far[:, offers],
            self.rows.only(offers, kept, limit),
            self.trees.only(offers),
            self.circles.only(offers, len(self.names)),
        )


COVERED = (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    MinMargin,
    MinUnits,
    MostChanges,
    Order,
    SamePrice,
    SellThrough,
)
"""Families of rules that are put into tables; a problem with any other goes elsewhere."""

MOST_CELLS = 50_000_000
"""Largest number of steps times offers: each table of it takes 8 bytes a cell."""


def covered(problem: Problem) -> bool:
    """Whether every family of rules is known here, and the mean is what is maximised."""
    return problem.risk.measure is Measure.MEAN and all(isinstance(rule, COVERED) for rule in problem.rules)


def tables_of(problem: Problem, *, overfull: bool = False) -> Tables | None:
    """The tables of a covered problem, or None if its ties are too intricate.

    Parameters
    ----------
    overfull : leave steps that overfill a resource on their own, which no plan can take but a mixture can
    """
    offers = sorted(problem.offers, key=lambda offer: offer.id)
    if len(offers) * max(len(offer.ladder) for offer in offers) > MOST_CELLS:
        return None
    place = {offer.id: i for i, offer in enumerate(offers)}
    grid = grid_of(offers)
    may = permitted(problem.rules, offers, place, grid)
    left = may.sum()
    if not overfull:
        forbid_overfull(may, problem.resources, place, grid)
    planted = plant(find_ties(problem.rules, place, grid.paid))
    if too_many(planted.circles, may):
        return None
    names = tuple(offer.id for offer in offers)
    masks = {names[i]: may[: len(offers[i].ladder), i] for group in planted.circles for i in group}
    circles = enumerate_circles(problem, planted.circles, names, masks)
    for group in planted.circles:
        if not np.isin(group[0], circles.members):
            may[:, group] = False
    lines = [(line, line.most(grid, may)) for line in lines_of(problem, place, grid)]
    lines = [(line, most) for line, most in lines if float(most.sum()) > line.limit]
    rows = stacked([line for line, _ in lines], [most for _, most in lines], len(offers))
    tables = _arranged(problem.objective, names, grid, may, rows=rows, planted=planted, circles=circles)
    return replace(tables, overfull=bool(may.sum() < left))


def _arranged(
    objective: Objective,
    names: tuple[str, ...],
    grid: Grid,
    may: Mask,
    *,
    rows: Rows,
    planted: Planted,
    circles: Circles,
) -> Tables:
    """Put together, in the order of the trees, with nothing to sell where a step may not be taken."""
    order = planted.order
    units = np.where(may, grid.units, 0.0)[:, order]
    taken = np.where(may, grid.price, 0.0)[:, order] * units
    worth = taken if objective is Objective.REVENUE else taken - grid.cost[order] * units
    place = np.argsort(order)
    return Tables(
        tuple(names[i] for i in order),
        np.where(may[:, order], worth, -np.inf),
        units,
        taken,
        grid.changed[:, order].astype(np.float64) if rows.change.nnz else np.empty((0, len(order))),
        grid.far[:, order],
        rows.only(order, np.arange(len(rows.limit)), rows.limit),
        planted.trees,
        replace(circles, members=place[circles.members], offer=place[circles.offer]),
    )
