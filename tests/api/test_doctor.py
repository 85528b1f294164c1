"""The doctor calls a sound workspace sound, and names what is wrong with one that is not, and what to do."""

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import doctor as _  # noqa: F401  # adds the command
from api.cli.main import app
from api.clock import utc_now
from api.doctor import PARTS, Health, examine
from api.served.snapshot import SNAPSHOT_NAME
from api.settings import FILE, default_text
from api.store.database import DATABASE_NAME
from api.store.keys import Scope, create_key
from api.store.log import ANCHOR_NAME
from api.store.overrides import Overrides
from api.workspace import Workspace
from pricing.errors import InputError
from pricing.law import NO_LAW
from tests.api.store.book_kit import LISTINGS, NOW, POLICY, Home, decision, override, publish
from tests.api.store.conftest import home, new_home, postgres
from tests.api.store.postgres import Server

__all__ = ["home", "new_home", "postgres"]
LATE = timedelta(days=1)


def shop_in(root: Path, home: Home) -> Workspace:
    """A workspace with two versions of the book, as a server left it."""
    place = Workspace.create(root / "shop", default_text(database=home if isinstance(home, str) else None))
    place.book.import_offers(LISTINGS, by="ann", now=NOW)
    publish(place.book, decision())
    place.refresh_snapshot(NOW)
    return place


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """One on SQLite."""
    return shop_in(tmp_path, tmp_path)


def told(place: Workspace, now: Any = None) -> dict[str, str]:
    """What is wrong, by part."""
    wrong = [check for check in examine(place.root, now=now or utc_now()) if check.health is Health.WRONG]
    return {part: "; ".join(check.found for check in wrong if check.part == part) for part in {c.part for c in wrong}}


def test_a_sound_workspace_is_called_sound(home: Home, tmp_path: Path) -> None:
    """On both databases: every part is looked at, a line for each, and nothing is changed."""
    place = shop_in(tmp_path, home)
    before = {path: path.read_bytes() for path in place.root.iterdir()}
    checks = examine(place.root, now=utc_now())
    assert [check for check in checks if check.health is Health.WRONG] == []
    assert [check.part for check in checks] == ["settings", *PARTS]
    assert {path: path.read_bytes() for path in place.root.iterdir() if path in before} == before


def sql(place: Workspace, *statements: str) -> None:
    """Change the database past all of our code."""
    with closing(sqlite3.connect(place.root / DATABASE_NAME)) as db, db:
        for statement in statements:
            db.execute(statement)


BROKEN: dict[str, tuple[str, str, Callable[[Workspace], object]]] = {
    "a readable database": ("permissions", "chmod 600", lambda p: (p.root / DATABASE_NAME).chmod(0o644)),
    "an older revision": (
        "database",
        "run `fairfare upgrade`",
        lambda p: sql(p, "UPDATE alembic_version SET version_num = '0001'"),
    ),
    "a damaged page": ("database", "does not answer", lambda p: damage(p.root / DATABASE_NAME)),
    "an edited price": (
        "log",
        "is not what the log tells",
        lambda p: sql(p, "DROP TRIGGER prices_close_only", "UPDATE prices SET price = '0.01' WHERE version = 2"),
    ),
    "a log without its tail": (
        "log",
        "the anchor log.anchor knows it",
        lambda p: sql(p, "DROP TRIGGER log_no_delete", "DELETE FROM log WHERE number = 4"),
    ),
    "no anchor": ("log", "is gone", lambda p: (p.root / ANCHOR_NAME).unlink()),
    "a damaged snapshot": ("snapshot", "delete it", lambda p: (p.root / SNAPSHOT_NAME).write_text("{}")),
    "a database that is gone": ("database", "does not answer", lambda p: (p.root / DATABASE_NAME).unlink()),
}


def damage(path: Path) -> None:
    """Write nonsense over the first page."""
    with path.open("r+b") as file:
        file.write(os.urandom(4096))


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_wrong_is_named_with_what_to_do(broken: str, shop: Workspace) -> None:
    """Whatever is wrong, and every other part is looked at too."""
    part, reason, harm = BROKEN[broken]
    harm(shop)
    assert reason in told(shop)[part]
    assert len({check.part for check in examine(shop.root, now=utc_now())}) == len(PARTS) + 1


def test_other_prices_on_disk_than_in_the_book_are_wrong(shop: Workspace, tmp_path: Path) -> None:
    """Even with the right version and a right checksum."""
    other = shop_in(tmp_path / "other", tmp_path)
    publish(other.book, decision(price="12.00", now="11.00"), name="p2")
    shop.book.rollback(2, by="bob", now=NOW, policy=POLICY)
    other.refresh_snapshot(NOW)
    (other.root / SNAPSHOT_NAME).replace(shop.root / SNAPSHOT_NAME)
    assert "holds other prices than the book" in told(shop)["snapshot"]


def test_a_clock_behind_the_book_is_wrong(shop: Workspace) -> None:
    """By the latest publication; and by PostgreSQL's clock, where there is one."""
    assert "behind the latest publication" in told(shop, NOW - LATE)["clock"]


def test_postgresql_has_its_own_clock_and_guard(postgres: Server, tmp_path: Path) -> None:
    """Two clocks that disagree are named, and a missing constraint is."""
    place = shop_in(tmp_path, postgres.new_database())
    assert "apart" in told(place, NOW + LATE)["clock"]
    with place.book._engine.begin() as db:
        db.exec_driver_sql("ALTER TABLE prices DROP CONSTRAINT prices_no_overlap")
    assert "overlaps is gone" in told(place)["database"]


def test_a_full_disk_and_a_wrong_solver_are_named(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less room than a backup needs; an answer that is not the best."""
    monkeypatch.setattr("api.doctor.LEAST_SPACE", 2**80)
    monkeypatch.setattr("api.doctor.TINY", '{"currency": "EUR"}')
    assert {"disk", "solver"} <= told(shop).keys()


def test_what_is_worth_knowing_leaves_a_workspace_sound(shop: Workspace) -> None:
    """A freeze, an old key, no sales, no fit, a snapshot behind the book."""
    create_key(shop.book._engine, {Scope.ADMIN}, holder="till", by="ann", now=NOW)
    shop.book.freeze(by="cyd", now=NOW, reason="flood")
    shop.book.unfreeze(by="cyd", now=NOW, reason="over")
    publish(shop.book, decision(price="12.00", now="11.00"), name="p2")
    shop.book.freeze(by="cyd", now=NOW, reason="flood")
    minded = {check.part: check.found for check in examine(shop.root, now=NOW + 400 * LATE) if check.health == "mind"}
    assert minded.keys() >= {"prices", "keys", "history", "fit", "snapshot"}
    assert "by cyd (flood)" in minded["prices"]
    assert "make a new one" in minded["keys"]
    assert told(shop) == {}


def test_overrides_that_stand_are_worth_knowing(shop: Workspace) -> None:
    """Until they end, by themselves."""
    Overrides(shop.book._engine, shop.root / ANCHOR_NAME).set(override(amount="12.00"), policy=POLICY, law=NO_LAW)
    found = [check.found for check in examine(shop.root, now=NOW) if check.health == "mind" and check.part == "prices"]
    assert found == ["hamlet-adult: ceiling of 12.00 that Ann set until 2026-03-09 09:30 UTC (promised)"]
    assert not any("Ann" in check.found for check in examine(shop.root, now=NOW + 8 * LATE))
    assert told(shop) == {}


def test_a_sale_of_the_future_is_wrong(shop: Workspace, tmp_path: Path) -> None:
    """Whether the clock went back or the file was wrong."""
    file = tmp_path / "sales.csv"
    file.write_text("date,product,quantity,price\n2026-03-02,a,3,1.50\n", encoding="utf-8")
    shop.ingest("sales", file, by="ann", now=datetime(2026, 3, 2, tzinfo=UTC))
    assert "2026-03-02, which lies in the future" in told(shop, datetime(2026, 3, 1, 23, tzinfo=UTC))["history"]
    assert "history" not in told(shop, datetime(2026, 3, 2, 23, tzinfo=UTC))


def test_offers_that_are_in_no_market_are_wrong(shop: Workspace) -> None:
    """A second market makes it unclear whose fees and notices stand beside the prices of channels in neither."""
    markets = "".join(f'[[markets]]\nname = "{name}"\nchannels = ["{name}"]\n' for name in ("north", "south"))
    assert "law" not in told(shop)
    (shop.root / FILE).write_text(default_text() + markets, encoding="utf-8")
    wrong = told(shop)["law"]
    assert all(f"whose law holds for {key[0]} in" in wrong for key in shop.book.listings())


def test_the_command_exits_as_it_found(shop: Workspace, tmp_path: Path) -> None:
    """0 and a line for each part; 1 if something is wrong, also as JSON; what is no workspace is refused."""
    sound = CliRunner().invoke(app, ["doctor", "--workspace", str(shop.root)])
    assert (sound.exit_code, len(sound.output.splitlines())) == (0, len(PARTS) + 1)
    (shop.root / DATABASE_NAME).chmod(0o644)
    wrong = CliRunner().invoke(app, ["doctor", "--json", "--workspace", str(shop.root)])
    assert wrong.exit_code == 1
    assert [check["part"] for check in json.loads(wrong.output) if check["health"] == "wrong"] == ["permissions"]
    refused = CliRunner().invoke(app, ["doctor", "--workspace", str(tmp_path)])
    assert isinstance(refused.exception, InputError)
