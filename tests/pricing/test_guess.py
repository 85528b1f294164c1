"""Which table a file is, and which of its columns is which: what is clear is found, what is not stays open."""

import random
import time
from collections.abc import Mapping, Sequence

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.tables import TABLES
from pricing.tables.guess import CANDIDATES, Why, guess_columns, guess_table, key_of
from pricing.tables.headings import HEADINGS
from tests.real_data import real_data

DAYS, MONEY, UNITS, WORDS = ["01.02.2026"], ["12,50"], ["3"], ["Parkett"]
FILES: list[tuple[str, Mapping[str, Sequence[str]], Mapping[str, str]]] = [
    (
        "sales",  # a German box office
        {"Verkaufsdatum": DAYS, "Kartenart": WORDS, "Anzahl": UNITS, "Einzelpreis (€)": MONEY, "Veranstaltung": WORDS},
        {
            "date": "Verkaufsdatum",
            "product": "Kartenart",
            "quantity": "Anzahl",
            "price": "Einzelpreis (€)",
            "event": "Veranstaltung",
        },
    ),
    (
        "sales",  # orders of Shopify
        {
            "Name": ["#1001"],
            "Email": ["x@example.org"],
            "Created at": ["2026-02-01 10:00:00 +0100"],
            "Total": MONEY,
            "Currency": ["EUR"],
            "Lineitem quantity": UNITS,
            "Lineitem name": ["Mug"],
            "Lineitem price": MONEY,
            "Lineitem compare at price": MONEY,
            "Lineitem sku": ["M-1"],
            "Source": ["web"],
        },
        {
            "date": "Created at",
            "product": "Lineitem sku",
            "quantity": "Lineitem quantity",
            "price": "Lineitem price",
            "currency": "Currency",
            "list_price": "Lineitem compare at price",
            "channel": "Source",
        },
    ),
    (
        "sales",  # order lines of WooCommerce
        {
            "order_date": ["02/13/2026"],
            "item_name": WORDS,
            "item_quantity": UNITS,
            "item_price": MONEY,
            "order_total": MONEY,
        },
        {"date": "order_date", "product": "item_name", "quantity": "item_quantity", "price": "item_price"},
    ),
    (
        "sales",  # attendees of Eventbrite
        {
            "Order Date": ["2026-02-01"],
            "Event Name": ["Gala"],
            "Ticket Type": WORDS,
            "Quantity": UNITS,
            "Ticket Price": MONEY,
            "Total Paid": MONEY,
        },
        {
            "date": "Order Date",
            "event": "Event Name",
            "product": "Ticket Type",
            "quantity": "Quantity",
            "price": "Ticket Price",
        },
    ),
    (
        "events",  # events of pretix
        {"Event name": ["a", "b"], "Start date": DAYS, "Presale start": DAYS, "Location": WORDS},
        {"event": "Event name", "starts_at": "Start date", "on_sale_at": "Presale start", "venue": "Location"},
    ),
    (
        "events",
        {"Termin": ["a", "b"], "Beginn": DAYS, "Plätze": UNITS, "Spielstätte": WORDS},
        {"event": "Termin", "starts_at": "Beginn", "capacity": "Plätze", "venue": "Spielstätte"},
    ),
    (
        "offers",
        {
            "Angebot": ["a1"],
            "Artikel-Nr.": ["4711"],
            "Mindestpreis": MONEY,
            "Höchstpreis": MONEY,
            "aktueller Preis": MONEY,
            "Preisleiter": ["10:20:1"],
        },
        {
            "offer": "Angebot",
            "product": "Artikel-Nr.",
            "floor": "Mindestpreis",
            "ceiling": "Höchstpreis",
            "current_price": "aktueller Preis",
            "ladder": "Preisleiter",
        },
    ),
    ("resources", {"Raum": ["A"], "Kapazität": UNITS}, {"resource": "Raum", "capacity": "Kapazität"}),
]


@pytest.mark.parametrize(("table", "cells", "columns"), FILES)
def test_headings_of_real_systems_are_known(
    table: str, cells: Mapping[str, Sequence[str]], columns: Mapping[str, str]
) -> None:
    """The table, every column that is there, and none that is not."""
    assert guess_table(cells) == table
    assert {match.column: match.source for match in guess_columns(TABLES[table], cells)} == columns


@pytest.mark.parametrize("table", CANDIDATES)
def test_a_files_own_names_are_sure(table: str) -> None:
    """Where it is named as declared, whatever else it holds."""
    cells = {column.name: ["1"] if column.unit else ["x"] for column in TABLES[table].columns if column.needed}
    found = guess_columns(TABLES[table], {name: [] for name in cells} | {"other": ["y"]})
    assert {match.column for match in found} == set(cells)
    assert {match.why for match in found} == {Why.NAME}


def test_a_heading_stands_for_one_column() -> None:
    """Within a table; and every declared column of a table that is brought has headings."""
    for table, columns in HEADINGS.items():
        told = [key_of(heading) for headings in columns.values() for heading in headings.split(",")]
        assert sorted(set(told)) == sorted(told), [each for each in told if told.count(each) > 1]
        assert set(columns) == {column.name for column in TABLES[table].columns}


HEADS = [
    heading.strip(" ?\n") for columns in HEADINGS.values() for text in columns.values() for heading in text.split(",")
]
NAMES = st.one_of(st.sampled_from(HEADS), st.sampled_from(HEADS).map(str.title), st.text(max_size=8))
CELLS = st.lists(
    st.sampled_from(["", "01.02.2026", "2026-02-01", "12,50", "3", "EUR", "10:20:1", "Parkett", "x@y"]), max_size=4
)


@given(st.dictionaries(NAMES, CELLS, max_size=12), st.sampled_from(CANDIDATES), st.randoms(use_true_random=False))
def test_no_column_is_taken_twice_and_order_does_not_matter(
    cells: dict[str, list[str]], table: str, shuffle: random.Random
) -> None:
    """Nor does the same file give one thing now and another then."""
    found = guess_columns(TABLES[table], cells)
    assert len({match.source for match in found}) == len({match.column for match in found}) == len(found)
    assert {match.source for match in found} <= set(cells)
    turned = list(cells.items())
    shuffle.shuffle(turned)
    assert guess_columns(TABLES[table], dict(turned)) == found
    assert guess_table(dict(turned)) == guess_table(cells)


def test_what_is_not_clear_stays_open() -> None:
    """Two that fit alike, cells that do not fit, and looks that two columns have."""
    sales = TABLES["sales"]
    assert guess_columns(sales, {"Datum": DAYS, "datum": DAYS}) == ()
    assert guess_columns(sales, {"Menge": ["viele", "wenige"]}) == ()
    assert guess_columns(sales, {"a": DAYS, "b": DAYS}) == ()
    assert guess_columns(sales, {"Geburtstag": DAYS}) == ()
    (alone,) = guess_columns(sales, {"wann genau": DAYS})
    assert (alone.column, alone.why, alone.sure) == ("date", Why.LOOKS, False)
    (half,) = guess_columns(sales, {"Menge": ["1", "2", "viele"]})
    assert (half.column, half.sure) == ("quantity", False)
    assert guess_table({"a": ["1"], "b": ["2"]}) is None
    assert guess_table({"event": ["a", "a"], "date": ["2026-01-01", "2026-01-02"]}) is None
    assert guess_table({}) is None


@pytest.mark.real_data
def test_a_shops_real_export_is_recognised() -> None:
    """Headings that nobody made for us: what is taken is right."""
    batch = next(pq.ParquetFile(real_data("online_retail/online_retail.parquet")).iter_batches(200))
    cells = {
        name: [str(cell) for cell in column.to_pylist()] for name, column in zip(batch.schema.names, batch, strict=True)
    }
    assert guess_table(cells) == "sales"
    assert {match.column: match.source for match in guess_columns(TABLES["sales"], cells)} == {
        "date": "InvoiceDate",
        "product": "Description",
        "customer": "CustomerID",
        "quantity": "Quantity",
        "price": "UnitPrice",
    }


def test_who_somebody_is_never_stands_for_a_pseudonym() -> None:
    """A column of names or addresses stays open, whatever it is called; one of numbers or single words does not."""
    for told in (["Anna Müller", "Jo Ek"], ["Müller, Anna"], ["anna@example.org"], ["Dr. A. Ek"]):
        assert guess_columns(TABLES["sales"], {"Kunde": told}) == ()
    for told in (["10023", "10024"], ["c-4f a1"], ["Müller"]):
        assert [match.source for match in guess_columns(TABLES["sales"], {"Kunde": told})] == ["Kunde"]


def test_a_ladder_may_have_decimal_commas() -> None:
    """As it has where prices have them."""
    (match,) = guess_columns(TABLES["offers"], {"Preisstufen": ["31,00:78,00:0,50"]})
    assert (match.column, match.sure) == ("ladder", True)


def test_a_heading_of_what_is_left_is_asked_about() -> None:
    """Of a room all places are wanted: what its event has sold is taken off anyway."""
    sure = {name: guess_columns(TABLES["resources"], {name: UNITS})[0].sure for name in ("Plätze", "Freie Plätze")}
    assert sure == {"Plätze": True, "Freie Plätze": False}


def test_a_heading_made_of_brackets_is_read_at_once() -> None:
    """However long it is: a stored file is looked at again for each page."""
    began = time.process_time()
    assert [key_of(sign * 100_000) for sign in "([])"] == [""] * 4
    assert time.process_time() - began < 5  # where each bracket sought its end: minutes
