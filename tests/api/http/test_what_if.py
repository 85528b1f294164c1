"""A what-if over HTTP is the answer of the command, at the prices in force, and only while its figures hold."""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from werkzeug.test import Client, TestResponse

from api.app import create_app
from api.http.auth import Gate
from api.served.follower import Follower
from api.stage import STAGE_NAME, load_stage
from api.store.database import open_database
from api.store.keys import Scope, create_key
from api.workspace import Workspace
from pricing.whatif import Change, what_if
from tests.api.clocks import Machine
from tests.api.test_app import FREE
from tests.api.test_estimates import busy_workspace
from tests.api.test_workspace import NOW, Bring


class Desk:
    """A priced workspace, a server of it, and keys."""

    def __init__(self, place: Workspace) -> None:
        self.place = place
        engine = open_database(place.database)
        self.keys = {scope: create_key(engine, {scope}, holder="desk", by="me", now=NOW) for scope in Scope}
        self.follower = Follower(place.database, place.root / "snapshot.json", clock=Machine(wall=NOW).clock())
        self.now = NOW
        self.follower.refresh()
        gate = Gate(self.follower, requests=FREE, failures=FREE)
        self.client = Client(create_app(self.follower, root=place.root, now=lambda: self.now, gate=gate))

    def ask(self, *, scope: Scope = Scope.PROPOSALS_WRITE, **question: Any) -> TestResponse:
        """Ask what would be if."""
        headers = {"Authorization": f"Bearer {self.keys[scope]}"}
        return self.client.post(
            "/v1/what-if", data=json.dumps(question), headers=headers, content_type="application/json"
        )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One product at 10.00, with a proposal that is approved; made once."""
    return busy_workspace(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def desk(kept: Path, tmp_path: Path) -> Desk:
    """A server of a copy of it."""
    return Desk(Workspace.open(shutil.copytree(kept, tmp_path / "shop")))


def test_it_is_the_answer_of_the_command(desk: Desk) -> None:
    """Figure for figure."""
    question: dict[str, Any] = {"prices": {"mug": "11.00"}, "demand": {"*": 0.9}, "elasticity": {"mug": -1.5}}
    answer = desk.ask(**question)
    assert answer.status_code == 200, answer.text
    stage = load_stage(desk.place.root, now=NOW)
    assert stage is not None
    change = msgspec.convert(question, Change)
    assert answer.get_json() == msgspec.json.decode(
        msgspec.json.encode(what_if(stage.market, stage.curves, change, stage.objective))
    )
    assert answer.get_json()["offers"][0]["price_then"] == "11.00"


def test_asked_nothing_it_says_how_things_stand(desk: Desk) -> None:
    """Without a body, too."""
    for answer in (
        desk.ask(),
        desk.client.post("/v1/what-if", headers={"Authorization": f"Bearer {desk.keys[Scope.ADMIN]}"}),
    ):
        (total,) = answer.get_json()["totals"]
        assert total["now"] == total["then"]
        assert total["gain"]["expected"] == 0


def test_it_starts_from_the_price_in_force(desk: Desk) -> None:
    """At once, after a publication by whomever, with every server writing its snapshot as it likes."""
    proposal = desk.place.book.latest_proposal()
    assert proposal is not None
    desk.place.publish(proposal.id, by="me", now=NOW)
    for _ in range(2):
        desk.follower.refresh()
        desk.follower._keep(desk.follower.current().snapshot)
        assert desk.ask().get_json()["offers"][0]["price_now"] == f"{proposal.decisions[0].allowed}"


def test_everything_that_cannot_be_assumed_is_named(desk: Desk) -> None:
    """All at once."""
    answer = desk.ask(prices={"mug": "99.00", "cup": "1.00"}, capacity={"hall": 3}, demand={"mug": -1})
    assert answer.status_code == 422
    places = ["prices.mug", "prices.cup", "capacity.hall", "demand.mug"]
    assert [fault["where"] for fault in answer.get_json()["errors"]] == places
    told = " ".join(fault["reason"] for fault in answer.get_json()["errors"])
    for words in ("beyond its ladder", "no offer cup", "no resource", "not a factor"):
        assert words in told


@pytest.mark.parametrize(
    "text",
    [
        '{"demand": {"mug": NaN}}',
        '{"demand": {"mug": 1, "mug": 2}}',
        '{"price": {"mug": "1"}}',
        '{"prices": {"mug": 11}}',
        "[]",
    ],
)
def test_a_question_is_read_exactly(desk: Desk, text: str) -> None:
    """Or refused."""
    headers = {"Authorization": f"Bearer {desk.keys[Scope.ADMIN]}"}
    answer = desk.client.post("/v1/what-if", data=text, headers=headers, content_type="application/json")
    assert answer.status_code == 422


def test_figures_that_no_longer_hold_are_not_told(desk: Desk, bring: Bring) -> None:
    """Another day, other sales, a damaged file, none; but the advice what to do."""
    root = desk.place.root

    def refused() -> bool:
        answer = desk.ask()
        return answer.status_code == 409 and "kind price" in answer.get_json()["detail"]

    assert not refused()
    desk.now = NOW + timedelta(days=1)
    assert refused()
    desk.now = NOW
    kept = (root / STAGE_NAME).read_bytes()
    (root / STAGE_NAME).write_bytes(kept[:-300] + bytes(300))
    assert refused()
    (root / STAGE_NAME).write_bytes(kept)
    assert not refused()
    (root / STAGE_NAME).unlink()
    assert refused()
    desk.place.stage(now=NOW)
    assert not refused()
    text = "date,product,quantity,price\n2024-01-01,cup,3,1.50\n"
    desk.place.ingest("sales", bring(text, "more.csv"), by="me", now=NOW)
    assert refused()


def test_who_may_ask(desk: Desk) -> None:
    """It tells what is earned: whoever prepares prices."""
    for scope in Scope:
        allowed = scope in {Scope.PROPOSALS_WRITE, Scope.ADMIN}
        assert (desk.ask(scope=scope).status_code == 200) is allowed
