"""Webhooks out: whoever wants to know is told when prices change.

Guarantees
----------
* What is told comes from the log of the price book, so whatever was published is told, and nothing else is: the log is
  the outbox, and each endpoint remembers the entry it has come to.
* Each event arrives at least once, in the order of the log. One that arrives twice has the same id; one that was not
  taken is sent again, each time after a longer wait, and kept as a dead letter once it has been refused for a day.
* An event is signed with the endpoint's secret, its id and the time of sending, so that it can be neither made up,
  changed nor repeated later.
* Nothing is sent to an address that is not public, unless its owner allows it; redirects are not followed. The path of
  an address, which may be a secret, is in no log and no error.

Source of the format: Standard Webhooks, https://www.standardwebhooks.com.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import httpx
import msgspec
import structlog

from api.atomic import write_bytes
from api.locks import locked_file
from api.settings import Settings, WebhookSettings
from api.shops.addresses import Guard, GuardedTransport
from api.shops.credentials import Secret, secret_of
from api.shops.deadline import TimedTransport
from api.store.log import Entry
from pricing.errors import InputError

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
"""Before an event is sent again; in between the wait doubles each time."""
GIVE_UP, LEAST_ATTEMPTS = timedelta(days=1), 5
"""An event so old, sent so often, becomes a dead letter."""
TIMEOUT = httpx.Timeout(10.0, connect=5.0)
LONGEST_EXCHANGE = 10.0
"""An event is taken within so long or not at all, however the bytes of the answer come [seconds]."""
PREFIX = "whsec_"
TOLD = ("offer", "channel", "currency", "price", "version", "valid_from")
UNTOLD = "adopt"
"""How a book older than logs begins its log: no price changes by it."""
Entries = Callable[[int], Sequence[Entry]]
"""The next entries of the log beyond a number; none at its end."""

log = structlog.get_logger()


class Dead(msgspec.Struct, frozen=True):
    """An event that was not taken: the number of its entry in the log, when it was given up, and why."""

    number: int
    at: datetime
    reason: str


class _State(msgspec.Struct, frozen=True):
    """How far an endpoint has come: the last entry it was told of, failed attempts at the next, when to try again."""

    after: int
    hash: str
    attempts: int = 0
    again: datetime | None = None
    dead: tuple[Dead, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who is told.

    Attributes
    ----------
    name : for people
    address : where events are sent, https
    key : what events are signed with
    """

    name: str
    address: str = field(repr=False)
    key: Secret

    def __post_init__(self) -> None:
        signing_key(self.key)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of it: events sent, when one that was not taken is sent again, and the dead letters there are."""

    sent: int
    again: datetime | None = None
    dead: tuple[Dead, ...] = ()


@dataclass(frozen=True, slots=True)
class Outbox:
    """What one endpoint has been told, and is still to be told.

    Attributes
    ----------
    endpoint : who
    path : file that remembers how far it has come
    transport : how requests travel, which decides what addresses may be reached
    """

    endpoint: Endpoint
    path: Path
    transport: httpx.BaseTransport

    def deliver(self, entries: Entries, *, now: datetime) -> Delivery:
        """Tell what is due; an endpoint that is new begins with what comes after the end of the log."""
        with self._held():
            state = self._state() or _end(entries)
            self._is_of_this_log(state, entries)
            if state.again is not None and now < state.again:
                return Delivery(0, state.again, state.dead)
            sent = 0
            while found := entries(state.after):
                for entry in found:
                    state, took = self._next(state, entry, now)
                    self._remember(state)
                    sent += took
                    if state.after < entry.number:
                        return Delivery(sent, state.again, state.dead)
            self._remember(state)
            return Delivery(sent, None, state.dead)

    def revive(self, entries: Entries, *, now: datetime) -> Delivery:
        """Send dead letters once more; those that are taken are dead no longer."""
        with self._held():
            state, sent = self._state() or _end(entries), 0
            for dead in state.dead:
                entry = next((each for each in entries(dead.number - 1) if each.number == dead.number), None)
                if entry is not None and self._refusal(entry, now) is None:
                    state = msgspec.structs.replace(state, dead=tuple(each for each in state.dead if each != dead))
                    self._remember(state)
                    sent += 1
            return Delivery(sent, state.again, state.dead)

    def _next(self, state: _State, entry: Entry, now: datetime) -> tuple[_State, bool]:
        """The state after an entry was told, or not; and whether it was an event that was taken."""
        told = msgspec.structs.replace(state, after=entry.number, hash=entry.hash, attempts=0, again=None)
        if not is_event(entry):
            return told, False
        reason = self._refusal(entry, now)
        if reason is None:
            return told, True
        attempts = state.attempts + 1
        log.warning(
            "webhook not taken", endpoint=self.endpoint.name, entry=entry.number, attempt=attempts, reason=reason
        )
        if attempts >= LEAST_ATTEMPTS and now - entry.at >= GIVE_UP:
            return msgspec.structs.replace(told, dead=(*state.dead, Dead(entry.number, now, reason))), False
        wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
        return msgspec.structs.replace(state, attempts=attempts, again=now + wait), False

    def _refusal(self, entry: Entry, now: datetime) -> str | None:
        """Send an event; why it was not taken, if it was not."""
        content = body(entry)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "fairfare",
            **signed(self.endpoint.key, entry, now),
        }
        request = httpx.Request("POST", self.endpoint.address, headers=headers, content=content)
        request.extensions = {"timeout": TIMEOUT.as_dict()}
        try:
            answer = self.transport.handle_request(request)
            answer.close()
        except httpx.TransportError as error:
            return f"cannot be reached: {type(error).__name__}"
        except InputError as error:
            return str(error)
        return None if answer.is_success else f"answered {answer.status_code}"

    @contextmanager
    def _held(self) -> Iterator[None]:
        """One delivery to an endpoint at a time."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked_file(self.path.with_suffix(".lock")):
            yield

    def _is_of_this_log(self, state: _State, entries: Entries) -> None:
        """Refuse to go on in a log that was restored from before what was told: numbers in it come again."""
        if state.after and next((entry.hash for entry in entries(state.after - 1)), None) != state.hash:
            name, path = self.endpoint.name, self.path
            raise InputError(
                f"{name} was told of an entry that the log does not have, as after a restore: "
                f"let it read the feed, and delete {path} to begin with what is published next"
            )

    def _state(self) -> _State | None:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=_State)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:
            reason = f"{self.path} cannot be read: restore it, or delete it to begin with what is published next"
            raise InputError(reason) from None

    def _remember(self, state: _State) -> None:
        write_bytes(msgspec.json.encode(state), self.path, mode=0o600)


@contextmanager
def opened_outbox(
    hook: WebhookSettings, settings: Settings, root: Path, environment: Mapping[str, str]
) -> Iterator[Outbox]:
    """The outbox of an endpoint of a workspace; connections are closed afterwards.

    Raises
    ------
    InputError
        if its secret is missing, or is none.
    """
    key = secret_of(hook.secret, environment=environment, file=root / "secrets" / hook.secret)
    guard = Guard(tuple(ip_network(each) for each in settings.allowed_networks))
    with GuardedTransport(guard, inner=lambda: TimedTransport(LONGEST_EXCHANGE)) as transport:
        yield Outbox(Endpoint(hook.name, hook.address, key), root / "webhooks" / f"{hook.name}.json", transport)


def _end(entries: Entries) -> _State:
    """The state of an endpoint that knows all of the log."""
    state = _State(0, "")
    while found := entries(state.after):
        state = _State(found[-1].number, found[-1].hash)
    return state


def is_event(entry: Entry) -> bool:
    """Whether an entry of the log changes prices."""
    return entry.action != UNTOLD and bool(_prices(entry))


def body(entry: Entry) -> bytes:
    """An event as it is sent: the same bytes each time."""
    prices = [{name: price[name] for name in TOLD} for price in _prices(entry)]
    data = {"entry": entry.number, "change": entry.action, "version": int(entry.subject), "prices": prices}
    at = entry.at.astimezone(UTC).isoformat()
    return msgspec.json.encode({"type": "prices.changed", "timestamp": at, "data": data})


def signed(key: Secret, entry: Entry, now: datetime) -> dict[str, str]:
    """Headers that prove who sent an event, and when."""
    told, sent = f"msg_{entry.hash[:32]}", str(int(now.timestamp()))
    proof = hmac.new(signing_key(key), f"{told}.{sent}.".encode() + body(entry), hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(proof).decode()}"
    return {"webhook-id": told, "webhook-timestamp": sent, "webhook-signature": signature}


def signing_key(key: Secret) -> bytes:
    """The bytes of a secret, which is written as `whsec_` and base64.

    Raises
    ------
    InputError
        if it is written otherwise, or holds fewer than 24 bytes.
    """
    try:
        found = base64.b64decode(key.reveal().removeprefix(PREFIX), validate=True)
    except binascii.Error:
        found = b""
    if len(found) < 24:
        raise InputError("a webhook's secret is whsec_ and at least 24 random bytes in base64")
    return found


def _prices(entry: Entry) -> list[dict[str, object]]:
    return msgspec.json.decode(entry.body).get("prices", [])
