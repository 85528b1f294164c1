"""`fairfare keys`, as a user runs it: made, listed, revoked; shown once, never again."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.cli.main import main
from api.store.book import PriceBook
from api.store.database import DATABASE_NAME, open_database
from api.store.log import ANCHOR_NAME, verify
from tests.api.store.book_kit import book_with_prices


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


Keys = Callable[..., Done]


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Keys:
    """Run `fairfare keys` to its end."""

    def run(folder: Path, *arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["fairfare", "keys", *arguments, "--workspace", str(folder)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run


def test_a_key_is_made_listed_and_revoked(keys: Keys, tmp_path: Path) -> None:
    """The last line printed is the key; the list has holder and scopes, never the key; each step is logged."""
    book_with_prices(tmp_path)
    made = keys(tmp_path, "create", "--scope", "prices:read,sales:write", "--name", "shop")
    assert made.returncode == 0, made.stderr
    key = made.stdout.splitlines()[-1]
    assert key.startswith("ff_")
    keys(tmp_path, "create", "--scope", "admin", "--name", "eve")
    listed = keys(tmp_path, "list").stdout
    assert [line.split()[:3] for line in listed.splitlines()[1:]] == [
        ["1", "shop", "prices:read,sales:write"],
        ["2", "eve", "admin"],
    ]
    assert key not in listed
    done = keys(tmp_path, "revoke", "1", "--reason", "lost")
    assert (done.returncode, done.stdout) == (0, "Key 1 is revoked.\n")
    assert [len(line.split()) for line in keys(tmp_path, "list").stdout.splitlines()[1:]] == [7, 5]
    engine = open_database(tmp_path / DATABASE_NAME)
    actions = [(entry.action, entry.subject) for entry in PriceBook(engine).entries()][-3:]
    assert actions == [("create-key", "1"), ("create-key", "2"), ("revoke-key", "1")]
    assert len((tmp_path / ANCHOR_NAME).read_text().splitlines()) == 3
    assert verify(engine, tmp_path / ANCHOR_NAME) == ()


@pytest.mark.parametrize("number", ["7", "0"])
def test_a_key_that_does_not_exist_cannot_be_revoked(keys: Keys, tmp_path: Path, number: str) -> None:
    """Said, and nothing changed."""
    book_with_prices(tmp_path)
    done = keys(tmp_path, "revoke", number, "--reason", "lost")
    assert done.returncode != 0
    assert f"there is no key {number}" in done.stderr


def test_a_revocation_needs_a_reason_and_happens_once(keys: Keys, tmp_path: Path) -> None:
    """Without one, exit 2; the second time it says since when."""
    book_with_prices(tmp_path)
    keys(tmp_path, "create", "--scope", "prices:read")
    assert keys(tmp_path, "revoke", "1").returncode == 2
    keys(tmp_path, "revoke", "1", "--reason", "lost")
    again = keys(tmp_path, "revoke", "1", "--reason", "lost")
    assert again.returncode != 0
    assert "was revoked at" in again.stderr


@pytest.mark.parametrize("scope", ["prices:reed", "", "admin,everything"])
def test_a_scope_that_does_not_exist_makes_no_key(keys: Keys, tmp_path: Path, scope: str) -> None:
    """Exit 2, naming the scopes there are."""
    book_with_prices(tmp_path)
    done = keys(tmp_path, "create", "--scope", scope)
    assert (done.returncode, done.stdout, "prices:read" in done.stderr) == (2, "", True)


@pytest.mark.parametrize("command", [["create", "--scope", "admin"], ["list"], ["revoke", "1", "--reason", "x"]])
def test_keys_need_a_price_book(keys: Keys, tmp_path: Path, command: list[str]) -> None:
    """Exit 2, and no database is made by the way."""
    done = keys(tmp_path, *command)
    assert (done.returncode, "no price book" in done.stderr, list(tmp_path.iterdir())) == (2, True, [])
