"""A process killed while it publishes loses nothing it has acknowledged and leaves nothing by halves."""

import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from api.store.book import PriceBook
from api.store.database import open_database, writing
from api.store.log import ANCHOR_NAME, verify
from tests.api.store.book_kit import IDS, Home, book_with_prices, place_in
from tests.api.store.crowd import COSTS, PUBLISHING, SOAK, processes, publish_until_killed

ROUNDS = {"sqlite": (200, 8), "postgresql": (50, 8)}
"""Kills, by database: all of them, and what a quick run takes."""
LONGEST = 0.025
"""Kills come up to so long after a publication was begun: about what one takes [seconds]."""
PLACES = ("before the anchor", "within the anchor's line")


def test_what_was_acknowledged_survives_a_kill(home: Home, tmp_path: Path) -> None:
    """At random instants, between commit and anchor, and within the anchor's line: the next process goes on."""
    anchor, rng, hits = tmp_path / ANCHOR_NAME, np.random.default_rng(0), Counter[str]()
    book_with_prices(home)
    kind = "sqlite" if isinstance(home, Path) else "postgresql"
    for number in range(ROUNDS[kind][0 if SOAK else 1]):
        dies = PLACES[number % 8] if number % 8 < len(PLACES) else None
        before = PriceBook(open_database(place_in(home))).version()
        acknowledged, where = kill(home, anchor, dies, rng.uniform(0, LONGEST))
        hits[where] += 1
        check(home, anchor, before, acknowledged)
    print(kind, dict(hits), "versions:", before)  # noqa: T201  # what a soak run reports
    assert hits["publishing"] or not SOAK, "no kill came in the middle of a publication"


def kill(home: Home, anchor: Path, dies: str | None, wait: float) -> tuple[list[int], str]:
    """Let a process publish and kill it; the versions it acknowledged, and where it was."""
    hears, says = processes.Pipe(duplex=False)
    state = processes.Value("i", 0, lock=False)
    process = processes.Process(target=publish_until_killed, args=(place_in(home), anchor, says, state, dies))
    process.start()
    says.close()
    assert hears.recv() == 0, "it did not begin"
    if dies is None:
        while state.value != PUBLISHING:
            time.sleep(0.0005)
        time.sleep(wait)
        process.kill()
    process.join(60)
    assert process.exitcode == -9
    return heard(hears), dies or ("between two", "publishing", "committed")[state.value]


def heard(hears: Connection) -> list[int]:
    """Everything the process said before it died."""
    found = []
    try:
        while True:
            found.append(hears.recv())
    except EOFError:
        return found


def check(home: Home, anchor: Path, before: int, acknowledged: list[int]) -> None:
    """No acknowledged version is lost, at most one more is there, each whole; the log verifies."""
    engine = open_database(place_in(home))
    with writing(engine):
        pass  # whatever a server still does for the process that is gone is over now
    book = PriceBook(engine)
    last = max([before, *acknowledged])
    assert acknowledged == list(range(before + 1, last + 1))
    assert book.version() - last in {0, 1}
    assert {str(price.price) for price in book.prices_in_force()} == {COSTS[book.version() % 2]}
    for offer in IDS:
        rows = book.history(offer)
        assert [row.version for row in rows] == list(range(1, book.version() + 1))
        assert [row.valid_until for row in rows] == [*(row.valid_from for row in rows[1:]), None]
    assert verify(engine, anchor) == ()
