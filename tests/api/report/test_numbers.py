"""Numbers are written one way: signs on differences, U+2212 for minus, cents on prices, whole revenue."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from api.report import numbers


def test_a_minus_is_the_minus_sign_and_a_difference_carries_its_sign() -> None:
    """Nothing is written as a hyphen; what rounds to nothing has no sign."""
    assert numbers.difference(-42.4, "EUR") == "−€42"
    assert numbers.difference(403, "EUR") == "+€403"
    assert numbers.difference(-0.3, "EUR") == "€0"
    assert numbers.change(-0.0714) == "−7.1%"
    assert numbers.change(0.071) == "+7.1%"
    assert numbers.change(-0.0001) == "0.0%"
    assert numbers.change(172 / 188 - 1, "#,##0%") == f"−{numbers.percent(1 - 172 / 188)}" == "−9%", "rounded once"
    assert numbers.decimal(-1.375) == "−1.38"
    assert numbers.decimal(-3.23e34) == "−3.2e+34", "which no decimals can write"


def test_prices_have_their_currencys_decimals() -> None:
    """Two for EUR, none for JPY; revenue is whole in any currency."""
    assert numbers.price(Decimal("42.5"), "EUR") == "€42.50"
    assert numbers.price(Decimal(1200), "JPY") == "¥1,200"
    assert numbers.whole(1234.5, "EUR") == "€1,234"
    assert numbers.price(9.5, "") == "9.50"


def test_counts_read_as_words_up_to_nine() -> None:
    """One price, two prices, 12 prices."""
    assert [numbers.count(n, "price") for n in (0, 1, 2, 12)] == ["no prices", "one price", "two prices", "12 prices"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [("-1.67 to +0.2", "−1.67 to +0.2"), ("half-day, A-1", "half-day, A-1"), ("2026-11-21", "2026-11-21")],
)
def test_typesetting_turns_only_negative_figures(given: str, expected: str) -> None:
    """Hyphens in words, codes and dates stay."""
    assert numbers.typeset(given) == expected


def test_instants_name_their_zone() -> None:
    """A time without its zone would be a guess."""
    assert numbers.minute(datetime(2026, 11, 21, 6, tzinfo=UTC)) == "21 Nov 2026, 06:00 UTC"
    assert numbers.day(datetime(2026, 12, 12, tzinfo=UTC)) == "Sat 12 Dec 2026"
