"""The formulation, family by family: each is written as documented, and without it the answer is wrong."""

import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from pyomo.repn.plugins.lp_writer import LPWriter
from pyomo.repn.tests.lp_diff import lp_diff

from optimization import ladder
from optimization.account import SolverError
from optimization.exhaustive import ExhaustiveOptimizer
from optimization.highs import run
from optimization.ladder import FAMILIES, build
from optimization.method import Method
from optimization.solve import HighsOptimizer
from optimization.steps import canonical
from pricing.problem import (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    Measure,
    MinMargin,
    MinUnits,
    MostChanges,
    Objective,
    Order,
    Problem,
    Risk,
    SamePrice,
    SellThrough,
    Shared,
)
from tests.optimization.problems import offer, problem

GOLDEN = Path(__file__).parent / "golden"
A = offer("a", [10, 12, 15], [9.0, 8.0, 5.0], cost="4", now="10")
B = offer("b", [10, 15, 20], [9.0, 4.0, 2.0], cost="4", now="15")
ROOM = {"a": 1.0, "b": 1.0}
DRAWS = offer("a", [10, 20], [[10.0, 9.0], [10.0, 9.0], [10.0, 9.0], [10.0, 0.5]])

CASES: dict[str, Problem] = {
    "one_step": problem(A, B, rules=[MinUnits(("a", "b"), 1.0)]),
    "capacity": problem(A, B, resources=[Shared("room", 11.0, ROOM)]),
    "overfull": problem(offer("a", [10, 20], [10.0, 4.0]), resources=[Shared("room", 7.0, {"a": 1.0})]),
    "order": problem(A, B, rules=[Order("a", "b", Decimal(1))]),
    "same_price": problem(A, B, rules=[SamePrice(("a", "b"))]),
    "max_change": problem(A, offer("b", [10, 12], [3.0, 5.0], now="10"), rules=[MaxChange(("a", "b"), Decimal("0.1"))]),
    "min_margin": problem(A, B, rules=[MinMargin(Decimal("0.65")), MinUnits(("a", "b"), 1.0)]),
    "min_units": problem(A, B, rules=[MinUnits(("a", "b"), 18.0)]),
    "max_spread": problem(A, B, rules=[MaxSpread(("a", "b"), amount=Decimal(1))]),
    "ending": problem(
        offer("a", ["9.50", "9.99", 12], [9.0, 8.0, 7.0]),
        B,
        rules=[Ending(("a",), (".99",)), MinUnits(("a", "b"), 1.0)],
    ),
    "daily_change": problem(
        offer("a", [10, 12, 15], [9.0, 8.5, 8.0], now="12", recent=["10"]),
        rules=[DailyChange(("a",), Decimal("0.2")), MinUnits(("a",), 1.0)],
    ),
    "most_changes": problem(offer("a", [10, 12], [9.0, 8.0], now="10"), B, rules=[MostChanges(("a", "b"), 1)]),
    "average_margin": problem(A, B, rules=[AverageMargin(("a", "b"), Decimal("0.69"))]),
    "sell_through": problem(A, B, resources=[Shared("room", 20.0, ROOM)], rules=[SellThrough("room", 0.9)]),
    "tail": problem(DRAWS, risk=Risk(Measure.CVAR, 0.25)),
    "spill": problem(A, B, resources=[Shared("room", 11.0, ROOM, Decimal("2.50"))], objective=Objective.MARGIN),
}


def written(case: Problem) -> str:
    """The model as an LP file."""
    text = io.StringIO()
    LPWriter().write(build(canonical(case)), text, symbolic_solver_labels=True)
    return text.getvalue()


@pytest.mark.parametrize("name", CASES)
def test_the_model_is_as_documented(name: str) -> None:
    """Each case's LP file equals the one kept, which a person has read."""
    base, test = lp_diff((GOLDEN / f"{name}.lp").read_text(), written(CASES[name]))
    assert base == test


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_without_a_family_the_answer_is_wrong(family: Callable[..., None]) -> None:
    """Leaving a family out gives prices that break the rule, or miss the best ones; with it they are the best."""
    case = CASES[family.__name__]
    truth = ExhaustiveOptimizer().solve(case, time_limit=9)
    whole = HighsOptimizer(Method.MILP).solve(case, time_limit=9)
    assert whole.report.objective == pytest.approx(truth.report.objective)
    if family is ladder.overfull:  # implied by capacity: what it adds is a tighter relaxation
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ladder, "FAMILIES", tuple(other for other in FAMILIES if other is not family))
        try:
            plan = HighsOptimizer(Method.MILP).solve(case, time_limit=9)
        except SolverError:
            return
    assert plan.prices != truth.prices or plan.report.bound != pytest.approx(truth.report.bound)


def test_overfull_steps_tighten_the_relaxation() -> None:
    """Without the family the relaxed bound is higher."""
    case = canonical(CASES["overfull"])
    tight = run(build(case), time_limit=9, relax=True).bound
    assert tight < run(build(case, without=[ladder.overfull]), time_limit=9, relax=True).bound


def test_cumulative_order_rows_are_tighter_than_one_row_on_prices() -> None:
    """Every vertex of the relaxation with an order alone is whole: its bound is the best value itself."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        a = offer("a", range(5, 12), rng.uniform(1, 30, 7).tolist())
        b = offer("b", range(4, 11), rng.uniform(1, 30, 7).tolist())
        case = problem(a, b, rules=[Order("a", "b", Decimal(1))])
        best = ExhaustiveOptimizer().solve(case, time_limit=9).report.objective
        assert run(build(case), time_limit=9, relax=True).bound == pytest.approx(best)
