"""A running pretix does what every shop must, and its traps are known."""

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from subprocess import DEVNULL, PIPE, CompletedProcess, Popen, run
from typing import Any

import httpx
import pytest

from api.clock import utc_now
from api.settings import default_text
from api.shops.credentials import variable
from api.shops.model import ABSENT, EMPTY, amount
from api.shops.pretix.places import Place
from api.shops.shop import Shop
from api.workspace import Workspace
from pricing.book import Listing
from pricing.model import Ladder, Offer
from pricing.money import parse_amount
from tests.api.store.book_kit import decision, publish
from tests.shops.contract import NOW, Recorded, ShopContract, by_place, change
from tests.shops.pretix_kit import PretixShop, selling
from tests.shops.processes import free_port

pytestmark = pytest.mark.shops


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, record_testsuite_property: Callable[[str, object], None]
) -> Iterator[PretixShop]:
    """An organizer with one event and a series of two dates."""
    with selling(tmp_path_factory.mktemp("pretix")) as shop:
        yield shop
        record_testsuite_property("pretix holds [MB]", round(shop.server.memory()))


class TestPretix(ShopContract):
    """The contract, and pretix's own traps."""

    def test_one_price_of_a_date_is_written_without_dropping_the_others(self, running: PretixShop, shop: Shop) -> None:
        """The list of a date is replaced: what is not sent again is gone, and what stands beside a price with it."""
        tour = running.numbers["tour"]
        path = f"tour/subevents/{tour['first']}/"
        held = {"item": tour["child"], "price": "12.00", "disabled": False, "available_until": "2031-04-30T10:00:00Z"}
        running.owner("PATCH", path, {"item_price_overrides": [held]}).raise_for_status()
        assert shop.push(shop.plan([change(running.unwritten, "28.00")]), "adult", now=NOW).whole
        rows = {row["item"]: row for row in running.read(path)["item_price_overrides"]}
        assert held.items() <= rows[tour["child"]].items()
        assert rows[tour["adult"]]["price"] == "28.00"
        naive = [{"item": tour["adult"], "price": "29.00"}]
        running.owner("PATCH", path, {"item_price_overrides": naive}).raise_for_status()
        assert [row["item"] for row in running.read(path)["item_price_overrides"]] == [tour["adult"]]

    def test_a_rollback_takes_a_price_off_a_date_again(self, running: PretixShop, shop: Shop) -> None:
        """Where the date had no price of its own it has none afterwards, and follows the series."""
        shop.push(shop.plan([change(running.unwritten, "28.00")]), "date", now=NOW)
        assert shop.rollback("date", now=NOW).whole
        assert by_place(shop.read_prices())[running.unwritten].written == ABSENT
        series = running.at("tour", "adult")
        running.write_by_hand(series, amount(Decimal("31.00")))
        assert by_place(shop.read_prices())[running.unwritten].price == Decimal("31.00")
        running.write_by_hand(series, amount(Decimal("30.00")))

    def test_a_rollback_empties_the_price_of_a_variation_again(self, running: PretixShop, shop: Shop) -> None:
        """A variation without a price of its own costs what the product does, before and after."""
        rear = running.at("gala", "seat", "rear")
        assert by_place(shop.read_prices())[rear].written == EMPTY
        shop.push(shop.plan([change(rear, "55.00")]), "rear", now=NOW)
        assert by_place(shop.read_prices())[rear].price == Decimal("55.00")
        assert shop.rollback("rear", now=NOW).whole
        assert by_place(shop.read_prices())[rear].written == EMPTY

    def test_the_answer_to_a_write_is_not_believed(self, running: PretixShop, shop: Shop) -> None:
        """It shows the prices from before; what a push reports was read again."""
        tour = running.numbers["tour"]
        path = f"tour/subevents/{tour['first']}/"
        rows = [{"item": tour["child"], "price": "13.00"}]
        told = running.owner("PATCH", path, {"item_price_overrides": rows}).json()["item_price_overrides"]
        assert [row["price"] for row in told] == ["12.00"]
        report = shop.push(shop.plan([change(running.places[1], "14.00")]), "read again", now=NOW)
        assert report.whole
        assert by_place(shop.read_prices())[running.places[1]].price == Decimal("14.00")

    @pytest.mark.parametrize("price", ["-5.00", "99999999999.00"])
    def test_pretix_takes_absurd_prices_so_bounds_are_ours(self, running: PretixShop, price: str) -> None:
        """What the contract sees refused, pretix itself would have taken."""
        path = f"gala/items/{running.numbers['gala']['adult']}/"
        assert running.owner("PATCH", path, {"default_price": price}).json()["default_price"] == price

    def test_no_key_of_a_request_keeps_a_price_from_being_written(
        self, running: PretixShop, shop: Shop, way: Recorded
    ) -> None:
        """Nothing is done for an idempotency key that was seen, whatever the value; we send none."""
        path, key = f"gala/items/{running.numbers['gala']['adult']}/", {"X-Idempotency-Key": "the same"}
        for price in ("41.00", "42.00"):
            assert running.owner("PATCH", path, {"default_price": price}, **key).is_success
        assert running.read(path)["default_price"] == "41.00"
        sent: list[httpx.Headers] = []

        def note(request: httpx.Request, send: Callable[[httpx.Request], httpx.Response]) -> httpx.Response:
            sent.append(request.headers)
            return send(request)

        way.meddle = note
        assert shop.push(shop.plan([change(running.places[0], "42.00")]), "no key", now=NOW).whole
        assert ["x-idempotency-key" in headers for headers in sent] == [False]

    def test_a_cart_keeps_its_price_and_demand_is_counted_at_the_price_paid(
        self, running: PretixShop, shop: Shop
    ) -> None:
        """Who filled the cart before a push pays the old price; everybody else sees the new one."""
        adult = running.numbers["gala"]["adult"]
        with httpx.Client(base_url=running.address, timeout=30, trust_env=False) as buyer:
            fill_cart(buyer, {f"item_{adult}": "2"})
            plan = shop.plan([change(running.places[0], "12.34")])
            shop.push(plan, "meanwhile", now=NOW)
            assert [check.shown for check in shop.verify(plan)] == [Decimal("12.34")]
            since = shop.pull_demand().cursor
            order = check_out(buyer)
        sold = [m for m in shop.pull_demand(since).movements if m.order == f"gala/{order}"]
        assert [(m.place, m.quantity, m.price) for m in sold] == [(running.places[0], 1, Decimal("40.00"))] * 2

    def test_a_change_of_an_order_is_a_return_and_a_sale(self, running: PretixShop, shop: Shop) -> None:
        """Orders change as they live; transactions say at what price something was given back and sold anew."""
        ordered = running.order(running.places[0], 1)
        event, code = ordered.order.split("/")
        position = running.read(f"{event}/orders/{code}/")["positions"][0]["id"]
        since = shop.pull_demand().cursor
        body = {"patch_positions": [{"position": position, "body": {"price": "35.00"}}], "send_email": False}
        running.owner("POST", f"{event}/orders/{code}/change/", body).raise_for_status()
        moved = {(m.quantity, m.price) for m in shop.pull_demand(since).movements if m.order == ordered.order}
        assert {(-1, Decimal("40.00")), (1, Decimal("35.00"))} <= moved

    def test_fees_are_no_sales(self, running: PretixShop, shop: Shop) -> None:
        """What an order costs besides its tickets is not demand for a ticket."""
        fee = {"fee_type": "shipping", "value": "4.00", "description": "", "internal_type": ""}
        ordered = running.order(running.places[0], 1, fees=[fee])
        assert running.read(f"gala/transactions/?order={ordered.order.split('/')[1]}")["count"] == 2
        assert [m.price for m in shop.pull_demand().movements if m.order == ordered.order] == [ordered.price]

    def test_what_was_ordered_for_a_test_is_no_demand(self, running: PretixShop, shop: Shop) -> None:
        """Nobody wanted these tickets."""
        ordered = running.order(running.places[0], 1, testmode=True)
        assert [m for m in shop.pull_demand().movements if m.order == ordered.order] == []

    def test_a_simulated_order_is_no_demand(self, running: PretixShop, shop: Shop) -> None:
        """What an owner plays through leaves nothing behind."""
        before = shop.pull_demand()
        ticket: dict[str, object] = {"item": running.numbers["gala"]["adult"]}
        assert running.place_order("gala", [ticket], simulate=True)["total"] == "40.00"
        assert shop.pull_demand() == before

    def test_more_sales_than_a_page_holds_are_all_pulled(self, running: PretixShop, shop: Shop) -> None:
        """A page has 50."""
        place = str(Place("tour", running.numbers["tour"]["adult"], date=running.numbers["tour"]["second"]))
        size = {"size": 100}
        quota = next(stock for stock in shop.pull_inventory() if place in stock.places)
        running.owner("PATCH", f"tour/quotas/{quota.id.rpartition('/')[2]}/", size).raise_for_status()
        ordered = running.order(place, 60)
        assert sum(m.quantity for m in shop.pull_demand().movements if m.order == ordered.order) == 60

    def test_people_on_the_waiting_list_are_told_beside_the_stock(self, running: PretixShop, shop: Shop) -> None:
        """Sold out is not the same as nobody wanting more: two tickets are gone, one buyer waits."""
        place, child = running.at("gala", "child"), running.numbers["gala"]["child"]
        ordered = running.order(place, 2)
        entry = {"item": child, "email": "late@shop.example", "locale": "en"}
        running.owner("POST", "gala/waitinglistentries/", entry).raise_for_status()
        stock = next(stock for stock in shop.pull_inventory() if place in stock.places)
        assert (stock.size, stock.available, stock.waiting) == (2, 0, 1)
        assert [m.quantity for m in shop.pull_demand().movements if m.order == ordered.order] == [1, 1]

    def test_a_voucher_that_names_a_price_is_a_place_of_its_own(self, running: PretixShop, shop: Shop) -> None:
        """An offer to a segment is pushed, seen by who has the voucher, and told apart when it is sold."""
        place = str(Place("gala", voucher=running.numbers["gala"]["student"]))
        plan = shop.plan([change(place, "22.00")])
        assert shop.push(plan, "students", now=NOW).whole
        assert [(check.shown, check.problems) for check in shop.verify(plan)] == [(Decimal("22.00"), ())]
        assert by_place(shop.read_prices())[running.places[0]].price == Decimal("40.00")
        ordered = running.order(place, 1)
        sold = [m for m in shop.pull_demand().movements if m.order == ordered.order]
        assert [(m.place, m.price) for m in sold] == [(place, Decimal("22.00"))]
        running.cancel(ordered.order)
        back = [m for m in shop.pull_demand().movements if m.order == ordered.order]
        assert [(m.place, m.quantity) for m in back] == [(place, 1), (place, -1)]
        assert shop.rollback("students", now=NOW).whole

    def test_a_voucher_with_something_off_belongs_to_the_product(self, running: PretixShop, shop: Shop) -> None:
        """Its price follows the product's; what it was sold at is told."""
        ticket: dict[str, object] = {"item": running.numbers["gala"]["adult"], "voucher": "TENOFF"}
        order = running.place_order("gala", [ticket])
        sold = [m for m in shop.pull_demand().movements if m.order == f"gala/{order['code']}"]
        assert [(m.place, m.price) for m in sold] == [(running.places[0], Decimal("36.00"))]

    def test_a_product_taxed_on_top_is_verified_before_tax(self, running: PretixShop, shop: Shop) -> None:
        """The tax can come on top of what is written: a buyer then sees more, and that is no fault."""
        rule = {"name": {"en": "VAT"}, "rate": "19.00", "price_includes_tax": False}
        made = running.owner("POST", "gala/taxrules/", rule).raise_for_status().json()["id"]
        item = f"gala/items/{running.numbers['gala']['adult']}/"
        running.owner("PATCH", item, {"tax_rule": made}).raise_for_status()
        try:
            plan = shop.plan([change(running.places[0], "50.00")])
            assert shop.push(plan, "before tax", now=NOW).whole
            assert [(check.shown, check.problems) for check in shop.verify(plan)] == [(Decimal("50.00"), ())]
        finally:
            running.owner("PATCH", item, {"tax_rule": None}).raise_for_status()

    def test_the_key_of_fairfare_prices_and_sells_nothing(self, running: PretixShop, shop: Shop) -> None:
        """With the permissions docs/shops/pretix.md asks for, orders are read, and no order or setting is written."""
        ticket = {"positions": [{"item": running.numbers["gala"]["adult"]}], "email": "a@shop.example", "locale": "en"}
        for method, path, body in [
            ("POST", "gala/orders/", ticket),
            ("PATCH", "gala/", {"live": False}),
            ("PATCH", "gala/settings/", {"waiting_list_enabled": False}),
        ]:
            assert running.owner(method, path, body, secret=running.secret).status_code == 403
        assert shop.push(shop.plan([change(running.places[0], "12.34")]), "least", now=NOW).whole

    def test_a_price_that_a_shop_lost_is_told(self, running: PretixShop, shop: Shop) -> None:
        """A buyer's page that shows another price than was pushed is a finding, not a success."""
        plan = shop.plan([change(running.places[0], "12.34")])
        shop.push(plan, "seen", now=NOW)
        running.write_by_hand(running.places[0], amount(Decimal("44.00")))
        assert [len(check.problems) for check in shop.verify(plan)] == [2]

    def test_a_sale_reaches_the_book_and_a_publish_reaches_a_buyer_within_seconds(
        self, running: PretixShop, season: Workspace, record_testsuite_property: Callable[[str, object], None]
    ) -> None:
        """The loop, with a buyer who goes through the shop's own pages and pays the new price."""
        assert fairfare(season, running).returncode == 0
        began = time.monotonic()
        running.order(running.places[0], 2)
        told = fairfare(season, running)
        record_testsuite_property("a sale in pretix reaches the book in [s]", round(time.monotonic() - began, 1))
        assert "2 sales are new" in told.stdout
        published(season, {"adult": "44.00"})
        began = time.monotonic()
        told = fairfare(season, running)
        record_testsuite_property("a publish reaches a buyer of pretix in [s]", round(time.monotonic() - began, 1))
        assert told.returncode == 0, told.stderr
        assert "40.00 -> 44.00 EUR (floor 30.00, ceiling 60.00, lowest of 30 days 40.00)" in told.stdout
        with httpx.Client(base_url=running.address, timeout=30, trust_env=False) as buyer:
            fill_cart(buyer, {f"item_{running.numbers['gala']['adult']}": "1"})
            order = check_out(buyer)
        assert "1 sales are new" in fairfare(season, running).stdout
        assert Decimal(running.read(f"gala/orders/{order}/")["positions"][0]["price"]) == Decimal("44.00")
        rolled_back = fairfare(season, running, "shops", "rollback", "tickets", "version 2")
        assert rolled_back.returncode == 0, rolled_back.stderr
        assert running.read(f"gala/items/{running.numbers['gala']['adult']}/")["default_price"] == "40.00"

    def test_fairfare_killed_during_a_push_takes_it_up_where_it_stood(
        self, running: PretixShop, season: Workspace
    ) -> None:
        """Killed once the first write is in its journal, it writes the rest the next time, and no price twice."""
        published(season, {"adult": "44.00", "child": "22.00", "front": "80.25"})
        before = running.patches()
        with Popen(**command(season, running, "sync"), stdout=DEVNULL, stderr=DEVNULL) as killed:
            journal = season.root / "shops" / "tickets" / "journal.jsonl"
            while not journal.exists() or not journal.read_bytes():
                assert killed.poll() is None
                time.sleep(0.001)
            killed.kill()
        assert fairfare(season, running).returncode == 0
        sent = Counter(running.patches()) - Counter(before)
        assert sorted(sent.values()) == [1, 1, 1]
        gala = running.numbers["gala"]
        items = {item["id"]: item for item in running.read("gala/items/")["results"]}
        assert [items[gala[name]]["default_price"] for name in ("adult", "child")] == ["44.00", "22.00"]
        assert fairfare(season, running, "shops", "rollback", "tickets", "version 2").returncode == 0
        items = {item["id"]: item for item in running.read("gala/items/")["results"]}
        assert [items[gala[name]]["default_price"] for name in ("adult", "child")] == ["40.00", "20.00"]

    def test_a_webhook_leads_to_a_look_within_seconds(
        self, running: PretixShop, season: Workspace, record_testsuite_property: Callable[[str, object], None]
    ) -> None:
        """The shop rings, Fairfare looks; a forged ring leads to a look too, and sells nothing."""
        port = free_port()
        told = ("sync", "--every", "3600", "--listen", str(port))
        with Popen(**command(season, running, *told), stdout=PIPE, text=True) as loop:
            assert loop.stdout is not None
            lines = loop.stdout
            try:
                assert "3 do not" in "".join(next(lines) for _ in range(2))
                hook = {
                    "enabled": True,
                    "target_url": f"http://127.0.0.1:{port}/",
                    "all_events": True,
                    "limit_events": [],
                }
                running.owner(
                    "POST", "../webhooks/", {**hook, "action_types": ["pretix.event.order.paid"]}
                ).raise_for_status()
                began = time.monotonic()
                running.order(running.places[0], 1)
                assert "1 sales are new" in next(lines)
                took = round(time.monotonic() - began, 1)
                record_testsuite_property("a sale in pretix reaches the book by webhook in [s]", took)
                next(lines)
                forged = {"organizer": "hosts", "event": "gala", "code": "AAAAA", "action": "pretix.event.order.paid"}
                assert httpx.post(f"http://127.0.0.1:{port}/", json=forged, trust_env=False).status_code == 204
                assert "0 sales are new" in next(lines)
            finally:
                loop.kill()


SHOPS = """
[[shops]]
name = "tickets"
system = "pretix"
address = "{address}"
organizer = "hosts"
events = ["gala", "tour"]
requests_per_minute = 6000
"""


@pytest.fixture
def season(running: PretixShop, tmp_path: Path) -> Workspace:
    """A workspace that sells three offers in the shop."""
    text = 'allowed_networks = ["127.0.0.1/32"]\n' + default_text() + SHOPS.format(address=running.address)
    place = Workspace.create(tmp_path / "season", text)
    prices = {"adult": "40.00", "child": "20.00", "front": "75.00"}
    offers = [offer(name, price) for name, price in prices.items()]
    place.book.import_offers(map(Listing, offers), by="ann", now=utc_now())
    sold = {"adult": running.at("gala", "adult"), "child": running.at("gala", "child")}
    sold["front"] = running.at("gala", "seat", "front")
    rows = ["place,offer", *(f"{at},{name}" for name, at in sold.items())]
    (place.root / "shops" / "tickets").mkdir(parents=True)
    (place.root / "shops" / "tickets" / "offers.csv").write_text("\n".join(rows))
    return place


def offer(name: str, price: str) -> Offer:
    """Something that may cost three quarters, or one and a half, of its price."""
    now = Decimal(price)
    floor, ceiling = parse_amount(now * Decimal("0.75"), "EUR"), parse_amount(now * Decimal("1.5"), "EUR")
    ladder = Ladder.of([str(floor + step) for step in range(int(ceiling - floor) + 1)], "EUR")
    return Offer(id=name, product=name, currency="EUR", current_price=now, floor=floor, ceiling=ceiling, ladder=ladder)


def published(place: Workspace, prices: dict[str, str]) -> None:
    """Propose these prices, approve and publish them."""
    listed, in_force = place.book.listings(), {price.offer: price for price in place.book.prices_in_force()}
    moves = []
    for name, price in prices.items():
        of_it = listed[name, "all"].offer
        bounds = {"floor": of_it.floor, "ceiling": of_it.ceiling, "ladder": of_it.ladder}
        moves.append(decision(name, price, now=str(in_force[name].price), **bounds))
    publish(place.book, *moves, at=utc_now())


def command(place: Workspace, running: PretixShop, *words: str) -> Any:
    """How `fairfare` is started on a workspace, with the secret in its environment."""
    program = [sys.executable, "-c", "from api.cli import main; main()", *words, "--workspace", str(place.root)]
    return {"args": program, "env": {**os.environ, variable("tickets"): running.secret}}


def fairfare(place: Workspace, running: PretixShop, *words: str) -> CompletedProcess[str]:
    """Run `fairfare`, by default `fairfare sync`."""
    return run(**command(place, running, *(words or ("sync",))), capture_output=True, text=True, check=False)


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
