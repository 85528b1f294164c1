"""What is sold: events, offers, their price ladders, and the resources they draw on.

Guarantees
----------
* A ladder rises strictly; every step is a positive, finite price.
* An offer that may be priced has a floor and a ceiling; nothing is guessed for a missing bound.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Self

from pricing.money import check_currency, parse_amount

ALL = "all"
"""What a segment, event or channel is called when the user's tables do not distinguish any."""

MAX_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class Ladder:
    """The prices an offer may take, in rising order, major units of the offer's currency."""

    prices: tuple[Decimal, ...]

    def __post_init__(self) -> None:
        if not self.prices:
            raise ValueError("a ladder needs at least one price")
        if not all(price.is_finite() and price > 0 for price in self.prices):
            raise ValueError("every step of a ladder is a positive, finite price")
        if not all(low < high for low, high in zip(self.prices, self.prices[1:], strict=False)):
            raise ValueError("the steps of a ladder rise strictly")

    @classmethod
    def parse(cls, text: str, currency: str) -> Self:
        """Read a JSON list (`["10.00", "12.50"]`), or `10:60:2.50`, or `10:60:1 ending .99`.

        Raises
        ------
        ValueError
            naming what cannot be read.
        """
        text = text.strip()
        if text.startswith("["):
            try:
                listed = json.loads(text, parse_float=Decimal, parse_int=Decimal)
            except json.JSONDecodeError as error:
                raise ValueError(f"{text!r} is not a JSON list of prices") from error
            return cls.of((str(price) for price in listed), currency)
        return cls(tuple(_spell_out(text, currency)))

    @classmethod
    def of(cls, prices: Iterable[str | Decimal], currency: str) -> Self:
        """A ladder of these prices, sorted, without repeats."""
        return cls(tuple(sorted({parse_amount(price, currency) for price in prices})))

    def __len__(self) -> int:
        return len(self.prices)

    def __iter__(self) -> Iterator[Decimal]:
        return iter(self.prices)

    def __getitem__(self, step: int) -> Decimal:
        return self.prices[step]

    def __contains__(self, price: object) -> bool:
        return price in self.prices

    def index(self, price: Decimal) -> int:
        """Step of a price (ValueError if it is not on the ladder)."""
        return self.prices.index(price)

    def within(self, low: Decimal, high: Decimal) -> tuple[Decimal, ...]:
        """The steps inside [low, high]; may be empty."""
        return tuple(price for price in self.prices if low <= price <= high)


def _spell_out(text: str, currency: str) -> Iterator[Decimal]:
    span, _, ending = text.partition(" ending ")
    parts = span.split(":")
    if len(parts) != 3:
        raise ValueError(f"{text!r} is not a ladder: write a JSON list, or low:high:step, or low:high:step ending .99")
    low, high, step = (parse_amount(part, currency) for part in parts)
    if not (0 < low <= high and step > 0):
        raise ValueError(f"{text!r} is not a ladder: low, high and step must be positive and low not above high")
    if (high - low) / step >= MAX_STEPS:
        raise ValueError(f"{text!r} has more than {MAX_STEPS} steps")
    cents = (
        parse_amount("0" + ending.strip() if ending.strip().startswith(".") else ending.strip(), currency)
        if ending
        else None
    )
    if cents is not None and not 0 <= cents < 1:
        raise ValueError(f"{text!r}: an ending is a fraction such as .99")
    for k in range(int((high - low) / step) + 1):
        price = low + k * step
        price = price if cents is None else Decimal(int(price)) + cents
        if low <= price <= high:
            yield price


@dataclass(frozen=True, slots=True)
class Resource:
    """What offers draw on: a room, a stock. `capacity` is what is left to sell [units]."""

    id: str
    capacity: float

    def __post_init__(self) -> None:
        if not 0 <= self.capacity < float("inf"):
            raise ValueError(f"resource {self.id}: capacity {self.capacity} is not a number of units")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that takes place once; both instants in UTC."""

    id: str
    starts_at: datetime
    on_sale_at: datetime | None = None
    capacity: float | None = None
    venue: str = ALL
    category: str = ALL

    def __post_init__(self) -> None:
        for instant in (self.starts_at, self.on_sale_at):
            if instant is not None and instant.tzinfo is None:
                raise ValueError(f"event {self.id}: {instant} has no time zone")
        if self.on_sale_at is not None and not self.on_sale_at < self.starts_at:
            raise ValueError(f"event {self.id}: it goes on sale after it starts")


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing at one price: a ticket type for an audience, a product for a segment. Prices in major units.

    Attributes
    ----------
    floor, ceiling : the owner's bounds; an offer without both is never priced
    current_price : price in force, or None if never on sale
    resource : id of the resource a unit draws on, one to one
    list_price : the undiscounted price, where one exists
    """

    id: str
    product: str
    currency: str
    ladder: Ladder
    floor: Decimal
    ceiling: Decimal
    current_price: Decimal
    segment: str = ALL
    event: str = ALL
    channel: str = ALL
    unit_cost: Decimal = Decimal(0)
    resource: str | None = None
    list_price: Decimal | None = None

    def __post_init__(self) -> None:
        check_currency(self.currency)
        if not (self.floor.is_finite() and self.ceiling.is_finite() and 0 < self.floor <= self.ceiling):
            raise ValueError(f"offer {self.id}: floor {self.floor} and ceiling {self.ceiling} do not enclose a price")
        if not (self.current_price.is_finite() and self.current_price > 0):
            raise ValueError(f"offer {self.id}: current price {self.current_price} is not a price")
        if not (self.unit_cost.is_finite() and self.unit_cost >= 0):
            raise ValueError(f"offer {self.id}: unit cost {self.unit_cost} is not a cost")
        if not self.ladder.within(self.floor, self.ceiling):
            raise ValueError(f"offer {self.id}: no step of the ladder lies between floor and ceiling")

    @property
    def key(self) -> tuple[str, str]:
        """(product, segment): the group whose buyers are taken to react alike to a price."""
        return self.product, self.segment
