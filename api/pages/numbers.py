"""How numbers and instants are written for one reader.

Guarantees
----------
* A minus is U+2212 and stays with its figure; a difference carries its sign; what rounds to nothing has none.
* Prices have their currency's decimals, amounts of revenue are whole.
* An instant is told in the zone of the workspace.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent

DASH = "–"
"""Stands where a number would say nothing."""
_GLUE = "\u2060"
MINUS = f"−{_GLUE}"
"""Stays with its figure."""
_DAYS = 7


@dataclass(frozen=True, slots=True)
class Numbers:
    """Writes for one locale and zone."""

    locale: Locale
    zone: ZoneInfo

    def price(self, amount: Decimal | float, currency: str) -> str:
        """An amount with its currency's decimals: `€42.00`, `42,00 €`."""
        return _minus(format_currency(amount, currency, locale=self.locale))

    def whole(self, amount: Decimal | float, currency: str) -> str:
        """An amount without decimals: `€1,235`."""
        pattern = self.locale.currency_formats["standard"].pattern.replace(".00", "")
        rounded = round(amount) or 0
        return _minus(format_currency(rounded, currency, pattern, locale=self.locale, currency_digits=False))

    def difference(self, amount: Decimal | float, currency: str) -> str:
        """A whole amount with its sign: `+€403`, `−€42`, `€0`."""
        return _signed(round(amount), self.whole(amount, currency))

    def percent(self, share: float) -> str:
        """A share without decimals: `13%`, `13 %`."""
        return _minus(format_percent(round(share, 2) or 0, locale=self.locale))

    def share(self, share: float) -> str:
        """A share with one decimal below a tenth: `0.4%`, `13%`."""
        pattern = self.locale.percent_formats[None].pattern.replace("#,##0", "#,##0.#" if abs(share) < 0.1 else "#,##0")
        return _minus(format_percent(round(share, 3) or 0, pattern, locale=self.locale))

    def change(self, share: float, decimals: int = 1) -> str:
        """A relative change with its sign: `+7.1%`."""
        rounded = round(share, 2 + decimals) or 0
        digits = f"0.{'0' * decimals}" if decimals else "0"
        pattern = self.locale.percent_formats[None].pattern.replace("#,##0", f"#,##{digits}")
        return _signed(rounded, _minus(format_percent(rounded, pattern, locale=self.locale)))

    def units(self, number: float) -> str:
        """A number of units, whole: `1,284`."""
        return _minus(format_decimal(round(number) or 0, "#,##0", locale=self.locale))

    def decimal(self, number: float) -> str:
        """Two decimals: `−1.38`."""
        if abs(number) >= 1e12:
            return _minus(format_compact_decimal(number, locale=self.locale))
        return _minus(format_decimal(round(number, 2) or 0, "#,##0.00", locale=self.locale))

    def day(self, instant: datetime) -> str:
        """A day with its weekday: `Sat 12 Dec 2026`."""
        return format_skeleton("yMMMEd", self.local(instant), locale=self.locale)

    def date(self, day: date) -> str:
        """A day of the calendar: `12 Dec 2026`."""
        return format_skeleton("yMMMd", day, locale=self.locale)

    def short_day(self, instant: datetime) -> str:
        """A day without its year: `12 Dec`."""
        return format_skeleton("MMMd", self.local(instant), locale=self.locale)

    def full_day(self, instant: datetime) -> str:
        """A day in words: `Saturday, 12 December 2026`."""
        return format_date(self.local(instant).date(), "full", locale=self.locale)

    def minute(self, instant: datetime) -> str:
        """An instant: `21 Nov 2026, 06:00`."""
        return f"{format_skeleton('yMMMd', self.local(instant), locale=self.locale)}, {self.clock(instant)}"

    def clock(self, instant: datetime) -> str:
        """A time of day: `19:30`."""
        return format_skeleton("Hm", self.local(instant), locale=self.locale)

    def second(self, instant: datetime) -> str:
        """A time of day to the second: `19:30:05`."""
        return format_skeleton("Hms", self.local(instant), locale=self.locale)

    def when(self, instant: datetime, now: datetime) -> str:
        """The time of day if it is today, the day if it is this year's, else the date."""
        at, today = self.local(instant), self.local(now)
        if at.date() == today.date():
            return self.clock(instant)
        return self.short_day(instant) if at.year == today.year else self.day(instant)

    def last_day(self, until: datetime, now: datetime) -> str:
        """The last day, or the time today, of what ends at an instant that is no part of it."""
        return self.when(until - timedelta(microseconds=1), now)

    def days_until(self, instant: datetime, now: datetime) -> int:
        """Whole days from today to a day."""
        return (self.local(instant).date() - self.local(now).date()).days

    def local(self, instant: datetime) -> datetime:
        """An instant in the zone of the workspace."""
        return instant.astimezone(self.zone)


def _signed(amount: float, text: str) -> str:
    return f"+{_GLUE}{text}" if amount > 0 else text


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
