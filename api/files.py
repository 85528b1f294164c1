"""Loads a CSV or Parquet file as it stands: every record with its row, every cell as it was written.

Guarantees
----------
* What cannot be read exactly is refused with the row and a hint: encodings, byte order marks, null bytes, records that
  are too short or too long, quotation marks never closed, truncated files.
* Rows are numbered as a spreadsheet shows them: the header is row 1.
"""

import codecs
import csv
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from pricing.errors import Finding

_BLOCK = 1 << 24
_FUSE = r"^'('*[=+\-@\t\r\n])"

Loaded = tuple[pd.DataFrame | None, list[Finding]]


def load(path: Path) -> Loaded:
    """Load by the file's ending; the frame's index holds the row of each record. No frame where nothing can be read."""
    loaders = {".csv": _load_csv, ".parquet": _load_parquet}
    loader = loaders.get(path.suffix.lower())
    if loader is None:
        return None, [Finding("the ending must be .csv or .parquet", str(path))]
    try:
        data = path.read_bytes()
    except OSError as error:
        return None, [Finding(f"cannot be read: {error.strerror}", str(path))]
    if not data:
        return None, [Finding("the file is empty", str(path))]
    return loader(data, str(path))


def _load_csv(data: bytes, file: str) -> Loaded:
    if found := _unreadable(data, file):
        return None, found
    header = next(csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")), [])
    if found := _header_findings(header, file):
        return None, found
    bad: list[Finding] = []

    def refuse(row: Any) -> str:  # noqa: ANN401  # pyarrow.csv.InvalidRow
        if row.text.strip("\r\n"):
            cells = f"{row.actual_columns} cells, the header {row.expected_columns}"
            bad.append(Finding(f"has {cells}; is a quotation mark missing?", file, row.number))
        return "skip"

    names = [f"c{i}" for i in range(len(header))]
    try:
        table = pacsv.read_csv(
            pa.BufferReader(data if data.endswith((b"\n", b"\r")) else data + b"\n"),
            read_options=pacsv.ReadOptions(
                use_threads=False, block_size=_BLOCK, column_names=names, skip_rows_after_names=1
            ),
            parse_options=pacsv.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=refuse
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        return None, [Finding(f"cannot be read as CSV: {error}", file)]
    if bad:
        return None, bad
    frame = table.to_pandas()
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    frame.columns = pd.Index([_fused(name) for name in header])
    for name in frame.columns:
        frame[name] = frame[name].str.replace(_FUSE, r"\1", regex=True)
    return _with_rows(frame, file)


def _fused(name: str) -> str:
    return name[1:] if name.startswith("'") and name.lstrip("'")[:1] in tuple("=+-@\t\r\n") else name


def _with_rows(frame: pd.DataFrame, file: str) -> Loaded:
    blank = (frame == "").all(axis=1)
    frame = frame[~blank]
    return (frame, []) if len(frame) else (None, [Finding("there is a header, but no row", file)])


def _unreadable(data: bytes, file: str) -> list[Finding]:
    """What makes the bytes no CSV in UTF-8."""
    if data.startswith(codecs.BOM_UTF8):
        return [Finding("starts with a byte order mark: save it as CSV UTF-8 without BOM", file, 1)]
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return [Finding("is UTF-16: save it as CSV UTF-8", file, 1)]
    if (at := data.find(b"\0")) >= 0:
        return [Finding("has a null byte: the file is damaged, or no CSV", file, data.count(b"\n", 0, at) + 1)]
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _BLOCK):
        try:
            decoder.decode(data[start : start + _BLOCK], final=start + _BLOCK >= len(data))
        except UnicodeDecodeError as error:
            row = data.count(b"\n", 0, max(0, start + error.start)) + 1
            return [Finding("is not UTF-8: save it as CSV UTF-8", file, row)]
    return []


def _header_findings(header: list[str], file: str) -> list[Finding]:
    if len(header) == 1 and any(sign in header[0] for sign in ";\t|"):
        return [Finding("columns are separated by commas: save it as CSV with commas", file, 1)]
    repeated = [name for i, name in enumerate(header) if name in header[:i]]
    found = [Finding(f"the column {name!r} appears twice", file, 1) for name in dict.fromkeys(repeated) if name]
    found += [Finding(f"column {i} has no name", file, 1) for i, name in enumerate(header, 1) if not name.strip()]
    return found or ([] if header else [Finding("the first row must name the columns", file, 1)])


def _load_parquet(data: bytes, file: str) -> Loaded:
    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        return None, [Finding(f"cannot be read as Parquet (truncated, or another format?): {reason}", file)]
    if found := _header_findings(table.column_names, file) + _odd_types(table.schema, file):
        return None, found
    if not table.num_rows:
        return None, [Finding("there is a header, but no row", file)]
    frame = table.to_pandas(ignore_metadata=True, date_as_object=False)
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    return frame, []


def _odd_types(schema: Any, file: str) -> list[Finding]:  # noqa: ANN401  # pyarrow publishes no types
    """Columns whose cells are not one value each."""
    t = pa.types
    plain = (t.is_string, t.is_large_string, t.is_boolean, t.is_integer, t.is_floating, t.is_decimal, t.is_date)
    return [
        Finding(f"holds {field.type}, not text, numbers or dates", file, 1, field.name)
        for field in schema
        if not any(test(field.type) for test in (*plain, t.is_timestamp, t.is_null))
    ]
