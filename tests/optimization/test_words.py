"""Rules read as a manager would say them."""

from decimal import Decimal

from optimization.words import listed, percent, rule_in_words
from pricing.problem import MaxChange, MinUnits, Order
from tests.optimization.problems import offer, problem

CASE = problem(offer("a", [1], [1.0]), offer("b", [1], [1.0]))


def test_rules_in_words() -> None:
    """Names, amounts and currency stand where they belong."""
    assert rule_in_words(CASE, Order("a", "b", Decimal("2.50"))) == "b costs at least 2.50 EUR more than a"
    assert rule_in_words(CASE, MinUnits(("a",), 3.0)) == "a sells at least 3 units"
    assert rule_in_words(CASE, MaxChange(("a", "b"), Decimal("0.125"))) == (
        "a and b: the price moves at most 12.5 % from the current one"
    )


def test_many_names_are_cut_short() -> None:
    """Six names are listed, the rest counted."""
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_a_percentage_has_no_exponent() -> None:
    """100 % is not 1E+2 %."""
    assert percent(Decimal(1)) == "100 %"
    assert percent(Decimal("0.2")) == "20 %"
