"""The express lane of quotes answers exactly as the application would."""

import itertools
import json
from typing import Any

import pytest
from werkzeug.test import Client

from api.http.express import Express
from api.http.express_quotes import ExpressQuotes
from api.http.trace import Watched
from api.store.keys import Scope
from tests.api.http.test_express import seen
from tests.api.store.book_kit import IDS
from tests.api.test_app import STRANGE, TRAP, Fixed, Served

ITEM = {"offer": IDS[0]}
BODIES: tuple[str, ...] = (
    *(
        json.dumps({"items": items})
        for items in ([], [ITEM], [ITEM, ITEM, {"offer": TRAP}], [ITEM] * 100, [ITEM] * 101)
    ),
    json.dumps({"items": [ITEM | {"channel": "all"}, ITEM | {"channel": "web"}]}),
    json.dumps({"items": [{"offer": STRANGE, "channel": "web"}]}),
    json.dumps({"items": [{"offer": STRANGE, "channel": "web"}]}, ensure_ascii=False),
    json.dumps({"items": [ITEM | {"channel": None}]}),
    json.dumps({"items": [ITEM, {"offer": "nope"}]}),
    json.dumps({"items": [ITEM | {"unknown": 1}]}),
    json.dumps({"items": [ITEM], "unknown": 1}),
    json.dumps({"items": [{"offer": "offer"}, {"offer": "items"}]}),
    json.dumps({"items": [{"offer": "x" * 501}]}),
    json.dumps({"items": [{"channel": "all"}]}),
    '{"items": [{"offer": "ID", "offer": "ID"}]}',
    '{"items": [{"\\u006fffer": "ID", "offer": "ID"}]}',
    '{"items": [{"offer": "ID", "channel": "all", "channel": "web"}]}',
    '{"items": [{"offer": "ID"}], "items": [{"offer": "ID"}]}',
    '\n{ "items" :\t[ {"offer": "ID"} ] }\n',
    '{"items": [{"offer": "ID"}]} x',
    '\ufeff{"items": [{"offer": "ID"}]}',
    '{"items": [{"offer": NaN}]}',
    '{"items": [{"offer": "ID\x01"}]}',
    "[" * 5000,
    "null",
    "",
)
TYPES = ("application/json", "application/json; charset=utf-8", "text/plain", None)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """An application with the express lanes in front."""
    return Served(tmp_path_factory.mktemp("express"))


def lane(served: Served) -> ExpressQuotes:
    """The middleware of an application."""
    watched = served.app.wsgi_app
    assert isinstance(watched, Watched)
    express = watched.app
    assert isinstance(express, Express)
    assert isinstance(express._app, ExpressQuotes)
    return express._app


def send(app: Any, body: bytes, kind: str | None, key: str, **more: Any) -> Any:
    """Ask an application for quotes."""
    values = {"path": "/v1/quotes", "method": "POST"} | more
    return Client(app).open(**values, data=body, content_type=kind, headers={"Authorization": f"Bearer {key}"})


def test_with_and_without_the_lane_the_answer_is_the_same(served: Served) -> None:
    """Status, body and headers, whatever is asked, fresh or stale."""
    snapshot, express = served.snapshots.view.snapshot, lane(served)
    keys = (served.keys[Scope.PRICES_READ], served.keys[Scope.SALES_WRITE], "ff_wrong")
    for text, kind, stale in itertools.product(BODIES, TYPES, [False, True]):
        served.snapshots.view = Fixed(snapshot, stale=stale).view
        body = text.replace("ID", IDS[0]).encode()
        for key in keys:
            asked = (body, kind, key)
            assert seen(send(express, *asked)) == seen(send(express._app, *asked)), (text[:80], kind, stale)


@pytest.mark.parametrize(
    "more",
    [{"method": "GET"}, {"method": "PUT"}, {"path": "/v1/quotes/"}, {"path": "/v1/quotes/x"}, {"query_string": "x=1"}],
)
def test_what_is_no_plain_request_goes_to_the_application(served: Served, more: dict[str, Any]) -> None:
    """Another method, another address, a query."""
    express, body = lane(served), json.dumps({"items": [ITEM]}).encode()
    asked = (body, "application/json", served.keys[Scope.PRICES_READ])
    assert seen(send(express, *asked, **more)) == seen(send(express._app, *asked, **more))


def test_bytes_that_are_no_text_go_to_the_application(served: Served) -> None:
    """Which refuses them."""
    body, key = b'{"items": [{"offer": "\xff"}]}', served.keys[Scope.PRICES_READ]
    express = lane(served)
    assert seen(send(express, body, "application/json", key)) == seen(send(express._app, body, "application/json", key))


def test_the_lane_is_taken(served: Served) -> None:
    """A plain request for a hundred prices does not reach the application."""
    express, items = lane(served), [{"offer": name} for name in IDS] * 33

    def unreachable(*_: object) -> list[bytes]:
        raise AssertionError("reached the application")

    application, express._app = express._app, unreachable
    try:
        body = json.dumps({"items": items}).encode()
        answer = send(express, body, "application/json", served.keys[Scope.PRICES_READ])
    finally:
        express._app = application
    assert [quote["offer"] for quote in answer.get_json()["items"]] == [item["offer"] for item in items]
