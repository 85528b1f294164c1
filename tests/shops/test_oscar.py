"""What a django-oscar shop answers is read as it is meant, also where a running one rarely shows it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.shops import oscar
from api.shops.client import Client, Patience
from api.shops.credentials import Secret
from api.shops.errors import ShopError
from api.shops.model import ABSENT, EMPTY, Batch, Write, amount
from api.shops.oscar import Oscar
from tests.shops.contract import unlimited

ADDRESS = "https://shop.example/api"
Answers = Callable[[httpx.Request], object]


def shop(answers: Answers, **options: bool | frozenset[str]) -> Oscar:
    """A connector to a shop that gives these answers."""
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answers(request)))
    way = Client(address=ADDRESS, bucket=unlimited(), transport=transport, patience=Patience(attempts=1))
    return oscar.connect(way, secret=Secret("user:pass"), **options)  # type: ignore[arg-type]


def order(number: int, *, placed: str = "2027-03-01T10:00:00+01:00", status: str = "new") -> dict[str, str]:
    """An order of a shop that knows itself by another name."""
    return {
        "number": str(number),
        "url": f"http://inside.example/api/admin/orders/{number}/",
        "lines": f"http://inside.example/api/admin/orders/{number}/lines/",
        "currency": "EUR",
        "status": status,
        "date_placed": placed,
    }


def line(total: str, units: int, *, record: int | None = 7) -> dict[str, object]:
    """A line of it."""
    link = None if record is None else f"http://inside.example/api/products/3/stockrecords/{record}/"
    return {
        "url": "http://inside.example/api/admin/orderlines/1/",
        "stockrecord": link,
        "quantity": units,
        "price_incl_tax": total,
    }


def sold(lines: list[dict[str, object]], orders: list[dict[str, str]]) -> Answers:
    """These orders, with these lines each."""
    return lambda request: lines if request.url.path.endswith("/lines/") else orders


@given(st.integers(0, 10_000_00), st.integers(1, 50))
def test_units_add_up_to_what_was_paid_to_the_cent(cents: int, units: int) -> None:
    """However a line's total divides by its quantity, no cent is lost and none made up."""
    total = Decimal(cents) / 100
    found = shop(sold([line(str(total), units)], [order(1)])).pull_demand(None).movements
    assert sum(each.quantity for each in found) == units
    assert sum(each.quantity * each.price for each in found) == total
    assert max(each.price for each in found) - min(each.price for each in found) <= Decimal("0.01")


def test_a_movement_is_dated_in_utc_and_names_its_stock_record() -> None:
    """The zone of the shop is gone; the link's numbers are left of it, and one to nothing stays told."""
    found = shop(sold([line("20.00", 1), line("5.00", 1, record=None)], [order(4)])).pull_demand(None).movements
    assert {each.at for each in found} == {datetime(2027, 3, 1, 9, tzinfo=UTC)}
    assert [each.place for each in found] == ["stockrecord/7", "stockrecord/gone"]


def test_links_in_answers_are_not_followed() -> None:
    """A shop behind a proxy, or a hostile one, names other hosts; the secret goes to none of them."""
    asked: list[str] = []

    def answers(request: httpx.Request) -> object:
        asked.append(request.url.host)
        return sold([line("20.00", 1)], [order(1)])(request)

    shop(answers).pull_demand(None)
    assert set(asked) == {"shop.example"}


def test_a_late_cancellation_of_an_old_order_is_not_left_out() -> None:
    """The cursor remembers which orders were cancelled, for Oscar dates no cancellation."""
    orders = [order(1, placed="2026-01-01T00:00:00Z"), order(2)]
    connector = shop(sold([line("20.00", 2)], orders))
    first = connector.pull_demand(None)
    assert [each.order for each in connector.pull_demand(first.cursor).movements] == ["2"]
    orders[0]["status"] = "Cancelled"
    second = connector.pull_demand(first.cursor)
    assert [each.quantity for each in second.movements if each.order == "1"] == [2, -2]
    assert "1" not in {each.order for each in connector.pull_demand(second.cursor).movements}


def test_an_order_stored_late_is_not_left_out() -> None:
    """An order placed a minute before the last one seen may appear after it."""
    orders = [order(2)]
    connector = shop(sold([line("20.00", 1)], orders))
    cursor = connector.pull_demand(None).cursor
    orders.append(order(1, placed="2027-03-01T09:59:00+01:00"))
    assert "1" in {each.order for each in connector.pull_demand(cursor).movements}


def test_what_the_shop_calls_cancelled_can_be_told() -> None:
    """Statuses are each shop's own."""
    connector = shop(sold([line("20.00", 1)], [order(1, status="Storno")]), cancelled=frozenset({"storno"}))
    assert [each.quantity for each in connector.pull_demand(None).movements] == [1, -1]


def products() -> Iterator[dict[str, Any]]:
    """Two products; one has no name."""
    for number, title in ((1, "Adult"), (2, "")):
        record = {
            "url": f"{ADDRESS}/admin/stockrecords/{number}/",
            "partner_sku": f"sku-{number}",
            "price_currency": "EUR",
            "price": "20.00",
            "num_in_stock": 10,
            "num_allocated": 4,
        }
        yield {"id": number, "title": title, "upc": None, "stockrecords": [record]}


def test_a_list_may_come_in_pages() -> None:
    """A shop may have set the framework beneath to give pages."""
    first, second = products()

    def answers(request: httpx.Request) -> object:
        if request.url.params.get("page") == "2":
            return {"results": [second], "next": None}
        return {"results": [first], "next": f"{ADDRESS}/admin/products/?page=2"}

    assert [each.name for each in shop(answers).read_prices()] == ["Adult", "sku-2"]


def test_what_is_allocated_cannot_be_sold() -> None:
    """Oscar counts down the stock only when it ships."""
    assert [(each.size, each.available) for each in shop(lambda _: list(products())).pull_inventory()] == [(10, 6)] * 2


def test_a_buyer_sees_the_first_of_several_stock_records() -> None:
    """One product of two suppliers has two places, told apart by name; only the asked products are looked at."""
    both, other = products()
    (first,) = both["stockrecords"]
    both["stockrecords"] += other["stockrecords"]
    asked: list[str] = []

    def answers(request: httpx.Request) -> object:
        asked.append(request.url.path)
        if "/admin/" in request.url.path:
            return [both, {**other, "id": 9, "stockrecords": [{**first, "url": f"{ADDRESS}/admin/stockrecords/9/"}]}]
        available = {"is_available_to_buy": True}
        return (
            available if "availability" in request.url.path else {"currency": "EUR", "excl_tax": "1", "incl_tax": "1"}
        )

    connector = shop(answers)
    assert [each.name for each in connector.read_prices()] == ["Adult (sku-1)", "Adult (sku-2)", "sku-1"]
    shown = connector.read_shown(["stockrecord/1", "stockrecord/2"])
    assert [each.place for each in shown] == ["stockrecord/1"]
    assert not any("/products/9/" in path for path in asked)


def test_a_visitor_sends_no_secret_and_sees_tax() -> None:
    """Prices as buyers see them are read as a buyer: without the account, and with what is added to them."""
    secrets: list[bool] = []

    def answers(request: httpx.Request) -> object:
        if "/admin/" in request.url.path:
            return list(products())[:1]
        secrets.append("Authorization" in request.headers)
        if request.url.path.endswith("/availability/"):
            return {"is_available_to_buy": True}
        return {"currency": "EUR", "excl_tax": "20.00", "incl_tax": "23.80"}

    (shown,) = shop(answers, tax_included=False).read_shown({"stockrecord/1"})
    assert (shown.price, secrets) == (Decimal("23.80"), [False, False])


def test_an_amount_an_empty_price_and_none_at_all_are_told_apart() -> None:
    """An amount is sent as text, so that no digit is lost; a price field cannot be taken away."""
    bodies: list[bytes] = []

    def answers(request: httpx.Request) -> object:
        bodies.append(request.content)
        return {}

    connector = shop(answers)
    for after in (amount(Decimal("12.30")), EMPTY):
        connector.write(Batch((Write("stockrecord/1", EMPTY, after),)))
    assert bodies == [b'{"price":"12.30"}', b'{"price":null}']
    with pytest.raises(ShopError):
        connector.write(Batch((Write("stockrecord/1", EMPTY, ABSENT),)))


@pytest.mark.parametrize("answer", [{"detail": "hello"}, [{"number": 1}], [{**order(1), "url": "elsewhere"}], "page"])
def test_an_answer_of_another_shape_is_an_error(answer: object) -> None:
    """Another system at the address is not taken for an empty shop."""
    with pytest.raises(ShopError) as raised:
        shop(lambda _: answer).pull_demand(None)
    assert raised.value.permanent


def test_another_systems_cursor_is_an_error() -> None:
    """Nothing is pulled from the beginning by mistake."""
    with pytest.raises(ShopError, match="cursor"):
        shop(lambda _: []).pull_demand("2027-03-01")
