"""The routes by which jobs are asked for, watched and cancelled; `fairfare worker` does them.

Guarantees
----------
* Asking costs a row: no request fits or solves anything.
* What is told of a run is what its worker last said: progress never goes back within an attempt, and a further attempt
  says that it is one.
"""

from http import HTTPStatus
from typing import Any, Literal

from flask import Response, g
from pydantic import AwareDatetime, BaseModel, Field

from api.http.auth import Gate
from api.http.backend import Backend
from api.http.problems import problems, refuse
from api.http.routes import Cursor, Limit, Parameters, Query, Routes, answer, goes_to
from api.store.keys import Scope
from api.store.runs import Kind, Run, State, ask, cancel, find, newest
from api.strict_json import Strict


class Wanted(Strict):
    """What is to be done."""

    kind: Literal["fit", "price", "report"] = Field(
        description="learn from the history, propose prices, or write report.html"
    )


class RunPath(Parameters):
    """Which run."""

    id: str = Field(min_length=1)


class RunsQuery(Query):
    """Where to go on, and how many at a time."""

    limit: Limit = 20
    cursor: Cursor = None


class RunAnswer(BaseModel):
    """A job, and how far it has come."""

    id: str
    kind: Kind
    arguments: dict[str, str] = Field(
        description="of an ingest: `upload`, the id of what was uploaded; of kind shop: `shop` and `step`"
    )
    state: State
    attempt: int = Field(ge=0, description="times it was begun; above 1, a worker ended in the middle of it")
    stage: str = Field(description="what is being done")
    progress: float | None = Field(ge=0, le=1, description="share of its stages that are done")
    log: list[str] = Field(description="what happened, the oldest first")
    result: dict[str, Any] | None = Field(
        description="what came of it, or the `problems` it failed with and, as `findings`, their places"
    )
    by: str = Field(description="who asked for it")
    asked_at: AwareDatetime
    started_at: AwareDatetime | None = Field(description="of this attempt")
    finished_at: AwareDatetime | None
    cancel: bool = Field(description="whether somebody asked to stop it")


class RunPage(BaseModel):
    """Some of the runs, the newest first."""

    items: list[RunAnswer]
    next: str | None = Field(description="cursor of the next page; null: there is none")


def blueprint(backend: Backend, gate: Gate) -> Routes:
    """The routes under /v1/runs."""
    routes = Routes("runs", "Jobs: learning, pricing and reporting, done by fairfare worker", backend, gate)
    routes.after_request(says_where)
    scope = Scope.PROPOSALS_WRITE

    @routes.writes(
        "POST",
        "/runs",
        scope=scope,
        responses={202: RunAnswer},
        summary="Have something done",
        leads_to=goes_to("one_run", id="/id") | goes_to("cancel_run", id="/id"),
    )
    def ask_run(sent: Wanted) -> Response:
        return answer(told(ask(backend.engine, Kind(sent.kind), by=g.holder, now=backend.now())), 202)

    @routes.reads("GET", "/runs", scope=scope, responses={200: RunPage}, summary="What was asked for, the newest first")
    def list_runs(query: RunsQuery) -> Response:
        found = newest(backend.engine, before=query.cursor, limit=query.limit + 1)
        page = found[: query.limit]
        following = str(page[-1].number) if len(found) > query.limit else None
        return answer({"items": [told(run) for run in page], "next": following})

    @routes.reads(
        "GET", "/runs/<id>", scope=scope, responses={200: RunAnswer, **problems(404)}, summary="How far a run has come"
    )
    def one_run(path: RunPath) -> Response:
        return answer(told(find(backend.engine, path.id) or _unknown(path.id)))

    @routes.writes(
        "POST", "/runs/<id>/cancel", scope=scope, responses={200: RunAnswer, **problems(404)}, summary="Stop a run"
    )
    def cancel_run(path: RunPath) -> Response:
        if find(backend.engine, path.id) is None:
            _unknown(path.id)
        return answer(told(cancel(backend.engine, path.id, by=g.holder, now=backend.now())))

    return routes


def says_where(response: Response) -> Response:
    """Name the run that was asked for, also where the answer to an earlier request is given again."""
    if response.status_code == HTTPStatus.ACCEPTED:
        response.headers["Location"] = f"/v1/runs/{response.get_json()['id']}"
    return response


def told(run: Run) -> dict[str, Any]:
    """A run as it is answered."""
    return {name: getattr(run, name) for name in RunAnswer.model_fields}


def _unknown(run_id: str) -> Run:
    refuse(404, f"No run {run_id}.")
