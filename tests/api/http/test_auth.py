"""A key opens what its scopes say, as often as the owner allows, until it is revoked."""

import itertools
import re
import timeit
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from api.http.auth import REMEMBERED, Limit, Pace
from api.store.keys import Scope, list_keys, revoke_key
from tests.api.desk import Desk
from tests.api.store.book_kit import IDS, NOW
from tests.api.test_app import check_problem

SCOPES = (Scope.PRICES_READ, Scope.SALES_WRITE, Scope.PROPOSALS_WRITE, Scope.PROPOSALS_APPROVE, Scope.ADMIN)


@dataclass(frozen=True)
class Operation:
    """An operation of the document, and the scopes of which one opens it; None: it is open to everybody."""

    method: str
    path: str
    scopes: frozenset[str] | None

    @property
    def address(self) -> str:
        """An address of it, of something that is not there."""
        return re.sub(r"\{\w+\}", "1", self.path)


def operations(desk: Desk) -> Iterator[Operation]:
    """What the OpenAPI document declares."""
    paths: dict[str, Any] = desk.send("GET", "/openapi.json").get_json()["paths"]
    for path, item in paths.items():
        for method, operation in item.items():
            security = operation.get("security")
            names = None if security is None else frozenset(name for each in security for name in each["key"])
            yield Operation(method.upper(), path, names)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A served workspace."""
    return Desk(tmp_path)


def test_every_operation_opens_to_whom_it_declares_and_to_nobody_else(desk: Desk) -> None:
    """Every operation of the document by every scope, without a key, with a wrong one and with a revoked one."""
    keys = {scope.value: desk.key("eve", [scope]) for scope in SCOPES}
    revoked = desk.key("eve", SCOPES)
    revoke_key(desk.engine, len(list_keys(desk.engine)), by="ann", now=NOW, reason="test")
    desk.follower.refresh()
    roles = keys | {"none": "", "wrong": "ff_wrong", "revoked": revoked}
    wrong, cells = [], 0
    for operation, (role, key) in itertools.product(operations(desk), roles.items()):
        cells += 1
        status = desk.send(operation.method, operation.address, key=key).status_code
        if not as_declared(operation, role, status):
            wrong.append((operation, role, status))
    print(f"{cells} of role x operation")  # noqa: T201  # shown with -s, for the record
    assert cells >= 15 * len(roles)
    assert wrong == []


def as_declared(operation: Operation, role: str, status: int) -> bool:
    """Whether an answer is the one that the document promises this role."""
    if operation.scopes is None:
        return status == 200
    if role not in SCOPES:
        return status == 401
    admitted = role in {*operation.scopes, Scope.ADMIN}
    return (status == 403) is not admitted and status != 401


def test_every_operation_under_v1_asks_for_a_scope_that_exists(desk: Desk) -> None:
    """Only health and readiness are open; each operation has a name of its own."""
    found = list(operations(desk))
    assert {each.path for each in found if each.scopes is None} == {"/healthz", "/readyz"}
    assert all(each.scopes <= set(SCOPES) for each in found if each.scopes is not None)
    paths = desk.send("GET", "/openapi.json").get_json()["paths"]
    names = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert len(names) == len(set(names))


def test_a_refusal_says_what_is_missing(desk: Desk) -> None:
    """In words, and in the header that RFC 6750 has for it."""
    unknown = desk.send("GET", "/v1/audit", key="ff_wrong")
    check_problem(unknown, 401)
    assert unknown.headers["WWW-Authenticate"] == "Bearer"
    lacking = desk.ann("GET", "/v1/audit")
    assert "admin" in check_problem(lacking, 403).detail
    assert lacking.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="admin"'


def test_who_acts_is_the_holder_of_the_key(desk: Desk) -> None:
    """With another key of their own, a proposer still cannot approve; the log names the holder."""
    desk.propose(by="ann")
    own = desk.key("ann", [Scope.ADMIN])
    desk.follower.refresh()
    refused = check_problem(desk.send("POST", "/v1/proposals/p1/approve", key=own), 409)
    assert "someone else must approve it" in refused.detail
    assert desk.bob("POST", "/v1/proposals/p1/approve").status_code == 200
    assert [entry.by for entry in desk.book.entries() if entry.action == "approve"] == ["bob"]


def test_a_revoked_key_opens_nothing_once_the_server_has_looked(desk: Desk) -> None:
    """Prices through the express lane and all else."""
    key = desk.key("shop", [Scope.PRICES_READ])
    desk.follower.refresh()
    assert desk.send("GET", f"/v1/prices/{IDS[0]}", key=key).status_code == 200
    revoke_key(desk.engine, len(list_keys(desk.engine)), by="ann", now=NOW, reason="lost")
    desk.follower.refresh()
    for path in (f"/v1/prices/{IDS[0]}", "/v1/prices"):
        check_problem(desk.send("GET", path, key=key), 401)


def test_a_key_that_asks_too_often_is_told_when_to_go_on(tmp_path: Path) -> None:
    """After its share, 429 with the seconds to wait, on the express lane as elsewhere; then it goes on."""
    desk = Desk(tmp_path, requests=Limit(rate=0.5, burst=3))
    paths = [f"/v1/prices/{IDS[0]}", "/v1/prices", f"/v1/prices/{IDS[0]}"]
    reader = desk.keys["eve", Scope.PRICES_READ]
    assert [desk.send("GET", path, key=reader).status_code for path in paths] == [200, 200, 200]
    for path in paths:
        refused = desk.send("GET", path, key=reader)
        check_problem(refused, 429)
        assert refused.headers["Retry-After"] == "2"
    assert desk.ann("GET", "/v1/proposals").status_code == 200  # another key has a share of its own
    desk.machine.uptime += 2
    assert [desk.send("GET", path, key=reader).status_code for path in paths] == [200, 429, 429]


def test_whoever_guesses_keys_is_slowed_and_locks_nobody_out(tmp_path: Path) -> None:
    """Failures count by address; a valid key from there is answered all the same, and other addresses are."""
    desk = Desk(tmp_path, failures=Limit(rate=1, burst=5))

    def guess(address: str) -> TestResponse:
        return desk.send("GET", "/v1/prices", key="ff_guess", environ_base={"REMOTE_ADDR": address})

    assert [guess("192.0.2.1").status_code for _ in range(7)] == [401] * 5 + [429] * 2
    assert guess("192.0.2.1").headers["Retry-After"] == "1"
    assert guess("192.0.2.2").status_code == 401
    known = desk.keys["eve", Scope.PRICES_READ]
    assert desk.send("GET", "/v1/prices", key=known, environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 200


@given(
    rate=st.floats(0.1, 1000),
    burst=st.integers(1, 50),
    waits=st.lists(st.floats(0, 5, allow_subnormal=False), min_size=1, max_size=80),
)
def test_no_more_pass_than_the_rate_and_the_burst_allow(rate: float, burst: int, waits: list[float]) -> None:
    """Over any stretch of time; whoever waits as long as they are told passes."""
    now = 0.0
    pace = Pace(Limit(rate, burst), lambda: now)
    passed: list[float] = []
    for wait in waits:
        now += wait
        if (left := pace.wait("key")) == 0.0:
            passed.append(now)
        else:
            now += left
            assert pace.wait("key") == 0.0
            passed.append(now)
    for n, start in enumerate(passed):
        for count, end in enumerate(passed[n:], 1):
            assert count <= burst + rate * (end - start + 2e-6 * count)


def test_a_pace_remembers_no_more_names_than_it_may() -> None:
    """However many addresses guess, memory stays small."""
    pace = Pace(Limit(1, 1), lambda: 0.0)
    for n in range(2 * REMEMBERED):
        pace.wait(str(n))
    assert len(pace._full_at) <= REMEMBERED


def test_the_check_of_a_key_costs_microseconds(desk: Desk) -> None:
    """A hundredth of what an answer may cost, generously: 20 microseconds."""
    view, header = desk.follower.current(), f"Bearer {desk.keys['eve', Scope.PRICES_READ]}"
    gate = desk.gate
    cost = min(timeit.repeat(lambda: gate.lets(view, header, Scope.PRICES_READ), number=1000, repeat=5)) / 1000
    assert cost < 20e-6


def test_the_documentation_names_every_operation_and_its_scopes(desk: Desk) -> None:
    """The table of docs/api.md says what the OpenAPI document says."""
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    told: dict[tuple[str, str], frozenset[str]] = {}
    for line in page.splitlines():
        cells = line.split("|")
        for method, path in re.findall(r"`(GET|POST|PUT|DELETE) (/[^`]+)`", cells[1] if len(cells) > 3 else ""):
            told[method, path] = frozenset(re.findall(r"`([^`]+)`", cells[2]))
    assert told == {(each.method, each.path): each.scopes for each in operations(desk) if each.scopes is not None}
