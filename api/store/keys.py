"""API keys: who may ask for what.

Guarantees
----------
* A key is 256 random bits, shown once and stored only as its SHA-256. A slow, salted hash (argon2) guards passwords,
  which people choose and others guess; a random key cannot be guessed, so a fast hash loses nothing and costs each
  request a microsecond.
* A scope that does not exist is refused, never ignored.
"""

import hashlib
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine, insert, select

from api.store.database import writing
from api.store.tables import keys
from pricing.errors import InputError


class Scope(StrEnum):
    """What a key allows; `admin` allows everything."""

    PRICES_READ = "prices:read"
    SALES_WRITE = "sales:write"
    PROPOSALS_WRITE = "proposals:write"
    PROPOSALS_APPROVE = "proposals:approve"
    ADMIN = "admin"


def parse_scopes(text: str) -> frozenset[Scope]:
    """Read scopes separated by commas.

    Raises
    ------
    InputError
        naming those that do not exist.
    """
    names = {name.strip() for name in text.split(",") if name.strip()}
    if unknown := sorted(names - set(Scope)):
        raise InputError(f"no such scope: {', '.join(unknown)}; there are {', '.join(Scope)}")
    if not names:
        raise InputError(f"name at least one scope of {', '.join(Scope)}")
    return frozenset(map(Scope, names))


def create_key(engine: Engine, scopes: Collection[Scope], *, now: datetime) -> str:
    """Make a key and store its hash; what is returned is not kept anywhere."""
    key = f"ff_{secrets.token_urlsafe(32)}"
    names = ",".join(sorted(scope.value for scope in set(scopes)))
    with writing(engine) as db:
        db.execute(insert(keys).values(hash=hash_of(key), scopes=names, created_at=now))
    return key


def hash_of(key: str) -> str:
    """What is stored instead of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def key_hashes(db: Connection) -> Mapping[str, frozenset[Scope]]:
    """The scopes of every key, by its hash."""
    rows = db.execute(select(keys.c.hash, keys.c.scopes))
    return {row.hash: frozenset(map(Scope, row.scopes.split(","))) for row in rows}
