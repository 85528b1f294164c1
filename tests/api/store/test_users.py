"""Accounts and sessions: nothing secret is kept, nothing outlives what it depends on."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, select

from api.store.database import open_database, reading
from api.store.log import entries, verify
from api.store.sessions import IDLE, LONGEST, REMEMBER, begin, end, find
from api.store.tables import sessions, users
from api.store.users import Role, Users
from pricing.errors import InputError, RefusedError
from tests.api.store.book_kit import NOW, Home, new_book, place_in

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"  # of nobody
SECOND = timedelta(seconds=1)


@pytest.fixture
def engine(home: Home) -> Engine:
    """An empty book."""
    new_book(home)
    return open_database(place_in(home))


@pytest.fixture
def people(engine: Engine) -> Users:
    """Ann is admin, Bob a viewer."""
    made = Users(engine, hasher=QUICK)
    made.add("Ann", Role.ADMIN, PASSWORD, by="root", now=NOW)
    made.add("Bob", Role.VIEWER, PASSWORD, by="Ann", now=NOW)
    return made


def test_a_role_includes_those_before_it() -> None:
    """Viewer, analyst, approver, admin."""
    allowed = {role: [needed for needed in Role if role.may(needed)] for role in Role}
    assert [len(allowed[role]) for role in Role] == [1, 2, 3, 4]


def test_name_and_password_belong_together(people: Users) -> None:
    """However the name is spelt; another password, another name, and nobody's name are all alike."""
    found = people.check("  ann ", PASSWORD)
    assert found is not None
    assert (found.name, found.role) == ("Ann", Role.ADMIN)
    assert people.check("Ann", PASSWORD + "!") is None
    assert people.check("Eve", PASSWORD) is None
    assert people.check("Eve", "") is None


@dataclass
class Counting:
    """A hasher that tells how often it was asked."""

    checked: list[str] = field(default_factory=list)

    def hash(self, password: str) -> str:
        """As always."""
        return QUICK.hash(password)

    def verify(self, hashed: str, password: str) -> bool:
        """As always."""
        self.checked.append(hashed)
        return QUICK.verify(hashed, password)


def test_a_name_that_nobody_has_costs_a_check_too(engine: Engine) -> None:
    """The time of an answer does not tell which names there are."""
    hasher = Counting()
    made = Users(engine, hasher=hasher)  # type: ignore[arg-type]  # it does what is asked of it
    made.add("Ann", Role.ADMIN, PASSWORD, by="root", now=NOW)
    for name in ("Ann", "Nobody"):
        made.check(name, "wrong")
    assert len(hasher.checked) == 2
    assert {text.split("$")[1] for text in hasher.checked} == {"argon2id"}


def test_nothing_secret_is_stored_or_logged(people: Users, engine: Engine) -> None:
    """Hashes only; the log has who got which role."""
    user = people.check("Ann", PASSWORD)
    assert user is not None
    session = begin(engine, user, now=NOW)
    with reading(engine) as db:
        kept = repr([*db.execute(select(users)), *db.execute(select(sessions)), *entries(db)])
        told = [(entry.action, entry.subject, entry.by) for entry in entries(db)]
    assert PASSWORD not in kept
    assert session.token not in kept
    assert told == [("add-user", "Ann", "root"), ("add-user", "Bob", "Ann")]
    assert verify(engine, None) == ()


@pytest.mark.parametrize("name", ["ann", " ANN ", "Ａnn"])
def test_no_two_people_have_names_that_are_compared_as_equal(people: Users, name: str) -> None:
    """Case, spaces and width of letters tell nobody apart."""
    with pytest.raises(RefusedError, match="already"):
        people.add(name, Role.VIEWER, PASSWORD, by="Ann", now=NOW)


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\x00b", "a\u202eb"])
def test_a_name_can_be_printed(people: Users, name: str) -> None:
    """Nor is it empty or too long."""
    with pytest.raises(InputError, match="printable"):
        people.add(name, Role.VIEWER, PASSWORD, by="Ann", now=NOW)


@pytest.mark.parametrize("password", ["short", "x" * 1001, "aaaaaaaaaaaa", "Password123", "Bob Example"])
def test_a_weak_password_is_refused(people: Users, password: str) -> None:
    """Too short, too long, one letter, a common one, or the name."""
    with pytest.raises(InputError):
        people.add("bob example", Role.VIEWER, password, by="Ann", now=NOW)


def test_a_session_ends(people: Users, engine: Engine) -> None:
    """When nobody used it, in any case after a while, and at sign-out."""
    user = people.check("Bob", PASSWORD)
    assert user is not None
    token = begin(engine, user, now=NOW).token
    assert find(engine, token, now=NOW + IDLE - SECOND) is not None
    assert find(engine, token, now=NOW + 2 * IDLE - 2 * SECOND) is not None
    assert find(engine, token, now=NOW + 3 * IDLE) is None
    at = NOW
    token = begin(engine, user, now=NOW).token
    while at < NOW + LONGEST - IDLE:
        at += IDLE / 2
        assert find(engine, token, now=at) is not None
    assert find(engine, token, now=NOW + LONGEST) is None
    token = begin(engine, user, now=NOW).token
    end(engine, token)
    assert find(engine, token, now=NOW) is None
    assert find(engine, "never begun", now=NOW) is None


def test_a_request_writes_once_in_a_while(people: Users, engine: Engine) -> None:
    """Not at each page."""
    user = people.check("Bob", PASSWORD)
    assert user is not None
    token = begin(engine, user, now=NOW).token

    def seen() -> object:
        with reading(engine) as db:
            return db.scalar(select(sessions.c.seen_at))

    find(engine, token, now=NOW + REMEMBER - SECOND)
    assert seen() == NOW
    find(engine, token, now=NOW + REMEMBER)
    assert seen() == NOW + REMEMBER


@pytest.mark.parametrize("step", ["disable", "set_role", "set_password"])
def test_whoever_changes_is_signed_out(people: Users, engine: Engine, step: str) -> None:
    """At once, everywhere."""
    user = people.check("Bob", PASSWORD)
    assert user is not None
    token = begin(engine, user, now=NOW).token
    more = {"disable": (), "set_role": (Role.ANALYST,), "set_password": ("another password",)}[step]
    getattr(people, step)("bob", *more, by="Ann", now=NOW)
    assert find(engine, token, now=NOW) is None
    assert (people.check("Bob", PASSWORD) is None) == (step != "set_role")


def test_some_admin_remains(people: Users) -> None:
    """The last one can neither be disabled nor made less."""
    with pytest.raises(RefusedError, match="admin"):
        people.disable("Ann", by="x", now=NOW)
    with pytest.raises(RefusedError, match="admin"):
        people.set_role("Ann", Role.VIEWER, by="x", now=NOW)
    people.set_role("Bob", Role.ADMIN, by="Ann", now=NOW)
    people.disable("Ann", by="Bob", now=NOW)
    assert [user.disabled_at for user in people.list()] == [NOW, None]
    with pytest.raises(RefusedError, match="since"):
        people.disable("Ann", by="Bob", now=NOW)
    with pytest.raises(RefusedError, match="no user"):
        people.disable("Eve", by="Bob", now=NOW)


def test_the_anchor_knows_of_changed_users(tmp_path: Path) -> None:
    """As of every other step."""
    new_book(tmp_path)
    made = Users(open_database(place_in(tmp_path)), tmp_path / "log.anchor", QUICK)
    made.add("Ann", Role.ADMIN, PASSWORD, by="root", now=NOW)
    assert verify(made.engine, made.anchor) == ()
    assert (tmp_path / "log.anchor").read_text().startswith("1 ")
