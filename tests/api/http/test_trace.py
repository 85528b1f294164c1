"""A request that writes or fails leaves a line that names who, and never the key; a read that goes well leaves none."""

from pathlib import Path

import pytest
import structlog
from flask import g
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from api.app import create_app
from api.served.snapshot import NOTHING, View
from tests.api.test_app import Fixed, Served

KEPT = [structlog.contextvars.merge_contextvars]


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """An application of its own, with an operation that writes."""
    made = Served(tmp_path)

    def write(status: int) -> tuple[str, int]:
        g.writes, g.holder = True, "till 4"
        return "", status

    made.app.add_url_rule("/write/<int:status>", "write", write, methods=["POST"])
    return made


def write(served: Served, status: int = 201, request_id: str = "") -> TestResponse:
    """Have it answer with this status."""
    headers = {"Authorization": "Bearer ff_secret"} | ({"X-Request-Id": request_id} if request_id else {})
    return served.client.post(f"/write/{status}", headers=headers)


@pytest.mark.parametrize("status", [201, 409])
def test_a_write_leaves_one_line(served: Served, status: int) -> None:
    """Done or refused: what was asked, by whom, how it ended and how long it took; the answer names the line."""
    with capture_logs(KEPT) as logs:
        answer = write(served, status)
    [line] = logs
    assert line.pop("milliseconds") >= 0
    assert line == {
        "event": "write",
        "log_level": "info",
        "request": answer.headers["X-Request-Id"],
        "method": "POST",
        "path": f"/write/{status}",
        "status": status,
        "holder": "till 4",
    }


def test_a_client_may_name_its_request(served: Served) -> None:
    """If the name is one; nothing gets into the log that could forge a line."""
    assert write(served, request_id="order-17").headers["X-Request-Id"] == "order-17"
    for forged in ('17" "status": 200', "x" * 65, "ä"):
        assert write(served, request_id=forged).headers["X-Request-Id"] != forged


def test_reads_leave_none(served: Served) -> None:
    """Neither those that go well nor those that are the client's mistake: they are counted."""
    with capture_logs(KEPT) as logs:
        for path in ("/v1/prices", "/v1/prices/nope", "/nope", "/healthz"):
            assert "X-Request-Id" not in served.get(path).headers
        served.client.get("/v1/prices")
    assert logs == []


def test_a_failure_of_ours_leaves_one_line_that_the_answer_names() -> None:
    """With the reason, which the answer does not give."""

    class Broken(Fixed):
        def current(self) -> View:
            raise RuntimeError("reason")

    with capture_logs(KEPT) as logs:
        answer = create_app(Broken(NOTHING)).test_client().get("/v1/prices")
    [line] = logs
    assert (line["log_level"], line["reason"], line["path"]) == ("error", "reason", "/v1/prices")
    assert answer.headers["X-Request-Id"] == line["request"]


def test_what_one_request_is_called_is_forgotten_at_its_end(served: Served) -> None:
    """A line logged by nobody's request is nobody's."""
    write(served)
    assert structlog.contextvars.get_contextvars() == {}
