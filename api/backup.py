"""A workspace in one file, and back again; and bringing one up to date.

Guarantees
----------
* The price book in a backup is one moment of it, taken while others go on writing; neither its anchor nor what the
  history took over from it is ahead of it.
* Restoring refuses a folder or a database that holds anything. The workspace is there whole, with its log verified, or
  not at all, and serves the prices of the backup, price for price. No quote given before holds there: a number that it
  locks may come to stand for another price.
* Before a database file is brought up to date it is copied; the copy is as private as the database.
"""

import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex

from sqlalchemy import Engine, inspect, update

from api.archive import Manifest, pack, unpack
from api.atomic import replacing
from api.location import database_of
from api.postgresql import dump, fill
from api.served.answers import take
from api.served.snapshot import SNAPSHOT_NAME, write
from api.settings import FILE, read_settings
from api.store.database import DATABASE_NAME, Place, open_database, open_to_read, reading, writing
from api.store.log import ANCHOR_NAME, verify
from api.store.migrations import HEAD, revision, upgrade
from api.store.tables import secrets
from pricing.errors import Finding, InputError, UnavailableError

DUMP_NAME = "prices.dump"
"""What pg_dump makes of a PostgreSQL database."""
FOLDERS = ("history", "fits", "shops", "webhooks")
FORMAT = 1
PRIVATE = 0o600


def back_up(root: Path, target: Path, *, now: datetime) -> Manifest:
    """Write a workspace into one file, whoever writes to it meanwhile.

    Raises
    ------
    InputError
        if the folder is no workspace, or the file would lie in it.
    UnavailableError
        if the database or the disk does not answer.
    """
    read_settings(root / FILE)
    if target.resolve().is_relative_to(root.resolve()):
        raise InputError(Finding("a backup inside the workspace is lost with it; put it elsewhere", file=str(target)))
    with _on_disk(target), tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup.") as scratch:
        files, book = _files(root, Path(scratch))
        made = {"taken_at": now.isoformat(), "fairfare": version("fairfare"), "book": book}
        return pack(files, {"format": FORMAT, **made}, target)


def _files(root: Path, scratch: Path) -> tuple[dict[str, Path], str]:
    """What a backup holds, by the name it gets, and the name of the price book among them."""
    # The book last: it then holds every entry that the anchor knows, and every sale that the history has taken over.
    files = {name: _copy(root / name, scratch) for name in (FILE, ANCHOR_NAME) if (root / name).is_file()}
    found = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.is_file()]
    book = _copy_book(database_of(root), scratch)
    files |= {path.relative_to(root).as_posix(): path for path in found if not path.name.startswith(".")}
    return files | {book.name: book}, book.name


def _copy(path: Path, folder: Path) -> Path:
    return Path(shutil.copyfile(path, folder / path.name))


def _copy_book(place: Place, folder: Path) -> Path:
    target = folder / (DATABASE_NAME if isinstance(place, Path) else DUMP_NAME)
    copy_file(place, target) if isinstance(place, Path) else dump(place, target)
    return target


def copy_file(database: Path, target: Path) -> None:
    """Copy an SQLite database as it is at one moment, while others write to it."""
    if not database.is_file():
        raise UnavailableError(f"the price book's database is not where it was: {database}")
    try:
        with (
            replacing(target, mode=PRIVATE) as beside,
            closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True)) as source,
            closing(sqlite3.connect(beside)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE").close()  # all in one file
    except sqlite3.Error as error:
        raise UnavailableError(f"the price book's database cannot be copied: {error}") from error


def restore(source: Path, root: Path, *, now: datetime, database: str | None = None) -> Manifest:
    """Make a workspace from a backup.

    Parameters
    ----------
    database : where to put a price book that was on PostgreSQL, if not where it was

    Raises
    ------
    InputError
        if the folder or the database is not empty, or the backup is damaged or has been tampered with.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InputError(Finding("there is something here already; restore into a new folder", file=str(root)))
    with _on_disk(root), _new_folder(root) as folder:
        manifest = unpack(source, folder)
        if manifest.about.get("format") != FORMAT:
            raise InputError(
                Finding("this backup is of another format; use the version that made it", file=str(source))
            )
        for name in (DATABASE_NAME, ANCHOR_NAME):
            if (folder / name).is_file():
                (folder / name).chmod(PRIVATE)
        _settle(folder, database)
        _make_new_secret(open_database(database_of(folder)))
        _prove(folder, now)
    return manifest


def _settle(folder: Path, database: str | None) -> None:
    """Put the price book where the settings say it is, or where it is wanted now."""
    settings = folder / FILE
    if not (folder / DUMP_NAME).is_file():
        if database is not None:
            raise InputError("this backup holds a price book that is a file; it needs no --database")
        return
    if database is not None:
        line, text = f'database = "{database}"', settings.read_text(encoding="utf-8")
        settings.write_text(re.sub(r"(?m)^database\s*=.*$", lambda _: line, text, count=1), encoding="utf-8")
    fill(str(database_of(folder)), folder / DUMP_NAME)
    (folder / DUMP_NAME).unlink()


def _make_new_secret(engine: Engine) -> None:
    """Sign quotes with another secret from now on; a book older than quotes has none yet."""
    with writing(engine) as db:
        if inspect(db).has_table(secrets.name):
            db.execute(update(secrets).where(secrets.c.name == "quotes").values(value=token_hex(32)))


def _prove(folder: Path, now: datetime) -> None:
    """Refuse a book that is not sound; keep what is served, so that serving starts even without the database."""
    engine = open_database(database_of(folder))
    if revision(engine) != HEAD:
        return  # an older one is brought up to date first, and verified then
    anchor = folder / ANCHOR_NAME  # a book that was empty when its backup began has none
    if found := verify(engine, anchor if anchor.is_file() else None):
        raise InputError([Finding(text) for text in found])
    with reading(engine) as db:
        write(take(db, now=now, law=read_settings(folder / FILE).law), folder / SNAPSHOT_NAME)


@contextmanager
def _new_folder(root: Path) -> Iterator[Path]:
    """A folder that gets its name when the block ends well, and is gone if it does not."""
    root.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=root.parent, prefix=f".{root.name}."))
    try:
        yield folder
        folder.rename(root)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _on_disk(place: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise UnavailableError(f"{error.filename} is not there (any more); try again") from error
    except OSError as error:
        raise UnavailableError(f"{place} cannot be written: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Upgraded:
    """From which revision to which a database was brought, and where the copy of the old one is."""

    before: str | None
    after: str
    copy: Path | None


def bring_up_to_date(root: Path) -> Upgraded:
    """Bring the price book of a workspace to the revision this code expects; does nothing if it is there.

    Raises
    ------
    InputError
        if the folder is no workspace, or its database is newer than this code.
    """
    read_settings(root / FILE)
    place = database_of(root)
    before = revision(open_to_read(place))
    if before == HEAD:
        return Upgraded(before, HEAD, None)
    if before is not None and before > HEAD:
        raise InputError(
            f"the database is at revision {before}, this version of Fairfare knows {HEAD}; install a newer one"
        )
    copy = None
    if isinstance(place, Path) and before is not None:
        with _on_disk(root):
            copy_file(place, copy := place.with_name(f"{place.name}.{before}"))
    upgrade(open_database(place))
    return Upgraded(before, HEAD, copy)
