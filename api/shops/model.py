"""What passes between Fairfare and a shop, whatever system the shop runs.

Guarantees
----------
* A write cannot be made with an amount that is not finite, not positive, or outside the owner's bounds, unless it puts
  back what stood there before.
* "Nothing is written here" and "an empty value is written here" are told apart, so that both can be put back.
* A sale counts as many units as were sold, a cancellation the same number negatively, each at the price paid for one.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from pricing.money import check_currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a system can do, and how it behaves where systems differ.

    Attributes
    ----------
    system : its name, as its maker writes it
    tax_included : the price that is written is the one a buyer pays
    requests_per_minute : most requests that may be sent
    minor_units : amounts are whole numbers of the currency's smallest unit
    bulk : one request can write several prices
    atomic : such a request takes all of them or none
    cart_keeps_price : what lies in a cart keeps the price it had when it was put there
    """

    system: str
    tax_included: bool
    requests_per_minute: int
    minor_units: bool = False
    bulk: bool = False
    atomic: bool = False
    cart_keeps_price: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What is written at a place of a shop: an amount, an empty value (`there`, no amount), or nothing at all."""

    there: bool
    amount: Decimal | None = None

    def __post_init__(self) -> None:
        if self.amount is not None and not (self.there and self.amount.is_finite()):
            raise ValueError(f"{self.amount} cannot be written")

    def __str__(self) -> str:
        if self.amount is not None:
            return str(self.amount)
        return "empty" if self.there else "nothing"


ABSENT = Written(there=False)
EMPTY = Written(there=True)


def amount(value: Decimal) -> Written:
    """An amount that is written."""
    return Written(there=True, amount=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A place where a price stands, as whoever runs the shop sees it.

    Attributes
    ----------
    place : names it within the shop, for ever
    name : for people
    price : what holds there, inherited where nothing is written; None: there is none
    written : what is written at this very place
    """

    place: str
    name: str
    currency: str
    price: Decimal | None
    written: Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A price as a buyer without an account sees it, with everything that must be paid; None where none is shown."""

    place: str
    price: Decimal | None
    currency: str
    available: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Units sold, or given back (a negative quantity), at one price.

    Attributes
    ----------
    id : never used again; pulling it twice gives the same movement
    place : whose price it was sold at
    at : when, UTC
    quantity : sold less given back [units]
    price : paid for one unit, which may be an older one that lay in a cart
    order : names what was bought together
    """

    id: str
    place: str
    at: datetime
    quantity: int
    price: Decimal
    currency: str
    order: str

    def __post_init__(self) -> None:
        check_currency(self.currency)
        if self.at.tzinfo is None or not self.price.is_finite():
            raise ValueError(f"movement {self.id}: {self.at} has no zone, or {self.price} is no price")


@dataclass(frozen=True, slots=True)
class Demand:
    """Movements since a cursor, in the order they happened, and the cursor to ask for the next with.

    A movement may come again after the next cursor; none is left out but those that `refused` tells of.
    """

    movements: tuple[Movement, ...]
    cursor: str
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What a shop can still sell of something several places may draw on.

    Attributes
    ----------
    places : that draw on it
    size : units there are in all; None: no limit, or not told
    available : units that can be bought now; None: no limit
    waiting : units people wait for: demand that no sale shows
    at : when it was counted; None: as it is read
    """

    id: str
    name: str
    places: tuple[str, ...]
    size: int | None
    available: int | None
    waiting: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A price that was decided, for one place of a shop.

    Attributes
    ----------
    floor, ceiling : the owner's bounds, in force now
    lowest : lowest price in force within the last 30 days; None where that is not known
    version : publication that set the price; None where it came otherwise
    """

    place: str
    price: Decimal
    currency: str
    floor: Decimal
    ceiling: Decimal
    lowest: Decimal | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One difference between a shop and what was decided; what of it is bound to be wrong cannot be made.

    Attributes
    ----------
    before : what is written there now
    shown : the price that holds there now
    after : the price to write
    """

    place: str
    name: str
    currency: str
    before: Written
    shown: Decimal | None
    after: Decimal
    floor: Decimal
    ceiling: Decimal
    lowest: Decimal | None = None

    def __post_init__(self) -> None:
        if not (self.after.is_finite() and 0 < self.floor <= self.after <= self.ceiling):
            raise ValueError(f"{self.place}: {self.after} is not between {self.floor} and {self.ceiling}")


@dataclass(frozen=True, slots=True)
class Drift:
    """A place where somebody else changed what we wrote (`ours`) to what was `found`."""

    place: str
    name: str
    ours: Written
    found: Written


@dataclass(frozen=True, slots=True)
class Held:
    """A place that keeps what a rollback of `decision` put back, until a later price or a person says otherwise."""

    place: str
    name: str
    decision: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A place that is not priced, and why; the others are."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Write:
    """Replace what is written at a place."""

    place: str
    before: Written
    after: Written


@dataclass(frozen=True, slots=True)
class Plan:
    """What a push would change (`steps`), what is as decided already (`kept`), and what is left alone.

    A place that drifted or is held is never written to: a person says first whose price is right (`Shop.accept`).
    """

    steps: tuple[Step, ...]
    kept: tuple[Step, ...] = ()
    drifted: tuple[Drift, ...] = ()
    held: tuple[Held, ...] = ()
    refused: tuple[Refused, ...] = ()

    @property
    def writes(self) -> tuple[Write, ...]:
        """Its steps, as they are sent."""
        return tuple(Write(step.place, step.before, amount(step.after)) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Batch:
    """Writes that one request of the shop takes.

    Attributes
    ----------
    key : no other batch ever has it; a shop that is sent it twice may do it once
    """

    writes: tuple[Write, ...]
    key: str = ""


class Outcome(StrEnum):
    """How a write ended."""

    DONE = "done"
    ALREADY = "already"
    """It had been done before, by the same decision; nothing was sent."""
    DRIFTED = "drifted"
    """Somebody else changed the price since; nothing was sent."""
    FAILED = "failed"
    """The shop did not take it; it may be tried again."""
    REFUSED = "refused"
    """The shop will not take it, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Result:
    """How the write at one place ended, and why."""

    place: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """How a push or a rollback ended, place by place."""

    decision: str
    results: tuple[Result, ...]

    @property
    def whole(self) -> bool:
        """Whether every place is as it was to be."""
        return all(result.outcome in {Outcome.DONE, Outcome.ALREADY} for result in self.results)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What stands at a place, freshly read.

    Attributes
    ----------
    name : for people; the place itself where the shop no longer has it
    expected : what was to be written
    listed : what whoever runs the shop sees
    shown : what a buyer is asked for; None where buyers cannot see the place
    """

    place: str
    name: str
    expected: Decimal
    listed: Decimal | None
    shown: Decimal | None
    problems: tuple[str, ...] = ()
