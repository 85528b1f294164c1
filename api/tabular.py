"""Files in, files out: reads the tables of docs/tables.md from CSV and Parquet, and writes results.

Guarantees
----------
* `read_table` returns a frame that satisfies the declaration, or raises `InputError` with every finding.
* A row that cannot be used refuses the table, or goes to the quarantine file the caller named, with its row and reason.
* A file appears whole or not at all, and the same frame twice gives the same bytes.
* A CSV opened in a spreadsheet runs no formula that came with the data; reading it back gives the text as it was.
"""

import json
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import structlog
from rich.console import Console
from rich.table import Table as Grid

from api.files import load
from pricing.errors import Finding, InputError
from pricing.tables import TABLES, Examined, Settings, examine

_FORMULA = r"^('*[=+\-@\t\r\n])"
_LOG = structlog.get_logger()


def read_table(
    path: Path,
    kind: str,
    *,
    mapping: Mapping[str, str] | None = None,
    needed: Collection[str] = (),
    currency: str = "EUR",
    time_zone: str = "UTC",
    quarantine: Path | None = None,
) -> pd.DataFrame:
    """Read a table of the given kind ("sales", "events", "offers", "resources", "calendar").

    Parameters
    ----------
    mapping : declared column -> column of the file
    needed : columns this use cannot do without, besides those the declaration needs
    currency : of amounts in a table without a currency column (ISO 4217)
    time_zone : in which zoned timestamps are told (IANA)
    quarantine : where rows that cannot be used go (CSV); without it any such row refuses the table

    Raises
    ------
    InputError
        with every finding; no file was written.
    """
    raw, findings = load(path)
    if raw is None:
        raise InputError(findings)
    settings = Settings(str(path), mapping or {}, needed, currency, time_zone)
    found = examine(raw, TABLES[kind], settings)
    _refuse_or_quarantine(raw, found, findings, path, quarantine)
    for note in found.notes:
        _LOG.warning(str(note))
    return found.frame.reset_index(drop=True)


def _refuse_or_quarantine(
    raw: pd.DataFrame, found: Examined, findings: list[Finding], path: Path, quarantine: Path | None
) -> None:
    refusals = [*findings, *found.refusals]
    if refusals or (found.flaws and quarantine is None):
        raise InputError([*refusals, *found.flaws])
    if found.frame.empty:
        raise InputError([Finding("no row can be used", str(path)), *found.flaws])
    if quarantine is not None:
        reasons = _reasons(found.flaws)
        set_aside = raw.loc[list(reasons)]
        set_aside[_free("row", raw)] = set_aside.index
        set_aside[_free("reason", raw)] = pd.Series(reasons, dtype="str")
        write_table(set_aside, quarantine)
        if reasons:
            _LOG.warning(f"{len(reasons):,} rows of {path} cannot be used; they are in {quarantine}")


def _reasons(flaws: Iterable[Finding]) -> dict[int, str]:
    """Row -> everything wrong with it, in the order of the rows."""
    said: dict[int, list[str]] = {}
    for flaw in flaws:
        if flaw.row is not None:
            said.setdefault(flaw.row, []).append(str(Finding(flaw.reason, column=flaw.column)))
    return {row: "; ".join(said[row]) for row in sorted(said)}


def _free(name: str, raw: pd.DataFrame) -> str:
    """The name, or with underscores before it until the user's columns do not have it."""
    while name in raw.columns:
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
    """Let `write` fill a file that takes the place of `out` once it is whole and on disk."""
    try:
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    except OSError as error:
        raise InputError(Finding(f"cannot be written: {error.strerror}", str(out))) from error
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o644)
        draft.replace(out)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _write_csv(frame: pd.DataFrame, file: IO[bytes]) -> None:
    safe = pd.DataFrame({_defused(name): _csv_cells(frame[name]) for name in frame.columns})
    safe.to_csv(file, index=False, encoding="utf-8", lineterminator="\n")


def _csv_cells(cells: "pd.Series[Any]") -> "pd.Series[Any]":
    if cells.dtype.kind == "M":
        return _iso(cells)
    if isinstance(cells.dtype, pd.StringDtype):
        return cells.str.replace(_FORMULA, r"'\1", regex=True)
    if cells.dtype == object:
        return cells.map(_defused, na_action="ignore")
    return cells


def _defused(cell: Any) -> Any:  # noqa: ANN401  # a cell of any type
    """Text that a spreadsheet would take for a formula gets an apostrophe; the reader takes it off again."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip("'")[:1] in tuple("=+-@\t\r\n") else cell


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
        grid.add_column(str(name), justify="right" if frame[name].dtype.kind in "fiu" else "left")
    for row in frame.astype("object").itertuples(index=False):
        grid.add_row(*(_told(cell) for cell in row))
    Console(markup=False, highlight=False).print(grid)


def _told(cell: object) -> str:
    if isinstance(cell, float):
        return "" if cell != cell else f"{cell:,.4g}"  # noqa: PLR0124  # NaN
    return "" if cell is None or cell is pd.NaT else str(cell)
