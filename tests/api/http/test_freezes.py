"""Whoever may publish may stop every change; an admin allows changes again."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.api.desk import Desk
from tests.api.store.book_kit import NOW
from tests.api.test_app import body, check_problem

FREEZE = "/v1/freeze"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A served workspace with an approved proposal."""
    made = Desk(tmp_path)
    made.propose()
    made.bob("POST", "/v1/proposals/p1/approve")
    return made


def test_while_frozen_nothing_is_published(desk: Desk) -> None:
    """The refusal says since when, by whom and why; after the freeze it goes on."""
    assert body(desk.ann("GET", FREEZE)) == {"frozen": False, "reason": None}
    assert body(desk.bob("PUT", FREEZE, {"reason": "a wrong rate"}))["frozen"] is True
    told = "prices are frozen since 2026-03-02 09:30 UTC by bob (a wrong rate)"
    assert told in body(desk.ann("GET", FREEZE))["reason"]
    assert told in check_problem(desk.bob("POST", "/v1/publications", {"proposal": "p1"}), 409).detail
    assert body(desk.admin("DELETE", FREEZE, {"reason": "mended"})) == {"frozen": False, "reason": None}
    assert desk.bob("POST", "/v1/publications", {"proposal": "p1"}).status_code == 201


def test_to_go_on_takes_an_admin(desk: Desk) -> None:
    """Whoever stopped need not be the one."""
    desk.bob("PUT", FREEZE, {"reason": "x"})
    check_problem(desk.bob("DELETE", FREEZE, {"reason": "x"}), 403)
    check_problem(desk.ann("PUT", FREEZE, {"reason": "x"}), 403)
    assert body(desk.bob("GET", FREEZE))["frozen"] is True


def test_a_freeze_takes_back_what_was_to_begin(desk: Desk) -> None:
    """The scheduled price never begins, on this worker from the moment of the answer."""
    later = (NOW + timedelta(hours=1)).isoformat()
    desk.bob("POST", "/v1/publications", {"proposal": "p1", "effective_at": later})
    assert body(desk.bob("PUT", FREEZE, {"reason": "x"}))["taken_back"] == [2]
    assert body(desk.bob("PUT", FREEZE, {"reason": "still"}))["taken_back"] == []
    desk.machine.wait(timedelta(hours=2))
    assert desk.price() == "10.00"


def test_a_reason_is_needed(desk: Desk) -> None:
    """To stop and to go on."""
    for method in ("PUT", "DELETE"):
        for sent in (None, {}, {"reason": ""}):
            found = check_problem(desk.admin(method, FREEZE, sent), 422)
            assert [fault.where for fault in found.errors] == ["reason"]
