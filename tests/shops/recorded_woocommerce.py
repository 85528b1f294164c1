"""A WooCommerce shop in memory, which answers as WooCommerce's documentation says; nothing of it was seen on a server.

Source: https://developer.woocommerce.com/docs/apis/rest-api/v3/ and https://developer.woocommerce.com/docs/apis/store-api/.
"""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

Found = dict[str, Any]
Handler = Callable[..., object]


@dataclass(slots=True)
class Ticket:
    """A product, or a variation of the product with the number `parent`."""

    regular: str
    stock: int = 100
    backorders: str = "no"
    sale: str = ""
    parent: int = 0

    @property
    def price(self) -> str:
        """What holds: a sale's price before the regular one."""
        return self.sale or self.regular


@dataclass(slots=True)
class WooShop:
    """Tickets by their numbers, and orders."""

    keys: str
    tickets: dict[int, Ticket]
    variable: dict[int, str] = field(default_factory=dict)
    orders: dict[int, Found] = field(default_factory=dict)
    refunds: dict[int, list[Found]] = field(default_factory=dict)
    alive: bool = True
    now: datetime = datetime(2027, 3, 1, 8, tzinfo=UTC)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, if the shop is there."""
        if not self.alive:
            raise httpx.ConnectError("refused")
        path = request.url.path
        if "/wc/v3/" in path and not self._known(request):
            said = {"code": "woocommerce_rest_cannot_view", "message": "Sorry, you cannot list resources."}
            return httpx.Response(401, json={**said, "data": {"status": 401}})
        for pattern, handler in self._routes.items():
            if found := re.fullmatch(r"/wp-json/wc/" + pattern, path):
                return httpx.Response(200, json=handler(request, *map(int, found.groups())))
        return httpx.Response(
            404, json={"code": "rest_no_route", "message": "No route was found", "data": {"status": 404}}
        )

    def buy(self, number: int, units: int, *, total: str | None = None, status: str = "processing") -> int:
        """An order of one line, at the price in force unless a coupon made its total another."""
        ticket, order = self.tickets[number], 700 + len(self.orders)
        ticket.stock -= units
        self.now += timedelta(seconds=1)
        line = {
            "id": 300 + order,
            "product_id": ticket.parent or number,
            "variation_id": number if ticket.parent else 0,
            "quantity": units,
            "total": total or str(Decimal(ticket.price) * units),
            "total_tax": "0.00",
            "meta_data": [],
        }
        self.orders[order] = {
            "id": order,
            "status": status,
            "currency": "EUR",
            "date_created_gmt": self._instant(),
            "date_modified_gmt": self._instant(),
            "date_paid_gmt": None if status == "pending" else self._instant(),
            "prices_include_tax": True,
            "line_items": [line],
            "refunds": [],
        }
        return order

    def move(self, order: int, status: str) -> None:
        """Give an order another status."""
        self.now += timedelta(seconds=1)
        self.orders[order] |= {"status": status, "date_modified_gmt": self._instant()}

    def refund(self, order: int, units: int) -> None:
        """Give units of an order's only line back."""
        self.move(order, self.orders[order]["status"])
        (line,) = self.orders[order]["line_items"]
        meta = [{"id": 1, "key": "_refunded_item_id", "value": str(line["id"])}]
        item = {**line, "id": line["id"] + 1000, "quantity": -units, "total": "-1.00", "meta_data": meta}
        made = {"id": 900 + len(self.refunds.get(order, [])), "date_created_gmt": self._instant(), "line_items": [item]}
        self.refunds.setdefault(order, []).append(made)
        self.orders[order]["refunds"].append({"id": made["id"], "reason": "", "total": "-1.00"})

    @property
    def _routes(self) -> dict[str, Handler]:
        return {
            r"v3/data/currencies/current": lambda _: {"code": "EUR", "name": "Euro", "symbol": "&euro;"},
            r"v3/products": lambda request: _page(self._products(), request),
            r"v3/products/(\d+)/variations": lambda request, parent: _page(self._variations(parent), request),
            r"v3/products/batch": self._update,
            r"v3/products/(\d+)/variations/batch": self._update,
            r"v3/orders": lambda request: _page(self._orders(request), request),
            r"v3/orders/(\d+)/refunds": lambda request, order: _page(self.refunds.get(order, []), request),
            r"store/v1/products": lambda request: _page(self._shown(request.url.params), request),
        }

    def _known(self, request: httpx.Request) -> bool:
        scheme, _, told = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Basic" and b64decode(told).decode() == self.keys

    def _instant(self) -> str:
        return self.now.replace(tzinfo=None).isoformat()

    def _product(self, number: int) -> Found:
        ticket = self.tickets[number]
        prices = {"price": ticket.price, "regular_price": ticket.regular, "sale_price": ticket.sale}
        stock = {"manage_stock": True, "stock_quantity": ticket.stock, "backorders": ticket.backorders}
        return {"id": number, "name": f"Ticket {number}", **prices, **stock}

    def _products(self) -> list[Found]:
        simple = [self._product(n) | {"type": "simple"} for n, ticket in self.tickets.items() if not ticket.parent]
        none = {"price": "", "regular_price": "", "manage_stock": False, "stock_quantity": None}
        return [*simple, *({"id": n, "name": name, "type": "variable", **none} for n, name in self.variable.items())]

    def _variations(self, parent: int) -> list[Found]:
        return [self._product(number) for number, ticket in self.tickets.items() if ticket.parent == parent]

    def _orders(self, request: httpx.Request) -> list[Found]:
        since = request.url.params.get("modified_after", "")
        found = [order for order in self.orders.values() if order["date_modified_gmt"] > since]
        return sorted(found, key=lambda order: order["date_modified_gmt"])

    def _update(self, request: httpx.Request, _parent: int = 0) -> Found:
        return {"update": [self._one(told) for told in json.loads(request.content)["update"]]}

    def _one(self, told: Found) -> Found:
        if told["id"] not in self.tickets:
            error = {"code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID.", "data": {"status": 400}}
            return {"id": told["id"], "error": error}
        self.tickets[told["id"]].regular = told["regular_price"]
        return self._product(told["id"])

    def _shown(self, asked: Mapping[str, str]) -> list[Found]:
        kind, ids = asked["type"], {int(number) for number in asked["include"].split(",")}
        return [
            {
                "id": number,
                "parent": ticket.parent,
                "prices": {
                    "price": ticket.price and str(int(Decimal(ticket.price) * 100)),
                    "currency_code": "EUR",
                    "currency_minor_unit": 2,
                },
                "is_purchasable": bool(ticket.price),
                "is_in_stock": ticket.stock > 0,
            }
            for number, ticket in self.tickets.items()
            if (kind == "variation") == bool(ticket.parent) and number in ids
        ]


def _page(entries: list[Found], request: httpx.Request) -> list[Found]:
    size, number = int(request.url.params["per_page"]), int(request.url.params["page"])
    return entries[size * (number - 1) : size * number]
