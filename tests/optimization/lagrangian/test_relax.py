"""The relaxation is feasible, bounded, and exact where little is left to try."""

import numpy as np
import pytest

from optimization.enumeration import enumerate_all
from optimization.lagrangian.parts import parts_of
from optimization.lagrangian.relax import named, relaxed
from optimization.steps import canonical, value_of
from pricing.problem import Problem, Shared
from pricing.rules import MinUnits, Order
from tests.optimization.lagrangian.markets import market, small, tables
from tests.optimization.problems import offer, problem


def solved(case: Problem) -> tuple[dict[str, int] | None, float]:
    """Steps and bound of a whole problem; no steps if infeasible."""
    steps: dict[str, int] = {}
    bound = 0.0
    for part in parts_of(tables(case)):
        found = relaxed(part, np.zeros(len(part.rows.limit)), deadline=np.inf)
        if found.steps is None:
            assert found.infeasible
            return None, found.bound
        steps |= named(part, found.steps)
        bound += found.bound
    return steps, bound


def test_small_problems_equal_brute_force() -> None:
    """On 250 small problems with every family of rules: the same steps, or both find that there are none."""
    ends = {True: 0, False: 0}
    for seed in range(250):
        if (case := small(seed)) is None:
            continue
        truth, (steps, bound) = enumerate_all(canonical(case)), solved(case)
        ends[truth.infeasible] += 1
        assert steps == truth.steps, seed
        if steps is not None:
            value = value_of(case, steps)
            assert value == pytest.approx(truth.bound, rel=1e-6, abs=1e-9), seed
            assert bound == pytest.approx(value, rel=1e-6, abs=1e-9), seed
    assert min(ends.values()) > 30


@pytest.mark.parametrize("count", [90, 600, 2_400])
def test_a_large_market_is_close_to_its_bound(count: int) -> None:
    """Within a ten-thousandth of what is possible once there are hundreds of offers, and close for ninety."""
    case = market(count)
    steps, bound = solved(case)
    assert steps is not None
    value = value_of(case, steps)
    assert value <= bound <= value * (1 + (1e-3 if count < 100 else 1e-4))


def test_what_cannot_be_kept_is_found_out() -> None:
    """A room too small for the least that must sell has no answer, though each alone has."""
    names = [f"o{i:03d}" for i in range(300)]
    offers = [offer(name, [10, 12, 14], [9.0, 7.0, 5.0]) for name in names]
    room, sell = Shared("room", 1600.0, dict.fromkeys(names, 1.0)), MinUnits(tuple(names), 1900.0)
    whole = tables(problem(*offers, resources=[room], rules=[sell]))
    assert relaxed(whole, np.zeros(2), deadline=np.inf).infeasible
    for some in (problem(*offers, resources=[room]), problem(*offers, rules=[sell])):
        alone = tables(some)
        assert relaxed(alone, np.zeros(len(alone.rows.limit)), deadline=np.inf).steps is not None


def test_no_time_leaves_a_bound() -> None:
    """Out of time at once, the bound still holds and no steps are made up that break a row."""
    part = tables(market(600))
    found = relaxed(part, np.zeros(len(part.rows.limit)), deadline=0.0)
    best = relaxed(part, np.zeros(len(part.rows.limit)), deadline=np.inf)
    assert found.bound >= best.bound - 1e-9 * abs(best.bound)
    assert found.steps is None or found.value <= best.bound


def test_an_order_nothing_keeps_is_infeasible() -> None:
    """A dearest price below the cheapest of what must cost less leaves no steps."""
    case = problem(offer("a", [10, 12], [9.0, 7.0]), offer("b", [5, 6], [9.0, 7.0]), rules=[Order("a", "b")])
    part = tables(case)
    assert relaxed(part, np.zeros(0), deadline=np.inf).infeasible
    assert part.hopeless() in {"a", "b"}
