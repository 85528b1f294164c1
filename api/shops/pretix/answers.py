"""What pretix answers, as far as prices and sales go; everything else in an answer is left unread.

Source: https://docs.pretix.eu/dev/api/resources/ (pretix 2026.8).
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

Names = str | dict[str, str | None]
"""A text, or the same in several languages."""
Override = dict[str, Any]
"""A price of a date, with what else is set for it there: written back as it was, but for the price."""


def text(names: Names) -> str:
    """A name in the language that comes first."""
    return names if isinstance(names, str) else next((each for each in names.values() if each), "")


class Event(msgspec.Struct):
    """`events/{event}/`."""

    slug: str
    currency: str
    has_subevents: bool


class Variation(msgspec.Struct):
    """A variation of a product; without a price of its own it costs what the product does."""

    id: int
    value: Names
    default_price: Decimal | None


class Item(msgspec.Struct):
    """`items/`: a product."""

    id: int
    name: Names
    default_price: Decimal
    tax_rule: int | None
    variations: list[Variation]


class Date(msgspec.Struct):
    """`subevents/`: a date of a series, with the prices that differ on it."""

    id: int
    name: Names
    date_from: datetime
    item_price_overrides: list[Override]
    variation_price_overrides: list[Override]


class Voucher(msgspec.Struct):
    """`vouchers/`; one that blocks its quota keeps units for whoever has it, which are not among those left."""

    id: int
    code: str
    tag: str
    item: int | None
    variation: int | None
    subevent: int | None
    price_mode: str
    value: Decimal | None
    max_usages: int
    redeemed: int
    block_quota: bool


class Quota(msgspec.Struct):
    """`quotas/?with_availability=true`."""

    id: int
    name: str
    size: int | None
    items: list[int]
    variations: list[int]
    subevent: int | None
    available_number: int | None


class Waiting(msgspec.Struct):
    """`waitinglistentries/`: somebody who would buy and cannot."""

    item: int
    variation: int | None
    subevent: int | None


class Transaction(msgspec.Struct):
    """`transactions/`: never changed, signed; fees have no item."""

    id: int
    order: str
    created: datetime
    datetime: datetime
    positionid: int | None
    count: int
    item: int | None
    variation: int | None
    subevent: int | None
    price: Decimal


class Position(msgspec.Struct):
    """A ticket of an order."""

    positionid: int
    voucher: int | None


class Order(msgspec.Struct):
    """`orders/`: changes as it lives; read for what transactions do not tell."""

    code: str
    testmode: bool
    positions: list[Position]


class TaxRule(msgspec.Struct):
    """`taxrules/`."""

    id: int
    price_includes_tax: bool


class ShownPrice(msgspec.Struct):
    """A price with and without tax."""

    gross: Decimal
    net: Decimal


class ShownVariation(msgspec.Struct):
    """A variation as a buyer sees it; `avail` begins with 100 where it can be bought."""

    id: int
    price: ShownPrice
    avail: list[int | None]


class ShownItem(msgspec.Struct):
    """A product as a buyer sees it."""

    id: int
    price: ShownPrice | None
    avail: list[int | None] | None
    variations: list[ShownVariation]


class ShownGroup(msgspec.Struct):
    """Products of a category."""

    items: list[ShownItem]


class ShownList(msgspec.Struct):
    """`/{organizer}/{event}/widget/product_list`; `error` where nothing is sold."""

    items_by_category: list[ShownGroup] = []
    error: str | None = None
