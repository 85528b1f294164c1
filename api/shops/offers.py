"""Which offer is sold at which place of a shop: a table that its owner keeps, `offers.csv` in the shop's folder.

Guarantees
----------
* A place has one offer, for it has one price; an offer may be sold at many places.
* Everything that is wrong with the table is said at once, row by row.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pricing.errors import Finding, InputError
from pricing.model import ALL

COLUMNS = ("place", "offer", "channel")
"""The last may be left out, or empty: the price for all channels."""
Key = tuple[str, str]
"""(offer, channel)"""


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
                rows = list(csv.DictReader(file, restkey="more", strict=True))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            reason = f"write a row for each place that is priced: place,offer,channel ({error})"
            raise InputError(Finding(reason, file=str(path))) from None
        if wrong := list(_problems(rows, path)):
            raise InputError(wrong)
        return cls({row["place"]: (row["offer"], row.get("channel") or ALL) for row in rows})


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
