"""Requests to a shop.

Guarantees
----------
* A request is sent again only where that is safe: reading, and writing what the caller says may be repeated.
* What is sent again waits longer each time, and as long as the shop asks for (Retry-After).
* A redirect is not followed, and a link leads no further than the shop's own address: the secret goes nowhere else.
* An answer has a largest size, a list a largest number of pages; what is packed, or not of the shape it should have, is
  an error, not a guess.
* What a shop says against a request is passed on without the key that it was sent.
* The log of requests names method, path, answer and time; neither headers, bodies nor queries are in it. What only
  reads is logged for debugging, for that goes on all the time.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import stamina
import structlog

from api.shops.addresses import UnknownHostError
from api.shops.bucket import TokenBucket
from api.shops.errors import ShopError

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
PLAIN = "identity"
"""How answers are packed: not at all."""
MOST_BYTES = 32 * 1024 * 1024
LATER = {408, 409, 425, 429, 500, 502, 503, 504}
"""Answers after which the same request may succeed."""
MEANINGS = {
    401: "it does not know the key",
    403: "the key may not do this, or what the settings name is not there",
    404: "nothing is there, so look at the address and the names in the settings",
}
"""What answers mean to whoever connected the shop."""
LONGEST_WAIT = 60.0
"""A shop that asks to wait longer is told to the user instead [seconds]."""
MOST_PAGES = 20_000
"""Sales of years are on fewer; a list that goes on has no end."""
SAID = 300
"""So much of what a shop says against a request is passed on [characters]."""

stamina.instrumentation.set_on_retry_hooks([])  # each request logs itself; how all of them ended is an error's to say
log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is sent in all, and how long is waited in between: doubling from `first` [seconds]."""

    attempts: int = 5
    first: float = 0.5
    longest: float = 10.0


class _LaterError(ShopError):
    """What may be tried again, after `wait` [seconds] if the shop said so."""

    def __init__(self, reason: str, *, permanent: bool, status: int | None = None, wait: float | None = None) -> None:
        super().__init__(reason, permanent=permanent, status=status)
        self.wait = wait


class _Page(msgspec.Struct):
    results: list[msgspec.Raw]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The way to one shop.

    Attributes
    ----------
    address : of the shop, to which paths are added; without a user or a query
    headers : that every request carries; a way without any is a buyer's
    bucket : the limit on requests
    transport : how requests travel, which decides what addresses may be reached
    """

    address: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    bucket: TokenBucket
    transport: httpx.BaseTransport
    patience: Patience = Patience()

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise ValueError(f"{parts.hostname}: an address is written as https://HOST/PATH, without a user or a query")

    def with_key(self, value: str, *, header: str = "Authorization") -> "Client":
        """The same way, under the same limit, with a key."""
        return replace(self, headers={header: value})

    def get(self, path: str, kind: type[T], query: Mapping[str, str] | None = None) -> T:
        """What stands at a path, from JSON."""
        return _parsed(self.send("GET", path, query=query, repeatable=True), kind, path)

    def pages(self, path: str, kind: type[T], query: Mapping[str, str] | None = None) -> Iterator[T]:
        """The `results` of a list that comes in pages, each with a link to the `next`."""
        for _ in page_numbers():
            page = self.get(path, _Page, query)
            for each in page.results:
                yield _parsed(bytes(each), kind, path)
            if page.next is None:
                return
            path, query = self._within(page.next)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool,
    ) -> bytes:
        """Send a request with a body in JSON, again where it is `repeatable`; returns what came back.

        Raises
        ------
        ShopError
            if the shop cannot be reached, or refuses.
        """
        content = b"" if body is None else msgspec.json.encode(body)
        told = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "fairfare"}
        told["Accept-Encoding"] = PLAIN
        url = httpx.URL(self.address.rstrip("/") + path, params=query)
        request = httpx.Request(method, url, headers={**told, **self.headers, **(headers or {})}, content=content)
        request.extensions = {"timeout": TIMEOUT.as_dict()}
        patience = self.patience if repeatable else Patience(attempts=1)
        for attempt in stamina.retry_context(
            on=_when,
            attempts=patience.attempts,
            timeout=None,
            wait_initial=patience.first,
            wait_max=patience.longest,
            wait_jitter=patience.first,
        ):
            with attempt:
                return self._once(request, attempt.num)
        raise AssertionError("stamina either returns or raises")

    def close(self) -> None:
        """Let go of connections."""
        self.transport.close()

    def _once(self, request: httpx.Request, attempt: int) -> bytes:
        self.bucket.take()
        began, told = time.monotonic(), log.bind(method=request.method, path=request.url.path, attempt=attempt)
        say = told.debug if request.method == "GET" else told.info
        try:
            answer = self.transport.handle_request(request)
            content = _content(answer)
        except httpx.TransportError as error:
            say("shop request failed", reason=type(error).__name__)
            raise _LaterError(_unreached(request.url.host, error), permanent=False) from None
        say("shop request", status=answer.status_code, seconds=round(time.monotonic() - began, 3))
        if not answer.is_success:
            page = answer.headers.get("Content-Type", "").startswith("text/html")
            said = "a page for people" if page else _kept(content, self.headers.values())
            raise _refusal(request, answer.status_code, said, wait=answer.headers.get("Retry-After", ""))
        return content

    def _within(self, link: str) -> tuple[str, dict[str, str]]:
        """Path below the address, and query, of a link the shop gave."""
        ours, theirs = urlsplit(self.address.rstrip("/")), urlsplit(link)
        if not theirs.path.startswith(ours.path + "/"):
            raise ShopError("the shop links to a page that is not its own", permanent=True)
        return theirs.path.removeprefix(ours.path), dict(parse_qsl(theirs.query))


def page_numbers() -> Iterator[int]:
    """Numbers of the pages of a list, as long as one has an end."""
    yield from range(1, MOST_PAGES + 1)
    raise ShopError(f"a list of this shop goes on beyond {MOST_PAGES:,} pages", permanent=True)


def _content(answer: httpx.Response) -> bytes:
    """The body, if it is not too large; what is packed could be, however small it is."""
    held = bytearray()
    try:
        if answer.headers.get("Content-Encoding", PLAIN) != PLAIN:
            raise ShopError("the shop packs its answers, though it is asked for plain ones", permanent=True)
        for part in answer.iter_bytes():
            held += part
            if len(held) > MOST_BYTES:
                raise ShopError("the shop's answer is larger than any list of prices", permanent=True)
    finally:
        answer.close()
    return bytes(held)


def _kept(content: bytes, headers: Iterable[str]) -> str:
    """What a shop says, as far as it is passed on: a server in trouble may repeat the key it was sent."""
    said = content[: 8 * SAID].decode(errors="replace")
    for key in (value.rpartition(" ")[2] for value in headers):
        said = said.replace(key, "...")
    return said[:SAID]


def _unreached(host: str, error: httpx.TransportError) -> str:
    return str(error) if isinstance(error, UnknownHostError) else f"{host} cannot be reached: {type(error).__name__}"


def _refusal(request: httpx.Request, status: int, said: str, *, wait: str) -> ShopError:
    reason = f"{request.method} {request.url.path}: {status} {said}"
    if status in LATER:
        return _LaterError(reason, permanent=False, status=status, wait=_asked(wait))
    told = f"{MEANINGS[status]}: {reason}" if status in MEANINGS else reason
    return ShopError(told, permanent=True, status=status)


def _parsed(content: bytes, kind: type[T], path: str) -> T:
    try:
        return msgspec.json.decode(content, type=kind, strict=False)
    except (msgspec.DecodeError, ArithmeticError) as error:
        reason = f"{path}: not what such a shop answers ({error}); is this its address?"
        raise ShopError(reason, permanent=True) from None


def _asked(header: str) -> float | None:
    return float(header) if header.isascii() and header.isdigit() else None


def _when(error: Exception) -> bool | timedelta:
    """Whether to try again, and after what time if the shop said so."""
    if not isinstance(error, _LaterError):
        return False
    if error.wait is None:
        return True
    return timedelta(seconds=error.wait) if error.wait <= LONGEST_WAIT else False
