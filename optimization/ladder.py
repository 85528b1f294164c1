r"""The ladder problem as a Pyomo model: choose one step of each offer's ladder.

Guarantees
----------
* The formulation is `FAMILIES`, one function per constraint family; what is not in the list is not in the model.
* Prices are compared as exact Decimals before the model is built; the solver sees units and money only.

Symbols: :math:`x_{ik} = 1` if offer i takes step k of its ladder; :math:`p_{ik}` its price, :math:`t_{ik}` the total a
buyer pays, :math:`c_i` its unit cost, :math:`d_{ik}` its expected units, :math:`z_{sik}` what it earns in draw s;
:math:`p^0_i` its current price; :math:`a_{ri}` use of resource r per unit, :math:`C_r` its capacity.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import permutations

import numpy as np
import pyomo.environ as pyo

from optimization.steps import (
    Floats,
    Mask,
    common_prices,
    ending_in,
    fits,
    margin_above,
    ordered,
    outcomes,
    spans,
    tail_weights,
    unchanged,
    within_spread,
)
from pricing.problem import Measure, Problem
from pricing.rules import (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    MinMargin,
    MinUnits,
    MostChanges,
    Order,
    SamePrice,
    SellThrough,
)

Family = Callable[[pyo.ConcreteModel, Problem], None]


def build(problem: Problem, *, without: Iterable[Family] = ()) -> pyo.ConcreteModel:
    """The mixed-integer linear program of a problem, if need be without some of its families."""
    model = pyo.ConcreteModel()
    pairs = [(i, step) for i, offer in enumerate(problem.offers) for step in range(len(offer.ladder))]
    model.x = pyo.Var(pairs, domain=pyo.Binary)
    spilling = [r for r, resource in enumerate(problem.resources) if resource.spill is not None]
    model.spilled = pyo.Var(spilling, domain=pyo.NonNegativeReals)
    model.earned = objective(model, problem)
    for family in FAMILIES:
        if family not in without:
            family(model, problem)
    return model


def read_steps(problem: Problem, values: Mapping[str, float]) -> dict[str, int]:
    """The steps a solver chose, from its values by name of variable."""
    return {
        offer.id: int(np.argmax([values.get(f"x[{i},{k}]", 0.0) for k in range(len(offer.ladder))]))
        for i, offer in enumerate(problem.offers)
    }


def objective(model: pyo.ConcreteModel, problem: Problem) -> pyo.Objective:
    r"""Maximise what is earned less the loss for spilling.

    Mean: :math:`\max \sum_{ik} \bar z_{ik} x_{ik} - \sum_r c_r s_r`. Tail mean of the worst share :math:`\alpha`:
    :math:`\max \eta - \frac{1}{\alpha S} \sum_s u_s - \sum_r c_r s_r` (Rockafellar and Uryasev 2000, eq. 17, with the
    sign turned for gains); `tail` ties u to the draws.
    """
    loss = pyo.quicksum(
        float(s.spill) * model.spilled[r] for r, s in enumerate(problem.resources) if s.spill is not None
    )
    if problem.risk.measure is Measure.MEAN:
        worth = [outcomes(problem, offer)[0] for offer in problem.offers]
        return pyo.Objective(expr=_total(model, worth) - loss, sense=pyo.maximize)
    count = len(tail_weights(problem))
    model.eta = pyo.Var()
    model.shortfall = pyo.Var(range(count), domain=pyo.NonNegativeReals)
    mean_shortfall = pyo.quicksum(model.shortfall[s] for s in range(count)) / (problem.risk.alpha * count)
    return pyo.Objective(expr=model.eta - mean_shortfall - loss, sense=pyo.maximize)


def one_step(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""One price per offer: :math:`\sum_k x_{ik} = 1`."""

    def rule(model: pyo.ConcreteModel, i: int) -> pyo.Expression:
        return pyo.quicksum(model.x[i, k] for k in range(len(problem.offers[i].ladder))) == 1

    model.one_step = pyo.Constraint(range(len(problem.offers)), rule=rule)


def capacity(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""A resource holds in expectation: :math:`\sum_{ik} a_{ri} d_{ik} x_{ik} \le C_r + s_r`, without a loss no s.

    Deterministic approximation (Gallego and van Ryzin 1994).
    """
    at = {offer.id: i for i, offer in enumerate(problem.offers)}
    model.capacity = pyo.Constraint(pyo.Any)
    for r, resource in enumerate(problem.resources):
        terms = [
            use * units * model.x[at[name], k]
            for name, use in sorted(resource.uses.items())
            for k, units in enumerate(problem.offers[at[name]].mean)
            if use * units > 0
        ]
        if terms:
            beyond = 0.0 if resource.spill is None else model.spilled[r]
            model.capacity[r] = pyo.quicksum(terms) - beyond <= resource.capacity


def overfull(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""No step overfills a resource on its own: :math:`x_{ik} = 0` where :math:`a_{ri} d_{ik} > C_r`.

    Implied by `capacity` for whole steps; a tighter relaxation, and exact where rounding would let the row slip.
    """
    at = {offer.id: i for i, offer in enumerate(problem.offers)}
    for resource in problem.resources:
        for name in resource.uses:
            _forbid(model, at[name], ~fits(problem.offers[at[name]], resource))


def order(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""Keep :math:`t_l + g \le t_u`, as one row per step j of the lower ladder.

    .. math:: \sum_{k \ge j} x_{lk} + \sum_{k: t_{uk} < t_{lj} + g} x_{uk} \le 1

    The cumulative rows describe the convex hull of the two ladders' ordered pairs, which the single row on the prices
    themselves does not (the dependency formulation of multiple-choice precedence; compare Johnson and Padberg 1981).
    """
    at = {offer.id: i for i, offer in enumerate(problem.offers)}
    model.order = pyo.Constraint(pyo.Any)
    for n, found in enumerate(rule for rule in problem.rules if isinstance(rule, Order)):
        low, high = at[found.lower], at[found.upper]
        keeps = ordered(found, problem.offers[low], problem.offers[high])
        for j, row in enumerate(keeps):
            if not row.all():
                above = pyo.quicksum(model.x[low, k] for k in range(j, len(keeps)))
                model.order[n, j] = above + pyo.quicksum(model.x[high, k] for k in np.flatnonzero(~row)) <= 1


def max_spread(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""Keep :math:`t_d \le t_c + D`, or :math:`t_d \le (1 + f) t_c`, for every pair, as one row per step j of c.

    .. math:: \sum_{k \le j} x_{ck} + \sum_{k: t_{dk} > t_{cj} + D} x_{dk} \le 1

    Cumulative as in `order`. Of all pairs (c, d) one holds the cheapest and the dearest price, so that the pairs
    together bound the spread (price fairness between groups: Cohen, Elmachtoub and Lei 2022).
    """
    at = {offer.id: i for i, offer in enumerate(problem.offers)}
    model.max_spread = pyo.Constraint(pyo.Any)
    for n, found in enumerate(rule for rule in problem.rules if isinstance(rule, MaxSpread)):
        for cheap, dear in permutations((at[name] for name in found.offers), 2):
            for j, row in enumerate(within_spread(found, problem.offers[cheap], problem.offers[dear])):
                if not row.all():
                    below = pyo.quicksum(model.x[cheap, k] for k in range(j + 1))
                    beyond = pyo.quicksum(model.x[dear, k] for k in np.flatnonzero(~row))
                    model.max_spread[n, cheap, dear, j] = below + beyond <= 1


def same_price(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""Equal totals: :math:`x_{ik} = x_{jm}` where :math:`t_{ik} = t_{jm}`; other prices are fixed at 0."""
    at = {offer.id: i for i, offer in enumerate(problem.offers)}
    model.same_price = pyo.Constraint(pyo.Any)
    for n, found in enumerate(rule for rule in problem.rules if isinstance(rule, SamePrice)):
        members = [at[name] for name in found.offers]
        ladders = [problem.offers[i].paid for i in members]
        shared = common_prices([problem.offers[i] for i in members])
        for i, ladder in zip(members, ladders, strict=True):
            _forbid(model, i, np.array([price not in shared for price in ladder]))
            for m, price in enumerate(sorted(shared) if i != members[0] else ()):
                first = model.x[members[0], ladders[0].index(price)]
                model.same_price[n, i, m] = first - model.x[i, ladder.index(price)] == 0


def ending(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""Price endings: :math:`x_{ik} = 0` where :math:`t_{ik} \bmod 10^n \ne e` for every ending e of n whole digits."""
    at = {offer.id: i for i, offer in enumerate(problem.offers)}
    for rule in problem.rules:
        if isinstance(rule, Ending):
            for name in rule.offers:
                _forbid(model, at[name], ~ending_in(problem.offers[at[name]], rule.endings))


def max_change(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""No large move in one run: :math:`x_{ik} = 0` where :math:`|p_{ik} - p^0_i| > f p^0_i`."""
    _keep_spans(model, problem, MaxChange)


def daily_change(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""No large move in a day: :math:`x_{ik} = 0` where :math:`|p_{ik} - q| > f q` for a price q of the last 24 hours.

    Against every price of the day, not only its first, so that moves up and down in between cannot add up.
    """
    _keep_spans(model, problem, DailyChange)


def most_changes(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""Few prices change: :math:`\sum_{i \in I, k: p_{ik} \ne p^0_i} x_{ik} \le n`; new offers do not count."""
    at = {offer.id: i for i, offer in enumerate(problem.offers)}
    model.most_changes = pyo.Constraint(pyo.Any)
    for n, found in enumerate(rule for rule in problem.rules if isinstance(rule, MostChanges)):
        stays = {at[name]: unchanged(problem.offers[at[name]]) for name in found.offers}
        changed = [model.x[i, k] for i, mask in stays.items() for k in np.flatnonzero(~mask)]
        if changed:
            model.most_changes[n] = pyo.quicksum(changed) <= found.count


def min_margin(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""Least margin: :math:`x_{ik} = 0` where :math:`p_{ik} - c_i < f p_{ik}`."""
    _keep_spans(model, problem, MinMargin)


def average_margin(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""Least margin on average: :math:`\sum_{i \in I, k} (p_{ik} - c_i - f p_{ik}) d_{ik} x_{ik} \ge 0`.

    The ratio :math:`\sum (p - c) d / \sum p d \ge f`, cleared of its positive denominator (Charnes and Cooper 1962).
    """
    at = {offer.id: i for i, offer in enumerate(problem.offers)}
    model.average_margin = pyo.Constraint(pyo.Any)
    for n, found in enumerate(rule for rule in problem.rules if isinstance(rule, AverageMargin)):
        weights = {at[name]: margin_above(problem.offers[at[name]], found.fraction) for name in found.offers}
        _at_least(model, model.average_margin, n, weights, 0.0)


def min_units(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""Sell enough in expectation: :math:`\sum_{i \in I, k} d_{ik} x_{ik} \ge U`."""
    at = {offer.id: i for i, offer in enumerate(problem.offers)}
    model.min_units = pyo.Constraint(pyo.Any)
    for n, found in enumerate(rule for rule in problem.rules if isinstance(rule, MinUnits)):
        weights = {at[name]: problem.offers[at[name]].mean for name in found.offers}
        _at_least(model, model.min_units, n, weights, found.units)


def sell_through(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""Use enough of a resource in expectation: :math:`\sum_{ik} a_{ri} d_{ik} x_{ik} \ge h C_r`."""
    at = {offer.id: i for i, offer in enumerate(problem.offers)}
    by_id = {resource.id: resource for resource in problem.resources}
    model.sell_through = pyo.Constraint(pyo.Any)
    for n, found in enumerate(rule for rule in problem.rules if isinstance(rule, SellThrough)):
        resource = by_id[found.resource]
        weights = {at[name]: use * problem.offers[at[name]].mean for name, use in sorted(resource.uses.items())}
        _at_least(model, model.sell_through, n, weights, found.share * resource.capacity)


def tail(model: pyo.ConcreteModel, problem: Problem) -> None:
    r"""Shortfall of each draw: :math:`u_s \ge \eta - \sum_{ik} z_{sik} x_{ik}` (as `objective`)."""
    if problem.risk.measure is Measure.MEAN:
        return
    worth = [outcomes(problem, offer) for offer in problem.offers]

    def rule(model: pyo.ConcreteModel, s: int) -> pyo.Expression:
        earned = _total(model, [table[s] for table in worth])
        return model.shortfall[s] - model.eta + earned >= 0

    model.tail = pyo.Constraint(range(len(tail_weights(problem))), rule=rule)


FAMILIES: tuple[Family, ...] = (
    one_step,
    capacity,
    overfull,
    order,
    max_spread,
    same_price,
    ending,
    max_change,
    daily_change,
    most_changes,
    min_margin,
    average_margin,
    min_units,
    sell_through,
    tail,
)
"""The formulation."""


def _total(model: pyo.ConcreteModel, worth: list[Floats]) -> pyo.Expression:
    return pyo.quicksum(amount * model.x[i, k] for i, row in enumerate(worth) for k, amount in enumerate(row))


def _at_least(
    model: pyo.ConcreteModel, rows: pyo.Constraint, n: int, weights: Mapping[int, Floats], least: float
) -> None:
    """Add the row sum of weights x >= least; where no step counts towards it, none is left to choose from."""
    terms = [weight * model.x[i, k] for i, row in weights.items() for k, weight in enumerate(row) if weight != 0]
    if terms:
        rows[n] = pyo.quicksum(terms) >= least
    elif least > 0:
        _forbid(model, next(iter(weights)), np.ones_like(next(iter(weights.values())), dtype=np.bool_))


def _keep_spans(model: pyo.ConcreteModel, problem: Problem, kind: type[MaxChange | DailyChange | MinMargin]) -> None:
    at, by_id = {offer.id: i for i, offer in enumerate(problem.offers)}, {offer.id: offer for offer in problem.offers}
    for rule in problem.rules:
        if isinstance(rule, kind):
            for name, (first, end) in spans(rule, by_id):
                steps = np.arange(len(by_id[name].ladder))
                _forbid(model, at[name], (steps < first) | (steps >= end))


def _forbid(model: pyo.ConcreteModel, i: int, mask: Mask) -> None:
    for k in np.flatnonzero(mask):
        model.x[i, k].setub(0)
