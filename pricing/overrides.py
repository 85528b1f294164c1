"""Overrides: a bound that a person sets on the price of one offer, for a time.

Guarantees
----------
* An override says who set it, why, and when it ends; from that instant on the owner's own bounds hold again.
* It moves no price: it takes away prices that may be proposed and published while it stands.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from pricing.model import ALL
from pricing.money import parse_amount

LONGEST = timedelta(days=366)
"""What was set a year ago was set for another market."""
LONGEST_REASON = 300
"""[characters]"""


class Kind(StrEnum):
    """How much is left to the engine, the most first."""

    FLOOR = "floor"
    CEILING = "ceiling"
    FIXED = "fixed"


SAID = {
    Kind.FLOOR: "below the floor of {}",
    Kind.CEILING: "above the ceiling of {}",
    Kind.FIXED: "not the fixed price of {}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A bound on one offer's price in one channel, from `at` until `until` (UTC); `number` is its place in the book."""

    offer: str
    channel: str = ALL
    kind: Kind
    amount: Decimal
    currency: str
    until: datetime
    reason: str
    by: str
    at: datetime
    number: int | None = None

    def __post_init__(self) -> None:
        parse_amount(self.amount, self.currency)
        if not self.amount > 0:
            raise ValueError(f"{self.amount} is not a price")
        if self.at.tzinfo is None or self.until.tzinfo is None:
            raise ValueError("the instants of an override have a time zone")
        if not self.at < self.until <= self.at + LONGEST:
            raise ValueError(f"an override ends in the future, within {LONGEST.days} days, not at {_when(self.until)}")
        if not self.reason.strip() or not self.reason.isprintable() or len(self.reason) > LONGEST_REASON:
            raise ValueError(f"an override has a reason of one line, of at most {LONGEST_REASON} characters")

    @property
    def key(self) -> tuple[str, str]:
        """(offer, channel): whose price it bounds."""
        return self.offer, self.channel

    def allows(self, price: Decimal) -> bool:
        """Whether a price keeps it; never for NaN."""
        low = Decimal(0) if self.kind is Kind.CEILING else self.amount
        high = Decimal("Infinity") if self.kind is Kind.FLOOR else self.amount
        return price.is_finite() and low <= price <= high

    def says(self, price: Decimal) -> str | None:
        """What it has against a price, in words."""
        if self.allows(price):
            return None
        return f"{SAID[self.kind].format(f'{self.amount:f}')} that {self._origin}"

    def __str__(self) -> str:
        """`ceiling of 44.00 that Ada set until 2026-12-05 19:30 UTC (promised to a partner)`."""
        word = "fixed price" if self.kind is Kind.FIXED else self.kind.value
        return f"{word} of {self.amount:f} that {self._origin}"

    @property
    def _origin(self) -> str:
        return f"{self.by} set until {_when(self.until)} ({self.reason})"


def broken_by(price: Decimal, overrides: Iterable[Override]) -> Override | None:
    """The first override that a price does not keep."""
    return next((each for each in overrides if not each.allows(price)), None)


def _when(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} {instant.tzname()}"
