"""What docs/operations.md tells an operator to do works, and the container files name what exists."""

import re
import tempfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
import yaml  # type: ignore[import-untyped]  # it publishes no types
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from api.backup import DUMP_NAME, back_up
from api.cli.main import COMMANDS
from api.served.metrics import Meter
from api.settings import FILE, default_text
from api.store.book import PriceBook
from api.store.database import open_database, reading, writing
from api.store.keys import Scope, create_key
from api.store.log import ANCHOR_NAME, verify
from api.store.migrations import upgrade
from api.store.tables import sales
from api.workspace import Workspace
from tests.api.store.book_kit import DAY, IDS, LISTINGS, NOW, POLICY, Home, decision, publish
from tests.api.store.conftest import home, new_home, postgres
from tests.api.store.postgres import Server
from tests.real_data import ROOT

__all__ = ["home", "new_home", "postgres"]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
HOUR = timedelta(hours=1)


def sql(name: str) -> str:
    """The statements of the page under this name."""
    found = re.search(rf"```sql\n-- {name}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture
def least(postgres: Server) -> tuple[str, str]:
    """A database with the roles and privileges of the page; its URL for the owner, and for the one who serves."""
    url = postgres.blank_database()
    with psycopg.connect(url, autocommit=True) as db:
        for role in ("fairfare_owner", "fairfare"):
            if db.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [f"{role}_"]).fetchone():
                continue
            db.execute(f"CREATE ROLE {role}_ LOGIN".encode())
        for statement in sql("roles").split(";")[2:-1]:
            db.execute(served_by(statement).encode())
    owner, serves = (url.replace("fairfare@", f"{role}@") for role in ("fairfare_owner_", "fairfare_"))
    upgrade(open_database(owner))
    with psycopg.connect(owner, autocommit=True) as db:
        for statement in sql("privileges").split(";")[:-1]:
            db.execute(served_by(statement).encode())
    return owner, serves


def served_by(statement: str) -> str:
    """The statement for roles that are not the test server's superuser, who is called fairfare too."""
    return re.sub(r"\bfairfare(_owner)?\b", r"fairfare\1_", statement)


def test_the_role_that_serves_can_do_all_it_needs(least: tuple[str, str], tmp_path: Path) -> None:
    """Every step of the price book, keys, verifying and backing up; with the privileges of the page and no more."""
    engine = open_database(least[1])
    book = PriceBook(engine, tmp_path / ANCHOR_NAME)
    book.import_offers(LISTINGS, by="ann", now=NOW)
    publish(book, decision())
    publish(book, decision(IDS[1]), name="p2", at=NOW + DAY)
    book.rollback(3, by="bob", now=NOW + DAY, policy=POLICY)
    book.freeze(by="bob", now=NOW + DAY, reason="test")
    create_key(engine, {Scope.ADMIN}, holder="till", by="ann", now=NOW)
    assert verify(engine, tmp_path / ANCHOR_NAME) == ()
    (tmp_path / FILE).write_text(default_text(database=least[1]), encoding="utf-8")
    with tempfile.TemporaryDirectory() as elsewhere:
        assert DUMP_NAME in back_up(tmp_path, Path(elsewhere) / "season.backup", now=NOW).files


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE prices SET price = '0.01'",
        "UPDATE log SET by = 'eve'",
        "DELETE FROM log",
        "TRUNCATE log",
        "DELETE FROM prices",
        "ALTER TABLE prices DISABLE TRIGGER ALL",
        "DROP TRIGGER prices_close_only ON prices",
        "ALTER TABLE prices DROP CONSTRAINT prices_no_overlap",
        "INSERT INTO secrets (name, value) VALUES ('other', 'x')",
        "UPDATE alembic_version SET version_num = '0001'",
        "CREATE TABLE mine (x int)",
    ],
)
def test_the_role_that_serves_can_do_no_more(least: tuple[str, str], statement: str) -> None:
    """It cannot edit or delete what is recorded, nor take away what guards it."""
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"), open_database(least[1]).begin() as db:
        db.execute(text(statement))


def test_who_paid_a_wrong_price_is_found(home: Home, tmp_path: Path) -> None:
    """Sales at more than the price before, while the wrong one was in force; not those before, after, or at less."""
    place = Workspace.create(tmp_path / "shop", default_text(database=home if isinstance(home, str) else None))
    place.book.import_offers(LISTINGS, by="ann", now=NOW)
    publish(place.book, decision(price="12.00"), at=NOW + DAY)
    place.book.rollback(2, by="bob", now=NOW + 2 * DAY, policy=POLICY)
    sold = {"before": (NOW, "12.00"), "wrong": (NOW + DAY + HOUR, "12.00"), "less": (NOW + DAY + HOUR, "9.00")}
    sold |= {"after": (NOW + 3 * DAY, "12.00")}
    with writing(place.book._engine) as db:
        for name, (at, price) in sold.items():
            row = {"id": name, "offer": IDS[0], "channel": "all", "sold_at": at, "quantity": 2, "price": Decimal(price)}
            db.execute(insert(sales).values(**row, currency="EUR", received_at=at, by="till"))
    with reading(place.book._engine) as db:
        found = db.execute(text(sql("refunds").rstrip().removesuffix(";")), {"version": 2}).all()
    assert [(row.id, row.paid, row.price_before) for row in found] == [("wrong", "12.00", "10.00")]


def test_every_metric_is_named_and_no_other() -> None:
    """What an operator is told to watch exists, and what exists is told."""
    told = set(re.findall(r"`(fairfare_[a-z_]+)`", PAGE.split("## Watch")[1].split("\n## ")[0]))
    meter = Meter()
    meter.failed()
    exposed = {line.split()[2] for line in meter.exposition().decode().splitlines() if line.startswith("# TYPE")}
    assert told == exposed


def test_the_container_files_name_what_exists() -> None:
    """Files that are copied, the lock with the driver in it, commands, ports, a user who is not root."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    copied = [name for line in lines if line.startswith("COPY") and "--from" not in line for name in line.split()[1:-1]]
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert all((ROOT / name).exists() and f"!{name}" in allowed for name in copied)
    assert {"api", "forecasting", "optimization", "pricing", "requirements-prod.lock"} <= set(copied)
    assert "psycopg==" in (ROOT / "requirements-prod.lock").read_text(encoding="utf-8")
    assert "USER 10001" in lines
    services = compose["services"]
    for name in ("serve", "worker"):
        assert services[name]["command"][0] == name in COMMANDS
        assert services[name]["read_only"] is True
    assert services["serve"]["ports"] == ["127.0.0.1:8000:8000"]
    assert "EXPOSE 8000" in lines
    assert "ports" not in services["database"], "nobody else reaches the database"


def test_every_guard_names_a_test_that_exists() -> None:
    """The table of threats refers to files of tests that are there."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = page.split("## Threats, guards, tests")[1].split("\n## ")[0]
    named = set(re.findall(r"`((?:tests/)?[a-z_/]*(?:test_[a-z_]+\*?\.py|pages/))`", table))
    assert len(named) > 25
    for name in named:
        folder = ROOT if name.startswith("tests/") else ROOT / "tests" / "api"
        assert list(folder.glob(name)), name


def test_each_test_that_the_model_of_threats_names_exists() -> None:
    """A guard whose test was moved or removed is noticed."""
    threats = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]*test_[\w*]+\.py)`", threats)
    assert len(named) > 40
    assert [name for name in named if not any(any(ROOT.glob(at + name)) for at in ("", "tests/api/"))] == []
