"""Files in, files out: reads the tables of docs/tables.md from CSV and Parquet, and writes results.

Guarantees
----------
* `read_table` returns a frame that satisfies the declaration, or raises `InputError` with every finding.
* A row that cannot be used refuses the table, or goes to the quarantine file the caller named, with its row and reason.
* A file appears whole or not at all, and the same frame twice gives the same bytes.
* A CSV opened in a spreadsheet runs no formula that came with the data; reading it back gives the text as it was.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import structlog
from pandas.api.types import is_numeric_dtype
from rich.console import Console
from rich.table import Table as Grid

from api.atomic import replacing
from api.files import Loaded, load
from api.spreadsheet import COULD_RUN, harmless
from pricing.errors import Finding, InputError, UnavailableError
from pricing.tables import TABLES
from pricing.tables.examine import Settings, examine

_LOG = structlog.get_logger()
THOUSAND = 1_000.0
"""From here on numbers are shown whole."""


def read_table(
    path: Path,
    kind: str,
    *,
    mapping: Mapping[str, str] | None = None,
    needed: Collection[str] = (),
    currency: str = "EUR",
    time_zone: str = "UTC",
    competitor_prices: bool = False,
    last_day: pd.Timestamp | None = None,
    one_currency: str | None = None,
    quarantine: Path | None = None,
) -> pd.DataFrame:
    """Read a table of the given kind ("sales", "events", "offers", "resources", "calendar").

    Parameters
    ----------
    mapping : declared column -> column of the file
    needed : columns this use cannot do without, besides those the declaration needs
    currency : of amounts in a table without a currency column (ISO 4217)
    time_zone : in which zoned timestamps are told (IANA)
    competitor_prices : whether columns of competitors' prices are allowed
    last_day, one_currency : no date may lie after it, no amount be in another; None: not asked
    quarantine : where rows that cannot be used go (CSV); without it any such row refuses the table

    Raises
    ------
    InputError
        with every finding; no file was written.
    """
    table = TABLES.get(kind)
    if table is None:
        raise InputError(f"there is no table {kind!r}; there are {', '.join(TABLES)}")
    if quarantine is not None and quarantine.resolve() == path.resolve():
        raise InputError(Finding("the quarantine must be another file", str(path)))
    loaded = load(path)
    allowed = (competitor_prices, last_day, one_currency)
    settings = Settings(str(path), mapping or {}, needed, currency, time_zone, *allowed)
    found = examine(loaded.frame, table, settings)
    flaws = (*loaded.flaws, *found.flaws)
    if found.refusals or (flaws and quarantine is None):
        raise InputError((*found.refusals, *flaws))
    if found.frame.empty:
        raise InputError((Finding("no row can be used", str(path)), *flaws))
    if quarantine is not None:
        _set_aside(loaded, flaws, quarantine)
    for note in found.notes:
        _LOG.warning(str(note))
    return found.frame.reset_index(drop=True)


def _set_aside(loaded: Loaded, flaws: Sequence[Finding], quarantine: Path) -> None:
    """Write the flawed rows as they stand, with their row and everything wrong with them."""
    reasons = _reasons(flaws)
    rows = pd.concat([loaded.frame, loaded.ragged]).loc[list(reasons)]
    rows[_free("row", rows)] = rows.index
    rows[_free("reason", rows)] = pd.Series(reasons, dtype="str")
    write_table(rows, quarantine)
    if reasons:
        counts = Counter(str(Finding(flaw.reason, column=flaw.column)) for flaw in flaws)
        _LOG.warning(f"{len(reasons):,} rows cannot be used; they are in {quarantine}", reasons=dict(counts))


def _reasons(flaws: Sequence[Finding]) -> dict[int, str]:
    """Row -> everything wrong with it, in the order of the rows."""
    said: dict[int, list[str]] = {}
    for flaw in flaws:
        if flaw.row is not None:
            said.setdefault(flaw.row, []).append(str(Finding(flaw.reason, column=flaw.column)))
    return {row: "; ".join(said[row]) for row in sorted(said)}


def _free(name: str, frame: pd.DataFrame) -> str:
    """The name, with underscores before it until no column has it."""
    while name in frame.columns:
        name = f"_{name}"
    return name


def write_table(frame: pd.DataFrame, out: Path | None) -> None:
    """Write by the ending of `out` (.csv, .parquet, .json), whole or not at all; without `out` print a table."""
    if out is None:
        _print(frame)
        return
    writers: dict[str, Callable[[pd.DataFrame, IO[bytes]], None]] = {
        ".csv": _write_csv,
        ".parquet": _write_parquet,
        ".json": _write_json,
    }
    write = writers.get(out.suffix.lower())
    if write is None:
        raise InputError(Finding(f"the ending must be one of {', '.join(writers)}", str(out)))
    write_atomically(out, lambda file: write(frame, file))


def write_atomically(out: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Let `write` fill a file that takes the place of `out` once it is whole and on disk.

    Raises
    ------
    InputError
        if there can be no file of that name.
    UnavailableError
        if the disk does not take it; `out` is as it was.
    """
    if out.is_dir():
        raise InputError(Finding("is a folder", str(out)))
    try:
        with replacing(out) as draft, draft.open("wb") as file:
            write(file)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise InputError(Finding(f"cannot be written: {error.strerror}", str(out))) from error
    except OSError as error:
        raise UnavailableError(f"{out} cannot be written: {error.strerror}") from error


def write_whole(data: bytes, out: Path) -> None:
    """Put these bytes in a file; errors as in `write_atomically`."""

    def write(file: IO[bytes]) -> None:
        file.write(data)

    write_atomically(out, write)


def _write_csv(frame: pd.DataFrame, file: IO[bytes]) -> None:
    safe = pd.DataFrame({harmless(name): _csv_cells(frame[name]) for name in frame.columns})
    # a carriage return inside a cell would end the row, were the cell not quoted
    returns = any(_has_return(safe[name]) for name in safe.columns)
    safe.to_csv(
        file,
        index=False,
        encoding="utf-8",
        lineterminator="\n",
        quoting=csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL,
    )


def _has_return(cells: "pd.Series[Any]") -> bool:
    return not is_numeric_dtype(cells) and bool(cells.astype("str").str.contains("\r", regex=False, na=False).any())


def _csv_cells(cells: "pd.Series[Any]") -> "pd.Series[Any]":
    if cells.dtype.kind == "M":
        return _iso(cells)
    if isinstance(cells.dtype, pd.StringDtype):
        return cells.str.replace(COULD_RUN, "'", regex=True)
    return cells if is_numeric_dtype(cells) else cells.astype("object").map(harmless, na_action="ignore")


def _iso(cells: "pd.Series[Any]") -> "pd.Series[str]":
    """Days as 2025-04-03 where no cell has a time of day, else ISO 8601 timestamps."""
    if cells.dt.tz is None and (cells.dropna() == cells.dropna().dt.normalize()).all():
        return cells.dt.strftime("%Y-%m-%d")
    return cells.map(lambda moment: moment.isoformat(), na_action="ignore").astype("str")


def _write_parquet(frame: pd.DataFrame, file: IO[bytes]) -> None:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), file)


def _write_json(frame: pd.DataFrame, file: IO[bytes]) -> None:
    """A list of records, one a line; missing values are null, days and instants ISO 8601, money a string."""
    plain = pd.DataFrame({n: _iso(c) if c.dtype.kind == "M" else c for n, c in frame.items()})
    records = plain.astype("object").where(plain.notna(), None).to_dict("records")
    lines = (json.dumps(record, ensure_ascii=False, default=_as_json, allow_nan=False) for record in records)
    file.write(("[" + ",\n".join(lines) + "]\n").encode())


def _as_json(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a table")


def _print(frame: pd.DataFrame) -> None:
    grid = Grid()
    for name in frame.columns:
        kind = frame[name].dtype.kind
        side: Literal["left", "right"] = "right" if kind in "fiu" else "left"
        grid.add_column(str(name), justify=side, overflow="fold", no_wrap=kind in "Mfiu")
    for row in frame.astype("object").itertuples(index=False):
        grid.add_row(*(_told(cell) for cell in row))
    Console(markup=False, highlight=False).print(grid)


def _told(cell: Any) -> str:  # noqa: ANN401  # a cell of any type
    """A cell for the screen: floats short, nothing for a missing one, no sign that steers a terminal."""
    if cell is None or cell is pd.NaT or cell != cell:  # noqa: PLR0124  # NaN
        return ""
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= THOUSAND else f"{cell:.4g}" if abs(cell) >= 1 else f"{cell:.3g}"
    text = str(cell).removesuffix(" 00:00:00")
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
