"""A file as spreadsheets of other countries write it becomes a plain one, cell by cell."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.plain import UTF8, UTF16, WESTERN, Reading, Writing, look, rewrite
from pricing.errors import InputError
from pricing.tables import Kind

KINDS = {"Datum": Kind.DATE, "Preis": Kind.NUMBER}


def reading(**changed: object) -> Reading:
    """How files of these tests are read, unless a test says otherwise."""
    usual: dict[str, object] = {
        "kinds": KINDS,
        "names": frozenset(),
        "zone": "Europe/Berlin",
        "sign": "€",
        "single": "",
        "others": True,
    }
    return Reading(**(usual | changed))  # type: ignore[arg-type]  # the attributes of a Reading


def written(folder: Path, text: str, writing: Writing, how: Reading) -> list[list[str]]:
    """The records of a file that holds this text, once it is plain."""
    source, target = folder / "file.csv", folder / "plain.csv"
    source.write_text(text, encoding=writing.encoding, newline="")
    rewrite(source, target, writing, how)
    return list(csv.reader(target.read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("encoding", [UTF8, WESTERN, UTF16])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_how_a_file_is_written_is_read_off_its_cells(tmp_path: Path, encoding: str, delimiter: str) -> None:
    """Delimiter, decimals and dates; umlauts survive, nameless columns at the end do not."""
    rows = [["Datum", "Stück", "Preis", "", ""], ["16.11.2026", "Käse", "1.234,50", "", ""]]
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows) + "\r\n"
    writing, sample = look(text.encode(encoding), encoding)
    assert writing == Writing(encoding, delimiter, ",", "dmy")
    assert sample.header == ("Datum", "Stück", "Preis")
    made = written(tmp_path, text, writing, reading())
    assert made == [["Datum", "Stück", "Preis"], ["2026-11-16", "Käse", "1234.50"]]


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["2026-11-16"], "ymd"),
        (["16.11.2026"], "dmy"),
        (["01.02.2026"], "dmy"),
        (["16/11/2026", "01/02/2026"], "dmy"),
        (["11/16/2026", "01/02/2026"], "mdy"),
        (["01/02/2026"], ""),
    ],
)
def test_day_and_month_are_told_apart_or_asked_for(cells: list[str], order: str) -> None:
    """Points are the custom where the day comes first; of strokes only a number above twelve tells."""
    assert look("\n".join(["when,b", *(f"{cell},x" for cell in cells)]).encode(), UTF8)[0].dates == order


@pytest.mark.parametrize(
    ("cell", "decimal", "plain"),
    [
        ("12,90", ",", "12.90"),
        ("1.234,5", ",", "1234.5"),
        ("1.234", ",", "1234"),
        ("12,90 €", ",", "12.90"),
        ("€ 12.90", ".", "12.90"),
        ("1,234.50", ".", "1234.50"),
        ("1 234,50", ",", "1234.50"),
        ("-3", ",", "-3"),
        ("12,3,4", ",", "12,3,4"),
        ("12,90 $", ",", "12,90 $"),
        ("viele", ",", "viele"),
        ("=1+1", ".", "=1+1"),
        ("٣", ".", "٣"),
    ],
)
def test_a_number_is_written_plainly_or_stays(tmp_path: Path, cell: str, decimal: str, plain: str) -> None:
    """Thousands, decimals and the currency's own sign go; what is no number is left for the checks to name."""
    made = written(tmp_path, f'Preis;b\n"{cell}";x\n', Writing(UTF8, ";", decimal), reading())
    assert made[1][0] == plain


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("31,00:78,00:0,50", "31.00:78.00:0.50"),
        ("10:1.060:10", "10:1060:10"),
        ("10,5:60:1 ending ,99", "10.5:60:1 ending ,99"),
        ("9.90:16.90:0.50", "9.90:16.90:0.50"),
        ('["10.00", "12.50"]', '["10.00", "12.50"]'),
        ("viele", "viele"),
    ],
)
def test_a_ladder_is_written_plainly_or_stays(tmp_path: Path, cell: str, plain: str) -> None:
    """Where decimals have a comma, so has a ladder; in a list a comma parts two prices."""
    how = reading(kinds={"Stufen": Kind.LADDER})
    quoted = cell.replace('"', '""')
    assert written(tmp_path, f'Stufen;b\n"{quoted}";x\n', Writing(UTF8, ";", ","), how)[1][0] == plain


@pytest.mark.parametrize(
    ("cell", "dates", "plain"),
    [
        ("16.11.2026", "dmy", "2026-11-16"),
        ("1.2.2026 9:05", "dmy", "2026-02-01T09:05:00+01:00"),
        ("16.07.2026 19:30 Uhr", "dmy", "2026-07-16T19:30:00+02:00"),
        ("07/16/2026 7:30 PM", "mdy", "2026-07-16T19:30:00+02:00"),
        ("07/16/2026 12:05 am", "mdy", "2026-07-16T00:05:00+02:00"),
        ("2026-07-16 19:30:00 -0400", "ymd", "2026-07-16T19:30:00-0400"),
        ("2026-07-16T17:30Z", "dmy", "2026-07-16T17:30:00Z"),
        ("25.10.2026 02:30", "dmy", "2026-10-25T02:30:00"),
        ("32.13.2026 10:00", "dmy", "2026-13-32T10:00:00"),
        ("bald", "dmy", "bald"),
    ],
)
def test_an_instant_gets_the_owners_zone_unless_it_has_one(tmp_path: Path, cell: str, dates: str, plain: str) -> None:
    """An hour that there are two of gets none, so that it is asked about; nor does a day that there is not."""
    how = reading(kinds={"Beginn": Kind.INSTANT})
    assert written(tmp_path, f"Beginn;b\n{cell};x\n", Writing(UTF8, ";", ".", dates), how)[1][0] == plain


def test_records_keep_their_rows_and_their_flaws(tmp_path: Path) -> None:
    """A blank row stays blank, one too long or too short stays so, a cell over two lines is one record."""
    text = 'Datum,x,y\n2026-01-01,"a\nb",c\n\n1,2\n1,2,3,4\n1,2,3,,\n'
    made = written(tmp_path, text.replace("a\nb", "a b"), Writing(), reading(kinds={"y": Kind.TEXT}, others=False))
    assert made == [["y"], ["c"], [], ["1", "2"], ["1", "2", "3", "4"], ["3"]]


def test_columns_nobody_named_are_left_out_and_nothing_is_mistaken(tmp_path: Path) -> None:
    """A column with a declared name that stands for something else is renamed; units of one are added."""
    how = reading(kinds={"Preis": Kind.NUMBER}, names=frozenset({"price"}), single="quantity")
    made = written(tmp_path, "Preis,price,e-mail\n1,2,x@y\n", Writing(), how)
    assert made == [["Preis", "price (file)", "e-mail", "quantity"], ["1", "2", "x@y", "1"]]
    how = reading(kinds={"Preis": Kind.NUMBER}, others=False)
    assert written(tmp_path, "Preis,price,e-mail\n1,2,x@y\n", Writing(), how) == [["Preis"], ["1"]]


@pytest.mark.parametrize("text", ['a,b\n1,2\n3,"open\n4,5\n', 'a,b\n1,"x" y\n'])
def test_a_broken_quotation_is_named_with_its_row(tmp_path: Path, text: str) -> None:
    """It would swallow the rest of the file."""
    with pytest.raises(InputError) as caught:
        written(tmp_path, text, Writing(), reading())
    assert caught.value.findings[0].row in {2, 3}
    assert "quotation mark" in caught.value.findings[0].reason


@given(
    st.lists(st.lists(st.text(max_size=6), min_size=2, max_size=2), min_size=1, max_size=5), st.sampled_from(",;\t|")
)
def test_text_is_never_changed(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str) -> None:
    """Whatever stands in cells that are neither numbers nor dates, beside whatever delimiter."""
    folder = tmp_path_factory.mktemp("text")
    source, target = folder / "file.csv", folder / "plain.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([["a", "b"], *rows])
    rewrite(source, target, Writing(UTF8, delimiter), reading(kinds={"a": Kind.TEXT}))
    with target.open(encoding="utf-8", newline="") as file:
        made = list(csv.reader(file))[1:]
    assert [row for row in made if row] == [row for row in rows if any(cell.strip() for cell in row)]
