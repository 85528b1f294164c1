"""What a shop was seen to sell reads back as it was."""

from decimal import Decimal
from pathlib import Path

from api.shops.model import ABSENT, EMPTY, Listed, Stock, amount
from api.shops.seen import FILE, Seen
from tests.shops.shelf import NOW

PRICES = [
    Listed(place="a", name="A", currency="EUR", price=Decimal("20.00"), written=amount(Decimal("20.00"))),
    Listed(place="b", name="B", currency="EUR", price=Decimal("20.00"), written=EMPTY),
    Listed(place="c", name="C", currency="EUR", price=None, written=ABSENT),
]
STOCK = [Stock(id="hall", name="Hall", places=("a", "b"), size=None, available=4)]


def test_it_reads_back_as_it_was(tmp_path: Path) -> None:
    """Amounts to the cent; what is written, empty or absent told apart."""
    seen = Seen.of("shelf", PRICES, STOCK, at=NOW)
    seen.write(tmp_path / "shops" / "till")
    assert Seen.read(tmp_path / "shops" / "till") == seen
    assert [(each.price, each.written) for each in seen.places] == [
        (Decimal("20.00"), "20.00"),
        (Decimal("20.00"), "empty"),
        (None, "nothing"),
    ]


def test_nobody_looked_where_nothing_can_be_read(tmp_path: Path) -> None:
    """No folder, no file, a damaged one."""
    assert Seen.read(tmp_path / "nowhere") is None
    (tmp_path / FILE).write_text("[]", encoding="utf-8")
    assert Seen.read(tmp_path) is None
