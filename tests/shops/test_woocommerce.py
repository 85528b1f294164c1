"""The WooCommerce connector does what every shop must, against shapes recorded from WooCommerce's documentation.

It was not run against a WooCommerce shop: docs/shops/woocommerce.md says so.
"""

from dataclasses import dataclass, field
from decimal import Decimal

import httpx
import pytest

from api.shops import woocommerce
from api.shops.addresses import Guard, GuardedTransport
from api.shops.bucket import TokenBucket
from api.shops.client import Client, Patience
from api.shops.connector import Connector
from api.shops.credentials import Secret
from api.shops.errors import ShopError
from api.shops.model import ABSENT, EMPTY, Batch, Movement, Write, Written, amount
from tests.shops.contract import Ordered, ShopContract, by_place, unlimited
from tests.shops.recorded_woocommerce import Ticket, WooShop

ADDRESS = "https://127.0.0.1:8999"
KEYS = "ck_f00:cs_ba7"
SIMPLE, VARIATION, UNPRICED = "product/1", "product/9/variation/2", "product/3"


def three_tickets() -> WooShop:
    """A shop with a product, a variation of another, and one without a price."""
    return WooShop(KEYS, {1: Ticket("10.00"), 2: Ticket("20.00", parent=9), 3: Ticket("")}, {9: "Tour"})


@dataclass(slots=True)
class Running:
    """The recorded shop in the place of a running one."""

    shop: WooShop = field(default_factory=three_tickets)
    places: tuple[str, str] = (SIMPLE, VARIATION)
    unwritten: str = UNPRICED
    secret: str = KEYS

    def connect(
        self, transport: httpx.BaseTransport, bucket: TokenBucket, patience: Patience, secret: str | None = None
    ) -> Connector:
        """Fairfare's way in."""
        told = Secret(secret or self.secret)
        way = Client(address=ADDRESS, bucket=bucket, transport=transport, patience=patience)
        return woocommerce.connect(way, secret=told)

    def order(self, place: str, units: int) -> Ordered:
        """Buy at what is asked now."""
        number = _number(place)
        return Ordered(str(self.shop.buy(number, units)), place, units, Decimal(self.shop.tickets[number].price))

    def cancel(self, order: str) -> None:
        """Cancel a whole order."""
        self.shop.move(int(order), "cancelled")

    def write_by_hand(self, place: str, price: Written) -> None:
        """Change a price as the owner does."""
        self.shop.tickets[_number(place)].regular = "" if price.amount is None else str(price.amount)

    def kill(self) -> None:
        """Nobody answers."""
        self.shop.alive = False

    def start(self) -> None:
        """It answers again."""
        self.shop.alive = True


def _number(place: str) -> int:
    return int(place.rsplit("/", 1)[1])


@pytest.fixture
def running() -> Running:
    """A shop with three tickets."""
    return Running()


class TestWooCommerce(ShopContract):
    """The contract."""

    def reach(self, running: Running, guard: Guard) -> httpx.BaseTransport:  # type: ignore[override]
        """To the recorded shop, past the guard."""
        return GuardedTransport(guard, inner=lambda: httpx.MockTransport(running.shop))


@pytest.fixture
def connector(running: Running) -> Connector:
    """A connector without a network."""
    return running.connect(httpx.MockTransport(running.shop), unlimited(), Patience(attempts=1))


def sold(movements: tuple[Movement, ...]) -> list[tuple[int, Decimal]]:
    """Units and prices, in their order."""
    return [(each.quantity, each.price) for each in movements]


def test_an_error_of_one_product_under_status_200_refuses_the_write(running: Running, connector: Connector) -> None:
    """The others of the batch are written all the same: a batch is not all or none, and the error names which."""
    writes = tuple(Write(place, EMPTY, amount(Decimal("12.34"))) for place in (SIMPLE, "product/77"))
    with pytest.raises(ShopError, match="product 77: Invalid ID") as raised:
        connector.write(Batch(writes))
    assert raised.value.permanent
    assert running.shop.tickets[1].regular == "12.34"
    assert not connector.capabilities.atomic


def test_at_most_a_hundred_prices_are_written_by_one_request(connector: Connector) -> None:
    """Products together, variations with those of the same product."""
    places = [*(f"product/{n}" for n in range(1, 151)), *(f"product/900/variation/{n}" for n in range(1, 4))]
    made = connector.batches([Write(place, EMPTY, amount(Decimal(10))) for place in places])
    assert sorted(map(len, made)) == [3, 50, 100]
    assert sorted(write.place for group in made for write in group) == sorted(places)


def test_lists_are_read_to_their_end(running: Running, connector: Connector) -> None:
    """A hundred entries a page, and what is on the third page counts."""
    running.shop.tickets = {number: Ticket("10.00") for number in range(1, 226)}
    running.shop.variable = {}
    assert len(connector.read_prices()) == 225


def test_a_sale_is_told_as_it_holds(running: Running, connector: Connector) -> None:
    """A buyer pays the sale's price; what we wrote beneath it is still ours."""
    running.shop.tickets[1].sale = "7.50"
    listed = by_place(connector.read_prices())[SIMPLE]
    assert (listed.price, listed.written) == (Decimal("7.50"), amount(Decimal("10.00")))
    assert {each.place: each.price for each in connector.read_shown([SIMPLE])}[SIMPLE] == Decimal("7.50")


def test_units_of_a_line_add_up_to_what_was_paid_however_they_come_back(running: Running, connector: Connector) -> None:
    """Three for ten euros: the dearer cent is sold once, given back once, and nothing is left."""
    order = running.shop.buy(1, 3, total="10.00")
    for _ in range(3):
        running.shop.refund(order, 1)
    running.shop.move(order, "refunded")
    found = connector.pull_demand(None).movements
    assert sum(units * price for units, price in sold(found)) == 0
    assert sum(units * price for units, price in sold(found) if units > 0) == Decimal("10.00")
    assert len({each.id for each in found}) == len(found)


def test_a_refund_counts_when_it_was_made(running: Running, connector: Connector) -> None:
    """Two of three come back later; the third stays sold."""
    order = running.shop.buy(1, 3)
    running.shop.refund(order, 2)
    first, second = connector.pull_demand(None).movements
    assert [first.quantity, second.quantity] == [3, -2]
    assert second.at > first.at


@pytest.mark.parametrize(("status", "units"), [("pending", []), ("processing", [2]), ("on-hold", [2])])
def test_what_nobody_paid_for_is_no_demand(
    running: Running, connector: Connector, status: str, units: list[int]
) -> None:
    """An order that waits for its first payment may never be one; a bank transfer on its way is."""
    order = running.shop.buy(1, 2, status=status)
    assert [each.quantity for each in connector.pull_demand(None).movements] == units
    running.shop.move(order, "cancelled")
    assert sum(each.quantity for each in connector.pull_demand(None).movements) == 0


def test_variations_may_share_the_stock_of_their_product(running: Running, connector: Connector) -> None:
    """What several places draw on is one stock, counted once."""
    shop = running.shop
    shop.tickets = {2: Ticket("20.00", parent=9), 4: Ticket("15.00", parent=9)}

    def shared(request: httpx.Request) -> httpx.Response:
        answer = shop(request)
        if request.url.path.endswith("/variations"):
            return httpx.Response(200, json=[each | {"manage_stock": "parent"} for each in answer.json()])
        return answer

    made = running.connect(httpx.MockTransport(shared), unlimited(), Patience(attempts=1))
    (stock,) = made.pull_inventory()
    assert (stock.places, stock.available) == (("product/9/variation/2", "product/9/variation/4"), 100)
    assert len(connector.pull_inventory()) == 2


def test_what_is_sold_on_when_none_is_left_has_no_limit(running: Running, connector: Connector) -> None:
    """With backorders a product can be bought whatever is in stock."""
    before = {stock.id for stock in connector.pull_inventory()}
    running.shop.tickets[1].backorders = "notify"
    assert before - {stock.id for stock in connector.pull_inventory()} == {SIMPLE}


def test_a_price_field_cannot_be_taken_away(connector: Connector) -> None:
    """It can be empty, which takes the product off sale."""
    with pytest.raises(ShopError):
        connector.write(Batch((Write(SIMPLE, EMPTY, ABSENT),)))
    connector.write(Batch((Write(SIMPLE, EMPTY, EMPTY),)))
    assert by_place(connector.read_prices())[SIMPLE].written == EMPTY


@pytest.mark.parametrize("answer", [{"code": "rest_no_route"}, [{"id": 1}], "<html>"])
def test_an_answer_of_another_shape_is_an_error(answer: object) -> None:
    """Another system at the address is not taken for an empty shop."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    made = Running().connect(transport, unlimited(), Patience(attempts=1))
    for read in (made.read_prices, made.pull_inventory, lambda: made.pull_demand(None)):
        with pytest.raises(ShopError) as raised:
            read()
        assert raised.value.permanent


def test_another_systems_cursor_is_an_error(connector: Connector) -> None:
    """Nothing is pulled from the beginning by mistake."""
    with pytest.raises(ShopError, match="cursor"):
        connector.pull_demand('{"until": 1}')
