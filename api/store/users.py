"""People who sign in: a name, a role and a password each.

Guarantees
----------
* A password is stored only as its argon2id hash, and is never in the log. Checking one takes as long for a name that
  nobody has, so that the time tells nobody which names there are.
* Two people never have names that are compared as equal: whoever proposed cannot approve under another spelling.
* Each change is an entry of the log. Whoever is disabled, or gets another role or password, is signed out everywhere.
* Some admin always remains.
"""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from api.store import log
from api.store.database import reading, writing
from api.store.steps import folded, person, someone
from api.store.tables import sessions, users
from pricing.errors import InputError, RefusedError

LONGEST_NAME = 60
"""[characters]"""
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 1000
"""NIST SP 800-63B asks for length, not for kinds of characters; beyond the longest only work would be added."""
TOO_COMMON = frozenset({"password12", "password123", "1234567890", "qwertyuiop", "0123456789", "fairfare123"})


class Role(StrEnum):
    """What a person may do; each may do what those before it may."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    APPROVER = "approver"
    ADMIN = "admin"

    def may(self, needed: "Role") -> bool:
        """Whether this role includes the other."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account."""

    number: int
    name: str
    role: Role
    disabled_at: datetime | None


@dataclass(frozen=True)
class Users:
    """The accounts of one workspace; `hasher` makes and checks the hashes of passwords."""

    engine: Engine
    anchor: Path | None = None
    hasher: PasswordHasher = field(default_factory=PasswordHasher)

    @cached_property
    def _nobodys(self) -> str:
        """A hash that no password fits, checked where there is no account."""
        return self.hasher.hash("")

    def add(self, name: str, role: Role, password: str, *, by: str, now: datetime) -> User:
        """Give a person an account."""
        name, hashed = someone(check_name(name)), self.hasher.hash(check_password(password, name))
        with writing(self.engine) as db:
            if db.scalar(select(users.c.number).where(users.c.folded == folded(name))) is not None:
                raise RefusedError(f"there is a user {name} already")
            number = (db.scalar(select(func.max(users.c.number))) or 0) + 1
            row = {"number": number, "name": name, "folded": folded(name), "role": role.value, "password": hashed}
            db.execute(insert(users).values(row))
            self._tell(db, "add-user", name, {"role": role}, by=by, now=now)
        return User(number, name, role, None)

    def list(self) -> tuple[User, ...]:
        """Everyone who ever had an account, the oldest first."""
        with reading(self.engine) as db:
            return tuple(map(user_of, db.execute(select(users).order_by(users.c.number))))

    def set_password(self, name: str, password: str, *, by: str, now: datetime) -> None:
        """Replace a password; all sessions of the person end."""
        hashed = self.hasher.hash(check_password(password, name))
        with writing(self.engine) as db:
            known = _known(db, name)
            self._change(db, known, {"password": hashed})
            self._tell(db, "set-password", known.name, {}, by=by, now=now)

    def set_role(self, name: str, role: Role, *, by: str, now: datetime) -> None:
        """Let a person do more or less from now on; all sessions of the person end."""
        with writing(self.engine) as db:
            known = _known(db, name)
            self._change(db, known, {"role": role.value})
            _require_admin(db)
            self._tell(db, "set-role", known.name, {"role": role}, by=by, now=now)

    def disable(self, name: str, *, by: str, now: datetime) -> None:
        """Let a person sign in no more; all sessions of the person end. The name stays taken."""
        with writing(self.engine) as db:
            known = _known(db, name)
            if known.disabled_at is not None:
                raise RefusedError(f"{known.name} is disabled since {known.disabled_at:%Y-%m-%d %H:%M} UTC")
            self._change(db, known, {"disabled_at": now})
            _require_admin(db)
            self._tell(db, "disable-user", known.name, {}, by=by, now=now)

    def check(self, name: str, password: str) -> User | None:
        """Whose name and password these are; None if they do not belong together, or to someone disabled."""
        with reading(self.engine) as db:
            row = db.execute(select(users).where(users.c.folded == folded(name))).first()
        fits = self._fits(self._nobodys if row is None else row.password, password[:LONGEST_PASSWORD])
        return user_of(row) if row is not None and fits and row.disabled_at is None else None

    def _fits(self, hashed: str, password: str) -> bool:
        try:
            return self.hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    def _change(self, db: Connection, user: User, values: dict[str, Any]) -> None:
        db.execute(update(users).where(users.c.number == user.number).values(values))
        db.execute(delete(sessions).where(sessions.c.user == user.number))

    def _tell(self, db: Connection, action: str, subject: str, body: dict[str, Any], *, by: str, now: datetime) -> None:
        log.append(db, action, subject, body, by=person(by), now=now, anchor=self.anchor)


def check_name(name: str) -> str:
    """A name as it is kept.

    Raises
    ------
    InputError
        if it is empty, too long, or holds what cannot be printed.
    """
    kept = unicodedata.normalize("NFC", " ".join(name.split()))
    if not 0 < len(kept) <= LONGEST_NAME or not kept.isprintable():
        raise InputError(f"a user's name has 1 to {LONGEST_NAME} printable characters")
    return kept


def check_password(password: str, name: str) -> str:
    """A password that may be set.

    Raises
    ------
    InputError
        saying what is wrong with it.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InputError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if password.casefold() in TOO_COMMON or len(set(password)) < 4 or password.casefold() == folded(name):
        raise InputError("this password is among the first that anyone would try")
    return password


def user_of(row: Row[Any]) -> User:
    """A user from a row of the table."""
    return User(row.number, row.name, Role(row.role), row.disabled_at)


def _known(db: Connection, name: str) -> User:
    row = db.execute(select(users).where(users.c.folded == folded(name))).first()
    if row is None:
        raise RefusedError(f"there is no user {name}")
    return user_of(row)


def _require_admin(db: Connection) -> None:
    admins = select(func.count()).where(users.c.role == Role.ADMIN, users.c.disabled_at.is_(None))
    if not db.scalar(admins):
        raise RefusedError("nobody would be left who is admin; make another admin first")
