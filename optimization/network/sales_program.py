r"""The sales-based linear program: the choice-based one in as many variables as products, where segments share none.

Guarantees
----------
* The formulation is `FAMILIES`, one function per constraint family; what is not in the list is not in the model.
* The sets recovered sell what the program says, and are accounted and bounded as those of column generation.

Symbols: :math:`s_{lj}` sales of product j to segment k, :math:`s_{l0}` its buyers who take nothing;
:math:`v_{lj}` its weights as multiples of its weight of buying nothing, :math:`\Lambda_l = \lambda_l T` its buyers;
:math:`a_{rj}` use of resource r per sale, :math:`C_r` its capacity (Gallego, Ratliff and Shebalov 2015, for
the multinomial logit).
"""

from collections.abc import Callable, Iterator
from time import perf_counter

import numpy as np
import pyomo.environ as pyo
from scipy.sparse import csr_array

from optimization.highs import Run, run
from optimization.network.assortment import Group, apart
from optimization.network.market import Market
from optimization.network.offering import Offering, Schedule, close
from optimization.network.values import SegmentedDemand, Vector
from pricing.errors import InputError

METHOD = "sales-based linear program"

Family = Callable[[pyo.ConcreteModel, Market], None]


def sales_based(problem: SegmentedDemand, *, time_limit: float = 60.0) -> Offering:
    """Solve the sales-based linear program and recover what to offer.

    Parameters
    ----------
    time_limit : for the search [seconds]

    Raises
    ------
    InputError
        if two segments consider the same product.
    """
    started = perf_counter()
    if not disjoint(problem):
        raise InputError("two segments consider the same product: the sales-based program cannot tell them apart")
    market = Market.of(problem)
    done = run(build(market), time_limit=time_limit, relax=True) if market.groups else Run()
    bid_prices = np.array([max(done.duals.get(f"capacity[{r}]", 0.0), 0.0) for r in range(len(market.capacity))])
    worth = market.adjusted(bid_prices)
    bound = market.bound(bid_prices, [apart(group, worth[group.products]) for group in market.groups])
    schedules = [_recovered(group, _read(done, k, group)) for k, group in enumerate(market.groups)]
    return close(market, schedules, bid_prices, bound=bound, method=METHOD, started=started)


def disjoint(problem: SegmentedDemand) -> bool:
    """Whether no two segments with buyers consider the same product."""
    return bool((problem.weights[problem.rate > 0] > 0).sum(axis=0).max() <= 1)


def build(market: Market) -> pyo.ConcreteModel:
    r"""Maximise :math:`\sum_{lj} f_j s_{lj}` subject to every family; :math:`s \ge 0`."""
    model = pyo.ConcreteModel()
    model.s = pyo.Var(
        [(k, i) for k, group in enumerate(market.groups) for i in range(len(group.products))],
        domain=pyo.NonNegativeReals,
    )
    model.none = pyo.Var(range(len(market.groups)), domain=pyo.NonNegativeReals)
    model.earned = pyo.Objective(
        expr=pyo.quicksum(float(market.fare[j]) * model.s[place] for place, j in _columns(market)), sense=pyo.maximize
    )
    for family in FAMILIES:
        family(model, market)
    return model


def capacity(model: pyo.ConcreteModel, market: Market) -> None:
    r"""No resource is used beyond what there is: :math:`\sum_{lj} a_{rj} s_{lj} \le C_r`; its duals are bid prices."""
    place = {j: where for where, j in _columns(market)}
    uses = csr_array(market.uses)
    model.capacity = pyo.Constraint(pyo.Any)
    for r, room in enumerate(market.capacity.tolist()):
        entries = slice(uses.indptr[r], uses.indptr[r + 1])
        terms = zip(uses.indices[entries].tolist(), uses.data[entries].tolist(), strict=True)
        if used := [use * model.s[place[j]] for j, use in terms if j in place]:
            model.capacity[r] = pyo.quicksum(used) <= room


def balance(model: pyo.ConcreteModel, market: Market) -> None:
    r"""Each buyer takes something or nothing: :math:`s_{l0} + \sum_j s_{lj} = \Lambda_l`."""

    def rule(model: pyo.ConcreteModel, k: int) -> pyo.Expression:
        group = market.groups[k]
        bought = pyo.quicksum(model.s[k, i] for i in range(len(group.products)))
        return model.none[k] + bought == float(group.rate[0]) * market.problem.periods

    model.balance = pyo.Constraint(range(len(market.groups)), rule=rule)


def scale(model: pyo.ConcreteModel, market: Market) -> None:
    r"""Nothing sells more than its weight says: :math:`s_{lj} \le v_{lj} s_{l0}`."""

    def rule(model: pyo.ConcreteModel, k: int, i: int) -> pyo.Expression:
        return model.s[k, i] <= float(market.groups[k].ratios[0, i]) * model.none[k]

    model.scale = pyo.Constraint([where for where, _ in _columns(market)], rule=rule)


FAMILIES: tuple[Family, ...] = (capacity, balance, scale)
"""The formulation."""


def _columns(market: Market) -> Iterator[tuple[tuple[int, int], int]]:
    """Index of each variable of sales, and where its product stands in the market."""
    for k, group in enumerate(market.groups):
        for i, j in enumerate(group.products.tolist()):
            yield (k, i), j


def _read(done: Run, k: int, group: Group) -> Vector:
    return np.array([max(done.values.get(f"s[{k},{i}]", 0.0), 0.0) for i in range(len(group.products))])


def _recovered(group: Group, sales: Vector) -> Schedule:
    r"""Nested sets: the products with the most sales per weight are offered longest (Gallego et al. 2015).

    With :math:`u_j = s_j / v_j`, falling, and :math:`u_0 = s_0`, the first i products are offered for
    :math:`(u_i - u_{i+1}) (1 + \sum_{j \le i} v_j) / \lambda` periods.
    """
    ratios, rate = group.ratios[0], float(group.rate[0])
    per_weight = sales / ratios
    order = np.argsort(-per_weight, kind="stable")
    falling = -np.diff(np.append(per_weight[order], 0.0))
    sets = np.zeros((len(order), len(order)), dtype=np.bool_)
    sets[:, order] = np.tri(len(order), dtype=np.bool_)
    return Schedule(sets, falling * (1 + np.cumsum(ratios[order])) / rate)
