"""A key is shown once and stored as its hash only."""

from pathlib import Path

import pytest

from api.store.database import DATABASE_NAME, open_database, reading
from api.store.keys import Scope, create_key, hash_of, live_keys, parse_scopes
from pricing.errors import InputError, RefusedError
from tests.api.store.book_kit import NOW, new_book


def test_a_key_is_stored_only_as_its_hash(tmp_path: Path) -> None:
    """The file holds the hash and the scopes, not the key; two keys differ."""
    new_book(tmp_path)
    engine = open_database(tmp_path / DATABASE_NAME)
    key, other = (
        create_key(engine, {Scope.PRICES_READ, Scope.ADMIN}, holder="shop", by="ann", now=NOW) for _ in range(2)
    )
    assert key.startswith("ff_")
    assert len(key) >= 3 + 256 / 6
    assert key != other
    with reading(engine) as db:
        assert live_keys(db)[hash_of(key)].scopes == {Scope.PRICES_READ, Scope.ADMIN}
    for file in tmp_path.iterdir():
        assert key.encode() not in file.read_bytes()


def test_scopes_are_read_from_a_list() -> None:
    """Separated by commas, spaces allowed."""
    assert parse_scopes("prices:read, admin,") == {Scope.PRICES_READ, Scope.ADMIN}


@pytest.mark.parametrize("text", ["", ",", "prices:reed", "admin,everything"])
def test_a_scope_that_does_not_exist_is_refused(text: str) -> None:
    """A misspelt scope is an error that lists those there are."""
    with pytest.raises(InputError, match="prices:read"):
        parse_scopes(text)


@pytest.mark.parametrize("name", ["engine", " Automatic ", "upgrade"])
def test_no_key_is_held_by_the_program(tmp_path: Path, name: str) -> None:
    """Else a person could pass for the policy, and the engine's proposals for a colleague's."""
    new_book(tmp_path)
    with pytest.raises(RefusedError, match="take another"):
        create_key(open_database(tmp_path / DATABASE_NAME), {Scope.ADMIN}, holder=name, by="ann", now=NOW)
