"""Prices get into force by the price book's way only, and are taken back exactly."""

from datetime import timedelta
from pathlib import Path

import pytest

from api.settings import FILE
from tests.api.desk import LENIENT, Desk
from tests.api.store.book_kit import NOW, decision
from tests.api.test_app import body, check_problem

HOUR = timedelta(hours=1)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A served workspace with an approved proposal to raise a price to 11.00."""
    made = Desk(tmp_path)
    made.propose()
    made.bob("POST", "/v1/proposals/p1/approve")
    return made


def publish(desk: Desk, name: str = "p1", **more: str) -> int:
    """Publish over HTTP; returns the version."""
    answer = desk.bob("POST", "/v1/publications", {"proposal": name, **more})
    assert answer.status_code == 201, answer.text
    return int(answer.get_json()["version"])


def test_what_is_published_is_served_at_once(desk: Desk) -> None:
    """By the worker that published, without waiting for its look at the book."""
    assert desk.price() == "10.00"
    assert publish(desk) == 2
    assert desk.price() == "11.00"


def test_a_publication_is_taken_back_exactly(desk: Desk) -> None:
    """As a new version; both stand in the history, the newest first."""
    publish(desk)
    answer = desk.bob("POST", "/v1/publications/2/rollback")
    assert (answer.status_code, answer.get_json()) == (201, {"version": 3})
    assert desk.price() == "10.00"
    made = body(desk.ann("GET", "/v1/publications"))["items"]
    assert [(each["version"], each["change"], each["undone"], each["by"]) for each in made] == [
        (3, "rollback", 2, "bob"),
        (2, "publish", None, "bob"),
        (1, "import", None, "ann"),
    ]
    assert "rolled back already" in check_problem(desk.bob("POST", "/v1/publications/2/rollback"), 409).detail
    assert "is not a publication" in check_problem(desk.bob("POST", "/v1/publications/1/rollback"), 409).detail


def test_a_scheduled_price_begins_when_it_was_said_to(desk: Desk) -> None:
    """Not before, and without anything else being done."""
    at = NOW + HOUR
    publish(desk, effective_at=at.isoformat())
    made = body(desk.ann("GET", "/v1/publications?limit=1"))["items"][0]
    assert made["effective_at"] == "2026-03-02T10:30:00Z"
    desk.machine.wait(HOUR - timedelta(seconds=1))
    assert desk.price() == "10.00"
    desk.machine.wait(timedelta(seconds=1))
    assert desk.price() == "11.00"


def test_a_scheduled_price_can_be_cancelled_until_it_begins(desk: Desk) -> None:
    """Then it does not begin; once begun it is rolled back, not cancelled."""
    version = publish(desk, effective_at=(NOW + HOUR).isoformat())
    assert desk.bob("DELETE", f"/v1/publications/{version}", once="k").get_json() == {"version": version + 1}
    assert desk.bob("DELETE", f"/v1/publications/{version}", once="k").get_json() == {"version": version + 1}
    desk.machine.wait(2 * HOUR)
    assert desk.price() == "10.00"
    desk.propose(name="p2")
    desk.bob("POST", "/v1/proposals/p2/approve")
    begun = publish(desk, "p2")
    assert "have begun" in check_problem(desk.bob("DELETE", f"/v1/publications/{begun}"), 409).detail
    assert desk.price() == "11.00"


@pytest.mark.parametrize("at", ["2026-03-02T09:30:00Z", "2020-01-01T00:00:00+01:00"])
def test_a_price_cannot_begin_in_the_past(desk: Desk, at: str) -> None:
    """Refused; nothing is published."""
    check_problem(desk.bob("POST", "/v1/publications", {"proposal": "p1", "effective_at": at}), 409)
    assert desk.price() == "10.00"


@pytest.mark.parametrize("at", ["tomorrow", "2027-01-01", "2027-01-01T00:00:00", 1.5e9, "2027-02-30T00:00:00Z"])
def test_an_instant_is_written_in_full(desk: Desk, at: object) -> None:
    """With its zone."""
    found = check_problem(desk.bob("POST", "/v1/publications", {"proposal": "p1", "effective_at": at}), 422)
    assert [fault.where for fault in found.errors] == ["effective_at"]


def test_a_rule_the_owner_changed_acts_at_once(desk: Desk) -> None:
    """The settings are read at each publication."""
    (desk.root / FILE).write_text(LENIENT.replace("1.0", "0.05"))
    found = check_problem(desk.bob("POST", "/v1/publications", {"proposal": "p1"}), 409)
    assert "may not be published" in found.detail
    (desk.root / FILE).write_text(LENIENT)
    assert publish(desk) == 2


def test_what_is_not_approved_is_not_published(desk: Desk) -> None:
    """Nor what does not exist, nor what was made against an older version."""
    desk.propose(decision("hamlet-child"), name="p2")
    assert "is not approved" in check_problem(desk.bob("POST", "/v1/publications", {"proposal": "p2"}), 409).detail
    check_problem(desk.bob("POST", "/v1/publications", {"proposal": "nope"}), 404)
    desk.bob("POST", "/v1/proposals/p2/approve")
    publish(desk)
    assert "is stale" in check_problem(desk.bob("POST", "/v1/publications", {"proposal": "p2"}), 409).detail


def test_a_version_that_does_not_exist_is_a_404(desk: Desk) -> None:
    """To roll back or to cancel."""
    check_problem(desk.bob("POST", "/v1/publications/77/rollback"), 404)
    check_problem(desk.bob("DELETE", "/v1/publications/77"), 404)
