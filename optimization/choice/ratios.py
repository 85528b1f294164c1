r"""What each step is worth to buyers who choose: one ratio per draw and segment, ready to be maximised.

Guarantees
----------
* Whatever the utilities, numbers stay within float64: each ratio is divided through by its largest attraction.
* Only steps that the rules about a single offer and within a nest leave are options.

Offers of a nest with :math:`\gamma < 1` form a group, whose joint choices of steps are its options o; every other
offer is a group of its own, whose options are its steps. With option o a group attracts with
:math:`V_{tgo} = A^\gamma`, and a buyer it attracts earns :math:`r_{tgo} = \sum_i q_i (p_i - c_i)`. For draw and
segment t with weight :math:`w_t` (buyers over number of draws), chosen options earn

.. math:: \sum_t w_t \frac{\sum_g r_{tgo_g} V_{tgo_g}}{v_t + \sum_g V_{tgo_g}},

which for one segment of a multinomial logit is the fractional program of Davis, Gallego and Topaloglu (2013).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from optimization.enumeration import feasible_rows
from optimization.steps import Floats, Mask, Steps, permitted
from pricing.choice_problem import ChoiceProblem
from pricing.errors import InputError
from pricing.money import as_floats
from pricing.problem import Objective, Problem
from pricing.rules import AverageMargin, MinUnits, SellThrough, offers_of

Picks = NDArray[np.intp]

MOST_OPTIONS = 20_000
"""Joint choices of one nest beyond which it is refused: nothing here would prove its prices in time."""

TINY = 1e-100
"""Attraction, as a share of the largest, that all choices together must have at any prices."""

UNIT_RULES = AverageMargin | MinUnits | SellThrough
"""Rules about what is sold, which here depends on all prices; the others are about prices alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Offers that are chosen for together, and their options.

    Attributes
    ----------
    offers : (m,) where they stand among the problem's offers
    rows : (options, m) step of each offer
    value : (t, options) V
    units : (t, options, m) units of each offer per buyer whom the group attracts
    """

    offers: tuple[int, ...]
    rows: Picks
    value: Floats = field(repr=False)
    units: Floats = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Ratios:
    """A choice problem's groups; `weight` (t,) buyers [units], `outside` (t,) the attraction v of buying nothing."""

    groups: tuple[Group, ...]
    weight: Floats
    outside: Floats

    @property
    def cells(self) -> int:
        """Options times ratios."""
        return len(self.weight) * sum(len(group.rows) for group in self.groups)

    def gain(self, group: Group, per_unit: Sequence[Floats]) -> Floats:
        """(t, options) sum over the group's offers of units times `per_unit` [offer][step], per buyer attracted."""
        each = np.stack([per_unit[i][group.rows[:, m]] for m, i in enumerate(group.offers)], axis=1)
        total: Floats = np.einsum("tom,om->to", group.units, each)
        return total


def rules_alone(problem: ChoiceProblem) -> Problem:
    """The problem's offers with its rules about prices, and nothing about units."""
    kept = tuple(rule for rule in problem.base.rules if not isinstance(rule, UNIT_RULES))
    return replace(problem.base, rules=kept, resources=())


def per_unit(base: Problem) -> list[Floats]:
    """Offer by offer, (steps,) what a unit earns [currency]."""
    margin = base.objective is Objective.MARGIN
    return [as_floats(price - (offer.unit_cost if margin else 0) for price in offer.ladder) for offer in base.offers]


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """What expected units, each times `per_unit` [offer][step], may add up to.

    Attributes
    ----------
    spill : loss per unit beyond `most`; None forbids going beyond [currency]
    resource : where the resource stands among the problem's, if it is one's capacity
    """

    per_unit: list[Floats] = field(repr=False)
    least: float = -np.inf
    most: float = np.inf
    spill: float | None = None
    resource: int | None = None


def limits(base: Problem) -> list[Limit]:
    """Every resource and rule about units that can bind."""
    shared = {resource.id: resource for resource in base.resources}
    found = [
        Limit(_each(base, r.uses), most=r.capacity, spill=None if r.spill is None else float(r.spill), resource=n)
        for n, r in enumerate(base.resources)
    ]
    for rule in base.rules:
        match rule:
            case MinUnits(names, units):
                found.append(Limit(_each(base, dict.fromkeys(names, 1.0)), least=units))
            case SellThrough(name, share):
                found.append(Limit(_each(base, shared[name].uses), least=share * shared[name].capacity))
            case AverageMargin():
                found.append(Limit(_left(base, rule), least=0.0))
    return [limit for limit in found if any(row.any() for row in limit.per_unit) or limit.least > 0]


def ratios(problem: ChoiceProblem) -> Ratios:
    """Options, attractions and weights of a problem.

    Raises
    ------
    InputError
        if a nest has more than `MOST_OPTIONS` joint choices, or utilities lie too far apart for numbers to hold.
    """
    demand, alone = problem.demand, rules_alone(problem)
    masks = permitted(alone)
    groups = [(members, _rows(alone, members, masks)) for members in _groups(demand.nest_of, demand.gamma)]
    worth = [_attraction(problem, members, rows) for members, rows in groups]
    outside = demand.outside.reshape(-1)
    top = np.max([outside, *(log.max(axis=1, initial=-np.inf) for log, _ in worth)], axis=0)
    made = tuple(
        Group(members, rows, np.exp(log - top[:, None]), units)
        for (members, rows), (log, units) in zip(groups, worth, strict=True)
    )
    least = np.exp(outside - top) + sum(group.value.min(axis=1, initial=np.inf) for group in made)
    if not np.all(least >= TINY):
        raise InputError("utilities lie so far apart that some prices would attract nobody, not even to buy nothing")
    return Ratios(made, demand.buyers.reshape(-1) / demand.draws, np.exp(outside - top))


def steps_of(problem: ChoiceProblem, found: Ratios, options: Sequence[int]) -> dict[str, int]:
    """Offer id -> step, for one option per group."""
    names = problem.demand.offers
    chosen = {
        i: int(k)
        for group, o in zip(found.groups, options, strict=True)
        for i, k in zip(group.offers, group.rows[o], strict=True)
    }
    return {name: chosen[i] for i, name in enumerate(names)}


def options_of(problem: ChoiceProblem, found: Ratios, steps: Steps) -> list[int]:
    """Option per group, for a step per offer; the reverse of `steps_of`."""
    at = [steps[name] for name in problem.demand.offers]
    return [int(np.flatnonzero((g.rows == [at[i] for i in g.offers]).all(axis=1))[0]) for g in found.groups]


def _groups(nest_of: NDArray[np.int64], gamma: Floats) -> list[tuple[int, ...]]:
    """Offers of one nest whose gamma differs from 1 in some draw together, the others alone."""
    several = np.bincount(nest_of) > 1
    nested = np.asarray(np.any(gamma < 1, axis=0) & several)[nest_of]
    whole = {int(g): tuple(np.flatnonzero(nest_of == g).tolist()) for g in nest_of[nested]}
    return [(i,) for i in np.flatnonzero(~nested).tolist()] + [*whole.values()]


def _rows(alone: Problem, members: tuple[int, ...], masks: dict[str, Mask]) -> Picks:
    offers = tuple(alone.offers[i] for i in members)
    names = {offer.id for offer in offers}
    if prod(int(masks[name].sum()) for name in names) > MOST_OPTIONS:
        raise InputError(f"{', '.join(sorted(names))}: a nest of this many joint prices cannot be priced; split it")
    inside = tuple(rule for rule in alone.rules if offers_of(rule) and names.issuperset(offers_of(rule)))
    return feasible_rows(replace(alone, offers=offers, rules=inside), [masks[offer.id] for offer in offers])


def _attraction(problem: ChoiceProblem, members: tuple[int, ...], rows: Picks) -> tuple[Floats, Floats]:
    """(t, options) log V and (t, options, m) shares within the group."""
    demand, at = problem.demand, list(members)
    prices = np.stack([as_floats(problem.base.offers[i].ladder)[rows[:, m]] for m, i in enumerate(members)], axis=1)
    worth = demand.utility[:, :, None, at] - demand.sensitivity[:, :, None, at] * prices
    total = logsumexp(worth, axis=-1)
    gamma = demand.gamma[:, demand.nest_of[at[0]], None, None]
    shape = (demand.draws * len(demand.segments), len(rows))
    return (gamma * total).reshape(shape), np.exp(worth - total[..., None]).reshape(*shape, len(at))


def _each(base: Problem, uses: Mapping[str, float]) -> list[Floats]:
    """Offer by offer, (steps,) the same amount per unit at each step."""
    return [np.full(len(offer.ladder), uses.get(offer.id, 0.0)) for offer in base.offers]


def _left(base: Problem, rule: AverageMargin) -> list[Floats]:
    """Offer by offer, (steps,) what a unit leaves beyond the margin asked for [currency]."""
    keeps, named = 1 - rule.fraction, set(rule.offers)
    return [
        as_floats((price * keeps - offer.unit_cost) * (offer.id in named) for price in offer.ladder)
        for offer in base.offers
    ]
