r"""The deterministic linear program as a Pyomo model: the reference that the quick path must agree with.

Guarantees
----------
* The formulation is `FAMILIES`, one function per constraint family; what is not in the list is not in the model.

Symbols: :math:`y_j` units of product j to sell, :math:`f_j` its fare, :math:`d_j` its expected demand; :math:`a_{rj}`
use of resource r per sale, :math:`C_r` its capacity (Talluri and van Ryzin 2004, section 3.3.1).
"""

from collections.abc import Callable

import pyomo.environ as pyo
from scipy.sparse import csr_array

from optimization.network.values import IndependentDemand

Family = Callable[[pyo.ConcreteModel, IndependentDemand], None]


def build(problem: IndependentDemand) -> pyo.ConcreteModel:
    r"""Maximise :math:`\sum_j f_j y_j` subject to every family; :math:`y \ge 0`."""
    model = pyo.ConcreteModel()
    model.y = pyo.Var(range(len(problem.demand)), domain=pyo.NonNegativeReals)
    fares = problem.network.fare.tolist()
    model.earned = pyo.Objective(
        expr=pyo.quicksum(fare * model.y[j] for j, fare in enumerate(fares)), sense=pyo.maximize
    )
    for family in FAMILIES:
        family(model, problem)
    return model


def capacity(model: pyo.ConcreteModel, problem: IndependentDemand) -> None:
    r"""No resource is used beyond what there is: :math:`\sum_j a_{rj} y_j \le C_r`; the duals are the bid prices."""
    uses, left = csr_array(problem.network.uses), problem.network.capacity.tolist()
    model.capacity = pyo.Constraint(pyo.Any)
    for r, room in enumerate(left):
        entries = slice(uses.indptr[r], uses.indptr[r + 1])
        columns, amounts = uses.indices[entries].tolist(), uses.data[entries].tolist()
        if columns:
            model.capacity[r] = pyo.quicksum(a * model.y[j] for j, a in zip(columns, amounts, strict=True)) <= room


def demand(model: pyo.ConcreteModel, problem: IndependentDemand) -> None:
    r"""No product sells more than is wanted of it: :math:`y_j \le d_j`."""
    model.demand = pyo.Constraint(
        range(len(problem.demand)), rule=lambda model, j: model.y[j] <= float(problem.demand[j])
    )


FAMILIES: tuple[Family, ...] = (capacity, demand)
"""The formulation."""
