"""A table is read exactly or refused: by row, column and reason, everything at once."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.errors import InputError, listed
from pricing.model import ALL
from pricing.tables import TABLES, Column, Kind, Table
from pricing.tables.examine import Examined, Settings, examine
from pricing.tables.schema import schema
from pricing.tables.values import events_from, offers_from, resources_from

OFFER = {
    "offer": "a1",
    "product": "stalls",
    "floor": "10.00",
    "ceiling": "60.00",
    "current_price": "20.00",
    "ladder": "10:60:2.50",
}
EVENT = {"event": "e1", "starts_at": "2025-06-01T19:30+02:00"}
SALE = {"date": "2025-04-03", "product": "a", "quantity": "1", "price": "12.50"}


def found_in(kind: str, *rows: dict[str, Any], **settings: Any) -> Examined:
    """Examine rows as they come from a CSV file."""
    raw = pd.DataFrame(list(rows), dtype="str").fillna("")
    return examine(raw.set_axis(range(2, len(raw) + 2)), TABLES[kind], Settings("t.csv", **settings))


def flaws(kind: str, *rows: dict[str, Any], **settings: Any) -> list[str]:
    """What is found about single rows."""
    return [str(flaw) for flaw in found_in(kind, *rows, **settings).flaws]


def refusals(kind: str, *rows: dict[str, Any], **settings: Any) -> list[str]:
    """What is found about the table as a whole."""
    return [str(refusal) for refusal in found_in(kind, *rows, **settings).refusals]


def test_a_table_declares_a_column_once() -> None:
    """Two columns of one name, or a key that is no column, are no table."""
    column = Column(name="a", kind=Kind.TEXT, meaning="")
    with pytest.raises(ValueError, match="does not declare"):
        Table("t", "", (column, column))
    with pytest.raises(ValueError, match="does not declare"):
        Table("t", "", (column,), key="b")


def test_a_good_table_has_the_declared_columns_first_and_keeps_the_others() -> None:
    """Types, defaults and order are the declaration's; an unknown column of numbers becomes numbers, 007 stays text."""
    frame = found_in("sales", {"rain": "1.5", "code": "007", **SALE}).frame
    assert list(frame.loc[2].items()) == list(
        {
            "date": pd.Timestamp(2025, 4, 3),
            "product": "a",
            "segment": ALL,
            "event": ALL,
            "channel": ALL,
            "quantity": 1.0,
            "price": 12.5,
            "currency": "EUR",
            "rain": 1.5,
            "code": "007",
        }.items()
    )
    assert str(frame["date"].dtype) == "datetime64[us]"


def test_a_blank_cell_takes_the_default_or_stays_unknown() -> None:
    """A blank segment is "all", a blank customer or availability is missing."""
    frame = found_in("sales", {**SALE, "segment": " ", "customer": "", "available": ""}).frame
    assert frame.loc[2, "segment"] == ALL
    assert frame[["customer", "available"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("price", "12,50", "decimals are written with a point"),
        ("price", "1,234.50", "no thousands separator"),
        ("price", "NaN", "not a finite number"),
        ("price", "-inf", "not a finite number"),
        ("price", "1e308", "must lie between 0 and 1,000,000,000,000"),
        ("price", "1e999", "must lie between 0"),
        ("price", "-5", "must lie between 0"),
        ("price", "", "is missing"),
        ("price", "€12", "not a number"),
        ("quantity", "", "is missing"),
        ("quantity", "1e300", "must lie between -1,000,000,000,000"),
        ("product", "  ", "is missing"),
        ("date", "", "is missing"),
        ("date", "03/04/2025", "write the year first (2025-04-03)"),
        ("date", "3.4.25", "write the year first (2025-04-03)"),
        ("date", "April 3rd", "not a date"),
        ("date", "20250403", "not a date"),
        ("date", "2025-02-30", "no such day"),
        ("date", "2025-04-03T25:00", "no such day or time"),
        ("date", "0001-01-01", "not between 1900 and 2199"),
        ("currency", "EURO", "not an ISO 4217 currency"),
        ("currency", "", "is missing"),
        ("available", "-1", "must lie between 0"),
    ],
)
def test_a_bad_cell_is_named_once_with_row_column_and_reason(column: str, cell: str, reason: str) -> None:
    """The finding names the row a spreadsheet shows, and the good rows stay."""
    good = {"currency": "EUR", "available": "3", **SALE}
    found = found_in("sales", good, {**good, column: cell}, good)
    (flaw,) = found.flaws
    assert (flaw.file, flaw.row, flaw.column) == ("t.csv", 3, column)
    assert reason in flaw.reason
    assert list(found.frame.index) == [2, 4]
    assert not found.refusals


def test_everything_wrong_is_found_at_once() -> None:
    """Three bad cells in two rows and a missing column are one report."""
    found = found_in("sales", {"date": "x", "price": "-1", "product": "a"}, {"date": "y", "price": "1", "product": "a"})
    assert len(found.flaws) == 3
    assert [refusal.reason.split(",")[0] for refusal in found.refusals] == ["there is no column 'quantity'"]


def test_a_finding_names_the_column_as_its_owner_does() -> None:
    """Mapped columns keep the user's name in findings."""
    rows = {"Day": "2025-04-03", "product": "a", "quantity": "x"}
    assert flaws("sales", rows, mapping={"date": "Day"}) == ["t.csv, row 2, column quantity: not a number: 'x'"]
    assert flaws("sales", {**rows, "Day": "?", "quantity": "1"}, mapping={"date": "Day"})[0].startswith(
        "t.csv, row 2, column Day: not a date"
    )


def test_a_missing_column_is_answered_with_the_columns_there_are() -> None:
    """Whether needed by the table, by its use, or by the mapping; the nearest name is pointed out."""
    row = {"Date": "2025-04-03", "product": "a", "quantity": "1"}
    (said,) = refusals("sales", row)
    assert "no column 'date'" in said
    assert "'Date', 'product', 'quantity' (nearest: 'Date')" in said
    assert "--map date=" in said
    (said,) = refusals("sales", row, mapping={"date": "Dat"})
    assert said.startswith("t.csv, column Dat: there is no column 'Dat'; there are 'Date'")
    (said, other) = refusals("sales", SALE, needed=("available", "weather"))
    assert "no column 'available'" in said
    assert "no column 'weather'" in other
    assert "--map" not in other


def test_a_mapping_cannot_name_what_the_table_does_not_have() -> None:
    """A slip in `--map` is refused with the nearest name, as is a name the file uses for another column."""
    assert "(nearest: 'price')" in refusals("sales", {**SALE, "P": "1"}, mapping={"prise": "P"})[0]
    assert "of its own besides 'P'" in refusals("sales", {**SALE, "P": "1"}, mapping={"price": "P"})[0]


def test_currencies_never_mix() -> None:
    """Two currencies refuse the table, and say how often each occurs."""
    (said,) = refusals("sales", {**SALE, "currency": "EUR"}, {**SALE, "currency": "USD"})
    assert "EUR (1 rows), USD (1 rows)" in said


def test_time_zones_are_explicit_and_never_mix() -> None:
    """A zoned timestamp is told in the owner's zone; zoned beside unzoned refuses the table."""
    frame = found_in("sales", {**SALE, "date": "2025-04-03T23:30Z"}, time_zone="Europe/Berlin").frame
    assert frame.loc[2, "date"] == pd.Timestamp("2025-04-04 01:30")
    (said,) = refusals("sales", {**SALE, "date": "2025-04-03T23:30-0500"}, SALE)
    assert "row 2 has one, row 3 has none" in said


@pytest.mark.parametrize("moment", ["2025-06-01T19:30+02:00", "2025-06-01 17:30:00Z", "2025-06-01T12:30:00.000-05"])
def test_an_event_starts_at_an_instant(moment: str) -> None:
    """Any zone becomes UTC."""
    frame = found_in("events", {**EVENT, "starts_at": moment}).frame
    assert events_from(frame)[0].starts_at == datetime(2025, 6, 1, 17, 30, tzinfo=UTC)


def test_an_event_without_a_zone_is_refused() -> None:
    """A start without a zone is not an instant."""
    assert "has no time zone" in flaws("events", {**EVENT, "starts_at": "2025-06-01T19:30"})[0]


def test_settings_that_make_no_sense_are_refused() -> None:
    """An unknown zone and an unknown currency are refused together."""
    with pytest.raises(InputError) as error:
        Settings("t.csv", currency="EURO", time_zone="Mars/Olympus")
    assert len(error.value.findings) == 2


@pytest.mark.parametrize("zone", ["", "../etc/passwd", "Europe", "/", "\0"])
def test_no_zone_escapes(zone: str) -> None:
    """Paths, folders and null bytes are no time zones."""
    with pytest.raises(InputError):
        Settings("t.csv", time_zone=zone)


@pytest.mark.parametrize(("kind", "row"), [("offers", OFFER), ("events", EVENT)])
def test_an_id_names_one_row(kind: str, row: dict[str, str]) -> None:
    """Both rows of a repeated id are flawed: which one was meant is not guessed."""
    found = found_in(kind, row, row)
    assert [(flaw.row, flaw.reason) for flaw in found.flaws] == [
        (2, "repeats: it names one row only"),
        (3, "repeats: it names one row only"),
    ]


def test_ids_that_are_missing_are_missing_not_repeated() -> None:
    """Two blank ids are two findings, not four."""
    rows = [{"resource": "", "capacity": str(n)} for n in (1, 2)]
    assert [text.rpartition(": ")[2] for text in flaws("resources", *rows)] == ["is missing"] * 2


def test_sales_that_repeat_are_kept_and_noted() -> None:
    """Two identical sales can happen."""
    found = found_in("sales", SALE, SALE)
    assert len(found.frame) == 2
    assert [note.reason for note in found.notes] == ["1 rows repeat an earlier one exactly; they are kept"]


def test_offers_are_exact_money() -> None:
    """Prices are Decimal with their currency's decimals; an offer says what the row said."""
    (offer,) = offers_from(found_in("offers", {**OFFER, "unit_cost": "3", "resource": "hall"}).frame)
    assert offer.floor == Decimal("10.00")
    assert str(offer.unit_cost) == "3.00"
    assert offer.resource == "hall"
    assert offer.list_price is None
    assert len(offer.ladder) == 21


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("floor", "", "is missing"),
        ("ceiling", "", "is missing"),
        ("unit_cost", "", "is missing"),
        ("floor", "10,00", "has a comma"),
        ("floor", "10.001", "has more decimals than EUR has"),
        ("floor", "NaN", "is not an amount"),
        ("floor", "1e308", "is not an amount"),
        ("floor", "-1", "must lie between 0"),
        ("floor", "70", "do not enclose a price"),
        ("floor", "0", "do not enclose a price"),
        ("current_price", "0", "is not a price"),
        ("ladder", "", "is missing"),
        ("ladder", "cheap", "is not a ladder"),
        ("ladder", "[" * 100_000, "recursion"),
        ("ladder", "[NaN]", "is not an amount"),
        ("ladder", "70:80:1", "no step of the ladder lies between"),
    ],
)
def test_an_offer_that_cannot_be_priced_is_refused(column: str, cell: str, reason: str) -> None:
    """A missing or impossible bound is never guessed."""
    (said,) = flaws("offers", {"unit_cost": "1.00", **OFFER, column: cell})
    assert "row 2" in said
    assert reason in said


def test_all_rows_that_make_no_value_are_reported() -> None:
    """Frames from elsewhere are checked, too, and every row is named."""
    frame = found_in("offers", OFFER, {**OFFER, "offer": "a2"}).frame
    with pytest.raises(InputError) as error:
        offers_from(frame.assign(floor=frame["floor"] + 60))
    assert len(error.value.findings) == 2
    with pytest.raises(InputError, match="offer a1 has no floor"):
        offers_from(frame.assign(floor=None))
    with pytest.raises(TypeError, match="Decimal, not float"):
        offers_from(frame.assign(floor=1.5))


def test_events_and_resources_are_made() -> None:
    """Absent columns leave the value's own defaults."""
    (event,) = events_from(found_in("events", {**EVENT, "capacity": "90", "on_sale_at": "2025-01-01T00:00Z"}).frame)
    assert (event.capacity, event.venue) == (90.0, ALL)
    (resource,) = resources_from(found_in("resources", {"resource": "hall", "capacity": "90"}).frame)
    assert resource.capacity == 90.0
    assert "on sale after it starts" in flaws("events", {**EVENT, "on_sale_at": "2026-01-01T00:00Z"})[0]


def test_typed_cells_are_read_as_their_text_would_be() -> None:
    """Parquet's integers, floats, decimals, days and zoned timestamps mean what the same text means."""
    raw = pd.DataFrame(
        {
            "date": pd.to_datetime(["2025-04-03T23:30+00:00"]),
            "product": [17850.0],
            "quantity": [3],
            "price": pd.Series([Decimal("12.50")], dtype="object"),
        }
    ).set_axis([2])
    frame = examine(raw, TABLES["sales"], Settings("t", time_zone="Europe/Berlin")).frame
    told = frame.iloc[0].to_dict()
    assert (told["date"], told["product"]) == (pd.Timestamp("2025-04-04 01:30"), "17850")
    assert (told["quantity"], told["price"]) == (3.0, 12.5)


def test_typed_poison_is_refused() -> None:
    """NaN, infinity, a truth value for a number, and a null byte are found in typed cells."""
    raw = pd.DataFrame(
        {
            "date": pd.to_datetime(["2025-04-03"] * 3),
            "product": ["a", "b", "c\0"],
            "quantity": [1, 2, 3],
            "price": [float("nan"), float("inf"), 1.0],
        },
        index=[2, 3, 4],
    )
    found = examine(raw, TABLES["sales"], Settings("t"))
    assert {flaw.row for flaw in found.flaws} == {2, 3, 4}
    truths = examine(raw.assign(quantity=True), TABLES["sales"], Settings("t"))
    assert [flaw.reason for flaw in truths.flaws if flaw.column == "quantity"] == ["not a number"] * 3


ODD = [
    *("12,50", "NaN", "inf", "1e400", "-1", "1", "12.50", "EUR", "10:60:2.50", '["', "03/04/2025"),
    *("2025-04-03", "2025-04-03T10:00Z", "2025-04-03T10:00", "0000-01-01", "9999-12-31T23:59-23:59"),
    "2025-04-03T10:00+99:99",
]
CELLS = st.one_of(st.sampled_from(["", " ", *ODD]), st.text(max_size=8))


@settings(deadline=None, max_examples=50)
@given(st.data(), st.sampled_from(sorted(TABLES)))
def test_what_leaves_satisfies_the_declaration(data: st.DataObject, kind: str) -> None:
    """Whatever the cells hold, the frame passes the schema, and each row is in it or named as flawed."""
    table = TABLES[kind]
    names = [column.name for column in table.columns]
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, CELLS)), min_size=1, max_size=4))
    found = found_in(kind, *rows)
    if not found.refusals:
        schema(table).validate(found.frame)
        assert set(found.frame.index) | {flaw.row for flaw in found.flaws} == set(range(2, len(rows) + 2))
        assert not set(found.frame.index) & {flaw.row for flaw in found.flaws}


def test_many_findings_alike_are_printed_as_few_and_a_count() -> None:
    """Nothing is lost, but the screen shows five of each kind."""
    found = found_in("sales", *[{**SALE, "price": f"{n},50"} for n in range(100)])
    assert len(found.flaws) == 100
    lines = list(listed(found.flaws))
    assert len(lines) == 6
    assert lines[-1].startswith("t.csv, column price: and 95 more rows: decimals")


def test_what_is_printed_steers_no_terminal() -> None:
    """Control characters in cells and names are escaped."""
    (said,) = flaws("sales", {**SALE, "price": "\x1b[2J"})
    assert "\x1b" not in said
    (said,) = refusals("sales", {**SALE, "x": "1"}, mapping={"available": "\x1b[2J"})
    assert "\x1b" not in said


ROWS = {
    "sales": SALE,
    "events": EVENT,
    "offers": OFFER,
    "resources": {"resource": "hall", "capacity": "100"},
    "calendar": {"date": "2025-04-03", "name": "a holiday"},
    "future": {"date": "2025-04-03"},
}


@pytest.mark.parametrize("kind", ROWS)
def test_a_protected_characteristic_is_refused_in_every_table(kind: str) -> None:
    """With the file and the column as its owner named it; no row is to blame, so none can be set aside."""
    said = refusals(kind, ROWS[kind] | {"Buyer Gender": "f"})
    assert any(text.startswith("t.csv, column Buyer Gender: ") and "sex or gender" in text for text in said)
    assert not refusals(kind, ROWS[kind] | {"trace": "1"})


def test_a_protected_characteristic_is_refused_under_another_name() -> None:
    """Mapping it to a segment does not hide what it is."""
    said = refusals("sales", SALE | {"gender": "f"}, mapping={"segment": "gender"})
    assert any("protected" in text for text in said)


def test_concessions_by_age_are_segments_like_any() -> None:
    """Child, student and senior are customary ticket categories."""
    found = found_in("sales", *(SALE | {"segment": name} for name in ("child", "student", "senior", "adult")))
    assert not found.refusals
    assert list(found.frame["segment"]) == ["child", "student", "senior", "adult"]


def test_prices_of_competitors_are_refused_unless_allowed_and_then_need_their_provenance() -> None:
    """Off by default; where allowed, each says where it was seen and when."""
    rival = SALE | {"competitor_price": "11.00"}
    assert any("competitors" in text for text in refusals("sales", rival))
    allowed = refusals("sales", rival, competitor_prices=True)
    assert all(any(repr(name) in text for text in allowed) for name in ("source", "observed_at"))
    seen = {"source": "their shop window", "observed_at": "2025-04-02"}
    found = found_in("sales", rival | seen, competitor_prices=True)
    assert not found.refusals
    assert not found.flaws
    assert found.frame["competitor_price"].tolist() == [11.0]


def test_a_competitors_price_without_its_source_is_a_flaw_of_its_row() -> None:
    """Rows without such a price need none."""
    seen = {"source": "their shop window", "observed_at": "2025-04-02"}
    rows = (
        SALE | {"competitor_price": "11.00"} | seen,
        SALE | {"competitor_price": "", "source": "", "observed_at": ""},
        SALE | {"competitor_price": "12.00", "source": " ", "observed_at": "2025-04-02"},
    )
    found = found_in("sales", *rows, competitor_prices=True)
    assert [(flaw.row, flaw.column) for flaw in found.flaws] == [(4, "source")]
    assert list(found.frame.index) == [2, 3]


def test_an_offer_claims_no_reduction() -> None:
    """What was charged before is known from the history of prices, and from there only."""
    (said,) = refusals("offers", OFFER | {"discount_percent": "20"})
    assert "column discount_percent" in said
    assert not refusals("sales", SALE | {"discount_percent": "20"})
