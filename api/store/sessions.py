"""Who is signed in.

Guarantees
----------
* A session is named by 256 random bits, made anew at each sign-in and stored only as their SHA-256.
* It ends when nobody used it for `IDLE`, at the latest after `LONGEST`, when the person signs out, and when their
  account changes; from then on its name opens nothing.
* A request that only reads writes to the database once in `REMEMBER` at most.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, or_, select, update

from api.store.database import reading, writing
from api.store.keys import hash_of
from api.store.tables import sessions, users
from api.store.users import User, user_of

IDLE = timedelta(hours=2)
LONGEST = timedelta(hours=12)
REMEMBER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is signed in; `token` names the session and is known to their browser only."""

    token: str
    user: User


def begin(engine: Engine, user: User, *, now: datetime) -> Session:
    """Sign a person in; sessions that have ended are forgotten."""
    token = secrets.token_urlsafe(32)
    with writing(engine) as db:
        db.execute(delete(sessions).where(or_(sessions.c.began_at <= now - LONGEST, sessions.c.seen_at <= now - IDLE)))
        db.execute(insert(sessions).values(hash=hash_of(token), user=user.number, began_at=now, seen_at=now))
    return Session(token, user)


def find(engine: Engine, token: str, *, now: datetime) -> Session | None:
    """The session of this name, if it has not ended."""
    with reading(engine) as db:
        query = select(sessions, users).join(users).where(sessions.c.hash == hash_of(token))
        row = db.execute(query).first()
    if row is None or row.disabled_at is not None or now >= min(row.seen_at + IDLE, row.began_at + LONGEST):
        return None
    if now - row.seen_at >= REMEMBER:
        with writing(engine) as db:
            db.execute(update(sessions).where(sessions.c.hash == row.hash).values(seen_at=now))
    return Session(token, user_of(row))


def end(engine: Engine, token: str) -> None:
    """Sign out."""
    with writing(engine) as db:
        db.execute(delete(sessions).where(sessions.c.hash == hash_of(token)))
