"""Who waits for the database holds up nobody who does not need it."""

import threading
import time
from pathlib import Path

from api import bodies
from api.cli.serve import THREADS
from api.http.backend import AT_ONCE
from api.store.database import writing
from api.store.keys import Scope
from tests.api.desk import Desk
from tests.api.store.book_kit import IDS
from tests.api.test_app import check_problem


def test_requests_that_wait_for_the_database_leave_others_to_answer(tmp_path: Path) -> None:
    """While somebody writes as many as may wait; another is told to try again, and prices are read; then all happen."""
    desk, answers = Desk(tmp_path), list[int]()

    def send() -> None:
        while (status := desk.bob("PUT", "/v1/freeze", {"reason": "slow"}).status_code) == 503:
            pass  # the look below was there first
        answers.append(status)

    senders = [threading.Thread(target=send) for _ in range(AT_ONCE)]
    with writing(desk.engine):
        for sender in senders:
            sender.start()
        end = time.monotonic() + 10
        while (refused := desk.bob("GET", "/v1/freeze")).status_code == 200:
            assert time.monotonic() < end, "however many wait, another may too"
        check_problem(refused, 503)
        assert refused.headers["Retry-After"] == "5"
        assert desk.send("GET", f"/v1/prices/{IDS[0]}", key=desk.keys["eve", Scope.PRICES_READ]).status_code == 200
        assert desk.admin("GET", "/v1/prices").status_code == 200
    for sender in senders:
        sender.join()
    assert answers == [200] * AT_ONCE
    assert desk.bob("GET", "/v1/freeze").status_code == 200


def test_some_threads_are_left_to_answer_from_memory() -> None:
    """However many wait at the database, and for bodies from holders of keys and at the desk."""
    assert THREADS - AT_ONCE - 2 * bodies.AT_ONCE >= 2
