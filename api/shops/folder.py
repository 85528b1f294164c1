"""A shop that is reached through a folder of CSV files, whatever system writes and reads them.

    prices.csv   place, name, price, currency: every price there is; its owner makes it, a push changes prices in it
    stock.csv    place, available: what can still be sold, if the shop counts it
    in/*.csv     id, at, place, quantity, price, currency, order: sales; a negative quantity is given back
    done/        files of in/ that were taken over, numbered in that order
    refused/     files of in/ that were not, each beside a text that says why

Guarantees
----------
* A file of sales is taken over whole or refused whole, with every reason and its row; one that is still being written
  (under another ending, or without the end of its last line) stays where it is.
* No sale is left out: a file is read again until the next cursor was asked for.
* Who reads prices.csv sees it as it was or as it is now, never a part; what else stands in it stays.
* Text that a spreadsheet would take for a formula does not become one.
"""

import csv
import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import structlog

from api.atomic import write_bytes
from api.locks import locked
from api.shops.errors import ShopError
from api.shops.model import EMPTY, Batch, Capabilities, Demand, Listed, Movement, Shown, Stock, Write, amount
from api.spreadsheet import as_csv, as_it_was
from pricing.errors import Finding, listed
from pricing.money import check_currency, parse_amount

log = structlog.get_logger()
LARGEST = 32 * 1024 * 1024
"""So large a file holds no list of prices [bytes]."""
PRICES, STOCK, SALES = ("place", "name", "price", "currency"), ("place", "available"), (
    "id", "at", "place", "quantity", "price", "currency", "order",
)  # fmt: skip
Row = dict[str, str]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Folder:
    """One such folder."""

    path: Path

    @property
    def capabilities(self) -> Capabilities:
        """What files can do."""
        return Capabilities(system="CSV folder", tax_included=True, requests_per_minute=6000, bulk=True, atomic=True)

    def pull_demand(self, since: str | None) -> Demand:
        """Sales of files taken over since a cursor, the number of a file; takes over what is in `in/` first."""
        start, refused = _number(since), list[str]()
        with self._held():
            for file in sorted(file for file in (self.path / "in").glob("[!.]*.csv") if file.is_file()):
                if file.is_symlink() or _ended(file):
                    refused += self._take_over(file)
                else:
                    log.warning("a file of sales is left where it is: its last line has no end", file=file.name)
            taken = self._done()
        new = {number: file for number, file in taken.items() if number > start}
        found = [movement for file in new.values() for movement in _parsed(file, SALES, _movement)]
        ordered = tuple(sorted(found, key=lambda each: (each.at, each.id)))
        return Demand(ordered, str(max(taken, default=0)), tuple(refused))

    def pull_inventory(self) -> tuple[Stock, ...]:
        """What stock.csv says, as of when it was written; nothing where it is not."""
        file = self.path / "stock.csv"
        if not file.exists():
            return ()
        at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        return tuple(replace(stock, at=at) for stock in _parsed(file, STOCK, _stock))

    def read_prices(self) -> tuple[Listed, ...]:
        """What prices.csv says."""
        return tuple(_parsed(self.path / "prices.csv", PRICES, _listed))

    def read_shown(self, places: Collection[str]) -> tuple[Shown, ...]:  # noqa: ARG002  # as every shop
        """Nothing: a folder has no buyers, and what they see is the business of whoever reads it."""
        return ()

    def batches(self, writes: Sequence[Write]) -> tuple[tuple[Write, ...], ...]:
        """All at once."""
        return (tuple(writes),) if writes else ()

    def write(self, batch: Batch) -> None:
        """Change prices in prices.csv, by a new file in its place."""
        file, after = self.path / "prices.csv", {write.place: write.after for write in batch.writes}
        if any(not written.there for written in after.values()):
            raise ShopError("a row of prices.csv cannot be without a price column", permanent=True)
        columns, rows = _read(file, PRICES)
        for row in rows:
            if row["place"] in after:
                row["price"] = "" if after[row["place"]].amount is None else str(after[row["place"]].amount)
        try:
            write_bytes(as_csv(columns, rows), file, mode=file.stat().st_mode & 0o777)
        except OSError as error:
            raise ShopError(f"{file.name} cannot be written: {error.strerror}", permanent=False) from None

    def _take_over(self, file: Path) -> list[str]:
        """Move a file of sales to where it belongs; a word about one that cannot be used."""
        try:
            list(_parsed(file, SALES, _movement))
        except ShopError as error:
            refused = self._free("refused", file.name)
            refused.with_suffix(".txt").write_text(f"{error}\n", encoding="utf-8")
            file.rename(refused)
            return [f"{file.name} was refused whole: refused/{refused.stem}.txt says why"]
        number = max(self._done(), default=0) + 1
        file.rename(self._free("done", f"{number:06d}-{file.name}"))
        return []

    def _free(self, folder: str, name: str) -> Path:
        """A path that no file has yet."""
        (self.path / folder).mkdir(exist_ok=True)
        target, number = self.path / folder / name, 1
        while target.exists():
            number += 1
            target = self.path / folder / f"{Path(name).stem}-{number}.csv"
        return target

    def _done(self) -> dict[int, Path]:
        """Files that were taken over, by their numbers."""
        files = sorted((self.path / "done").glob("[0-9]*-*.csv"))
        return {int(number): file for file in files if (number := file.name.partition("-")[0]).isdecimal()}

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Keep everybody else from taking files over."""
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path))
            except OSError as error:
                raise ShopError(f"{self.path} cannot be read: {error.strerror}", permanent=True) from None
            yield


def _ended(file: Path) -> bool:
    """Whether the last line of a file is whole."""
    with file.open("rb") as opened:
        opened.seek(max(file.stat().st_size - 1, 0))
        return opened.read() == b"\n"


def _read(file: Path, columns: Sequence[str]) -> tuple[list[str], list[Row]]:
    """The columns of a file and its rows."""
    try:
        if file.is_symlink() or file.stat().st_size > LARGEST:
            raise ShopError(f"{file.name} is no table of this shop: a link, or too large", permanent=True)
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ShopError(f"{file.name} cannot be read: {why}", permanent=True) from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="", restval="")
    try:
        rows = [{name: as_it_was(cell) for name, cell in row.items() if name} for row in reader]
    except csv.Error as error:
        raise ShopError(f"{file.name}: not readable as CSV: {error}", permanent=True) from None
    found = list(reader.fieldnames or ())
    if missing := [name for name in columns if name not in found]:
        raise ShopError(f"{file.name} has no column {', '.join(missing)}", permanent=True)
    return found, rows


def _parsed(file: Path, columns: Sequence[str], parse: Callable[[Mapping[str, str]], T]) -> list[T]:
    """Every row, or every reason why not."""
    found, wrong = [], []
    seen: set[str] = set()
    for number, row in enumerate(_read(file, columns)[1], 2):
        if row[columns[0]] in seen:
            wrong.append(Finding(f"this {columns[0]} stands more than once", file=file.name, row=number))
        seen.add(row[columns[0]])
        try:
            found.append(parse(row))
        except (ValueError, ArithmeticError) as error:
            wrong.append(Finding(str(error), file=file.name, row=number))
    if wrong:
        raise ShopError("\n".join(listed(wrong)), permanent=True)
    return found


def _movement(row: Mapping[str, str]) -> Movement:
    currency, at = check_currency(row["currency"]), datetime.fromisoformat(row["at"])
    price = parse_amount(row["price"], currency)
    if at.tzinfo is None:
        raise ValueError(f"at {row['at']} has no zone (2027-03-01T09:00:00Z has one)")
    if price < 0:
        raise ValueError(f"the price of a unit is {price}; what is given back has a negative quantity")
    return Movement(
        id=_named(row, "id"),
        place=_named(row, "place"),
        at=at.astimezone(UTC),
        quantity=int(row["quantity"]),
        price=price,
        currency=currency,
        order=row["order"] or row["id"],
    )


def _stock(row: Mapping[str, str]) -> Stock:
    place = _named(row, "place")
    return Stock(id=place, name=place, places=(place,), size=None, available=int(row["available"]))


def _listed(row: Mapping[str, str]) -> Listed:
    currency = check_currency(row["currency"])
    price: Decimal | None = parse_amount(row["price"], currency) if row["price"] else None
    return Listed(
        place=_named(row, "place"),
        name=row["name"] or row["place"],
        currency=currency,
        price=price,
        written=EMPTY if price is None else amount(price),
    )


def _named(row: Mapping[str, str], column: str) -> str:
    if not row[column]:
        raise ValueError(f"{column} is blank")
    return row[column]


def _number(cursor: str | None) -> int:
    if cursor is not None and not cursor.isdecimal():
        raise ShopError("this is no cursor of a folder", permanent=True)
    return int(cursor or 0)
