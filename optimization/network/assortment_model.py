r"""The best set to offer to overlapping segments, as a mixed-integer program in Pyomo.

Guarantees
----------
* The formulation is `FAMILIES`, one function per constraint family; what is not in the list is not in the model.

Symbols: :math:`y_j = 1` if product j is offered; :math:`w_j` worth of a sale; :math:`v_{lj}` weights of segment l as
multiples of its weight of buying nothing; :math:`x_l = 1 / (1 + \sum_j v_{lj} y_j)` its share that buys nothing,
:math:`z_{lj} = x_l y_j` (Bront, Mendez-Diaz and Vulcano 2009, with the bounds of Mendez-Diaz et al. 2014).
"""

from collections.abc import Callable

import numpy as np
import pyomo.environ as pyo

from optimization.network.values import Vector

Family = Callable[[pyo.ConcreteModel, Vector], None]


def build(worth: Vector, rate: Vector, ratios: Vector) -> pyo.ConcreteModel:
    r"""Maximise :math:`\sum_{lj} \lambda_l w_j v_{lj} z_{lj}` subject to every family.

    Parameters
    ----------
    worth : (k,) of a sale of each product [currency]
    rate : (s,) arrivals of each segment [buyers / period]
    ratios : (s, k) v
    """
    model = pyo.ConcreteModel()
    model.pairs = pyo.Set(initialize=[tuple(pair) for pair in np.argwhere(ratios > 0).tolist()], dimen=2)
    model.y = pyo.Var(range(len(worth)), domain=pyo.Binary)
    model.x = pyo.Var(range(len(rate)), domain=pyo.NonNegativeReals)
    model.z = pyo.Var(model.pairs, domain=pyo.NonNegativeReals)
    model.earned = pyo.Objective(
        expr=pyo.quicksum(float(rate[i] * worth[j] * ratios[i, j]) * model.z[i, j] for i, j in model.pairs),
        sense=pyo.maximize,
    )
    for family in FAMILIES:
        family(model, ratios)
    return model


def shares(model: pyo.ConcreteModel, ratios: Vector) -> None:
    r"""Each buyer takes something or nothing: :math:`x_l + \sum_j v_{lj} z_{lj} = 1`."""

    def rule(model: pyo.ConcreteModel, segment: int) -> pyo.Expression:
        bought = pyo.quicksum(float(ratios[i, j]) * model.z[i, j] for i, j in model.pairs if i == segment)
        return model.x[segment] + bought == 1

    model.shares = pyo.Constraint(range(len(ratios)), rule=rule)


def offered(model: pyo.ConcreteModel, ratios: Vector) -> None:
    r"""Only what is offered sells: :math:`z_{lj} \le y_j / (1 + v_{lj})`."""
    model.offered = pyo.Constraint(
        model.pairs, rule=lambda model, i, j: model.z[i, j] <= model.y[j] / float(1 + ratios[i, j])
    )


def at_most(model: pyo.ConcreteModel, ratios: Vector) -> None:  # noqa: ARG001  # every family takes the same
    r"""No product sells more than its weight says: :math:`z_{lj} \le x_l`."""
    model.at_most = pyo.Constraint(model.pairs, rule=lambda model, i, j: model.z[i, j] <= model.x[i])


def at_least(model: pyo.ConcreteModel, ratios: Vector) -> None:  # noqa: ARG001  # every family takes the same
    r"""What is offered sells as its weight says, wanted or not: :math:`x_l - z_{lj} \le 1 - y_j`."""
    model.at_least = pyo.Constraint(model.pairs, rule=lambda model, i, j: model.x[i] - model.z[i, j] <= 1 - model.y[j])


FAMILIES: tuple[Family, ...] = (shares, offered, at_most, at_least)
"""The formulation."""
