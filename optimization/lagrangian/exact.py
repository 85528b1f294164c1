"""Closes the gap that the relaxation leaves: every choice it cannot rule out is tried.

Guarantees
----------
* When it comes to an end, the steps returned are the best there are; among equals those nearest the current prices,
  then the lower ones.
* It comes to an end, or gives up, after `MOST` partial choices.

A choice of steps has the dual value of its own steps; with weights paid, that is the bound less what each offer loses
against its best step given its parent's. Choices that lose more than the bound is above the best value known cannot be
better (reduced-cost fixing, taken from single steps to whole choices).
"""

import numpy as np

from optimization.lagrangian.circles import Choices
from optimization.lagrangian.grid import Indices
from optimization.lagrangian.moves import movable
from optimization.lagrangian.tables import Tables
from optimization.steps import TIE, Floats

MOST = 200_000
SLACK = 1e-9
"""Share of all the money at stake by which the bound may be off; choices that lose so much more are tried, too."""


def best_choice(tables: Tables, weights: Floats, budget: float) -> Indices | None:
    """The best steps of all that lose at most `budget` against the dual value; None if there are too many.

    Empty if no choice that loses so little keeps every row.
    """
    if len(tables.circles.members):
        return None
    scale = scale_of(tables)
    choices = _choices(tables, weights, max(budget, 0.0) + SLACK * scale)
    if choices is None:
        return None
    offers = np.arange(choices.shape[1])
    activity = _activity(tables, choices)
    keeps = np.all((activity <= tables.rows.limit) | ~tables.rows.hard, axis=1)
    choices, activity = choices[keeps], activity[keeps]
    if not len(choices):
        return np.empty(0, dtype=np.intp)
    soft = ~tables.rows.hard
    beyond = np.maximum(activity - tables.rows.limit, 0.0)[:, soft]
    value = tables.worth[choices, offers].sum(axis=1) - beyond @ tables.rows.loss[soft]
    best = choices[value >= value.max() - TIE * scale]
    far = np.round(tables.far[best, offers].sum(axis=1), 9)
    order = np.lexsort((*best[:, tables.by_name].T[::-1], far))
    return best[order[0]]


def settled(tables: Tables, steps: Indices) -> Indices:
    """Move each offer that earns the same at another step to the one nearest its current price, if all rows allow.

    Offers tied in a circle move together. What an offer, or a circle, earns is the same but for rounding by its own
    measure, however much others earn.
    """
    steps, offers = steps.copy(), np.arange(len(steps))
    tie = TIE * scale_of(tables)
    alike = np.isclose(tables.worth, tables.worth[steps, offers], rtol=TIE, atol=0.0)
    same = movable(tables, steps) & alike
    for offer in np.flatnonzero(same.any(axis=0)):
        for step in np.lexsort((offers[: len(same)], np.round(tables.far[:, offer], 9))):
            if step == steps[offer]:
                break
            other = steps.copy()
            other[offer] = step
            if same[step, offer] and movable(tables, steps)[step, offer] and _as_good(tables, other, steps, tie):
                steps = other
                break
    for members, choices in tables.circles.each():
        steps = _nearest(tables, steps, members, choices, tie)
    return steps


def _nearest(tables: Tables, steps: Indices, members: Indices, choices: Choices, tie: float) -> Indices:
    """The steps with one circle's offers at the joint choice nearest the current prices that earns the same."""
    worth = tables.worth[choices, members].sum(axis=1)
    here = float(tables.worth[steps[members], members].sum())
    far = np.round(tables.far[choices, members].sum(axis=1), 9)
    columns = sorted(range(len(members)), key=lambda n: tables.names[members[n]], reverse=True)
    order = np.lexsort((*choices[:, columns].T, far))
    for choice in choices[order[np.isclose(worth[order], here, rtol=TIE, atol=0.0)]]:
        other = steps.copy()
        other[members] = choice
        if np.array_equal(other, steps) or _as_good(tables, other, steps, tie):
            return other
    return steps


def _as_good(tables: Tables, other: Indices, steps: Indices, tie: float) -> bool:
    """Whether other steps, which keep the ties, keep the rows and lose nothing."""
    before, after = tables.activity(steps), tables.activity(other)
    keeps = bool(np.all((after <= tables.rows.limit) | ~tables.rows.hard))
    return keeps and tables.value(other, after) >= tables.value(steps, before) - tie


def scale_of(tables: Tables) -> float:
    """The most money any prices could move [currency]."""
    worth = np.where(tables.open, np.abs(tables.worth), 0.0)
    return max(float(worth.max(axis=0).sum()), 1e-300)


def _choices(tables: Tables, weights: Floats, budget: float) -> Choices | None:
    """(choices, offers) every choice of steps that keeps the ties and loses at most the budget; None if too many."""
    net = tables.net(weights)
    loss = tables.trees.losses(net)
    steps = np.arange(len(net))
    found, spent = np.empty((1, 0), dtype=np.intp), np.zeros(1)
    for parent, own in zip(tables.trees.parent, loss, strict=True):
        against = own[found[:, parent]] if parent >= 0 else np.broadcast_to(own, (len(found), len(steps)))
        total = spent[:, None] + against
        choice, step = np.nonzero(total <= budget)
        if len(choice) > MOST:
            return None
        found, spent = np.column_stack([found[choice], step]), total[choice, step]
    return found


def _activity(tables: Tables, choices: Choices) -> Floats:
    """(choices, rows) left-hand sides."""
    offers, rows = np.arange(choices.shape[1]), tables.rows
    total = (rows.units @ tables.units[choices, offers].T).T + (rows.taken @ tables.taken[choices, offers].T).T
    if rows.change.nnz:
        total += (rows.change @ tables.changed[choices, offers].T).T
    return total
