"""What WooCommerce answers: the parts we use, as its documentation names them."""

from datetime import datetime
from decimal import Decimal

import msgspec


class Currency(msgspec.Struct):
    """What prices are in."""

    code: str


class Product(msgspec.Struct):
    """A product, or a variation of one; an empty price is none, and with backorders it is sold on when none is left."""

    id: int
    name: str
    price: str
    regular_price: str
    stock_quantity: int | None
    manage_stock: bool | str = False
    backorders: str = "no"
    type: str = "variation"
    variations: list[int] = msgspec.field(default_factory=list)


class Meta(msgspec.Struct):
    """What a plugin or WooCommerce itself remembers of something."""

    key: str
    value: object = None


class Line(msgspec.Struct):
    """Units of one product in an order, or given back by a refund (negative)."""

    id: int
    product_id: int
    variation_id: int
    quantity: int
    total: Decimal
    total_tax: Decimal
    meta_data: list[Meta] = msgspec.field(default_factory=list)


class Refund(msgspec.Struct):
    """What was given back at one time."""

    id: int
    date_created_gmt: datetime
    line_items: list[Line] = msgspec.field(default_factory=list)


class Named(msgspec.Struct):
    """A thing that is only referred to."""

    id: int


class Order(msgspec.Struct):
    """An order; its instants are UTC, though they do not say so."""

    id: int
    status: str
    currency: str
    date_created_gmt: datetime
    date_modified_gmt: datetime
    date_paid_gmt: datetime | None
    prices_include_tax: bool
    line_items: list[Line]
    refunds: list[Named]


class Prices(msgspec.Struct):
    """What a buyer is asked for, in the smallest unit."""

    price: str
    currency_code: str
    currency_minor_unit: int


class Shown(msgspec.Struct):
    """A product or variation as the storefront shows it; `parent` is 0 for a product."""

    id: int
    prices: Prices
    is_purchasable: bool
    is_in_stock: bool
    parent: int = 0


class Error(msgspec.Struct):
    """Why one product of a batch was not changed."""

    message: str


class Ended(msgspec.Struct):
    """How the change of one product ended."""

    id: int
    error: Error | None = None


class Updated(msgspec.Struct):
    """How a batch ended, product by product."""

    update: list[Ended]
