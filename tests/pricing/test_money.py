"""Money is exact, finite, and of one currency."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.money import CURRENCIES, Money, as_floats, minor_digits, parse_amount


@given(st.text(max_size=12))
def test_whatever_is_read_is_finite_and_has_its_currencys_decimals(text: str) -> None:
    """Any text is an exact amount or a ValueError, never something in between."""
    try:
        amount = parse_amount(text, "EUR")
    except ValueError:
        return
    assert amount.is_finite()
    assert amount.as_tuple().exponent == -2


@pytest.mark.parametrize("text", ["12,50", "1,234.50"])
def test_a_comma_is_refused_with_a_hint(text: str) -> None:
    """A decimal comma and a thousands separator are both refused: nobody can tell which is which."""
    with pytest.raises(ValueError, match="comma"):
        parse_amount(text, "EUR")


@pytest.mark.parametrize("text", ["", "nan", "inf", "1e3", "0x10", "12.505", "--3", "1 000", "1" * 40])
def test_what_is_no_plain_amount_is_refused(text: str) -> None:
    """Floats in scientific notation, NaN and half cents are no amounts."""
    with pytest.raises(ValueError, match=r"."):
        parse_amount(text, "EUR")


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("USD", 2)])
def test_decimals_follow_iso_4217(currency: str, digits: int) -> None:
    """Yen have none, dinars three."""
    assert currency in CURRENCIES
    assert minor_digits(currency) == digits


def test_two_currencies_never_mix() -> None:
    """Neither sum nor comparison crosses currencies."""
    euro, yen = Money(Decimal(1), "EUR"), Money(Decimal(1), "JPY")
    with pytest.raises(ValueError, match="do not mix"):
        _ = euro + yen
    with pytest.raises(ValueError, match="do not mix"):
        _ = euro < yen


@given(st.lists(st.decimals(min_value=0, max_value=10**6, places=2), max_size=20))
def test_sums_are_exact(amounts: list[Decimal]) -> None:
    """Adding and taking away again leaves nothing, to the cent."""
    total = Money(Decimal(0), "EUR")
    for amount in amounts:
        total += Money(amount, "EUR")
    for amount in amounts:
        total -= Money(amount, "EUR")
    assert total.amount == 0


def test_amounts_enter_models_as_floats() -> None:
    """The one door out of Decimal gives float64."""
    assert as_floats([Decimal("1.50"), Decimal(2)]).tolist() == [1.5, 2.0]


def test_money_reads_like_money() -> None:
    """An amount prints with its currency."""
    assert str(Money(Decimal("1.5"), "EUR")) == "1.50 EUR"
