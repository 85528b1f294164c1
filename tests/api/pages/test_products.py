"""Products: what needs a person first, found by name and state, and a page of each."""

import html
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from api.bookings import Bookings, Shelf
from api.pages.rows import Row, rows_on_sale
from api.pages.situation import Situation
from pricing.book import Listing, Verdict
from pricing.model import Offer, Resource
from tests.api.desk import Desk
from tests.api.pages.conftest import Office
from tests.api.pages.markup import PAYLOADS
from tests.api.store.book_kit import OFFERS, decision

MUG = replace(OFFERS[0], id="mug", product="mug", event="all", segment="all", unit_cost=Decimal("3.00"))
SHELF = Shelf(
    *("mug", "all"),
    (date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16)),
    (12.0, 30.0),
    (False, True),
    *((20.0,), (14.0,), (27.0,)),
)


@pytest.fixture
def shop(tmp_path: Path) -> Office:
    """A shop with a mug that would change, a cup that is held, and a pot about which nothing is known."""
    office = Office(Desk(tmp_path))
    goods = [MUG, *(replace(MUG, id=name, product=name) for name in ("cup", "pot"))]
    office.desk.book.import_offers([Listing(offer) for offer in goods], by="test", now=office.desk.now)
    held = replace(decision("cup"), allowed=Decimal("10.00"), wanted=Decimal("10.00"), verdict=Verdict.HELD)
    office.desk.propose(decision("mug"), held)
    Bookings(office.desk.now, office.desk.now, (), (SHELF,)).save(office.desk.root)
    return office


def listed(shop: Office, query: str = "") -> list[str]:
    """Names on the list, from the top."""
    text = shop.signed_in("Vera").get(f"/desk/products{query}").text
    return [part.split('"')[0] for part in text.split('class="rl" href="/desk/products/')[1:]]


def test_what_needs_a_person_comes_first(shop: Office) -> None:
    """What would change, what is held, and then the rest."""
    assert listed(shop) == ["mug", "cup", "pot"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?state=held", ["cup"]),
        ("?state=moves", ["mug"]),
        ("?state=stays", ["pot"]),
        ("?state=nonsense", ["mug", "cup", "pot"]),
        ("?q=PO", ["pot"]),
        ("?q=pot&state=held", []),
    ],
)
def test_products_are_found_by_name_and_state(shop: Office, query: str, names: list[str]) -> None:
    """Both together; a state that is none finds all."""
    assert listed(shop, query) == names


def test_a_filter_is_not_taken_for_all_there_is(shop: Office) -> None:
    """How many match is said, not that no more are on sale."""
    text = shop.signed_in("Vera").get("/desk/products?risk=high").text
    assert "0 prices match these filters." in text
    assert "Nothing is on sale without an event." not in text


def test_a_product_says_what_sold_and_where_its_price_may_be(shop: Office) -> None:
    """Sales by period, cost, floor and ceiling; without draws of today no forecast."""
    text = shop.signed_in("Vera").get("/desk/products/mug").text
    assert "It sold 30 in the last week." in text
    assert "no forecast of today" in text
    assert '"mean": []' in text
    for label, price in (("unit cost", "3.00"), ("floor", f"{MUG.floor:.2f}"), ("ceiling", f"{MUG.ceiling:.2f}")):
        assert f'<dt>{label}</dt><dd class="num">€{price}</dd>' in text
    assert "sold out at times in one period" in text


def test_the_stock_that_a_product_is_sold_from_is_named(shop: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is called something else, as those of shops are."""
    vera = shop.signed_in("Vera")
    for name, said in (("till: Mugs", True), ("mug", False)):
        drawn = (None, Resource(name, 5.0))
        monkeypatch.setattr("api.pages.products._outlook", lambda *_, drawn=drawn: drawn)
        assert (f"from {name}" in vera.get("/desk/products/mug").text) == said


def test_what_has_an_event_is_no_product(shop: Office) -> None:
    """Nor what is not on sale."""
    person = shop.signed_in("Vera")
    assert person.get("/desk/products/hamlet-adult").status_code == 404
    assert person.get("/desk/products/nothing").status_code == 404


def test_markup_in_the_name_of_a_product_stays_a_name(tmp_path: Path) -> None:
    """On the list, in its own page, and in the search."""
    office = Office(Desk(tmp_path))
    offers = [replace(MUG, id=f"o{each}", product=f"p{each}", segment=f"s{each}") for each in PAYLOADS]
    office.desk.book.import_offers([Listing(offer) for offer in offers], by="test", now=office.desk.now)
    office.desk.propose(*(decision(offer.id) for offer in offers))
    person = office.signed_in("Vera")
    sent = [person.client.get("/desk/products", query_string={"q": each}) for each in PAYLOADS]
    sent += [person.get(f"/desk/products/{html.unescape(name)}") for name in listed(office)]
    assert len(sent) == 2 * len(PAYLOADS)
    for each in sent:
        assert each.status_code == 200
        assert "<script>alert" not in each.text
        assert "<img" not in each.text
        assert "<b>bold" not in each.text


def test_of_thousands_of_products_a_page_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are made of those that are shown alone (`benchmarks/bench_desk.py` tells how long that takes)."""
    office = Office(Desk(tmp_path))
    many = [Listing(replace(MUG, id=f"mug {k}", product=f"mug {k}")) for k in range(5_000)]
    office.desk.book.import_offers(many, by="test", now=office.desk.now)
    person = office.signed_in("Vera")
    made: list[int] = []

    def counted(offers: Sequence[Offer], at: Situation) -> tuple[Row, ...]:
        made.append(len(offers))
        return rows_on_sale(offers, at)

    monkeypatch.setattr("api.pages.products.rows_on_sale", counted)
    text = person.get("/desk/products?q=mug&page=3").text
    assert text.count('<tr class="row">') == 50
    assert "3 of 100" in text
    assert made == [50]


def test_one_product_is_approved_alone(shop: Office) -> None:
    """Its page leads to an approval of its price and no other."""
    shop.desk.propose(decision("mug"), decision("hamlet-adult"), name="both")
    person = shop.signed_in("Petra")
    page = person.get("/desk/products/mug").text
    found = re.search(r'href="(/desk/proposals/both/approve\?[^"]+)"', page)
    assert found is not None
    shown = person.get(html.unescape(found[1])).text
    assert "Approve one change" in shown
    assert "One other change stays waiting" in shown
