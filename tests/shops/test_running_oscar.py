"""A running django-oscar does what every shop must, and its traps are known."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from subprocess import run

import httpx
import pytest

from api.served.feeds import Form
from api.shops import oscar
from api.shops.bucket import TokenBucket
from api.shops.client import Client, Patience
from api.shops.connector import Connector
from api.shops.credentials import Secret
from api.shops.model import EMPTY, Written, amount
from api.shops.shop import Shop
from tests.shops.contract import NOW, Ordered, ShopContract, by_place, change
from tests.shops.owner_kit import SHOP, owner
from tests.shops.processes import Server, environment, kept_port, variables

pytestmark = pytest.mark.shops("django-oscar")
HERE = Path(__file__).parent
LOCK = HERE / "oscar.lock"
ADULT, CHILD, UNPRICED = "stockrecord/1", "stockrecord/2", "stockrecord/3"


@dataclass(slots=True)
class OscarShop:
    """The shop, its owner and its buyers."""

    server: Server
    address: str
    secret: str = "fairfare:correct-horse"
    places: tuple[str, str] = (ADULT, CHILD)
    unwritten: str = UNPRICED

    def connect(
        self, transport: httpx.BaseTransport, bucket: TokenBucket, patience: Patience, secret: str | None = None
    ) -> Connector:
        """Fairfare's way in."""
        told = Secret(secret or self.secret)
        way = Client(address=self.address, bucket=bucket, transport=transport, patience=patience)
        return oscar.connect(way, secret=told)

    def owner(self) -> httpx.Client:
        """Whoever may do what Fairfare's account may."""
        user, _, password = self.secret.partition(":")
        return httpx.Client(base_url=self.address, auth=(user, password), timeout=30, trust_env=False)

    def order(self, place: str, units: int) -> Ordered:
        """Buy as a guest: a basket, and a checkout with the total that the basket shows."""
        with self.buyer() as buyer:
            basket = self.fill(buyer, place, units)
            placed = self.checkout(buyer, basket["url"], basket["total_incl_tax"])
            placed.raise_for_status()
            return Ordered(placed.json()["number"], place, units, Decimal(placed.json()["total_incl_tax"]) / units)

    def buyer(self) -> httpx.Client:
        """Somebody without an account, whose basket is remembered."""
        return httpx.Client(base_url=self.address, timeout=30, trust_env=False)

    def asked(self, product: int) -> str:
        """What a product costs, amount and currency, as its page tells a buyer."""
        with self.buyer() as buyer:
            told = buyer.get(f"/products/{product}/price/").raise_for_status().json()
        return f"{told['incl_tax']} {told['currency']}"

    def fill(self, buyer: httpx.Client, place: str, units: int) -> dict[str, str]:
        """Put units in the basket; products and their only stock records have the same numbers here."""
        product = f"{self.address}/products/{place.removeprefix('stockrecord/')}/"
        return buyer.post("/basket/add-product/", json={"url": product, "quantity": units}).raise_for_status().json()

    def checkout(self, buyer: httpx.Client, basket: str, total: str) -> httpx.Response:
        """Buy what is in it, for what the buyer thinks it costs."""
        guest = {"guest_email": "buyer@shop.example", "shipping_method_code": "no-shipping-required"}
        return buyer.post("/checkout/", json={"basket": basket, "total": total, **guest})

    def cancel(self, order: str) -> None:
        """As the owner does in the dashboard."""
        path = f"{self.address.removesuffix('/api')}/dashboard/cancel/{order}/"
        httpx.get(path, timeout=30, trust_env=False).raise_for_status()

    def write_by_hand(self, place: str, price: Written) -> None:
        """As the owner does, with no eye on Fairfare."""
        body = {"price": None if price.amount is None else str(price.amount)}
        with self.owner() as owner:
            owner.patch(f"/admin/stockrecords/{place.removeprefix('stockrecord/')}/", json=body).raise_for_status()

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.server.kill()

    def start(self) -> None:
        """Start it with all it had stored."""
        self.server.start()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, tell_cost: Callable[[Path, Server], None]) -> Iterator[OscarShop]:
    """A shop with two products that have a price and one that has none."""
    python, folder = environment(LOCK), tmp_path_factory.mktemp("oscar")
    told = {"OSCAR_FOLDER": str(folder), "DJANGO_SETTINGS_MODULE": "oscar_site.settings", "PYTHONPATH": str(HERE)}
    quiet = [str(python), "-W", "ignore", "-B", "-m"]
    run([*quiet, "oscar_site.seed"], check=True, env=variables(told))
    with kept_port() as port:
        serve = [*quiet, "django", "runserver", "--noreload", "--skip-checks", f"127.0.0.1:{port}"]
        address = f"http://127.0.0.1:{port}/api"
        server = Server(serve, f"{address}/", told, folder, folder / "server.log")
        try:
            server.start()
            tell_cost(LOCK, server)
            yield OscarShop(server, address)
        finally:
            server.kill()


class TestOscar(ShopContract):
    """The contract, and Oscar's own traps."""

    @pytest.mark.parametrize("price", ["-3.00", "0.00", "9999999999.99"])
    def test_oscar_itself_takes_any_price(self, running: OscarShop, shop: Shop, price: str) -> None:
        """Negative and absurd prices are stored without a word, so that the bounds must be ours."""
        running.write_by_hand(ADULT, amount(Decimal(price)))
        assert by_place(shop.read_prices())[ADULT].price == Decimal(price)

    def test_an_empty_price_is_taken_and_stops_the_sale(self, running: OscarShop, shop: Shop) -> None:
        """`null` is stored without a word too: the product is shown without a price, and cannot be bought."""
        running.write_by_hand(ADULT, EMPTY)
        listed = by_place(shop.read_prices())[ADULT]
        assert (listed.price, listed.written) == (None, EMPTY)
        assert {each.place: each.price for each in shop.connector.read_shown([ADULT])}[ADULT] is None
        with running.buyer() as buyer, pytest.raises(httpx.HTTPStatusError):
            running.fill(buyer, ADULT, 1)

    def test_the_price_of_an_order_line_is_that_of_the_line(self, running: OscarShop, shop: Shop) -> None:
        """Oscar's own field says 60 for three at 20; a movement says 20."""
        ordered = running.order(ADULT, 3)
        with running.owner() as owner:
            (line,) = owner.get(owner.get("/admin/orders/").json()[0]["lines"]).json()
        assert (line["quantity"], line["price_incl_tax"]) == (3, "60.00")
        assert {m.price for m in shop.pull_demand().movements if m.order == ordered.order} == {Decimal("20.00")}

    def test_a_basket_takes_the_new_price_at_once_and_a_stale_total_is_not_acceptable(
        self, running: OscarShop, shop: Shop
    ) -> None:
        """Whoever had a product in the basket is asked for the new price; the total seen before gets 406."""
        with running.buyer() as buyer:
            basket = running.fill(buyer, ADULT, 1)
            assert basket["total_incl_tax"] == "20.00"
            shop.push(shop.plan([change(ADULT, "12.34")]), "while shopping", now=NOW)
            assert running.checkout(buyer, basket["url"], "20.00").status_code == 406
            assert buyer.get("/basket/").json()["total_incl_tax"] == "12.34"
            assert running.checkout(buyer, basket["url"], "12.34").status_code == 200
        assert not shop.capabilities.cart_keeps_price

    def test_places_are_found_by_walking_products(self, shop: Shop) -> None:
        """Oscar has no list of stock records: their numbers are found with the products that have them."""
        assert {each.place: each.name for each in shop.read_prices()} == {
            ADULT: "Adult",
            CHILD: "Child",
            UNPRICED: "Unpriced",
        }

    def test_a_write_leaves_the_rest_of_a_stock_record_alone(self, shop: Shop) -> None:
        """Neither stock nor name changes with a price."""
        before = shop.pull_inventory()
        shop.push(shop.plan([change(ADULT, "12.34")]), "price only", now=NOW)
        assert shop.pull_inventory() == before

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("DELETE", "/admin/orders/1/"),
            ("DELETE", "/admin/stockrecords/1/"),
            ("POST", "/admin/products/"),
            ("PATCH", "/admin/products/1/"),
            ("GET", "/admin/users/"),
            ("GET", "/admin/partners/"),
        ],
    )
    def test_the_account_may_change_prices_and_nothing_else(self, running: OscarShop, method: str, path: str) -> None:
        """The permissions in docs/shops/oscar.md are enough for everything above, and for nothing more."""
        with running.owner() as owner:
            assert owner.request(method, path, json={}).status_code == 403

    def test_a_sale_reaches_the_book_and_a_publish_reaches_a_buyer_and_every_feed(
        self, running: OscarShop, tmp_path: Path, tell: Callable[[str], None]
    ) -> None:
        """The loop, by commands; every feed and JSON-LD say what a buyer is asked, to the cent and in the currency."""
        settings = f'system = "oscar"\naddress = "{running.address}"\n'
        offers = {"adult": ("20.00", ADULT), "child": ("10.00", CHILD)}
        season = owner(tmp_path / "season", settings, running.secret, offers)
        assert season.fairfare("sync").returncode == 0
        (stock, before), *_ = season.left()["adult"].items()
        began = time.monotonic()
        running.order(ADULT, 2)
        told = season.fairfare("sync")
        tell(f"a sale reached the book in {time.monotonic() - began:.1f} s")
        assert "1 sale is new" in told.stdout
        assert season.left()["adult"] == season.pulled_anew()["adult"] == {stock: before - 2}
        season.publish({"adult": "22.00", "child": "11.50"})
        began = time.monotonic()
        told = season.fairfare("sync")
        tell(f"a publish reached a buyer in {time.monotonic() - began:.1f} s")
        assert (told.returncode, told.stderr) == (0, "")
        asked = {"adult": "22.00 EUR", "child": "11.50 EUR"}
        assert {"adult": running.asked(1), "child": running.asked(2)} == asked
        assert season.advertised() == dict.fromkeys(Form, asked)
        assert running.order(ADULT, 1).price == Decimal("22.00")
        back = season.fairfare("shops", "rollback", SHOP, "version 2")
        assert (back.returncode, back.stderr) == (0, "")
        assert running.order(ADULT, 1).price == Decimal("20.00")
