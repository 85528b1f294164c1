"""Jobs: asking for a fit, new prices or the report, and watching how far they come; `fairfare worker` does them.

Guarantees
----------
* What is shown is what a worker last said: progress never goes back within an attempt, and a further attempt says so.
* Asking costs a row. Where nobody takes up what was asked for, the page says that no worker is heard of.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from flask import abort, g, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from api.http.backend import Backend
from api.pages.desk import Answer, Desk, back_to
from api.pages.words import STAGES, STATES, named
from api.store.runs import ON_REQUEST, Kind, Run, State, ask, cancel, find, newest
from api.store.users import Role

ON_A_PAGE = 30
PATIENCE = timedelta(seconds=10)
"""A worker looks for work every second; what waits longer than this, with nobody at work, has no worker."""


@dataclass(frozen=True, slots=True)
class Job:
    """A run as it is shown.

    Attributes
    ----------
    unattended : whether nobody is heard of who would do it
    """

    run: Run
    unattended: bool

    @property
    def stage(self) -> str:
        """What is being done, in the reader's language."""
        if self.run.state is State.RUNNING:
            return named(STAGES, self.run.stage)
        return named(STATES, self.run.state)

    @property
    def problems(self) -> tuple[str, ...]:
        """What it failed with."""
        return tuple((self.run.result or {}).get("problems", ()))

    @property
    def told(self) -> dict[str, Any]:
        """What a script shows of it."""
        return {
            "open": self.run.open,
            "stage": self.stage,
            "progress": self.run.progress,
            "attempt": self.run.attempt,
            "log": list(self.run.log),
            "unattended": self.unattended,
        }


def add(desk: Desk) -> None:
    """Add them to the desk."""
    backend = desk.backend

    @desk.page("/jobs")
    def jobs() -> str:
        before = request.args.get("before", "")
        beyond = int(before) if before.isdecimal() and len(before) < 16 else None
        found = _newest(backend, before=beyond, most=ON_A_PAGE + 1)
        heard = _heard(newest(backend.engine, before=None, limit=ON_A_PAGE))
        return render_template(
            "desk/jobs.html",
            page="jobs",
            jobs=found[:ON_A_PAGE],
            more=len(found) > ON_A_PAGE,
            heard=heard,
            kinds=ON_REQUEST,
        )

    @desk.page("/jobs/<name>")
    def job(name: str) -> str:
        return render_template("desk/job.html", page="jobs", job=_known(backend, name))

    @desk.page("/jobs/<name>/progress")
    def progress(name: str) -> Answer:
        return jsonify(_known(backend, name).told)

    @desk.act("/jobs", role=Role.ANALYST)
    def ask_job() -> BaseResponse:
        kind = request.form.get("kind", "")
        if kind not in ON_REQUEST:
            abort(HTTPStatus.UNPROCESSABLE_ENTITY)
        made = ask(backend.engine, Kind(kind), by=g.session.user.name, now=backend.now())
        return redirect(url_for("desk.job", name=made.id), HTTPStatus.SEE_OTHER)

    @desk.act("/jobs/<name>/cancel", role=Role.ANALYST)
    def cancel_job(name: str) -> BaseResponse:
        run = _known(backend, name).run
        cancel(backend.engine, run.id, by=g.session.user.name, now=backend.now())
        return back_to(request.form.get("next", ""), "job-cancelled")


def _known(backend: Backend, name: str) -> Job:
    run = find(backend.engine, name) or abort(HTTPStatus.NOT_FOUND)
    return Job(run, _unattended(run, newest(backend.engine, before=None, limit=100), g.now))


def _newest(backend: Backend, *, before: int | None, most: int) -> list[Job]:
    found = newest(backend.engine, before=before, limit=most)
    return [Job(run, _unattended(run, found, g.now)) for run in found]


def _unattended(run: Run, others: tuple[Run, ...], now: datetime) -> bool:
    """Whether a run is open, and no worker holds any, for longer than a worker needs to take it up."""
    held = any(other.lease_until is not None and now < other.lease_until for other in (run, *others))
    since = max([run.asked_at, *(other.finished_at for other in others if other.finished_at is not None)])
    return run.open and not held and now - since > PATIENCE


def _heard(found: tuple[Run, ...]) -> datetime | None:
    """When a worker last began or ended something."""
    told = [at for run in found if run.worker for at in (run.started_at, run.finished_at) if at is not None]
    return max(told, default=None)
