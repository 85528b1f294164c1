"""On a full disk prices are read on, a write gives one clear error and leaves nothing by halves; then all goes on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from api.served.follower import Follower
from api.served.snapshot import SNAPSHOT_NAME
from api.settings import default_text
from api.store.book import PriceBook
from api.store.database import open_database
from api.store.log import ANCHOR_NAME, verify
from api.workspace import Workspace
from pricing.errors import UnavailableError
from tests.api.clocks import still
from tests.api.store.book_kit import DAY, IDS, LISTINGS, NOW, decision, price_list, proposal, publish
from tests.api.store.postgres import Server

NEEDS_ROOT = pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="only root may mount a small disk of its own"
)
pytestmark = NEEDS_ROOT
FREEZE = "from api.cli import main; main()"


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of so many bytes, in memory; skipped where even root may not mount one."""
    folder.mkdir()
    mount, umount = shutil.which("mount") or "mount", shutil.which("umount") or "umount"
    command = [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no disk may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run([umount, "--lazy", str(folder)], check=True)


def fill(disk: Path, *, leave: int = 0) -> Path:
    """Fill a disk up to so many bytes; the file that fills it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    os.truncate(filler, max(filler.stat().st_size - leave, 0))
    return filler


def change(place: Workspace, number: int) -> None:
    """Publish a price that is not the present one, under a name of its own."""
    current = price_list(place.book)[IDS[0]]
    wanted = "11.00" if current == "10.00" else "10.00"
    publish(place.book, decision(price=wanted, now=current), name=f"p{number}", at=NOW + number * DAY)


def failed(place: Workspace, number: int) -> bool:
    """Whether a change of prices fails, with an error that says why."""
    said = ""
    try:
        change(place, number)
    except UnavailableError as error:
        said = str(error)
    assert not said or "disk" in said or "unable to open" in said
    return bool(said)


def test_a_file_on_a_full_disk(tmp_path: Path) -> None:
    """Wherever within a publication the disk is full: the version before is whole, served, and the log verifies."""
    with small_disk(tmp_path / "small", "3m") as disk:
        place = Workspace.create(disk / "shop", default_text())
        place.book.import_offers(LISTINGS, by="ann", now=NOW)
        follower = Follower(place.database, place.root / SNAPSHOT_NAME, clock=still())
        follower.refresh()
        refused = 0
        for number in range(1, 25):
            before = place.book.version()
            filler = fill(disk, leave=number * 4096)
            refused += failed(place, number)
            follower.refresh()
            assert len(follower.current().snapshot.entries) == len(IDS), "reads go on"
            filler.unlink()
            follower.refresh()
            assert not follower.current().stale, "and recover"
            assert follower.current().snapshot.content.version == place.book.version()
            assert place.book.version() - before in {0, 1}
            assert verify(open_database(place.database), place.root / ANCHOR_NAME) == ()
        assert 0 < refused < 24, "some came in the middle, some through"


def test_a_command_on_a_full_disk_says_so_in_one_line(tmp_path: Path) -> None:
    """Our own failure: exit 1, no traceback; afterwards the same command works."""
    with small_disk(tmp_path / "small", "3m") as disk:
        place = Workspace.create(disk / "shop", default_text())
        place.book.import_offers(LISTINGS, by="ann", now=NOW)
        command = [sys.executable, "-c", FREEZE, "freeze", "--reason", "flood", "--workspace", str(place.root)]
        filler = fill(disk)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
        assert "database" in done.stderr
        filler.unlink()
        assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
        assert place.book.frozen()


def test_a_server_on_a_full_disk(postgres: Server, tmp_path: Path) -> None:
    """The same for PostgreSQL, whose tables lie on the disk that is full."""
    if os.getuid() == 0:
        tmp_path = Path("/tmp") / f"{tmp_path.name}-{os.getpid()}"  # noqa: S108  # another user must reach it
    with small_disk(tmp_path, "24m") as disk, on_disk(postgres, disk) as url:
        engine, anchor = open_database(url), disk / ANCHOR_NAME
        book = PriceBook(engine, anchor)
        book.import_offers(LISTINGS, by="ann", now=NOW)
        filler = fill(disk)
        made = list[str]()
        with pytest.raises(UnavailableError, match="space"):
            propose_until_refused(book, made)
        assert [each.id for each in book.proposals()] == made
        assert price_list(book)[IDS[0]] == "10.00"
        filler.unlink()
        assert publish(book, decision(), name="after") == 2
        assert verify(engine, anchor) == ()
    tmp_path.rmdir()


def propose_until_refused(book: PriceBook, made: list[str]) -> None:
    """Propose until the disk is full; the ids of what was recorded."""
    for number in range(2000):
        book.propose(proposal(decision(), name=f"p{number}"))
        made.append(f"p{number}")


@contextmanager
def on_disk(postgres: Server, disk: Path) -> Iterator[str]:
    """A database with empty tables whose files lie on this disk."""
    folder = disk / "tables"
    folder.mkdir()
    owner = postgres.folder.stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as db:
        db.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        db.execute("CREATE DATABASE small TEMPLATE empty TABLESPACE small")
        try:
            yield postgres.url("small")
        finally:
            db.execute("DROP DATABASE small WITH (FORCE)")
            db.execute("DROP TABLESPACE small")
