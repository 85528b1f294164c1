"""A deadline for a whole exchange, from the first byte that is sent to the last one that is read.

A timeout of a socket begins anew with each byte: whoever sends one a second could hold its reader for ever.

Guarantees
----------
* An exchange, its headers and its body, takes no longer than its deadline, however its bytes come.
* One that was cut off is an error, never an answer that seems whole.
"""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

import httpx

CONNECTED = {"connection.connect_tcp.complete", "connection.start_tls.complete"}
"""When httpcore has a connection: https://www.encode.io/httpcore/extensions/#trace."""


class TimedTransport(httpx.BaseTransport):
    """Sends requests to one host, one at a time, each with so many seconds for its whole exchange.

    Attributes
    ----------
    socket : of the latest connection
    """

    def __init__(self, seconds: float) -> None:
        self._inner = httpx.HTTPTransport()
        self._seconds = seconds
        self.socket: socket.socket | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; closing the answer ends the watch over it."""
        watch = _Watch(self._seconds, self)
        request.extensions = {**request.extensions, "trace": watch.note}
        try:
            answer = self._inner.handle_request(request)
        except BaseException:
            watch.end()
            raise
        answer.stream = _Watched(cast("httpx.SyncByteStream", answer.stream), watch)
        return answer

    def close(self) -> None:
        """Let go of connections."""
        self._inner.close()

    def cut(self) -> None:
        """End the connection, so that whoever waits for it goes on."""
        if self.socket is not None:
            with suppress(OSError):  # it has ended by itself
                self.socket.shutdown(socket.SHUT_RDWR)


class _Watch:
    """Cuts an exchange off when its time is over."""

    def __init__(self, seconds: float, exchange: TimedTransport) -> None:
        self._exchange = exchange
        self._over = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Watch no longer.

        Raises
        ------
        httpx.ReadTimeout
            if the exchange was cut off.
        """
        self._timer.cancel()
        if self._over:
            raise httpx.ReadTimeout("the whole exchange took too long")

    def note(self, event: str, told: Mapping[str, Any]) -> None:
        """Know the connection once there is one; where that took too long it is cut at once."""
        if event in CONNECTED:
            self._exchange.socket = told["return_value"].get_extra_info("socket")
            if self._over:
                self._exchange.cut()

    def _cut(self) -> None:
        self._over = True
        self._exchange.cut()


class _Watched(httpx.SyncByteStream):
    """The body of an answer, and the watch over it."""

    def __init__(self, body: httpx.SyncByteStream, watch: _Watch) -> None:
        self._body, self._watch = body, watch

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except httpx.TransportError:
            self._watch.end()
            raise
        self._watch.end()

    def close(self) -> None:
        """Let go of the connection, or keep it for the next request."""
        with suppress(httpx.ReadTimeout):  # said where it was read
            self._watch.end()
        self._body.close()
