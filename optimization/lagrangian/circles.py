"""Groups of offers whose ties are no tree: their joint choices are enumerated.

Guarantees
----------
* Every joint choice that keeps the ties is there, and no other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from optimization.enumeration import feasible_rows
from optimization.lagrangian.grid import Indices
from optimization.steps import Floats, Mask
from pricing.problem import Problem
from pricing.rules import MaxSpread, Order, SamePrice, offers_of

MOST_CHOICES = 20_000
"""Joint choices of one group beyond which the relaxation is not for this problem."""


Choices = np.ndarray[tuple[int, int], np.dtype[np.intp]]


@dataclass(frozen=True, eq=False)
class Circles:
    """Joint choices of all groups, one after another.

    Attributes
    ----------
    members : offers that are in a group
    group : (groups,) where each group's choices begin
    choice : (choices,) where each choice's entries begin
    offer, step : (entries,) which offer takes which step
    """

    members: Indices
    group: Indices
    choice: Indices
    offer: Indices
    step: Indices

    def apart(self, values: Floats) -> Floats:
        """The values without those of the groups' offers, which are 0."""
        if not len(self.members):
            return values
        alone = values.copy()
        alone[:, self.members] = 0.0
        return alone

    def choose(self, values: Floats, steps: Indices) -> float:
        """Set the groups' offers to their best joint choices, and return the sum of these choices' values."""
        if not len(self.members):
            return 0.0
        worth = self._worth(values)
        ends = [*self.group[1:], len(worth)]
        best = [start + int(worth[start:end].argmax()) for start, end in zip(self.group, ends, strict=True)]
        for choice in best:
            entries = slice(self.choice[choice], [*self.choice, len(self.offer)][choice + 1])
            steps[self.offer[entries]] = self.step[entries]
        return float(worth[best].sum())

    def marginals(self, values: Floats, found: Floats) -> Floats:
        """The values of `found`, with those of the groups' offers put in."""
        if len(self.members):
            found[:, self.members] = -np.inf
            sizes = np.diff([*self.choice, len(self.offer)])
            np.maximum.at(found, (self.step, self.offer), np.repeat(self._worth(values), sizes))
        return found

    def each(self) -> Iterator[tuple[Indices, Choices]]:
        """Each group's offers and, (choices, offers), its joint choices."""
        starts = np.array([*self.choice, len(self.offer)])
        for first, end in pairwise([*self.group, len(self.choice)]):
            steps = self.step[starts[first] : starts[end]].reshape(end - first, -1)
            yield self.offer[starts[first] : starts[first + 1]], steps

    def ties(self) -> tuple[Indices, Indices]:
        """Pairs of offers, one following the other among a group's members, that join all of each group."""
        first = self.choice[self.group]
        sizes = np.diff([*self.choice, len(self.offer)])[self.group]
        spans = [self.offer[at : at + size] for at, size in zip(first, sizes, strict=True)]
        none = np.empty(0, dtype=np.intp)
        return np.concatenate([none, *(span[:-1] for span in spans)]), np.concatenate([none, *(s[1:] for s in spans)])

    def only(self, offers: Indices, count: int) -> "Circles":
        """The groups of these offers, of which there were `count`; each group is among them or is not."""
        place = np.full(count, -1)
        place[offers] = np.arange(len(offers))
        sizes = np.diff([*self.choice, len(self.offer)])
        kept = place[self.offer] >= 0
        stays = kept[self.choice] if len(self.choice) else np.empty(0, dtype=np.bool_)
        members = place[self.members]
        group = (np.cumsum(stays) - stays)[self.group[stays[self.group]]] if len(self.group) else self.group
        entries = sizes[stays]
        return Circles(
            members[members >= 0], group, np.cumsum(entries) - entries, place[self.offer[kept]], self.step[kept]
        )

    def _worth(self, values: Floats) -> Floats:
        """(choices,) sum of the values of each joint choice."""
        return np.add.reduceat(values[self.step, self.offer], self.choice)


def enumerate_circles(
    problem: Problem, groups: list[Indices], names: tuple[str, ...], masks: dict[str, Mask]
) -> Circles:
    """The joint choices of groups of columns; a group that has none is left out.

    Parameters
    ----------
    names : id of each column
    masks : id of each member of a group -> (steps,) steps that may be taken
    """
    by_id = {offer.id: offer for offer in problem.offers}
    ties = [rule for rule in problem.rules if isinstance(rule, Order | SamePrice | MaxSpread)]
    members, sizes, choices, offers, steps = [], [], [], [], []
    for group in groups:
        inside = [by_id[names[i]] for i in group]
        about = tuple(rule for rule in ties if {*offers_of(rule)} <= {offer.id for offer in inside})
        alone = replace(problem, offers=tuple(inside), resources=(), rules=about)
        if len(rows := feasible_rows(alone, [masks[offer.id] for offer in inside])):
            members.append(group)
            sizes.append(np.full(len(rows), len(group)))
            choices.append(len(rows))
            offers.append(np.tile(group, len(rows)))
            steps.append(rows.ravel())
    if not members:
        return Circles(*(np.empty(0, dtype=np.intp) for _ in range(5)))
    entries = np.concatenate(sizes)
    return Circles(
        np.concatenate(members),
        np.cumsum([0, *choices[:-1]]),
        np.cumsum(entries) - entries,
        np.concatenate(offers),
        np.concatenate(steps),
    )


def too_many(groups: list[Indices], may: Mask) -> bool:
    """Whether some group has too many joint choices, given the (steps, offers) that may be taken."""
    return any(np.prod(may[:, group].sum(axis=0).astype(np.float64)) > MOST_CHOICES for group in groups)
