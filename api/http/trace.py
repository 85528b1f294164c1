"""What a request leaves behind: a count, and a line in the log if it wrote or failed.

Guarantees
----------
* Every request has an id: the client's `X-Request-Id`, or one made here. Every line logged meanwhile carries it, and
  the answer to a write or to a request that we failed says it.
* A line names the holder of the key, never the key. Reads that go well are counted, not logged.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from flask import Flask, Response, g, request

from api.served.metrics import Meter

HEADER = "X-Request-Id"
ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
STARTED, COUNTED = "fairfare.started", "fairfare.counted"
"""Where the environment of a request says when it came, and that it was counted."""
FAILED = 500

log = structlog.get_logger()


class Watched:
    """WSGI middleware around all of an application: what is answered before the framework wakes up is counted here."""

    def __init__(self, app: Callable[..., Iterable[bytes]], meter: Meter) -> None:
        self.app = app
        self._meter = meter

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Hand on, and count."""
        environ[STARTED] = started = time.perf_counter()
        answer = self.app(environ, start_response)
        if COUNTED not in environ:
            self._meter.quick(environ["REQUEST_METHOD"], time.perf_counter() - started)
        return answer


def install(app: Flask, meter: Meter) -> None:
    """Watch every request that reaches an application; `Watched` goes around it."""

    @app.before_request
    def _begin() -> None:
        request.environ.setdefault(STARTED, time.perf_counter())
        sent = request.headers.get(HEADER, "")
        g.request_id = sent if ID.fullmatch(sent) else secrets.token_hex(8)
        structlog.contextvars.bind_contextvars(request=g.request_id, method=request.method, path=request.path)

    @app.after_request
    def _end(response: Response) -> Response:
        seconds = time.perf_counter() - request.environ[STARTED]
        route = request.url_rule.rule if request.url_rule else "none"
        meter.answered(request.method, route, response.status_code, seconds)
        request.environ[COUNTED] = True
        if g.get("writes", False):
            told = {"status": response.status_code, "holder": g.holder, "milliseconds": round(seconds * 1e3, 1)}
            log.info("write", **told)
        if g.get("writes", False) or response.status_code >= FAILED:
            response.headers[HEADER] = g.request_id
        return response

    @app.teardown_request
    def _forget(_error: BaseException | None) -> None:
        structlog.contextvars.clear_contextvars()
