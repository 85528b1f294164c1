"""The strip of guard rails on every page, and stopping all changes.

Guarantees
----------
* Every page says whether prices may change, and lets an approver stop all changes at once.
* Whoever stops or lifts says why; both are in the log under their name.
* What is lifted is the stop that was shown; one that was put in place meanwhile stands.
"""

from http import HTTPStatus

from flask import abort, g, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from api.pages.desk import Desk, back_to
from api.pages.situation import situation
from api.store.database import writing
from api.store.users import Role
from pricing.errors import RefusedError

LONGEST_REASON = 300


def add(desk: Desk) -> None:
    """Add them to the desk."""
    backend = desk.backend

    @desk.context_processor
    def strip() -> dict[str, object]:
        """What the frame of a page shows, for those who are signed in; it is read when a template asks."""
        return {"book": lambda: situation(backend)}

    @desk.act("/stop", role=Role.APPROVER)
    def stop() -> Response:
        backend.book.freeze(by=g.session.user.name, now=backend.now(), reason=reason_given())
        backend.refresh()
        return back_to(request.form.get("next", ""), "frozen")

    @desk.act("/lift", role=Role.ADMIN)
    def lift() -> Response:
        reason = reason_given()
        with writing(backend.engine):
            stop = situation(backend).stop
            if stop is not None and request.form.get("since") != stop.at.isoformat():
                raise RefusedError(gettext("All changes were stopped anew since this was shown. Look at it again."))
            backend.book.unfreeze(by=g.session.user.name, now=backend.now(), reason=reason)
        backend.refresh()
        return back_to(request.form.get("next", ""), "unfrozen")


def reason_given() -> str:
    """Why, in the words of whoever acts; one line, and not empty."""
    reason = " ".join(request.form.get("reason", "").split())[:LONGEST_REASON]
    if not reason or not reason.isprintable():
        abort(HTTPStatus.UNPROCESSABLE_ENTITY)
    return reason
