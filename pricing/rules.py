"""The rules a pricing problem may have, each as data.

Guarantees
----------
* `offers_of` says what a rule links; `faults` says what about a rule is impossible whatever the offers are.
* Whatever a buyer sees (order, one price, spread, endings) is a rule about totals: what is paid, fees included. What
  the owner earns or moves (margins, changes) is a rule about the ladder's prices.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from pricing.money import minor_digits

MOST = 1_000_000
"""Largest fraction of a price by which another may lie above it; more is a slip."""


@dataclass(frozen=True, slots=True)
class Order:
    """`upper` costs at least `min_gap` more than `lower`: a child's ticket not above an adult's."""

    lower: str
    upper: str
    min_gap: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class SamePrice:
    """All these offers cost the same."""

    offers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MaxSpread:
    """The dearest of these offers costs at most `amount`, or the share `fraction` of the cheapest, more than it.

    Fairness between segments. Exactly one of the two limits is given.
    """

    offers: tuple[str, ...]
    amount: Decimal | None = None
    fraction: Decimal | None = None

    def most(self, cheapest: Decimal) -> Decimal:
        """The dearest price allowed beside a cheapest one."""
        return cheapest + (self.amount or Decimal(0)) + cheapest * (self.fraction or Decimal(0))


@dataclass(frozen=True, slots=True)
class Ending:
    """Each of these offers' prices, written with its currency's decimals, ends in one of `endings`: `.99`, `9.50`."""

    offers: tuple[str, ...]
    endings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MaxChange:
    """Each offer's price moves at most `fraction` of its current price; offers without one are free."""

    offers: tuple[str, ...]
    fraction: Decimal


@dataclass(frozen=True, slots=True)
class DailyChange:
    """Each offer's price is at most `fraction` from every price in force in the last 24 hours, now included."""

    offers: tuple[str, ...]
    fraction: Decimal


@dataclass(frozen=True, slots=True)
class MostChanges:
    """At most `count` of these offers' prices differ from the current ones; a new offer has none to differ from."""

    offers: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class MinMargin:
    """Each offer's margin (price - unit cost) / price is at least `fraction`."""

    fraction: Decimal


@dataclass(frozen=True, slots=True)
class AverageMargin:
    """Of what these offers together take in, at least `fraction` is left after unit costs, in expectation."""

    offers: tuple[str, ...]
    fraction: Decimal


@dataclass(frozen=True, slots=True)
class MinUnits:
    """These offers together sell at least `units` in expectation."""

    offers: tuple[str, ...]
    units: float


@dataclass(frozen=True, slots=True)
class SellThrough:
    """At least the share `share` of a resource's capacity is used in expectation."""

    resource: str
    share: float


Rule = (
    Order
    | SamePrice
    | MaxSpread
    | Ending
    | MaxChange
    | DailyChange
    | MostChanges
    | MinMargin
    | AverageMargin
    | MinUnits
    | SellThrough
)


def offers_of(rule: Rule) -> tuple[str, ...]:
    """The offers a rule names; `MinMargin` names none and binds all, `SellThrough` binds all that use its resource."""
    match rule:
        case Order(lower, upper):
            return lower, upper
        case MinMargin() | SellThrough():
            return ()
        case _:
            return rule.offers


def faults(rule: Rule, currency: str) -> Iterator[str]:
    """What is impossible about a rule by itself, in words."""
    names = offers_of(rule)
    if len(set(names)) < len(names):
        yield from (f"names offer {name} twice" for name, times in Counter(names).items() if times > 1)
    if not names and not isinstance(rule, MinMargin | SellThrough):
        yield "names no offer"
    match rule:
        case MaxSpread():
            yield from _about_spread(rule)
        case Ending():
            yield from _about_endings(rule, minor_digits(currency))
        case _:
            yield from _about_limit(rule)


def _about_limit(rule: Rule) -> Iterator[str]:
    match rule:
        case Order(min_gap=gap) if not (gap.is_finite() and gap >= 0):
            yield f"gap {gap} is not an amount"
        case MaxChange(fraction=share) | DailyChange(fraction=share) if not (share.is_finite() and 0 <= share <= MOST):
            yield f"fraction {share} is not a share from 0 to {MOST}"
        case MinMargin(fraction=share) | AverageMargin(fraction=share) if not (share.is_finite() and share < 1):
            yield f"fraction {share} is not below 1"
        case MinUnits(units=units) if not 0 <= units < float("inf"):
            yield f"{units} is not a number of units"
        case SellThrough(share=part) if not 0 <= part <= 1:
            yield f"share {part} is not between 0 and 1"
        case MostChanges(count=count) if not count >= 0:
            yield f"{count} is not a number of prices"


def _about_spread(rule: MaxSpread) -> Iterator[str]:
    given = [limit for limit in (rule.amount, rule.fraction) if limit is not None]
    if len(given) != 1:
        yield "give either an amount or a fraction"
    yield from (f"{limit} is not a limit" for limit in given if not (limit.is_finite() and limit >= 0))
    if rule.fraction is not None and rule.fraction.is_finite() and rule.fraction > MOST:
        yield f"fraction {rule.fraction} is above {MOST}"


def _about_endings(rule: Ending, digits: int) -> Iterator[str]:
    pattern = rf"\d*\.\d{{{digits}}}" if digits else r"\d+"
    if not rule.endings:
        yield "names no ending"
    for ending in rule.endings:
        if not re.fullmatch(pattern, ending, re.ASCII):
            yield f"ending {ending!r} is not written with {digits} decimals, such as {'.99' if digits else '80'!r}"
