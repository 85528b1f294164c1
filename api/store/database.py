"""The database of a workspace: an SQLite file, or a PostgreSQL database, so opened that what was committed stays so.

Guarantees
----------
* A committed transaction survives a killed process and a power cut (write-ahead log; SQLite with synchronous=FULL,
  PostgreSQL with synchronous_commit=on, whatever the server's default).
* A writing transaction takes the write lock when it begins, so what it reads cannot change before it writes. Threads of
  a process get it in the order they came. One begun inside another joins it: what the two do happens together, or not
  at all.
* An instant is stored in UTC and read back with its zone; one without a zone is refused. Money is stored as text.
* Opening for reading, or what exists, never creates a file: a database that was moved away is an error, not an empty
  book.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, DateTime, Dialect, Engine, NullPool, String, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.types import TypeDecorator

from pricing.errors import InputError, RefusedError, UnavailableError

DATABASE_NAME = "prices.db"
LOCK_WAIT = 15
"""How long a writer waits for another to finish [seconds]."""
WRITER = 0x46616972
"""The advisory lock that a writer holds on PostgreSQL; any number that nobody else of the database uses."""
SURE = r"-c synchronous_commit=on -c default_transaction_isolation=read\ committed"
"""Whatever the server's defaults: what was acknowledged is on disk, and a writer sees what the one before did."""
KEEPALIVE = {"keepalives_idle": LOCK_WAIT, "keepalives_interval": 5, "keepalives_count": 3}
"""A server that vanished without a word is noticed within half a minute, not when the kernel gives up [seconds]."""
ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"


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


Place = Path | str
"""Where a database is: a file (SQLite), or the URL of a PostgreSQL database without its password."""


def open_database(place: Place) -> Engine:
    """Engine on a database that will be read and written; a file is created if it is not there."""
    return _sqlite(place, "rwc") if isinstance(place, Path) else _postgresql(place)


def open_existing(place: Place) -> Engine:
    """Engine on a database that will be read and written; a file that was moved away is an error."""
    return _sqlite(place, "rw") if isinstance(place, Path) else _postgresql(place)


def open_to_read(place: Place) -> Engine:
    """Engine that cannot write; a file is opened anew each time, so that one moved away or replaced is noticed."""
    return _sqlite(place, "rw", query_only=True) if isinstance(place, Path) else _postgresql(place, query_only=True)


def _sqlite(path: Path, mode: str, *, query_only: bool = False) -> Engine:
    url = f"sqlite:///file:{quote(str(path.resolve()))}?mode={mode}&uri=true"
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": LOCK_WAIT})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver leaves transactions to us
        # recursive_triggers: INSERT OR REPLACE is refused as the deletion that it is
        pragmas = ["foreign_keys=ON", "recursive_triggers=ON", "synchronous=FULL"]
        pragmas += ["query_only=ON" if query_only else "journal_mode=WAL"]
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")

    return engine


def _postgresql(url: str, *, query_only: bool = False) -> Engine:
    """Engine on a PostgreSQL database; what the URL leaves out the driver takes from PGPASSWORD and the like."""
    address = make_url(url)
    if address.get_backend_name() != "postgresql" or address.password is not None:
        raise InputError(
            "a database is named as postgresql://USER@HOST/NAME; its password goes into PGPASSWORD or ~/.pgpass"
        )
    if find_spec("psycopg") is None:
        raise InputError("PostgreSQL needs its driver: pip install 'fairfare[prod]'")
    readers = "on" if query_only else "off"
    options = f"{SURE} -c TimeZone=UTC -c lock_timeout={LOCK_WAIT}s -c default_transaction_read_only={readers}"
    engine = create_engine(
        address.set(drivername="postgresql+psycopg"),
        poolclass=NullPool,
        connect_args={"connect_timeout": LOCK_WAIT, "options": options, **KEEPALIVE},
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # one writer at a time, who sees what the one before committed; a reader sees one moment
        first = f"SELECT pg_advisory_xact_lock({WRITER})" if _writes(connection) else ONE_MOMENT
        connection.exec_driver_sql(first)

    return engine


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("writes", False))


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


_begun: ContextVar[tuple[Engine, Connection] | None] = ContextVar("_begun", default=None)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the write lock from its start; all of it happens, or nothing.

    Inside another on the same engine it is a part of that: it is undone alone if it fails, and committed with it.

    Raises
    ------
    RefusedError
        if the database's own rules forbid what was written.
    UnavailableError
        if the database does not answer.
    """
    outer = _begun.get()
    try:
        if outer is not None and outer[0] is engine:
            yield from _within(outer[1])
        else:
            yield from _alone(engine)
    except IntegrityError as error:
        raise RefusedError(f"the price book's database refuses this: {error.orig}") from error
    except DBAPIError as error:
        raise UnavailableError(f"the price book's database does not answer: {error.orig}") from error


def _alone(engine: Engine) -> Iterator[Connection]:
    with _in_turn(engine):
        with engine.execution_options(writes=True).begin() as connection:
            following: list[Callable[[], None]] = connection.info.setdefault(_FOLLOWING, [])
            token = _begun.set((engine, connection))
            try:
                yield connection
            finally:
                _begun.reset(token)
        for step in following:
            step()


class _Queue:
    """Lets threads through one at a time, in the order they came."""

    def __init__(self) -> None:
        self._waiting = deque[threading.Event]()
        self._mutex = threading.Lock()

    def enter(self, *, patience: float) -> bool:
        """Wait for one's turn for so long [seconds]; whether it came."""
        mine = threading.Event()
        with self._mutex:
            self._waiting.append(mine)
            if len(self._waiting) == 1:
                mine.set()
        if mine.wait(patience):
            return True
        with self._mutex:
            if not mine.is_set():
                self._waiting.remove(mine)
            return mine.is_set()

    def leave(self) -> None:
        """End one's turn; whoever waited longest is next."""
        with self._mutex:
            self._waiting.popleft()
            if self._waiting:
                self._waiting[0].set()


_QUEUES: dict[str, _Queue] = {}


@contextmanager
def _in_turn(engine: Engine) -> Iterator[None]:
    """Let the threads of a process write one after another; many that poll a database file would starve some."""
    queue = _QUEUES.setdefault(str(engine.url), _Queue())
    if not queue.enter(patience=LOCK_WAIT):
        raise UnavailableError(f"the price book's database does not answer: others have been writing for {LOCK_WAIT} s")
    try:
        yield
    finally:
        queue.leave()


def _within(connection: Connection) -> Iterator[Connection]:
    following: list[Callable[[], None]] = connection.info[_FOLLOWING]
    before = len(following)
    try:
        with connection.begin_nested():
            yield connection
    except BaseException:
        del following[before:]
        raise


def after_commit(connection: Connection, step: Callable[[], None]) -> None:
    """Do this once the writing transaction of this connection is committed, and never if it is not."""
    connection.info[_FOLLOWING].append(step)


_FOLLOWING = "after commit"
