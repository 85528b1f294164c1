"""What is proposed is shown with its reasons, and decided about by people who may."""

from pathlib import Path

import pytest

from api.http.proposals import ProposalAnswer
from api.settings import FILE
from pricing.book import Standing
from tests.api.desk import LENIENT, Desk
from tests.api.store.book_kit import DAY, IDS, decision
from tests.api.test_app import body, check_problem

OWN = {"prices": [{"offer": IDS[0], "price": "12.00"}], "reason": "the show is sold out elsewhere"}
OVERRIDE = "/v1/proposals/p1/override"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A served workspace with a proposal by ann."""
    made = Desk(tmp_path)
    made.propose(decision(), decision(IDS[1], "10.00"))
    return made


def test_a_proposal_is_shown_with_every_decision_and_its_reasons(desk: Desk) -> None:
    """Evidence, expectation, gain, rules and provenance, as they were recorded."""
    answer = body(desk.ann("GET", "/v1/proposals/p1"))
    ProposalAnswer.model_validate(answer, strict=False)
    assert (answer["standing"], answer["offers"], answer["moves"]) == ("open", 2, 1)
    first = answer["decisions"][0]
    assert (first["in_force"], first["allowed"], first["verdict"]) == ("10.00", "11.00", "move")
    assert first["reasons"] == ["because 11.00 earns more"]
    assert first["gain"] == {"expected": 20.0, "low": -5.0, "high": 45.0, "loss_probability": 0.1}
    assert answer["provenance"]["model_version"] == "fit-1"


def test_proposals_are_listed_by_how_far_they_have_come(desk: Desk) -> None:
    """The newest first, in short, a page at a time."""
    desk.propose(name="p2")
    desk.bob("POST", "/v1/proposals/p2/reject", {"reason": "no"})
    listed = body(desk.bob("GET", "/v1/proposals"))["items"]
    assert [(item["id"], item["standing"]) for item in listed] == [("p2", "rejected"), ("p1", "open")]
    assert "decisions" not in listed[0]
    assert [item["id"] for item in body(desk.bob("GET", "/v1/proposals?standing=open"))["items"]] == ["p1"]
    assert body(desk.bob("GET", "/v1/proposals?standing=published"))["items"] == []
    desk.machine.wait(DAY)
    assert [item["id"] for item in body(desk.bob("GET", "/v1/proposals?standing=expired"))["items"]] == ["p1"]


def test_an_approval_is_asked_for_once(desk: Desk) -> None:
    """The answer says how far it has come; a second one is refused with the reason."""
    assert body(desk.bob("POST", "/v1/proposals/p1/approve"))["standing"] == "approved"
    assert "approved already" in check_problem(desk.bob("POST", "/v1/proposals/p1/approve"), 409).detail


def test_a_rejection_says_why_in_the_log(desk: Desk) -> None:
    """It is closed for good."""
    assert body(desk.bob("POST", "/v1/proposals/p1/reject", {"reason": "too dear"}))["standing"] == "rejected"
    entry = body(desk.admin("GET", "/v1/audit"))["items"][-1]
    assert (entry["action"], entry["by"], entry["body"]) == ("reject", "bob", {"reason": "too dear"})
    assert "was rejected" in check_problem(desk.bob("POST", "/v1/proposals/p1/approve"), 409).detail


def test_a_price_of_ones_own_is_a_new_proposal_that_someone_else_approves(desk: Desk) -> None:
    """The old one is rejected; the new one carries the other decisions along and says whose price it is and why."""
    made = desk.ann("POST", OVERRIDE, OWN)
    assert made.status_code == 201
    name = made.get_json()["proposal"]
    answer = body(desk.ann("GET", f"/v1/proposals/{name}"))
    own, other = answer["decisions"]
    assert (own["allowed"], own["verdict"]) == ("12.00", "move")
    assert own["reasons"][0] == "ann set this price: the show is sold out elsewhere"
    assert (other["offer"], other["verdict"]) == (IDS[1], "keep")
    assert body(desk.ann("GET", "/v1/proposals/p1"))["standing"] == "rejected"
    assert desk.bob("POST", f"/v1/proposals/{name}/approve").status_code == 200
    assert desk.bob("POST", "/v1/publications", {"proposal": name}).status_code == 201
    assert desk.price() == "12.00"


@pytest.mark.parametrize(
    ("prices", "fault"),
    [
        ([{"offer": IDS[0], "price": "12.50"}], "outside 10.00 to 12.00"),
        ([{"offer": IDS[0], "price": "10.50"}], "not a step of the ladder"),
        ([{"offer": IDS[2], "price": "11.00"}], "decides nothing about"),
        ([{"offer": IDS[0], "channel": "web", "price": "11.00"}], "decides nothing about"),
        ([{"offer": IDS[0], "price": "11.00"}, {"offer": IDS[0], "price": "12.00"}], "appear twice"),
    ],
)
def test_a_price_an_offer_may_not_have_is_refused_at_once(desk: Desk, prices: list[dict[str, str]], fault: str) -> None:
    """With its place; the proposal stays as it was."""
    found = check_problem(desk.ann("POST", OVERRIDE, {"prices": prices, "reason": "x"}), 409)
    assert [(each.where, fault in each.reason) for each in found.errors] == [(f"prices[{len(prices) - 1}]", True)]
    assert body(desk.ann("GET", "/v1/proposals/p1"))["standing"] == "open"


def test_a_price_that_could_not_be_published_is_refused_at_once(desk: Desk) -> None:
    """With every reason; the proposal stays as it was, and another price may be set."""
    (desk.root / FILE).write_text(LENIENT.replace("daily_cap = 1.0", "daily_cap = 0.15"))
    detail = check_problem(desk.ann("POST", OVERRIDE, OWN), 409).detail
    assert "hamlet-adult: moves more than 15% in a day" in detail
    assert body(desk.ann("GET", "/v1/proposals/p1"))["standing"] == "open"
    less = {"prices": [{"offer": IDS[1], "price": "11.00"}], "reason": "x"}
    assert desk.ann("POST", OVERRIDE, less).status_code == 201


def test_a_proposal_that_does_not_exist_is_a_404(desk: Desk) -> None:
    """Read or decided about."""
    check_problem(desk.bob("GET", "/v1/proposals/nope"), 404)
    check_problem(desk.bob("POST", "/v1/proposals/nope/approve"), 404)
    check_problem(desk.bob("POST", "/v1/proposals/nope/reject", {"reason": "x"}), 404)
    check_problem(desk.ann("POST", "/v1/proposals/nope/override", OWN), 404)


def test_a_part_is_approved_and_the_rest_stays_waiting(desk: Desk) -> None:
    """Once, however often it is asked for; what was left out is published later, and the whole is closed."""
    name = desk.propose(*map(decision, IDS), name="p2")
    sent = {"offers": [{"offer": IDS[0]}]}
    told = [body(desk.bob("POST", f"/v1/proposals/{name}/approve", sent, once="part")) for _ in range(2)]
    assert told[0] == told[1]
    chosen, rest = told[0]["proposal"], told[0]["rest"]
    assert desk.bob("POST", "/v1/publications", {"proposal": chosen}).status_code == 201
    assert [desk.price(offer) for offer in IDS] == ["11.00", "10.00", "10.00"]
    again = body(desk.bob("POST", f"/v1/proposals/{rest}/approve"))
    assert again == {"proposal": rest, "standing": "approved", "rest": None}
    assert desk.bob("POST", "/v1/publications", {"proposal": rest}).status_code == 201
    assert {desk.price(offer) for offer in IDS} == {"11.00"}
    assert body(desk.bob("GET", f"/v1/proposals/{name}"))["standing"] == "split"


def test_an_offer_that_it_does_not_decide_about_is_refused_also_beside_all_that_it_does(desk: Desk) -> None:
    """Whoever names it means another proposal: nothing is approved."""
    name = desk.propose(decision(), name="p2")
    sent = {"offers": [{"offer": offer} for offer in (IDS[0], "nobody")]}
    refused = check_problem(desk.bob("POST", f"/v1/proposals/{name}/approve", sent), 409)
    assert "decides nothing about nobody" in refused.detail
    assert body(desk.ann("GET", f"/v1/proposals/{name}"))["standing"] == "open"


def test_all_offers_of_a_proposal_are_the_proposal(desk: Desk) -> None:
    """Nothing is split where nothing is left out."""
    name = desk.propose(*map(decision, IDS[:2]), name="p2")
    sent = {"offers": [{"offer": offer} for offer in IDS[:2]]}
    told = body(desk.bob("POST", f"/v1/proposals/{name}/approve", sent))
    assert told == {"proposal": name, "standing": "approved", "rest": None}


def test_a_part_that_may_not_be_approved_is_not_split_off(desk: Desk) -> None:
    """An offer it does not decide about, its proposer, or an order of prices: the proposal stays as it was."""
    with (desk.root / FILE).open("a") as file:
        file.write('segment_order = [["child", "adult"]]\n')
    name = desk.propose(*map(decision, IDS), name="p2", by="bob")
    for offer, why in (("nobody", "nothing about nobody"), (IDS[0], "someone else"), (IDS[1], "would cost more than")):
        answered = desk.bob("POST", f"/v1/proposals/{name}/approve", {"offers": [{"offer": offer}]})
        assert answered.status_code == 409
        assert why in answered.text
    assert desk.book.standing(name, now=desk.now) is Standing.OPEN
    assert len(desk.book.proposals()) == 2
