"""Who asks, what their key allows, and how often they may.

Guarantees
----------
* An operation is open to a key that is known, not revoked, and has a scope the operation declares; `admin` has all.
* A holder is held to a rate of requests per key; failed keys are counted by the address they come from, so that
  whoever guesses keys cannot lock a holder out.
* A check costs microseconds: it reads memory only and takes no lock, so that threads may let a request more through.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import g, request

from api.http.problems import refuse
from api.served.snapshot import Snapshots, View
from api.store.keys import Scope, hash_of

REMEMBERED = 10_000
"""Names a pace knows at most; beyond them it forgets all, so that many addresses cannot fill the memory."""
ROUNDING = 1e-6
"""So little too early is in time [seconds]."""
CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class Limit:
    """So many a second in the long run, and so many at once."""

    rate: float
    burst: int


FAILURES = Limit(rate=10, burst=100)
"""Requests without a valid key, of one address, in one worker."""


class Pace:
    """A token bucket for each name, kept as the instant at which it will be full again (GCRA, ITU-T I.371)."""

    def __init__(self, limit: Limit, clock: Callable[[], float]) -> None:
        self._interval = 1 / limit.rate
        self._slack = (limit.burst - 1) / limit.rate
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def wait(self, name: str) -> float:
        """Take a token: 0.0; or, if there is none, how long until there is [seconds]."""
        now = self._clock()
        full_at = max(self._full_at.get(name, now), now)
        if (wait := full_at - now - self._slack) > ROUNDING:
            return wait
        if len(self._full_at) >= REMEMBERED:
            self._full_at.clear()
        self._full_at[name] = full_at + self._interval
        return 0.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key a request came with."""

    hash: str
    holder: str
    scopes: tuple[str, ...]

    def may(self, *scopes: Scope) -> bool:
        """Whether the key has one of these scopes."""
        return not {Scope.ADMIN, *scopes}.isdisjoint(self.scopes)


class Gate:
    """Lets requests pass, or answers them with what is missing; `requests` limits each key, `failures` each address."""

    def __init__(
        self,
        snapshots: Snapshots,
        *,
        requests: Limit,
        failures: Limit = FAILURES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._snapshots = snapshots
        self._requests = Pace(requests, clock)
        self._failures = Pace(failures, clock)

    def admit(self, *scopes: Scope) -> None:
        """Let the request pass whose key has one of the scopes; sets `g.view` and the acting `g.holder`."""
        view = self._snapshots.current()
        if view.empty:
            detail = "The price book cannot be reached and there is no snapshot of it yet."
            refuse(503, detail, headers={"Retry-After": "5"})
        caller = _known(view, request.headers.get("Authorization", ""))
        if caller is None:
            _in_time(self._failures.wait(request.remote_addr or ""), "Too many requests without a valid key.")
            refuse(401, "Send a valid key as `Authorization: Bearer KEY`.", headers=CHALLENGE)
        _in_time(self._requests.wait(caller.hash), "Too many requests with this key.")
        if not caller.may(*scopes):
            wanted = f'Bearer error="insufficient_scope", scope="{" ".join(scopes)}"'
            refuse(403, f"This key lacks the scope {' or '.join(scopes)}.", headers={"WWW-Authenticate": wanted})
        g.view, g.holder = view, caller.holder

    def knows(self, view: View, authorization: str) -> bool:
        """Whether a request comes with a key, whatever it may; no token is taken."""
        return _known(view, authorization) is not None

    def lets(self, view: View, authorization: str, scope: Scope) -> bool:
        """Whether a request with this header may pass at once; if not, `admit` says why."""
        caller = _known(view, authorization)
        return caller is not None and caller.may(scope) and self._requests.wait(caller.hash) == 0.0


def _known(view: View, authorization: str) -> Caller | None:
    kind, _, key = authorization.partition(" ")
    if kind.lower() != "bearer":
        return None
    hashed = hash_of(key.strip())
    known = view.snapshot.content.keys.get(hashed)
    return None if known is None else Caller(hashed, *known)


def _in_time(wait: float, detail: str) -> None:
    if wait:
        refuse(429, detail, headers={"Retry-After": str(math.ceil(wait))})
