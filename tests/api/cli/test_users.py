"""People are let in from the command line."""

import io
import sys
from pathlib import Path

import pytest

from api.cli.main import main
from api.store.database import open_database
from api.store.users import Users
from tests.api.store.book_kit import new_book, place_in


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str = "") -> int:
    """Run a command; its exit code."""
    monkeypatch.setattr(sys, "argv", ["fairfare", "users", *arguments])
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_person_is_let_in_and_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The password is read from standard input, and the last line says where to sign in."""
    new_book(tmp_path)
    here, typed = ("--workspace", str(tmp_path)), "long and winding\n"
    assert run(monkeypatch, "add", "Ann", "--role", "admin", *here, typed=typed) == 0
    assert "/desk/" in capsys.readouterr().out.splitlines()[-1]
    assert run(monkeypatch, "add", "Bob", "--role", "viewer", *here, typed=typed) == 0
    assert run(monkeypatch, "password", "Bob", *here, typed="short and straight\n") == 0
    people = Users(open_database(place_in(tmp_path)))
    assert people.check("Ann", "long and winding") is not None
    assert people.check("Bob", "short and straight") is not None
    assert run(monkeypatch, "disable", "Bob", *here) == 0
    assert people.check("Bob", "short and straight") is None
    assert run(monkeypatch, "list", *here) == 0
    shown = capsys.readouterr().out
    assert "admin     Ann" in shown
    assert "viewer    Bob  disabled" in shown
    assert "straight" not in shown


def test_what_cannot_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown role, a short password, and a folder without a price book: exit 2."""
    assert run(monkeypatch, "add", "Ann", "--role", "admin", "--workspace", str(tmp_path), typed="x\n") == 2
    new_book(tmp_path)
    assert run(monkeypatch, "add", "Ann", "--role", "boss", "--workspace", str(tmp_path)) == 2
    assert run(monkeypatch, "add", "Ann", "--role", "admin", "--workspace", str(tmp_path), typed="x\n") == 2
    told = capsys.readouterr().err
    assert "no price book" in told
    assert "viewer, analyst, approver, admin" in told
    assert "10 to 1000 characters" in told
