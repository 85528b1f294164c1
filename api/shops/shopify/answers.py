"""What Shopify answers: the parts we ask for, as its documentation of the GraphQL Admin API names them."""

from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class PageInfo(msgspec.Struct, rename="camel"):
    """Where a list goes on."""

    has_next_page: bool
    end_cursor: str | None = None


class Connection(msgspec.Struct, Generic[T], rename="camel"):
    """A page of a list."""

    nodes: list[T]
    page_info: PageInfo


class Named(msgspec.Struct):
    """A thing that is only referred to."""

    id: str


class Product(msgspec.Struct):
    """What variants are variants of; `handle` is its name in addresses."""

    id: str
    handle: str


class InventoryItem(msgspec.Struct):
    """Whether stock is counted."""

    tracked: bool


class Variant(msgspec.Struct, rename="camel"):
    """What has a price; with the policy CONTINUE it is sold on when none is left."""

    id: str
    display_name: str
    price: Decimal
    inventory_quantity: int | None
    inventory_policy: str
    inventory_item: InventoryItem
    product: Product


class Shop(msgspec.Struct, rename="camel"):
    """What holds for all of its prices."""

    currency_code: str


class Variants(msgspec.Struct, rename="camel"):
    """A page of all variants."""

    shop: Shop
    product_variants: Connection[Variant]


class Money(msgspec.Struct, rename="camel"):
    """An amount in the shop's own currency."""

    amount: Decimal
    currency_code: str


class MoneyBag(msgspec.Struct, rename="camel"):
    """An amount in the shop's and in the buyer's currency; we ask for the first."""

    shop_money: Money


class Sold(msgspec.Struct):
    """A variant that was bought."""

    id: str
    product: Named


class LineItem(msgspec.Struct, rename="camel"):
    """Units of one variant in an order, at one price each."""

    id: str
    quantity: int
    variant: Sold | None
    discounted_unit_price_after_all_discounts_set: MoneyBag


class Refund(msgspec.Struct, rename="camel"):
    """What was given back at one time."""

    id: str
    created_at: datetime | None


class Changed(msgspec.Struct, rename="camel"):
    """An order that something happened to."""

    id: str
    updated_at: datetime
    test: bool


class Orders(msgspec.Struct):
    """A page of orders."""

    orders: Connection[Changed]


class Order(msgspec.Struct, rename="camel"):
    """An order, and a page of its lines."""

    id: str
    created_at: datetime
    cancelled_at: datetime | None
    refunds: list[Refund]
    line_items: Connection[LineItem]


class OneOrder(msgspec.Struct):
    """An order that was asked for by its id."""

    order: Order


class Returned(msgspec.Struct, rename="camel"):
    """Units of a line that were given back."""

    quantity: int
    line_item: Named


class RefundLines(msgspec.Struct, rename="camel"):
    """A page of what one refund gave back."""

    refund_line_items: Connection[Returned]


class OneRefund(msgspec.Struct):
    """A refund that was asked for by its id."""

    refund: RefundLines


class UserError(msgspec.Struct):
    """Why a change was not made, under a status that says all is well."""

    message: str
    field: list[str] | None = None


class Updated(msgspec.Struct, rename="camel"):
    """How a change of prices ended."""

    user_errors: list[UserError]


class Update(msgspec.Struct, rename="camel"):
    """The answer to the change of prices."""

    product_variants_bulk_update: Updated | None


class Extensions(msgspec.Struct):
    """What kind of error it is."""

    code: str | None = None


class Error(msgspec.Struct):
    """Why a request was not carried out."""

    message: str
    extensions: Extensions = msgspec.field(default_factory=Extensions)


class Throttle(msgspec.Struct, rename="camel"):
    """How much may be asked for now, and how fast that comes back [points, points a second]."""

    currently_available: float
    restore_rate: float


class Cost(msgspec.Struct, rename="camel"):
    """What a request costs."""

    requested_query_cost: float
    throttle_status: Throttle


class Told(msgspec.Struct):
    """What is said besides the answer."""

    cost: Cost | None = None


class Answer(msgspec.Struct):
    """What every request is answered with."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[Error] | str = msgspec.field(default_factory=list)
    extensions: Told = msgspec.field(default_factory=Told)


class ShownVariant(msgspec.Struct):
    """A variant as the storefront shows it; the price in hundredths."""

    id: int
    price: int
    available: bool


class ShownProduct(msgspec.Struct):
    """A product as the storefront shows it."""

    variants: list[ShownVariant]
