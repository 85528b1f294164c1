"""Trying every combination, a bound that needs no solver, and a search by single changes.

Guarantees
----------
* `try_all` leaves no combination out: what it returns is best, and "infeasible" is proven.
* `bound_apart` is above every list of prices: it lets each draw and segment have prices of its own.
* `promising` leaves out no option of any choice that is worth more than the value it is given.
* `climb` returns prices that keep every rule and capacity, or nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from math import prod

import numpy as np

from optimization.choice.ratios import Group, Limit, Picks, Ratios, limits, per_unit, rules_alone
from optimization.enumeration import feasible
from optimization.steps import Floats, Mask
from pricing.choice_problem import ChoiceProblem
from pricing.problem import TOLERANCE

MOST_TRIED = 5_000_000
"""Choices times ratios up to which all are tried."""

MOST_WEIGHED = 50_000_000
"""Options squared times ratios up to which options are held against each other."""

CHUNK = 4_096
TIE = 1e-9
ROUNDING = 1e-12
ROUNDS = 1_000


@dataclass(frozen=True, eq=False)
class Judge:
    """Values and checks options of a problem's groups, many choices at a time; a choice is one option per group.

    Attributes
    ----------
    found : the ratios over which is averaged, all of the problem's or some
    """

    problem: ChoiceProblem = field(repr=False)
    found: Ratios = field(repr=False)

    @cached_property
    def limits(self) -> list[Limit]:
        """The problem's limits on units."""
        return limits(self.problem.base)

    @cached_property
    def amounts(self) -> list[Floats]:
        """Per group (1 + limits, t, options): what an option adds to the numerators of the profit and of each limit."""
        sums = [per_unit(self.problem.base), *(limit.per_unit for limit in self.limits)]
        return [
            np.stack([self.found.weight[:, None] * g.value * self.found.gain(g, each) for each in sums])
            for g in self.found.groups
        ]

    def totals(self, choices: Picks) -> Floats:
        """(1 + limits, rows) expected profit before losses for spilling, and what is held against each limit."""
        worth = sum(g.value[:, choices[:, n]] for n, g in enumerate(self.found.groups))
        amount = sum(table[:, :, choices[:, n]] for n, table in enumerate(self.amounts))
        total: Floats = (amount / (worth + self.found.outside[:, None])).sum(axis=1)
        return total

    def value(self, totals: Floats) -> Floats:
        """(rows,) expected profit less losses for spilling [currency]."""
        value = totals[0].copy()
        for limit, used in zip(self.limits, totals[1:], strict=True):
            if limit.spill is not None:
                value -= limit.spill * np.maximum(used - limit.most, 0.0)
        return value

    def excess(self, totals: Floats) -> Floats:
        """(rows,) how far the limits are missed, as shares of them; 0 where all hold but for rounding."""
        missed = np.zeros(totals.shape[1])
        for limit, used in zip(self.limits, totals[1:], strict=True):
            over = used - limit.most if limit.spill is None else np.full_like(used, -np.inf)
            far = np.maximum(over, limit.least - used)
            size = max(abs(limit.most if limit.most < np.inf else limit.least), 1e-9)
            missed += np.where(far <= TOLERANCE * size, 0.0, far / size)
        return missed

    def keeps(self, choices: Picks) -> Mask:
        """(rows,) whether the rules about prices hold."""
        steps = np.empty((len(choices), len(self.problem.base.offers)), dtype=np.intp)
        for n, group in enumerate(self.found.groups):
            steps[:, list(group.offers)] = group.rows[choices[:, n]]
        return feasible(rules_alone(self.problem), steps)

    def distance(self, choices: Picks) -> Floats:
        """(rows,) moves from the current prices, as shares of them, added up; 0 for an offer that has none."""
        far = np.zeros(len(choices))
        for n, group in enumerate(self.found.groups):
            for m, i in enumerate(group.offers):
                offer = self.problem.base.offers[i]
                if (now := offer.current_price) is not None:
                    moves = np.array([float(abs(price - now) / now) for price in offer.ladder])
                    far += moves[group.rows[choices[:, n], m]]
        return far


def is_small(found: Ratios, most: float | None = None) -> bool:
    """Whether trying every choice takes no more than a second or two, or `most` choices times ratios."""
    return prod(len(group.rows) for group in found.groups) * len(found.weight) <= (most or MOST_TRIED)


def try_all(judge: Judge) -> list[int] | None:
    """The best choice, among equally good ones nearest to the current prices; None if none keeps every rule."""
    best, lead = None, (-np.inf, np.inf)
    for chunk in _chunks([len(group.rows) for group in judge.found.groups]):
        kept = chunk[judge.keeps(chunk)]
        totals = judge.totals(kept)
        inside = judge.excess(totals) <= 0
        kept, value = kept[inside], judge.value(totals)[inside]
        if not len(kept):
            continue
        close = TIE * max(abs(float(value.max())), 1e-9)
        tied = np.flatnonzero(value >= value.max() - close)
        far = np.round(judge.distance(kept[tied]), 9)
        first = tied[int(np.argmin(far))]
        if value[first] > lead[0] + close or (value[first] >= lead[0] - close and far.min() < lead[1]):
            best, lead = kept[first].tolist(), (float(value[first]), float(far.min()))
    return best


def bound_apart(found: Ratios, earns: Sequence[Floats]) -> float:
    """Sum of every ratio's own greatest value: above the value of any one list of prices [currency]."""
    return float(found.weight @ _greatest(found, earns, None)[:, 0])


def promising(found: Ratios, earns: Sequence[Floats], value: float) -> Ratios:
    """The ratios without the options that are in no choice worth `value` or more.

    An option is left out where, once it is taken, even ratios that each have prices of their own stay below `value`;
    with fewer options left the bounds get lower, until none falls any more (fixing of variables by bounds).
    """
    while True:
        if found.cells * sum(len(group.rows) for group in found.groups) > MOST_WEIGHED:
            return found
        keeps = [
            found.weight @ _greatest(found, earns, g) >= value - TIE * abs(value) for g in range(len(found.groups))
        ]
        if all(keep.all() for keep in keeps):
            return found
        groups = tuple(
            Group(g.offers, g.rows[keep], g.value[:, keep], g.units[:, keep])
            for g, keep in zip(found.groups, keeps, strict=True)
        )
        found = Ratios(groups, found.weight, found.outside)


def _greatest(found: Ratios, earns: Sequence[Floats], fixed: int | None) -> Floats:
    """Each ratio's greatest value, with each option of the group `fixed` if one is given.

    Found by Dinkelbach's steps (1967), which end at it after finitely many, as there are finitely many choices.

    Returns
    -------
    (t, options), a single column if no group is fixed [currency]
    """
    gains = [found.gain(group, earns) for group in found.groups]
    rate, best = np.zeros((len(found.weight), 1 if fixed is None else len(found.groups[fixed].rows))), None
    for _ in range(ROUNDS):
        top, bottom = np.zeros_like(rate), np.repeat(found.outside[:, None], rate.shape[1], axis=1)
        for g, (group, gain) in enumerate(zip(found.groups, gains, strict=True)):
            value, worth = group.value, gain
            if g != fixed:
                net = group.value[:, None, :] * (gain[:, None, :] - rate[:, :, None])
                pick = np.argmax(net, axis=2)
                value, worth = (np.take_along_axis(table, pick, axis=1) for table in (group.value, gain))
            top, bottom = top + value * worth, bottom + value
        rate = top / bottom
        if best is not None and np.all(rate <= best + ROUNDING * np.abs(best)):
            break
        best = rate
    return rate + ROUNDING * np.abs(rate)


def climb(judge: Judge, choice: Sequence[int]) -> list[int] | None:
    """Change one group at a time, then two: first whatever mends the limits most, then whatever earns most."""
    now = np.array(choice)
    for _ in range(ROUNDS):
        better = _step(judge, now, _around(judge.found, now))
        if better is None:
            better = next((b for rows in _pairs(judge.found, now) if (b := _step(judge, now, rows)) is not None), None)
        if better is None:
            break
        now = better
    return [int(o) for o in now] if judge.excess(judge.totals(now[None, :]))[0] <= 0 else None


def _step(judge: Judge, now: Picks, around: Picks) -> Picks | None:
    """The best of these choices, if it is better than the present one: nearer to the limits, or within them earning."""
    rows = np.concatenate([now[None, :], around[judge.keeps(around)]])
    totals = judge.totals(rows)
    excess, value = judge.excess(totals), judge.value(totals)
    if excess[0] > 0:
        move = int(np.argmin(excess))
        return rows[move] if excess[move] < excess[0] else None
    move = int(np.argmax(np.where(excess <= 0, value, -np.inf)))
    return rows[move] if value[move] > value[0] + TIE * abs(value[0]) else None


def _around(found: Ratios, now: Picks) -> Picks:
    """(rows, groups) every choice that differs in one group."""
    rows = []
    for n, group in enumerate(found.groups):
        others = np.tile(now, (len(group.rows), 1))
        others[:, n] = np.arange(len(group.rows))
        rows.append(np.delete(others, now[n], axis=0))
    return np.concatenate(rows)


def _pairs(found: Ratios, now: Picks) -> Iterator[Picks]:
    """(rows, groups) every choice that differs in two groups, pair by pair; nothing where one pair is too many."""
    for a, b in combinations(range(len(found.groups)), 2):
        sizes = len(found.groups[a].rows), len(found.groups[b].rows)
        if prod(sizes) * len(found.weight) <= MOST_TRIED:
            others = np.tile(now, (prod(sizes), 1))
            others[:, a], others[:, b] = (axis.ravel() for axis in np.indices(sizes))
            yield others


def _chunks(sizes: Sequence[int]) -> Iterator[Picks]:
    for start in range(0, prod(sizes), CHUNK):
        picks = np.unravel_index(np.arange(start, min(start + CHUNK, prod(sizes))), tuple(sizes))
        yield np.stack(picks, axis=1)
