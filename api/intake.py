"""Takes what was uploaded into a workspace.

Guarantees
----------
* Either the history has its rows, or nothing has changed and everything wrong with the file is kept beside it.
* What was taken in by a worker that was lost before it could say so is taken in once, and told as it was.
* Columns that nobody named are left out, unless their owner wants them kept.
* A Parquet file that would not fit in memory, however small it is packed, is refused before it is unpacked.
"""

import csv
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from api import uploads
from api.plain import Reading, renamed, rewrite
from api.uploads import Upload
from api.workspace import Workspace
from pricing.errors import Finding, InputError, RefusedError
from pricing.tables import TABLES

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "CHF": "CHF", "JPY": "¥"}
"""Signs that may stand beside an amount in this currency; its code may in any case."""
UNFOLDED = 2 * 10**9
"""Most that a Parquet file may hold once it is unpacked [bytes]."""
_AT_ONCE = 4096


def take_in(place: Workspace, upload_id: str, *, by: str, now: datetime) -> dict[str, Any]:
    """Add an upload to the history, as its owner said it is to be read; returns what came of it.

    Raises
    ------
    InputError
        with everything wrong, which is also kept beside the upload (`api.uploads.problems_of`).
    RefusedError
        if the file is not there any more.
    """
    uploads.remove_old(place.root, now=now, kept=timedelta(days=place.settings.uploads.keep_days))
    upload = uploads.find(place.root, upload_id)
    if upload is not None and upload.made:  # by a worker that was lost before it could say so
        return upload.made
    if upload is None or not uploads.file_of(place.root, upload).exists():
        raise RefusedError("the file is not there any more: bring it again")
    aside = uploads.aside_of(place.root, upload) if upload.aside else None
    try:
        with _plain(place, upload) as (file, mapping):
            done = place.ingest(
                upload.kind, file, by=by, now=now, mapping=mapping, quarantine=aside, replace=upload.replace
            )
    except InputError as error:
        findings = [replace(each, file=upload.name) for each in error.findings]
        uploads.keep_problems(place.root, upload, findings)
        raise InputError(findings) from error
    made = {"upload": upload.id, "table": upload.kind, "rows": done.rows, "total": done.total}
    made |= {"already_there": done.already_there, "aside": _rows(aside)}
    uploads.settle(place.root, upload, made)
    return made


@contextmanager
def _plain(place: Workspace, upload: Upload) -> Iterator[tuple[Path, dict[str, str]]]:
    """The file as docs/tables.md asks for it, and which of its columns is which."""
    table, source = TABLES[upload.kind], uploads.file_of(place.root, upload)
    reading = _reading(place, upload)
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        target = Path(folder) / f"plain{upload.ending}"
        if upload.ending == uploads.CSV:
            rewrite(source, target, upload.writing, reading)
        else:
            _select(source, target, reading)
        single = {"quantity": reading.single} if reading.single else {}
        yield target, {name: of for name, of in upload.mapping.items() if table.column(name)} | single


def _reading(place: Workspace, upload: Upload) -> Reading:
    table, settings = TABLES[upload.kind], place.settings
    kinds = {of: column.kind for name, of in upload.mapping.items() if (column := table.column(name))}
    declared = {column.name for column in table.columns}
    taken = frozenset(name for name in declared & set(upload.sample.header) if upload.mapping.get(name) != name)
    sign = "" if "currency" in upload.mapping else SIGNS.get(settings.currency, settings.currency)
    return Reading(kinds, taken, settings.time_zone, sign, "quantity" if upload.single else "", upload.others)


def _select(source: Path, target: Path, reading: Reading) -> None:
    """Write the columns of a Parquet file that are wanted, some rows at a time."""
    try:
        with pq.ParquetFile(source) as file:
            names = [name for name in file.schema_arrow.names if reading.others or name in reading.kinds]
            texts = [each.name for each in file.schema_arrow if "string" in str(each.type)]
        with pq.ParquetFile(source, read_dictionary=texts) as file:
            _copy(file.iter_batches(_AT_ONCE, columns=names), target, reading)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"cannot be read as Parquet; truncated? ({(str(error).splitlines() or [''])[0]})") from error


def _copy(batches: Iterator[Any], target: Path, reading: Reading) -> None:
    """Write batches under the names they are to have, as long as they stay within `UNFOLDED`."""
    unfolded, writer = 0, None
    try:
        for batch in batches:
            unfolded += sum(map(_size, batch.columns))
            if unfolded > UNFOLDED:
                raise InputError(Finding(f"holds more than {UNFOLDED // 10**9} GB once it is unpacked: split it"))
            made = batch.rename_columns([renamed(name, reading.names) for name in batch.schema.names])
            if reading.single:
                made = made.append_column(reading.single, pa.array([1] * len(made), pa.int64()))
            writer = writer or pq.ParquetWriter(target, made.schema)
            writer.write_batch(made)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise InputError("there is a header, but no row")


def _size(cells: Any) -> int:  # noqa: ANN401  # pyarrow publishes no types
    """What cells take once each text is written out [bytes]."""
    if not pa.types.is_dictionary(cells.type):
        return int(cells.nbytes)
    lengths = pc.binary_length(cells.dictionary).take(cells.indices)
    return int(pc.sum(lengths.cast(pa.int64())).as_py() or 0)


def _rows(table: Path | None) -> int:
    """How many rows were set aside."""
    if table is None or not table.exists():
        return 0
    with table.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1
