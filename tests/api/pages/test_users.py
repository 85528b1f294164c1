"""Accounts: an admin's alone, and each change signs out."""

import pytest

from api.store.users import Role
from tests.api.pages.conftest import ORIGIN, PASSWORD, Office


@pytest.mark.parametrize("name", ["Vera", "Anton", "Petra"])
def test_only_an_admin_sees_accounts(office: Office, name: str) -> None:
    """Neither the page nor a link to it."""
    person = office.signed_in(name)
    assert person.get("/desk/users").status_code == 403
    assert 'href="/desk/users"' not in person.get("/desk/").text


def test_an_admin_keeps_accounts(office: Office) -> None:
    """Adds, changes role and password, disables; the log names who did, and holds no password."""
    admin = office.signed_in("Ada")
    new = "a fresh battery staple"
    sent = admin.send("/desk/users", name="Nora <b>", role="analyst", password=new, next="/desk/users")
    assert sent.headers["Location"] == "/desk/users?done=user-added"
    page = admin.get("/desk/users").text
    assert "Nora &lt;b&gt;" in page
    assert "<b>Nora <b>" not in page
    anton = office.signed_in("Anton")
    assert admin.send("/desk/users/2/role", role="viewer").status_code == 303
    assert anton.get("/desk/").status_code == 303
    assert admin.send("/desk/users/2/password", password=new).status_code == 303
    assert office.users.check("Anton", new) == office.users.list()[1]
    assert admin.send("/desk/users/2/disable").status_code == 303
    assert office.users.check("Anton", new) is None
    made = [entry for entry in office.desk.book.entries() if entry.by == "Ada"]
    assert [entry.action for entry in made] == ["add-user", "set-role", "set-password", "disable-user"]
    assert not any(new in entry.body for entry in made)


def test_what_cannot_be_is_told(office: Office) -> None:
    """A short password, a name twice, a role that is none, nobody's number, the last admin: nothing changes."""
    admin, before = office.signed_in("Ada"), office.users.list()
    for path, form, status in (
        ("", {"name": "Nora", "role": "viewer", "password": "short"}, 422),
        ("", {"name": "vera", "role": "viewer", "password": PASSWORD}, 409),
        ("", {"name": "Nora", "role": "king", "password": PASSWORD}, 422),
        ("/99/disable", {}, 404),
        ("/4/disable", {}, 409),
        ("/4/role", {"role": "viewer"}, 409),
    ):
        assert admin.send(f"/desk/users{path}", **form).status_code == status
    assert office.users.list() == before
    assert admin.client.post("/desk/users/1/disable", headers=ORIGIN).status_code == 403
    assert before[3].role is Role.ADMIN
