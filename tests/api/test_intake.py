"""What was uploaded is in the history as a whole, or nothing has changed and everything wrong is told."""

import hashlib
from datetime import timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api import intake, uploads
from api.intake import take_in
from api.plain import LOOKED_AT, Writing
from api.uploads import Upload
from api.workspace import NEEDED, Workspace
from pricing.errors import InputError, RefusedError
from tests.api.store.book_kit import NOW

GERMAN = (
    "Datum;Karte;Menge;Preis;E-Mail;Geschlecht\r\n"
    "16.10.2025;Parkett;3;12,90 €;a@b;x\r\n"
    "17.10.2025;Parkett;1;1.012,90;c@d;y\r\n"
)
MAPPING = {"date": "Datum", "product": "Karte", "quantity": "Menge", "price": "Preis"}
PLAIN = "date,product,quantity,price\n2025-10-16,a,1,2.50\n2025-10-17,a,2,2.50\n"


def bring(place: Workspace, data: bytes, **said: Any) -> Upload:
    """An upload of these bytes, of which this was said."""
    made = uploads.receive(place.root, [data], name="mine.csv", by="ann", now=NOW, most=10**8)
    said = {"kind": "sales", "mapping": {name: name for name in made.sample.header}} | said
    made = msgspec.structs.replace(made, **said)
    uploads.keep(place.root, made)
    return made


def state(place: Workspace) -> str:
    """What a workspace holds, but for its uploads."""
    files = sorted(path for path in place.root.rglob("*") if path.is_file() and "uploads" not in path.parts)
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


def test_a_spreadsheet_of_a_german_organizer_is_taken_in(place: Workspace) -> None:
    """Semicolons, Windows' letters, decimal commas, days before months; only the columns that were named are kept."""
    made = bring(place, GERMAN.encode("cp1252"), mapping=MAPPING)
    assert made.writing == Writing("cp1252", ";", ",", "dmy")
    done = take_in(place, made.id, by="ann", now=NOW)
    assert done == {"upload": made.id, "table": "sales", "rows": 2, "total": 2, "already_there": False, "aside": 0}
    sales = place.history.daily_sales()
    assert [f"{day:%Y-%m-%d}" for day in sales["date"]] == ["2025-10-16", "2025-10-17"]
    assert list(sales["price"]) == [12.90, 1012.90]
    (file,) = (place.root / "history" / "sales").iterdir()
    assert {"E-Mail", "Geschlecht"} & set(pq.read_schema(file).names) == set()
    assert not uploads.file_of(place.root, made).exists()
    assert not list(uploads.folder_of(place.root, made).glob("tmp*"))


def test_columns_are_kept_where_their_owner_wants_it(place: Workspace) -> None:
    """And what may not enter a price is refused then; nothing is taken for what it is not."""
    said = bring(place, GERMAN.encode(), mapping=MAPPING, others=True)
    with pytest.raises(InputError, match="Geschlecht"):
        take_in(place, said.id, by="ann", now=NOW)
    data = b"date,product,quantity,price,Preis\n2025-10-16,a,1,9,2.50\n"
    mapping = {"date": "date", "product": "product", "quantity": "quantity", "price": "Preis"}
    take_in(place, bring(place, data, mapping=mapping, others=True).id, by="ann", now=NOW)
    assert list(place.history.daily_sales()["price"]) == [2.50]


def test_a_row_is_one_unit_where_that_is_said(place: Workspace) -> None:
    """For a list of tickets, in either kind of file."""
    mapping = {"date": "date", "product": "product", "price": "price"}
    take_in(place, bring(place, PLAIN.encode(), mapping=mapping, single=True).id, by="ann", now=NOW)
    assert list(place.history.daily_sales()["quantity"]) == [1.0, 1.0]
    table = pa.table({"date": ["2025-11-01"], "product": ["b"], "price": [3.5], "name": ["Ann"]})
    take_in(place, bring(place, parquet(place, table), mapping=mapping, single=True).id, by="ann", now=NOW)
    assert place.history.daily_sales()["quantity"].sum() == 3


def parquet(place: Workspace, table: Any) -> bytes:
    """The bytes of a Parquet file."""
    file = place.root.parent / "made.parquet"
    pq.write_table(table, file)
    return file.read_bytes()


def test_good_rows_are_taken_and_the_others_set_aside(place: Workspace) -> None:
    """Once that is said; the same file again changes nothing."""
    data = PLAIN.encode() + b"soon,=b,1,2\n2025-10-18,b,x,2\n"
    with pytest.raises(InputError):
        take_in(place, bring(place, data).id, by="ann", now=NOW)
    made = bring(place, data, aside=True)
    done = take_in(place, made.id, by="ann", now=NOW)
    assert (done["rows"], done["aside"]) == (2, 2)
    assert "soon,'=b,1,2,4," in uploads.aside_of(place.root, made).read_text()
    assert take_in(place, bring(place, PLAIN.encode()).id, by="ann", now=NOW)["already_there"]
    uploads.remove(place.root, made)
    with pytest.raises(RefusedError, match="bring it again"):
        take_in(place, made.id, by="ann", now=NOW)


def test_a_job_begun_again_tells_what_the_lost_attempt_did(place: Workspace) -> None:
    """Its rows are in use, and its file is gone: that it is to be brought again would be wrong."""
    made = bring(place, PLAIN.encode())
    done = take_in(place, made.id, by="ann", now=NOW)
    assert take_in(place, made.id, by="ann", now=NOW) == done
    assert (done["rows"], done["already_there"]) == (2, False)


def test_what_was_brought_long_ago_goes_though_nobody_opens_the_page(place: Workspace) -> None:
    """Systems bring files too, and those that were refused stay for `keep_days` only."""
    old = bring(place, b"date,product,quantity,price\nsoon,a,1,2\n")
    with pytest.raises(InputError):
        take_in(place, old.id, by="ann", now=NOW)
    later = NOW + timedelta(days=place.settings.uploads.keep_days, hours=1)
    new = msgspec.structs.replace(bring(place, PLAIN.encode()), at=later)
    uploads.keep(place.root, new)
    take_in(place, new.id, by="ann", now=later)
    assert [each.id for each in uploads.newest(place.root)] == [new.id]
    assert not uploads.folder_of(place.root, old).exists()


ROW = b"2025-10-18,a,1,2.50\n"
POISONED: dict[str, bytes] = {
    "no rows": b"date,product,quantity,price\n",
    "text for a number": PLAIN.encode() + b"2025-10-18,a,many,2\n",
    "infinite": PLAIN.encode() + b"2025-10-18,a,inf,2\n",
    "not a number": PLAIN.encode() + b"2025-10-18,a,nan,nan\n",
    "giant": PLAIN.encode() + b"2025-10-18,a,1e308,2\n",
    "negative price": PLAIN.encode() + b"2025-10-18,a,1,-2\n",
    "blank product": PLAIN.encode() + b"2025-10-18,,1,2\n",
    "no such day": PLAIN.encode() + b"2025-02-30,a,1,2\n",
    "the future": PLAIN.encode() + b"2099-01-01,a,1,2\n",
    "long ago": PLAIN.encode() + b"1066-10-14,a,1,2\n",
    "null byte": PLAIN.encode() + ROW * (LOOKED_AT // len(ROW)) + b"2025-10-18,a\0,1,2\n",
    "too few cells": PLAIN.encode() + b"2025-10-18,a\n",
    "too many cells": PLAIN.encode() + b"2025-10-18,a,1,2,3\n",
    "an open quotation": PLAIN.encode() + b'2025-10-18,"a,1,2\n' + ROW * 3,
    "a giant cell": PLAIN.encode() + b"2025-10-18," + b"a" * 200_000 + b",1,2\n",
    "two columns alike": b"date,product,quantity,price,date\n2025-10-18,a,1,2,2025-10-18\n",
    "no price": b"date,product,quantity\n2025-10-18,a,1\n",
    "half a letter": PLAIN.encode() + b"2025-10-18,\x81\x8d,1,2\n",
    "two currencies": b"date,product,quantity,price,currency\n2025-10-18,a,1,2,EUR\n2025-10-18,b,1,2,USD\n",
    "no currency": b"date,product,quantity,price,currency\n2025-10-18,a,1,2,XTS\n",
    "zones that mix": b"date,product,quantity,price\n2025-10-18T10:00Z,a,1,2\n2025-10-18T10:00,a,1,2\n",
    "a page": b"<!doctype html><title>Sign in</title>\n<p>Sign in first</p>\n",
}


@pytest.mark.parametrize("name", POISONED)
def test_a_poisoned_file_changes_nothing_and_is_told_why(place: Workspace, name: str) -> None:
    """In a list that its page shows, with the row where there is one."""
    made, before = bring(place, POISONED[name]), state(place)
    with pytest.raises(InputError) as caught:
        take_in(place, made.id, by="ann", now=NOW)
    assert state(place) == before
    problems = uploads.problems_of(place.root, made)
    assert problems is not None
    assert problems.groups
    assert all(group.reason and str(place.root) not in group.reason for group in problems.groups)
    assert {each.file for each in caught.value.findings} == {"mine.csv"}
    assert uploads.file_of(place.root, made).exists()


def test_a_packed_file_is_refused_before_it_fills_the_memory(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kilobytes can hold a long text a million times."""
    monkeypatch.setattr(intake, "UNFOLDED", 10**9)
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), ["x" * 100_000])
    table = pa.table(
        {"date": ["2025-10-18"] * 20_000, "product": text, "quantity": [1] * 20_000, "price": [2.0] * 20_000}
    )
    data = parquet(place, table)
    assert len(data) < 10**6
    made, before = bring(place, data), state(place)
    with pytest.raises(InputError, match="once it is unpacked"):
        take_in(place, made.id, by="ann", now=NOW)
    assert state(place) == before


def test_a_ruined_parquet_file_is_told_apart(place: Workspace) -> None:
    """Its footer is whole, its pages are not."""
    data = bytearray(
        parquet(place, pa.table({"date": ["2025-10-18"], "product": ["a"], "quantity": [1], "price": [2.0]}))
    )
    data[4:40] = bytes(36)
    made = bring(place, bytes(data))
    with pytest.raises(InputError, match="Parquet"):
        take_in(place, made.id, by="ann", now=NOW + timedelta(days=1))


def test_what_a_workspace_needs_is_asked_for() -> None:
    """The page that asks for columns knows them."""
    from api.pages.table_words import ALSO_NEEDED

    assert {kind: tuple(names) for kind, names in ALSO_NEEDED.items()} == NEEDED
