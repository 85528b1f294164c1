"""A plan says what stands in its way, exactly where something does."""

from decimal import Decimal

from optimization.solve import HighsOptimizer
from pricing.problem import (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    MinMargin,
    MinUnits,
    MostChanges,
    Objective,
    Order,
    Problem,
    Rule,
    SamePrice,
    SellThrough,
    Shared,
)
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
        DailyChange(("b",), Decimal("0.9")),
        MaxSpread(("a", "b"), Decimal(9)),
        Ending(("a", "b"), (".00",)),
        MostChanges(("a", "b"), 2),
        AverageMargin(("a", "b"), Decimal("0.1")),
        SellThrough("r", 0.05),
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


def test_a_day_of_small_moves_binds() -> None:
    """12 is within a fifth of the current price and of this morning's; 15 is not."""
    case = problem(
        offer("a", [10, 12, 15], [9.0, 8.9, 8.8], now="12", recent=["10"]), rules=[DailyChange(("a",), Decimal("0.2"))]
    )
    assert binding(case) == ("a (12 EUR): moves at most 20 % from 12 and 10 in the last 24 hours",)


def test_prices_that_may_not_lie_further_apart_bind() -> None:
    """As an amount, and as a share of the cheapest."""
    amount = problem(RISING, FALLING, rules=[MaxSpread(("a", "b"), Decimal(2))])
    assert binding(amount) == ("b (10 EUR) and a (12 EUR) lie at most 2 EUR apart",)
    share = problem(RISING, FALLING, rules=[MaxSpread(("a", "b"), None, Decimal("0.3"))])
    assert binding(share) == ("b (10 EUR) and a (12 EUR) lie at most 30 % of the cheapest apart",)


def test_an_ending_that_forbids_the_steps_beside_binds() -> None:
    """What a buyer pays, with the fee, is what ends so."""
    case = problem(offer("a", ["9.49", "10"], [9.0, 8.9], fee="0.50"), rules=[Ending(("a",), (".99",))])
    assert binding(case) == ("a (9.99 EUR): the price ends in .99",)


def test_sums_that_one_more_step_would_break_bind() -> None:
    """The number of changes, the average margin, and the share of a room."""
    few = problem(RISING, FALLING, rules=[MostChanges(("a", "b"), 1)])
    assert binding(few) == ("a and b: 1 of at most 1 prices change",)
    costly = problem(offer("a", [10, 12], [90.0, 9.0], cost="8"), rules=[AverageMargin(("a",), Decimal("0.25"))])
    assert binding(costly) == ("a: the average margin is 33.33 % of at least 25 %",)
    sold = problem(
        offer("a", [10, 20], [9.0, 8.0]), resources=[Shared("r", 10.0, {"a": 1.0})], rules=[SellThrough("r", 0.85)]
    )
    assert binding(sold) == ("at least 85 % of r's 10 units are used",)


def test_a_resource_is_told_in_whole_digits() -> None:
    """Neither a large capacity is written with an exponent, nor a share of nothing."""
    large = problem(offer("a", [10], [1e12]), resources=[Shared("sky", 1e12, {"a": 1.0})])
    assert binding(large)[0].startswith("sky: 1000000000000.0 of 1000000000000 are used")
    gone = problem(offer("a", [10], [3]), resources=[Shared("room", 0.0, {"a": 1.0}, Decimal(2))])
    assert binding(gone)[0].startswith("room: 3.0 are used, none is left")
