"""A plan says what stands in its way, exactly where something does."""

from decimal import Decimal

from optimization.solve import HighsOptimizer
from pricing.problem import MaxChange, MinMargin, MinUnits, Objective, Order, Problem, Rule, SamePrice, Shared
from tests.optimization.problems import offer, problem


def binding(case: Problem) -> tuple[str, ...]:
    """What the best plan says is in its way."""
    return HighsOptimizer().solve(case, time_limit=9).binding


RISING = offer("a", [10, 12, 15], [9.0, 8.9, 8.8], now="10")
FALLING = offer("b", [10, 12, 15], [9.0, 5.0, 2.0], now="10")


def test_nothing_binds_a_free_choice() -> None:
    """Rules that would allow the next steps too are not named."""
    rules: list[Rule] = [
        MaxChange(("b",), Decimal("0.9")),
        MinMargin(Decimal("0.1")),
        MinUnits(("a", "b"), 1.0),
        Order("b", "a"),
    ]
    assert binding(problem(RISING, FALLING, rules=rules, resources=[Shared("r", 90.0, {"a": 1.0})])) == ()


def test_a_change_that_is_capped_binds() -> None:
    """The price would rise further; the cap on changes forbids the next step."""
    case = problem(RISING, rules=[MaxChange(("a",), Decimal("0.2"))])
    assert binding(case) == ("a (12 EUR): moves at most 20 % from 10",)


def test_an_order_that_holds_with_equality_binds() -> None:
    """The cheaper offer would rise above the other."""
    case = problem(RISING, FALLING, rules=[Order("a", "b")])
    assert binding(case) == ("b (10 EUR) costs at least as much as a (10 EUR)",)


def test_one_price_for_both_is_said() -> None:
    """Equal prices are equality."""
    case = problem(RISING, FALLING, rules=[SamePrice(("a", "b"))])
    assert binding(case) == ("a (10 EUR) and b (10 EUR) cost the same",)


def test_a_margin_at_its_least_binds() -> None:
    """The next lower step would leave too little."""
    offers = offer("a", [10, 12], [90.0, 9.0], cost="8")
    case = problem(offers, rules=[MinMargin(Decimal("0.25"))], objective=Objective.REVENUE)
    assert binding(case) == ("a (12 EUR): the margin is at least 25 % of the price, at a cost of 8",)


def test_units_at_their_least_bind() -> None:
    """Exactly the units that are asked for."""
    case = problem(offer("a", [10, 20], [9.0, 8.0]), rules=[MinUnits(("a",), 9.0)])
    assert binding(case) == ("a: 9.0 of at least 9 units",)


def test_a_full_room_binds() -> None:
    """Every place is taken."""
    case = problem(RISING, FALLING, resources=[Shared("room", 17.8, {"a": 1.0, "b": 1.0})])
    assert binding(case) == ("room: 17.8 of 17.8 are used; bid price 0.00 EUR",)
