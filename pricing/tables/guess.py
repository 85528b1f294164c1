"""Guesses which table a file is, and which of its columns is which, from their names and from what stands in them.

Guarantees
----------
* A column of the file stands for one declared column at most, and the other way round.
* The order of the file's columns does not matter.
* What is not clear stays open: of two columns that fit alike neither is taken, and one whose cells do not fit is not.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from pricing.money import CURRENCIES
from pricing.tables.declaration import TABLES, Column, Kind, Table
from pricing.tables.headings import HEADINGS

Cells = Mapping[str, Sequence[str]]
"""Column of the file -> what stands in its first rows."""
FITTING, MENDABLE = 0.9, 0.5
"""Share of the cells that look like what the column holds: so that it is sure, and so that its heading is believed."""
CANDIDATES = ("sales", "events", "offers", "resources")
"""Tables a file may turn out to be."""
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_BESIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\bin (eur|euro|usd|gbp|chf|€|\$|£)\s*$|[€$£]", re.IGNORECASE)
_DAY = r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}"
_LOOKS: Mapping[Kind, re.Pattern[str]] = {
    Kind.DATE: re.compile(rf"({_DAY})([T ,].*)?"),
    Kind.INSTANT: re.compile(rf"({_DAY})([T ,].*)?"),
    Kind.NUMBER: re.compile(r"[^\w-]{0,3}[+-]?\d[\d.,'’ \u00a0\u202f]*([^\w]{0,3}|\s?[A-Z]{3})"),
    Kind.MONEY: re.compile(r"[^\w-]{0,3}[+-]?\d[\d.,'’ \u00a0\u202f]*([^\w]{0,3}|\s?[A-Z]{3})"),
    Kind.LADDER: re.compile(r"\[.*\]|[\d.,]+:[\d.,]+:[\d.,]+.*"),
}
_BY_LOOKS = {Kind.DATE, Kind.INSTANT, Kind.CURRENCY, Kind.LADDER}
"""Kinds so peculiar that the only column which looks like it probably is it."""
_PERSON = re.compile(r".*@.*|[^\W\d]{2,}[\s,.]+[^\W\d].*")
"""An address, or several words: it may be whom somebody is called, and must not stand for a pseudonym."""
_NOT_IT = re.compile(r"birth|geburt|end|cancel|storn|expir|valid|gueltig|ship|liefer|updated|fulfil")


class Why(StrEnum):
    """Why a column is taken for what it is."""

    NAME = "name"
    HEADING = "heading"
    LOOKS = "looks"


@dataclass(frozen=True, slots=True)
class Match:
    """A declared column and the file's column that stands for it; unless it is `sure`, a person should look."""

    column: str
    source: str
    why: Why
    sure: bool


def guess_table(cells: Cells) -> str | None:
    """The name of the one table whose needed columns the file names best; None if that is not clear."""
    marks = {name: _mark(TABLES[name], cells) for name in CANDIDATES}
    best = max(marks.values())
    fitting = [name for name, mark in marks.items() if mark == best]
    return fitting[0] if len(fitting) == 1 and best[0] > 0.5 else None


def _mark(table: Table, cells: Cells) -> tuple[float, int]:
    """Which share of the needed columns the file names, and how many columns in all; nothing if its key repeats."""
    named = {match.column: match.source for match in guess_columns(table, cells) if match.why is not Why.LOOKS}
    needed = {column.name for column in table.columns if column.needed}
    keys = _filled(cells[named[table.key]]) if table.key in named else []
    return (len(named.keys() & needed) / len(needed), len(named)) if len(set(keys)) == len(keys) else (0.0, 0)


def guess_columns(table: Table, cells: Cells) -> tuple[Match, ...]:
    """What the file's columns stand for, in the order of the table's declaration."""
    known: dict[str, list[tuple[int, str]]] = {}
    for source in cells:
        if heading := _heading(table, key_of(source)):
            known.setdefault(heading[0], []).append((heading[1], source))
    named = {column.name: _by_name(column, known.get(column.name, []), cells) for column in table.columns}
    found = [match for match in named.values() if match]
    for column in table.columns:
        if column.name not in known and column.kind in _BY_LOOKS:
            taken = {match.source for match in found}
            found += _by_looks(column, {source: cells[source] for source in cells if source not in taken})
    order = list(named)
    return tuple(sorted(found, key=lambda match: order.index(match.column)))


def _by_name(column: Column, known: Sequence[tuple[int, str]], cells: Cells) -> Match | None:
    """The column with the most usual heading whose cells fit; none if two are alike."""
    fitting = sorted((rank, source) for rank, source in known if _fit(column, cells[source]) >= MENDABLE)
    if not fitting or (len(fitting) > 1 and fitting[0][0] == fitting[1][0]):
        return None
    rank, source = fitting[0]
    why = Why.NAME if rank == 0 else Why.HEADING
    sure = rank < _UNSURE and bool(_filled(cells[source])) and _fit(column, cells[source]) >= FITTING
    return Match(column.name, source, why, sure)


def _by_looks(column: Column, free: Cells) -> list[Match]:
    """The only column that looks like it."""
    like = [
        source
        for source, cells in free.items()
        if _filled(cells) and _fit(column, cells) >= FITTING and not _NOT_IT.search(key_of(source))
    ]
    return [Match(column.name, like[0], Why.LOOKS, sure=False)] if len(like) == 1 else []


def _fit(column: Column, cells: Sequence[str]) -> float:
    """Which share of the cells looks like what the column holds; blank ones tell nothing."""
    filled = _filled(cells)
    if column.kind is Kind.CURRENCY:
        like = sum(cell in CURRENCIES for cell in filled)
    elif looks := _LOOKS.get(column.kind):
        like = sum(looks.fullmatch(cell) is not None for cell in filled)
    elif column.name == "customer":
        like = sum(_PERSON.fullmatch(cell) is None for cell in filled)
    else:
        return 1.0
    return like / len(filled) if filled else 1.0


def _filled(cells: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in cells if cell.strip()]


def _heading(table: Table, key: str) -> tuple[str, int] | None:
    """The declared column that a heading names, and its rank; of a number also in the plural."""
    known = _headings(table.name)
    if found := known.get(key):
        return found
    single = known.get(re.sub(r"ie$", "y", key.removesuffix("s")), ("", 0))
    column = table.column(single[0])
    return single if column and column.kind in {Kind.NUMBER, Kind.MONEY} else None


_UNSURE = 1000
"""Rank from which on a heading often means the column, not always."""


@cache
def _headings(table: str) -> Mapping[str, tuple[str, int]]:
    """Heading -> declared column, and how far from usual the heading is; 0 is the column's own name."""
    found: dict[str, tuple[str, int]] = {}
    for column, told in HEADINGS.get(table, {}).items():
        for rank, heading in enumerate(told.split(","), start=1):
            found.setdefault(key_of(heading), (column, rank + _UNSURE * ("?" in heading)))
    own = {key_of(column.name): (column.name, 0) for column in TABLES[table].columns}
    return found | own


def key_of(heading: str) -> str:
    """A heading without what writers vary: case, spaces, signs, umlauts, what stands in brackets."""
    text = _BESIDE.sub(" ", heading.casefold().replace("_", " ").translate(_UMLAUTS))
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join(re.findall(r"[a-z0-9]+", plain))
