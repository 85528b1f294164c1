"""What an event of pretix offers, freshly read: products, variations, dates and vouchers, as places with prices.

Guarantees
----------
* A price inherited from the product, or from the series, is told apart from one written at the place itself; so is an
  override that is there without a price.
* What a buyer sees is read without a key from the page a shop's widget uses, in the terms the price is written in: with
  tax where pretix adds none, else without.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from api.shops.client import Client
from api.shops.errors import ShopError
from api.shops.model import ABSENT, Listed, Shown, Written
from api.shops.pretix.answers import (
    Date,
    Event,
    Item,
    Override,
    ShownItem,
    ShownList,
    ShownPrice,
    ShownVariation,
    TaxRule,
    Variation,
    Voucher,
    text,
)
from api.shops.pretix.places import Place

FIXED_PRICE = "set"
"""The mode of a voucher that names a price, rather than something off it."""
ON_SALE = 100
"""What pretix calls available."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """An event with what it offers."""

    event: Event
    items: tuple[Item, ...]
    dates: tuple[Date, ...]
    vouchers: tuple[Voucher, ...]

    @classmethod
    def read(cls, api: Client, path: str, *, vouchers: bool) -> "Catalogue":
        """Read what the event at a path of the API offers."""
        event = api.get(f"{path}/", Event)
        return cls(
            event,
            tuple(api.pages(f"{path}/items/", Item)),
            tuple(api.pages(f"{path}/subevents/", Date)) if event.has_subevents else (),
            tuple(priced_vouchers(api, path)) if vouchers else (),
        )

    def listed(self) -> Iterator[Listed]:
        """Every place with its price."""
        for item in self.items:
            yield self._listed(Place(self.event.slug, item.id), text(item.name), item.default_price, item.default_price)
            for variation, price, name in self._variations(item):
                place = Place(self.event.slug, item.id, variation.id)
                yield self._listed(place, name, price, variation.default_price)
        for date in self.dates:
            yield from self._on(date)
        for voucher in self.vouchers:
            place, name = Place(self.event.slug, voucher=voucher.id), f"voucher {voucher.tag or voucher.id}"
            yield self._listed(place, name, voucher.value, voucher.value)

    def _on(self, date: Date) -> Iterator[Listed]:
        """Prices on one date; a product that has variations is sold as one of them only."""
        day = f"{text(date.name)} {date.date_from:%Y-%m-%d %H:%M}"
        for item in self.items:
            if not item.variations:
                written = written_in(date.item_price_overrides, "item", item.id)
                place = Place(self.event.slug, item.id, date=date.id)
                yield self._dated(place, f"{text(item.name)}, {day}", item.default_price, written)
            for variation, price, name in self._variations(item):
                written = written_in(date.variation_price_overrides, "variation", variation.id)
                place = Place(self.event.slug, item.id, variation.id, date.id)
                yield self._dated(place, f"{name}, {day}", price, written)

    def _variations(self, item: Item) -> Iterator[tuple[Variation, Decimal, str]]:
        for each in item.variations:
            price = item.default_price if each.default_price is None else each.default_price
            yield each, price, f"{text(item.name)}, {text(each.value)}"

    def _listed(self, place: Place, name: str, price: Decimal | None, own: Decimal | None) -> Listed:
        written = Written(there=True, amount=own)
        return Listed(place=str(place), name=name, currency=self.event.currency, price=price, written=written)

    def _dated(self, place: Place, name: str, inherited: Decimal, written: Written) -> Listed:
        price = inherited if written.amount is None else written.amount
        return Listed(place=str(place), name=name, currency=self.event.currency, price=price, written=written)

    def shown(self, storefront: Client, shop: str, taxes: dict[int, bool]) -> Iterator[Shown]:
        """Every price as a buyer sees it now.

        Parameters
        ----------
        shop : path of the event's page
        taxes : of each tax rule, whether prices written under it include the tax
        """
        net = {item.id for item in self.items if item.tax_rule is not None and not taxes.get(item.tax_rule, True)}
        for date in self.dates or (None,):
            path = f"{shop}/widget/product_list" if date is None else f"{shop}/{date.id}/widget/product_list"
            for item in _items(storefront, path, {}):
                yield from self._shown(item, None if date is None else date.id, net)
        for voucher in self.vouchers:
            yield from self._reduced(storefront, shop, voucher, net)

    def _shown(self, item: ShownItem, date: int | None, net: set[int]) -> Iterator[Shown]:
        offered: list[ShownItem | ShownVariation] = [*item.variations] if item.variations else [item]
        for each in offered:
            variation = each.id if isinstance(each, ShownVariation) else None
            yield self._seen(Place(self.event.slug, item.id, variation, date), each, net=item.id in net)

    def _reduced(self, storefront: Client, shop: str, voucher: Voucher, net: set[int]) -> Iterator[Shown]:
        """What the product costs with a voucher."""
        date = voucher.subevent or (self.dates[0].id if self.dates else None)
        path = f"{shop}/widget/product_list" if date is None else f"{shop}/{date}/widget/product_list"
        for item in _items(storefront, path, {"voucher": voucher.code}):
            of_it: list[ShownItem | ShownVariation] = [*item.variations] if item.variations else [item]
            wanted = [each for each in of_it if voucher.variation in {None, each.id} or each is item]
            if item.id == voucher.item and wanted:
                yield self._seen(Place(self.event.slug, voucher=voucher.id), wanted[0], net=item.id in net)

    def _seen(self, place: Place, each: ShownItem | ShownVariation, *, net: bool) -> Shown:
        price: ShownPrice | None = each.price
        asked = None if price is None else price.net if net else price.gross
        on_sale = bool(each.avail) and each.avail is not None and each.avail[0] == ON_SALE
        return Shown(place=str(place), price=asked, currency=self.event.currency, available=on_sale)


def priced_vouchers(api: Client, path: str) -> Iterator[Voucher]:
    """Vouchers of the event at a path that name a price of a product."""
    vouchers = api.pages(f"{path}/vouchers/", Voucher)
    return (each for each in vouchers if each.price_mode == FIXED_PRICE and each.item is not None)


def written_in(overrides: list[Override], kind: str, number: int) -> Written:
    """What is written for one product or variation among the prices of a date."""
    row = next((row for row in overrides if row[kind] == number), None)
    if row is None:
        return ABSENT
    return Written(there=True, amount=None if row["price"] is None else Decimal(row["price"]))


def taxes(api: Client, path: str) -> dict[int, bool]:
    """Of each tax rule of the event at a path, whether prices written under it include the tax."""
    return {rule.id: rule.price_includes_tax for rule in api.pages(f"{path}/taxrules/", TaxRule)}


def _items(storefront: Client, path: str, query: dict[str, str]) -> Iterator[ShownItem]:
    page = storefront.get(path, ShownList, query)
    if page.error is not None and not query:  # a voucher that is used up is no fault of the shop
        raise ShopError(f"{path}: {page.error}", permanent=True)
    return (item for group in page.items_by_category for item in group.items)
