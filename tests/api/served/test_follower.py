"""The prices served follow the book, and outlive its database."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from api.served.follower import STALE_AFTER, Follower
from api.served.snapshot import SNAPSHOT_NAME, load
from api.store.book import PriceBook
from api.store.database import DATABASE_NAME, open_database
from api.store.keys import Scope, create_key, hash_of
from tests.api.clocks import still
from tests.api.store.book_kit import IDS, NOW, book_with_prices, decision, publish


@pytest.fixture
def book(tmp_path: Path) -> PriceBook:
    """A book at version 1."""
    return book_with_prices(tmp_path)


def follow(folder: Path) -> Follower:
    """A follower that looks only when told to."""
    return Follower(folder / DATABASE_NAME, folder / SNAPSHOT_NAME, clock=still())


@contextmanager
def database_moved_away(folder: Path) -> Iterator[None]:
    """For a while there is no database."""
    (away := folder / "away").mkdir()
    files = list(folder.glob(f"{DATABASE_NAME}*"))
    for file in files:
        shutil.move(file, away)
    yield
    for file in files:
        shutil.move(away / file.name, file)
    away.rmdir()


def test_a_publication_is_served_at_the_next_look(book: PriceBook, tmp_path: Path) -> None:
    """Memory and disk hold the new version; without a new version nothing is read or written again."""
    follower = follow(tmp_path)
    follower.refresh()
    publish(book, decision())
    follower.refresh()
    view = follower.current()
    assert (view.snapshot.content.version, view.stale) == (2, False)
    on_disk = load(tmp_path / SNAPSHOT_NAME)
    assert on_disk is not None
    assert on_disk.content == view.snapshot.content
    follower.refresh()
    assert follower.current().snapshot is view.snapshot


def test_a_new_key_is_known_at_the_next_look(book: PriceBook, tmp_path: Path) -> None:
    """Without a new version of the book."""
    follower = follow(tmp_path)
    follower.refresh()
    key = create_key(open_database(tmp_path / DATABASE_NAME), {Scope.PRICES_READ}, holder="shop", by="ann", now=NOW)
    follower.refresh()
    assert follower.current().snapshot.content.keys == {hash_of(key): ("shop", ("prices:read",))}
    assert book.version() == 1


def test_without_the_database_the_last_good_prices_are_served_stale(book: PriceBook, tmp_path: Path) -> None:
    """The flag goes when the database is back, and a version published meanwhile is served."""
    follower = follow(tmp_path)
    follower.refresh()
    with database_moved_away(tmp_path), capture_logs() as logs:
        for _ in range(3):
            follower.refresh()
        view = follower.current()
        assert (view.snapshot.content.version, view.stale) == (1, True)
        assert len(view.snapshot.content.entries) == len(IDS)
    assert [line["log_level"] for line in logs] == ["warning"], "said once, not at every look"
    publish(book, decision())
    follower.refresh()
    assert (follower.current().snapshot.content.version, follower.current().stale) == (2, False)


def test_serving_starts_without_the_database(book: PriceBook, tmp_path: Path) -> None:
    """From the snapshot on disk, flagged stale."""
    publish(book, decision())
    follow(tmp_path).refresh()
    with database_moved_away(tmp_path):
        follower = follow(tmp_path)
        follower.refresh()
        assert (follower.current().snapshot.content.version, follower.current().stale) == (2, True)


def test_of_several_workers_none_goes_on_with_older_prices_than_another_has_read(
    book: PriceBook, tmp_path: Path
) -> None:
    """The database is gone just after a publication that only one of them has seen: the others have it from disk."""
    workers = [follow(tmp_path), follow(tmp_path)]
    for worker in workers:
        worker.refresh()
    publish(book, decision())
    workers[0].refresh()
    with database_moved_away(tmp_path), capture_logs():
        workers[1].refresh()
        assert (workers[1].current().snapshot.content.version, workers[1].current().stale) == (2, True)


def test_with_neither_database_nor_snapshot_nothing_is_known(tmp_path: Path) -> None:
    """And no database is created by looking for one."""
    follower = follow(tmp_path)
    follower.refresh()
    assert follower.current().empty
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"not a database" * 500, b""])
def test_a_damaged_database_is_like_none(book: PriceBook, tmp_path: Path, damage: bytes) -> None:
    """Overwritten or emptied: the last good prices, stale."""
    follower = follow(tmp_path)
    follower.refresh()
    for file in tmp_path.glob(f"{DATABASE_NAME}*"):
        file.unlink()
    (tmp_path / DATABASE_NAME).write_bytes(damage)
    with capture_logs():
        follower.refresh()
    assert (follower.current().snapshot.content.version, follower.current().stale) == (1, True)
    assert isinstance(book, PriceBook)


def test_a_locked_database_is_still_read(book: PriceBook, tmp_path: Path) -> None:
    """A writer in the middle of its transaction does not make prices stale."""
    follower = follow(tmp_path)
    writer = sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO freezes (frozen, by, at, reason) VALUES (1, 'x', '2026-01-01', 'x')")
    follower.refresh()
    assert (follower.current().snapshot.content.version, follower.current().stale) == (book.version(), False)
    writer.close()


def test_prices_nobody_confirmed_are_stale(book: PriceBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower that hangs does not pass old prices off as fresh."""
    follower = follow(tmp_path)
    follower.refresh()
    assert not follower.current().stale
    late = time.monotonic() + STALE_AFTER + 1
    monkeypatch.setattr(time, "monotonic", lambda: late)
    assert follower.current().stale
    assert follower.current().snapshot.content.version == book.version()


def test_a_full_disk_does_not_stop_serving(book: PriceBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new version is served from memory, and the log says what failed."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("api.served.follower.write", full)
    follower = follow(tmp_path)
    with capture_logs() as logs:
        follower.refresh()
    assert not follower.current().stale
    assert follower.current().snapshot.content.version == book.version()
    assert any("could not be written" in line["event"] for line in logs)


def test_the_thread_follows_by_itself(book: PriceBook, tmp_path: Path) -> None:
    """Within seconds of a publication, without being told."""
    follower = follow(tmp_path)
    follower.start()
    publish(book, decision())
    assert eventually(lambda: follower.current().snapshot.content.version == 2)
    follower.stop()


def eventually(condition: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    """Wait for something that happens in another thread."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_whatever_goes_wrong_in_a_look_the_next_one_comes(
    book: PriceBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what nobody thought of: the thread that looks goes on, and the next version is served."""
    follower = follow(tmp_path)
    follower.start()

    def fail() -> None:
        monkeypatch.undo()
        raise MemoryError

    monkeypatch.setattr(follower._meter, "share", fail)
    assert eventually(lambda: follower._meter.share.__name__ == "share")
    publish(book, decision())
    assert eventually(lambda: follower.current().snapshot.content.version == 2)
    follower.stop()
