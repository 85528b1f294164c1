"""What is left to try is tried, or given up in good time; equals go to the current price."""

from decimal import Decimal

import numpy as np
import pytest

from optimization.enumeration import settle
from optimization.lagrangian import exact
from optimization.lagrangian.exact import best_choice, settled
from optimization.lagrangian.relax import named
from pricing.problem import Order, Shared
from tests.optimization.lagrangian.markets import market, tables
from tests.optimization.problems import offer, problem


def test_too_many_choices_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room to lose everything there are too many; with none there is the one that attains the bound, or none."""
    whole = tables(market(60))
    zero = np.zeros(len(whole.rows.limit))
    assert best_choice(whole, zero, np.inf) is None
    assert best_choice(whole, zero, 0.0) is not None
    monkeypatch.setattr(exact, "MOST", 0)
    assert best_choice(whole, zero, 0.0) is None


def test_equals_settle_at_the_current_price_where_rules_allow() -> None:
    """Nothing sells of b and c: b goes to its current price, c only as low as what it must not undercut."""
    idle = [0.0, 0.0, 0.0]
    case = problem(
        offer("a", [10, 12, 14], [9.0, 8.0, 5.0], now="10"),
        offer("b", [10, 12, 14], idle, now="14"),
        offer("c", [10, 12, 14], idle, now="10"),
        resources=[Shared("r", 8.5, {"a": 1.0, "b": 1.0})],
        rules=[Order("a", "c", Decimal(0))],
    )
    whole = tables(case)
    start = np.array([{"a": 1, "b": 0, "c": 2}[name] for name in whole.names])
    assert named(whole, settled(whole, start)) == {"a": 1, "b": 2, "c": 1}


def test_what_one_offer_earns_is_equal_by_its_own_measure() -> None:
    """Beside an offer of 9e15 units a loss of 3.50 is a rounding error of the sum; it is still one of the offer."""
    many = 9e15
    case = problem(
        offer("a", [8, 9, 10], [many, 0.9 * many, 0.5 * many], now="8"),
        offer("b", [8, 9, 10], [9.0, 8.5, 7.0], now="10"),
        offer("c", [8, 9, 10], [9.0, 8.0, 7.2], now="10"),
    )
    best = {"a": 1, "b": 1, "c": 2}
    assert settle(case, {"a": 1, "b": 1, "c": 1}) == best
    whole = tables(case)
    start = np.array([{"a": 1, "b": 1, "c": 1}[name] for name in whole.names])
    assert named(whole, settled(whole, start)) == best
