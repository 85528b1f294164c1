"""The table that says which offer is sold where."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.shops.offers import Mapped, Offers
from pricing.errors import InputError

NAME = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
SOLD = {("adult", "all"): "EUR", ("adult", "web"): "EUR", ("mug", "all"): "USD"}


def read(folder: Path, text: str) -> Offers:
    """A table with this text."""
    (folder / "offers.csv").write_text(text, encoding="utf-8")
    return Offers.read(folder / "offers.csv")


def test_an_offer_may_be_sold_at_many_places(tmp_path: Path) -> None:
    """Without a channel it is the price for all; a spreadsheet's mark at the beginning is no part of a name."""
    found = read(tmp_path, "\ufeffplace,offer,channel\na/item/1,adult,\na/item/2,adult,web\n")
    assert found.at == {"a/item/1": ("adult", "all"), "a/item/2": ("adult", "web")}
    assert read(tmp_path, "place,offer\na/item/1,adult\n").at == {"a/item/1": ("adult", "all")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no places"),
        ("place,offer,channel\n", "no places"),
        ("place,price\na,1\n", "columns are place, offer, channel"),
        ("place,offer\na,x,y,z\n", "columns are"),
        ("place,offer\na,x\na,y\n,z\n", r"row 3, column place: has two offers.*\n.*row 4: place and offer are needed"),
        ('place,offer\n"a,x\n', "write a row for each place"),
    ],
)
def test_what_is_wrong_is_said_with_its_row(tmp_path: Path, text: str, said: str) -> None:
    """All of it at once."""
    with pytest.raises(InputError, match=said):
        read(tmp_path, text)


def test_without_a_table_it_says_what_to_write(tmp_path: Path) -> None:
    """Where, and with which columns."""
    with pytest.raises(InputError, match=r"offers\.csv: write a row for each place.*place,offer,channel"):
        Offers.read(tmp_path / "offers.csv")


@given(st.dictionaries(NAME, st.tuples(NAME, NAME), min_size=1))
def test_what_is_written_reads_back(at: dict[str, tuple[str, str]]) -> None:
    """Also what a spreadsheet would take for a formula, with commas and quotation marks in it."""
    rows = [Mapped(place, *key) for place, key in at.items()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shops" / "till" / "offers.csv"
        assert Offers.write(path, rows, sold=dict.fromkeys(at.values(), "EUR"), seen={}) == Offers(at)
        assert Offers.read(path) == Offers(at)


def test_a_formula_is_none_in_a_spreadsheet(tmp_path: Path) -> None:
    """Whoever names what a shop sells is not always a friend."""
    Offers.write(tmp_path / "offers.csv", [Mapped("=1+1", "adult")], sold=SOLD, seen={})
    assert "\n'=1+1," in (tmp_path / "offers.csv").read_text(encoding="utf-8")


def test_everything_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    """No such offer or channel, a place twice, two currencies; the table is as it was."""
    path = tmp_path / "offers.csv"
    before = Offers.write(path, [Mapped("a", "adult")], sold=SOLD, seen={})
    rows = [
        Mapped("a", "adult"),
        Mapped("a", "mug"),
        Mapped("b", "adlut"),
        Mapped("c", "mug", "web"),
        Mapped("", "mug"),
    ]
    with pytest.raises(InputError) as raised:
        Offers.write(path, rows, sold=SOLD, seen={"a": "EUR", "b": "EUR", "c": "USD"})
    assert [str(finding) for finding in raised.value.findings] == [
        "a place has one price, so it cannot have two offers: 'a'",
        "a place has one price, so it cannot have two offers: 'a'",
        "the shop sells it in EUR, and offer mug is priced in USD: 'a'",
        "there is no offer adlut in all: 'b'",
        "there is no offer mug in web: 'c'",
        "a place has a name of one line: ''",
    ]
    assert Offers.read(path) == before


def test_a_table_without_rows_is_none(tmp_path: Path) -> None:
    """It could not be read either."""
    with pytest.raises(InputError, match="at least one place"):
        Offers.write(tmp_path / "offers.csv", [], sold=SOLD, seen={})
    assert not (tmp_path / "offers.csv").exists()
