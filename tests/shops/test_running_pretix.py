"""A running pretix does what every shop must, and its traps are known."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from api.shops.model import ABSENT, EMPTY, amount
from api.shops.pretix.places import Place
from api.shops.shop import Shop
from tests.shops.contract import NOW, Recorded, ShopContract, by_place, change
from tests.shops.pretix_kit import LOCK, PretixShop, check_out, fill_cart, selling
from tests.shops.processes import Server

pytestmark = pytest.mark.shops("pretix")


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, tell_cost: Callable[[Path, Server], None]
) -> Iterator[PretixShop]:
    """An organizer with one event and a series of two dates."""
    with selling(tmp_path_factory.mktemp("pretix")) as shop:
        tell_cost(LOCK, shop.server)
        yield shop


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
