"""Every test of the price book that asks for a home runs on SQLite and on PostgreSQL."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.store.book_kit import Home
from tests.api.store.postgres import Server, find_binaries


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server for the whole run; without PostgreSQL its tests are skipped, but never where CI is true."""
    if find_binaries() is None:
        reason = "PostgreSQL is not installed"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    server = Server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_home(request: pytest.FixtureRequest) -> Iterator[Callable[[], Home]]:
    """Make a home for a price book: an empty folder, or the URL of a database with empty tables."""
    if request.param == "postgresql":
        yield request.getfixturevalue("postgres").new_database
        return
    with tempfile.TemporaryDirectory() as root:
        yield lambda: Path(tempfile.mkdtemp(dir=root))


@pytest.fixture
def home(new_home: Callable[[], Home]) -> Home:
    """A home for one price book."""
    return new_home()
