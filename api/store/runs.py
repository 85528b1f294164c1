"""Jobs as rows: what is to be done, who does it, how far it has come. `fairfare worker` does them.

Guarantees
----------
* Jobs are done one at a time, in the order they were asked for. Whoever does one holds a lease that it renews; a lease
  that ran out is taken over, so that a job outlives its worker. A worker that lost its lease can write nothing more.
* A clock that jumps may cost an attempt, never a job: a lease from further ahead than clocks differ holds nobody up.
* Progress never goes back within an attempt; a further attempt says that it is one. A job whose worker is lost in its
  `ATTEMPTS`th or a later attempt has failed; one that is given back has not.
* What a schedule asks for is asked for once, however many workers find that it is due.
* A finished job stays as it ended.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from api.store.database import reading, writing
from api.store.tables import runs
from pricing.errors import RefusedError

LEASE = timedelta(seconds=30)
"""How long a worker may be silent before its job is taken over."""
SKEW = LEASE
"""How far the clocks of two workers' machines may differ."""
ATTEMPTS = 5
"""Times a job that ends its worker is begun; it must not do so for ever."""
OPEN_AT_MOST = 100
"""Jobs that may wait or run at a time."""


class Kind(StrEnum):
    """What can be asked for."""

    INGEST = "ingest"
    FIT = "fit"
    PRICE = "price"
    REPORT = "report"
    SHOP = "shop"


class State(StrEnum):
    """How far a job has come."""

    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


STAGES: Mapping[Kind, tuple[str, ...]] = {
    Kind.INGEST: ("taking in the file",),
    Kind.FIT: (
        "reading the history",
        "fitting price response",
        "fitting booking curves",
        "fitting forecasts",
        "keeping what was learned",
    ),
    Kind.PRICE: ("optimizing prices",),
    Kind.REPORT: ("writing the report",),
    Kind.SHOP: ("talking to the shop",),
}
"""What each kind of job goes through; progress counts these, not seconds."""
ON_REQUEST = (Kind.FIT, Kind.PRICE, Kind.REPORT)
"""What needs no arguments, so that a word is enough to ask for it."""
OPEN = (State.ASKED.value, State.RUNNING.value)
SCHEDULE = "schedule"
"""Who asks for what is due."""
NOTHING: Mapping[str, str] = {}


class Word(StrEnum):
    """What a worker is told when it reports."""

    GO_ON = "go on"
    STOP = "stop"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Run:
    """A job.

    Attributes
    ----------
    number : order of arrival
    arguments : what it needs to know besides its kind; of an ingest: `upload`, the id of an `api.uploads.Upload`; of
        kind shop: an `api.errands.Order`
    attempt : times it was begun
    stage : what is being done
    progress : share of the stages done in this attempt, 0 to 1
    log : what happened, the oldest first
    result : what came of it, or the `problems` it failed with, and their places as `findings`
    by : who asked for it
    started_at : of this attempt
    cancel : whether somebody asked to stop it
    """

    number: int
    id: str
    kind: Kind
    arguments: dict[str, str]
    state: State
    attempt: int
    stage: str
    progress: float
    log: tuple[str, ...]
    result: dict[str, Any] | None
    by: str
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    worker: str | None
    lease_until: datetime | None
    cancel: bool

    @property
    def open(self) -> bool:
        """Whether it waits or runs."""
        return self.state.value in OPEN

    def held(self, now: datetime) -> bool:
        """Whether a worker has it."""
        return self.lease_until is not None and now < self.lease_until <= now + LEASE + SKEW


def ask(
    engine: Engine, kind: Kind, *, by: str, now: datetime, arguments: Mapping[str, str] = NOTHING, run_id: str = ""
) -> Run:
    """Have something done; it waits until a worker takes it.

    Parameters
    ----------
    arguments : see `Run`
    run_id : which no other job has; by default one of its own

    Raises
    ------
    RefusedError
        if too much is asked for already.
    """
    with writing(engine) as db:
        waiting = db.scalar(select(func.count()).select_from(runs).where(runs.c.state.in_(OPEN)))
        if (waiting or 0) >= OPEN_AT_MOST:
            raise RefusedError(f"{waiting} runs wait already; is a worker running (fairfare worker)?")
        run_id = run_id or f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
        row = {
            "id": run_id,
            "kind": kind.value,
            "arguments": _encode(arguments),
            "state": State.ASKED.value,
            "attempt": 0,
            "stage": "waiting for a worker",
            "progress": 0.0,
            "log": _encode([_line(now, f"asked for by {by}")]),
            "by": by,
            "asked_at": now,
            "cancel": 0,
        }
        db.execute(insert(runs).values(row))
        return _known(db, run_id)


def ask_when_due(engine: Engine, kind: Kind, due: datetime, *, now: datetime) -> Run | None:
    """Have something done that is due since an instant; None if it was asked for already; errors as of `ask`."""
    run_id = f"{due:%Y%m%d-%H%M%S}-{kind.value}"
    if find(engine, run_id) is not None:  # as in claim
        return None
    with writing(engine) as db:
        return None if _find(db, run_id) else ask(engine, kind, by=SCHEDULE, now=now, run_id=run_id)


def find(engine: Engine, run_id: str) -> Run | None:
    """A job, if there is one of that id."""
    with reading(engine) as db:
        return _find(db, run_id)


def newest(engine: Engine, *, before: int | None, limit: int, kind: Kind | None = None) -> tuple[Run, ...]:
    """Up to `limit` jobs, the newest first.

    Parameters
    ----------
    before : only those with a smaller number
    kind : only those of this kind
    """
    wanted = select(runs).order_by(runs.c.number.desc()).limit(limit)
    if kind is not None:
        wanted = wanted.where(runs.c.kind == kind.value)
    with reading(engine) as db:
        found = db.execute(wanted if before is None else wanted.where(runs.c.number < before))
        return tuple(map(_run, found))


def cancel(engine: Engine, run_id: str, *, by: str, now: datetime) -> Run:
    """Take a job that waits from the queue; have the worker of one that runs stop it.

    Raises
    ------
    RefusedError
        if there is no such job, or it has finished.
    """
    with writing(engine) as db:
        run = _known(db, run_id)
        if not run.open:
            raise RefusedError(f"run {run_id} is {run.state.value} already")
        if not run.cancel:
            _write(db, run, now, f"cancelled by {by}", cancel=1)
        if run.state is State.ASKED:
            _end(db, _known(db, run_id), State.CANCELLED, None, now)
        return _known(db, run_id)


def claim(engine: Engine, worker: str, *, now: datetime) -> Run | None:
    """Take the job that is due, for `LEASE`; None if there is none, or another worker is at one.

    Parameters
    ----------
    worker : a name that no other worker has
    """
    wanted = select(runs).where(runs.c.state.in_(OPEN)).order_by(runs.c.number)
    with reading(engine) as db:  # whoever waits for work does not hold up those who write
        if db.execute(wanted.limit(1)).first() is None:
            return None
    with writing(engine) as db:
        for run in map(_run, db.execute(wanted).all()):
            if run.held(now):
                return None
            if run.cancel:
                _end(db, run, State.CANCELLED, None, now)
            elif run.state is State.RUNNING and run.attempt >= ATTEMPTS:
                told = f"It was begun {run.attempt} times, and its worker ended in the middle of it."
                _end(db, run, State.FAILED, {"problems": [told]}, now)
            else:
                return _begin(db, run, worker, now)
    return None


def _begin(db: Connection, run: Run, worker: str, now: datetime) -> Run:
    lost = f"; worker {run.worker} has not been heard of" if run.state is State.RUNNING else ""
    begun = {
        "state": State.RUNNING.value,
        "attempt": run.attempt + 1,
        "stage": "starting",
        "progress": 0.0,
        "started_at": now,
        "worker": worker,
        "lease_until": now + LEASE,
    }
    _write(db, run, now, f"attempt {run.attempt + 1}, by worker {worker}{lost}", **begun)
    return _known(db, run.id)


def report(engine: Engine, run: Run, *, stage: str, progress: float, now: datetime) -> Word:
    """Say how far a job has come, and hold it for `LEASE` more; the answer says whether to go on."""
    with writing(engine) as db:
        if (current := _held(db, run)) is None:
            return Word.LOST
        if current.cancel:
            return Word.STOP
        further = {"stage": stage, "progress": max(current.progress, progress), "lease_until": now + LEASE}
        _write(db, current, now, None if stage == current.stage else stage, **further)
        return Word.GO_ON


def finish(engine: Engine, run: Run, state: State, result: Mapping[str, Any] | None, *, now: datetime) -> bool:
    """End a job; whether it still was this worker's to end."""
    with writing(engine) as db:
        if (current := _held(db, run)) is None:
            return False
        _end(db, current, state, result, now)
        return True


def give_back(engine: Engine, run: Run, *, now: datetime) -> bool:
    """Let another worker begin anew with a job; whether it still was this worker's to give."""
    with writing(engine) as db:
        if (current := _held(db, run)) is None:
            return False
        free = {"state": State.ASKED.value, "stage": "waiting for a worker", "progress": 0.0, "lease_until": None}
        _write(db, current, now, f"given back by worker {run.worker}, which ends", **free)
        return True


def _held(db: Connection, run: Run) -> Run | None:
    """The job as it is now, if it still is with the worker that began this attempt."""
    current = _known(db, run.id)
    mine = (current.worker, current.attempt, current.state) == (run.worker, run.attempt, State.RUNNING)
    return current if mine else None


def _end(db: Connection, run: Run, state: State, result: Mapping[str, Any] | None, now: datetime) -> None:
    ended: dict[str, Any] = {
        "state": state.value,
        "stage": state.value,
        "finished_at": now,
        "lease_until": None,
        "result": None if result is None else _encode(result),
    }
    if state is State.DONE:
        ended["progress"] = 1.0
    _write(db, run, now, state.value, **ended)


def _write(db: Connection, run: Run, now: datetime, line: str | None, **changed: Any) -> None:  # noqa: ANN401  # values of columns
    if line is not None:
        changed["log"] = _encode([*run.log, _line(now, line)])
    db.execute(update(runs).where(runs.c.id == run.id).values(changed))


def _line(now: datetime, text: str) -> str:
    return f"{now:%Y-%m-%d %H:%M:%S} UTC {text}"


def _encode(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _find(db: Connection, run_id: str) -> Run | None:
    row = db.execute(select(runs).where(runs.c.id == run_id)).first()
    return None if row is None else _run(row)


def _known(db: Connection, run_id: str) -> Run:
    if (run := _find(db, run_id)) is None:
        raise RefusedError(f"there is no run {run_id}")
    return run


def _run(row: Row[Any]) -> Run:
    return msgspec.convert(
        {field.name: getattr(row, field.name) for field in fields(Run)}
        | {
            "arguments": msgspec.json.decode(row.arguments),
            "log": msgspec.json.decode(row.log),
            "result": None if row.result is None else msgspec.json.decode(row.result),
            "cancel": bool(row.cancel),
        },
        Run,
    )
