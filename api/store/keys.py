"""API keys: who may ask for what.

Guarantees
----------
* A key is 256 random bits, shown once and stored only as its SHA-256. A slow, salted hash (argon2) guards passwords,
  which people choose and others guess; a random key cannot be guessed, so a fast hash loses nothing and costs each
  request a microsecond.
* A scope that does not exist is refused, never ignored. A revoked key stays revoked.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection, Engine, func, insert, select

from api.store.database import reading, writing
from api.store.log import append
from api.store.steps import person, someone
from api.store.tables import keys, revocations
from pricing.errors import InputError, RefusedError


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


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a key: who holds it and what it allows; never the key itself."""

    number: int
    holder: str
    scopes: frozenset[Scope]
    created_at: datetime
    revoked_at: datetime | None


def create_key(
    engine: Engine, scopes: Collection[Scope], *, holder: str, by: str, now: datetime, anchor: Path | None = None
) -> str:
    """Make a key and store its hash; what is returned is not kept anywhere.

    Parameters
    ----------
    holder : who acts with it; of two keys of one holder neither approves what the other proposed
    by : who makes it
    """
    key, who = f"ff_{secrets.token_urlsafe(32)}", someone(holder)
    names = ",".join(sorted(scope.value for scope in set(scopes)))
    with writing(engine) as db:
        number = (db.scalar(select(func.max(keys.c.number))) or 0) + 1
        row = {"number": number, "hash": hash_of(key), "scopes": names, "created_at": now, "holder": who}
        db.execute(insert(keys).values(row))
        body = {"holder": who, "scopes": names}
        append(db, "create-key", str(number), body, by=person(by), now=now, anchor=anchor)
    return key


def revoke_key(engine: Engine, number: int, *, by: str, now: datetime, reason: str, anchor: Path | None = None) -> None:
    """Let a key open nothing any more."""
    with writing(engine) as db:
        if (known := {record.number: record for record in _records(db)}.get(number)) is None:
            raise RefusedError(f"there is no key {number}")
        if known.revoked_at is not None:
            raise RefusedError(f"key {number} was revoked at {known.revoked_at:%Y-%m-%d %H:%M} UTC already")
        db.execute(insert(revocations).values(key=number, by=person(by), at=now, reason=reason))
        append(db, "revoke-key", str(number), {"reason": reason}, by=person(by), now=now, anchor=anchor)


def list_keys(engine: Engine) -> tuple[KeyRecord, ...]:
    """Every key ever made, the oldest first."""
    with reading(engine) as db:
        return tuple(_records(db))


def hash_of(key: str) -> str:
    """What is stored instead of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def live_keys(db: Connection) -> dict[str, KeyRecord]:
    """The keys that are not revoked, by their hash."""
    hashes = {row.number: row.hash for row in db.execute(select(keys.c.number, keys.c.hash))}
    return {hashes[record.number]: record for record in _records(db) if record.revoked_at is None}


def _records(db: Connection) -> Iterator[KeyRecord]:
    query = select(keys, revocations.c.at).join(revocations, isouter=True).order_by(keys.c.number)
    for row in db.execute(query):
        scopes = frozenset(map(Scope, row.scopes.split(",")))
        yield KeyRecord(row.number, row.holder or f"key {row.number}", scopes, row.created_at, row.at)
