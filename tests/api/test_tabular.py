"""Files are read exactly or refused; what is written is whole, safe and the same each time."""

import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from api import files, tabular
from api.tabular import read_table, write_atomically, write_table
from pricing.errors import InputError, UnavailableError
from pricing.tables import TABLES
from pricing.tables.schema import schema
from tests.real_data import real_data

GOOD = "date,product,quantity,price\n2025-04-03,a,1,12.50\n2025-04-04,b,2,3\n"
RETAIL = {
    "product": "Description",
    "quantity": "Quantity",
    "date": "InvoiceDate",
    "price": "UnitPrice",
    "customer": "CustomerID",
}

within_one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """Where a table of sales will be written."""
    return tmp_path / "sales.csv"


def refusal(path: Path, kind: str = "sales", **options: Any) -> list[str]:
    """What reading the file is refused with, a line per finding."""
    with pytest.raises(InputError) as error:
        read_table(path, kind, **options)
    return [str(finding) for finding in error.value.findings]


def test_a_good_file_is_read(sales: Path) -> None:
    """Columns have the declared types, rows are numbered from 0."""
    sales.write_text(GOOD)
    frame = read_table(sales, "sales")
    assert frame["price"].tolist() == [12.5, 3.0]
    assert frame.index.tolist() == [0, 1]


def read_unless_refused(path: Path, kind: str) -> pd.DataFrame | None:
    """The table, or nothing where it is refused; any other error is a failure."""
    try:
        return read_table(path, kind)
    except InputError:
        return None


@pytest.mark.parametrize(
    ("data", "row", "reason"),
    [
        (b"", None, "the file is empty"),
        (b"date,product,quantity\n", None, "there is a header, but no row"),
        (b"date,product,quantity", None, "there is a header, but no row"),
        (b"date,product,quantity\n\n,,\n", None, "there is a header, but no row"),
        (b"\n" + GOOD.encode(), 1, "must name the columns"),
        (b"\xef\xbb\xbf" + GOOD.encode(), 1, "byte order mark (BOM): save it as CSV UTF-8 without one"),
        (GOOD.encode("utf-16"), 1, "is UTF-16"),
        (GOOD.encode() + b"2025-04-04,\xe4,1,1\n", 4, "not UTF-8"),
        (GOOD.encode() + b"2025-04-04,\0,1,1\n", 4, "null byte"),
        (GOOD.replace(",", ";").encode(), 1, "not separated by commas"),
        (b"date,date,quantity,quantity,quantity\n1,2,3,4,5\n", 1, "two columns are called 'date'"),
        (b"date,,quantity\n1,2,3\n", 1, "column 2 has no name"),
        (GOOD.encode() + b'2025-04-05,"c,1,1\n2025-04-06,d,1,1\n', 4, "never closed"),
        (GOOD.encode() + b'2025-04-05,c,1,"1\n2025-04-06,d,1,1\n', 4, "never closed"),
        (b'date,"product,quantity\n1,2,3\n', 1, "runs over two lines"),
        (b'date,product,"' + b"x" * 200_000 + b"\n", 1, "the header cannot be read"),
        (GOOD.encode() + b'"' + b"x,\n" * 200_000, 4, "never closed"),
    ],
)
def test_bytes_that_are_no_table_are_refused_with_a_hint(
    sales: Path, data: bytes, row: int | None, reason: str
) -> None:
    """The finding names the file and, where there is one, the row; nothing is written."""
    sales.write_bytes(data)
    said = refusal(sales)
    assert said[0].startswith(f"{sales}, row {row}:" if row else f"{sales}:")
    assert reason in said[0]


def test_a_row_of_many_megabytes_is_refused(sales: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row longer than a block of reading is more likely a quotation mark never closed."""
    monkeypatch.setattr(files, "_BLOCK", 64)
    sales.write_text(GOOD + '2025-04-05,"' + "c" * 1_000 + '",1,1\n')
    assert "a row is too long" in refusal(sales)[0]


def test_every_repeated_name_is_said_once(sales: Path) -> None:
    """A name that stands three times in the header is one finding."""
    sales.write_text("date,date,quantity,quantity,quantity\n1,2,3,4,5\n")
    assert len(refusal(sales)) == 2


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """An absent file, a folder, an unknown ending and an unknown table."""
    (tmp_path / "folder.csv").mkdir()
    assert "No such file" in refusal(tmp_path / "absent.csv")[0]
    assert "is not a file" in refusal(tmp_path / "folder.csv")[0]
    assert "must be .csv or .parquet" in refusal(tmp_path / "sales.xlsx")[0]
    assert "there is no table 'sale'; there are sales" in refusal(tmp_path / "sales.csv", "sale")[0]


def test_rows_are_numbered_as_a_spreadsheet_shows_them(sales: Path) -> None:
    """Blank lines and cells that run over several lines do not shift the row of a finding."""
    sales.write_text(GOOD + '\n2025-04-05,"two\nlines",1,1\n2025-04-06,short\n\n2025-04-07,c,1,1,9\n2025-04-08,d,1,x\n')
    assert refusal(sales) == [
        f"{sales}, row 6: has 2 cells, the header 4",
        f"{sales}, row 8: has 5 cells, the header 4",
        f"{sales}, row 9, column price: not a number: 'x'",
    ]


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    """Cut anywhere, it is named; it never half loads."""
    path = tmp_path / "sales.parquet"
    write_table(pd.DataFrame({"date": ["2025-04-03"], "product": ["a"], "quantity": [1.0]}), path)
    whole = path.read_bytes()
    assert len(read_table(path, "sales")) == 1
    for end in range(1, len(whole), 97):
        path.write_bytes(whole[:end])
        assert "cannot be read as Parquet" in refusal(path)[0]


def test_parquet_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """Another program's bytes are not taken for text."""
    path = tmp_path / "sales.parquet"
    column = pa.array([b"\xff"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"date": ["2025-04-03"], "product": column, "quantity": [1.0]}), path)
    assert "cannot be read as Parquet" in refusal(path)[0]


def test_a_parquet_column_of_lists_is_refused(tmp_path: Path) -> None:
    """A cell holds one value."""
    path = tmp_path / "sales.parquet"
    write_table(pd.DataFrame({"date": ["2025-04-03"], "product": [["a"]], "quantity": [1.0]}), path)
    assert "column product: holds list" in refusal(path)[0]


def test_parquet_and_csv_of_the_same_table_are_read_alike(tmp_path: Path) -> None:
    """Days, categories and numbers stored as such mean what their text means."""
    frame = pd.DataFrame(
        {
            "date": [datetime(2025, 4, 3).date(), datetime(2025, 4, 4).date()],  # noqa: DTZ001  # a day has no zone
            "product": pd.Categorical(["a", "b"]),
            "quantity": [1, 2],
            "price": [Decimal("12.50"), Decimal("3.00")],
            "customer": [1.0, np.nan],
        }
    )
    write_table(frame, tmp_path / "sales.parquet")
    write_table(frame.assign(customer=["1", ""]), tmp_path / "sales.csv")
    assert_frame_equal(read_table(tmp_path / "sales.parquet", "sales"), read_table(tmp_path / "sales.csv", "sales"))


def test_a_bad_row_refuses_the_table_unless_quarantined(sales: Path, tmp_path: Path) -> None:
    """Without a quarantine nothing is written; with one the good rows return, and the bad stand there as they were."""
    sales.write_text("Day," + GOOD[5:] + 'soon,"=c,1",1,"-1"\n2025-04-05,d,1\n2025-04-06,e,1,2,3,4\n')
    refusal(sales, mapping={"date": "Day"})
    assert list(tmp_path.iterdir()) == [sales]
    aside = tmp_path / "aside.csv"
    assert len(read_table(sales, "sales", mapping={"date": "Day"}, quarantine=aside)) == 2
    assert aside.read_text() == (
        "Day,product,quantity,price,row,reason\n"
        'soon,"\'=c,1",1,\'-1,4,"column Day: not a date: write year, month, day (2025-04-03), or 2025-04-03T19:30+02:00'
        '; column price: must lie between 0 and 1,000,000,000,000"\n'
        '2025-04-05,d,1,,5,"has 3 cells, the header 4"\n'
        '2025-04-06,e,1,"2,3,4",6,"has 6 cells, the header 4"\n'
    )


def test_a_quarantine_says_when_there_was_nothing_to_set_aside(sales: Path, tmp_path: Path) -> None:
    """The file of an earlier run never stays behind."""
    sales.write_text(GOOD)
    aside = tmp_path / "aside.csv"
    aside.write_text("old")
    read_table(sales, "sales", quarantine=aside)
    assert aside.read_text() == "date,product,quantity,price,row,reason\n"


def test_a_quarantine_column_never_hides_one_of_the_users(sales: Path, tmp_path: Path) -> None:
    """A table with a column of that name keeps it."""
    sales.write_text("reason,date,product,quantity\nmine,x,a,1\nmine,2025-04-03,a,1\n")
    read_table(sales, "sales", quarantine=tmp_path / "aside.csv")
    header = (tmp_path / "aside.csv").read_text().splitlines()[0]
    assert header == "reason,date,product,quantity,row,_reason"


def test_what_concerns_the_whole_table_is_never_quarantined(sales: Path, tmp_path: Path) -> None:
    """Mixed currencies, a missing column and a table without a good row refuse, and write nothing."""
    aside = tmp_path / "aside.csv"
    sales.write_text("date,product,quantity,currency\n2025-04-03,a,1,EUR\n2025-04-03,a,1,USD\n")
    assert "a table holds one currency" in refusal(sales, quarantine=aside)[0]
    sales.write_text("date,product\n2025-04-03,a\n")
    assert "no column 'quantity'" in refusal(sales, quarantine=aside)[0]
    sales.write_text("date,product,quantity\n2025-04-03,a,x\n")
    assert "no row can be used" in refusal(sales, quarantine=aside)[0]
    assert not aside.exists()


def test_the_quarantine_never_overwrites_the_table(sales: Path) -> None:
    """The file that is read is not the file that is written."""
    sales.write_text(GOOD)
    assert "must be another file" in refusal(sales, quarantine=sales.parent / "." / "sales.csv")[0]
    assert sales.read_text() == GOOD


CELL = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6),
    st.sampled_from(["=1+1", "'=x", "''@", "+49", "-1", "\t", "\r", "\n=", '"', ",", "007", "1e5", "nan", "x\ry"]),
)


@within_one_folder
@given(product=CELL, customer=CELL, other=CELL, name=CELL)
def test_what_was_read_and_written_as_csv_is_read_again_equal(
    tmp_path: Path, product: str, customer: str, other: str, name: str
) -> None:
    """Any text survives, formulas, quotes and line breaks included."""
    written, again = tmp_path / "a.csv", tmp_path / "b.csv"
    column = name if name.strip() and not {"\n", "\r"} & set(name) and TABLES["sales"].column(name) is None else "x"
    rows = {"date": ["2025-04-03T10:00:01.5", "2025-04-03"], "quantity": [0.1 + 0.2, -1e-7]}
    frame = pd.DataFrame({**rows, "product": [f"p{product}", "b"], "customer": [customer, ""], column: [other, "1"]})
    write_table(frame, written)
    first = read_table(written, "sales")
    write_table(first, again)
    assert_frame_equal(read_table(again, "sales"), first)
    assert first.loc[0, "product"] == f"p{product}"
    if customer.strip():
        assert first.loc[0, "customer"] == customer


@within_one_folder
@given(
    st.binary(max_size=80), st.sampled_from(["", "date,product,quantity\n", GOOD]), st.sampled_from(["csv", "parquet"])
)
def test_whatever_the_bytes_a_table_is_read_or_refused(tmp_path: Path, tail: bytes, head: str, ending: str) -> None:
    """There is no third way: a frame that satisfies the declaration, or `InputError`."""
    path = tmp_path / f"sales.{ending}"
    path.write_bytes(head.encode() + tail)
    if (frame := read_unless_refused(path, "sales")) is not None:
        schema(TABLES["sales"]).validate(frame)


@within_one_folder
@given(st.text(st.sampled_from('"\n\r,;=1a-'), max_size=40))
def test_whatever_the_quotes_a_table_is_read_or_refused(tmp_path: Path, tail: str) -> None:
    """Quotation marks, commas and line ends in any order are read or refused."""
    path = tmp_path / "calendar.csv"
    path.write_bytes(b"date,name\n2025-04-03," + tail.encode())
    if (frame := read_unless_refused(path, "calendar")) is not None:
        schema(TABLES["calendar"]).validate(frame)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "'=1", "-x"])
def test_a_spreadsheet_runs_no_formula_of_ours(tmp_path: Path, text: str) -> None:
    """Text, and a column's name, that could be a formula stands behind an apostrophe; a number never does."""
    out = tmp_path / "out.csv"
    write_table(pd.DataFrame({text: [text], "number": [-1.5], "group": pd.Categorical([text])}), out)
    raw = pd.read_csv(out, dtype=str)
    assert raw.columns[0] == f"'{text}"
    assert raw.iloc[0].tolist() == [f"'{text}", "-1.5", f"'{text}"]


FRAME = pd.DataFrame(
    {
        "product": ["a", None],
        "date": pd.to_datetime(["2025-04-03", "2025-04-04"]),
        "at": pd.to_datetime(["2025-04-03T10:00Z", ""]),
        "mean": [1.5, np.nan],
        "price": [Decimal("12.50"), None],
        "n": [1, 2],
    }
)


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_the_same_frame_twice_gives_the_same_bytes(tmp_path: Path, ending: str) -> None:
    """In each format."""
    first, second = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    write_table(FRAME, first)
    write_table(FRAME.copy(), second)
    assert first.read_bytes() == second.read_bytes()


def test_json_is_a_list_of_records_with_iso_dates(tmp_path: Path) -> None:
    """Missing values are null, money is text, days are days."""
    write_table(FRAME, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == [
        {
            "product": "a",
            "date": "2025-04-03",
            "at": "2025-04-03T10:00:00+00:00",
            "mean": 1.5,
            "price": "12.50",
            "n": 1,
        },
        {"product": None, "date": "2025-04-04", "at": None, "mean": None, "price": None, "n": 2},
    ]


def test_csv_has_iso_dates(tmp_path: Path) -> None:
    """Days are written as days, instants with their zone."""
    write_table(FRAME, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == (
        "product,date,at,mean,price,n\na,2025-04-03,2025-04-03T10:00:00+00:00,1.5,12.50,1\n,2025-04-04,,,,2\n"
    )


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that fails, or a full disk, leaves the old file and no litter."""
    out = tmp_path / "out.csv"
    out.write_text("old")

    def half(file: Any) -> None:
        file.write(b"half")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        write_atomically(out, half)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnavailableError, match="No space left"):
        write_table(FRAME, out)
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert out.read_text() == "old"


def test_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    """A folder that is not there, a folder in the file's place, an unknown ending."""
    for out, reason in {"no/out.csv": "No such file", ".": "must be one of", "x.txt": "must be one of"}.items():
        with pytest.raises(InputError, match=reason):
            write_table(FRAME, tmp_path / out)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_table(FRAME, tmp_path / "folder.csv")


def test_without_a_file_a_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Readable, with blanks for missing values, and no sign that steers the terminal."""
    write_table(FRAME.assign(product=["[red]a\x1b[2J", ""]), None)
    said = capsys.readouterr().out
    assert "[red]a" in said
    assert "\x1b" not in said
    assert "nan" not in said


def test_events_come_back_as_instants(tmp_path: Path) -> None:
    """UTC survives writing and reading."""
    path = tmp_path / "events.csv"
    path.write_text("event,starts_at\ne1,2025-06-01T19:30+02:00\n")
    frame = read_table(path, "events")
    write_table(frame, tmp_path / "again.csv")
    assert_frame_equal(read_table(tmp_path / "again.csv", "events"), frame)
    assert frame.loc[0, "starts_at"] == datetime(2025, 6, 1, 17, 30, tzinfo=UTC)


def test_notes_are_logged_and_do_not_refuse(sales: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sales that repeat are reported."""
    said: list[str] = []
    monkeypatch.setattr(tabular._LOG, "warning", lambda event, **_: said.append(event), raising=False)
    sales.write_text(GOOD + GOOD.splitlines()[1] + "\n")
    assert len(read_table(sales, "sales")) == 3
    assert "row 4: 1 rows repeat" in said[0]


@pytest.mark.real_data
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_half_a_million_raw_sales_are_read_in_seconds(tmp_path: Path, ending: str) -> None:
    """Every problem of the raw web shop is listed with its row: 1,454 lines without a product, two negative prices."""
    path = real_data("online_retail/online_retail.parquet")
    if ending == "csv":
        pd.read_parquet(path).to_csv(tmp_path / "retail.csv", index=False)
        path = tmp_path / "retail.csv"
    start = perf_counter()
    said = refusal(path, mapping=RETAIL, needed=("price",))
    frame = read_table(path, "sales", mapping=RETAIL, needed=("price",), quarantine=tmp_path / "aside.csv")
    assert perf_counter() - start < 30
    assert sum("column Description: is missing" in line for line in said) == 1_454
    assert len(said) == 1_456
    assert len(frame) == 541_909 - 1_456
    assert len(pd.read_csv(tmp_path / "aside.csv")) == 1_456
