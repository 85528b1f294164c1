"""A desk with people, for the tests of its pages, and a browser."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from werkzeug.test import Client, TestResponse

from api.store.users import Role, Users
from tests.api.chromium import chromium
from tests.api.desk import Desk
from tests.api.store.book_kit import NOW

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"  # of nobody
ORIGIN = {"Origin": "http://localhost"}
PEOPLE = {"Vera": Role.VIEWER, "Anton": Role.ANALYST, "Petra": Role.APPROVER, "Ada": Role.ADMIN}


@dataclass
class Office:
    """A desk whose four people know their password."""

    desk: Desk

    def __post_init__(self) -> None:
        self.users = Users(self.desk.engine, hasher=QUICK)
        for name, role in PEOPLE.items():
            self.users.add(name, role, PASSWORD, by="test", now=NOW)

    def signed_in(self, name: str, **headers: str) -> "Person":
        """A browser at which someone has signed in."""
        client = self.desk.app.test_client()
        form = {"name": name, "password": PASSWORD}
        assert client.post("/desk/sign-in", data=form, headers={**ORIGIN, **headers}).status_code == 303
        return Person(client)


@dataclass
class Person:
    """Someone at a browser."""

    client: Client

    def get(self, path: str, **headers: str) -> TestResponse:
        """Look at a page."""
        return self.client.get(path, headers=headers)

    @property
    def token(self) -> str:
        """What a form of this person carries."""
        return self.get("/desk/jobs").text.split('name="token" value="')[1].split('"')[0]

    def send(self, path: str, **form: str) -> TestResponse:
        """Send a form, as the page does."""
        return self.client.post(path, data={"token": self.token, "next": "/desk/", **form}, headers=ORIGIN)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Three offers at 10.00 for one event, and four people."""
    return Office(Desk(tmp_path))


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Chromium, for all pages."""
    with chromium() as started:
        yield started
