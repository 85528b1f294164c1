"""Accounts: who may sign in, and as what.

Guarantees
----------
* Only an admin sees or changes accounts; each change is in the log under their name, and no password ever is.
* A person whose account changes is signed out everywhere. Some admin always remains.
"""

from http import HTTPStatus

from flask import abort, g, render_template, request
from werkzeug.wrappers import Response

from api.http.backend import Backend
from api.pages.desk import Desk, back_to
from api.store.log import ANCHOR_NAME
from api.store.users import LONGEST_NAME, SHORTEST_PASSWORD, Role, User, Users


def add(desk: Desk) -> None:
    """Add them to the desk."""
    backend = desk.backend

    @desk.page("/users", role=Role.ADMIN)
    def users() -> str:
        return render_template(
            "desk/users.html",
            page="users",
            users=_accounts(backend).list(),
            roles=list(Role),
            longest=LONGEST_NAME,
            shortest=SHORTEST_PASSWORD,
        )

    @desk.act("/users", role=Role.ADMIN)
    def add_user() -> Response:
        name, password = request.form.get("name", ""), request.form.get("password", "")
        _accounts(backend).add(name, _role(), password, by=g.session.user.name, now=backend.now())
        return back_to(request.form.get("next", ""), "user-added")

    @desk.act("/users/<name>/role", role=Role.ADMIN)
    def set_role(name: str) -> Response:
        user = _known(backend, name)
        _accounts(backend).set_role(user.name, _role(), by=g.session.user.name, now=backend.now())
        return back_to(request.form.get("next", ""), "user-changed")

    @desk.act("/users/<name>/password", role=Role.ADMIN)
    def set_password(name: str) -> Response:
        user, password = _known(backend, name), request.form.get("password", "")
        _accounts(backend).set_password(user.name, password, by=g.session.user.name, now=backend.now())
        return back_to(request.form.get("next", ""), "user-changed")

    @desk.act("/users/<name>/disable", role=Role.ADMIN)
    def disable(name: str) -> Response:
        user = _known(backend, name)
        _accounts(backend).disable(user.name, by=g.session.user.name, now=backend.now())
        return back_to(request.form.get("next", ""), "user-changed")


def _accounts(backend: Backend) -> Users:
    return Users(backend.engine, backend.root / ANCHOR_NAME)


def _known(backend: Backend, number: str) -> User:
    """The account of a number, which stays what a name is for."""
    found = next((user for user in _accounts(backend).list() if str(user.number) == number), None)
    return found or abort(HTTPStatus.NOT_FOUND)


def _role() -> Role:
    wanted = request.form.get("role", "")
    return Role(wanted) if wanted in set(Role) else abort(HTTPStatus.UNPROCESSABLE_ENTITY)
