"""Shopify: products with variants, orders with refunds.

This was written after Shopify's documentation and tested against shapes recorded from it, not against the service.

Guarantees
----------
* The prices of one product's variants are written by one request, all of them or none.
* Errors that come under status 200 (`userErrors`) refuse the write.
* What a buyer sees is read from the storefront, without the token.

Source: https://shopify.dev/docs/api/admin-graphql (2026-10), https://shopify.dev/docs/api/ajax.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from urllib.parse import quote

import httpx

from api.shops.client import Client
from api.shops.credentials import Secret
from api.shops.errors import ShopError
from api.shops.model import Batch, Capabilities, Demand, Listed, Shown, Stock, Write, amount
from api.shops.shopify.answers import Orders, ShownProduct, Update, Variant, Variants
from api.shops.shopify.demand import movements
from api.shops.shopify.graphql import GraphQL
from api.shops.shopify.places import names_of, number, place_of
from api.shops.shopify.queries import ORDERS, UPDATE, VARIANTS, VERSION

OVERLAP = timedelta(minutes=5)
"""Orders changed so shortly before the last one seen are read again."""
SOLD_OUT_AT_NONE = "DENY"
"""The policy of a variant that is not sold on when none is left."""
MOST_VARIANTS = 100
"""Of one product, written by one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shopify:
    """One Shopify shop.

    Attributes
    ----------
    api : its data, with the token of a custom app
    storefront : where buyers come, without any token
    tax_included : whether prices include tax, as the shop's tax settings say
    """

    api: GraphQL
    storefront: Client
    tax_included: bool = True

    @property
    def capabilities(self) -> Capabilities:
        """What Shopify can do; it limits what requests cost, and a costly one is sent again when it may be."""
        return Capabilities(
            system="Shopify", tax_included=self.tax_included, requests_per_minute=120, bulk=True, atomic=True
        )

    def pull_demand(self, since: str | None) -> Demand:
        """What happened to orders changed since a cursor; orders that were a test are left out."""
        start = _instant(since) if since else None
        told = None if start is None else f"updated_at:>='{(start - OVERLAP).isoformat()}'"
        changed = [order for _, order in self.api.every(ORDERS, Orders, lambda answer: answer.orders, query=told)]
        found = [each for order in changed if not order.test for each in movements(self.api, order.id)]
        last = max([order.updated_at for order in changed] + ([start] if start else []), default=None)
        cursor = "" if last is None else last.astimezone(UTC).isoformat()
        return Demand(tuple(sorted(found, key=lambda each: (each.at, each.id))), cursor)

    def pull_inventory(self) -> tuple[Stock, ...]:
        """Variants that are sold as long as their stock lasts."""
        return tuple(
            Stock(
                id=_place(variant), name=variant.display_name, places=(_place(variant),), size=None, available=counted
            )
            for _, variant in self._variants()
            if (counted := variant.inventory_quantity) is not None
            and variant.inventory_item.tracked
            and variant.inventory_policy == SOLD_OUT_AT_NONE
        )

    def read_prices(self) -> tuple[Listed, ...]:
        """The price of every variant; Shopify has none without."""
        return tuple(
            Listed(
                place=_place(variant),
                name=variant.display_name,
                currency=answer.shop.currency_code,
                price=variant.price,
                written=amount(variant.price),
            )
            for answer, variant in self._variants()
        )

    def read_shown(self, places: Collection[str]) -> tuple[Shown, ...]:
        """What the storefront shows of each product that has such a place."""
        wanted = {names_of(place)[0] for place in places}
        every = [(answer.shop.currency_code, variant) for answer, variant in self._variants()]
        found = [(currency, variant) for currency, variant in every if variant.product.id in wanted]
        currency = found[0][0] if found else ""
        products = {variant.product.id: variant.product.handle for _, variant in found}
        return tuple(
            Shown(
                place=f"product/{number(product)}/variant/{shown.id}",
                price=Decimal(shown.price) / 100,
                currency=currency,
                available=shown.available,
            )
            for product, handle in products.items()
            for shown in self._shown(handle).variants
        )

    def batches(self, writes: Sequence[Write]) -> tuple[tuple[Write, ...], ...]:
        """One request for variants of one product."""
        ordered = sorted(writes, key=lambda write: names_of(write.place))
        products = [list(group) for _, group in groupby(ordered, lambda write: names_of(write.place)[0])]
        return tuple(
            tuple(group[i : i + MOST_VARIANTS]) for group in products for i in range(0, len(group), MOST_VARIANTS)
        )

    def write(self, batch: Batch) -> None:
        """Write the prices of variants of one product."""
        product, _ = names_of(batch.writes[0].place)
        variants = [{"id": names_of(write.place)[1], "price": _text(write)} for write in batch.writes]
        answer = self.api.ask(UPDATE, Update, productId=product, variants=variants).product_variants_bulk_update
        if answer is None or answer.user_errors:
            said = [error.message for error in answer.user_errors] if answer else ["it did not say what came of it"]
            raise ShopError(f"Shopify refused: {'; '.join(said)}", permanent=True)

    def _variants(self) -> Iterator[tuple[Variants, Variant]]:
        return self.api.every(VARIANTS, Variants, lambda answer: answer.product_variants)

    def _shown(self, handle: str) -> ShownProduct:
        try:
            return self.storefront.get(f"/products/{quote(handle, safe='')}.js", ShownProduct)
        except ShopError as error:
            if error.status == httpx.codes.NOT_FOUND:  # a draft, or not sold online
                return ShownProduct([])
            raise


def connect(admin: Client, storefront: Client, *, secret: Secret, tax_included: bool = True) -> Shopify:
    """The connector of a shop.

    Parameters
    ----------
    admin : to an address such as https://my-shop.myshopify.com
    storefront : to where buyers come, such as https://my-shop.example
    secret : the Admin API access token of a custom app
    """
    client = admin.with_key(secret.reveal(), header="X-Shopify-Access-Token")
    api = GraphQL(client, f"/admin/api/{VERSION}/graphql.json")
    return Shopify(api=api, storefront=storefront, tax_included=tax_included)


def _place(variant: Variant) -> str:
    return place_of(variant.product.id, variant.id)


def _text(write: Write) -> str:
    if write.after.amount is None:
        raise ShopError(f"{write.place} cannot be without a price", permanent=True)
    return str(write.after.amount)


def _instant(cursor: str) -> datetime:
    try:
        return datetime.fromisoformat(cursor)
    except ValueError:
        raise ShopError("this is no cursor of a Shopify shop", permanent=True) from None
