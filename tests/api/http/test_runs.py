"""Jobs are asked for, watched and cancelled over HTTP."""

from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from api.app import create_app
from api.http.auth import Gate
from api.store.database import DATABASE_NAME, open_database
from api.store.keys import Scope
from api.store.runs import ON_REQUEST, State, claim, finish, report
from tests.api.store.book_kit import NOW
from tests.api.test_app import FREE, Served


class Asker:
    """Who asks for jobs, and the worker that does them."""

    def __init__(self, folder: Path) -> None:
        served = Served(folder)
        self.keys, self.engine = served.keys, open_database(folder / DATABASE_NAME)
        gate = Gate(served.snapshots, requests=FREE, failures=FREE)
        self.client = Client(create_app(served.snapshots, root=folder, now=lambda: NOW, gate=gate))

    def send(
        self, method: str, path: str, body: Any = None, *, scope: Scope = Scope.PROPOSALS_WRITE, key: str = ""
    ) -> TestResponse:
        """Send a request, maybe with an idempotency key."""
        headers = {"Authorization": f"Bearer {self.keys[scope]}"} | ({"Idempotency-Key": key} if key else {})
        return self.client.open(f"/v1/runs{path}", method=method, json=body, headers=headers)


@pytest.fixture
def asker(tmp_path: Path) -> Asker:
    """A price book, a server and keys."""
    return Asker(tmp_path)


def test_a_run_is_watched_from_asking_to_its_end(asker: Asker) -> None:
    """What is told is what its worker said."""
    asked = asker.send("POST", "", {"kind": "fit"})
    assert asked.status_code == 202
    run = asked.get_json()
    assert asked.headers["Location"] == f"/v1/runs/{run['id']}"
    assert (run["state"], run["attempt"], run["by"], run["progress"]) == ("asked", 0, "shop", 0.0)
    taken = claim(asker.engine, "one", now=NOW)
    assert taken is not None
    report(asker.engine, taken, stage="fitting price response", progress=0.4, now=NOW)
    told = asker.send("GET", f"/{run['id']}").get_json()
    assert (told["state"], told["stage"], told["progress"]) == ("running", "fitting price response", 0.4)
    finish(asker.engine, taken, State.DONE, {"model_version": "f1"}, now=NOW)
    done = asker.send("GET", f"/{run['id']}").get_json()
    assert (done["state"], done["progress"], done["result"]) == ("done", 1.0, {"model_version": "f1"})


def test_the_same_request_sent_again_is_one_run(asker: Asker) -> None:
    """With its idempotency key; the answer says again where the run is."""
    first, again = (asker.send("POST", "", {"kind": "fit"}, key="k1") for _ in range(2))
    assert first.data == again.data
    assert first.headers["Location"] == again.headers["Location"]
    assert len(asker.send("GET", "").get_json()["items"]) == 1
    assert asker.send("POST", "", {"kind": "price"}, key="k1").status_code in {409, 422}


def test_runs_are_listed_the_newest_first(asker: Asker) -> None:
    """Page by page, each once."""
    made = [asker.send("POST", "", {"kind": kind.value}).get_json()["id"] for kind in ON_REQUEST]
    seen, cursor = [], ""
    while True:
        page = asker.send("GET", f"?limit=2{cursor}").get_json()
        seen += [run["id"] for run in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == made[::-1]


def test_a_run_is_cancelled_once(asker: Asker) -> None:
    """One that has ended cannot be; one that never was is not found."""
    run = asker.send("POST", "", {"kind": "fit"}).get_json()["id"]
    assert asker.send("POST", f"/{run}/cancel").get_json()["state"] == "cancelled"
    assert asker.send("POST", f"/{run}/cancel").status_code == 409
    for method, path in (("POST", "/nope/cancel"), ("GET", "/nope")):
        assert asker.send(method, path).status_code == 404


@pytest.mark.parametrize("body", [{}, {"kind": "ingest"}, {"kind": "fit", "by": "bob"}, {"kind": 1}, []])
def test_what_is_asked_for_is_read_exactly(asker: Asker, body: Any) -> None:
    """Nothing else can be done."""
    assert asker.send("POST", "", body).status_code == 422
    assert asker.send("GET", "").get_json()["items"] == []


def test_who_may_ask_and_watch(asker: Asker) -> None:
    """Whoever prepares prices."""
    for scope in Scope:
        allowed = scope in {Scope.PROPOSALS_WRITE, Scope.ADMIN}
        assert (asker.send("GET", "", scope=scope).status_code == 200) is allowed
        assert (asker.send("POST", "", {"kind": "fit"}, scope=scope).status_code == 202) is allowed
