"""A bell that shops ring when something happens there: whoever rings, what they say is not read.

Guarantees
----------
* A ring leads to a look and to nothing else: what was sold is fetched from the shop, so a forged hint sells nothing.
* However often it is rung, looks are at least `REST` apart.
* It listens on this machine alone; a web server in front lets others in.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pricing.errors import InputError

REST = 1.0
"""Between two looks, whoever rings [seconds]."""
MOST_BYTES = 64 * 1024
"""So much of a hint is taken off the line before it is answered."""


@contextmanager
def hung(port: int) -> Iterator[threading.Event]:
    """An event that is set whenever somebody posts to this port; it is cleared by whoever looks.

    Raises
    ------
    InputError
        if something else listens there.
    """
    rung = threading.Event()

    class Ring(BaseHTTPRequestHandler):
        """One ring."""

        timeout = 5.0

        def do_POST(self) -> None:
            """Take what is said off the line, unread."""
            length = self.headers.get("Content-Length", "")
            self.rfile.read(min(int(length), MOST_BYTES) if length.isascii() and length.isdigit() else 0)
            rung.set()
            self.send_response(204)
            self.end_headers()
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the standard library names it
            """Whoever rings writes nothing into our log."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Ring)
    except OSError as error:
        raise InputError(f"port {port} cannot be listened on: {error.strerror}") from None
    with server:
        server.daemon_threads = False  # closing waits for them: no thread is left
        listening = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        listening.start()
        try:
            yield rung
        finally:
            server.shutdown()
            listening.join()
