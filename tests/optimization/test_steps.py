"""Which steps stay, exactly to the edge, and what they are worth."""

from decimal import Decimal

import numpy as np
import pytest

from optimization.steps import canonical, ordered, outcomes, permitted, tail_weights, value_of, within_spread
from pricing.problem import (
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    Measure,
    MinMargin,
    Order,
    Risk,
    Rule,
    SamePrice,
    Shared,
)
from tests.optimization.problems import at_random, offer, problem


@pytest.mark.parametrize(
    ("rule", "stays"),
    [
        (MaxChange(("a",), Decimal("0.1")), [False, True, True, True, False]),
        (MaxChange(("a",), Decimal("0.0999")), [False, False, True, False, False]),
        (MinMargin(Decimal("0.1")), [False, True, True, True, True]),
        (MinMargin(Decimal("0.1001")), [False, False, True, True, True]),
        (SamePrice(("a", "b")), [False, True, False, False, True]),
        (DailyChange(("a",), Decimal("0.25")), [False, False, True, True, True]),
        (DailyChange(("b",), Decimal(0)), [True] * 5),
        (Ending(("a",), ("0.27", "0.34")), [False, True, False, False, True]),
        (Ending(("a",), ("10.27", ".30")), [False, False, True, False, False]),
    ],
)
def test_the_edge_itself_is_permitted(rule: Rule, stays: list[bool]) -> None:
    """0.27 is 0.30 less a tenth, though 0.1 * 0.3 in binary fractions says otherwise; 0.243 is nine tenths of it."""
    a = offer("a", ["0.26", "0.27", "0.30", "0.33", "0.34"], [1.0] * 5, cost="0.243", now="0.30", recent=["0.40"])
    b = offer("b", ["0.27", "0.31", "0.34"], [1.0] * 3, cost="0.01")
    assert permitted(problem(a, b, rules=[rule]))["a"].tolist() == stays


def test_what_a_buyer_sees_is_the_total() -> None:
    """Endings, one price, order and spread hold for what is paid; changes and margins for the price."""
    a = offer("a", [10, 12], [1.0, 1.0], fee="0.99", cost="9", now="10")
    b = offer("b", ["10.99", 12], [1.0, 1.0])
    rules: dict[Rule, list[bool]] = {
        Ending(("a",), (".99",)): [True, True],
        Ending(("a",), (".00",)): [False, False],
        SamePrice(("a", "b")): [True, False],
        MaxChange(("a",), Decimal("0.1")): [True, False],
        MinMargin(Decimal("0.11")): [False, True],
    }
    for rule, stays in rules.items():
        assert permitted(problem(a, b, rules=[rule]))["a"].tolist() == stays
    assert ordered(Order("b", "a"), b, a).tolist() == [[True, True], [False, True]]
    assert within_spread(MaxSpread(("a", "b"), Decimal("1.01")), b, a).tolist() == [[True, False], [True, True]]


def test_a_step_that_overfills_alone_is_out_unless_spilling_is_allowed() -> None:
    """9 units do not go into 5; with a loss per unit they may."""
    case = offer("a", [1, 2], [9.0, 5.0])
    assert permitted(problem(case, resources=[Shared("s", 5.0, {"a": 1.0})]))["a"].tolist() == [False, True]
    spilling = Shared("s", 5.0, {"a": 1.0}, Decimal(1))
    assert permitted(problem(case, resources=[spilling]))["a"].all()


def test_the_tail_counts_the_straddling_draw_in_part() -> None:
    """Three eighths of four draws are one whole and a half."""
    case = problem(offer("a", [1], [[1.0], [2.0], [3.0], [4.0]]), risk=Risk(Measure.CVAR, 0.375))
    assert tail_weights(case) == pytest.approx(np.array([1.0, 0.5, 0, 0]) / 1.5)
    assert outcomes(case, case.offers[0]).ravel().tolist() == [1, 2, 3, 4]
    assert value_of(case, {"a": 0}) == pytest.approx((1 + 0.5 * 2) / 1.5)


def test_one_order_for_every_way_of_writing() -> None:
    """Turned around, the problem is the same."""
    for seed in range(30):
        case = at_random(seed)
        turned = problem(
            *case.offers[::-1],
            resources=case.resources[::-1],
            rules=case.rules[::-1],
            objective=case.objective,
            risk=case.risk,
        )
        here, there = canonical(case), canonical(turned)
        assert [o.id for o in here.offers] == [o.id for o in there.offers]
        assert (here.resources, here.rules) == (there.resources, there.rules)
