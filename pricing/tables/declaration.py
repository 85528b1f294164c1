"""Every table a user brings, declared once; checks, parsing and docs/tables.md are made from this.

Guarantees
----------
* A column is named, typed, explained and bounded in one place only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pricing.model import ALL

LARGEST = 1e12
"""No price, quantity or capacity is larger; what is, was never meant (1e308, a barcode in the wrong column)."""


class Kind(StrEnum):
    """What the cells of a column hold; the value is the word used in the documentation."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "decimal"
    DATE = "date, or timestamp"
    INSTANT = "timestamp with zone"
    CURRENCY = "ISO 4217 code"
    LADDER = "ladder"
    ANY = "number or text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    unit : of a number, in words
    needed : the table is refused without this column
    blanks : cells may be left blank, which means unknown
    default : stands in blank cells, and in every cell where the column is absent
    low, high : bounds of a number, both allowed
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    needed: bool = False
    blanks: bool = False
    default: str | None = None
    low: float = 0.0
    high: float = LARGEST


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns in canonical order, and the column (if any) whose values must not repeat."""

    name: str
    meaning: str
    columns: Sequence[Column]
    key: str | None = None

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names) or self.key not in (None, *names):
            raise ValueError(f"table {self.name} does not declare its columns once each")

    def column(self, name: str) -> Column | None:
        """The declared column of this name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)


MONEY_UNIT = "major units of the currency"

_PRODUCT = Column(name="product", kind=Kind.TEXT, needed=True, meaning="what is sold: SKU or ticket type")
_SEGMENT = Column(name="segment", kind=Kind.TEXT, default=ALL, meaning="who buys: adult, child, trade")
_EVENT = Column(name="event", kind=Kind.TEXT, default=ALL, meaning="the event it is for")
_CHANNEL = Column(name="channel", kind=Kind.TEXT, default=ALL, meaning="where it is sold")
_CURRENCY = Column(
    name="currency",
    kind=Kind.CURRENCY,
    meaning="currency of every amount in the row; without the column, the one from the settings. One per table",
)

SALES = Table(
    "sales",
    "One row per sale, or one per period.",
    (
        Column(
            name="date",
            kind=Kind.DATE,
            needed=True,
            meaning="when sold, or start of the period; a timestamp with a zone is told in the owner's time zone",
        ),
        _PRODUCT,
        _SEGMENT,
        _EVENT,
        _CHANNEL,
        Column(name="customer", kind=Kind.TEXT, blanks=True, meaning="a pseudonym of the buyer"),
        Column(
            name="quantity",
            kind=Kind.NUMBER,
            unit="units",
            needed=True,
            low=-LARGEST,
            meaning="units sold; negative is a return or cancellation",
        ),
        Column(
            name="price",
            kind=Kind.NUMBER,
            unit=MONEY_UNIT,
            meaning="unit price paid; a workspace needs it, a forecast alone does not",
        ),
        _CURRENCY,
        Column(
            name="available",
            kind=Kind.NUMBER,
            unit="units",
            blanks=True,
            meaning="units on sale at the start; quantity >= available means sold out (demand is censored)",
        ),
        Column(name="list_price", kind=Kind.NUMBER, unit=MONEY_UNIT, blanks=True, meaning="price before any discount"),
        Column(name="unit_cost", kind=Kind.NUMBER, unit=MONEY_UNIT, blanks=True, meaning="what a unit costs you"),
        Column(name="promotion", kind=Kind.ANY, blanks=True, meaning="0 or 1, or the promotion's name"),
    ),
)

EVENTS = Table(
    "events",
    "One row per event. Further columns (weather, opponent, ...) are kept as features.",
    (
        Column(name="event", kind=Kind.TEXT, needed=True, meaning="the event's id"),
        Column(name="starts_at", kind=Kind.INSTANT, needed=True, meaning="when it starts"),
        Column(name="on_sale_at", kind=Kind.INSTANT, blanks=True, meaning="when its sale starts; before it starts"),
        Column(
            name="capacity",
            kind=Kind.NUMBER,
            unit="units",
            blanks=True,
            meaning="places its offers share, if none draws on a resource",
        ),
        Column(name="venue", kind=Kind.TEXT, default=ALL, meaning="where it takes place"),
        Column(name="category", kind=Kind.TEXT, default=ALL, meaning="what kind of event it is"),
    ),
    key="event",
)

OFFERS = Table(
    "offers",
    "One row per price to be set: a product for a segment, an event and a channel.",
    (
        Column(name="offer", kind=Kind.TEXT, needed=True, meaning="the offer's id"),
        _PRODUCT,
        _SEGMENT,
        _EVENT,
        _CHANNEL,
        _CURRENCY,
        Column(
            name="unit_cost",
            kind=Kind.MONEY,
            unit=MONEY_UNIT,
            meaning="what a unit costs you; without the column costs are left out, a blank cell is refused",
        ),
        Column(
            name="floor",
            kind=Kind.MONEY,
            unit=MONEY_UNIT,
            needed=True,
            meaning="the price never goes below; never guessed",
        ),
        Column(
            name="ceiling",
            kind=Kind.MONEY,
            unit=MONEY_UNIT,
            needed=True,
            meaning="the price never goes above; never guessed",
        ),
        Column(name="current_price", kind=Kind.MONEY, unit=MONEY_UNIT, needed=True, meaning="price in force"),
        Column(
            name="ladder",
            kind=Kind.LADDER,
            needed=True,
            unit=MONEY_UNIT,
            meaning='prices it may take: a JSON list (["10.00", "12.50"]), or 10:60:2.50, or 10:60:1 ending .99',
        ),
        Column(name="resource", kind=Kind.TEXT, blanks=True, meaning="what capacity a unit draws on"),
        Column(name="list_price", kind=Kind.MONEY, unit=MONEY_UNIT, blanks=True, meaning="price before any discount"),
    ),
    key="offer",
)

RESOURCES = Table(
    "resources",
    "One row per capacity that offers share: a room, a stock.",
    (
        Column(name="resource", kind=Kind.TEXT, needed=True, meaning="the resource's id"),
        Column(
            name="capacity",
            kind=Kind.NUMBER,
            unit="units",
            needed=True,
            meaning="of a room all its places, sold ones too (what its event has sold is taken off); of goods what is "
            "in stock now",
        ),
    ),
    key="resource",
)

CALENDAR = Table(
    "calendar",
    "Holidays, promotions, anything known ahead; several rows may share a date.",
    (
        Column(name="date", kind=Kind.DATE, needed=True, meaning="the day"),
        Column(name="name", kind=Kind.TEXT, needed=True, meaning="what it is"),
    ),
)

FUTURE = Table(
    "future",
    "What is known of coming dates. Rows hold for every series that agrees with their product, segment, event and "
    "channel columns, where they have them. Further columns that the sales have too are regressors.",
    (
        Column(name="date", kind=Kind.DATE, needed=True, meaning="the day, or start of the period"),
        *(
            Column(
                name=name, kind=Kind.TEXT, blanks=True, meaning=f"{name} it holds for; without the column, every one"
            )
            for name in ("product", "segment", "event", "channel")
        ),
        Column(name="price", kind=Kind.NUMBER, unit=MONEY_UNIT, blanks=True, meaning="unit price to come"),
        Column(name="promotion", kind=Kind.ANY, blanks=True, meaning="0 or 1, or the promotion's name"),
    ),
)

TABLES = {table.name: table for table in (SALES, EVENTS, OFFERS, RESOURCES, CALENDAR, FUTURE)}
"""Every table by its name."""
