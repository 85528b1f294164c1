"""How numbers are written in a report.

Guarantees
----------
* A minus is U+2212; a difference carries its sign; what rounds to nothing is written without one.
* Prices have their currency's decimals, amounts of revenue are whole.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, format_percent

LOCALE = "en"
DASH = "–"
"""Stands where a number would say nothing."""
_WHOLE = "¤#,##0"
_BEYOND = 1e15
"""Size from which a float has no cents."""

COUNTS: Mapping[int, str] = MappingProxyType(
    dict(enumerate(("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")))
)


def price(amount: Decimal | float, currency: str) -> str:
    """An amount with its currency's decimals: `€42.00`; without a known currency two decimals."""
    return _minus(format_currency(amount, currency, locale=LOCALE) if currency else decimal(float(amount)))


def whole(amount: float, currency: str) -> str:
    """An amount without decimals: `€1,235`."""
    rounded = round(amount) or 0
    return _minus(format_currency(rounded, currency, _WHOLE, locale=LOCALE, currency_digits=False))


def difference(amount: float, currency: str) -> str:
    """A whole amount with its sign: `+€403`, `−€42`, `€0`."""
    return ("+" if round(amount) > 0 else "") + whole(amount, currency)


def percent(share: float) -> str:
    """A share without decimals: `13%`."""
    return _minus(format_percent(round(share, 2) or 0, locale=LOCALE))


def change(share: float, pattern: str = "#,##0.0%") -> str:
    """A relative change with its sign, rounded once, to the decimals of the pattern: `+7.1%`."""
    rounded = round(share, 2 + pattern.partition(".")[2].count("0")) or 0
    return ("+" if rounded > 0 else "") + _minus(format_percent(rounded, pattern, locale=LOCALE))


def units(number: float) -> str:
    """A number of units, whole: `1,284`."""
    return _minus(format_decimal(round(number) or 0, "#,##0", locale=LOCALE))


def decimal(number: float) -> str:
    """Two decimals: `−1.38`; of a size that has none in a float, `3.2e+34`."""
    if abs(number) >= _BEYOND:
        return _minus(f"{number:.1e}")
    return _minus(format_decimal(round(number, 2) or 0, "#,##0.00", locale=LOCALE))


def day(instant: datetime) -> str:
    """A day with its weekday: `Sat 12 Dec 2026`."""
    return format_date(instant.date(), "EEE d MMM y", locale=LOCALE)


def minute(instant: datetime) -> str:
    """An instant in its own zone: `21 Nov 2026, 06:00 UTC`."""
    return format_datetime(instant, "d MMM y, HH:mm", locale=LOCALE) + f" {instant.tzname() or ''}".rstrip()


def count(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun, small counts in words: `one price`, `12 prices`."""
    return f"{COUNTS.get(number, units(number))} {one if number == 1 else many or one + 's'}"


def typeset(text: str) -> str:
    """A reason written elsewhere, its hyphens before figures made minus signs."""
    return re.sub(r"(?<![\w\-])-(?=[\d.])", "−", text)


def _minus(text: str) -> str:
    return text.replace("-", "−")
