"""First use: from an empty desk to the first recommendation, a file at a time.

Guarantees
----------
* A step is done when its table is in the workspace, however it came there.
* Where nothing has been on sale yet the desk opens here, and no longer once prices have been proposed.
"""

from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from pathlib import Path

from flask import abort, g, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from api import uploads as files
from api.http.backend import Backend
from api.pages.desk import Answer, Desk
from api.pages.jobs import Job, job_of
from api.pages.situation import Situation, situation
from api.pages.table_words import example
from api.pages.uploads import Paper, paper_of
from api.store.runs import Kind, State, ask, newest
from api.store.users import Role

LOOKED_AT = 50
"""Jobs and uploads among which those of the first use are looked for."""
OPTIONAL = {"events", "resources"}


@dataclass(frozen=True, slots=True)
class Step:
    """A file to be brought.

    Attributes
    ----------
    example : its header and some rows, as they might be
    waiting : one that was brought and is not in use yet
    """

    table: str
    done: bool
    example: tuple[tuple[str, ...], ...]
    waiting: Paper | None

    @property
    def optional(self) -> bool:
        """Whether there may be nothing to bring."""
        return self.table in OPTIONAL


@dataclass(frozen=True, slots=True)
class Start:
    """How far the first use has come.

    Attributes
    ----------
    learning, pricing : the latest jobs, if they were asked for
    """

    steps: tuple[Step, ...]
    learning: Job | None
    pricing: Job | None

    @property
    def ready(self) -> bool:
        """Whether there is enough to learn from."""
        return all(step.done or step.optional for step in self.steps)

    @property
    def current(self) -> str:
        """The first table that is still missing; empty if none is."""
        return next((step.table for step in self.steps if not step.done), "")

    @property
    def working(self) -> bool:
        """Whether prices are on their way."""
        return any(job is not None and job.run.open for job in (self.learning, self.pricing))

    @property
    def failed(self) -> Job | None:
        """The job that failed last, unless it is being tried again."""
        ended = [job for job in (self.learning, self.pricing) if job and job.run.state is State.FAILED]
        return ended[0] if ended and not self.working else None

    @property
    def proposal(self) -> str:
        """What came of it."""
        return str((self.pricing.run.result or {}).get("proposal", "")) if self.pricing else ""


def add(desk: Desk) -> None:
    """Add it to the desk."""
    backend = desk.backend

    @desk.page("/start")
    def start() -> Answer:
        at = start_of(backend, g.now.date())
        if at.proposal and not at.working:
            return redirect(url_for("desk.proposal", name=at.proposal))
        return render_template("desk/start.html", page="overview", start=at, limits=backend.settings.uploads)

    @desk.act("/start", role=Role.ANALYST)
    def begin() -> BaseResponse:
        at = start_of(backend, g.now.date())
        if not at.ready:
            abort(HTTPStatus.CONFLICT)
        if not at.working:
            for kind in (Kind.FIT, Kind.PRICE):
                ask(backend.engine, kind, by=g.session.user.name, now=backend.now())
        return redirect(url_for("desk.start"), HTTPStatus.SEE_OTHER)

    @desk.context_processor
    def setting_up() -> dict[str, object]:
        """How many tables are still to be brought, for those who have seen no proposal yet."""
        return {"setting_up": lambda: _is_new(situation(backend))}


def is_empty(backend: Backend) -> bool:
    """Whether nothing has been on sale yet, so that there is nothing to look at."""
    at = situation(backend)
    return _is_new(at) and not at.listings


def _is_new(at: Situation) -> bool:
    return at.proposal is None


def start_of(backend: Backend, today: date) -> Start:
    """How far the first use has come."""
    papers = [paper_of(backend, each) for each in files.newest(backend.root)[:LOOKED_AT]]
    steps = [
        Step(table, _is_there(backend.root, table), example(table, today), _waiting(papers, table))
        for table in ("sales", "events", "resources", "offers")
    ]
    runs = newest(backend.engine, before=None, limit=LOOKED_AT)
    jobs = {kind: next((job_of(run, runs, g.now) for run in runs if run.kind is kind), None) for kind in Kind}
    return Start(tuple(steps), jobs[Kind.FIT], jobs[Kind.PRICE])


def _is_there(root: Path, table: str) -> bool:
    history = root / "history"
    return any((history / "sales").glob("*.parquet")) if table == "sales" else (history / f"{table}.parquet").exists()


def _waiting(papers: list[Paper], table: str) -> Paper | None:
    latest = next((paper for paper in papers if paper.table and paper.table.name == table), None)
    return latest if latest and latest.state != "used" else None
