"""Shadow prices agree with programs solved by hand."""

from decimal import Decimal

import numpy as np
import pytest

from optimization.highs import run
from optimization.ladder import build, overfull
from optimization.shadow import shadow_prices
from optimization.solve import HighsOptimizer
from pricing.problem import Problem, Shared
from tests.optimization.problems import offer, problem


def test_one_stock_by_hand() -> None:
    """Between (10 units, 100) and (4 units, 80) a unit more of the stock earns 20 / 6; with plenty it earns nothing."""
    case = offer("a", [10, 20], [10.0, 4.0])
    assert shadow_prices(problem(case, resources=[Shared("s", 7.0, {"a": 1.0})])) == {"s": pytest.approx(20 / 6)}
    assert shadow_prices(problem(case, resources=[Shared("s", 11.0, {"a": 1.0})])) == {"s": 0.0}


def test_use_per_unit_and_spilling_by_hand() -> None:
    """Two places per unit halve the price of a place; a cheap way out caps it."""
    case = offer("a", [10, 20], [10.0, 4.0])
    assert shadow_prices(problem(case, resources=[Shared("s", 14.0, {"a": 2.0})])) == {"s": pytest.approx(10 / 6)}
    cheap = Shared("s", 7.0, {"a": 1.0}, Decimal(1))
    assert shadow_prices(problem(case, resources=[cheap])) == {"s": pytest.approx(1.0)}


def test_two_offers_share_by_hand() -> None:
    """The offer that gives up units at the lower loss per unit sets the price of a unit: 5, before the other's 8."""
    a = offer("a", [10, 15], [10.0, 5.0])  # 100 - 75 lost over 5 units: 5 a unit
    dear = offer("b", [10, 18], [10.0, 2.0])  # 100 - 36 lost over 8 units: 8 a unit
    room = Shared("r", 18.0, {"a": 1.0, "b": 1.0})
    assert shadow_prices(problem(a, dear, resources=[room])) == {"r": pytest.approx(5.0)}
    assert shadow_prices(problem(a, dear, resources=[Shared("r", 12.0, room.uses)])) == {"r": pytest.approx(8.0)}


def test_a_full_room_nobody_else_wants_is_worth_nothing_more() -> None:
    """At a corner it is what one more unit would earn, though one less would cost 3.33."""
    case = offer("a", [10, 20], [10.0, 4.0])
    assert shadow_prices(problem(case, resources=[Shared("s", 10.0, {"a": 1.0})])) == {"s": 0.0}


def test_the_plan_carries_it() -> None:
    """A plan reports the price per resource and calls a resource that would earn more binding."""
    case = problem(offer("a", [10, 20], [10.0, 4.0]), resources=[Shared("s", 7.0, {"a": 1.0})])
    plan = HighsOptimizer().solve(case, time_limit=9)
    assert plan.resources[0].shadow_price == pytest.approx(20 / 6)
    assert plan.binding == ("s: 4.0 of 7 are used; bid price 3.33 EUR",)


def test_it_is_the_slope_of_the_relaxed_value() -> None:
    """A small change of capacity changes the best relaxed value by the price times the change."""
    rng = np.random.default_rng(5)
    offers = [offer(f"o{i}", range(5, 11), np.sort(rng.uniform(1, 30, 6))[::-1].tolist()) for i in range(6)]

    def case(capacity: float) -> Problem:
        return problem(*offers, resources=[Shared("r", capacity, {o.id: 1.0 for o in offers})])

    def value(capacity: float) -> float:
        return run(build(case(capacity), without=[overfull]), time_limit=9, relax=True).bound

    slope = (value(60.001) - value(60.0)) / 0.001
    assert shadow_prices(case(60.0))["r"] == pytest.approx(slope, rel=1e-4)
