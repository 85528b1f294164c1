"""Reads the cells of one column as what the declaration says they hold.

Guarantees
----------
* A cell is read exactly or named as a flaw; a cell that was not read is missing in what is returned, never a guess.
* A number is written with a point, a date starts with its year; nothing depends on the machine's locale.
* NaN and infinity written out are not numbers.

Cells come as text (CSV) or typed (Parquet); the index of a column holds the row as a spreadsheet shows it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd
from pandas.api.types import is_bool_dtype, is_float_dtype, is_numeric_dtype

from pricing.model import Ladder
from pricing.money import parse_amount

Cells: TypeAlias = "pd.Series[Any]"
Texts: TypeAlias = "pd.Series[str]"
Marks: TypeAlias = "pd.Series[bool]"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Cells that cannot be read, and why."""

    reason: str
    cells: Cells


@dataclass(frozen=True, slots=True)
class Read:
    """A column as read: values (missing where blank or flawed), flaws, and `refusal` if the whole column is unfit."""

    values: Cells
    flaws: tuple[Flaw, ...] = ()
    refusal: str | None = None


NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,4})?"
_CANONICAL = r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?(?:e[+-]?\d{1,3})?"
_DAY = r"\d{4}-\d{2}-\d{2}"
_ZONE = r"(?:Z|[+-]\d{2}(?::?\d{2})?)"
_MOMENT = rf"{_DAY}(?:[T ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,9}})?)?{_ZONE}?)?"
_EARLIEST, _LATEST = pd.Timestamp(1900, 1, 1), pd.Timestamp(2200, 1, 1)

NOT_A_NUMBER = "not a number"
DECIMAL_COMMA = "decimals are written with a point, and no thousands separator (12.50)"
NOT_FINITE = "not a finite number"
NOT_A_DATE = "not a date: write year, month, day (2025-04-03), or 2025-04-03T19:30+02:00"
AMBIGUOUS_DATE = "day and month can be mistaken for each other: write the year first (2025-04-03)"
NO_SUCH_DAY = "there is no such day or time"
IMPLAUSIBLE_DATE = "not between 1900 and 2199"
NO_ZONE = "has no time zone: write for example 2025-04-03T19:30+02:00"
NULL_BYTE = "has a null byte"


def text_of(cells: Cells) -> Texts:
    """Cells as text; blank ones missing. Whole numbers that came as floats lose their `.0` (customer 17850.0)."""
    if is_float_dtype(cells) and ((whole := cells.dropna()) % 1 == 0).all() and (whole.abs() < 2**53).all():
        cells = cells.astype("Int64")
    text = cells if isinstance(cells.dtype, pd.StringDtype) else cells.map(str, na_action="ignore")
    text = text.astype("str")
    return text.mask(text.str.strip() == "")


def read_text(cells: Cells) -> Read:
    """Text as it stands."""
    text = text_of(cells)
    poisoned = text.str.contains("\0", regex=False, na=False)
    return Read(text.mask(poisoned), _flaws(cells, {NULL_BYTE: poisoned}))


def read_numbers(cells: Cells) -> Read:
    """Numbers as float64; bounds are checked elsewhere."""
    if is_numeric_dtype(cells) and not is_bool_dtype(cells):
        return Read(cells.astype("float64"))
    text = text_of(cells).str.strip()
    plain = text.str.fullmatch(NUMBER, na=False)
    values = text.where(plain).astype("float64")
    odd = text[~plain & text.notna()]
    if odd.empty:
        return Read(values)
    comma = odd.str.contains(",", regex=False)
    infinite = odd.str.fullmatch(r"[+-]?(nan|inf|infinity)", case=False)
    reasons = {DECIMAL_COMMA: comma, NOT_FINITE: infinite, NOT_A_NUMBER: ~comma & ~infinite}
    return Read(values, _flaws(odd, reasons))


def read_dates(cells: Cells, zone: str) -> Read:
    """Civil time of the owner, naive; timestamps with a zone are told in `zone`. Zoned and unzoned do not mix."""
    instants, zoned, flaws = _moments(cells)
    naive = instants.dt.tz_localize(None)
    told = instants.dt.tz_convert(zone).dt.tz_localize(None)
    values, extra = _plausible(cells, naive.mask(zoned, told))
    known = instants.notna()
    refusal = None
    if (zoned & known).any() and (~zoned & known).any():
        rows = f"row {zoned[zoned & known].index[0]} has one, row {zoned[~zoned & known].index[0]} has none"
        refusal = f"timestamps with and without a time zone are mixed ({rows}): give all of them a zone, or none"
    return Read(values, (*flaws, *extra), refusal)


def read_instants(cells: Cells) -> Read:
    """Instants in UTC; each cell carries its zone."""
    instants, zoned, flaws = _moments(cells)
    adrift = ~zoned & instants.notna()
    values, extra = _plausible(cells, instants.mask(adrift))
    return Read(values, (*flaws, *_flaws(cells, {NO_ZONE: adrift}), *extra))


def _moments(cells: Cells) -> tuple[Cells, Marks, tuple[Flaw, ...]]:
    """Instants (an unzoned one is taken as UTC for now), which of them carry a zone, and what cannot be read."""
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        return cells.dt.tz_convert("UTC").dt.as_unit("us"), pd.Series(True, cells.index), ()
    if cells.dtype.kind == "M":
        return cells.dt.tz_localize("UTC").dt.as_unit("us"), pd.Series(False, cells.index), ()
    text = text_of(cells).str.strip()
    formed = text.str.fullmatch(_MOMENT, na=False)
    zoned = formed & text.str.contains(rf":.*{_ZONE}$", na=False)
    values = pd.to_datetime(text.where(formed), format="ISO8601", errors="coerce", utc=True).dt.as_unit("us")
    slashed = text.str.match(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b", na=False) & ~formed
    odd = text.notna() & ~formed & ~slashed
    reasons = {AMBIGUOUS_DATE: slashed, NOT_A_DATE: odd, NO_SUCH_DAY: formed & values.isna()}
    return values, zoned, _flaws(text, reasons)


def _plausible(cells: Cells, values: Cells) -> tuple[Cells, tuple[Flaw, ...]]:
    zone = values.dt.tz
    inside = (values >= _EARLIEST.tz_localize(zone)) & (values < _LATEST.tz_localize(zone))
    return values.where(inside), _flaws(cells, {IMPLAUSIBLE_DATE: values.notna() & ~inside})


def read_money(cells: Cells, currencies: Texts) -> Read:
    """Exact amounts with the decimals of their currency, as Decimal."""
    return _each(cells, currencies, parse_amount)


def read_ladders(cells: Cells, currencies: Texts) -> Read:
    """Ladders as they were written, once they are known to be readable."""

    def checked(text: str, currency: str) -> str:
        Ladder.parse(text, currency)
        return text

    read = _each(cells, currencies, checked)
    return Read(read.values.astype("str"), read.flaws)


def _each(cells: Cells, currencies: Texts, parse: Callable[[str, str], object]) -> Read:
    """Parse cell by cell, collecting what is refused by its reason."""
    values: dict[Any, object] = {}
    refused: dict[str, list[Any]] = {}
    text = text_of(cells)
    for row, cell, currency in zip(text.index, text, currencies, strict=True):
        if isinstance(cell, str):
            try:
                values[row] = parse(cell.strip(), currency)
            except (ValueError, RecursionError) as error:
                refused.setdefault(str(error).removeprefix(f"{cell.strip()!r}").lstrip(": "), []).append(row)
    flaws = tuple(Flaw(reason, text.loc[rows]) for reason, rows in refused.items())
    return Read(pd.Series(values, index=cells.index, dtype=object), flaws)


def read_any(cells: Cells) -> Cells:
    """An undeclared column: numbers if every cell is one that would be written back alike (so 007 stays text)."""
    if not (isinstance(cells.dtype, pd.StringDtype) or cells.dtype == object):
        return cells
    text = text_of(cells)
    if not text.notna().any() or not text.dropna().str.fullmatch(_CANONICAL).all():
        return text
    values = text.astype("float64")
    return values if (values.dropna().abs() < float("inf")).all() else text


def _flaws(cells: Cells, reasons: dict[str, Marks]) -> tuple[Flaw, ...]:
    return tuple(_nonempty(cells, reasons))


def _nonempty(cells: Cells, reasons: dict[str, Marks]) -> Iterator[Flaw]:
    for reason, chosen in reasons.items():
        if chosen.any():
            yield Flaw(reason, cells[chosen])
