"""Changes of one offer's step, and which of them are worth looking at.

Guarantees
----------
* A move keeps every tie while all other offers stay.
"""

from dataclasses import dataclass

import numpy as np

from optimization.lagrangian.grid import Indices
from optimization.lagrangian.tables import Tables
from optimization.steps import Floats, Mask


@dataclass(frozen=True, eq=False)
class Moves:
    """Changes of one offer each.

    Attributes
    ----------
    offer, step : (moves,) which offer takes which step
    tree : (moves,) root of the offer's tree; moves of two trees never get in each other's way
    gain : (moves,) change of what is earned, without the loss for spilling [currency]
    load : (moves, rows) change of the rows
    """

    offer: Indices
    step: Indices
    tree: Indices
    gain: Floats
    load: Floats


def movable(tables: Tables, steps: Indices) -> Mask:
    """(steps, offers) where each offer may go while all others stay; not where it is."""
    lowest, highest = tables.trees.window(steps)
    step = np.arange(len(tables.worth))[:, None]
    found = (step >= lowest) & (step <= highest) & (step != steps) & tables.open
    found[:, tables.circles.members] = False
    return found


def likely(tables: Tables, steps: Indices, net: Floats, count: int) -> Moves:
    """The moves by which the relaxation loses least, as a share of what they move.

    Parameters
    ----------
    net : (steps, offers) worth once the rows are paid for
    """
    offers = np.arange(len(steps))
    loss, size = net[steps, offers] - net, np.abs(tables.worth - tables.worth[steps, offers])
    rate = np.full(net.shape, np.inf)
    np.divide(loss, size, out=rate, where=movable(tables, steps) & (size > 0))
    flat = rate.ravel()
    few = np.argpartition(flat, count)[:count] if len(flat) > count else np.arange(len(flat))
    step, offer = np.unravel_index(np.sort(few[np.isfinite(flat[few])]), rate.shape)
    now, rows = steps[offer], tables.rows
    load = rows.units[:, offer].toarray() * (tables.units[step, offer] - tables.units[now, offer])
    load += rows.taken[:, offer].toarray() * (tables.taken[step, offer] - tables.taken[now, offer])
    if rows.change.nnz:
        load += rows.change[:, offer].toarray() * (tables.changed[step, offer] - tables.changed[now, offer])
    gain = tables.worth[step, offer] - tables.worth[now, offer]
    return Moves(offer, step, tables.trees.root[offer], gain, load.T)
