"""The express lane answers exactly as the application would."""

import itertools
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import Client, TestResponse

from api.http.auth import Gate
from api.http.express import Express
from api.http.trace import Watched
from api.store.keys import Scope
from tests.api.store.book_kit import IDS
from tests.api.test_app import FREE, STRANGE, TRAP, Fixed, Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """An application with the express lane in front."""
    return Served(tmp_path_factory.mktemp("express"))


def seen(response: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All that a client sees."""
    return response.status_code, response.data, sorted((name.lower(), value) for name, value in response.headers)


def lane(served: Served) -> Express:
    """The middleware of an application, in what counts the answers."""
    watched = served.app.wsgi_app
    assert isinstance(watched, Watched)
    express = watched.app
    assert isinstance(express, Express)
    return express


@dataclass(frozen=True)
class Asked:
    """A request, and whether the prices are stale when it comes."""

    offer: str
    method: str
    query: str
    scope: Scope | None
    known: str | None
    stale: bool

    def send(self, app: Any, keys: dict[Scope, str]) -> TestResponse:
        """Ask an application; without a scope, with a key that does not exist."""
        headers = {"Authorization": f"Bearer {keys[self.scope] if self.scope else 'ff_wrong'}"}
        headers |= {"If-None-Match": self.known} if self.known else {}
        path = f"/v1/prices/{quote(self.offer)}"
        return Client(app).open(path, method=self.method, query_string=self.query, headers=headers)


REQUESTS = tuple(
    Asked(*choice)
    for choice in itertools.product(
        [IDS[0], STRANGE, TRAP, "nope", "", f"/{IDS[0]}"],
        ["GET", "HEAD", "POST", "OPTIONS"],
        ["", "channel=all", "x=1"],
        [None, Scope.PRICES_READ, Scope.ADMIN, Scope.SALES_WRITE],
        [None, "*"],
        [False, True],
    )
)


def test_with_and_without_the_lane_the_answer_is_the_same(served: Served) -> None:
    """Status, body and headers, whatever is asked, fresh or stale."""
    snapshot, express = served.snapshots.view.snapshot, lane(served)
    for asked in REQUESTS:
        served.snapshots.view = Fixed(snapshot, stale=asked.stale).view
        assert seen(asked.send(express, served.keys)) == seen(asked.send(express._app, served.keys)), asked


def test_the_lane_is_taken(served: Served) -> None:
    """A plain GET with a key does not reach the application."""

    def unreachable(*_: object) -> list[bytes]:
        raise AssertionError("reached the application")

    express = Express(unreachable, served.snapshots, Gate(served.snapshots, requests=FREE), {})
    headers = {"Authorization": f"Bearer {served.keys[Scope.PRICES_READ]}"}
    assert Client(express).get(f"/v1/prices/{IDS[0]}", headers=headers).status_code == 200
