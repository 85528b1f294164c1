"""How a CSV file is written, and the same file written plainly, as docs/tables.md asks for it.

Spreadsheets write semicolons, decimal commas and days before months where that is the custom of the country.

Guarantees
----------
* How a file is written is read off its cells, or left open where they do not tell (day and month).
* A record stays one record in its place, so that rows keep their numbers.
* A cell that is not what its column holds stays as it stands, for the checks that follow to name it.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from pricing.errors import Finding, InputError
from pricing.tables import Kind

UTF8, UTF16, WESTERN = "utf-8-sig", "utf-16", "cp1252"
DELIMITERS = ",;\t|"
LOOKED_AT = 256 * 1024
"""How much of a file is looked at [bytes]."""
ROWS = 200
"""Records that are looked at."""
_NUMBERS = {
    ",": re.compile(r"([+-]?(?:\d{1,3}(?:[.\u00a0\u202f'’ ]\d{3})+|\d+))(?:,(\d+))?", re.ASCII),
    ".": re.compile(r"([+-]?(?:\d{1,3}(?:[,\u00a0\u202f'’ ]\d{3})+|\d+))(?:\.(\d+))?", re.ASCII),
}
_CLOCK = r"(?:[T ,]+(?P<h>\d{1,2})[:.](?P<m>\d{2})(?::(?P<s>\d{2})(?:\.\d+)?)?(?: ?(?P<half>[AaPp])[Mm]| Uhr)?)?"
_ZONE = r" ?(?P<zone>Z|[+-]\d{2}:?\d{2}| UTC)?"
_DAY = {
    "ymd": r"(?P<Y>\d{4})-(?P<M>\d{2})-(?P<D>\d{2})",
    "dmy": r"(?P<D>\d{1,2})[./-](?P<M>\d{1,2})[./-](?P<Y>\d{4})",
    "mdy": r"(?P<M>\d{1,2})[./-](?P<D>\d{1,2})[./-](?P<Y>\d{4})",
}
DATES = {order: re.compile(day + _CLOCK + _ZONE, re.ASCII) for order, day in _DAY.items()}
"""How days are written, by the order of year, month and day."""


class Writing(msgspec.Struct, frozen=True):
    """How a file is written.

    Attributes
    ----------
    decimal : what stands before decimals, "." or ","
    dates : order of year, month and day, a key of `DATES`; empty where the cells do not tell
    """

    encoding: str = UTF8
    delimiter: str = ","
    decimal: str = "."
    dates: str = "ymd"


class Sample(msgspec.Struct, frozen=True):
    """The names of a file's columns, and its first records."""

    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def cells(self, name: str) -> tuple[str, ...]:
        """What stands in a column, without its blanks."""
        at = self.header.index(name)
        return tuple(row[at].strip() for row in self.rows if at < len(row) and row[at].strip())


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file is to become.

    Attributes
    ----------
    kinds : what the columns hold that are used, by the file's own names
    names : what the others would be taken for, and are renamed for that reason
    zone : in which instants are told that name none (IANA)
    sign : of the currency, which may stand beside an amount
    single : a column to be added, holding 1 in every row; empty for none
    others : whether columns that are not used are kept
    """

    kinds: Mapping[str, Kind]
    names: frozenset[str]
    zone: str
    sign: str
    single: str
    others: bool


def look(head: bytes, encoding: str) -> tuple[Writing, Sample]:
    """How a file is written that begins like this, and what it begins with."""
    text = head.decode(encoding, "ignore")
    complete = len(head) < LOOKED_AT
    found = {delimiter: _records(text, delimiter, complete=complete) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda each: _regular(found[each]))
    header, *rows = found[delimiter] or [[]]
    sample = Sample(tuple(_named(header)), tuple(map(tuple, rows)))
    cells = [cell.strip() for row in rows for cell in row]
    return Writing(encoding, delimiter, _decimal(cells), _dates(cells)), sample


def _records(text: str, delimiter: str, *, complete: bool) -> list[list[str]]:
    found: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            found.append(record)
            if len(found) > ROWS:
                return found
    except csv.Error:
        return found
    return found if complete else found[:-1]


def _regular(records: Sequence[Sequence[str]]) -> tuple[float, int]:
    """How well records agree with their header, if that has several cells."""
    width = len(records[0]) if records else 0
    alike = sum(len(record) == width for record in records)
    return (alike / len(records) if width > 1 else 0.0, width)


def _named(header: Sequence[str]) -> list[str]:
    """The header without the nameless columns that spreadsheets append."""
    width = max((i + 1 for i, name in enumerate(header) if name.strip()), default=0)
    return list(header[:width])


def _decimal(cells: Sequence[str]) -> str:
    commas = sum(re.fullmatch(r"\D{0,4}(\d{1,3}(\.\d{3})+|\d+),\d{1,2}\D{0,4}", cell) is not None for cell in cells)
    points = sum(re.fullmatch(r"\D{0,4}(\d{1,3}(,\d{3})+|\d+)\.\d{1,2}\D{0,4}", cell) is not None for cell in cells)
    return "," if commas > points else "."


def _dates(cells: Sequence[str]) -> str:
    days = [cell for cell in cells if DATES["dmy"].fullmatch(cell) or DATES["mdy"].fullmatch(cell)]
    if not days:
        return "ymd"
    parts = [(int(first), int(second)) for first, second in (re.split(r"[./-]", day)[:2] for day in days)]
    if any(first > 12 for first, _ in parts) or all("." in day[:3] for day in days):
        return "dmy"
    return "mdy" if any(second > 12 for _, second in parts) else ""


def rewrite(source: Path, target: Path, writing: Writing, reading: Reading) -> None:
    """Write a file plainly.

    Raises
    ------
    InputError
        with the row, if it cannot be read as it is said to be written.
    """
    with (
        source.open(encoding=writing.encoding, newline="") as given,
        target.open("w", encoding="utf-8", newline="") as made,
    ):
        records = _read(csv.reader(given, delimiter=writing.delimiter, strict=True))
        out = csv.writer(made)  # its line ends have both signs, so that a cell with either is quoted
        header = _named(next(records, []))
        chosen = [i for i, name in enumerate(header) if reading.others or name in reading.kinds]
        cells = {i: _cell(reading.kinds.get(header[i]), writing, reading) for i in chosen}
        added = [reading.single] if reading.single else []
        out.writerow([*(renamed(header[i], reading.names) for i in chosen), *added])
        for record in records:
            out.writerow(_plainly(record, cells, len(header), ["1"] if added else []))


def renamed(name: str, names: frozenset[str]) -> str:
    """The name of a column, apart from those it would wrongly be taken for."""
    return f"{name} (file)" if name in names else name


def _read(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    row = 0
    while True:
        row += 1
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            hint = "is a quotation mark opened here and never closed?"
            raise InputError(Finding(f"cannot be read from here on ({error}); {hint}", row=row)) from error
        except UnicodeError as error:
            raise InputError(Finding("is not readable text: save it as CSV UTF-8", row=row)) from error


def _plainly(record: list[str], cells: Mapping[int, Callable[[str], str]], width: int, added: list[str]) -> list[str]:
    """A record, its cells written plainly; a blank one stays, one of another width than the header keeps that flaw."""
    if not any(cell.strip() for cell in record):
        return []
    if len(record) < width or any(cell.strip() for cell in record[width:]):
        return [*record, ""] if len(record) == len(cells) + len(added) else record
    return [*(make(record[i]) for i, make in cells.items()), *added]


def _cell(kind: Kind | None, writing: Writing, reading: Reading) -> Callable[[str], str]:
    """What makes a cell of a column plain."""
    match kind:
        case Kind.NUMBER | Kind.MONEY:
            return lambda cell: _number(cell, writing.decimal, reading.sign)
        case Kind.DATE | Kind.INSTANT:
            zone = ZoneInfo(reading.zone) if kind is Kind.INSTANT else None
            return lambda cell: _moment(cell, writing.dates, zone)
        case Kind.LADDER if writing.decimal == ",":
            return _ladder
    return lambda cell: cell


def _number(cell: str, decimal: str, sign: str) -> str:
    text = cell.strip()
    bare = text.removeprefix(sign).removesuffix(sign).strip() if sign else text
    found = _NUMBERS[decimal].fullmatch(bare)
    if found is None:
        return cell
    whole = re.sub(r"[^\d+-]", "", found[1])
    return f"{whole}.{found[2]}" if found[2] else whole


def _ladder(cell: str) -> str:
    """From, to and step of a ladder with decimal points; in a list commas part the prices."""
    return cell if "[" in cell else re.sub(r"[\d.,]*\d", lambda found: _number(found[0], ",", ""), cell)


def _moment(cell: str, dates: str, zone: ZoneInfo | None) -> str:
    found = DATES[dates or "ymd"].fullmatch(cell.strip()) or DATES["ymd"].fullmatch(cell.strip())
    if found is None:
        return cell
    day = f"{found['Y']}-{int(found['M']):02}-{int(found['D']):02}"
    if found["h"] is None:
        return day
    hour = int(found["h"])
    if found["half"]:
        hour = hour % 12 + 12 * (found["half"] in "pP")
    at = f"{day}T{hour:02}:{found['m']}:{found['s'] or '00'}"
    if found["zone"]:
        return at + found["zone"].strip().replace("UTC", "Z")
    return at if zone is None else _in_zone(at, zone)


def _in_zone(at: str, zone: ZoneInfo) -> str:
    """The instant with its offset; as it is where there is no such time, or two of them (an hour set back)."""
    try:
        told = datetime.fromisoformat(at).replace(tzinfo=zone)
    except ValueError:
        return at
    return told.isoformat() if told.utcoffset() == told.replace(fold=1).utcoffset() else at
