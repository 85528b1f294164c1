"""The table that says which offer is sold where."""

from pathlib import Path

import pytest

from api.shops.offers import Offers
from pricing.errors import InputError


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
