"""Files that people bring through the pages: in `uploads/` of the workspace until they are taken in.

Guarantees
----------
* A file is received part by part and never held in memory. It is there whole, with its description, or not at all:
  one that is too large or broken off, and a full disk, leave nothing.
* What a user calls a file is a label; nothing on the disk is named after it.
* Here only the beginning of a CSV file and the footer of a Parquet file are read, however large they claim to be.
* What was taken in is removed, for the history has it; the rest goes when it is old.
"""

import codecs
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from api.atomic import write_bytes
from api.plain import LOOKED_AT, UTF8, UTF16, WESTERN, Sample, Writing, look
from api.spreadsheet import as_csv
from pricing.errors import Finding, InputError, UnavailableError

FOLDER = "uploads"
CSV, PARQUET = ".csv", ".parquet"
NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}", re.ASCII)
LONGEST_NAME = 120
MOST_COLUMNS = 1000
"""More are no table that anybody keeps; each is looked at whenever its page is."""
ABANDONED = timedelta(hours=6)
"""What is still unfinished after this long was left by a process that ended."""
GROUPS, EXAMPLES, LINES = 100, 20, 20_000
"""Problems that are kept: kinds of them, rows shown of each, and rows listed in all."""
_DESCRIPTION, _PROBLEMS = "upload.json", "problems.json"
_NOT_TABLES = {
    b"PK\x03\x04": "is an Excel workbook, or packed: save the sheet as CSV UTF-8 and bring that",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook: save the sheet as CSV UTF-8 and bring that",
    b"%PDF": "is a PDF: bring the table as CSV UTF-8",
    b"\x1f\x8b": "is packed (gzip): unpack it first",
    b"SQLite format 3": "is a database: bring the table as CSV UTF-8",
}


class TooLargeError(InputError):
    """A file is larger than the owner's settings allow (`uploads.max_mb`); nothing of it was kept."""


class Group(msgspec.Struct, frozen=True):
    """The same thing wrong in several rows: how many, and the first of them with what stands there."""

    reason: str
    column: str | None
    count: int
    examples: tuple[tuple[int | None, str | None], ...]


class Problems(msgspec.Struct, frozen=True):
    """What is wrong with a file, the most frequent first.

    Attributes
    ----------
    rows : how many have something wrong
    whole : whether something concerns the file as a whole, so that no row can be set aside for it
    """

    groups: tuple[Group, ...]
    rows: int
    whole: bool


class Upload(msgspec.Struct, frozen=True):
    """A file somebody brought, and what they said of it.

    Attributes
    ----------
    name : as its owner calls it; to be shown, never to be opened
    ending : of the file as it is kept
    size : [bytes]
    sample : its columns, and its first records (of a Parquet file: the least and the greatest cell of each column)
    kind : which table it is; empty until it is said
    mapping : declared column -> the file's column
    single : each row is one unit, for the file has no column of quantities
    others : whether columns that are not mapped are kept
    replace : whether its sales replace those of the same products and dates
    aside : whether rows that cannot be used are set aside, and the others taken
    run : the job that takes it in; empty until it is asked for
    made : what came of it; empty until it was taken in
    """

    id: str
    name: str
    ending: str
    by: str
    at: datetime
    size: int
    writing: Writing = Writing()
    sample: Sample = Sample()
    kind: str = ""
    mapping: dict[str, str] = {}
    single: bool = False
    others: bool = False
    replace: bool = False
    aside: bool = False
    run: str = ""
    made: dict[str, Any] = {}


def folder_of(root: Path, upload: Upload) -> Path:
    """Where all that belongs to an upload is kept, in the workspace at `root`."""
    return root / FOLDER / upload.id


def file_of(root: Path, upload: Upload) -> Path:
    """The file as it was brought; it is removed once it has been taken in."""
    return folder_of(root, upload) / f"file{upload.ending}"


def aside_of(root: Path, upload: Upload) -> Path:
    """Where rows are that were set aside."""
    return folder_of(root, upload) / "aside.csv"


def problems_table_of(root: Path, upload: Upload) -> Path:
    """Where problems are listed row by row."""
    return folder_of(root, upload) / "problems.csv"


def receive(root: Path, parts: Iterable[bytes], *, name: str, by: str, now: datetime, most: int) -> Upload:
    """Keep a file that comes part by part.

    Parameters
    ----------
    name : what its owner calls it
    most : largest size [bytes]

    Raises
    ------
    TooLargeError
        if it is larger.
    InputError
        if it is no table.
    UnavailableError
        if the disk does not take it.
    """
    label = _label(name)
    upload_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
    with _folder(root, upload_id) as folder:
        draft = folder / "file"
        size, encoding = _write(draft, parts, most, label)
        ending = _ending(draft, label)
        draft.rename(draft.with_suffix(ending))
        writing, sample = _look(draft.with_suffix(ending), ending, encoding, label)
        made = Upload(upload_id, label, ending, by, now, size, writing, sample)
        (folder / _DESCRIPTION).write_bytes(msgspec.json.encode(made))
    return made


@contextmanager
def _folder(root: Path, upload_id: str) -> Iterator[Path]:
    """A folder that is there whole or not at all."""
    place = root / FOLDER
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".new-", dir=place))
    except OSError as error:
        raise UnavailableError(f"the disk does not take an upload: {error.strerror}") from error
    try:
        yield draft
        draft.rename(place / upload_id)
    except OSError as error:
        raise UnavailableError(f"the disk does not take an upload: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(target: Path, parts: Iterable[bytes], most: int, label: str) -> tuple[int, str]:
    """Write what comes; returns how much it was, and how its text is encoded."""
    size, encoding, utf8 = 0, UTF8, codecs.getincrementaldecoder("utf-8")()
    with target.open("wb") as file:
        for part in parts:
            size += len(part)
            if size > most:
                raise TooLargeError(Finding(f"is larger than {most // 10**6} MB", label))
            file.write(part)
            encoding = encoding if encoding != UTF8 or _is_text(utf8, part) else WESTERN
        file.flush()
        os.fsync(file.fileno())
    if not size:
        raise InputError(Finding("the file is empty", label))
    return size, encoding


def _is_text(utf8: codecs.IncrementalDecoder, part: bytes) -> bool:
    try:
        utf8.decode(part)
    except UnicodeDecodeError:
        return False
    return True


def _ending(file: Path, label: str) -> str:
    """By what the file holds, whatever it is called."""
    with file.open("rb") as opened:
        begin = opened.read(64)
    for magic, what in _NOT_TABLES.items():
        if begin.startswith(magic):
            raise InputError(Finding(what, label))
    return PARQUET if begin.startswith(b"PAR1") else CSV


def _look(file: Path, ending: str, encoding: str, label: str) -> tuple[Writing, Sample]:
    if ending == PARQUET:
        return Writing(), _of_a_table(_footer(file, label), label)
    with file.open("rb") as opened:
        head = opened.read(LOOKED_AT)
    wide = head[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    if b"\0" in head and not wide:
        raise InputError(Finding("is no text: bring the table as CSV UTF-8", label))
    writing, sample = look(head, UTF16 if wide else encoding)
    if not sample.header:
        raise InputError(Finding("the first row must name the columns", label))
    return writing, _of_a_table(sample, label)


def _of_a_table(sample: Sample, label: str) -> Sample:
    if len(sample.header) > MOST_COLUMNS:
        raise InputError(Finding(f"has more than {MOST_COLUMNS} columns", label))
    return sample


def _footer(file: Path, label: str) -> Sample:
    """What a Parquet file says of itself; none of its pages is unpacked."""
    import pyarrow.parquet as pq  # noqa: PLC0415  # only who brings such a file waits for it

    try:
        with pq.ParquetFile(file, thrift_string_size_limit=10**7, thrift_container_size_limit=10**6) as opened:
            metadata, names = opened.metadata, tuple(opened.schema_arrow.names)
            groups = [metadata.row_group(i) for i in range(min(metadata.num_row_groups, 1))]
            told = [group.column(i).statistics for group in groups for i in range(metadata.num_columns)]
            bounds = [(str(each.min), str(each.max)) if each and each.has_min_max else ("", "") for each in told]
    except Exception as error:  # pyarrow raises what its C++ does, of many kinds
        reason = (str(error).splitlines() or [""])[0][:200]
        raise InputError(Finding(f"cannot be read as Parquet; truncated? ({reason})", label)) from error
    return Sample(names, tuple(zip(*bounds, strict=True)) if len(bounds) == len(names) else ())


def _label(name: str) -> str:
    """What a file is called, on one line and not long: without the folders that some browsers tell."""
    last = re.split(r"[/\\]", name)[-1]
    said = " ".join("".join(sign if sign.isprintable() else " " for sign in last).split()) or "file"
    return said if len(said) <= LONGEST_NAME else f"{said[: LONGEST_NAME - 1]}…"


def find(root: Path, upload_id: str) -> Upload | None:
    """An upload, if there is one of that id."""
    if NAME.fullmatch(upload_id) is None:
        return None
    try:
        return msgspec.json.decode((root / FOLDER / upload_id / _DESCRIPTION).read_bytes(), type=Upload)
    except (FileNotFoundError, NotADirectoryError):
        return None


def newest(root: Path) -> tuple[Upload, ...]:
    """What was brought and is still known, the newest first."""
    with suppress(FileNotFoundError):
        names = sorted((path.name for path in (root / FOLDER).iterdir()), reverse=True)
        return tuple(found for name in names if (found := find(root, name)) is not None)
    return ()


def keep(root: Path, upload: Upload) -> None:
    """Write down what was said of an upload."""
    write_bytes(msgspec.json.encode(upload), folder_of(root, upload) / _DESCRIPTION)


def remove(root: Path, upload: Upload) -> None:
    """Remove an upload, and all that belongs to it."""
    shutil.rmtree(folder_of(root, upload), ignore_errors=True)


def remove_old(root: Path, *, now: datetime, kept: timedelta) -> None:
    """Remove what was brought longer ago, and what was never finished."""
    for upload in newest(root):
        if now - upload.at > kept:
            remove(root, upload)
    for draft in (root / FOLDER).glob(".new-*"):
        with suppress(FileNotFoundError):
            if now - datetime.fromtimestamp(draft.stat().st_mtime, UTC) > ABANDONED:
                shutil.rmtree(draft, ignore_errors=True)


def keep_problems(root: Path, upload: Upload, findings: Sequence[Finding]) -> Problems:
    """Write down what is wrong with an upload, for its page and as a table."""
    found: dict[tuple[str, str | None], list[Finding]] = {}
    for each in findings:
        found.setdefault((each.reason, each.column), []).append(each)
    groups = [
        Group(reason, column, len(alike), tuple((each.row, _short(each.value)) for each in alike[:EXAMPLES]))
        for (reason, column), alike in sorted(found.items(), key=lambda item: -len(item[1]))
    ]
    rows = {each.row for each in findings if each.row is not None}
    problems = Problems(tuple(groups[:GROUPS]), len(rows), any(each.row is None for each in findings))
    _list(problems_table_of(root, upload), findings[:LINES])
    write_bytes(msgspec.json.encode(problems), folder_of(root, upload) / _PROBLEMS)
    return problems


def _short(value: str | None) -> str | None:
    return value if value is None or len(value) <= 80 else f"{value[:79]}…"


def _list(target: Path, findings: Sequence[Finding]) -> None:
    told = ({"row": f.row, "column": f.column, "problem": f.reason, "cell": f.value} for f in findings)
    write_bytes(as_csv(("row", "column", "problem", "cell"), told), target)


def problems_of(root: Path, upload: Upload) -> Problems | None:
    """What was wrong with an upload when it was taken in last; None if nothing was, or it was not yet."""
    try:
        return msgspec.json.decode((folder_of(root, upload) / _PROBLEMS).read_bytes(), type=Problems)
    except FileNotFoundError:
        return None


def settle(root: Path, upload: Upload, made: dict[str, Any]) -> None:
    """Keep of what was taken in what came of it, for whoever does its job again; its rows are in the history."""
    latest = find(root, upload.id) or upload  # since the job began, its page may have written down which job it is
    keep(root, msgspec.structs.replace(latest, sample=Sample(upload.sample.header), made=made))
    file_of(root, upload).unlink(missing_ok=True)
