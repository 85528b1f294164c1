"""The database itself refuses what must never be, whoever writes to it."""

import sqlite3
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, Executable, insert, select, text

from api.store.database import DATABASE_NAME, open_database, open_to_read, reading, writing
from api.store.migrations import upgrade
from api.store.tables import metadata, prices, publications
from pricing.errors import RefusedError, UnavailableError
from tests.api.store.book_kit import IDS, NOW, book_with_prices, decision, publish

INSERT = (
    "INSERT INTO prices (offer, channel, currency, price, version, valid_from, valid_until, terms) "
    "VALUES ('hamlet-adult', 'all', 'EUR', '{price}', {version}, '{start}', {end}, '{{}}')"
)


@pytest.fixture
def raw(tmp_path: Path) -> sqlite3.Connection:
    """A plain connection, past all of our code, to a book at version 2."""
    book = book_with_prices(tmp_path)
    publish(book, decision())
    connection = sqlite3.connect(tmp_path / DATABASE_NAME)
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param("2026-03-03 00:00:00.000000", "NULL", id="beside the open price"),
        pytest.param("2026-03-03 00:00:00.000000", "'2026-03-04 00:00:00.000000'", id="within the open price"),
        pytest.param("2020-01-01 00:00:00.000000", "'2026-03-02 09:30:00.000001'", id="reaching into the first price"),
    ],
)
def test_the_database_refuses_an_overlap(raw: sqlite3.Connection, start: str, end: str) -> None:
    """Even to raw SQL: two prices of an offer at one instant cannot be stored."""
    raw.execute("INSERT INTO publications (version, change, by, at) VALUES (3, 'import', 'x', '2026-03-03')")
    with pytest.raises(sqlite3.IntegrityError, match="two prices of one offer at one instant"):
        raw.execute(INSERT.format(price="11.00", version=3, start=start, end=end))
    raw.close()


def test_two_open_prices_are_refused_twice_over(raw: sqlite3.Connection) -> None:
    """Even without the trigger, the unique index allows one open price."""
    raw.execute("DROP TRIGGER prices_no_overlap")
    raw.execute("INSERT INTO publications (version, change, by, at) VALUES (3, 'import', 'x', '2026-03-03')")
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        raw.execute(INSERT.format(price="11.00", version=3, start="2026-03-03 00:00:00.000000", end="NULL"))
    raw.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM prices",
        "DELETE FROM publications",
        "DELETE FROM proposals",
        "DELETE FROM reviews",
        "UPDATE publications SET by = 'x'",
        "UPDATE proposals SET body = ''",
        "UPDATE reviews SET by = 'ann'",
        "UPDATE prices SET price = '0.01'",
        "UPDATE prices SET price = '0.01', valid_until = '2030-01-01' WHERE valid_until IS NULL",
        "UPDATE prices SET valid_until = NULL WHERE valid_until IS NOT NULL",
        "UPDATE prices SET valid_until = '2030-01-01' WHERE valid_until IS NOT NULL",
    ],
)
def test_what_is_recorded_is_never_edited(raw: sqlite3.Connection, statement: str) -> None:
    """A row may be added; a price may be closed, once; nothing else."""
    with pytest.raises(sqlite3.IntegrityError, match=r"only ever appended|never deleted|only be closed"):
        raw.execute(statement)
    raw.close()


@pytest.mark.parametrize("price", ["0", "-1.00", "NaN", ""])
def test_the_database_refuses_what_is_not_a_price(raw: sqlite3.Connection, price: str) -> None:
    """Zero, negative and not a number."""
    with pytest.raises(sqlite3.IntegrityError, match="ck_prices_price"):
        raw.execute(
            INSERT.format(price=price, version=2, start="2020-01-01", end="'2020-01-02'").replace("-adult", "-new")
        )
    raw.close()


def test_a_refusal_of_the_database_is_a_refusal_of_the_book(tmp_path: Path) -> None:
    """It reaches the caller as one of our errors, and the transaction is undone."""
    book_with_prices(tmp_path)
    engine = open_database(tmp_path / DATABASE_NAME)
    row = {"version": 2, "change": "import", "by": "x", "at": NOW.replace(year=2027)}
    with pytest.raises(RefusedError, match="refuses"):
        write_all(engine, insert(publications).values(row), text("DELETE FROM prices"))
    with reading(engine) as db:
        assert db.scalars(select(publications.c.version)).all() == [1]


def write_all(engine: Engine, *statements: Executable) -> None:
    """Run statements in one transaction."""
    with writing(engine) as db:
        for statement in statements:
            db.execute(statement)


def test_the_migrations_lead_to_the_tables(tmp_path: Path) -> None:
    """A migrated database has exactly the tables the code declares, and migrating it again does nothing."""
    engine = open_database(tmp_path / DATABASE_NAME)
    upgrade(engine)
    upgrade(engine)
    with engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []


def test_what_was_committed_stays(tmp_path: Path) -> None:
    """The file is opened with a write-ahead log, full synchronisation and foreign keys."""
    book_with_prices(tmp_path)
    with open_database(tmp_path / DATABASE_NAME).connect() as db:
        found = [db.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")]
    assert found == ["wal", 2, 1]


def test_money_and_instants_are_read_back_equal(tmp_path: Path) -> None:
    """A Decimal keeps its digits, an instant its zone; an instant without one is refused."""
    book = book_with_prices(tmp_path)
    (price,) = book.history(IDS[0])
    assert (str(price.price), price.valid_from) == ("10.00", NOW)
    with pytest.raises(Exception, match="no time zone"):
        book.prices_in_force(datetime(2026, 1, 1))  # noqa: DTZ001  # what is tested
    with pytest.raises(Exception, match="not an amount"), writing(open_database(tmp_path / DATABASE_NAME)) as db:
        db.execute(insert(prices).values(price=Decimal("NaN")))


def test_opening_to_read_creates_nothing(tmp_path: Path) -> None:
    """A database that is not there is an error, not an empty book, and cannot be written through that door."""
    with pytest.raises(UnavailableError), reading(open_to_read(tmp_path / "gone.db")):
        pass
    assert list(tmp_path.iterdir()) == []
    book_with_prices(tmp_path)
    with pytest.raises(UnavailableError, match="readonly"), reading(open_to_read(tmp_path / DATABASE_NAME)) as db:
        db.execute(text("INSERT INTO freezes VALUES (1, 1, 'x', '2026-01-01', 'x')"))
