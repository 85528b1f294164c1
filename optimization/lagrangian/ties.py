"""Finds out which offers a problem's rules tie to each other, and whether the ties are trees.

Guarantees
----------
* A tie means exactly what the rule says of the prices paid: their floats decide as decimals of up to 14 digits would.
* Offers tied in a circle, or in a chain deeper than `DEEPEST`, are named and left to other methods.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from optimization.lagrangian.grid import EXACT, Indices
from optimization.lagrangian.trees import Trees
from optimization.steps import Floats, Mask
from pricing.rules import MaxSpread, Order, Rule, SamePrice

DEEPEST = 200
"""Longest chain of offers; each link costs a round of array operations."""

Half = tuple[int, int, float, float]
"""(x, y, factor, gap): the price of offer x, plus gap, is at most factor times that of y."""


@dataclass(frozen=True, eq=False)
class Ties:
    """What each pair of tied offers leaves the other.

    Attributes
    ----------
    first, second : (pairs,) the offers
    low, high : (steps, pairs) for each step of the second, the first and last step of the first
    up_low, up_high : (steps, pairs) for each step of the first, the first and last step of the second
    top : (offers,) whether the offer is never the cheaper one of an order, which makes it a good root
    """

    first: Indices
    second: Indices
    low: Indices
    high: Indices
    up_low: Indices
    up_high: Indices
    top: Mask


def halves(rule: SamePrice | MaxSpread, place: Mapping[str, int]) -> Iterator[Half]:
    """A rule as comparisons of two prices; an order is one by itself."""
    match rule:
        case SamePrice(names):
            for name in names[1:]:
                yield place[names[0]], place[name], 1.0, 0.0
                yield place[name], place[names[0]], 1.0, 0.0
        case MaxSpread(names):
            for dear, cheap in permutations(names, 2):
                yield place[dear], place[cheap], 1 + float(rule.fraction or 0), -float(rule.amount or 0)


def find_ties(rules: tuple[Rule, ...], place: Mapping[str, int], paid: Floats) -> Ties:
    """Every tied pair once, with all that the rules say about it.

    Parameters
    ----------
    place : offer id -> column
    paid : (steps, offers) what a buyer pays, infinite beyond an offer's last step [currency]
    """
    orders = [rule for rule in rules if isinstance(rule, Order)]
    found = [half for rule in rules if isinstance(rule, SamePrice | MaxSpread) for half in halves(rule, place)]
    low = np.array([*(place[rule.lower] for rule in orders), *(half[0] for half in found)], dtype=np.intp)
    high = np.array([*(place[rule.upper] for rule in orders), *(half[1] for half in found)], dtype=np.intp)
    factor = np.concatenate([np.ones(len(orders)), [half[2] for half in found]])
    gap = np.array([*(float(rule.min_gap) for rule in orders), *(half[3] for half in found)], dtype=np.float64)
    last, first = _intervals(paid[:, low] + gap, paid[:, high] * factor)
    key = np.minimum(low, high) * paid.shape[1] + np.maximum(low, high)
    unique, pair = np.unique(key, return_inverse=True)
    shape = (len(paid), len(unique))
    lows, up_lows = np.zeros(shape, dtype=np.intp), np.zeros(shape, dtype=np.intp)
    highs, up_highs = np.full(shape, len(paid) - 1), np.full(shape, len(paid) - 1)
    here, there = low < high, low > high
    alone = len(unique) == len(pair)
    for ends, narrower, at, found_ends in (
        (highs, np.minimum, here, last),
        (up_lows, np.maximum, here, first),
        (up_highs, np.minimum, there, last),
        (lows, np.maximum, there, first),
    ):
        if alone:
            ends[:, pair[at]] = found_ends[:, at]
        else:
            narrower.at(ends.T, pair[at], found_ends.T[at])
    top = np.ones(paid.shape[1], dtype=np.bool_)
    top[low] = False
    return Ties(unique // paid.shape[1], unique % paid.shape[1], lows, highs, up_lows, up_highs, top)


@dataclass(frozen=True, eq=False)
class Planted:
    """The ties as trees.

    Attributes
    ----------
    order : (offers,) the column of each offer of the trees
    trees : over the offers in that order
    circles : lists of columns tied in a way that is not a tree, or too deep a one; each is a root in the trees
    """

    order: Indices
    trees: Trees
    circles: list[Indices]


def plant(ties: Ties) -> Planted:
    """Make trees of the ties, each from its first offer that is never the cheaper one."""
    offers = len(ties.top)
    graph = coo_array((np.ones(len(ties.first)), (ties.first, ties.second)), (offers, offers))
    count, label = connected_components(graph, directed=False)
    links = np.bincount(label[ties.first], minlength=count)
    circular = links >= np.bincount(label, minlength=count)
    depth, parent, pair = _climb(ties, label, ~circular[label])
    circular[label[depth < 0]] = True
    circles = [np.flatnonzero(label == found) for found in np.flatnonzero(circular)]
    loose = circular[label]
    depth[loose], parent[loose] = 0, -1
    order = np.argsort(depth, kind="stable")
    place = np.empty(offers + 1, dtype=np.intp)
    place[order], place[-1] = np.arange(offers), -1
    return Planted(order, _trees(ties, order, depth[order], place[parent[order]], pair[order]), circles)


def _climb(ties: Ties, label: Indices, tree: Mask) -> tuple[Indices, Indices, Indices]:
    """(offers,) depth, parent and the pair that ties them; depth -1 for what is not reached."""
    offers = len(label)
    candidates = np.lexsort((np.arange(offers), ~ties.top, label))
    roots = candidates[np.unique(label[candidates], return_index=True)[1]]
    depth, parent, pair = (np.full(offers, -1) for _ in range(3))
    depth[roots] = 0
    left = np.flatnonzero(tree[ties.first])
    for level in range(1, DEEPEST + 1):
        if not len(left):
            break
        ends = np.stack([ties.first[left], ties.second[left]])
        reached = depth[ends] == level - 1
        use = reached.any(axis=0)
        near = np.where(reached[0], ends[0], ends[1])[use]
        far = np.where(reached[0], ends[1], ends[0])[use]
        depth[far], parent[far], pair[far] = level, near, left[use]
        left = left[~use]
    return depth, parent, pair


def _trees(ties: Ties, order: Indices, depth: Indices, parent: Indices, pair: Indices) -> Trees:
    """The intervals of every offer that has a parent, seen from it."""
    steps = len(ties.low)
    child = np.flatnonzero(depth > 0)
    used, first = pair[child], ties.first[pair[child]] == order[child]
    tables = []
    for mine, other, fill in (
        (ties.low, ties.up_low, 0),
        (ties.high, ties.up_high, steps - 1),
        (ties.up_low, ties.low, 0),
        (ties.up_high, ties.high, steps - 1),
    ):
        table = np.full((steps, len(order)), fill)
        table[:, child] = np.where(first, mine[:, used], other[:, used])
        tables.append(table)
    return Trees(depth, parent, *tables)


def _intervals(below: Floats, above: Floats) -> tuple[Indices, Indices]:
    """For each step of the offer above, the last step of the one below; for each of that, the first of the one above.

    Of `below <= above`, both (steps, halves) and rising.
    """
    last, first = np.full(below.shape, -1, dtype=np.intp), np.zeros(below.shape, dtype=np.intp)
    reach = above * (1 + EXACT)
    for row in below:
        last += row <= reach
    for row in reach:
        first += row < below
    return last, first
