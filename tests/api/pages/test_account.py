"""Signing in: nobody gets in by a trick, and nobody is sent away."""

import pytest

from tests.api.pages.conftest import ORIGIN, PASSWORD, PEOPLE, Office

OUTSIDE = (
    "https://evil.example/",
    "//evil.example/",
    "/desk//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "/v1/freeze",
    "/desk/\nhttps://evil.example",
    "/desk/@evil.example\\",
)


def test_a_page_asks_to_sign_in_and_then_comes(office: Office) -> None:
    """Whoever wanted a page gets it after signing in."""
    client = office.desk.app.test_client()
    sent = client.get("/desk/events?q=a")
    assert (sent.status_code, sent.headers["Location"]) == (303, "/desk/sign-in?next=/desk/events%3Fq%3Da")
    form = {"name": " vera ", "password": PASSWORD, "next": "/desk/events?q=a"}
    assert client.post("/desk/sign-in", data=form, headers=ORIGIN).headers["Location"] == "/desk/events?q=a"
    assert client.get("/desk/events?q=a").status_code == 200


@pytest.mark.parametrize("address", OUTSIDE)
def test_nobody_is_sent_outside(office: Office, address: str) -> None:
    """Whatever a link says comes after signing in: the first page."""
    client = office.desk.app.test_client()
    form = {"name": "Vera", "password": PASSWORD, "next": address}
    assert client.post("/desk/sign-in", data=form, headers=ORIGIN).headers["Location"] == "/desk/"
    assert client.get("/desk/sign-in", query_string={"next": address}).headers["Location"] == "/desk/"


def test_what_does_not_fit_is_answered_alike(office: Office) -> None:
    """A wrong password, a name nobody has, and a disabled account."""
    office.users.disable("Anton", by="Ada", now=office.desk.now)
    client, answers = office.desk.app.test_client(), set()
    for name, password in (("Vera", "wrong"), ("Xaver", PASSWORD), ("Anton", PASSWORD)):
        sent = client.post("/desk/sign-in", data={"name": name, "password": password}, headers=ORIGIN)
        assert "Set-Cookie" not in sent.headers
        answers.add((sent.status_code, sent.text.replace(name, "")))
    assert {status for status, _ in answers} == {401}
    assert len(answers) == 1


def test_whoever_tries_too_often_waits(office: Office) -> None:
    """Even with the right password then; another account is not held up by it."""
    client = office.desk.app.test_client()
    form = {"name": "Vera", "password": "wrong"}
    answers = [client.post("/desk/sign-in", data=form, headers=ORIGIN).status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert client.post("/desk/sign-in", data={**form, "password": PASSWORD}, headers=ORIGIN).status_code == 429
    assert client.post("/desk/sign-in", data={"name": "Ada", "password": PASSWORD}, headers=ORIGIN).status_code == 303


def test_nobody_can_prepare_a_session_for_another(office: Office) -> None:
    """A session a browser came with, made up or real, is not the one it has after signing in; it has ended."""
    made_up = office.desk.app.test_client()
    made_up.set_cookie("fairfare_session", "chosen-by-someone-else", path="/desk")
    made_up.post("/desk/sign-in", data={"name": "Vera", "password": PASSWORD}, headers=ORIGIN)
    cookie = made_up.get_cookie("fairfare_session", path="/desk")
    assert cookie is not None
    assert cookie.value != "chosen-by-someone-else"
    mine = office.signed_in("Anton")
    before = mine.client.get_cookie("fairfare_session", path="/desk")
    mine.client.post("/desk/sign-in", data={"name": "Vera", "password": PASSWORD}, headers=ORIGIN)
    old = office.desk.app.test_client()
    assert before is not None
    old.set_cookie("fairfare_session", before.value, path="/desk")
    assert old.get("/desk/").status_code == 303


@pytest.mark.parametrize(("proto", "secure"), [("https", True), ("http", False)])
def test_the_cookie_is_for_the_desk_alone(office: Office, proto: str, secure: bool) -> None:  # a parameter of the test
    """No script reads it, no other site sends it, and behind https it travels encrypted only."""
    client = office.desk.app.test_client()
    headers = {**ORIGIN, "X-Forwarded-Proto": proto}
    sent = client.post("/desk/sign-in", data={"name": "Vera", "password": PASSWORD}, headers=headers)
    flags = sent.headers["Set-Cookie"].split("; ")[1:]
    assert {"HttpOnly", "Path=/desk", "SameSite=Lax"} <= set(flags)
    assert ("Secure" in flags) == secure


def test_signing_out_ends_the_session_itself(office: Office) -> None:
    """Not only the cookie."""
    person = office.signed_in("Vera")
    cookie = person.client.get_cookie("fairfare_session", path="/desk")
    assert person.send("/desk/sign-out").headers["Location"] == "/desk/sign-in"
    assert cookie is not None
    other = office.desk.app.test_client()
    other.set_cookie("fairfare_session", cookie.value, path="/desk")
    assert other.get("/desk/").status_code == 303


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost:99", None]
)
def test_what_another_sites_page_sends_is_turned_back(office: Office, origin: str | None) -> None:
    """Signing in, too; and whatever does not say where it comes from."""
    headers = {} if origin is None else {"Origin": origin}
    person = office.signed_in("Petra")
    sent = person.client.post("/desk/stop", data={"token": person.token, "reason": "x"}, headers=headers)
    assert sent.status_code == 403
    assert not office.desk.book.frozen()
    form = {"name": "Vera", "password": PASSWORD}
    assert office.desk.app.test_client().post("/desk/sign-in", data=form, headers=headers).status_code == 403


def test_a_form_needs_the_sessions_own_token(office: Office) -> None:
    """None, a made-up one, and another person's are refused."""
    person, other = office.signed_in("Petra"), office.signed_in("Ada")
    for form in ({}, {"token": ""}, {"token": "0" * 48}, {"token": other.token}):
        sent = person.client.post("/desk/stop", data={"reason": "x", **form}, headers=ORIGIN)
        assert sent.status_code == 403
    assert not office.desk.book.frozen()
    assert person.send("/desk/stop", reason="wrong stock").status_code == 303
    assert office.desk.book.frozen()


ACTS = {
    "/desk/stop": "approver",
    "/desk/lift": "admin",
    "/desk/proposals/p1/approve": "approver",
    "/desk/proposals/p1/reject": "approver",
    "/desk/versions/p1/take-back": "approver",
    "/desk/overrides": "approver",
    "/desk/overrides/p1/end": "approver",
    "/desk/uploads": "analyst",
    "/desk/uploads/p1": "analyst",
    "/desk/uploads/p1/remove": "analyst",
    "/desk/start": "analyst",
    "/desk/jobs": "analyst",
    "/desk/jobs/p1/cancel": "analyst",
    "/desk/connect": "admin",
    "/desk/shops/p1/ask": "analyst",
    "/desk/shops/p1/map": "analyst",
    "/desk/shops/p1/push": "approver",
    "/desk/shops/p1/rollback": "approver",
    "/desk/shops/p1/accept": "approver",
    "/desk/shops/p1/disconnect": "admin",
    "/desk/shops/p1/by-itself": "admin",
    "/desk/users": "admin",
    "/desk/users/p1/role": "admin",
    "/desk/users/p1/password": "admin",
    "/desk/users/p1/disable": "admin",
}
OPEN = {"/desk/sign-in", "/desk/sign-out", "/desk/language"}
"""What needs no role."""
MAY = {
    "viewer": [],
    "analyst": ["analyst"],
    "approver": ["analyst", "approver"],
    "admin": ["analyst", "approver", "admin"],
}


@pytest.mark.parametrize("name", list(PEOPLE))
def test_everyone_may_what_their_role_allows(office: Office, name: str) -> None:
    """Role by step: refused is 403, and nothing has changed; every form that changes something is looked at."""
    person, role = office.signed_in(name), PEOPLE[name]
    rules = [rule for rule in office.desk.app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    declared = {rule.rule for rule in rules if rule.rule.startswith("/desk")} - OPEN
    assert declared == {path.replace("p1", "<name>") for path in ACTS}
    office.desk.propose()
    for path, needed in ACTS.items():
        allowed = needed in MAY[role]
        before = office.desk.book.version()
        sent = person.send(path, reason="a reason")
        assert (sent.status_code == 403) == (not allowed), (path, sent.status_code)
        assert allowed or office.desk.book.version() == before


def test_no_step_is_taken_without_the_sessions_token(office: Office) -> None:
    """Whoever asks; a file is another thing, which reads the token itself (`test_uploads.py`)."""
    person = office.signed_in("Ada")
    before = office.desk.book.entries()
    for path in ACTS.keys() - {"/desk/uploads"}:
        for token in ({}, {"token": "0" * 48}):
            assert person.client.post(path, data={"reason": "x", **token}, headers=ORIGIN).status_code == 403, path
    assert office.desk.book.entries() == before


def test_a_change_of_role_signs_out(office: Office) -> None:
    """What was allowed a moment ago is not, at the next click."""
    person = office.signed_in("Petra")
    token = person.token
    office.users.set_role("Petra", PEOPLE["Vera"], by="Ada", now=office.desk.now)
    sent = person.client.post("/desk/stop", data={"token": token, "reason": "x"}, headers=ORIGIN)
    assert (sent.status_code, sent.headers["Location"]) == (303, "/desk/sign-in?next=/desk/")
    assert not office.desk.book.frozen()


def test_a_reason_is_needed(office: Office) -> None:
    """To stop and to reject; blank is none."""
    person = office.signed_in("Petra")
    assert person.send("/desk/stop", reason="  ").status_code == 422
    assert not office.desk.book.frozen()
