"""Processes that work on one price book at once, and one that is killed while it publishes."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from api.store import log
from api.store.book import PriceBook
from api.store.database import Place, open_database
from tests.api.store.book_kit import DAY, IDS, NOW, decision, proposal, put_in_force

SOAK = os.environ.get("FAIRFARE_SOAK") == "1"
"""Whether harnesses take all their rounds, which is minutes, instead of a few."""

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.api.store.crowd"])

COSTS = ("11.00", "10.00")
"""What every offer costs in even and odd versions: a version that is half there shows two prices."""
IDLE, PUBLISHING, COMMITTED = range(3)


def publish_until_killed(place: Place, anchor: Path, said: Connection, state: Any, dies: str | None) -> None:
    """Publish version after version; say of each that it is published, as a caller would be told.

    Parameters
    ----------
    state : shared number that says where the process is
    dies : a place at which it kills itself on its second publication; None: it is killed from outside
    """
    book = PriceBook(open_database(place), anchor)
    _mark(state, die_at=dies, count=[0])
    version = book.version()
    said.send(0)
    while True:
        version += 1
        moves = [decision(offer, COSTS[version % 2], now=COSTS[1 - version % 2]) for offer in IDS]
        publish_one(book, moves, version, state)
        said.send(version)


def publish_one(book: PriceBook, moves: list[Any], version: int, state: Any) -> None:
    """Propose, approve and publish under a name of its own."""
    name, at = f"v{version}-{os.getpid()}", NOW + version * DAY
    book.propose(proposal(*moves, name=name, base=version - 1, at=at))
    book.approve(name, by="bob", now=at)
    state.value = PUBLISHING
    put_in_force(book, name, at=at)
    state.value = IDLE


def _mark(state: Any, *, die_at: str | None, count: list[int]) -> None:
    """Tell when a step is committed and its anchor not yet written, and die there if told to."""
    advance = log._advance

    def told(anchor: Path, entry: log.Entry) -> None:
        published = entry.action == "publish"
        if published:
            state.value = COMMITTED
        count[0] += published
        if die_at == "before the anchor" and count[0] == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if die_at == "within the anchor's line" and count[0] == 2:
            with anchor.open("ab") as file:
                file.write(f"{entry.number} {entry.hash[:20]}".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        advance(anchor, entry)

    log._advance = told


def together(work: Callable[..., None], each: list[tuple[Any, ...]]) -> list[Any]:
    """Run `work(*arguments, results)` in a process each; what they put into the queue of results."""
    results = processes.SimpleQueue()
    running = [processes.Process(target=work, args=(*arguments, results)) for arguments in each]
    for process in running:
        process.start()
    found = [result for _ in running for result in results.get()]
    for process in running:
        process.join()
    return found
