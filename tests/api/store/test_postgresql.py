"""A workspace whose price book is on PostgreSQL: same prices, same serving when the server goes away."""

from pathlib import Path

import pytest

from api.app import serving_app
from api.location import database_of
from api.served.follower import Follower
from api.served.snapshot import SNAPSHOT_NAME
from api.settings import default_text
from api.workspace import Workspace
from pricing.errors import UnavailableError
from tests.api.clocks import still
from tests.api.store.book_kit import LISTINGS, NOW, decision, price_list, publish
from tests.api.store.postgres import Server


@pytest.fixture
def workspace(postgres: Server, tmp_path: Path) -> Workspace:
    """A workspace on a database of its own, with three prices in force."""
    place = Workspace.create(tmp_path, default_text(database=postgres.new_database()))
    place.book.import_offers(LISTINGS, by="ann", now=NOW)
    return place


def test_the_settings_say_where_the_book_is(workspace: Workspace, postgres: Server) -> None:
    """No file is made; whoever opens the folder finds the same book."""
    assert database_of(workspace.root) == workspace.database
    assert str(workspace.database).startswith(f"postgresql://fairfare@/book{int(next(postgres.numbers)) - 1}")
    assert sorted(path.name for path in workspace.root.iterdir()) == ["fairfare.toml"]
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
