"""WooCommerce: products with variations, orders with refunds.

A place is a product or one of its variations; what is written there is its regular price.

This was written after WooCommerce's documentation and tested against shapes recorded from it, not against a running
shop.

Guarantees
----------
* A hundred prices are written by one request, but not all or none: errors of single products come under status 200,
  and refuse the write.
* A price that a sale lowers is told as it holds, and what is written beneath it as it is.
* What a buyer sees is read from the storefront's own interface, without the keys.

Limit of the interface: orders in the trash are not listed.

Source: https://developer.woocommerce.com/docs/apis/rest-api/v3/ and /docs/apis/store-api/ (WooCommerce 10).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import TypeVar

import msgspec

from api.shops.client import Client, page_numbers
from api.shops.credentials import Secret, basic
from api.shops.errors import ShopError
from api.shops.model import EMPTY, Batch, Capabilities, Demand, Listed, Shown, Stock, Write, Written, amount
from api.shops.woocommerce.answers import Currency, Order, Product, Refund, Updated
from api.shops.woocommerce.answers import Shown as ShownProduct
from api.shops.woocommerce.demand import movements, utc
from api.shops.woocommerce.places import ADMIN, STORE, batch_path, numbers, place_of

PAGE = 100
"""Entries a list or a batch holds at most."""
OVERLAP = timedelta(minutes=5)
"""Orders changed so shortly before the last one seen are read again."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WooCommerce:
    """One WooCommerce shop.

    Attributes
    ----------
    api : its address with the keys of its REST API
    storefront : the same without any key, as buyers come
    tax_included : whether prices are entered with tax, and shown so
    """

    api: Client
    storefront: Client
    tax_included: bool = True

    @property
    def capabilities(self) -> Capabilities:
        """What WooCommerce can do; it sets no limit on requests, so ours is one a small server can bear."""
        return Capabilities(system="WooCommerce", tax_included=self.tax_included, requests_per_minute=120, bulk=True)

    def pull_demand(self, since: str | None) -> Demand:
        """What happened to orders changed since a cursor."""
        start = _instant(since) if since else None
        query = {"orderby": "modified", "order": "asc", "dates_are_gmt": "true"}
        if start is not None:
            query["modified_after"] = (start - OVERLAP).replace(tzinfo=None).isoformat()
        orders = list(self._list(self.api, f"{ADMIN}/orders", Order, query))
        found = [each for order in orders for each in movements(order, list(self._refunds(order)))]
        last = max([utc(order.date_modified_gmt) for order in orders] + ([start] if start else []), default=None)
        return Demand(tuple(sorted(found, key=lambda each: (each.at, each.id))), last.isoformat() if last else "")

    def pull_inventory(self) -> tuple[Stock, ...]:
        """Products and variations sold as long as stock lasts; variations may share the stock of their product."""
        stocks: dict[str, Stock] = {}
        for place, name, product in self._products():
            if product.stock_quantity is not None and product.manage_stock and product.backorders == "no":
                known = place if product.manage_stock is True else place_of(numbers(place)[0])
                others = stocks[known].places if known in stocks else ()
                left = product.stock_quantity
                stocks[known] = Stock(id=known, name=name, places=(*others, place), size=None, available=left)
        return tuple(stocks.values())

    def read_prices(self) -> tuple[Listed, ...]:
        """The price of every product and variation."""
        currency = self.api.get(f"{ADMIN}/data/currencies/current", Currency).code
        return tuple(
            Listed(
                place=place,
                name=name,
                currency=currency,
                price=_decimal(product.price),
                written=_written(product.regular_price),
            )
            for place, name, product in self._products()
        )

    def read_shown(self, places: Collection[str]) -> tuple[Shown, ...]:
        """What the storefront shows of products and variations, a hundred at a time."""
        asked = sorted(numbers(place) for place in places)
        kinds = {"simple": [n[0] for n in asked if len(n) == 1], "variation": [n[1] for n in asked if len(n) == 2]}
        queries = [
            {"type": kind, "include": ",".join(map(str, ids[i : i + PAGE]))}
            for kind, ids in kinds.items()
            for i in range(0, len(ids), PAGE)
        ]
        return tuple(
            Shown(
                place=place_of(each.parent or each.id, each.id if each.parent else 0),
                price=None
                if not each.prices.price
                else Decimal(each.prices.price).scaleb(-each.prices.currency_minor_unit),
                currency=each.prices.currency_code,
                available=each.is_purchasable and each.is_in_stock,
            )
            for query in queries
            for each in self._list(self.storefront, f"{STORE}/products", ShownProduct, query)
        )

    def batches(self, writes: Sequence[Write]) -> tuple[tuple[Write, ...], ...]:
        """A hundred products a request, or a hundred variations of one product."""
        ordered = sorted(writes, key=lambda write: batch_path(write.place))
        paths = [list(group) for _, group in groupby(ordered, lambda write: batch_path(write.place))]
        return tuple(tuple(group[i : i + PAGE]) for group in paths for i in range(0, len(group), PAGE))

    def write(self, batch: Batch) -> None:
        """Write regular prices; an empty one takes the product off sale."""
        update = [{"id": numbers(w.place)[-1], "regular_price": _text(w.after)} for w in batch.writes]
        path = batch_path(batch.writes[0].place)
        content = self.api.send("POST", path, body={"update": update}, repeatable=True)
        try:
            ended = msgspec.json.decode(content, type=Updated).update
        except msgspec.DecodeError as error:
            raise ShopError(f"{path}: not what WooCommerce answers ({error})", permanent=True) from None
        if refused := [f"product {each.id}: {each.error.message}" for each in ended if each.error]:
            raise ShopError(f"WooCommerce refused: {'; '.join(refused)}", permanent=True)

    def _products(self) -> Iterator[tuple[str, str, Product]]:
        """Places, their names, and what stands there; a product with variations has no price of its own."""
        for product in self._list(self.api, f"{ADMIN}/products", Product, {"orderby": "id", "order": "asc"}):
            if product.type == "simple":
                yield place_of(product.id), product.name, product
            elif product.type == "variable":
                path = f"{ADMIN}/products/{product.id}/variations"
                for each in self._list(self.api, path, Product, {"orderby": "id", "order": "asc"}):
                    yield place_of(product.id, each.id), f"{product.name}, {each.name}", each

    def _refunds(self, order: Order) -> Iterator[Refund]:
        return self._list(self.api, f"{ADMIN}/orders/{order.id}/refunds", Refund, {}) if order.refunds else iter(())

    def _list(self, client: Client, path: str, kind: type[T], query: dict[str, str]) -> Iterator[T]:
        """Every entry of a list, page by page."""
        for number in page_numbers():
            page = client.get(path, list[kind], {**query, "per_page": str(PAGE), "page": str(number)})  # type: ignore[valid-type]
            yield from page
            if len(page) < PAGE:
                return


def connect(storefront: Client, *, secret: Secret, tax_included: bool = True) -> WooCommerce:
    """The connector of a shop; the secret is `CONSUMER_KEY:CONSUMER_SECRET`, sent as HTTP Basic."""
    return WooCommerce(api=storefront.with_key(basic(secret)), storefront=storefront, tax_included=tax_included)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except ArithmeticError:
        raise ShopError(f"{text!r} is no price of a WooCommerce shop", permanent=True) from None


def _written(text: str) -> Written:
    found = _decimal(text)
    return EMPTY if found is None else amount(found)


def _text(written: Written) -> str:
    if not written.there:
        raise ShopError("WooCommerce cannot be without a price field", permanent=True)
    return "" if written.amount is None else str(written.amount)


def _instant(cursor: str) -> datetime:
    try:
        return utc(datetime.fromisoformat(cursor))
    except ValueError:
        raise ShopError("this is no cursor of a WooCommerce shop", permanent=True) from None
