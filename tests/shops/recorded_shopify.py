"""A Shopify shop in memory, which answers as Shopify's documentation says; nothing of it was seen on the service.

Source: https://shopify.dev/docs/api/admin-graphql/2026-10 and https://shopify.dev/docs/api/ajax/reference/product.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

OPERATION = re.compile(r"(?:query|mutation) (\w+)")
Found = dict[str, Any]


def gid(kind: str, number: int) -> str:
    """How Shopify names things."""
    return f"gid://shopify/{kind}/{number}"


@dataclass(slots=True)
class ShopifyShop:
    """Products with one variant each, and orders; a page holds two, so that lists always go on."""

    token: str
    prices: dict[int, Decimal]
    stock: dict[int, int]
    orders: list[Found] = field(default_factory=list)
    refunds: dict[str, list[Found]] = field(default_factory=dict)
    alive: bool = True
    throttle: int = 0
    hidden: set[int] = field(default_factory=set)
    sold_on: set[int] = field(default_factory=set)
    now: datetime = datetime(2027, 3, 1, 8, tzinfo=UTC)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, if the shop is there."""
        if not self.alive:
            raise httpx.ConnectError("refused")
        if request.method == "GET":
            return self._storefront(request.url.path)
        if request.headers.get("X-Shopify-Access-Token") != self.token:
            said = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return httpx.Response(401, json={"errors": said})
        return httpx.Response(200, json=self._answer(json.loads(request.content)))

    def buy(self, number: int, units: int, *, paid: Decimal | None = None, test: bool = False) -> int:
        """An order of one line, at the price in force unless a discount made it another."""
        self.now += timedelta(seconds=1)
        self.stock[number] -= units
        money = {"amount": str(self.prices[number] if paid is None else paid), "currencyCode": "EUR"}
        line = {
            "id": gid("LineItem", 7000 + len(self.orders)),
            "quantity": units,
            "variant": {"id": gid("ProductVariant", number), "product": {"id": gid("Product", number)}},
            "discountedUnitPriceAfterAllDiscountsSet": {"shopMoney": money},
        }
        order = {"createdAt": self._instant(), "updatedAt": self._instant(), "cancelledAt": None, "test": test}
        self.orders.append({"id": gid("Order", 5000 + len(self.orders)), **order, "refunds": [], "lines": [line]})
        return 5000 + len(self.orders) - 1

    def refund(self, order: int, units: int) -> None:
        """Give units of an order's only line back."""
        self.now += timedelta(seconds=1)
        found = self.orders[order - 5000]
        refund = gid("Refund", 9000 + sum(map(len, self.refunds.values())))
        found["refunds"].append({"id": refund, "createdAt": self._instant()})
        found["updatedAt"] = self._instant()
        self.refunds[refund] = [{"quantity": units, "lineItem": {"id": found["lines"][0]["id"]}}]

    def cancel(self, order: int) -> None:
        """Cancel without a refund, as an order that was never paid."""
        self.now += timedelta(seconds=1)
        self.orders[order - 5000] |= {"cancelledAt": self._instant(), "updatedAt": self._instant()}

    def _instant(self) -> str:
        return self.now.isoformat().replace("+00:00", "Z")

    def _answer(self, body: Found) -> Found:
        if self.throttle:
            self.throttle -= 1
            status = {"maximumAvailable": 2000.0, "currentlyAvailable": 10, "restoreRate": 100.0}
            return {
                "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
                "extensions": {"cost": {"requestedQueryCost": 110, "actualQueryCost": None, "throttleStatus": status}},
            }
        operation = OPERATION.search(body["query"])
        assert operation is not None
        return {"data": getattr(self, f"_{operation[1]}")(body["variables"])}

    def _variants(self, told: Found) -> Found:
        nodes = [
            {
                "id": gid("ProductVariant", number),
                "displayName": f"Ticket {number}",
                "price": str(price),
                "inventoryQuantity": self.stock[number],
                "inventoryPolicy": "CONTINUE" if number in self.sold_on else "DENY",
                "inventoryItem": {"tracked": True},
                "product": {"id": gid("Product", number), "handle": f"ticket-{number}"},
            }
            for number, price in self.prices.items()
        ]
        return {"shop": {"currencyCode": "EUR"}, "productVariants": _page(nodes, told)}

    def _orders(self, told: Found) -> Found:
        since = (told["query"] or "updated_at:>='0'").split("'")[1].replace("+00:00", "Z")
        changed = [order for order in self.orders if order["updatedAt"] >= since]
        return {"orders": _page(sorted(changed, key=lambda order: order["updatedAt"]), told)}

    def _order(self, told: Found) -> Found:
        found = next(order for order in self.orders if order["id"] == told["id"])
        return {"order": {**found, "lineItems": _page(found["lines"], told)}}

    def _refund(self, told: Found) -> Found:
        return {"refund": {"refundLineItems": _page(self.refunds[told["id"]], told)}}

    def _prices(self, told: Found) -> Found:
        wrong = [i for i, variant in enumerate(told["variants"]) if Decimal(variant["price"]) < 0]
        said = "The price of the variant must be greater than or equal to zero."
        errors = [{"field": ["variants", str(i), "price"], "message": said} for i in wrong]
        for variant in told["variants"] if not wrong else ():
            assert told["productId"].rsplit("/", 1)[1] == variant["id"].rsplit("/", 1)[1]
            self.prices[int(variant["id"].rsplit("/", 1)[1])] = Decimal(variant["price"])
        return {"productVariantsBulkUpdate": {"userErrors": errors}}

    def _storefront(self, path: str) -> httpx.Response:
        found = re.fullmatch(r"/products/ticket-(\d+)\.js", path)
        if found is None or int(found[1]) in self.hidden:
            return httpx.Response(404)
        number = int(found[1])
        variant = {"id": number, "price": int(self.prices[number] * 100), "available": self.stock[number] > 0}
        return httpx.Response(200, json={"id": number, "title": f"Ticket {number}", "variants": [variant]})


def _page(nodes: list[Found], told: Found) -> Found:
    """Two entries from a cursor on."""
    start = int(told["after"] or 0)
    more = start + 2 < len(nodes)
    return {"nodes": nodes[start : start + 2], "pageInfo": {"hasNextPage": more, "endCursor": str(start + 2)}}
