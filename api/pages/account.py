"""Signing in and out, and what a reader prefers.

Guarantees
----------
* Each sign-in makes a session of its own; the one a browser came with is ended, so that nobody can prepare one.
* A wrong name, a wrong password and a disabled account are answered alike, and as slowly.
* Whoever tries too often waits: counted by account and by address, in each process that serves.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from flask import abort, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from api.http.auth import Limit, Pace
from api.pages.desk import HOME, SESSION, Answer, Desk, inside
from api.pages.language import COOKIE, LANGUAGES
from api.store import sessions
from api.store.log import ANCHOR_NAME
from api.store.steps import folded
from api.store.users import Users

BY_ACCOUNT = Limit(rate=1 / 30, burst=10)
BY_ADDRESS = Limit(rate=1 / 5, burst=40)
"""Attempts to sign in: so many at once, and one more every so often."""
YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often someone may try."""

    account: Pace
    address: Pace

    @classmethod
    def paced(cls, clock: Callable[[], float] = time.monotonic) -> "Attempts":
        """As often as we let people."""
        return cls(Pace(BY_ACCOUNT, clock), Pace(BY_ADDRESS, clock))

    def too_many(self, name: str, address: str) -> bool:
        """Whether this one is too much."""
        return max(self.address.wait(address), self.account.wait(folded(name)[:100])) > 0


def add(desk: Desk, attempts: Attempts | None = None) -> None:
    """Add them to the desk."""
    attempts = attempts or Attempts.paced()
    backend = desk.backend

    @desk.view("/sign-in", "GET", role=None)
    def sign_in() -> Answer:
        wanted = inside(request.args.get("next", HOME))
        return redirect(wanted, HTTPStatus.SEE_OTHER) if g.session else _form(wanted)

    @desk.view("/sign-in", "POST", role=None)
    def signed_in() -> Answer:
        name, wanted = request.form.get("name", ""), inside(request.form.get("next", HOME))
        if attempts.too_many(name, request.remote_addr or ""):
            abort(HTTPStatus.TOO_MANY_REQUESTS)
        users = Users(backend.engine, backend.root / ANCHOR_NAME)
        user = users.check(name, request.form.get("password", ""))
        if user is None:
            return _form(wanted, name=name, wrong=True), HTTPStatus.UNAUTHORIZED
        if g.session is not None:
            sessions.end(backend.engine, g.session.token)
        session = sessions.begin(backend.engine, user, now=g.now)
        response = redirect(wanted, HTTPStatus.SEE_OTHER)
        response.set_cookie(SESSION, session.token, path="/desk", httponly=True, samesite="Lax", secure=_encrypted())
        return response

    @desk.view("/sign-out", "POST", role=None)
    def sign_out() -> BaseResponse:
        if g.session is not None:
            sessions.end(backend.engine, g.session.token)
        response = redirect("/desk/sign-in", HTTPStatus.SEE_OTHER)
        response.delete_cookie(SESSION, path="/desk")
        return response

    @desk.view("/language", "POST", role=None)
    def language() -> BaseResponse:
        chosen = request.form.get("language", "")
        if chosen not in LANGUAGES:
            abort(HTTPStatus.UNPROCESSABLE_ENTITY)
        response = redirect(inside(request.form.get("next", HOME)), HTTPStatus.SEE_OTHER)
        response.set_cookie(COOKIE, chosen, max_age=YEAR, path="/desk", samesite="Lax", secure=_encrypted())
        return response


def _form(wanted: str, *, name: str = "", wrong: bool = False) -> str:
    return render_template("desk/sign_in.html", wanted=wanted, name=name, wrong=wrong)


def _encrypted() -> bool:
    """Whether the browser came by https, also through a proxy that decrypts."""
    return request.is_secure or request.headers.get("X-Forwarded-Proto", "") == "https"
