"""Money: an exact decimal amount with its ISO 4217 currency.

Guarantees
----------
* An amount is finite and has no more decimals than its currency has (two for EUR, none for JPY, three for KWD).
* Amounts of two currencies are never added or compared.
* Floats enter and leave in `as_floats` only; a float never becomes a price.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Self

import numpy as np
from numpy.typing import NDArray

_MINOR_DIGITS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
CURRENCIES = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
    USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905  # a list of 150 quoted codes would fill the screen
)
"""ISO 4217 codes of money that circulates (funds, metals and test codes left out)."""

_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?")


def minor_digits(currency: str) -> int:
    """Decimals of a currency (ISO 4217): 2 for most, 0 for JPY and its like, 3 for KWD and its like."""
    return _MINOR_DIGITS.get(currency, 2)


def check_currency(currency: str) -> str:
    """Return the code if it is an ISO 4217 currency.

    Raises
    ------
    ValueError
        if the code is unknown.
    """
    if currency not in CURRENCIES:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency (for example EUR)")
    return currency


def parse_amount(text: str | int | Decimal, currency: str) -> Decimal:
    """Read an amount written plainly (`12.50`) and give it its currency's decimals.

    Raises
    ------
    ValueError
        if the text is not a plain finite number, has a decimal comma, or more decimals than the currency.
    """
    if "," in str(text):
        raise ValueError(f"{text!r} has a comma: write decimals with a point and no thousands separator")
    if not _PLAIN.fullmatch(f"{text:f}" if isinstance(text, Decimal) else str(text).strip()):
        raise ValueError(f"{text!r} is not an amount")
    amount, quantum = Decimal(str(text).strip()), Decimal(1).scaleb(-minor_digits(currency))
    try:
        exact = amount.quantize(quantum)
    except InvalidOperation:
        raise ValueError(f"{text!r} is too large for an amount") from None
    if exact != amount:
        raise ValueError(f"{text!r} has more decimals than {currency} has ({minor_digits(currency)})")
    return exact


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency, major units."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        check_currency(self.currency)
        object.__setattr__(self, "amount", parse_amount(self.amount, self.currency))

    def __add__(self, other: Self) -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Self) -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __lt__(self, other: Self) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Self) -> bool:
        return self.amount <= self._same(other)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _same(self, other: Self) -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other.amount


def as_floats(amounts: Iterable[Decimal]) -> NDArray[np.float64]:
    """Amounts as float64 for the inside of a model; the one door out of Decimal. There is no door back."""
    return np.array([float(amount) for amount in amounts], dtype=np.float64)
