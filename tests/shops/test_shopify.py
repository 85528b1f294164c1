"""The Shopify connector does what every shop must, against shapes recorded from Shopify's documentation.

It was not run against the service: docs/shops/shopify.md says so.
"""

from dataclasses import dataclass, field
from decimal import Decimal

import httpx
import pytest

from api.shops import shopify
from api.shops.addresses import Guard, GuardedTransport
from api.shops.bucket import TokenBucket
from api.shops.client import Client, Patience
from api.shops.connector import Connector
from api.shops.credentials import Secret
from api.shops.errors import ShopError
from api.shops.model import EMPTY, Batch, Write, Written, amount
from tests.shops.contract import Ordered, ShopContract, by_place, unlimited
from tests.shops.recorded_shopify import ShopifyShop

ADDRESS = "https://127.0.0.1:8999"
TICKETS = ("product/1/variant/1", "product/2/variant/2", "product/3/variant/3")


def three_tickets() -> ShopifyShop:
    """A shop with three products."""
    prices = {number: Decimal(10 * number) for number in (1, 2, 3)}
    return ShopifyShop("shpat_f00", prices, dict.fromkeys(prices, 100))


@dataclass(slots=True)
class Running:
    """The recorded shop in the place of a running one."""

    shop: ShopifyShop = field(default_factory=three_tickets)
    places: tuple[str, str] = TICKETS[:2]
    unwritten: None = None
    secret: str = "shpat_f00"

    def connect(
        self, transport: httpx.BaseTransport, bucket: TokenBucket, patience: Patience, secret: str | None = None
    ) -> Connector:
        """Fairfare's way in."""
        told = Secret(secret or self.secret)
        way = Client(address=ADDRESS, bucket=bucket, transport=transport, patience=patience)
        return shopify.connect(way, way, secret=told)

    def order(self, place: str, units: int) -> Ordered:
        """Buy at what is asked now."""
        number = int(place.rsplit("/", 1)[1])
        return Ordered(str(self.shop.buy(number, units)), place, units, self.shop.prices[number])

    def cancel(self, order: str) -> None:
        """Cancel a whole order."""
        self.shop.cancel(int(order))

    def write_by_hand(self, place: str, price: Written) -> None:
        """Change a price as the owner does."""
        assert price.amount is not None
        self.shop.prices[int(place.rsplit("/", 1)[1])] = price.amount

    def kill(self) -> None:
        """Nobody answers."""
        self.shop.alive = False

    def start(self) -> None:
        """It answers again."""
        self.shop.alive = True


@pytest.fixture
def running() -> Running:
    """A shop with three products."""
    return Running()


class TestShopify(ShopContract):
    """The contract."""

    changes = staticmethod(lambda request: b"mutation" in request.content)

    def reach(self, running: Running, guard: Guard) -> httpx.BaseTransport:  # type: ignore[override]
        """To the recorded shop, past the guard."""
        return GuardedTransport(guard, inner=lambda: httpx.MockTransport(running.shop))


@pytest.fixture
def connector(running: Running) -> Connector:
    """A connector without a network."""
    return running.connect(httpx.MockTransport(running.shop), unlimited(), Patience(attempts=3))


def test_an_error_under_status_200_refuses_the_write(running: Running, connector: Connector) -> None:
    """`userErrors` come with "200 OK"; the price stays, and the error is for good."""
    with pytest.raises(ShopError, match="greater than or equal to zero") as raised:
        connector.write(Batch((Write(TICKETS[0], EMPTY, amount(Decimal(-3))),)))
    assert raised.value.permanent
    assert running.shop.prices[1] == 10


def test_a_request_that_is_throttled_is_sent_again_when_enough_has_come_back(running: Running) -> None:
    """Lacking a hundred points at a hundred a second, one second is waited; then the answer is the usual one."""
    waited: list[float] = []
    transport = httpx.MockTransport(running.shop)
    way = Client(address=ADDRESS, bucket=unlimited(), transport=transport)
    made = shopify.connect(way, way, secret=Secret("shpat_f00"))
    running.shop.throttle = 2
    patient = shopify.Shopify(
        api=shopify.GraphQL(made.api.client, made.api.path, waited.append), storefront=made.storefront
    )
    assert len(patient.read_prices()) == 3
    assert waited == [pytest.approx(1.1)] * 2


def test_a_refund_of_some_units_counts_when_it_happened(running: Running, connector: Connector) -> None:
    """Two of three come back a day later, the last one with the cancellation, at the price that was paid."""
    order = running.shop.buy(1, 3, paid=Decimal("8.50"))
    running.shop.refund(order, 2)
    running.shop.cancel(order)
    found = connector.pull_demand(None).movements
    assert [(each.quantity, each.price) for each in found] == [(n, Decimal("8.50")) for n in (3, -2, -1)]
    assert len({each.at for each in found}) == 3


def test_what_is_sold_on_when_none_is_left_has_no_limit(running: Running, connector: Connector) -> None:
    """Of three variants two are sold as long as stock lasts."""
    running.shop.sold_on = {2}
    assert [stock.places for stock in connector.pull_inventory()] == [(TICKETS[0],), (TICKETS[2],)]


def test_a_test_order_is_no_demand(running: Running, connector: Connector) -> None:
    """What the owner tried out was not bought."""
    running.shop.buy(1, 3, test=True)
    assert connector.pull_demand(None).movements == ()


def test_variants_of_one_product_are_written_together(connector: Connector) -> None:
    """One product a request, whatever the order of the prices."""
    places = ["product/1/variant/1", "product/2/variant/2", "product/1/variant/3"]
    made = connector.batches([Write(place, EMPTY, amount(Decimal(10))) for place in places])
    assert [[write.place for write in group] for group in made] == [[places[0], places[2]], [places[1]]]


def test_a_product_that_is_not_sold_online_is_shown_to_nobody(running: Running, connector: Connector) -> None:
    """A draft has a price and no page."""
    running.shop.hidden = {2}
    assert {each.place for each in connector.read_shown(TICKETS)} == {TICKETS[0], TICKETS[2]}
    assert set(by_place(connector.read_prices())) == set(TICKETS)


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"productVariants": None}},
        {"errors": [{"message": "Field 'price' doesn't exist", "extensions": {"code": "undefinedField"}}]},
        {"errors": "Not Found"},
        ["hello"],
    ],
)
def test_an_answer_of_another_shape_is_an_error(answer: object) -> None:
    """Another version of the interface, or another system, is not taken for an empty shop."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    made = Running().connect(transport, unlimited(), Patience(attempts=1))
    with pytest.raises(ShopError) as raised:
        made.read_prices()
    assert raised.value.permanent
