"""Which offer is sold at which place of a shop: a table that its owner keeps, `offers.csv` in the shop's folder.

Guarantees
----------
* A place has one offer, for it has one price; an offer may be sold at many places.
* Everything that is wrong with the table is said at once, row by row.
* A table that is written is there whole or not at all, and reads back as it was; text that a spreadsheet would take for
  a formula does not become one.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.atomic import write_bytes
from api.spreadsheet import as_csv, as_it_was
from pricing.errors import Finding, InputError
from pricing.model import ALL

COLUMNS = ("place", "offer", "channel")
"""The last may be left out, or empty: the price for all channels."""
Key = tuple[str, str]
"""(offer, channel)"""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A row of the table: what is sold at a place."""

    place: str
    offer: str
    channel: str = ALL

    @property
    def key(self) -> Key:
        """(offer, channel): what has one price."""
        return self.offer, self.channel


@dataclass(frozen=True, slots=True)
class Offers:
    """The offer at each place."""

    at: dict[str, Key]

    @classmethod
    def read(cls, path: Path) -> "Offers":
        """Read the table.

        Raises
        ------
        InputError
            if it is missing or cannot be used.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = [_as_it_was(row) for row in csv.DictReader(file, restkey="more", strict=True)]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            reason = f"write a row for each place that is priced: place,offer,channel ({error})"
            raise InputError(Finding(reason, file=str(path))) from None
        if wrong := list(_problems(rows, path)):
            raise InputError(wrong)
        return cls({row["place"]: (row["offer"], row.get("channel") or ALL) for row in rows})

    @classmethod
    def write(cls, path: Path, rows: Sequence[Mapped], *, sold: Mapping[Key, str], seen: Mapping[str, str]) -> "Offers":
        """Write the table, in the place of the one before; returns it.

        Parameters
        ----------
        sold : currency of each (offer, channel) that there is
        seen : currency of each place that the shop was seen to have

        Raises
        ------
        InputError
            naming every row that cannot be used; the table is as it was.
        """
        counts = Counter(row.place for row in rows)
        wrong = [Finding(text, value=row.place) for row in rows for text in _unfit(row, counts, sold, seen)]
        if not rows or wrong:
            raise InputError(wrong or "say of at least one place which offer is sold there")
        path.parent.mkdir(parents=True, exist_ok=True)
        cells = [{"place": row.place, "offer": row.offer, "channel": row.channel} for row in rows]
        write_bytes(as_csv(COLUMNS, cells), path)
        return cls({row.place: row.key for row in rows})


def _unfit(row: Mapped, counts: Mapping[str, int], sold: Mapping[Key, str], seen: Mapping[str, str]) -> Iterator[str]:
    """Why a row cannot be written."""
    if not (row.place and row.place.isprintable()):
        yield "a place has a name of one line"
    if counts[row.place] > 1:
        yield "a place has one price, so it cannot have two offers"
    if row.key not in sold:
        yield f"there is no offer {row.offer} in {row.channel}"
    elif seen.get(row.place, sold[row.key]) != sold[row.key]:
        yield f"the shop sells it in {seen[row.place]}, and offer {row.offer} is priced in {sold[row.key]}"


def _as_it_was(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: as_it_was(cell) if isinstance(cell, str) else cell for name, cell in row.items()}


def _problems(rows: list[dict[str, str]], path: Path) -> Iterator[Finding]:
    if not rows:
        yield Finding("there are no places in this table", file=str(path))
    elif unknown := {*COLUMNS[:2]} - rows[0].keys() | rows[0].keys() - {*COLUMNS}:
        yield Finding(f"columns are {', '.join(COLUMNS)}; see {', '.join(sorted(unknown))}", file=str(path), row=1)
        return
    seen: set[str] = set()
    for number, row in enumerate(rows, 2):
        if not (row["place"] and row["offer"]):
            yield Finding("place and offer are needed", file=str(path), row=number)
        if row["place"] in seen:
            yield Finding("has two offers", file=str(path), row=number, column="place", value=row["place"])
        seen.add(row["place"])
