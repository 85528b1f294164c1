"""A file that is brought is kept whole or not at all, and names nothing on the disk."""

import errno
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import uploads
from api.plain import UTF16, WESTERN
from api.uploads import LONGEST_NAME, NAME, TooLargeError, Upload
from pricing.errors import Finding, InputError, UnavailableError

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
TEXT = b"date,product,quantity,price\n2026-11-01,a,1,2.50\n"
HOSTILE = [
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "a\0b.csv",
    "x" * 300 + ".csv",
    "<img src=x onerror=alert(1)>.csv",
    "=cmd|' /C calc'!A0.csv",
    "upload.json",
    "",
    ".",
    "a\r\nSet-Cookie: x=1",
    "\u202evsc.exe",
]


def bring(root: Path, *parts: bytes, name: str = "sales.csv", most: int = 10**6) -> Upload:
    """Receive these parts."""
    return uploads.receive(root, parts, name=name, by="ann", now=NOW, most=most)


def left(root: Path) -> list[str]:
    """What stands in the folder of uploads."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_what_was_brought_is_found_again(tmp_path: Path) -> None:
    """With what was read of it; only its owner may look into the folder."""
    made = bring(tmp_path, TEXT[:9], TEXT[9:])
    assert uploads.find(tmp_path, made.id) == made
    assert uploads.newest(tmp_path) == (made,)
    assert uploads.file_of(tmp_path, made).read_bytes() == TEXT
    assert (made.size, made.sample.header) == (len(TEXT), ("date", "product", "quantity", "price"))
    assert (tmp_path / "uploads").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("parquet", [False, True])
def test_a_file_of_endlessly_many_columns_is_no_table(tmp_path: Path, parquet: bool) -> None:
    """Its page would look at each of them, every time."""
    names = [f"c{i}" for i in range(uploads.MOST_COLUMNS + 1)]
    data = ",".join(names).encode()
    if parquet:
        pq.write_table(pa.table({name: [1] for name in names}), tmp_path / "made.parquet")
        data = (tmp_path / "made.parquet").read_bytes()
    with pytest.raises(InputError, match="has more than 1000 columns"):
        bring(tmp_path, data)
    assert uploads.newest(tmp_path) == ()
    bring(tmp_path, ",".join(names[1:]).encode())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_a_label(tmp_path: Path, name: str) -> None:
    """Nothing on the disk is called so; the label is one line and not long."""
    made = bring(tmp_path, TEXT, name=name)
    assert NAME.fullmatch(made.id)
    assert left(tmp_path) == [f"uploads/{made.id}/file.csv", f"uploads/{made.id}/upload.json"]
    assert len(made.name) <= LONGEST_NAME
    assert made.name.isprintable()
    assert not set(made.name) & set("/\\")


def test_only_ids_are_looked_for(tmp_path: Path) -> None:
    """An address of anything else finds nothing, though it leads to an upload."""
    made = bring(tmp_path, TEXT)
    for name in ("", "..", f"../uploads/{made.id}", f"{made.id}/../{made.id}", f"{made.id}/", f"./{made.id}"):
        assert uploads.find(tmp_path, name) is None, name
    assert uploads.find(tmp_path, "20261122-090000-0123abcd") is None


def test_too_large_a_file_leaves_nothing(tmp_path: Path) -> None:
    """It is given up at the first part too many; exactly the largest is kept."""
    asked: list[int] = []

    def parts() -> Iterator[bytes]:
        for i in range(100):
            asked.append(i)
            yield b"a,b\n" * 25

    with pytest.raises(TooLargeError):
        uploads.receive(tmp_path, parts(), name="x", by="ann", now=NOW, most=1000)
    assert len(asked) == 11
    assert left(tmp_path) == []
    assert bring(tmp_path, TEXT, most=len(TEXT)).size == len(TEXT)


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """Whatever the sender's end raises."""

    def parts() -> Iterator[bytes]:
        yield TEXT
        raise ConnectionError

    with pytest.raises((ConnectionError, UnavailableError)):
        uploads.receive(tmp_path, parts(), name="x", by="ann", now=NOW, most=10**6)
    assert left(tmp_path) == []
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is said to be one that may recover."""

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnavailableError, match="No space left"):
        bring(tmp_path, TEXT)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8brest", "packed"),
        (b"SQLite format 3\0", "database"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\n,1,2", "is no text"),
        (b"PAR1 and no more", "Parquet"),
        (b"\n\n\n", "first row"),
    ],
)
def test_what_is_no_table_is_refused_with_advice(tmp_path: Path, data: bytes, said: str) -> None:
    """By what it holds, whatever it is called; nothing of it is kept."""
    with pytest.raises(InputError, match=said):
        bring(tmp_path, data, name="sales.csv")
    assert left(tmp_path) == []


@pytest.mark.parametrize(("encoding", "told"), [("cp1252", WESTERN), ("utf-16", UTF16)])
def test_an_encoding_is_told_apart_even_where_parts_meet(tmp_path: Path, encoding: str, told: str) -> None:
    """By the bytes, one at a time."""
    data = "Datum;Stück\n1.2.2026;3\n".encode(encoding)
    made = bring(tmp_path, *(data[i : i + 1] for i in range(len(data))))
    assert made.writing.encoding == told
    assert made.sample.header == ("Datum", "Stück")


def test_of_a_parquet_file_the_footer_alone_is_read(tmp_path: Path) -> None:
    """Its names, and the least and greatest cell; a file whose pages are ruined shows that none was read."""
    file = tmp_path / "sales.parquet"
    pq.write_table(pa.table({"sold": [date(2026, 1, 1), date(2026, 2, 1)], "what": ["b", "a"]}), file)
    data = bytearray(file.read_bytes())
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    data[4:footer] = bytes(footer - 4)
    made = bring(tmp_path, bytes(data))
    assert made.ending == ".parquet"
    assert made.sample.header == ("sold", "what")
    assert made.sample.rows == (("2026-01-01", "a"), ("2026-02-01", "b"))


@given(st.binary(max_size=400), st.integers(1, 50))
def test_whatever_comes_is_kept_as_it_came_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int
) -> None:
    """Byte for byte, however it is cut; a refused one leaves nothing."""
    root = tmp_path_factory.mktemp("any")
    try:
        made = bring(root, *(data[i : i + size] for i in range(0, len(data), size)))
    except InputError:
        assert left(root) == []
    else:
        assert uploads.file_of(root, made).read_bytes() == data


def test_what_is_old_goes(tmp_path: Path) -> None:
    """Also what a process left unfinished that ended in the middle."""
    old, new = bring(tmp_path, TEXT), bring(tmp_path, TEXT)
    uploads.keep(tmp_path, msgspec.structs.replace(old, at=NOW - timedelta(days=31)))
    (tmp_path / "uploads" / ".new-lost").mkdir()
    os.utime(tmp_path / "uploads" / ".new-lost", (0, 0))
    uploads.remove_old(tmp_path, now=NOW, kept=timedelta(days=30))
    assert uploads.newest(tmp_path) == (new,)
    assert [path.name for path in (tmp_path / "uploads").iterdir()] == [new.id]


def test_what_was_taken_in_is_not_kept_beside_the_history(tmp_path: Path) -> None:
    """Neither the file nor the cells that were shown; that it was, and which job did it, is."""
    made = bring(tmp_path, TEXT)
    uploads.keep(tmp_path, msgspec.structs.replace(made, run="r1"))
    uploads.settle(tmp_path, made, {"rows": 1})
    known = uploads.find(tmp_path, made.id)
    assert known is not None
    assert (known.run, known.sample.header, known.sample.rows) == ("r1", made.sample.header, ())
    assert left(tmp_path) == [f"uploads/{made.id}/upload.json"]
    uploads.remove(tmp_path, made)
    assert left(tmp_path) == []


def test_problems_are_grouped_bounded_and_harmless_in_a_spreadsheet(tmp_path: Path) -> None:
    """The most frequent first, some rows of each; no cell of the list could be a formula."""
    made = bring(tmp_path, TEXT)
    findings = [Finding("not a number", "f", row, "=price", "=1+1") for row in range(2, 300)]
    findings += [Finding("is missing", "f", 7, "date"), Finding("no such day", "f", 8, "date", "x" * 500)]
    made_of = uploads.keep_problems(tmp_path, made, findings)
    assert uploads.problems_of(tmp_path, made) == made_of
    assert next((group.reason, group.count, len(group.examples)) for group in made_of.groups) == (
        "not a number",
        298,
        20,
    )
    assert (made_of.rows, made_of.whole) == (298, False)
    assert max(len(cell or "") for group in made_of.groups for _, cell in group.examples) <= 80
    listed = uploads.problems_table_of(tmp_path, made).read_text().splitlines()
    assert listed[:2] == ["row,column,problem,cell", "2,'=price,not a number,'=1+1"]
    assert len(listed) == 301
    assert uploads.keep_problems(tmp_path, made, [Finding("no column", "f")]).whole
