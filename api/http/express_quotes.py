"""The express lane of quotes, beside that of prices (`api.http.express`).

Guarantees
----------
* It answers only what is certain: plain JSON that asks for prices there are, with a key that may have them. Anything
  else (repeated or unknown keys, escapes, an unknown offer) goes on to the application, which decides every refusal.
* Its answer is the application's answer, header for header and byte for byte (a test compares them).
"""

import io
from typing import Annotated, Any

import msgspec

from api.bodies import received
from api.http.auth import Gate
from api.http.backend import Backend
from api.http.express import Start, Wsgi
from api.http.quotes import LONGEST_NAME, MOST, PATH
from api.served.quoting import together
from api.store.keys import Scope

LARGEST = 64 * 1024
"""Bodies of a usual size are looked at here [bytes]."""
Named = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]


class _Item(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    offer: Named
    channel: Named | None = None


class _Items(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    items: Annotated[list[_Item], msgspec.Meta(min_length=1, max_length=MOST)]


_decode = msgspec.json.Decoder(_Items).decode


class ExpressQuotes:
    """WSGI middleware in front of `app`, answering from what `backend` serves whom `gate` lets pass."""

    def __init__(self, app: Wsgi, backend: Backend, gate: Gate, headers: dict[str, str]) -> None:
        self._app = app
        self._snapshots = backend.snapshots
        self._desk = backend.desk
        self._gate = gate
        self._headers = list(headers.items())

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Any:  # noqa: ANN401  # as WSGI has it
        """Answer, or hand on."""
        if (answer := self._answer(environ)) is None:
            return self._app(environ, start_response)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer))), *self._headers]
        start_response("200 OK", headers)
        return [answer]

    def _answer(self, environ: dict[str, Any]) -> bytes | None:
        if environ["PATH_INFO"] != PATH:
            return None
        view, authorization = self._snapshots.current(), environ.get("HTTP_AUTHORIZATION", "")
        if view.empty or not self._gate.knows(view, authorization):  # nothing is read of what a stranger sends
            return None
        if (body := _body(environ)) is None or (items := _plain(body)) is None:
            return None
        quotes = self._desk.quotes(view, [(item.offer, item.channel) for item in items])
        found = [quote for quote in quotes if quote is not None]
        if len(found) < len(items):
            return None
        passes = self._gate.lets(view, authorization, Scope.PRICES_READ)
        return together(found) if passes else None


def _body(environ: dict[str, Any]) -> bytes | None:
    """The body of a plain POST; it can be read again."""
    length = environ.get("CONTENT_LENGTH") or ""
    plain = environ["REQUEST_METHOD"] == "POST" and environ.get("CONTENT_TYPE") == "application/json"
    if not plain or environ.get("QUERY_STRING") or not (length.isdecimal() and int(length) <= LARGEST):
        return None
    body = received(lambda: bytes(environ["wsgi.input"].read(int(length))))
    if body is not None:
        environ["wsgi.input"] = io.BytesIO(body)
    return body


def _plain(body: bytes) -> list[_Item] | None:
    """What is asked for, if it is certain that no key stands twice: each name is there as often as it is used."""
    try:
        items = _decode(body).items
    except (ValueError, RecursionError):
        return None
    channels = sum(item.channel is not None for item in items)
    counted = (body.count(b'"items"'), body.count(b'"offer"'), body.count(b'"channel"'), body.count(b"\\"))
    return items if counted == (1, len(items), channels, 0) else None
