"""Jobs: asking for a fit, new prices or the report, and watching how far they come; `fairfare worker` does them.

Guarantees
----------
* What is shown is what a worker last said: progress never goes back within an attempt, and a further attempt says so.
* Asking costs a row. Where nobody takes up what was asked for, the page says that no worker is heard of.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort, g, jsonify, redirect, render_template, request, url_for
from flask_babel import format_timedelta, gettext
from werkzeug.wrappers import Response as BaseResponse

from api import uploads
from api.errands import Order, order_of
from api.http.backend import Backend
from api.pages.desk import Answer, Desk, back_to, numbers_of
from api.pages.numbers import Numbers
from api.pages.retold import Said, retold
from api.pages.words import ERRANDS, KINDS, SCHEDULE, STAGES, STATES, named
from api.schedule import following
from api.settings import Settings
from api.store import runs
from api.store.runs import ON_REQUEST, Kind, Run, State, ask, cancel, find, newest
from api.store.users import Role
from pricing.errors import InputError

ON_A_PAGE = 30
PATIENCE = timedelta(seconds=10)
"""A worker looks for work every second; what waits longer than this, with nobody at work, has no worker."""
LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC (.*)", re.DOTALL)
"""Of the log of a run."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened to a job."""

    at: datetime
    said: Said


@dataclass(frozen=True, slots=True)
class Job:
    """A run as it is shown.

    Attributes
    ----------
    unattended : whether nobody is heard of who would do it
    file : of a job that takes in a file: what its owner calls it, as far as that is known
    """

    run: Run
    unattended: bool
    file: str = ""

    @property
    def order(self) -> Order | None:
        """What is done at which shop, if it is that kind of job."""
        try:
            return order_of(self.run)
        except InputError:  # of another version of Fairfare
            return None

    @property
    def title(self) -> str:
        """What it is called."""
        return named(KINDS, self.run.kind) if self.order is None else named(ERRANDS, self.order.step)

    @property
    def by(self) -> str:
        """Who asked for it."""
        return str(SCHEDULE) if self.run.by == runs.SCHEDULE else self.run.by

    @property
    def stage(self) -> str:
        """What is being done, in the reader's language."""
        if self.run.state is State.RUNNING:
            return named(STAGES, self.run.stage)
        return named(STATES, self.run.state)

    @property
    def stages(self) -> tuple[tuple[str, bool], ...]:
        """What it goes through, and whether that is done."""
        names = runs.STAGES[self.run.kind]
        done = names.index(self.run.stage) if self.run.stage in names else 0
        ended = self.run.state is State.DONE
        return tuple((named(STAGES, name), ended or i < done) for i, name in enumerate(names))

    @property
    def again(self) -> str:
        """That it is not the first attempt; empty if it is."""
        if not self.run.open or self.run.attempt < 1 + (self.run.state is State.RUNNING):
            return ""
        if self.run.state is State.ASKED:
            return gettext("Its worker ended and gave it back. It will be begun anew.")
        return gettext(
            "Attempt %(attempt)s: a worker ended in the middle of it, so it was begun anew.", attempt=self.run.attempt
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """What it failed with."""
        return tuple((self.run.result or {}).get("problems", ()))

    @property
    def took(self) -> str:
        """How long its last attempt went on; empty while it does, and if there was none."""
        begun, ended = self.run.started_at, self.run.finished_at
        return format_timedelta(max(ended - begun, timedelta(0)), threshold=2) if begun and ended else ""

    @property
    def log(self) -> tuple[Line, ...]:
        """What happened, the oldest first."""
        return tuple(_lines(self.run.log))

    def told(self, n: Numbers) -> dict[str, Any]:
        """What a script shows of it."""
        return {
            "open": self.run.open,
            "state": named(STATES, self.run.state),
            "stage": self.stage,
            "progress": self.run.progress,
            "percent": n.percent(self.run.progress),
            "done": sum(done for _, done in self.stages),
            "attempt": self.run.attempt,
            "again": self.again,
            "log": [{"at": n.second(line.at), "text": line.said.text, "lang": line.said.lang} for line in self.log],
            "unattended": self.unattended,
        }


@dataclass(frozen=True, slots=True)
class Due:
    """A job that is asked for by itself: which, and when the next time."""

    kind: Kind
    at: datetime


def add(desk: Desk) -> None:
    """Add them to the desk."""
    backend = desk.backend

    @desk.page("/jobs")
    def jobs() -> str:
        before = request.args.get("before", "")
        beyond = int(before) if before.isdecimal() and len(before) < 16 else None
        found = _newest(backend, before=beyond, most=ON_A_PAGE + 1)
        return render_template(
            "desk/jobs.html",
            page="jobs",
            jobs=found[:ON_A_PAGE],
            more=len(found) > ON_A_PAGE,
            heard=_heard(newest(backend.engine, before=None, limit=ON_A_PAGE)),
            kinds=ON_REQUEST,
            due=due_of(backend.settings, g.now),
        )

    @desk.page("/jobs/<name>")
    def job(name: str) -> str:
        known = _known(backend, name)
        failed = known.run.state in {State.FAILED, State.CANCELLED}
        again = failed and known.run.kind in ON_REQUEST
        return render_template("desk/job.html", page="jobs", job=known, again=again)

    @desk.page("/jobs/<name>/progress")
    def progress(name: str) -> Answer:
        return jsonify(_known(backend, name).told(numbers_of(backend)))

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


def due_of(settings: Settings, now: datetime) -> tuple[Due, ...]:
    """What is asked for by itself, the next first."""
    zone = ZoneInfo(settings.time_zone)
    found = [Due(Kind(kind), following(at, zone, now=now)) for kind, at in settings.schedule.times.items()]
    return tuple(sorted(found, key=lambda due: due.at))


def _known(backend: Backend, name: str) -> Job:
    run = find(backend.engine, name) or abort(HTTPStatus.NOT_FOUND)
    return job_of(run, newest(backend.engine, before=None, limit=100), g.now, file=_file(backend, run))


def _newest(backend: Backend, *, before: int | None, most: int) -> list[Job]:
    found = newest(backend.engine, before=before, limit=most)
    return [job_of(run, found, g.now, file=_file(backend, run)) for run in found]


def job_of(run: Run, others: tuple[Run, ...], now: datetime, *, file: str = "") -> Job:
    """A run as it is shown beside the others."""
    return Job(run, _unattended(run, others, now), file)


def _file(backend: Backend, run: Run) -> str:
    """What the file that a job takes in is called; empty if there is none, or nobody knows any more."""
    upload = uploads.find(backend.root, run.arguments.get("upload", ""))
    return "" if upload is None else upload.name


def _lines(log: tuple[str, ...]) -> Iterator[Line]:
    for text in log:
        if found := LINE.fullmatch(text):
            yield Line(datetime.fromisoformat(found[1]).replace(tzinfo=UTC), _said(found[2]))


def _said(text: str) -> Said:
    """What a line of a log says: a stage, a state or a sentence."""
    for words in (STAGES, STATES):
        if text in words:
            return Said(named(words, text))
    return retold(text)


def _unattended(run: Run, others: tuple[Run, ...], now: datetime) -> bool:
    """Whether a run is open, and no worker holds any, for longer than a worker needs to take it up."""
    held = any(other.held(now) for other in (run, *others))
    since = max([run.asked_at, *(other.finished_at for other in others if other.finished_at is not None)])
    return run.open and not held and now - since > PATIENCE


def _heard(found: tuple[Run, ...]) -> datetime | None:
    """When a worker last began or ended something."""
    told = [at for run in found if run.worker for at in (run.started_at, run.finished_at) if at is not None]
    return max(told, default=None)
