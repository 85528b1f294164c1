"""The database of a workspace: an SQLite file opened so that what was committed stays committed.

Guarantees
----------
* A committed transaction survives a killed process and a power cut (write-ahead log, synchronous=FULL).
* A writing transaction takes the write lock when it begins, so what it reads cannot change before it writes.
* An instant is stored in UTC and read back with its zone; one without a zone is refused. Money is stored as text.
* Opening for reading never creates a file: a database that was moved away is an error, not an empty book.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, DateTime, Dialect, Engine, NullPool, String, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.types import TypeDecorator

from pricing.errors import RefusedError, UnavailableError

DATABASE_NAME = "prices.db"
LOCK_WAIT = 15
"""How long a writer waits for another to finish [seconds]."""


class UtcInstant(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Store UTC without its zone; refuse what has none."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # as above
        """Give the zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


class Amount(TypeDecorator[Decimal]):
    """A Decimal, kept as text so that no digit is lost."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # as above
        """Write it plainly; NaN and infinity are refused."""
        if value is None:
            return None
        if not value.is_finite():
            raise ValueError(f"{value} is not an amount")
        return f"{value:f}"

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002  # as above
        """Read it back, digit for digit."""
        return None if value is None else Decimal(value)


def open_database(path: Path) -> Engine:
    """Engine on a database file that will be read and written; the file is created if it is not there."""
    return _engine(path, "rwc")


def open_to_read(path: Path) -> Engine:
    """Engine on an existing file, opened anew each time, so that a file moved away or replaced is noticed."""
    return _engine(path, "rw", query_only=True)


def _engine(path: Path, mode: str, *, query_only: bool = False) -> Engine:
    url = f"sqlite:///file:{quote(str(path.resolve()))}?mode={mode}&uri=true"
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": LOCK_WAIT})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver leaves transactions to us
        pragmas = ["foreign_keys=ON", "synchronous=FULL", *(["query_only=ON"] if query_only else ["journal_mode=WAL"])]
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one version of the book whole.

    Raises
    ------
    UnavailableError
        if the database does not answer.
    """
    try:
        with engine.connect() as connection, connection.begin():
            yield connection
    except DBAPIError as error:
        raise UnavailableError(f"the price book's database does not answer: {error.orig}") from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the write lock from its start; all of it happens, or nothing.

    Raises
    ------
    RefusedError
        if the database's own rules forbid what was written.
    UnavailableError
        if the database does not answer.
    """
    try:
        with engine.execution_options(writes=True).begin() as connection:
            yield connection
    except IntegrityError as error:
        raise RefusedError(f"the price book's database refuses this: {error.orig}") from error
    except DBAPIError as error:
        raise UnavailableError(f"the price book's database does not answer: {error.orig}") from error
