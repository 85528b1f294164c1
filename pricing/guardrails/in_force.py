"""What is in force for an offer, and was of late: what every cap on moves counts from.

Guarantees
----------
* It is read off the rows of the price book alone; a row that has not begun is no price in force, and is said to come.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from pricing.overrides import Kind, Override, broken_by
from pricing.policy import Policy

DAY = timedelta(hours=24)
USUAL = timedelta(days=90)
"""How far back the usual price is taken from."""

Row = tuple[datetime, datetime | None, Decimal]
"""(valid from, valid until or None, price)"""


@dataclass(frozen=True, slots=True)
class InForce:
    """What is in force for an offer, and was of late.

    Attributes
    ----------
    price : now
    lowest, highest : of the prices in force within the last 24 hours, the present one among them
    lowest_lately, highest_lately : the same for `policy.cumulative_days`; None where no more is known than of the day
    usual : median over the last 90 days, weighted with time; None where it is not known
    before_emergency : the price in force at `policy.emergency_since`; None where it is not known
    coming : when a price that is scheduled takes effect; None if none is
    overrides : bounds that people set, as far as they stand
    """

    price: Decimal
    lowest: Decimal
    highest: Decimal
    lowest_lately: Decimal | None = None
    highest_lately: Decimal | None = None
    usual: Decimal | None = None
    before_emergency: Decimal | None = None
    coming: datetime | None = None
    overrides: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        if not self.lowest <= self.price <= self.highest:
            raise ValueError(f"price {self.price} lies outside its own range, {self.lowest} to {self.highest}")

    @property
    def demanded(self) -> Override | None:
        """The override that the price breaks: whoever set it demands another price, and answers for it."""
        return broken_by(self.price, self.overrides)

    @property
    def fixed(self) -> Override | None:
        """The override that fixes the price at what it is."""
        return next((each for each in self.overrides if each.kind is Kind.FIXED and each.allows(self.price)), None)

    @classmethod
    def steady(cls, price: Decimal) -> "InForce":
        """A price that has not moved for a day; nothing is known of the time before."""
        return cls(price, price, price)

    @classmethod
    def over(cls, rows: Sequence[Row], now: datetime, policy: Policy) -> "InForce":
        """From the rows of the price book of one offer in one channel, back to `history_from`; in any order.

        Raises
        ------
        ValueError
            if none is in force now.
        """
        begun = sorted((row for row in rows if row[0] <= now), key=lambda row: row[0])
        current = [price for _, end, price in begun if end is None or now < end]
        if not current:
            raise ValueError(f"no price is in force at {now}")
        day, lately = _since(begun, now - DAY), _since(begun, now - timedelta(days=policy.cumulative_days))
        return cls(
            price=current[-1],
            lowest=min(day),
            highest=max(day),
            lowest_lately=min(lately),
            highest_lately=max(lately),
            usual=_median(begun, now - USUAL, now),
            before_emergency=_at(begun, policy.emergency_since, now),
            coming=min((start for start, _, _ in rows if start > now), default=None),
        )


def history_from(now: datetime, policy: Policy) -> datetime:
    """From when on `InForce.over` must know the prices in force."""
    start = now - max(timedelta(days=policy.cumulative_days), USUAL)
    return start if policy.emergency_since is None else min(start, policy.emergency_since)


def _since(begun: Iterable[Row], start: datetime) -> list[Decimal]:
    """Prices that were in force at some instant after `start`."""
    return [price for _, end, price in begun if end is None or end > start]


def _median(begun: Iterable[Row], start: datetime, now: datetime) -> Decimal | None:
    """The price below or at which an offer was sold for half of the time; None if it has just come on sale."""
    spent: dict[Decimal, timedelta] = {}
    for begin, end, price in begun:
        time = min(end or now, now) - max(begin, start)
        if time > timedelta(0):
            spent[price] = spent.get(price, timedelta(0)) + time
    passed, whole = timedelta(0), sum(spent.values(), timedelta(0))
    for price in sorted(spent):
        passed += spent[price]
        if 2 * passed >= whole:
            return price
    return None


def _at(begun: Sequence[Row], instant: datetime | None, now: datetime) -> Decimal | None:
    """The price in force at an instant that has passed, or the first one after; `begun` is in order up to now's."""
    if instant is None or instant > now:
        return None
    return next(price for _, end, price in begun if end is None or end > instant)
