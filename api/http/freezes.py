"""The routes that stop every change of a price, and allow changes again.

Guarantees
----------
* Whoever may publish may stop; to go on takes a key with the scope `admin`.
* A freeze outlives every restart, and takes back prices that were to begin later.
"""

from flask import Response, g
from pydantic import BaseModel, Field

from api.http.auth import Gate
from api.http.backend import Backend
from api.http.proposals import DECIDERS, Reason
from api.http.routes import Routes, answer
from api.store.database import reading
from api.store.keys import Scope
from api.store.queries import freeze_reason


class Frozen(BaseModel):
    """Whether prices may change."""

    frozen: bool
    reason: str | None = Field(default=None, description="since when, by whom and why; null if they may change")


class Stopped(Frozen):
    """Prices may not change, and those that were to begin later will not."""

    taken_back: list[int] = Field(
        description="versions that had not begun; they are taken back for good, whatever is lifted later"
    )


def blueprint(backend: Backend, gate: Gate) -> Routes:
    """The routes under /v1/freeze."""
    routes = Routes("freeze", "Stopping every change of a price", backend, gate)

    @routes.reads("GET", "/freeze", scope=DECIDERS, responses={200: Frozen}, summary="Whether prices may change")
    def read_freeze() -> Response:
        with reading(backend.engine) as db:
            reason = freeze_reason(db)
        return answer({"frozen": reason is not None, "reason": reason})

    @routes.writes(
        "PUT",
        "/freeze",
        scope=Scope.PROPOSALS_APPROVE,
        responses={200: Stopped},
        summary="Stop every change of a price",
        refresh=True,
    )
    def freeze(sent: Reason) -> Response:
        taken_back = backend.book.freeze(by=g.holder, now=backend.now(), reason=sent.reason)
        return answer({"frozen": True, "reason": sent.reason, "taken_back": taken_back})

    @routes.writes(
        "DELETE",
        "/freeze",
        scope=Scope.ADMIN,
        responses={200: Frozen},
        summary="Allow changes again",
    )
    def unfreeze(sent: Reason) -> Response:
        backend.book.unfreeze(by=g.holder, now=backend.now(), reason=sent.reason)
        return answer({"frozen": False, "reason": None})

    return routes
