"""The database itself refuses what must never be, whoever writes to it."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, Executable, NullPool, create_engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from api.store.database import DATABASE_NAME, open_database, open_to_read, reading, writing
from api.store.migrations import upgrade
from api.store.overrides import Overrides
from api.store.tables import metadata, prices, publications
from pricing.errors import InputError, RefusedError, UnavailableError
from pricing.law import NO_LAW
from tests.api.store.book_kit import IDS, NOW, POLICY, Home, book_with_prices, decision, override, place_in, publish

INSERT = (
    "INSERT INTO prices (offer, channel, currency, price, version, valid_from, valid_until, terms) "
    "VALUES ('hamlet-adult', 'all', 'EUR', '{price}', {version}, '{start}', {end}, '{{}}')"
)


Sql = Callable[[str], None]
"""Runs one statement, past all of our code."""


@pytest.fixture
def raw(home: Home) -> Iterator[Sql]:
    """A plain connection to a book at version 2."""
    publish(book_with_prices(home), decision())
    Overrides(open_database(place_in(home))).set(override(), policy=POLICY, law=NO_LAW)
    url = f"sqlite:///{place_in(home)}" if isinstance(home, Path) else home.replace("://", "+psycopg://", 1)
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as db:
        if isinstance(home, Path):
            db.exec_driver_sql("PRAGMA foreign_keys=ON")
        yield lambda statement: db.exec_driver_sql(statement).close()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param("2026-03-03 00:00:00.000000", "NULL", id="beside the open price"),
        pytest.param("2026-03-03 00:00:00.000000", "'2026-03-04 00:00:00.000000'", id="within the open price"),
        pytest.param("2020-01-01 00:00:00.000000", "'2026-03-02 09:30:00.000001'", id="reaching into the first price"),
    ],
)
def test_the_database_refuses_an_overlap(raw: Sql, start: str, end: str) -> None:
    """Even to raw SQL: two prices of an offer at one instant cannot be stored."""
    raw("INSERT INTO publications (version, change, by, at) VALUES (3, 'import', 'x', '2026-03-03')")
    with pytest.raises(DBAPIError, match=r"two prices of one offer at one instant|prices_no_overlap|uq_prices_open"):
        raw(INSERT.format(price="11.00", version=3, start=start, end=end))


def test_two_open_prices_are_refused_twice_over(raw: Sql, home: Home) -> None:
    """Even without the trigger or the exclusion constraint, the unique index allows one open price."""
    sqlite = isinstance(home, Path)
    raw("DROP TRIGGER prices_no_overlap" if sqlite else "ALTER TABLE prices DROP CONSTRAINT prices_no_overlap")
    raw("INSERT INTO publications (version, change, by, at) VALUES (3, 'import', 'x', '2026-03-03')")
    with pytest.raises(DBAPIError, match=r"(?i)unique"):
        raw(INSERT.format(price="11.00", version=3, start="2026-03-03 00:00:00.000000", end="NULL"))


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
        "DELETE FROM overrides",
        "UPDATE overrides SET amount = NULL",
        "UPDATE prices SET price = '0.01'",
        "UPDATE prices SET price = '0.01', valid_until = '2030-01-01' WHERE valid_until IS NULL",
        "UPDATE prices SET valid_until = NULL WHERE valid_until IS NOT NULL",
        "UPDATE prices SET valid_until = '2030-01-01' WHERE valid_until IS NOT NULL",
    ],
)
def test_what_is_recorded_is_never_edited(raw: Sql, statement: str) -> None:
    """A row may be added; a price may be closed, once; nothing else."""
    with pytest.raises(DBAPIError, match=r"only ever appended|never deleted|only be closed"):
        raw(statement)


def test_what_is_recorded_is_never_replaced(tmp_path: Path) -> None:
    """Nor by the statement of SQLite that deletes before it inserts."""
    publish(book_with_prices(tmp_path), decision())
    replacing = (
        "INSERT OR REPLACE INTO reviews (proposal, verdict, by, at) VALUES ('p1', 'approved', 'eve', '2026-03-02')"
    )
    with pytest.raises(RefusedError, match="only ever appended"), writing(open_database(place_in(tmp_path))) as db:
        db.execute(text(replacing))


@pytest.mark.parametrize("price", ["0", "-1.00", "NaN", "Infinity", ""])
def test_the_database_refuses_what_is_not_a_price(raw: Sql, price: str) -> None:
    """Zero, negative and not a number."""
    with pytest.raises(DBAPIError, match=r"ck_prices_price|invalid input"):
        raw(INSERT.format(price=price, version=2, start="2020-01-01", end="'2020-01-02'").replace("-adult", "-new"))


def test_a_refusal_of_the_database_is_a_refusal_of_the_book(home: Home) -> None:
    """It reaches the caller as one of our errors, and the transaction is undone."""
    book_with_prices(home)
    engine = open_database(place_in(home))
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


def test_the_migrations_lead_to_the_tables(home: Home) -> None:
    """A migrated database has exactly the tables the code declares, and migrating it again does nothing."""
    engine = open_database(place_in(home))
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


def test_money_and_instants_are_read_back_equal(home: Home) -> None:
    """A Decimal keeps its digits, an instant its zone; an instant without one is refused."""
    book = book_with_prices(home)
    (price,) = book.history(IDS[0])
    assert (str(price.price), price.valid_from) == ("10.00", NOW)
    with pytest.raises(Exception, match="no time zone"):
        book.prices_in_force(datetime(2026, 1, 1))  # noqa: DTZ001  # what is tested
    with pytest.raises(Exception, match="not an amount"), writing(open_database(place_in(home))) as db:
        db.execute(insert(prices).values(price=Decimal("NaN")))


def test_opening_to_read_creates_nothing(tmp_path: Path) -> None:
    """A database that is not there is an error, not an empty book."""
    with pytest.raises(UnavailableError), reading(open_to_read(tmp_path / "gone.db")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_opened_to_read_cannot_write(home: Home) -> None:
    """Whoever serves prices cannot change one, whatever goes wrong there."""
    book_with_prices(home)
    with pytest.raises(UnavailableError, match=r"readonly|read-only"), reading(open_to_read(place_in(home))) as db:
        db.execute(text("INSERT INTO freezes VALUES (1, 1, 'x', '2026-01-01', 'x')"))


def test_a_reader_sees_one_moment(home: Home) -> None:
    """What is published while a reader reads is not half there: both of its looks see the same version."""
    book = book_with_prices(home)
    with reading(open_to_read(place_in(home))) as db:
        before = db.scalars(select(publications.c.version)).all()
        publish(book, decision())
        assert db.scalars(select(publications.c.version)).all() == before == [1]


def test_writers_of_a_process_take_turns_in_the_order_they_came(tmp_path: Path) -> None:
    """Whoever writes one thing after another lets those in between who came meanwhile."""
    engine, came = open_database(tmp_path / DATABASE_NAME), list[str]()

    def write(name: str) -> None:
        with writing(engine):
            came.append(name)

    waiting = [Thread(target=write, args=(name,)) for name in "bcdef"]
    with writing(engine):
        for thread in waiting:
            thread.start()
            time.sleep(0.02)
    for _ in range(5):
        write("a")
    for thread in waiting:
        thread.join()
    assert (sorted(came[:5]), came[5:]) == ([*"bcdef"], [*"aaaaa"])


def test_who_gives_up_waiting_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that was not taken passes to the next."""
    engine, told = open_database(tmp_path / DATABASE_NAME), list[str]()

    def write() -> None:
        try:
            with writing(engine):
                told.append("written")
        except UnavailableError as error:
            told.append(str(error))

    with writing(engine):
        monkeypatch.setattr("api.store.database.LOCK_WAIT", 0.05)
        impatient = Thread(target=write)
        impatient.start()
        impatient.join()
    assert "others have been writing" in told[0]
    write()
    assert told[1] == "written"


def test_a_password_does_not_belong_into_an_address() -> None:
    """It would end up in a settings file."""
    with pytest.raises(InputError, match="PGPASSWORD"):
        open_database("postgresql://ann:secret@db.example/prices")
