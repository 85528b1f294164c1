"""A body is read exactly or refused, a write happens once, and what was sent before is not sent again."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from api.settings import FILE
from api.store.keys import Scope
from tests.api.desk import Desk
from tests.api.store.book_kit import IDS
from tests.api.test_app import body, check_problem

FREEZE = "/v1/freeze"
OVERRIDE = "/v1/proposals/p1/override"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A served workspace with a proposal."""
    made = Desk(tmp_path)
    made.propose()
    return made


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The same, for what changes nothing."""
    made = Desk(tmp_path_factory.mktemp("quiet"))
    made.propose()
    return made


def put(desk: Desk, text: str | bytes, *, media_type: str = "application/json", **options: object) -> TestResponse:
    """Send a text as the body of a freeze."""
    return desk.admin("PUT", FREEZE, data=text, headers={"Content-Type": media_type}, **options)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", {"": "this is not JSON"}),
        ("[]", {"": "a body is a JSON object"}),
        ('"{}"', {"": "a body is a JSON object"}),
        ("null", {"": "a body is a JSON object"}),
        ('{"reason": "x"', {"": "this is not JSON"}),
        ('{"reason": "x"} {}', {"": "this is not JSON"}),
        ('{"reason": "x", "reason": "y"}', {"reason": "more than once"}),
        ('{"reason": "x", "raeson": "y"}', {"raeson": "there is no such key"}),
        ('{"reason": 1}', {"reason": "this is not text"}),
        ('{"reason": NaN}', {"reason": "this is not text"}),
        ('{"reason": null}', {"reason": "this is not text"}),
        ('{"reason": ""}', {"reason": "this is empty"}),
        ('{"reason": "a\\nb"}', {"reason": "does not have the form"}),
        ('{"reason": "a\\u0000b"}', {"reason": "does not have the form"}),
        ('{"reason": "\\ud800"}', {"reason": "this is not text"}),
        (
            '{"raeson": [NaN, {"a": 1, "a": 2}]}',
            {"raeson[1].a": "more than once", "reason": "missing", "raeson": "no such"},
        ),
        ("[" * 100_000, {"": "nested too deeply"}),
        ('{"reason": ' * 900 + "1" + "}" * 900, {"reason": "this is not text"}),
        ('{"reason": ' + "9" * 5000 + "}", {"": "this is not JSON"}),
    ],
)
def test_a_body_that_is_not_exactly_right_is_refused_with_every_fault(
    quiet: Desk, text: str, faults: Mapping[str, str]
) -> None:
    """Each with its place, in our words; and nothing is done."""
    found = check_problem(put(quiet, text), 422)
    assert {fault.where for fault in found.errors} == set(faults)
    for fault in found.errors:
        assert faults[fault.where] in fault.reason
        assert "pydantic" not in fault.reason
        assert "Input should" not in fault.reason
    assert not quiet.book.frozen()


def test_a_body_of_another_kind_is_refused(desk: Desk) -> None:
    """Another media type is 415, other characters than UTF-8 are 422, a body of 10 MB is 413; none is acted on."""
    check_problem(put(desk, '{"reason": "x"}', media_type="text/plain"), 415)
    check_problem(put(desk, "reason=x", media_type="application/x-www-form-urlencoded"), 415)
    check_problem(put(desk, '{"reason": "é"}'.encode("latin-1")), 422)
    check_problem(put(desk, b"\xef\xbb\xbf" + b'{"reason": "x"}'), 422)
    check_problem(put(desk, '{"reason": "' + "x" * 10_000_000 + '"}'), 413)
    assert not desk.book.frozen()
    assert put(desk, '{"reason": "x"}', media_type="application/json; charset=utf-8").status_code == 200


def test_places_in_a_list_are_named(quiet: Desk) -> None:
    """As they stand in the document."""
    prices = [{"offer": IDS[0], "price": "11.00"}, {"offer": "", "price": 12.5, "chanel": "web"}]
    found = check_problem(quiet.ann("POST", OVERRIDE, {"prices": prices, "reason": "fair"}), 422)
    assert {fault.where for fault in found.errors} == {"prices[1].offer", "prices[1].price", "prices[1].chanel"}


def test_without_a_key_no_body_is_read(quiet: Desk) -> None:
    """A megabyte of nonsense from a stranger is a 401."""
    check_problem(quiet.send("PUT", FREEZE, data="[" * 10**6, key="ff_wrong"), 401)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    sent=json_values | st.fixed_dictionaries({"prices": json_values, "reason": json_values}) | st.binary(max_size=40)
)
def test_no_body_makes_the_server_fail(quiet: Desk, sent: object) -> None:
    """Whatever is sent: right, or a problem that says where it is wrong."""
    data = sent if isinstance(sent, bytes) else json.dumps(sent)
    response = quiet.ann("POST", OVERRIDE, data=data, headers={"Content-Type": "application/json"})
    found = check_problem(response, 422)
    assert found.errors


def test_a_write_sent_again_is_answered_as_before(desk: Desk) -> None:
    """One effect; with that key another body or address is refused; another holder's key is another."""
    first = desk.bob("POST", "/v1/proposals/p1/approve", once="k")
    again = desk.bob("POST", "/v1/proposals/p1/approve", once="k")
    assert (first.status_code, first.data) == (again.status_code, again.data) == (200, first.data)
    assert [entry.action for entry in desk.book.entries()].count("approve") == 1
    for path, sent in (("/v1/proposals/p1/approve", {"large": True}), ("/v1/proposals/p2/approve", None)):
        found = check_problem(desk.bob("POST", path, sent, once="k"), 422)
        assert [fault.where for fault in found.errors] == ["Idempotency-Key"]
    other = desk.admin("POST", "/v1/proposals/p1/approve", once="k")
    assert "approved already" in check_problem(other, 409).detail


def test_what_failed_may_be_tried_again_with_the_same_key(desk: Desk) -> None:
    """A refusal is not recorded: once its cause is gone the same request succeeds."""
    desk.bob("PUT", FREEZE, {"reason": "stop"})
    desk.bob("POST", "/v1/proposals/p1/approve")
    sent = {"proposal": "p1"}
    check_problem(desk.bob("POST", "/v1/publications", sent, once="k"), 409)
    desk.admin("DELETE", FREEZE, {"reason": "go"})
    assert desk.bob("POST", "/v1/publications", sent, once="k").get_json() == {"version": 2}
    assert desk.bob("POST", "/v1/publications", sent, once="k").get_json() == {"version": 2}


def test_a_key_that_is_no_key_is_refused(quiet: Desk) -> None:
    """Too long, with spaces, or empty of sense."""
    for key in ("x" * 256, "a b", "\u00e9"):
        found = check_problem(quiet.bob("POST", "/v1/proposals/p1/approve", once=key), 422)
        assert [fault.where for fault in found.errors] == ["Idempotency-Key"]


def test_sent_by_many_at_once_a_proposal_is_published_once(desk: Desk) -> None:
    """All with one key are answered alike; of those with keys of their own one succeeds."""
    desk.bob("POST", "/v1/proposals/p1/approve")
    with ThreadPoolExecutor(8) as threads:
        alike = list(
            threads.map(lambda _: desk.bob("POST", "/v1/publications", {"proposal": "p1"}, once="k"), range(8))
        )
        others = list(
            threads.map(lambda n: desk.bob("POST", "/v1/publications", {"proposal": "p1"}, once=f"k{n}"), range(8))
        )
    assert {(each.status_code, each.text) for each in alike} == {(201, '{"version":2}')}
    assert {each.status_code for each in others} == {409}
    assert desk.book.version() == 2


LISTS = ("/v1/proposals", "/v1/proposals/p1", "/v1/publications", "/v1/audit", FREEZE, "/v1/prices")


def test_what_has_not_changed_is_not_sent_again(desk: Desk) -> None:
    """With the ETag of the answer: 304 without a body; once something changed, the whole answer."""
    known = {path: {"If-None-Match": desk.admin("GET", path).headers["ETag"]} for path in LISTS}
    for path in LISTS:
        again = desk.admin("GET", path, headers=known[path])
        assert (again.status_code, again.data) == (304, b""), path
    desk.bob("POST", "/v1/proposals/p1/approve")
    desk.bob("POST", "/v1/publications", {"proposal": "p1"})
    desk.bob("PUT", FREEZE, {"reason": "stop"})
    for path in LISTS:
        assert desk.admin("GET", path, headers=known[path]).status_code == 200, path


@pytest.mark.parametrize("cursor", ["abc", "-1", "1.5", "9" * 19, "%00", "1%0A", "../1", "0x1"])
@pytest.mark.parametrize("path", ["/v1/proposals", "/v1/publications", "/v1/audit", "/v1/prices"])
def test_a_cursor_that_was_not_given_out_is_refused_in_our_words(quiet: Desk, path: str, cursor: str) -> None:
    """It says where a cursor comes from."""
    found = check_problem(quiet.admin("GET", f"{path}?cursor={cursor}"), 422)
    assert [(fault.where, fault.reason) for fault in found.errors] == [
        ("cursor", "this is not a cursor: take `next` of the page before, as it is")
    ]


def test_page_by_page_everything_comes_once(desk: Desk) -> None:
    """Proposals and versions the newest first, the log the oldest first."""
    for n in range(2, 8):
        desk.propose(name=f"p{n}")
    assert walk(desk, "/v1/proposals", "id", limit=3) == ["p7", "p6", "p5", "p4", "p3", "p2", "p1"]
    assert walk(desk, "/v1/audit", "number", limit=3) == list(range(1, len(desk.book.entries()) + 1))
    assert walk(desk, "/v1/publications", "version", limit=1) == [1]


def walk(desk: Desk, path: str, name: str, *, limit: int) -> list[object]:
    """One value of each item, over all pages."""
    found: list[object] = []
    cursor = ""
    while True:
        page = body(desk.admin("GET", f"{path}?limit={limit}{cursor}"))
        assert len(page["items"]) <= limit
        found += [item[name] for item in page["items"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def test_with_the_database_gone_reads_of_prices_go_on_and_writes_say_when_to_try_again(desk: Desk) -> None:
    """503 with Retry-After, with and without an idempotency key; no empty database is made in its place."""
    (desk.root / "prices.db").rename(desk.root / "away.db")
    for method, path, sent in (
        ("POST", "/v1/proposals/p1/approve", {}),
        ("POST", "/v1/publications", {"proposal": "p1"}),
        ("PUT", FREEZE, {"reason": "x"}),
        ("GET", "/v1/proposals", None),
        ("GET", "/v1/audit", None),
    ):
        for once in ("", "k"):
            answer = desk.admin(method, path, sent, once=once)
            check_problem(answer, 503)
            assert answer.headers["Retry-After"] == "5"
    assert desk.price() == "10.00"
    assert not (desk.root / "prices.db").exists()


def test_without_usable_settings_nothing_is_published(desk: Desk) -> None:
    """503; the client cannot mend it, the log says what is wrong."""
    desk.bob("POST", "/v1/proposals/p1/approve")
    (desk.root / FILE).write_text("[policy]\nstep = 7\n")
    check_problem(desk.bob("POST", "/v1/publications", {"proposal": "p1"}), 503)
    (desk.root / FILE).unlink()
    check_problem(desk.bob("POST", "/v1/publications", {"proposal": "p1"}), 503)
    assert desk.book.version() == 1


@pytest.mark.parametrize(
    "path",
    [
        "/v1/proposals/../audit",
        "/v1/proposals/%2e%2e/audit",
        "/v1//audit",
        "/v1/audit/",
        "/V1/audit",
        "/v1/proposals/p1%00",
        "/v1/proposals/p1%0aSet-Cookie:x",
        "/v1/publications/1e3",
        "/v1/publications/99999999999",
    ],
)
def test_an_address_is_what_it_is(quiet: Desk, path: str) -> None:
    """Nothing is folded, redirected or guessed: with a key for proposals none of these leads to the log."""
    response = quiet.bob("GET", path)
    assert response.status_code in {404, 405, 422}
    check_problem(response, response.status_code)
    assert "Set-Cookie" not in response.headers
    assert "Location" not in response.headers


def test_nothing_that_is_sent_comes_back_as_a_header(quiet: Desk) -> None:
    """Line breaks in parameters, names and keys stay where they are."""
    sent = "x\r\nSet-Cookie: a=b"
    for response in (
        quiet.ann("GET", "/v1/proposals", query_string={"standing": sent}),
        quiet.ann("GET", "/v1/prices", query_string={"cursor": sent}),
        quiet.ann("POST", OVERRIDE, {"prices": [{"offer": sent, "price": "11.00"}], "reason": sent}),
    ):
        assert response.status_code in {403, 422}
        assert "Set-Cookie" not in response.headers


def test_only_the_declared_methods_are_there(quiet: Desk) -> None:
    """Anything else is 405 with what is allowed."""
    for method in ("PATCH", "DELETE", "PUT"):
        response = quiet.admin(method, "/v1/proposals")
        check_problem(response, 405)
        assert "GET" in response.headers["Allow"]


def test_a_scope_is_needed_before_anything_is_looked_at(quiet: Desk) -> None:
    """Whether something exists is told only to whom it may be told."""
    reader = quiet.keys["eve", Scope.PRICES_READ]
    for path in ("/v1/proposals/p1", "/v1/proposals/nope"):
        check_problem(quiet.send("GET", path, key=reader), 403)


def test_a_body_in_chunks_is_refused(desk: Desk) -> None:
    """Its end cannot be told; taking it for an empty one would act on what was not said."""
    headers = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    for once in ("", "k"):
        response = desk.bob("POST", "/v1/proposals/p1/approve", headers=headers, once=once)
        check_problem(response, 411)
    assert body(desk.bob("GET", "/v1/proposals/p1"))["standing"] == "open"
