"""A shop behind a folder of CSV files: nothing is lost, taken twice, half read or half written."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from api.shops.errors import ShopError
from api.shops.folder import Folder
from api.shops.journal import Journal
from api.shops.model import ABSENT, EMPTY, Batch, Change, Outcome, Write, amount
from api.shops.shop import Shop

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
HEADER = "id,at,place,quantity,price,currency,order"
SALE = "s1,2027-03-01T10:00:00+01:00,adult,2,20.00,EUR,o1"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Two prices, one of them empty, with a column of the owner's own."""
    (tmp_path / "in").mkdir()
    text = "place,name,price,currency,note\nadult,Adult,20.00,EUR,mine\nchild,'=Child,,EUR,\n"
    (tmp_path / "prices.csv").write_text(text)
    return Folder(tmp_path)


def drop(folder: Folder, name: str, lines: Sequence[str] = (HEADER, SALE)) -> None:
    """Put a file of sales into the folder."""
    (folder.path / "in" / name).write_text("".join(f"{line}\n" for line in lines))


def shop(folder: Folder, tmp_path: Path) -> Shop:
    """Fairfare's side."""
    return Shop(folder, Journal(tmp_path / "journal.jsonl"))


def change(price: str) -> Change:
    """A decided price of an adult."""
    return Change(place="adult", price=Decimal(price), currency="EUR", floor=Decimal(5), ceiling=Decimal(90))


def names(path: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(file.name for file in path.iterdir()) if path.exists() else []


def test_a_file_is_taken_over_and_moved_aside(folder: Folder) -> None:
    """Its sales come once with each cursor, and again from an older one."""
    drop(folder, "monday.csv")
    first = folder.pull_demand(None)
    (sale,) = first.movements
    assert (sale.id, sale.quantity, sale.price, sale.at) == ("s1", 2, Decimal("20.00"), NOW)
    assert (names(folder.path / "in"), names(folder.path / "done")) == ([], ["000001-monday.csv"])
    drop(folder, "monday.csv", [HEADER, SALE.replace("s1", "s2").replace(",2,", ",-1,")])
    second = folder.pull_demand(first.cursor)
    assert [(each.id, each.quantity) for each in second.movements] == [("s2", -1)]
    assert folder.pull_demand(second.cursor).movements == ()
    assert {each.id for each in folder.pull_demand(None).movements} == {"s1", "s2"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (SALE.replace("+01:00", ""), "no zone"),
        (SALE.replace("2027-03-01T10:00:00+01:00", "yesterday"), "yesterday"),
        (SALE.replace("20.00", "nan"), "not an amount"),
        (SALE.replace("20.00", "1e308"), "not an amount"),
        (SALE.replace("20.00", '"20,00"'), "comma"),
        (SALE.replace("20.00", "-20.00"), "negative quantity"),
        (SALE.replace("EUR", "euro"), "ISO 4217"),
        (SALE.replace(",2,", ",2.5,"), "2.5"),
        (SALE.replace("adult", ""), "place is blank"),
        (SALE.replace("s1", ""), "id is blank"),
        (SALE, "more than once"),
    ],
)
def test_a_file_with_one_bad_row_is_refused_whole(folder: Folder, line: str, reason: str) -> None:
    """It lies in refused/ beside a text that names the row, and none of its sales counts."""
    drop(folder, "bad.csv", [HEADER, SALE, line])
    drop(folder, "good.csv", [HEADER, SALE.replace("s1", "s9")])
    pulled = folder.pull_demand(None)
    assert [each.id for each in pulled.movements] == ["s9"]
    assert pulled.refused == ("bad.csv was refused whole: refused/bad.txt says why",)
    assert names(folder.path / "refused") == ["bad.csv", "bad.txt"]
    told = (folder.path / "refused" / "bad.txt").read_text()
    assert reason in told
    assert "bad.csv, row 3" in told


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"id,at\ns1,x\n", b"\xff\xfe\x00\n", HEADER.encode() + b'\n"open\n'],
    ids=["empty", "blank", "columns", "encoding", "quotes"],
)
def test_what_is_no_table_of_sales_stops_no_other(folder: Folder, content: bytes) -> None:
    """The others of the folder are taken over."""
    (folder.path / "in" / "a.csv").write_bytes(content)
    drop(folder, "b.csv")
    assert [each.id for each in folder.pull_demand(None).movements] == ["s1"]


@pytest.mark.parametrize("name", ["sales.csv.part", ".sales.csv", "sales.csv"])
def test_a_file_that_is_still_written_stays(folder: Folder, name: str) -> None:
    """It has another ending or a dot before it, or its last line is not whole; once it is, it is taken over."""
    (folder.path / "in" / name).write_text(f"{HEADER}\n{SALE}")
    assert folder.pull_demand(None).movements == ()
    assert names(folder.path / "in") == [name]
    (folder.path / "in" / name).unlink()
    drop(folder, "sales.csv")
    assert len(folder.pull_demand(None).movements) == 1


def test_refused_files_of_one_name_are_all_kept(folder: Folder) -> None:
    """The second does not take the first one's place."""
    for _ in range(3):
        drop(folder, "bad.csv", [HEADER, "x"])
        folder.pull_demand(None)
    assert len(names(folder.path / "refused")) == 6


def test_a_push_changes_prices_and_nothing_beside_them(folder: Folder, tmp_path: Path) -> None:
    """Other rows and columns stay, also what a spreadsheet would take for a formula; a rollback gives the same file."""
    before = (folder.path / "prices.csv").read_bytes()
    made = shop(folder, tmp_path)
    assert made.push(made.plan([change("12.34")]), "one", now=NOW).whole
    text = "place,name,price,currency,note\nadult,Adult,12.34,EUR,mine\nchild,'=Child,,EUR,\n"
    assert (folder.path / "prices.csv").read_text() == text
    assert [each.name for each in folder.read_prices()] == ["Adult", "=Child"]
    assert made.rollback("one", now=NOW).whole
    assert (folder.path / "prices.csv").read_bytes() == before


def test_a_write_that_fails_leaves_the_old_prices(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the middle: whoever reads prices.csv sees it as it was, and the push says that it failed."""
    before = (folder.path / "prices.csv").read_bytes()
    made = shop(folder, tmp_path)
    plan = made.plan([change("12.34")])

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        assert [result.outcome for result in made.push(plan, "full", now=NOW).results] == [Outcome.FAILED]
    assert (folder.path / "prices.csv").read_bytes() == before
    assert "prices.csv" in names(folder.path)
    assert made.push(plan, "full", now=NOW).whole


def test_what_was_changed_by_hand_is_not_overwritten(folder: Folder, tmp_path: Path) -> None:
    """The owner edits prices.csv between a plan and its push."""
    made = shop(folder, tmp_path)
    plan = made.plan([change("12.34")])
    file = folder.path / "prices.csv"
    file.write_text(file.read_text().replace("20.00", "77.00"))
    assert [result.outcome for result in made.push(plan, "late", now=NOW).results] == [Outcome.DRIFTED]
    assert "77.00" in file.read_text()


@pytest.mark.parametrize("price", ["-5.00", "4.99", "90.01", "NaN", "12.345"])
def test_what_the_owner_does_not_allow_is_not_written(folder: Folder, tmp_path: Path, price: str) -> None:
    """Refused before the file is touched."""
    before = (folder.path / "prices.csv").stat().st_mtime_ns
    made = shop(folder, tmp_path)
    plan = made.plan([change(price)])
    assert (plan.steps, len(plan.refused), made.push(plan, "one", now=NOW).results) == ((), 1, ())
    assert (folder.path / "prices.csv").stat().st_mtime_ns == before


def test_an_empty_price_can_be_written_and_none_at_all_cannot(folder: Folder) -> None:
    """A cell can be blank; a column cannot be taken out of a row."""
    folder.write(Batch((Write("adult", EMPTY, EMPTY),)))
    assert [each.written for each in folder.read_prices()] == [EMPTY, EMPTY]
    with pytest.raises(ShopError):
        folder.write(Batch((Write("adult", EMPTY, ABSENT),)))


def test_stock_is_what_the_shop_counts(folder: Folder) -> None:
    """As of when its file was written; nothing where it counts none."""
    assert folder.pull_inventory() == ()
    (folder.path / "stock.csv").write_text("place,available\nadult,7\n")
    os.utime(folder.path / "stock.csv", (1_800_000_000, 1_800_000_000))
    (stock,) = folder.pull_inventory()
    assert (stock.places, stock.available, stock.at) == (("adult",), 7, datetime.fromtimestamp(1_800_000_000, UTC))


@pytest.mark.parametrize("text", ["place,name,price\nadult,Adult,1.00\n", "", "place,name,price,currency\na,A,x,EUR\n"])
def test_prices_that_cannot_be_read_are_an_error(folder: Folder, text: str) -> None:
    """An empty or strange file is not taken for a shop without prices."""
    (folder.path / "prices.csv").write_text(text)
    with pytest.raises(ShopError):
        folder.read_prices()


def test_one_place_has_one_price(folder: Folder) -> None:
    """Two rows for a place are an error, not a guess."""
    text = "place,name,price,currency\nadult,A,1.00,EUR\nadult,A,2.00,EUR\n"
    (folder.path / "prices.csv").write_text(text)
    with pytest.raises(ShopError, match="more than once"):
        folder.read_prices()


def test_a_link_is_not_followed(folder: Folder, tmp_path: Path) -> None:
    """Whoever may put files into the folder cannot have others read from elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(f"{HEADER}\n{SALE}\n")
    (folder.path / "in" / "sales.csv").symlink_to(elsewhere)
    assert folder.pull_demand(None).movements == ()
    assert names(folder.path / "refused") == ["sales.csv", "sales.txt"]


def test_prices_are_written_as_the_connector_says(folder: Folder) -> None:
    """All in one request, and nothing where there is nothing to write."""
    writes = [Write(place, EMPTY, amount(Decimal(10))) for place in ("adult", "child")]
    assert folder.batches(writes) == (tuple(writes),)
    assert folder.batches([]) == ()


def test_another_systems_cursor_is_an_error(folder: Folder) -> None:
    """Nothing is pulled from the beginning by mistake."""
    with pytest.raises(ShopError, match="cursor"):
        folder.pull_demand("2027-03-01")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A disk that is not mounted is no shop without sales."""
    with pytest.raises(ShopError):
        Folder(tmp_path / "nowhere").pull_demand(None)
