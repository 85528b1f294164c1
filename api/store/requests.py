"""Writes that were asked for with an idempotency key, so that asking again has no further effect.

Guarantees
----------
* The record is written in the transaction of the effect: there is never one without the other.
* Whoever asks again while the first request runs waits for it, and is answered as it was.
* Only successes are recorded; what failed may be tried again with the same key. Records are kept for `KEPT`.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select

from api.store.database import writing
from api.store.tables import requests
from pricing.errors import Finding, InputError

KEPT = timedelta(days=7)
HEADER = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request was answered."""

    status: int
    body: str


def fingerprint(*parts: str | bytes) -> str:
    """What tells a request from another one with the same key."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def once(engine: Engine, act: Callable[[], Answered], *, holder: str, key: str, mark: str, now: datetime) -> Answered:
    """Act and record the answer, or give the answer recorded before.

    Parameters
    ----------
    act : has the effect; steps of the price book within it join the transaction, which its exceptions undo
    mark : fingerprint of the request

    Raises
    ------
    InputError
        if the key came with another request before.
    """
    with writing(engine) as db:
        row = db.execute(select(requests).where(requests.c.holder == holder, requests.c.key == key)).first()
        if row is None:
            answered = act()
            db.execute(delete(requests).where(requests.c.at < now - KEPT))
            values = {"holder": holder, "key": key, "fingerprint": mark, "at": now}
            db.execute(insert(requests).values(**values, status=answered.status, body=answered.body))
            return answered
    if row.fingerprint != mark:
        raise InputError(
            Finding("this key came with another request before; a new request needs a new key", column=HEADER)
        )
    return Answered(row.status, row.body)
