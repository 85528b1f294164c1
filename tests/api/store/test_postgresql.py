"""A workspace whose price book is on PostgreSQL: same prices, same serving when the server goes away."""

import threading
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from api.app import serving_app
from api.location import database_of
from api.served.follower import Follower
from api.served.snapshot import SNAPSHOT_NAME
from api.settings import default_text
from api.store.book import PriceBook
from api.store.database import WRITER, open_database, writing
from api.store.log import ANCHOR_NAME
from api.workspace import Workspace
from pricing.errors import RefusedError, UnavailableError
from tests.api.clocks import still
from tests.api.store.book_kit import (
    LISTINGS,
    NOW,
    book_with_prices,
    decision,
    price_list,
    proposal,
    publish,
    put_in_force,
)
from tests.api.store.postgres import Server


@pytest.fixture
def workspace(postgres: Server, tmp_path: Path) -> Workspace:
    """A workspace on a database of its own, with three prices in force."""
    place = Workspace.create(tmp_path, default_text(database=postgres.new_database()))
    place.book.import_offers(LISTINGS, by="ann", now=NOW)
    return place


def test_the_settings_say_where_the_book_is(workspace: Workspace, postgres: Server) -> None:
    """Beside the settings lies the log's anchor only; whoever opens the folder finds the same book."""
    assert database_of(workspace.root) == workspace.database
    assert str(workspace.database).startswith(f"postgresql://fairfare@/book{int(next(postgres.numbers)) - 1}")
    assert sorted(path.name for path in workspace.root.iterdir()) == ["fairfare.toml", ANCHOR_NAME]
    publish(workspace.book, decision())
    assert price_list(Workspace.open(workspace.root).book)["hamlet-adult"] == "11.00"


def test_prices_are_served_on_while_the_server_is_down(workspace: Workspace, postgres: Server) -> None:
    """Stale and said so; a start without the database too; fresh again once it is back."""
    follower = Follower(workspace.database, workspace.root / SNAPSHOT_NAME, clock=still())
    follower.refresh()
    assert not follower.current().stale
    postgres.halt()
    try:
        follower.refresh()
        assert (follower.current().snapshot.content.version, follower.current().stale) == (1, True)
        ready = serving_app(workspace.root, clock=still()).test_client().get("/readyz").get_json()
        assert (ready["version"], ready["stale"]) == (1, True)
        with pytest.raises(UnavailableError, match="does not answer"):
            workspace.book.version()
    finally:
        postgres.resume()
    publish(workspace.book, decision())
    follower.refresh()
    assert (follower.current().snapshot.content.version, follower.current().stale) == (2, False)


def test_a_server_that_is_not_there_makes_no_workspace(tmp_path: Path) -> None:
    """Settings without a book would be half a workspace."""
    with pytest.raises(UnavailableError, match="does not answer"):
        Workspace.create(tmp_path, default_text(database=f"postgresql://ann@/prices?host={tmp_path}"))
    assert list(tmp_path.iterdir()) == []


def test_a_server_set_otherwise_loses_nothing_and_freezes_at_once(postgres: Server) -> None:
    """Neither its default of durability nor that of isolation counts: a writer that had to wait sees the freeze."""
    url = postgres.new_database()
    book = book_with_prices(url)
    book.propose(proposal(decision()))
    book.approve("p1", by="bob", now=NOW)
    told: list[str] = []
    with psycopg.connect(url) as other:
        name = other.info.dbname
        for default in ("default_transaction_isolation TO 'repeatable read'", "synchronous_commit TO off"):
            other.execute(f"ALTER DATABASE {name} SET {default}")
        other.commit()
        other.execute("SELECT pg_advisory_xact_lock(%s)", (WRITER,))
        publishing = threading.Thread(target=publish_or_not, args=(book, told))
        publishing.start()
        while not other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
            time.sleep(0.01)
        other.execute("INSERT INTO freezes (frozen, by, at, reason) VALUES (1, 'ann', '2026-03-02', 'a slip')")
        other.commit()
        publishing.join()
    assert "prices are frozen" in told[0]
    with writing(open_database(url)) as db:
        assert db.scalar(text("SHOW synchronous_commit")) == "on"


def publish_or_not(book: PriceBook, told: list[str]) -> None:
    """Publish; what came of it."""
    try:
        told.append(f"version {put_in_force(book)}")
    except RefusedError as error:
        told.append(str(error))
