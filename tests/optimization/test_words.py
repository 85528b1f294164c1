"""Rules read as a manager would say them."""

from decimal import Decimal

import pytest

from optimization.words import item_in_words, listed, percent
from pricing.problem import (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    MinMargin,
    MinUnits,
    MostChanges,
    Order,
    Rule,
    SamePrice,
    SellThrough,
    Shared,
)
from tests.optimization.problems import offer, problem

CASE = problem(offer("a", [1], [1.0]), offer("b", [1], [1.0]), resources=[Shared("room", 7.0, {"a": 1.0})])


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Order("a", "b", Decimal("2.50")), "b costs at least 2.50 EUR more than a"),
        (Order("a", "b"), "b costs at least as much as a"),
        (SamePrice(("a", "b")), "a and b cost the same"),
        (MaxSpread(("a", "b"), Decimal("2.50")), "a and b: prices lie at most 2.50 EUR apart"),
        (MaxSpread(("a", "b"), None, Decimal("0.1")), "a and b: prices lie at most 10 % of the cheapest apart"),
        (Ending(("a",), (".99", ".49")), "a: prices end in .99 or .49"),
        (MaxChange(("a", "b"), Decimal("0.125")), "a and b: the price moves at most 12.5 % from the current one"),
        (DailyChange(("a",), Decimal("0.2")), "a: the price is at most 20 % from any of the last 24 hours"),
        (MostChanges(("a", "b"), 1), "a and b: at most 1 of the prices change"),
        (MinMargin(Decimal("0.3")), "a and b: the margin is at least 30 % of the price"),
        (AverageMargin(("a", "b"), Decimal("0.3")), "a and b: the average margin is at least 30 % of what is taken in"),
        (MinUnits(("a",), 3.0), "a sells at least 3 units"),
        (MinUnits(("a", "b"), 3.0), "a and b together sell at least 3 units"),
        (SellThrough("room", 0.9), "at least 90 % of room's 7 units are used"),
    ],
)
def test_rules_in_words(rule: Rule, words: str) -> None:
    """Names, amounts and currency stand where they belong."""
    assert item_in_words(CASE, rule) == words


def test_a_resource_in_words() -> None:
    """What it holds."""
    assert item_in_words(CASE, CASE.resources[0]) == "room holds 7 units"


def test_many_names_are_cut_short() -> None:
    """Six names are listed, the rest counted."""
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_a_percentage_has_no_exponent() -> None:
    """100 % is not 1E+2 %."""
    assert percent(Decimal(1)) == "100 %"
    assert percent(Decimal("0.2")) == "20 %"
