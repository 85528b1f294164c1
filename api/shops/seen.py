"""What a shop was last seen to sell, kept in its folder: `seen.json`.

Guarantees
----------
* It is there whole or not at all, says when it was read, and nobody but its owner reads it.
* Whoever reads it speaks to no shop.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from api.atomic import write_bytes
from api.shops.model import Listed, Stock

FILE = "seen.json"


@dataclass(frozen=True, slots=True)
class SeenPlace:
    """A place where a price stands.

    Attributes
    ----------
    price : what holds there; None: there is none
    written : what is written at this very place: an amount, "empty" or "nothing"
    """

    place: str
    name: str
    currency: str
    price: Decimal | None
    written: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A shop as it was at an instant (UTC).

    Attributes
    ----------
    system : what it runs, as its maker writes it
    stock : what it could still sell
    """

    at: datetime
    system: str
    places: tuple[SeenPlace, ...]
    stock: tuple[Stock, ...]

    @classmethod
    def of(cls, system: str, prices: Iterable[Listed], stock: Iterable[Stock], *, at: datetime) -> "Seen":
        """As a shop told it."""
        places = (SeenPlace(p.place, p.name, p.currency, p.price, str(p.written)) for p in prices)
        return cls(at, system, tuple(places), tuple(stock))

    @classmethod
    def read(cls, folder: Path) -> "Seen | None":
        """What is kept in a shop's folder; None where nothing that can be read is."""
        try:
            return msgspec.json.decode((folder / FILE).read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError):
            return None

    def write(self, folder: Path) -> None:
        """Keep it in a shop's folder."""
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(msgspec.json.format(msgspec.json.encode(self)), folder / FILE, mode=0o600)
