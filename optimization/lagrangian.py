"""Lagrangian relaxation with repair: quick, feasible, and with a proven bound.

Guarantees
----------
* The bound is valid whatever the multipliers: relaxing a capacity can only help (Fisher 1981).
* Prices that come out keep every rule and capacity, or none come out.

Offers tied by order or a common price form a group, whose joint choices ("options") are enumerated. Capacities and
least numbers of units are the rows that link groups; each gets a multiplier, the price of a unit of it.
"""

from dataclasses import dataclass, replace
from math import prod
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from optimization.components import split
from optimization.enumeration import feasible_rows, score
from optimization.steps import Answer, Floats, outcomes, permitted
from pricing.problem import TOLERANCE, Measure, MinUnits, Problem
from pricing.rules import DailyChange, Ending, MaxChange, MaxSpread, MinMargin, Order, SamePrice

Picks = NDArray[np.intp]

COVERED = (DailyChange, Ending, MaxChange, MaxSpread, MinMargin, MinUnits, Order, SamePrice)
"""Families of rules the relaxation knows."""

MOST_OPTIONS = 20_000
"""Joint choices of one group beyond which the relaxation is not for this problem."""

ROUNDS = 200
CLOSE = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """Joint choices of all groups, one after another.

    Attributes
    ----------
    start : (groups,) where each group's options begin
    group : (options,) group of each option
    worth : (options,) what it earns [currency]
    load : (options, rows) what it takes of each row, as a share of the row's limit
    limit : (rows,) 1 for a capacity, -1 for a least number of units, 0 for a limit of nothing
    price : (rows,) loss per unit of the scaled row beyond its limit; infinite where that is forbidden [currency]
    steps : per group, its offers and (its options, offers) their steps
    """

    start: Picks
    group: Picks
    worth: Floats
    load: Floats
    limit: Floats
    price: Floats
    steps: list[tuple[tuple[str, ...], Picks]]


def applies(problem: Problem) -> bool:
    """Whether it knows every rule, every group is small enough to enumerate, and the mean is what is maximised."""
    if problem.risk.measure is not Measure.MEAN or not all(isinstance(rule, COVERED) for rule in problem.rules):
        return False
    masks = permitted(problem)
    return all(prod(int(masks[o.id].sum()) for o in group.offers) <= MOST_OPTIONS for group in _groups(problem))


def relax_and_repair(problem: Problem, *, time_limit: float) -> Answer:
    """Minimise the dual bound by cutting planes, and repair the choices it suggests into prices that keep the rules."""
    deadline = perf_counter() + time_limit
    options = _options(problem)
    if options is None:
        return Answer("lagrangian", infeasible=True)
    bound, multipliers = _multipliers(options, deadline)
    best, best_value = None, -np.inf
    for weights in multipliers:
        choice = _repair(options, _best(options, weights)[0], weights, deadline)
        if choice is not None and (value := _value(options, choice)) > best_value:
            best, best_value = choice, value
    if best is None:
        return Answer("lagrangian", bound=bound)
    steps: dict[str, int] = {}
    for (names, rows), first, pick in zip(options.steps, options.start, best, strict=True):
        steps.update(zip(names, (int(k) for k in rows[pick - first]), strict=True))
    return Answer("lagrangian", steps, max(bound, best_value))


def _groups(problem: Problem) -> list[Problem]:
    """Parts left once capacities and least numbers of units are relaxed."""
    rules = tuple(rule for rule in problem.rules if not isinstance(rule, MinUnits))
    return split(replace(problem, resources=(), rules=rules))


def _options(problem: Problem) -> Options | None:
    """Every group's joint choices; None if a group has none."""
    masks, use = permitted(problem), _use(problem)
    worth, load, steps, sizes = [], [], [], []
    for group in _groups(problem):
        rows = feasible_rows(group, [masks[offer.id] for offer in group.offers])
        if not len(rows):
            return None
        worth.append(score(group, [outcomes(group, offer) for offer in group.offers], rows))
        load.append(sum(use[o.id][rows[:, i]] for i, o in enumerate(group.offers)))
        steps.append((tuple(o.id for o in group.offers), rows))
        sizes.append(len(rows))
    scale, limit, price = _limits(problem)
    return Options(
        np.cumsum([0, *sizes[:-1]]),
        np.repeat(np.arange(len(sizes)), sizes),
        np.concatenate(worth),
        np.concatenate(load) / scale,
        limit,
        price,
        steps,
    )


def _use(problem: Problem) -> dict[str, Floats]:
    """Offer id -> (steps, rows) what each step takes of each row; selling gives to a least number of units."""
    least = [rule for rule in problem.rules if isinstance(rule, MinUnits)]
    return {
        offer.id: np.stack(
            [resource.uses.get(offer.id, 0.0) * offer.mean for resource in problem.resources]
            + [-float(offer.id in rule.offers) * offer.mean for rule in least]
            + [np.zeros(len(offer.ladder))],  # a row that never binds, so that there is one
            axis=1,
        )
        for offer in problem.offers
    }


def _limits(problem: Problem) -> tuple[Floats, Floats, Floats]:
    """(rows,) scale, scaled limit and loss beyond it, of every row that `_use` lists."""
    least = [rule.units for rule in problem.rules if isinstance(rule, MinUnits)]
    limits = np.array([*(r.capacity for r in problem.resources), *(-units for units in least), 1.0])
    scale = np.where(limits == 0, 1.0, np.abs(limits))
    spill = [np.inf if r.spill is None else float(r.spill) for r in problem.resources]
    return scale, limits / scale, np.array([*spill, *(np.inf for _ in least), np.inf]) * scale


def _best(options: Options, weights: Floats) -> tuple[Picks, float]:
    """(groups,) best option of each group once its load is paid for, and the dual value [currency]."""
    net = options.worth - options.load @ weights
    top = np.maximum.reduceat(net, options.start)
    hits = np.flatnonzero(net >= top[options.group])
    _, first = np.unique(options.group[hits], return_index=True)
    return hits[first], float(top.sum() + options.limit @ weights)


def _multipliers(options: Options, deadline: float) -> tuple[float, list[Floats]]:
    """Least dual bound found, and the last multipliers tried, best first (cutting planes, Kelley 1960)."""
    cap = np.minimum(options.price, _dearest(options))
    weights, tried = np.zeros(len(options.limit)), []
    cuts: list[Floats] = []
    for _ in range(ROUNDS):
        choice, value = _best(options, weights)
        tried.append((value, weights))
        slope = options.limit - options.load[choice].sum(axis=0)
        cuts.append(np.append(slope, [-1.0, slope @ weights - value]))
        table = np.array(cuts)
        bounds = [(0.0, top) for top in cap]
        master = linprog(
            np.append(np.zeros(len(cap)), 1.0), table[:, :-1], table[:, -1], bounds=[*bounds, (None, None)]
        )
        if master.x is None or perf_counter() > deadline:
            break
        lowest, weights = float(master.fun), np.asarray(master.x[:-1])
        if min(tried, key=lambda pair: pair[0])[0] - lowest <= CLOSE * max(abs(lowest), 1e-9):
            break
    tried.sort(key=lambda pair: pair[0])
    return tried[0][0], [weights for _, weights in tried[:10]]


def _dearest(options: Options) -> float:
    """No multiplier needs to be above all the money at stake per whole limit."""
    spread = np.maximum.reduceat(options.worth, options.start) - np.minimum.reduceat(options.worth, options.start)
    return float(spread.sum()) * 10 + 1e-9


def _value(options: Options, choice: Picks) -> float:
    beyond = np.maximum(options.load[choice].sum(axis=0) - options.limit, 0.0)
    soft = np.isfinite(options.price)
    return float(options.worth[choice].sum() - options.price[soft] @ beyond[soft])


def _repair(options: Options, choice: Picks, weights: Floats, deadline: float) -> Picks | None:
    """Change one group at a time: first whatever mends the rows at least loss, then whatever earns most.

    None if no single change mends them further.
    """
    choice = choice.copy()
    for _ in range(10 * len(options.start) + 10):
        gain, excess, load = _switched(options, choice)
        now = float(excess[choice[0]])
        if now > 0:
            mends = now - excess
            loss = np.minimum(gain - load @ weights, 0.0)
            rate = np.divide(loss, mends, out=np.full(len(gain), -np.inf), where=mends > 1e-12)
        else:
            worthwhile = 1e-12 * max(1.0, float(np.abs(options.worth[choice]).sum()))
            rate = np.where((excess <= 0) & (gain > worthwhile), gain, -np.inf)
        move = int(np.argmax(rate))
        if not np.isfinite(rate[move]) or (now <= 0 and perf_counter() > deadline):
            return choice if now <= 0 else None
        choice[options.group[move]] = move
    return choice if _switched(options, choice)[1][choice[0]] <= 0 else None


def _switched(options: Options, choice: Picks) -> tuple[Floats, Floats, Floats]:
    """What each option would change if its group took it.

    Returns
    -------
    (options,) gain of value [currency]; (options,) total excess over the rows that must hold, as shares of their
    limits; (options, rows) change of the load of those rows, 0 for the others
    """
    hard = ~np.isfinite(options.price)
    total = options.load[choice].sum(axis=0)
    change = options.load - options.load[choice][options.group]
    beyond = np.maximum(total + change - options.limit, 0.0)
    loss = (
        beyond[:, ~hard] @ options.price[~hard] - np.maximum(total - options.limit, 0.0)[~hard] @ options.price[~hard]
    )
    gain = options.worth - options.worth[choice][options.group] - loss
    excess = np.where(beyond <= TOLERANCE / 2 * np.abs(options.limit), 0.0, beyond)[:, hard].sum(axis=1)
    return gain, excess, change * hard
