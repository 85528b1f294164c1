"""Offers tied to each other in pairs, as trees: the best steps of all at once by dynamic programming.

Guarantees
----------
* `best` is exact: no steps that keep every tie have a larger sum (Bellman 1957; max-sum on a tree).
* `marginals` are exact: the best sum with one offer held at one step.

A tie (an order, one price for both, a limit on the spread) leaves, for every step of one offer, an interval of steps
of the other, because ladders rise. Arrays are (steps, offers), offers sorted by their depth in the tree, so that all
offers of one depth are handled in one stroke. A step that may not be taken has the value -inf.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from optimization.lagrangian.grid import Indices
from optimization.steps import Floats


@dataclass(frozen=True, eq=False)
class Trees:
    """A forest over the offers.

    Attributes
    ----------
    depth : (offers,) distance from the root, not falling
    parent : (offers,) the offer nearer the root; -1 for a root
    low, high : (steps, offers) for each step of the parent, the first and last step left to the offer
    up_low, up_high : (steps, offers) for each step of the offer, the first and last step left to the parent
    """

    depth: Indices
    parent: Indices
    low: Indices
    high: Indices
    up_low: Indices
    up_high: Indices

    @cached_property
    def levels(self) -> list[slice]:
        """The offers of each depth from 1 on."""
        edges = np.searchsorted(self.depth, np.arange(1, int(self.depth.max(initial=0)) + 2))
        return [slice(int(start), int(end)) for start, end in pairwise(edges)]

    @cached_property
    def roots(self) -> slice:
        """The offers without a parent."""
        return slice(0, int(np.searchsorted(self.depth, 1)))

    @cached_property
    def root(self) -> Indices:
        """(offers,) the root of each offer's tree."""
        found = np.arange(len(self.parent))
        for level in self.levels:
            found[level] = found[self.parent[level]]
        return found

    @cached_property
    def _kinds(self) -> list[tuple[slice, bool, bool]]:
        """The levels; whether all intervals begin at the first step, and whether no two offers share a parent."""
        return [
            (level, not self.low[:, level].any(), len(np.unique(self.parent[level])) == level.stop - level.start)
            for level in self.levels
        ]

    def best(self, values: Floats) -> tuple[Indices, float]:
        """(offers,) the steps with the largest sum of values that keep every tie, the lower of equals; and the sum."""
        total, _ = self._gathered(values)
        steps = np.empty(values.shape[1], dtype=np.intp)
        steps[self.roots] = total[:, self.roots].argmax(axis=0)
        for level in self.levels:
            at = steps[self.parent[level]]
            offers = np.arange(level.start, level.stop)
            steps[level] = _argmax(total[:, level], self.low[at, offers], self.high[at, offers])
        return steps, float(total[:, self.roots].max(axis=0).sum())

    def marginals(self, values: Floats) -> Floats:
        """(steps, offers) the largest sum of the offer's tree with the offer at that step."""
        total, messages = self._gathered(values)
        for level in self.levels:
            with np.errstate(invalid="ignore"):
                rest = total[:, self.parent[level]] - messages[:, level]
            rest[np.isnan(rest)] = -np.inf
            total[:, level] += _largest(rest, self.up_low[:, level], self.up_high[:, level])
        return total

    def losses(self, values: Floats) -> list[Floats]:
        """Per offer, what the sum falls behind its largest by the offer's step, all below it then taking their best.

        Roots have (steps,); others (steps of the parent, steps): infinite where the tie forbids it.
        """
        total, _ = self._gathered(values)
        step, found = np.arange(len(values)), []
        for offer, parent in enumerate(self.parent):
            own = total[:, offer]
            if parent < 0:
                found.append(own.max() - own)
                continue
            inside = (step >= self.low[:, [offer]]) & (step <= self.high[:, [offer]]) & np.isfinite(own)
            top = np.where(inside, own, -np.inf).max(axis=1, keepdims=True)
            found.append(np.where(inside, top - np.where(inside, own, 0.0), np.inf))
        return found

    def window(self, steps: Indices) -> tuple[Indices, Indices]:
        """(offers,) first and last step each offer may move to while all others stay."""
        lowest, highest = np.zeros(len(steps), dtype=np.intp), np.full(len(steps), len(self.low) - 1)
        child = np.arange(self.roots.stop, len(steps))
        parent, own = self.parent[child], steps[child]
        lowest[child], highest[child] = self.low[steps[parent], child], self.high[steps[parent], child]
        np.maximum.at(lowest, parent, self.up_low[own, child])
        np.minimum.at(highest, parent, self.up_high[own, child])
        return lowest, highest

    def only(self, offers: Indices) -> "Trees":
        """The trees of these offers, which are whole trees, in rising order."""
        place = np.full(len(self.parent) + 1, -1)
        place[offers] = np.arange(len(offers))
        tables = (table[:, offers] for table in (self.low, self.high, self.up_low, self.up_high))
        return Trees(self.depth[offers], place[self.parent[offers]], *tables)

    def _gathered(self, values: Floats) -> tuple[Floats, Floats]:
        """(steps, offers) best sum of the offer and all below it; what it adds to each step of its parent."""
        total, messages = values.copy(), np.zeros_like(values)
        for level, from_first, alone in reversed(self._kinds):
            largest = _prefix if from_first else _largest
            messages[:, level] = largest(total[:, level], self.low[:, level], self.high[:, level])
            if alone:
                total[:, self.parent[level]] += messages[:, level]
            else:
                np.add.at(total.T, self.parent[level], messages[:, level].T)
        return total, messages


def _prefix(values: Floats, _low: Indices, high: Indices) -> Floats:
    """(steps, offers) largest value of the steps 0 to high."""
    padded = np.full((len(values) + 1, values.shape[1]), -np.inf)
    np.maximum.accumulate(values, axis=0, out=padded[1:])
    return np.take_along_axis(padded, high + 1, axis=0)


def _largest(values: Floats, low: Indices, high: Indices) -> Floats:
    """(steps, offers) largest value of the steps low to high; -inf for none (sparse table, Bender 2000)."""
    spans = [values]
    while (half := 1 << (len(spans) - 1)) < len(values):
        wider = spans[-1].copy()
        np.maximum(wider[:-half], spans[-1][half:], out=wider[:-half])
        spans.append(wider)
    length = np.maximum(high - low + 1, 1)
    power = np.frexp(length)[1].astype(np.intp) - 1
    table, offers = np.stack(spans), np.arange(values.shape[1])
    last = np.maximum(high - (1 << power) + 1, 0)
    found = np.maximum(table[power, np.minimum(low, len(values) - 1), offers], table[power, last, offers])
    found[low > high] = -np.inf
    return found


def _argmax(values: Floats, low: Indices, high: Indices) -> Indices:
    """(offers,) the first of the largest values of the steps low to high."""
    step = np.arange(len(values))[:, None]
    return np.where((step >= low) & (step <= high), values, -np.inf).argmax(axis=0)
