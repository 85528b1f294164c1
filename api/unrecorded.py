"""Sales of a shop that become the price book's; those that cannot are kept in the shop's folder: `refused.json`.

Guarantees
----------
* A sale that cannot be recorded keeps none of the others back, and stands in the file with its reason.
* It is tried again where the table of offers, the price book or a clock may be what is wrong: it is recorded once that
  is mended. What never can be recorded is told once.
* Killed at any moment, nothing is recorded twice, and nothing is left out that is pulled again.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import Engine

from api.atomic import write_bytes
from api.shops.model import Movement
from api.shops.offers import Offers
from api.store.sales import MOST_ROWS, OLDEST, Received, Sale, record
from pricing.errors import MismatchError

FILE = "refused.json"
MOST_KEPT = 10_000
"""Sales that can never be recorded, of which the latest are written down."""
AGAIN = timedelta(seconds=30)
"""Those that may be are not tried again sooner."""
_ROW = re.compile(r"sales\[(\d+)\]\.(\w+)")
_OF_THE_SALE = {"id", "quantity"}
"""What is wrong with these is wrong with the sale."""


@dataclass(frozen=True, slots=True)
class TakenDown:
    """Sales that are new, those known before, places without an offer, and why others were not recorded."""

    new: int
    known: int
    unmapped: tuple[str, ...]
    refused: tuple[str, ...]


def take_down(
    movements: Sequence[Movement], offers: Offers, folder: Path, engine: Engine, *, name: str, now: datetime
) -> TakenDown:
    """Record what a shop sold, and what of before can be recorded by now."""
    kept = Kept.read(folder)
    waiting, again = kept.due(now), {each.id for each in movements}
    moved = [*(each for each in waiting if each.id not in again), *movements]
    mapped = [each for each in moved if each.place in offers.at]
    unmapped = sorted({each.place for each in moved} - offers.at.keys())
    batches = [mapped[start : start + MOST_ROWS] for start in range(0, len(mapped), MOST_ROWS)]
    done = [_recorded(engine, batch, name, offers, now=now) for batch in batches]
    found = [each for _, wrong in done for each in wrong]
    kept = kept.after({each.id for each in mapped}, found, tried=now if waiting else kept.tried)
    kept.write(folder)
    refused = (each.said for each in (*kept.waiting, *(each for each in found if not each.again)))
    new, known = sum(receipt.new for receipt, _ in done), sum(receipt.known for receipt, _ in done)
    return TakenDown(new, known, tuple(unmapped), tuple(refused))


class Unrecorded(msgspec.Struct, frozen=True):
    """A sale that was not recorded, and why; `again`: it may be once something else is mended."""

    moved: Movement
    said: str
    again: bool


class Kept(msgspec.Struct, frozen=True):
    """Sales that were not recorded: those that are tried again, when that was last, and the latest of the others."""

    tried: datetime = datetime.min.replace(tzinfo=UTC)
    waiting: tuple[Unrecorded, ...] = ()
    others: tuple[Unrecorded, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> "Kept":
        """What is kept of a shop; nothing where nothing that can be read is."""
        try:
            return msgspec.json.decode((folder / FILE).read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError):
            return cls()

    def due(self, now: datetime) -> list[Movement]:
        """Those to be tried now."""
        return [each.moved for each in self.waiting] if abs(now - self.tried) >= AGAIN else []

    def after(self, done: Collection[str], found: Sequence[Unrecorded], *, tried: datetime) -> "Kept":
        """What is kept once the movements with these ids were tried, and some `found` to be refused."""
        waiting = (*(each for each in self.waiting if each.moved.id not in done), *(e for e in found if e.again))
        others = {each.moved.id: each for each in (*self.others, *found) if not each.again}
        return Kept(tried, waiting, tuple(others.values())[-MOST_KEPT:])

    def write(self, folder: Path) -> None:
        """Keep them."""
        folder.mkdir(parents=True, exist_ok=True)
        if self != Kept.read(folder):
            write_bytes(msgspec.json.format(msgspec.json.encode(self)), folder / FILE, mode=0o600)


def _recorded(
    engine: Engine, moved: Sequence[Movement], name: str, offers: Offers, *, now: datetime
) -> tuple[Received, list[Unrecorded]]:
    """Record those of a batch that can be used; and what is wrong with the others."""
    sales, by = [_sale(each, offers, name) for each in moved], f"shop {name}"
    try:
        return record(engine, sales, by=by, now=now), []
    except MismatchError as error:
        wrong: dict[int, dict[str, str]] = {}
        for finding in error.findings:
            if found := _ROW.fullmatch(finding.column or ""):
                wrong.setdefault(int(found[1]), {})[found[2]] = finding.reason
        usable = [sale for number, sale in enumerate(sales) if number not in wrong]
        refused = [_refused(moved[number], name, fields, now) for number, fields in sorted(wrong.items())]
        return record(engine, usable, by=by, now=now), refused


def _refused(moved: Movement, name: str, wrong: Mapping[str, str], now: datetime) -> Unrecorded:
    again = not wrong.keys() & _OF_THE_SALE and moved.price > 0 and moved.at >= now - OLDEST
    return Unrecorded(moved, f"{name}/{moved.id}: {'; '.join(wrong.values())}", again)


def _sale(moved: Movement, offers: Offers, name: str) -> Sale:
    offer, channel = offers.at[moved.place]
    return Sale(
        id=f"{name}/{moved.id}",
        offer=offer,
        sold_at=moved.at,
        quantity=moved.quantity,
        price=moved.price,
        currency=moved.currency,
        channel=channel,
    )
