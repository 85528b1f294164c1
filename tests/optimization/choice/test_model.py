"""The program's best value is the best of all prices, without help from any other search."""

import io
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from pyomo.repn.plugins.lp_writer import LPWriter
from pyomo.repn.tests.lp_diff import lp_diff

from optimization.choice import model
from optimization.choice.model import program
from optimization.choice.ratios import ratios
from optimization.choice.search import Judge, try_all
from optimization.highs import run
from pricing.choice_problem import ChoiceProblem
from pricing.problem import MinUnits, Order, Rule, SamePrice, Shared
from pricing.rules import MaxSpread
from tests.optimization.choice.markets import at_random, demand, ladder, priced

GOLDEN = Path(__file__).parent / "golden"


def best(case: ChoiceProblem) -> float | None:
    """The best value of all choices; None if none keeps every rule."""
    judge = Judge(case, ratios(case))
    choice = try_all(judge)
    return None if choice is None else float(judge.value(judge.totals(np.array([choice])))[0])


def test_the_program_is_exact_at_whole_steps() -> None:
    """Its value is that of the best prices, and it has no solution where no prices keep every rule."""
    for seed in range(40):
        case = at_random(seed, count=3)
        done, value = run(program(case, ratios(case)), time_limit=30), best(case)
        assert done.infeasible is (value is None), seed
        if value is not None:
            assert done.bound == pytest.approx(value, rel=1e-6, abs=1e-6), seed


@pytest.mark.parametrize("rule", [Order("o0", "o1"), MaxSpread(("o0", "o1"), amount=Decimal(50))])
def test_a_rule_that_does_not_bind_cuts_nothing_off(rule: Order | MaxSpread) -> None:
    """Prices well inside an order, or a spread, are worth to the program what they are worth without it."""
    found = demand([[[3.0, 3.5], [2.5, 4.0]]], [0.3, 0.1], buyers=100, steps=ladder(5, 60, 6))
    free, ruled = priced(found), priced(found, rules=[rule])
    bounds = [run(program(case, ratios(case)), time_limit=30).bound for case in (free, ruled)]
    assert bounds[0] == pytest.approx(best(free), rel=1e-6)
    assert bounds[1] == pytest.approx(bounds[0], rel=1e-6)


def documented() -> ChoiceProblem:
    """A nest of two offers beside a third, two segments; an order, a room that may spill, a least number of units."""
    found = demand(
        [[[1.0, 2.0, 1.5], [2.0, 1.0, 0.5]]], 0.1, nests=["x", "x", "y"], gamma=[0.5, 1.0], steps=ladder(10, 20, 2)
    )
    rules: list[Rule] = [Order("o0", "o2"), MinUnits(("o1",), 0.2)]
    return priced(found, resources=[Shared("room", 0.7, dict.fromkeys(found.offers, 1.0), Decimal(5))], rules=rules)


def written(case: ChoiceProblem) -> str:
    """The program as an LP file, its numbers to six digits."""
    text = io.StringIO()
    LPWriter().write(program(case, ratios(case)), text, symbolic_solver_labels=True)
    return re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.6g}", text.getvalue())


def test_the_model_is_as_documented() -> None:
    """The program of one small problem equals the one kept, row by row."""
    golden, test = lp_diff((GOLDEN / "choice.lp").read_text(), written(documented()))
    assert test == golden


@pytest.mark.parametrize("family", ["joint_steps", "normalised", "products", "limits_of_units"])
def test_without_a_family_the_answer_is_wrong(family: str) -> None:
    """Each family of rows is needed: without it the program promises what no prices earn.

    What ties a nest's options to its offers' steps is needed but for the rules times y, which repeat it at whole steps.
    """
    with pytest.MonkeyPatch.context() as patch:
        for left_out in {family, "rules_times_y"}:
            patch.setattr(model, left_out, lambda *_: None)
        assert any(_promised(seed) for seed in range(30))


def _promised(seed: int) -> bool:
    case = at_random(seed, count=3)
    done, value = run(program(case, ratios(case)), time_limit=30), best(case)
    return done.infeasible is not (value is None) or (value is not None and done.bound > value * 1.001)


def test_rules_times_y_tighten_the_relaxation() -> None:
    """Without them the relaxation is never nearer to the best prices, and at times further from them."""
    looser = []
    for seed in range(30):
        case = at_random(seed, count=3)
        tight = run(program(case, ratios(case)), time_limit=30, relax=True).bound
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(model, "rules_times_y", lambda *_: None)
            loose = run(program(case, ratios(case)), time_limit=30, relax=True).bound
        assert loose >= tight * (1 - 1e-6)
        looser.append(loose > tight * 1.001)
    assert any(looser)


def test_for_one_segment_the_relaxation_alone_is_exact() -> None:
    """With orders and equal prices, and no limit on units, whole steps need not be asked for."""
    rng = np.random.default_rng(1)
    for _ in range(10):
        found = demand(rng.uniform(1, 5, 5), rng.uniform(0.05, 0.3, 5), buyers=100, steps=ladder(5, 45, 5))
        case = priced(found, rules=[Order("o3", "o0"), Order("o0", "o1"), SamePrice(("o2", "o4"))])
        relaxed = run(program(case, ratios(case)), time_limit=30, relax=True).bound
        assert relaxed == pytest.approx(best(case), rel=1e-6)
