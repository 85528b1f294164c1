"""Whoever comes at the same moment: each step is taken once, and everyone is told what became of theirs."""

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.store.book import PriceBook
from api.store.database import Place, open_database
from api.store.log import ANCHOR_NAME, verify
from pricing.book import Standing
from pricing.errors import RefusedError, UnavailableError
from tests.api.store.book_kit import IDS, NOW, Home, book_with_prices, decision, place_in, proposal, put_in_force
from tests.api.store.crowd import SOAK, together

APPROVALS = 1000 if SOAK else 60
THREADS = 50
Attempt = tuple[str, str]
"""(proposal, who approves it)"""


@pytest.mark.parametrize("crowd", [1, 5], ids=["threads", "processes"])
def test_each_of_many_approvals_at_once_is_applied_once(home: Home, tmp_path: Path, crowd: int) -> None:
    """Two people approve each proposal, from 50 threads of one process or of five: one does, the other is told so."""
    book, anchor = book_with_prices(home), tmp_path / ANCHOR_NAME
    names = [f"p{number}" for number in range(APPROVALS)]
    for name in names:
        book.propose(proposal(decision(), name=name))
    attempts = [(name, person) for name in names for person in ("bob", "cyd")]
    attempts = [attempts[place] for place in np.random.default_rng(0).permutation(len(attempts))]
    told = together(
        approve_all, [(place_in(home), anchor, attempts[part::crowd], THREADS // crowd) for part in range(crowd)]
    )
    assert Counter(told) == {**{(name, "approved"): 1 for name in names}, **{(name, "told so"): 1 for name in names}}
    assert {book.standing(name, now=NOW) for name in names} == {Standing.APPROVED}
    assert Counter(entry.action for entry in book.entries(limit=9999))["approve"] == APPROVALS
    assert verify(open_database(place_in(home)), anchor) == ()


def approve_all(place: Place, anchor: Path, attempts: list[Attempt], threads: int, results: Any) -> None:
    """Make these attempts from so many threads, all of which begin at once."""
    start, said = threading.Barrier(threads), list[tuple[str, str]]()

    def run(mine: list[Attempt]) -> None:
        book = PriceBook(open_database(place), anchor)
        start.wait()
        said.extend((name, approve(book, name, person)) for name, person in mine)

    running = [threading.Thread(target=run, args=(attempts[part::threads],)) for part in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    results.put(said)


def approve(book: PriceBook, name: str, person: str) -> str:
    """What becomes of one approval; who is told that the database is busy tries again, as the error says."""
    while True:
        try:
            book.approve(name, by=person, now=NOW)
        except UnavailableError:
            continue
        except RefusedError as error:
            return "told so" if "is approved already" in str(error) else str(error)
        return "approved"


def test_of_many_publishers_one_wins(home: Home, tmp_path: Path) -> None:
    """Fifty approved proposals published at once: one gets in force, the others are refused as stale."""
    book, anchor = book_with_prices(home), tmp_path / ANCHOR_NAME
    names = [f"p{number}" for number in range(THREADS)]
    for name in names:
        book.propose(proposal(*map(decision, IDS), name=name))
        book.approve(name, by="bob", now=NOW)
    start, told = threading.Barrier(THREADS), list[str]()

    def run(name: str) -> None:
        rival = PriceBook(open_database(place_in(home)), anchor)
        start.wait()
        try:
            told.append(f"version {put_in_force(rival, name)}")
        except RefusedError as error:
            told.append("stale" if "stale" in str(error) else str(error))

    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(told) == {"version 2": 1, "stale": THREADS - 1}
    assert verify(open_database(place_in(home)), anchor) == ()
