"""django-oscar with django-oscar-api: products, stock records, orders.

A place is a stock record: what one supplier asks for one product. A buyer is shown the price of a product's first one.

Guarantees
----------
* A sale counts at the price of one unit: an order line's price is that of the whole line, and what a division leaves
  over is one unit more at a cent more, so that movements add up to what was paid, to the cent.
* What a buyer sees is read without the secret.
* Links in answers are never followed; the numbers in them are used.

Limits of django-oscar-api: it does not tell when an order was cancelled, so units are given back at the instant they
were bought; it tells neither a refund nor an order that was deleted, and lists all orders each time.

Source: https://github.com/django-oscar/django-oscar-api (3.3), with django-oscar 4.2.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar, cast

import msgspec

from api.shops.client import Client
from api.shops.credentials import Secret, basic
from api.shops.errors import ShopError
from api.shops.lines import unit_prices
from api.shops.model import ABSENT, EMPTY, Batch, Capabilities, Demand, Listed, Movement, Shown, Stock, Write, amount

OVERLAP = timedelta(hours=1)
"""An order may be stored after one that was placed later."""
CANCELLED = frozenset({"cancelled", "canceled"})
NUMBER = re.compile(r"/([0-9]+)/?$")
PLACE = "stockrecord/"
T = TypeVar("T")


class _Record(msgspec.Struct):
    url: str
    partner_sku: str
    price_currency: str
    price: Decimal | None
    num_in_stock: int | None
    num_allocated: int | None


class _Product(msgspec.Struct):
    id: int
    title: str | None
    upc: str | None
    stockrecords: list[_Record]


class _Price(msgspec.Struct):
    currency: str | None
    incl_tax: Decimal | None
    excl_tax: Decimal | None


class _Availability(msgspec.Struct):
    is_available_to_buy: bool


class _Order(msgspec.Struct):
    number: str
    url: str
    currency: str
    status: str | None
    date_placed: datetime


class _Line(msgspec.Struct):
    url: str
    stockrecord: str | None
    quantity: int
    price_incl_tax: Decimal


class _Page(msgspec.Struct):
    next: str | None


class _Cursor(msgspec.Struct):
    """The last order seen, and orders known to be cancelled."""

    until: datetime = datetime.min.replace(tzinfo=UTC) + OVERLAP
    cancelled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Oscar:
    """One Oscar shop.

    Attributes
    ----------
    api : its interface, such as https://shop.example/api, with the secret of a staff account
    storefront : the same without any secret, as buyers come
    tax_included : whether the shop adds no tax to the price of a stock record, as Oscar does unless told otherwise
    cancelled : statuses of orders that were cancelled, in lower case
    """

    api: Client
    storefront: Client
    tax_included: bool = True
    cancelled: frozenset[str] = CANCELLED

    @property
    def capabilities(self) -> Capabilities:
        """What Oscar can do; it sets no limit on requests, so ours is one it can bear."""
        return Capabilities(system="django-oscar", tax_included=self.tax_included, requests_per_minute=600)

    def pull_demand(self, since: str | None) -> Demand:
        """Orders placed since a cursor, and units of orders cancelled since, whenever they were placed."""
        seen = _Cursor() if since is None else _read(since)
        orders = sorted(self._list("/admin/orders/", _Order), key=lambda order: (order.date_placed, order.number))
        gone = frozenset(order.number for order in orders if self._gone(order))
        new = [o for o in orders if o.date_placed >= seen.until - OVERLAP or o.number in gone - seen.cancelled]
        last = max([seen.until, *(order.date_placed for order in orders)])
        found = tuple(movement for order in new for movement in self._movements(order))
        return Demand(found, msgspec.json.encode(_Cursor(last, gone), order="deterministic").decode())

    def pull_inventory(self) -> tuple[Stock, ...]:
        """Stock records: each product is counted by itself."""
        return tuple(
            Stock(
                id=_number(record.url),
                name=_name(product, record),
                places=(_place(record.url),),
                size=record.num_in_stock,
                available=None if record.num_in_stock is None else record.num_in_stock - (record.num_allocated or 0),
            )
            for product, record in self._records()
        )

    def read_prices(self) -> tuple[Listed, ...]:
        """The price of every stock record; Oscar sells nothing whose price is empty."""
        return tuple(
            Listed(
                place=_place(record.url),
                name=_name(product, record),
                currency=record.price_currency,
                price=record.price,
                written=EMPTY if record.price is None else amount(record.price),
            )
            for product, record in self._records()
        )

    def read_shown(self, places: Collection[str]) -> tuple[Shown, ...]:
        """What a buyer without an account is asked for, product by product."""
        return tuple(
            _shown(self.storefront, product, product.stockrecords[0])
            for product in self._list("/admin/products/", _Product)
            if product.stockrecords and _place(product.stockrecords[0].url) in places
        )

    def batches(self, writes: Sequence[Write]) -> tuple[tuple[Write, ...], ...]:
        """One request for each price: Oscar has no other."""
        return tuple((write,) for write in writes)

    def write(self, batch: Batch) -> None:
        """Give a stock record its price; doing so twice is doing so once."""
        for write in batch.writes:
            if write.after == ABSENT:
                raise ShopError(f"stock record {write.place} cannot be without a price field", permanent=True)
            price = None if write.after.amount is None else str(write.after.amount)
            path = f"/admin/stockrecords/{write.place.removeprefix(PLACE)}/"
            self.api.send("PATCH", path, body={"price": price}, repeatable=True)

    def _gone(self, order: _Order) -> bool:
        return (order.status or "").lower() in self.cancelled

    def _movements(self, order: _Order) -> Iterator[Movement]:
        for line in self._list(f"/admin/orders/{_number(order.url)}/lines/", _Line):
            sold = list(_sold(order, line))
            yield from sold
            if self._gone(order):
                yield from (replace(each, id=f"{each.id}/cancelled", quantity=-each.quantity) for each in sold)

    def _records(self) -> Iterator[tuple[_Product, _Record]]:
        for product in self._list("/admin/products/", _Product):
            yield from ((product, record) for record in product.stockrecords)

    def _list(self, path: str, kind: type[T]) -> Iterator[T]:
        """Everything in a list, which a shop may have set up to come in pages."""
        found = self.api.get(path, cast("type[list[T] | _Page]", list[kind] | _Page))  # type: ignore[valid-type]
        return iter(found) if isinstance(found, list) else self.api.pages(path, kind)


def connect(
    storefront: Client, *, secret: Secret, tax_included: bool = True, cancelled: frozenset[str] = CANCELLED
) -> Oscar:
    """The connector of a shop; the secret is `USER:PASSWORD` of a staff account, sent as HTTP Basic."""
    api = storefront.with_key(basic(secret))
    return Oscar(api=api, storefront=storefront, tax_included=tax_included, cancelled=cancelled)


def _shown(storefront: Client, product: _Product, record: _Record) -> Shown:
    price = storefront.get(f"/products/{product.id}/price/", _Price)
    here = storefront.get(f"/products/{product.id}/availability/", _Availability)
    return Shown(
        place=_place(record.url),
        price=price.excl_tax if price.incl_tax is None else price.incl_tax,
        currency=price.currency or record.price_currency,
        available=here.is_available_to_buy,
    )


def _sold(order: _Order, line: _Line) -> Iterator[Movement]:
    """Units of a line: all at one price, or some of them a cent dearer."""
    if line.quantity < 1:
        return
    for part, (units, price) in enumerate(unit_prices(line.price_incl_tax, line.quantity, order.currency)):
        yield Movement(
            id=f"{order.number}/{_number(line.url)}/{part}",
            place=_place(line.stockrecord),
            at=order.date_placed.astimezone(UTC),
            quantity=units,
            price=price,
            currency=order.currency,
            order=order.number,
        )


def _name(product: _Product, record: _Record) -> str:
    title = product.title or product.upc or record.partner_sku
    return title if len(product.stockrecords) == 1 else f"{title} ({record.partner_sku})"


def _place(link: str | None) -> str:
    return PLACE + ("gone" if link is None else _number(link))


def _number(link: str) -> str:
    found = NUMBER.search(link)
    if found is None:
        raise ShopError("the shop names things otherwise than django-oscar-api does", permanent=True)
    return found[1]


def _read(cursor: str) -> _Cursor:
    try:
        return msgspec.json.decode(cursor, type=_Cursor)
    except msgspec.DecodeError:
        raise ShopError("this is no cursor of a django-oscar shop", permanent=True) from None
