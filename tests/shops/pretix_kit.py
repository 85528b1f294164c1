"""A running pretix for tests: its owner, its buyers, and Fairfare's way in."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from subprocess import PIPE, run
from typing import Any

import httpx

from api.atomic import write_bytes
from api.shops import pretix
from api.shops.bucket import TokenBucket
from api.shops.client import Client, Patience
from api.shops.connector import Connector
from api.shops.credentials import Secret
from api.shops.model import Written
from api.shops.pretix.places import Place
from tests.shops.contract import Ordered
from tests.shops.processes import Server, cache, environment, kept_port, making, variables

HERE = Path(__file__).parent
LOCK, SITE = HERE / "pretix.lock", HERE / "pretix_site"
CONFIGURATION = """
[pretix]
url={address}
datadir={folder}/data
ecb_rates=False
allow_http_to_private_networks=on
[database]
backend=sqlite3
[django]
secret=of a shop on loopback that lives as long as a test
"""
PRINTED = r'<article [^>]* id="item-(\d+)(?:-(\d+))?".*? price">.*?([€$£])(\d+\.\d\d)'
"""A product, perhaps a variation, and its price on a page for buyers."""
CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP"}
ACCESS = "%(m)s %(U)s %(s)s %(a)s"


@dataclass(slots=True)
class PretixShop:
    """The shop, its owner and its buyers; `numbers` are pretix's own, by event and name."""

    server: Server
    address: str
    numbers: dict[str, dict[str, int]]
    secret: str
    owners_secret: str = field(repr=False)

    @property
    def places(self) -> tuple[str, str]:
        """A product, and a product on a date."""
        tour = self.numbers["tour"]
        return self.at("gala", "adult"), str(Place("tour", tour["child"], date=tour["first"]))

    @property
    def unwritten(self) -> str:
        """On the same date, at the price of the series."""
        return str(Place("tour", self.numbers["tour"]["adult"], date=self.numbers["tour"]["first"]))

    def at(self, event: str, item: str, variation: str | None = None) -> str:
        """The place of a product."""
        of_it = self.numbers[event]
        return str(Place(event, of_it[item], of_it[variation] if variation else None))

    def connect(
        self, transport: httpx.BaseTransport, bucket: TokenBucket, patience: Patience, secret: str | None = None
    ) -> Connector:
        """Fairfare's way in."""
        return pretix.connect(
            Client(address=self.address, bucket=bucket, transport=transport, patience=patience),
            "hosts",
            ["gala", "tour"],
            secret=Secret(secret or self.secret),
            vouchers=True,
        )

    def owner(
        self, method: str, path: str, body: object = None, *, secret: str | None = None, **headers: str
    ) -> httpx.Response:
        """Use the API as the owner of the shop does."""
        url = f"{self.address}/api/v1/organizers/hosts/events/{path}"
        key = {"Authorization": f"Token {secret or self.owners_secret}"}
        return httpx.request(method, url, json=body, headers=key | headers, timeout=30, trust_env=False)

    def read(self, path: str) -> Any:
        """What the owner sees there."""
        return self.owner("GET", path).raise_for_status().json()

    def order(self, place: str, units: int, **more: object) -> Ordered:
        """Order and pay, at the price that pretix itself says."""
        found = Place.parse(place)
        ticket: dict[str, object] = {"item": found.item, "variation": found.variation, "subevent": found.date}
        if found.voucher is not None:
            voucher = self.read(f"{found.event}/vouchers/{found.voucher}/")
            ticket = {"item": voucher["item"], "voucher": voucher["code"]}
        order = self.place_order(found.event, [ticket] * units, **more)
        prices = {Decimal(position["price"]) for position in order["positions"]}
        assert len(prices) == 1
        return Ordered(f"{found.event}/{order['code']}", place, units, prices.pop())

    def place_order(self, event: str, tickets: list[dict[str, object]], **more: object) -> Any:
        """An order as pretix tells it."""
        buyer = {"email": "buyer@shop.example", "locale": "en", "sales_channel": "web", "status": "p"}
        body = {**buyer, "payment_provider": "banktransfer", "positions": tickets, **more}
        answer = self.owner("POST", f"{event}/orders/", body)
        assert answer.is_success, answer.text
        return answer.json()

    def cancel(self, order: str) -> None:
        """As the owner does."""
        event, code = order.split("/")
        self.owner("POST", f"{event}/orders/{code}/mark_canceled/", {"send_email": False}).raise_for_status()

    def write_by_hand(self, place: str, price: Written) -> None:
        """As the owner does, with no eye on Fairfare."""
        found, value = Place.parse(place), None if price.amount is None else str(price.amount)
        if found.date is not None:
            self._write_date(found, price)
            return
        item = f"{found.event}/items/{found.item}/"
        path = item if found.variation is None else f"{item}variations/{found.variation}/"
        self.owner("PATCH", path, {"default_price": value}).raise_for_status()

    def _write_date(self, place: Place, price: Written) -> None:
        path = f"{place.event}/subevents/{place.date}/"
        rows = [row for row in self.read(path)["item_price_overrides"] if row["item"] != place.item]
        new = (
            [{"item": place.item, "price": None if price.amount is None else str(price.amount)}] if price.there else []
        )
        self.owner("PATCH", path, {"item_price_overrides": [*rows, *new]}).raise_for_status()

    def in_widget(self, event: str, date: int | None = None) -> dict[str, str]:
        """What each place costs, amount and currency, as the widget on another site is told."""
        told = self._visited(event, date, "widget/product_list").json()
        found = {}
        for item in (item for group in told["items_by_category"] for item in group["items"]):
            for variation in item["variations"] or [None]:
                place = Place(event, item["id"], None if variation is None else variation["id"], date)
                found[str(place)] = f"{(variation or item)['price']['gross']} {told['currency']}"
        return found

    def on_page(self, event: str, date: int | None = None) -> dict[str, str]:
        """The same as it is printed on the page of the event, or of a date; the least of a product's variations."""
        printed = re.findall(PRINTED, self._visited(event, date, "").text, re.DOTALL)
        return {
            str(Place(event, int(item), int(variation) if variation else None, date)): f"{price} {CURRENCIES[sign]}"
            for item, variation, sign, price in printed
        }

    def _visited(self, event: str, date: int | None, page: str) -> httpx.Response:
        path = f"{event}/{page}" if date is None else f"{event}/{date}/{page}"
        return httpx.get(f"{self.address}/hosts/{path}", timeout=30, trust_env=False).raise_for_status()

    def patches(self) -> list[str]:
        """Paths of what Fairfare wrote, by the shop's own log of requests."""
        lines = (self.server.folder / "access.log").read_text().splitlines()
        return [line.split()[1] for line in lines if line.startswith("PATCH") and line.endswith("fairfare")]

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.server.kill()

    def start(self) -> None:
        """Start it with all it had stored."""
        self.server.start()


@contextmanager
def selling(folder: Path) -> Iterator[PretixShop]:
    """A shop with one event and a series of two dates, in a folder, on a port of loopback."""
    with kept_port() as port:
        shop = opened(folder, port)
        try:
            shop.start()
            yield shop
        finally:
            shop.kill()


def opened(folder: Path, port: int) -> PretixShop:
    """The same before it is started."""
    python, address = environment(LOCK), f"http://127.0.0.1:{port}"
    shutil.copytree(seeded(python), folder / "data")
    told = json.loads((folder / "data" / "told.json").read_text())
    quiet = [str(python), "-W", "ignore", "-B", "-m"]
    served = ["gunicorn", "pretix.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4", "--no-control-socket"]
    logged = ["--access-logfile", str(folder / "access.log"), "--access-logformat", ACCESS]
    server = Server(
        [*quiet, *served, *logged], f"{address}/hosts/", site_of(folder, address), folder, folder / "server.log"
    )
    numbers = {name: told[name] for name in ("gala", "tour")}
    return PretixShop(server, address, numbers, told["fairfare"], told["owner"])


def site_of(folder: Path, address: str) -> dict[str, str]:
    """The variables of a pretix in a folder."""
    (folder / "pretix.cfg").write_text(CONFIGURATION.format(address=address, folder=folder))
    return {
        "PRETIX_CONFIG_FILE": str(folder / "pretix.cfg"),
        "DJANGO_SETTINGS_MODULE": "pretix_site.settings",
        "PYTHONPATH": str(HERE),
    }


def seeded(python: Path) -> Path:
    """A data folder with the shop as it is at first; made once for each version of pretix and of what is sold."""
    made_from = [LOCK, *sorted(SITE.glob("*.py"))]
    folder = cache() / f"pretix-data-{sha256(b''.join(file.read_bytes() for file in made_from)).hexdigest()[:12]}"
    with making(folder):
        if not (folder / "data" / "told.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "data").mkdir(parents=True)
            told = variables(site_of(folder, "http://127.0.0.1"))
            quiet = [str(python), "-W", "ignore", "-B", "-m"]
            run([*quiet, "django", "migrate", "--run-syncdb", "--verbosity", "0"], check=True, env=told)
            seed = run([*quiet, "pretix_site.seed"], check=True, env=told, stdout=PIPE)
            write_bytes(seed.stdout, folder / "data" / "told.json")
    return folder / "data"


ANSWERS = {"questions": {"email": "buyer@shop.example"}, "payment": {"payment": "banktransfer"}, "confirm": {}}
"""What a buyer fills in on each page of the checkout."""


def fill_cart(buyer: httpx.Client, chosen: dict[str, str]) -> None:
    """As a buyer does on the page of the event."""
    page = buyer.get("/hosts/gala/").raise_for_status()
    page = buyer.post("/hosts/gala/cart/add", data={**chosen, **token(page)})
    assert buyer.get(page.headers["location"]).is_success


def check_out(buyer: httpx.Client) -> str:
    """Go through the checkout page by page; returns the code of the order."""
    page = buyer.get("/hosts/gala/checkout/start", follow_redirects=True)
    for step, answers in ANSWERS.items():
        assert f"/checkout/{step}/" in str(page.url), page.text
        page = buyer.post(str(page.url), data={**answers, **token(page)}, follow_redirects=True)
    ordered = re.search(r"/order/([A-Z0-9]+)/", str(page.url))
    assert ordered is not None, page.text
    return ordered[1]


def token(page: httpx.Response) -> dict[str, str]:
    """What pretix wants to see again from who looked at a page."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return {"csrfmiddlewaretoken": found[1]}
