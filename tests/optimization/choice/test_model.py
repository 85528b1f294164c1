"""The program's best value is the best of all prices, without help from any other search."""

from decimal import Decimal

import numpy as np
import pytest

from optimization.choice.model import program
from optimization.choice.ratios import ratios
from optimization.choice.search import Judge, try_all
from optimization.highs import run
from pricing.choice_problem import ChoiceProblem
from pricing.problem import Order, SamePrice
from pricing.rules import MaxSpread
from tests.optimization.choice.markets import at_random, demand, ladder, priced


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


def test_for_one_segment_the_relaxation_alone_is_exact() -> None:
    """With orders and equal prices, and no limit on units, whole steps need not be asked for."""
    rng = np.random.default_rng(1)
    for _ in range(10):
        found = demand(rng.uniform(1, 5, 5), rng.uniform(0.05, 0.3, 5), buyers=100, steps=ladder(5, 45, 5))
        case = priced(found, rules=[Order("o3", "o0"), Order("o0", "o1"), SamePrice(("o2", "o4"))])
        relaxed = run(program(case, ratios(case)), time_limit=30, relax=True).bound
        assert relaxed == pytest.approx(best(case), rel=1e-6)
