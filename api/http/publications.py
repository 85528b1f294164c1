"""The routes by which prices get into force and are taken back.

Guarantees
----------
* A publication takes the way of the price book: approved by someone else, not expired, every guard rail asked within
  its transaction, by the owner's settings as they are at that moment.
* Once it is answered, this worker serves the new prices; every other one does within about two seconds.
* Cancelling takes back prices that have not begun, and never any that are in force.
"""

from typing import Annotated, Literal

from flask import Response, g
from pydantic import AwareDatetime, BaseModel, Field

from api.http.auth import Gate
from api.http.backend import Backend
from api.http.problems import problems, refuse
from api.http.proposals import DECIDERS, Id
from api.http.routes import Cursor, Limit, Parameters, Query, Routes, answer, goes_to
from api.store.database import reading, writing
from api.store.keys import Scope
from api.store.queries import all_publications, find_proposal
from api.strict_json import Instant, Strict
from pricing.book import Publication
from pricing.errors import RefusedError


class PublicationsQuery(Query):
    """How many at a time."""

    limit: Limit = 100
    cursor: Cursor = None


class VersionPath(Parameters):
    """Which publication."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]


class Publish(Strict):
    """What to put in force, and when."""

    proposal: Id
    effective_at: Instant | None = Field(default=None, description="when the prices begin; left out or null: at once")


class PublicationAnswer(BaseModel):
    """One version of the price book."""

    version: int
    change: Literal["import", "publish", "rollback"]
    proposal: str | None
    undone: int | None = Field(description="the version that a rollback took back")
    by: str
    at: AwareDatetime
    effective_at: AwareDatetime = Field(description="when its prices begin")


class PublicationPage(BaseModel):
    """Some of the versions of the price book, the newest first."""

    items: list[PublicationAnswer]
    next: str | None = Field(description="cursor of the next page; null: there is none")


class Published(BaseModel):
    """The version that was made."""

    version: int


def blueprint(backend: Backend, gate: Gate) -> Routes:
    """The routes under /v1/publications."""
    routes = Routes("publications", "Prices that got into force, and taking them back", backend, gate)

    @routes.reads(
        "GET",
        "/publications",
        scope=DECIDERS,
        responses={200: PublicationPage},
        summary="Every version of the price book, the newest first",
        leads_to=goes_to("roll_back", version="/items/0/version"),
    )
    def list_publications(query: PublicationsQuery) -> Response:
        before = query.cursor
        made = [each for each in reversed(backend.book.publications()) if before is None or each.version < before]
        more = len(made) > query.limit
        items = made[: query.limit]
        return answer({"items": items, "next": str(items[-1].version) if more else None})

    @routes.writes(
        "POST",
        "/publications",
        scope=Scope.PROPOSALS_APPROVE,
        responses={201: Published, **problems(404)},
        summary="Put an approved proposal's prices in force, now or later",
        refresh=True,
        leads_to=goes_to("roll_back", version="/version") | goes_to("cancel", version="/version"),
    )
    def publish(sent: Publish) -> Response:
        settings, now = backend.settings, backend.now()
        with reading(backend.engine) as db:
            if find_proposal(db, sent.proposal) is None:
                refuse(404, f"There is no proposal {sent.proposal}.")
        version = backend.book.publish(
            sent.proposal, by=g.holder, now=now, policy=settings.policy, law=settings.law, at=sent.effective_at
        )
        return answer({"version": version}, 201)

    @routes.writes(
        "POST",
        "/publications/<version>/rollback",
        scope=Scope.PROPOSALS_APPROVE,
        responses={201: Published, **problems(404)},
        summary="Restore the prices that were in force before a publication",
        refresh=True,
    )
    def roll_back(path: VersionPath) -> Response:
        _known(backend, path.version)
        policy = backend.settings.policy
        made = backend.book.rollback(path.version, by=g.holder, now=backend.now(), policy=policy)
        return answer({"version": made}, 201)

    @routes.writes(
        "DELETE",
        "/publications/<version>",
        scope=Scope.PROPOSALS_APPROVE,
        responses={200: Published, **problems(404)},
        summary="Cancel a publication whose prices have not begun",
        refresh=True,
    )
    def cancel(path: VersionPath) -> Response:
        with writing(backend.engine):  # so that it cannot begin in between
            now = backend.now()
            if not _known(backend, path.version).effective_at > now:
                raise RefusedError(f"the prices of version {path.version} have begun; roll it back instead")
            policy = backend.settings.policy
            return answer({"version": backend.book.rollback(path.version, by=g.holder, now=now, policy=policy)})

    return routes


def _known(backend: Backend, version: int) -> Publication:
    with reading(backend.engine) as db:
        if (found := all_publications(db).get(version)) is None:
            refuse(404, f"There is no version {version}.")
    return found
