"""Turns the steps that the relaxation suggests into steps that keep every row, and betters them by small moves.

Guarantees
----------
* Steps that come out keep every tie and every row.
* Bettering never loses: each move, or pair of moves, raises the objective.

Three stages, each over fewer offers: a linear program chooses among the moves of single offers by which the relaxation
loses least; what its few fractions break is mended one row at a time; then pairs of moves use up what is left over.
"""

from time import perf_counter

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csc_array, hstack, vstack

from optimization.lagrangian.grid import Indices
from optimization.lagrangian.moves import Moves, likely, movable
from optimization.lagrangian.tables import Tables
from optimization.steps import Floats

BATCHES = 60
"""Batches of moves after which rows that still do not hold are given up."""

CHOICES = 1_000
"""Moves among which the linear program chooses."""

MOVES = 300
"""Moves among which pairs are looked for."""

SHARE = 20

WHOLE = 1 - 1e-6

HAIR = 1e-12
"""Share of what is at stake below which a gain or an effect is rounding."""


def repaired(tables: Tables, steps: Indices, weights: Floats, *, enough: float, deadline: float) -> Indices | None:
    """Steps that keep every row, near those given, bettered until they are worth `enough` or no move gains."""
    net = tables.net(weights)
    moves = likely(tables, steps, net, max(CHOICES, len(steps) // SHARE))
    steps = balanced(tables, steps, weights, moves)
    core = _core(tables, moves)
    if len(core) < len(steps):
        better = _within(tables, core, steps, weights, enough=enough, deadline=deadline)
        if better is not None:
            return better
    whole = mended(tables, steps, weights, deadline)
    return None if whole is None else _climbed(tables, whole, weights, enough=enough, deadline=deadline)


def _core(tables: Tables, moves: Moves) -> Indices:
    """The trees of some moves; all offers where there are circles."""
    if len(tables.circles.members):
        return np.arange(len(tables.names))
    chosen = np.zeros(len(tables.names), dtype=np.bool_)
    chosen[moves.tree] = True
    return np.flatnonzero(chosen[tables.trees.root])


def _within(
    tables: Tables, core: Indices, steps: Indices, weights: Floats, *, enough: float, deadline: float
) -> Indices | None:
    """Mend and better, moving only the offers of the core."""
    activity, inside = tables.activity(steps), steps[core]
    own = tables.only(core, tables.rows.limit).activity(inside)
    part = tables.only(core, tables.rows.limit - (activity - own))
    rest = tables.value(steps, activity) - part.value(inside, own)
    mine = mended(part, inside, weights, deadline)
    if mine is None:
        return None
    found = steps.copy()
    found[core] = _climbed(part, mine, weights, enough=enough - rest, deadline=deadline)
    return found


def balanced(tables: Tables, steps: Indices, weights: Floats, moves: Moves) -> Indices:
    """The steps after the moves that a linear program takes whole: the most earned with every row kept.

    At most one move per tree; a basic solution takes no more moves in part than there are rows.
    """
    rows = tables.rows
    if not len(moves.offer) or not len(rows.limit):
        return steps
    trees, tree = np.unique(moves.tree, return_inverse=True)
    count, spare = len(moves.offer), len(rows.limit)
    once = coo_array((np.ones(count), (tree, np.arange(count))), (len(trees), count))
    loads = np.hstack([moves.load.T / rows.scale[:, None], -np.eye(spare)])
    dear = 10 * (float(np.abs(moves.gain).sum()) + float((weights * rows.scale).max()))
    answer = linprog(
        np.concatenate([-moves.gain, np.minimum(rows.loss * rows.scale, dear)]),
        vstack([csc_array(loads), hstack([once, coo_array((len(trees), spare))])], format="csc"),
        np.concatenate([(rows.limit - tables.activity(steps)) / rows.scale, np.ones(len(trees))]),
        bounds=[(0, 1)] * count + [(0, None)] * spare,
        method="highs-ds",
    )
    if answer.x is None:
        return steps
    whole, steps = answer.x[:count] > WHOLE, steps.copy()
    steps[moves.offer[whole]] = moves.step[whole]
    return steps


def mended(tables: Tables, steps: Indices, weights: Floats, deadline: float) -> Indices | None:
    """Move offers, those that lose least first, until every row holds; None if no moves mend them further.

    One row at a time, the worst first; in one batch at most one offer of every tree moves, so that ties hold.
    """
    rows, steps, net = tables.rows, steps.copy(), tables.net(weights)
    for _ in range(BATCHES):
        excess = np.where(rows.hard, (tables.activity(steps) - rows.limit) / rows.scale, 0.0)
        worst = int(excess.argmax()) if len(excess) else 0
        if not len(excess) or excess[worst] <= 0:
            return steps
        load = tables.load(np.where(np.arange(len(excess)) == worst, 1 / rows.scale, 0.0))
        batch = _batch(tables, steps, net, load, float(excess[worst]))
        if not len(batch[0]) or perf_counter() > deadline:
            return None
        steps[batch[0]] = batch[1]
    return None


def _batch(tables: Tables, steps: Indices, net: Floats, load: Floats, excess: float) -> tuple[Indices, Indices]:
    """Offers and their new steps, one per tree, that together take the excess from a row at little loss."""
    offers = np.arange(len(steps))
    mends = np.where(movable(tables, steps), load[steps, offers] - load, 0.0)
    rate = np.full(net.shape, np.inf)
    np.divide(np.maximum(net[steps, offers] - net, 0.0), mends, out=rate, where=mends > HAIR)
    step = rate.argmin(axis=0)
    rate, mends = rate[step, offers], mends[step, offers]
    order = np.argsort(rate, kind="stable")[: int(np.isfinite(rate).sum())]
    order = order[np.sort(np.unique(tables.trees.root[order], return_index=True)[1])]
    enough = int(np.searchsorted(np.cumsum(mends[order]), excess)) + 1
    return order[:enough], step[order[:enough]]


def _climbed(tables: Tables, steps: Indices, weights: Floats, *, enough: float, deadline: float) -> Indices:
    steps, net = steps.copy(), tables.net(weights)
    activity = tables.activity(steps)
    value = tables.value(steps, activity)
    while value < enough and perf_counter() < deadline:
        moves = likely(tables, steps, net, MOVES)
        chosen = _best_of(tables, moves, activity)
        if not len(chosen):
            break
        steps[moves.offer[chosen]] = moves.step[chosen]
        activity = tables.activity(steps)
        value = tables.value(steps, activity)
    return steps


def _best_of(tables: Tables, moves: Moves, activity: Floats) -> Indices:
    """The move or pair of moves that gains most and keeps every row; none if none gains."""
    if not len(moves.offer):
        return np.empty(0, dtype=np.intp)
    single = _gains(tables, moves.gain, moves.load, activity)
    first, second = np.nonzero(
        np.triu(moves.tree[:, None] != moves.tree, 1) & (moves.gain[:, None] + moves.gain > single.max())
    )
    pair = _gains(tables, moves.gain[first] + moves.gain[second], moves.load[first] + moves.load[second], activity)
    least = HAIR * max(1.0, float(np.abs(moves.gain).sum()))
    if len(pair) and pair.max() > max(single.max(), least):
        best = int(pair.argmax())
        return np.array([first[best], second[best]])
    return np.array([single.argmax()]) if single.max() > least else np.empty(0, dtype=np.intp)


def _gains(tables: Tables, gain: Floats, load: Floats, activity: Floats) -> Floats:
    """(changes,) gain with the loss for spilling; -inf where a row would break."""
    rows = tables.rows
    total = activity + load
    soft = ~rows.hard
    keeps = np.all((total <= rows.limit) | soft, axis=1)
    if soft.any():
        loss = rows.loss[soft]
        before = loss @ np.maximum(activity - rows.limit, 0.0)[soft]
        gain = gain - np.maximum(total - rows.limit, 0.0)[:, soft] @ loss + before
    return np.where(keeps, gain, -np.inf)
