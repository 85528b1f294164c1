"""Loads a CSV or Parquet file as it stands: every record with its row, every cell as it was written.

Guarantees
----------
* What cannot be read exactly is refused with the row and a hint: encodings, byte order marks, null bytes, quotation
  marks never closed, truncated files, column names that repeat.
* Rows are numbered as a spreadsheet shows them: the header is row 1. Rows without any text count, but are left out.
* A record with too few or too many cells is a flaw of its row, kept with all its text.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from api.spreadsheet import KEPT_FROM_IT, as_it_was
from pricing.errors import Finding, InputError

_BLOCK = 1 << 24
_UNCLOSED = "a quotation mark is opened here and never closed"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file as it stands.

    Attributes
    ----------
    frame : its records, indexed by row
    ragged : records whose number of cells is not the header's, indexed by row
    flaws : what is wrong with the ragged ones
    """

    frame: pd.DataFrame
    ragged: pd.DataFrame = field(default_factory=pd.DataFrame)
    flaws: tuple[Finding, ...] = ()


def load(path: Path) -> Loaded:
    """Load by the file's ending.

    Raises
    ------
    InputError
        if the file as a whole cannot be read.
    """
    loaders = {".csv": _load_csv, ".parquet": _load_parquet}
    loader = loaders.get(path.suffix.lower())
    if loader is None:
        raise InputError(Finding("the ending must be .csv or .parquet", str(path)))
    if path.exists() and not path.is_file():
        raise InputError(Finding("is not a file", str(path)))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(Finding(f"cannot be read: {error.strerror}", str(path))) from error
    if not data:
        raise InputError(Finding("the file is empty", str(path)))
    return loader(data, str(path))


def _load_csv(data: bytes, file: str) -> Loaded:
    _refuse(_unreadable(data, file))
    header = _header(data, file)
    _refuse(_about_header(header, file))
    cells, others = _records(data, len(header), file)
    if data.count(b'"') % 2 and (row := _swallowing(cells, others)):
        raise InputError(Finding(_UNCLOSED, file, row))
    ragged = {row: _split(text) for row, text in others.items()}
    names = [as_it_was(name) for name in header]
    frame = cells.set_axis(names, axis="columns")
    for name in names:
        kept = frame[name].str.contains("'", regex=False)
        frame.loc[kept, name] = frame.loc[kept, name].str.replace(KEPT_FROM_IT, "", regex=True)
    frame = frame[~(frame == "").all(axis=1)]
    if frame.empty and not ragged:
        raise InputError(Finding("there is a header, but no row", file))
    flaws = [Finding(f"has {len(c)} cells, the header {len(names)}", file, row) for row, c in ragged.items()]
    fitted = {row: _fitted(c, len(names)) for row, c in ragged.items()}
    return Loaded(frame, pd.DataFrame.from_dict(fitted, orient="index", columns=names, dtype="str"), tuple(flaws))


def _records(data: bytes, width: int, file: str) -> tuple[pd.DataFrame, dict[int, str]]:
    """Records of the header's width, indexed by row, and the text of the others."""
    others: dict[int, str] = {}

    def set_aside(record: Any) -> str:  # noqa: ANN401  # pyarrow.csv.InvalidRow
        others[record.number] = record.text
        return "skip"

    names = [f"c{i}" for i in range(width)]
    try:
        table = pacsv.read_csv(
            pa.BufferReader(data if data.endswith((b"\n", b"\r")) else data + b"\n"),
            # one thread, because only then do records know their number
            pacsv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=names, skip_rows_after_names=1),
            pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=set_aside),
            pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        hint = "a row is too long; is a quotation mark never closed?" if "straddl" in str(error) else str(error)[:200]
        raise InputError(Finding(f"cannot be read as CSV: {hint}", file)) from error
    rows = pd.RangeIndex(2, 2 + table.num_rows + len(others))
    return table.to_pandas().set_axis(rows.drop(list(others)) if others else rows, axis="index"), others


def _swallowing(cells: pd.DataFrame, others: dict[int, str]) -> int | None:
    """The last row, if it runs over several lines: what a quotation mark that is never closed leaves."""
    row = max([*cells.index[-1:], *others], default=None)
    text = "" if row is None else others[row] if row in others else "".join(cells.loc[row])
    return row if "\n" in text.strip() else None


def _split(record: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(record, newline="")), [""])
    except csv.Error:  # a cell beyond the reader's limit: keep its text whole
        return [record]


def _fitted(cells: list[str], width: int) -> list[str]:
    """Exactly `width` cells with all the text: blanks for what is missing, the surplus joined in the last."""
    padded = [*cells, *[""] * (width - len(cells))]
    return [*padded[: width - 1], ",".join(padded[width - 1 :])]


def _unreadable(data: bytes, file: str) -> Iterator[Finding]:
    """What makes the bytes no CSV in UTF-8."""
    if data.startswith(codecs.BOM_UTF8):
        yield Finding("starts with a byte order mark (BOM): save it as CSV UTF-8 without one", file, 1)
    elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield Finding("is UTF-16: save it as CSV UTF-8", file, 1)
    elif (at := data.find(b"\0")) >= 0:
        yield Finding("has a null byte: the file is damaged, or no CSV", file, data.count(b"\n", 0, at) + 1)
    elif (broken := _not_utf8(data)) is not None:
        yield Finding("is not UTF-8: save it as CSV UTF-8", file, data.count(b"\n", 0, broken) + 1)


def _not_utf8(data: bytes) -> int | None:
    """Roughly where the bytes stop being UTF-8; block by block, so that a large file is not held twice."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _BLOCK):
        try:
            decoder.decode(data[start : start + _BLOCK], final=start + _BLOCK >= len(data))
        except UnicodeDecodeError as error:
            return start + error.start
    return None


def _header(data: bytes, file: str) -> list[str]:
    try:
        return next(csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")), [])
    except csv.Error as error:
        raise InputError(Finding(f"the header cannot be read: {error}; {_UNCLOSED}", file, 1)) from error


def _about_header(header: list[str], file: str) -> Iterator[Finding]:
    if not header:
        yield Finding("the first row must name the columns", file, 1)
    elif len(header) == 1 and any(sign in header[0] for sign in ";\t|"):
        yield Finding("columns are not separated by commas: save it as CSV with commas", file, 1)
    for i, name in enumerate(header):
        if not name.strip():
            yield Finding(f"column {i + 1} has no name", file, 1)
        elif "\n" in name or "\r" in name:
            yield Finding(f"the name of column {i + 1} runs over two lines; is a quotation mark never closed?", file, 1)
        elif header[:i].count(name) == 1:
            yield Finding(f"two columns are called {name!r}", file, 1)


def _load_parquet(data: bytes, file: str) -> Loaded:
    try:
        table = pq.read_table(pa.BufferReader(data))
        _refuse([*_about_header(table.column_names, file), *_odd_types(table.schema, file)])
        table.validate(full=True)
        frame = table.to_pandas(ignore_metadata=True, date_as_object=False)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(Finding(f"cannot be read as Parquet; truncated? ({reason})", file)) from error
    if frame.empty:
        raise InputError(Finding("there is a header, but no row", file))
    for name in frame.select_dtypes("category"):
        frame[name] = frame[name].astype(frame[name].cat.categories.dtype)
    return Loaded(frame.set_axis(pd.RangeIndex(2, len(frame) + 2), axis="index"))


def _odd_types(schema: Any, file: str) -> Iterator[Finding]:  # noqa: ANN401  # pyarrow publishes no types
    """Columns whose cells are not one value each."""
    t = pa.types
    plain = (t.is_string, t.is_large_string, t.is_boolean, t.is_integer, t.is_floating, t.is_decimal, t.is_date)
    for field_ in schema:
        type_ = field_.type.value_type if t.is_dictionary(field_.type) else field_.type
        if not any(test(type_) for test in (*plain, t.is_timestamp, t.is_null)):
            yield Finding(f"holds {type_}, not text, numbers or dates", file, 1, field_.name)


def _refuse(findings: Iterator[Finding] | list[Finding]) -> None:
    if found := list(findings):
        raise InputError(found)
