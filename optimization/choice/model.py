r"""The choice problem as a mixed-integer linear program, exact at whole steps.

Guarantees
----------
* At whole steps the program's value is the expected profit: the products below are linearised without error.
* For one segment without resources or rules about units, and rules whose rows are totally unimodular (order, same
  price, bounds), the linear relaxation alone is exact (Davis, Gallego and Topaloglu 2013, theorem 1).

With :math:`X_{go} \in \{0, 1\}` for option o of group g, each ratio t (`optimization.choice.ratios`) has a variable
:math:`y_t = 1 / (v_t + \sum_{go} V_{tgo} X_{go})` (Charnes and Cooper 1962) and products
:math:`z_{tgo} = y_t X_{go}`. Rules about prices are the families of `optimization.ladder`, on
:math:`x_{ik} = \sum_{o: o_i = k} X_{go}`.
"""

from collections import defaultdict

import numpy as np
import pyomo.environ as pyo
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from optimization.choice.ratios import Ratios, limits, per_unit, rules_alone
from optimization.ladder import build
from optimization.steps import Floats
from pricing.choice_problem import ChoiceProblem

Row = tuple[list[tuple[float, int, int]], float, int]
"""A rule's row on x: coefficient, offer and step of each term; right-hand side; 1 at most, -1 at least, 0 equal."""


def program(problem: ChoiceProblem, found: Ratios) -> pyo.ConcreteModel:
    """The mixed-integer program of a choice problem; `found` are its ratios, or those of some of its draws."""
    model = build(rules_alone(problem))
    rows = _rows(model)
    model.del_component("earned")
    _variables(model, problem, found)
    joint_steps(model, found)
    normalised(model, found)
    products(model, found)
    rules_times_y(model, found, rows)
    limits_of_units(model, problem, found)
    model.earned = objective(model, problem, found)
    return model


def objective(model: pyo.ConcreteModel, problem: ChoiceProblem, found: Ratios) -> pyo.Objective:
    r"""Maximise :math:`\sum_{tgo} w_t r_{tgo} V_{tgo} z_{tgo} - \sum_r c_r s_r`."""
    allowed = {n: limit.spill for n, limit in enumerate(limits(problem.base)) if limit.spill is not None}
    loss = pyo.quicksum(price * model.beyond[n] for n, price in allowed.items())
    return pyo.Objective(expr=_sold(model, found, per_unit(problem.base)) - loss, sense=pyo.maximize)


def joint_steps(model: pyo.ConcreteModel, found: Ratios) -> None:
    r"""A nest's option is a step of each of its offers: :math:`x_{ik} = \sum_{o: o_i = k} X_{go}`."""
    model.joint_steps = pyo.Constraint(pyo.Any)
    for g, group in enumerate(found.groups):
        for m, i in enumerate(group.offers if len(group.offers) > 1 else ()):
            for k in (k for (offer, k) in model.x if offer == i):
                taken = pyo.quicksum(model.whole[g, o] for o in np.flatnonzero(group.rows[:, m] == k))
                model.joint_steps[i, k] = taken - model.x[i, k] == 0


def normalised(model: pyo.ConcreteModel, found: Ratios) -> None:
    r"""What y is: :math:`v_t y_t + \sum_{go} V_{tgo} z_{tgo} = 1`."""

    def rule(model: pyo.ConcreteModel, t: int) -> pyo.Expression:
        worth = (g.value[t, o] * model.z[t, n, o] for n, g in enumerate(found.groups) for o in range(len(g.rows)))
        return found.outside[t] * model.y[t] + pyo.quicksum(worth) == 1

    model.normalised = pyo.Constraint(range(len(found.weight)), rule=rule)


def products(model: pyo.ConcreteModel, found: Ratios) -> None:
    r"""What z is: :math:`\sum_o z_{tgo} = y_t` and :math:`L_{tgo} X_{go} \le z_{tgo} \le U_{tgo} X_{go}`.

    L and U bound y once option o of group g is taken, whatever the others take. As a group takes one option, these
    rows leave no other z at whole X (McCormick 1976; Bront, Méndez-Díaz and Vulcano 2009, with bounds per option).
    """
    model.takes_one, model.at_least, model.at_most = (pyo.Constraint(pyo.Any) for _ in range(3))
    for t, g, low, high in _bounds_of_y(found):
        some = range(len(found.groups[g].rows))
        model.takes_one[t, g] = pyo.quicksum(model.z[t, g, o] for o in some) - model.y[t] == 0
        for o in some:
            chosen = _chosen(model, found, g, o)
            model.at_least[t, g, o] = model.z[t, g, o] - low[o] * chosen >= 0
            model.at_most[t, g, o] = model.z[t, g, o] - high[o] * chosen <= 0


def rules_times_y(model: pyo.ConcreteModel, found: Ratios, rows: list[Row]) -> None:
    r"""Each rule :math:`a x \le b` also times y: :math:`a z_t \le b y_t` (Sherali and Adams 1990).

    Implied at whole steps; without these rows the relaxation would forget the rules where it matters, in z.
    """
    takes: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for g, group in enumerate(found.groups):
        for o, steps in enumerate(group.rows):
            for i, k in zip(group.offers, steps, strict=True):
                takes[i, int(k)].append((g, o))
    model.rules_times_y = pyo.Constraint(pyo.Any)
    for t in range(len(found.weight)):
        for n, (terms, limit, kind) in enumerate(rows):
            parts = [c * model.z[t, g, o] for c, i, k in terms for g, o in takes[i, k]]
            if parts:
                body = pyo.quicksum(parts) - limit * model.y[t]
                model.rules_times_y[t, n] = body == 0 if kind == 0 else body <= 0 if kind > 0 else body >= 0


def limits_of_units(model: pyo.ConcreteModel, problem: ChoiceProblem, found: Ratios) -> None:
    r"""Resources and rules about units: :math:`\ell \le \sum_{tgo} w_t a_{tgo} V_{tgo} z_{tgo} \le C + s`.

    In expectation over draws, segments and buyers; s where spilling is allowed.
    """
    model.most, model.least = pyo.Constraint(pyo.Any), pyo.Constraint(pyo.Any)
    for n, limit in enumerate(limits(problem.base)):
        body = _sold(model, found, limit.per_unit)
        if limit.most < np.inf:
            model.most[n] = body - (0.0 if limit.spill is None else model.beyond[n]) <= limit.most
        if limit.least > -np.inf:
            model.least[n] = body >= limit.least


def _variables(model: pyo.ConcreteModel, problem: ChoiceProblem, found: Ratios) -> None:
    ratio = range(len(found.weight))
    cells = [(g, o) for g, group in enumerate(found.groups) for o in range(len(group.rows))]
    model.y = pyo.Var(ratio, domain=pyo.NonNegativeReals)
    model.z = pyo.Var([(t, *cell) for t in ratio for cell in cells], domain=pyo.NonNegativeReals)
    model.whole = pyo.Var([cell for cell in cells if len(found.groups[cell[0]].offers) > 1], domain=pyo.Binary)
    allowed = [n for n, limit in enumerate(limits(problem.base)) if limit.spill is not None]
    model.beyond = pyo.Var(allowed, domain=pyo.NonNegativeReals)


def _bounds_of_y(found: Ratios) -> list[tuple[int, int, Floats, Floats]]:
    """Ratio, group, and per option the least and the greatest y (options,)."""
    least = np.array([group.value.min(axis=1) for group in found.groups])
    most = np.array([group.value.max(axis=1) for group in found.groups])
    return [
        (t, g, 1 / (rest_most + group.value[t]), 1 / (rest_least + group.value[t]))
        for t, outside in enumerate(found.outside)
        for g, group in enumerate(found.groups)
        for rest_most, rest_least in [
            (outside + np.delete(most[:, t], g).sum(), outside + np.delete(least[:, t], g).sum())
        ]
    ]


def _chosen(model: pyo.ConcreteModel, found: Ratios, g: int, o: int) -> pyo.Expression:
    """The binary variable of an option."""
    group = found.groups[g]
    return model.whole[g, o] if len(group.offers) > 1 else model.x[group.offers[0], int(group.rows[o, 0])]


def _sold(model: pyo.ConcreteModel, found: Ratios, per_unit_sold: list[Floats]) -> pyo.Expression:
    """Expected units times `per_unit_sold` [offer][step], added up."""
    return pyo.quicksum(
        float(amount) * model.z[t, g, o]
        for g, group in enumerate(found.groups)
        for (t, o), amount in np.ndenumerate(found.weight[:, None] * group.value * found.gain(group, per_unit_sold))
        if amount
    )


def _rows(model: pyo.ConcreteModel) -> list[Row]:
    """The rules about prices as rows, but for "one step per offer", which `products` has."""
    form = LinearStandardFormCompiler().write(model, mixed_form=True)
    at = {id(variable): index for index, variable in model.x.items()}
    matrix, found = form.A.tocsr(), []
    for n, row in enumerate(form.rows):
        entries = range(matrix.indptr[n], matrix.indptr[n + 1])
        places = [at.get(id(form.columns[matrix.indices[entry]])) for entry in entries]
        if row.constraint.parent_component().local_name != "one_step" and None not in places:
            terms = [(float(matrix.data[e]), *place) for e, place in zip(entries, places, strict=True) if place]
            found.append((terms, float(form.rhs[n]), int(row.bound_type)))
    return found
