"""The express lane: the one request that matters most, answered before the framework wakes up.

Guarantees
----------
* It answers only what is certain: a plain GET of one price, with a key that may read it. Anything else (an unknown
  key, an unknown offer, a query, a conditional request) goes on to the application, which also decides every refusal.
* Its answer is the application's answer, header for header and byte for byte (a test compares them).
"""

from collections.abc import Callable, Iterable
from typing import Any

from api.http.auth import Gate
from api.http.prices import PREFIX, answer_headers, with_flag
from api.served.snapshot import Snapshots
from api.store.keys import Scope

Start = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], Start], Iterable[bytes]]


class Express:
    """WSGI middleware in front of `app`, answering from `snapshots` whom `gate` lets pass."""

    def __init__(self, app: Wsgi, snapshots: Snapshots, gate: Gate, headers: dict[str, str]) -> None:
        self._app = app
        self._gate = gate
        self._snapshots = snapshots
        self._headers = list(headers.items())

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """Answer, or hand on."""
        if (answer := self._answer(environ)) is None:
            return self._app(environ, start_response)
        body, headers = answer
        start_response("200 OK", headers)
        return [body]

    def _answer(self, environ: dict[str, Any]) -> tuple[bytes, list[tuple[str, str]]] | None:
        path: str = environ["PATH_INFO"]
        offer = path.removeprefix(PREFIX)
        plain = environ["REQUEST_METHOD"] == "GET" and offer != path and offer.isascii() and "/" not in offer
        if not plain or environ.get("QUERY_STRING") or "HTTP_IF_NONE_MATCH" in environ:
            return None
        view = self._snapshots.current()
        if (entry := view.snapshot.find(offer, None)) is None:
            return None
        if not self._gate.lets(view, environ.get("HTTP_AUTHORIZATION", ""), Scope.PRICES_READ):
            return None
        body = with_flag(entry.price, view)
        headers = [
            *answer_headers(view).items(),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            *self._headers,
        ]
        return body, headers
