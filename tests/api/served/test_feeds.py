"""At one version of the book every feed says what the API says, and nothing in it is markup or a formula."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.files import load
from api.served.feeds import GOOGLE, Form, feed
from api.served.snapshot import Content, Entry, Snapshot, View
from api.spreadsheet import as_it_was
from tests.api.store.book_kit import NOW

Prices = dict[str, str]
"""Offer -> price and currency, the way the platforms write money."""


def view(*offers: str, price: str = "12.50", stale: bool = False) -> View:
    """A version of the book with these offers, all at one price."""
    return of(*(_entry(offer, price) for offer in offers), stale=stale)


def of(*entries: Entry, stale: bool = False) -> View:
    """A version of the book with these prices."""
    return View(Snapshot.of(Content(3, NOW, {}, "", entries)), stale)


def _entry(offer: str, price: str, channel: str = "all", **beside: object) -> Entry:
    said = {
        "offer": offer,
        "channel": channel,
        "price": price,
        "currency": "EUR",
        "total_price": price,
        "version": 3,
        "valid_from": "2026-03-02T09:30:00Z",
        "valid_until": None,
        "product": offer,
        "segment": "adult",
        "event": "all",
        "list_price": "20.00",
    } | beside
    encoded = msgspec.Raw(msgspec.json.encode(said))
    return Entry(1, offer, channel, offer, "adult", "all", NOW, None, encoded, msgspec.Raw(b"{}"))


def google(body: bytes) -> Prices:
    """What Google reads."""
    items = ET.fromstring(body).iter("item")  # noqa: S314  # our own feed
    return {item.findtext(f"{{{GOOGLE}}}id", ""): item.findtext(f"{{{GOOGLE}}}price", "") for item in items}


def rows(body: bytes) -> list[dict[str, str]]:
    """What a spreadsheet shows."""
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def read(form: Form, body: bytes) -> Prices:
    """What a reader of this feed learns."""
    match form:
        case Form.GOOGLE:
            return google(body)
        case Form.META:
            return {as_it_was(row["id"]): row["price"] for row in rows(body)}
        case Form.CSV:
            return {as_it_was(row["offer"]): f"{row['total_price']} {row['currency']}" for row in rows(body)}
        case Form.JSON:
            return {item["offer"]: f"{item['total_price']} {item['currency']}" for item in json.loads(body)["items"]}
        case Form.JSON_LD:
            return {item["sku"]: f"{item['price']} {item['priceCurrency']}" for item in json.loads(body)["@graph"]}


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), min_size=1
)
AMOUNTS = st.decimals("0.01", "9999", places=2, allow_nan=False).map(str)


@pytest.mark.parametrize("form", Form)
@given(offers=st.lists(NAMES, unique=True, max_size=5), price=AMOUNTS)
def test_every_feed_lists_the_prices_of_the_book(form: Form, offers: list[str], price: str) -> None:
    """Each offer once, at what the buyer pays, whatever it is called."""
    expected = dict.fromkeys(offers, f"{price} EUR")
    assert read(form, feed(form, view(*offers, price=price))) == expected


def test_google_gets_text_where_a_name_holds_markup() -> None:
    """A product name cannot open an element, close one, or hold what XML cannot."""
    body = feed(Form.GOOGLE, view("</item><item>&\x00\ufffe"))
    assert list(google(body)) == ["</item><item>&\ufffd\ufffd"]


@pytest.mark.parametrize("form", [Form.META, Form.CSV])
@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+x", "-x", "\tx", "'=x"])
def test_no_name_is_a_formula(form: Form, name: str, tmp_path: Path) -> None:
    """A spreadsheet shows the name; who reads the file with our own reader gets it as it is."""
    body = feed(form, view(name))
    assert all(not cell.startswith(("=", "+", "-", "@", "\t")) for row in rows(body) for cell in row.values())
    (tmp_path / "feed.csv").write_bytes(body)
    assert load(tmp_path / "feed.csv").frame.iloc[0, 0] == name


def test_a_feed_says_which_version_it_is_and_whether_it_is_stale() -> None:
    """What a shop needs to tell an old file from a new one."""
    said = json.loads(feed(Form.JSON, view("a", stale=True)))
    assert (said["version"], said["stale"]) == (3, True)
    assert [Decimal(item["price"]) for item in said["items"]] == [Decimal("12.50")]


def test_no_feed_shows_a_former_price() -> None:
    """A list price is not a price anybody paid; the law asks for the lowest of the last 30 days."""
    for form in (Form.GOOGLE, Form.META, Form.JSON_LD, Form.CSV):
        assert b"20.00" not in feed(form, view("a"))


@pytest.mark.parametrize("form", Form)
def test_a_feed_of_one_channel_has_each_offer_once(form: Form) -> None:
    """What is set for the channel wins over what is set for all of them."""
    book = of(_entry("a", "10.00"), _entry("a", "9.00", "web"), _entry("b", "5.00", "till"), _entry("b", "6.00", "web"))
    assert read(form, feed(form, book, "web")) == {"a": "9.00 EUR", "b": "6.00 EUR"}
    assert read(form, feed(form, book, "till")) == {"a": "10.00 EUR", "b": "5.00 EUR"}


@pytest.mark.parametrize("form", [Form.GOOGLE, Form.META, Form.JSON_LD])
def test_a_platform_never_reads_two_prices_of_one_id(form: Form) -> None:
    """Without a channel, an offer has its price for all of them or is left out."""
    book = of(_entry("a", "10.00"), _entry("a", "9.00", "web"), _entry("b", "5.00", "till"), _entry("b", "6.00", "web"))
    body = feed(form, book)
    assert body.count(b"10.00") == 1
    assert read(form, body) == {"a": "10.00 EUR"}


def sale(days: int = 30) -> View:
    """A price of 12.50 that history bears out as a reduction of 15.00."""
    reduction = {"lowest_price": "15.00", "since": "2026-03-02T09:30:00Z", "percent": 16, "days": days}
    return of(_entry("mug", "12.50", reduction=reduction))


def test_a_former_price_stands_in_googles_feed_only_where_history_bears_it_out() -> None:
    """The total is the sale price then, the lowest of all days that count the price; a list price is never shown."""
    item = next(ET.fromstring(feed(Form.GOOGLE, sale())).iter("item"))  # noqa: S314  # our own feed
    said = {name: item.findtext(f"{{{GOOGLE}}}{name}") for name in ("price", "sale_price")}
    assert said == {"price": "15.00 EUR", "sale_price": "12.50 EUR"}
    for others in (sale(days=12), view("mug")):
        body = feed(Form.GOOGLE, others)
        assert google(body) == {"mug": "12.50 EUR"}
        assert b"sale_price" not in body
        assert b"20.00" not in body


def test_every_feed_shows_the_total() -> None:
    """A mandatory fee is in the amount that stands for the price."""
    prices = of(_entry("mug", "12.50", total_price="14.00"))
    for form in Form:
        assert read(form, feed(form, prices)) == {"mug": "14.00 EUR"}


def test_a_disclosure_stands_beside_its_price_or_the_price_in_no_feed() -> None:
    """The feeds of Google and Meta have no place for one."""
    words = "THIS PRICE WAS SET BY AN ALGORITHM USING YOUR PERSONAL DATA"
    prices = of(_entry("mug", "12.50", disclosures=[words]), _entry("plate", "9.00"))
    for form in (Form.GOOGLE, Form.META):
        assert set(read(form, feed(form, prices))) == {"plate"}
    for form in (Form.JSON, Form.CSV, Form.JSON_LD):
        body = feed(form, prices)
        assert set(read(form, body)) == {"mug", "plate"}
        assert body.decode().count(words) == 1


def test_feeds_of_platforms_say_prices_and_leave_the_rest_to_the_shops_own() -> None:
    """What a supplemental feed leaves out stays as the shop's own feed has it; an empty column would overwrite it."""
    item = next(ET.fromstring(feed(Form.GOOGLE, sale())).iter("item"))  # noqa: S314  # our own feed
    assert {each.tag.rpartition("}")[2] for each in item} == {"id", "title", "price", "sale_price"}
    (row,) = rows(feed(Form.META, sale()))
    assert list(row) == ["id", "title", "price"]
