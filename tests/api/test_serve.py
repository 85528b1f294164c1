"""`fairfare serve`, as a user runs it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pytest

from api.clock import utc_now
from api.served.follower import Follower
from api.served.snapshot import SNAPSHOT_NAME
from api.settings import FILE, default_text
from api.store import runs as jobs
from api.store.database import DATABASE_NAME, open_database
from api.workspace import Workspace
from tests.api.clocks import still
from tests.api.store.book_kit import IDS, LISTINGS, book_with_prices, decision, publish

FAIRFARE = [sys.executable, "-c", "from api.cli import main; main()"]


def fairfare(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run([*FAIRFARE, *arguments], capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def serving(folder: Path, *options: str, log: IO[str] | None = None) -> Iterator[str]:
    """Serve a workspace on a free port; gives the address that the command printed."""
    before = ["--log-json"] if log else []
    command = [*FAIRFARE, *before, "serve", "--workspace", str(folder), "--port", "0", *options]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", line := process.stdout.readline())
            assert found, line
            wait_for(found.group())
            yield found.group()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 0


def wait_for(url: str) -> None:
    """Until the server answers."""
    end = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).close()  # noqa: S310  # our own address
        except urllib.error.URLError:
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.1)
        else:
            return


def ask(url: str, path: str, key: str) -> dict[str, Any]:
    """The JSON of an answer."""
    request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {key}"})  # noqa: S310  # as above
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # as above
        return dict(json.load(answer))


def make_key(folder: Path) -> str:
    """The last line printed is the key."""
    done = fairfare("keys", "create", "--scope", "prices:read", "--workspace", str(folder))
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_a_published_price_is_read_over_http_and_outlives_the_database(tmp_path: Path) -> None:
    """Publish, make a key, ask; publish again and ask; take the database away and ask; serve again without it.

    The log says each, one object a line, and not the key.
    """
    book = book_with_prices(tmp_path)
    publish(book, decision(), name="p1")
    key = make_key(tmp_path)
    with (tmp_path / "log").open("w", encoding="utf-8") as log, serving(tmp_path, log=log) as url:
        answer = ask(url, f"/v1/prices/{IDS[0]}", key)
        assert (answer["price"], answer["version"], answer["stale"]) == ("11.00", 2, False)
        publish(book, decision(price="12.00", now="11.00"), name="p2")
        assert eventually_price(url, key, "12.00", stale=False)
        for file in tmp_path.glob(f"{DATABASE_NAME}*"):
            shutil.move(file, tmp_path / f"away-{file.name}")
        assert eventually_price(url, key, "12.00", stale=True)
    with serving(tmp_path) as url:
        assert eventually_price(url, key, "12.00", stale=True)
    logged = (tmp_path / "log").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in logged.splitlines()]
    assert [(line["event"], line["version"]) for line in lines] == [
        ("serving", 2),
        ("serving", 3),
        ("serving the last good prices", 3),
    ]
    assert key not in logged


def eventually_price(url: str, key: str, price: str, *, stale: bool) -> bool:
    """Whether the price is served so within seconds."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        answer = ask(url, f"/v1/prices/{IDS[0]}", key)
        if (answer["price"], answer["stale"]) == (price, stale):
            return True
        time.sleep(0.1)
    return False


def test_what_cannot_be_served_is_said(tmp_path: Path) -> None:
    """A folder that is no workspace: exit 2; a port in use: exit 1."""
    done = fairfare("serve", "--workspace", str(tmp_path))
    assert (done.returncode, "is not a workspace" in done.stderr) == (2, True)
    book_with_prices(tmp_path)
    Follower(tmp_path / DATABASE_NAME, tmp_path / SNAPSHOT_NAME, clock=still()).refresh()
    with serving(tmp_path) as url:
        done = fairfare("serve", "--workspace", str(tmp_path), "--port", url.rsplit(":", 1)[1])
    assert (done.returncode, "cannot listen" in done.stderr) == (1, True)


def processes(folder: Path, word: str = "") -> list[int]:
    """Processes that were started for a workspace, with a word among their arguments (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if str(folder).encode() in words and (not word or word.encode() in words):
                found.append(int(process.name))
    return found


def none_left(folder: Path, word: str = "") -> bool:
    """Whether they have ended within seconds."""
    end = time.monotonic() + 20
    while processes(folder, word) and time.monotonic() < end:
        time.sleep(0.1)
    return not processes(folder, word)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty workspace."""
    return Workspace.create(tmp_path / "season", default_text()).root


def test_jobs_are_done_beside_the_server_and_end_with_it(place: Path) -> None:
    """Without another command; when the server ends, the worker is gone and holds nothing."""
    engine = open_database(place / DATABASE_NAME)
    run = jobs.ask(engine, jobs.Kind.REPORT, by="ann", now=utc_now())
    with serving(place):
        end = time.monotonic() + 30
        while (begun := jobs.find(engine, run.id)) is None or begun.state is jobs.State.ASKED:
            assert time.monotonic() < end, "nobody does it"
            time.sleep(0.02)
    assert not processes(place)
    assert (left := jobs.find(engine, run.id)) is not None
    assert left.lease_until is None


def test_a_shop_is_brought_in_step_beside_the_server(place: Path) -> None:
    """What is published reaches it, also one that is connected while the server runs, and nobody runs a command."""
    book = Workspace.open(place).book
    book.import_offers(LISTINGS, by="ann", now=utc_now())
    (place / "till").mkdir()
    (prices := place / "till" / "prices.csv").write_text("place,name,price,currency\na,Adult,10.00,EUR\n")
    (place / "shops" / "till").mkdir(parents=True)
    (place / "shops" / "till" / "offers.csv").write_text(f"place,offer\na,{IDS[0]}\n")
    with serving(place):
        publish(book, decision(), at=utc_now())
        with (place / FILE).open("a") as file:
            file.write('[[shops]]\nname = "till"\nsystem = "folder"\naddress = "till"\nsync_seconds = 1\n')
        end = time.monotonic() + 30
        while "11.00" not in prices.read_text():
            assert time.monotonic() < end, "the price has not arrived"
            time.sleep(0.05)
    assert not processes(place)


def test_a_server_without_a_worker_has_none(place: Path) -> None:
    """Where it runs apart."""
    with serving(place, "--no-worker"):
        assert not processes(place, "worker")


def test_a_server_that_is_killed_leaves_no_worker(place: Path) -> None:
    """It notices by itself."""
    command = [*FAIRFARE, "serve", "--workspace", str(place), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"}) as process:
        assert process.stdout is not None
        wait_for(process.stdout.readline().decode().split()[-3].rstrip("/"))
        assert processes(place, "worker")
        process.kill()
        process.wait()
        assert none_left(place, "worker")
        for left in processes(place):  # what answers requests outlives a killed server
            os.kill(left, signal.SIGTERM)
    assert none_left(place)
