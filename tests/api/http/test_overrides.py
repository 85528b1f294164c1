"""Overrides over HTTP: whoever may approve sets and ends them; everyone who decides sees them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from api.store.overrides import Overrides
from pricing.overrides import Override
from tests.api.desk import Desk
from tests.api.store.book_kit import IDS, NOW, decision
from tests.api.test_app import body, check_problem

PATH = "/v1/overrides"
WANTED = {
    "offer": IDS[0],
    "kind": "ceiling",
    "amount": "11.00",
    "until": (NOW + timedelta(days=7)).isoformat(),
    "reason": "promised",
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A served workspace."""
    return Desk(tmp_path)


def created(desk: Desk) -> dict[str, Any]:
    """Set one as bob; what is answered."""
    sent = desk.bob("POST", PATH, WANTED)
    assert sent.status_code == 201, sent.text
    return cast("dict[str, Any]", sent.json)


def test_one_is_set_seen_and_ended(desk: Desk) -> None:
    """In the name of the key's holder; the price stays."""
    made = created(desk)
    assert (made["number"], made["by"], made["proposal"]) == (1, "bob", None)
    (found,) = body(desk.ann("GET", PATH))["items"]
    assert found == {name: value for name, value in made.items() if name != "proposal"}
    assert body(desk.bob("DELETE", f"{PATH}/1", {"reason": "withdrawn"}))["number"] == 1
    assert body(desk.ann("GET", PATH))["items"] == []
    assert desk.price() == "10.00"


def test_the_answer_is_about_what_was_asked_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever somebody else sets in the same moment."""
    setting = Overrides.set

    def set_and_be_followed(self: Overrides, wanted: Override, **rules: Any) -> Any:
        made = setting(self, wanted, **rules)
        setting(self, replace(wanted, offer=IDS[1]), **rules)
        return made

    monkeypatch.setattr(Overrides, "set", set_and_be_followed)
    assert created(desk)["offer"] == WANTED["offer"]


def test_it_binds_whoever_publishes_and_replaces_what_waits(desk: Desk) -> None:
    """The proposal made in its place is named."""
    desk.propose(decision(price="12.00"))
    made = created(desk)
    assert made["proposal"] is not None
    desk.propose(decision(price="12.00"), name="p2")
    desk.bob("POST", "/v1/proposals/p2/approve")
    refused = check_problem(desk.bob("POST", "/v1/publications", {"proposal": "p2"}), 409)
    assert "above the ceiling of 11.00 that bob set" in refused.detail


def test_setting_and_ending_take_the_right_to_approve(desk: Desk) -> None:
    """Whoever may only propose, sees."""
    check_problem(desk.ann("POST", PATH, WANTED), 403)
    check_problem(desk.ann("DELETE", f"{PATH}/1", {"reason": "x"}), 403)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"offer": "nobody"}, 409),
        ({"amount": "12.50"}, 409),
        ({"until": NOW.isoformat()}, 422),
        ({"amount": "NaN"}, 422),
        ({"kind": "free"}, 422),
        ({"reason": "a\nb"}, 422),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, changed: dict[str, str], status: int) -> None:
    """And nothing stands."""
    check_problem(desk.bob("POST", PATH, WANTED | changed), status)
    check_problem(desk.bob("DELETE", f"{PATH}/1", {"reason": "x"}), 409)
    assert body(desk.ann("GET", PATH))["items"] == []
