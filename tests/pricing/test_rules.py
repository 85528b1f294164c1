"""A rule says what it links, and what about it is impossible."""

from decimal import Decimal

import pytest

from pricing.rules import (
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
    faults,
    offers_of,
)

NAN = Decimal("NaN")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Order("a", "a"), "names offer a twice"),
        (Order("a", "b", NAN), "gap NaN"),
        (Order("a", "b", Decimal(-1)), "gap -1"),
        (SamePrice(("a", "a")), "names offer a twice"),
        (SamePrice(()), "names no offer"),
        (MaxSpread(("a", "b")), "give either"),
        (MaxSpread(("a", "b"), Decimal(1), Decimal(1)), "give either"),
        (MaxSpread(("a", "b"), Decimal(-1)), "-1 is not a limit"),
        (MaxSpread(("a", "b"), None, NAN), "NaN is not a limit"),
        (MaxSpread(("a", "b"), None, Decimal("1e308")), "fraction 1E+308 is above 1000000"),
        (Ending(("a",), ()), "names no ending"),
        (Ending(("a",), (".9",)), "ending '.9' is not written with 2 decimals"),
        (Ending(("a",), ("99",)), "ending '99'"),
        (Ending(("a",), ("-.99",)), "ending '-.99'"),
        (MaxChange(("a",), Decimal("-0.1")), "fraction -0.1"),
        (MaxChange(("a",), Decimal("1e308")), "fraction 1E+308 is not a share from 0 to 1000000"),
        (DailyChange(("a",), NAN), "fraction NaN"),
        (MostChanges(("a",), -1), "-1 is not a number of prices"),
        (MinMargin(Decimal(1)), "fraction 1"),
        (AverageMargin(("a",), NAN), "fraction NaN"),
        (AverageMargin((), Decimal(0)), "names no offer"),
        (MinUnits(("a",), float("nan")), "nan is not"),
        (MinUnits((), 1.0), "names no offer"),
        (SellThrough("r", 1.1), "share 1.1"),
        (SellThrough("r", float("nan")), "share nan"),
    ],
)
def test_what_is_impossible_is_said(rule: Rule, words: str) -> None:
    """Each rule's own limits hold."""
    assert any(words in fault for fault in faults(rule, "EUR"))


def test_endings_are_written_with_the_currencys_decimals() -> None:
    """.99 in euros, 80 in yen, .990 in dinars."""
    for currency, ending in (("EUR", ".99"), ("EUR", "19.99"), ("JPY", "80"), ("KWD", ".990")):
        assert [*faults(Ending(("a",), (ending,)), currency)] == []
    for currency, ending in (("JPY", ".99"), ("KWD", ".99")):
        assert len([*faults(Ending(("a",), (ending,)), currency)]) == 1


def test_rules_name_their_offers() -> None:
    """What a rule names is what it links; the margin rule binds all, sell-through what draws on its resource."""
    assert offers_of(Order("a", "b")) == ("a", "b")
    assert offers_of(AverageMargin(("a", "b"), Decimal(0))) == ("a", "b")
    assert offers_of(MinMargin(Decimal(0))) == ()
    assert offers_of(SellThrough("room", 0.5)) == ()
