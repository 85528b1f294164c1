"""Splits tables into parts that have nothing to do with each other.

Guarantees
----------
* No row and no tie joins offers of two parts; all offers that no row is about are one part, solved in one stroke.
"""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from optimization.lagrangian.grid import Indices
from optimization.lagrangian.tables import Tables


def parts_of(tables: Tables) -> list[Tables]:
    """The parts; first that of all offers no row is about, if there are any."""
    offer_label, row_label = _labels(tables)
    if not len(row_label) or (offer_label == offer_label[0]).all():
        return [tables]
    with_rows = np.isin(offer_label, row_label)
    label = np.where(with_rows, offer_label, -1)
    order = np.argsort(label, kind="stable")
    starts = np.flatnonzero(np.diff(label[order], prepend=-2))
    found = []
    for offers in np.split(order, starts[1:]):
        rows = np.flatnonzero(row_label == label[offers[0]])
        found.append(tables.only(offers, tables.rows.limit[rows], rows))
    return found


def _labels(tables: Tables) -> tuple[Indices, Indices]:
    """(offers,) and (rows,) the part each is in."""
    offers, rows = len(tables.names), len(tables.rows.limit)
    uses = tuple((abs(table)).tocoo() for table in (tables.rows.units, tables.rows.taken, tables.rows.change))
    circle = tables.circles.ties()
    child = np.flatnonzero(tables.trees.parent >= 0)
    one = np.concatenate([*(use.coords[1] for use in uses), child, circle[0]])
    other = np.concatenate([*(use.coords[0] + offers for use in uses), tables.trees.parent[child], circle[1]])
    graph = coo_array((np.ones(len(one)), (one, other)), (offers + rows, offers + rows))
    label = connected_components(graph, directed=False)[1].astype(np.intp)
    return label[:offers], label[offers:]
