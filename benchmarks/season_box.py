"""A season's events on sale in a pretix, and the buyers who come to them.

Guarantees
----------
* A buyer sees what pretix shows without a key, and pays what was seen: anything else ends the season.
* An order that pretix refuses as more than the room holds is made again for as many as pretix says are left.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx

from api.shops.model import Movement
from benchmarks.season_market import Market
from pricing.model import Offer
from tests.shops.pretix_kit import PretixShop

NAME = "hosts"
"""The organizer, and the shop in the workspace."""
LATER = timedelta(days=3653)
"""An event is to come on pretix's clock whenever this is run."""
BUYER = {"email": "b@shop.example", "locale": "en", "status": "p", "payment_provider": "banktransfer"}


@dataclass(slots=True)
class Box:
    """The box office: what is on sale in pretix, and the buyers at its window.

    Attributes
    ----------
    items : offer -> its number in pretix
    quotas : room -> its number in pretix
    orders, units : confirmed to buyers
    refused : orders that pretix refused because the room does not hold so many
    asked : (day, offer) -> the price that buyers saw
    """

    running: PretixShop
    items: dict[str, int]
    quotas: dict[str, int]
    orders: set[str] = field(default_factory=set)
    units: int = 0
    refused: int = 0
    asked: dict[tuple[int, str], Decimal] = field(default_factory=dict)

    @classmethod
    def open(cls, running: PretixShop, market: Market) -> "Box":
        """Put the events on sale, as their owner would."""
        box = cls(running, {}, {})
        starts = market.season.events.set_index("event")["starts_at"]
        with box.line() as line:
            for event in market.leads:
                begins = (starts[event] + LATER).isoformat()
                box._put_on_sale(line, event, begins, [o for o in market.offers if o.event == event], market.left)
        return box

    def _put_on_sale(
        self, line: httpx.Client, event: str, begins: str, offers: Sequence[Offer], left: dict[str, int]
    ) -> None:
        slug = slug_of(event)
        made = {"name": {"en": event}, "slug": slug, "date_from": begins, "live": False}
        answered(line.post("gala/clone/", json=made))  # how it is paid for is no matter of the API, and is copied
        drawn: dict[str, list[int]] = defaultdict(list)
        for offer in offers:
            name = {"en": f"{offer.product}, {offer.segment}"}
            item = {"name": name, "default_price": str(offer.current_price)}
            self.items[offer.id] = answered(line.post(f"{slug}/items/", json=item))["id"]
            drawn[str(offer.resource)].append(self.items[offer.id])
        for room, items in drawn.items():
            quota = {"name": room, "size": left[room], "items": items, "variations": []}
            self.quotas[room] = answered(line.post(f"{slug}/quotas/", json=quota))["id"]
        answered(line.patch(f"{slug}/", json={"live": True}))

    def line(self) -> httpx.Client:
        """A connection that stays open while buyers come."""
        base = f"{self.running.address}/api/v1/organizers/{NAME}/events/"
        key = {"Authorization": f"Token {self.running.owners_secret}"}
        return httpx.Client(base_url=base, headers=key, timeout=60, trust_env=False, verify=False)  # noqa: S501  # loopback

    def sell(self, market: Market, day: int) -> None:
        """Buyers look at what pretix shows them, and order there."""
        with self.line() as line:
            for event in [event for event, lead in market.leads.items() if day < lead]:
                shown = dict(self._shown(line, event))
                for offer in (offer for offer in market.on_sale(day) if offer.event == event):
                    price, available = shown[self.items[offer.id]]
                    self.asked[day, offer.id] = price
                    if available:
                        self._order(line, offer, price, market.wanted(offer, day, price))

    def _shown(self, line: httpx.Client, event: str) -> Iterator[tuple[int, tuple[Decimal, bool]]]:
        page = answered(line.get(f"{self.running.address}/{NAME}/{slug_of(event)}/widget/product_list"))
        for group in page["items_by_category"]:
            for item in group["items"]:
                if item["price"] is not None:
                    yield item["id"], (Decimal(item["price"]["gross"]), item["avail"][0] == 100)

    def _order(self, line: httpx.Client, offer: Offer, price: Decimal, units: int) -> None:
        """Order as many as there are; pretix says the price, which must be the one that was seen."""
        slug = slug_of(offer.event)
        while units:
            positions = [{"item": self.items[offer.id]}] * units
            answer = line.post(f"{slug}/orders/", json={**BUYER, "positions": positions})
            if answer.is_success:
                paid = {Decimal(position["price"]) for position in answer.json()["positions"]}
                checked(paid == {price}, f"{offer.id}: {price} was shown, {paid} was to be paid")
                self.orders.add(f"{slug}/{answer.json()['code']}")
                self.units += units
                return
            checked(answer.status_code == 400 and "quota" in answer.text.lower(), answer.text)
            self.refused += 1
            quota = f"{slug}/quotas/{self.quotas[str(offer.resource)]}/availability/"
            units = min(units - 1, answered(line.get(quota))["available_number"])


def answered(answer: httpx.Response) -> Any:  # noqa: ANN401  # JSON is loose
    """What pretix said, if it did what was asked."""
    checked(answer.is_success, answer.text)
    return answer.json()


def checked(fine: bool, said: object) -> None:
    """Stop where something did not go as it must."""
    if not fine:
        raise RuntimeError(said)


def item_of(sold: Movement) -> int:
    """The number in pretix of what was sold."""
    return int(sold.place.split("/")[2])


def slug_of(event: str) -> str:
    """The short name of an event."""
    return event.lower().replace(" ", "-")
