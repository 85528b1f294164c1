"""The route by which the log is read.

Guarantees
----------
* Every step ever taken stands in it once, in order, each chained to the one before by its hash: whoever reads it page
  by page holds a copy that later changes to the log would contradict.
"""

from typing import Any

import msgspec
from flask import Response
from pydantic import AwareDatetime, BaseModel, Field

from api.http.auth import Gate
from api.http.backend import Backend
from api.http.routes import Cursor, Limit, Query, Routes, answer
from api.store.keys import Scope
from api.store.log import Entry


class AuditQuery(Query):
    """Where to go on, and how many at a time."""

    limit: Limit = 100
    cursor: Cursor = None


class EntryAnswer(BaseModel):
    """One step: what was done to what, by whom, and what came of it."""

    number: int
    at: AwareDatetime
    by: str
    action: str
    subject: str
    body: dict[str, Any]
    hash: str = Field(description="SHA-256 of the hash before it and of what the entry says")


class AuditPage(BaseModel):
    """Some of the log, the oldest first."""

    items: list[EntryAnswer]
    next: str | None = Field(description="cursor of the next page; null: this is the end of the log for now")


def blueprint(backend: Backend, gate: Gate) -> Routes:
    """The route under /v1/audit."""
    routes = Routes("audit", "Who did what, and when", backend, gate)

    @routes.reads("GET", "/audit", scope=Scope.ADMIN, responses={200: AuditPage}, summary="The log, the oldest first")
    def audit(query: AuditQuery) -> Response:
        found = backend.book.entries(after=query.cursor or 0, limit=query.limit + 1)
        page = found[: query.limit]
        more = len(found) > query.limit
        return answer({"items": [_told(entry) for entry in page], "next": str(page[-1].number) if more else None})

    return routes


def _told(entry: Entry) -> dict[str, Any]:
    return {**msgspec.to_builtins(entry), "body": msgspec.Raw(entry.body.encode())}
