"""The loop behind `fairfare worker`: takes jobs that were asked for and has each done in a process of its own.

Guarantees
----------
* A crash of what does the work ends that job, with what happened; the worker goes on.
* While a job runs its lease is renewed every second; a worker that can no longer renew it stops the work, so that one
  worker at a time is at it. No job takes longer than `LONGEST`.
* A job that is cancelled is stopped within seconds. A worker that is asked to end gives its job back.
* While the database is down the worker waits.
* What the schedule of the settings wants is asked for when it is due: once, also by many workers, and once for all the
  time that none was there.
"""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import structlog
from sqlalchemy import Engine

from api.schedule import latest
from api.settings import FILE, read_settings
from api.store.runs import LEASE, Kind, Run, State, Word, ask_when_due, claim, finish, give_back, report
from pricing.errors import FairfareError, UnavailableError

BEAT = 1.0
"""How often a worker says that it is alive, and looks for work [seconds]."""
LONGEST = timedelta(hours=2)
"""Longest a job may take."""

GRACE = 5.0
"""How long a process that is asked to end may put things in order [seconds]."""
MODULE = "api.work"

log = structlog.get_logger()


class Task(msgspec.Struct, frozen=True):
    """What the process that does a job is given: a `Run`'s kind, arguments and `by`, and the instant it is done at."""

    kind: Kind
    by: str
    now: datetime
    arguments: dict[str, str] = {}


class Told(msgspec.Struct):
    """What the process that does a job tells, a line each: how far it has come, and what came of it or what failed.

    `findings` are the places of the `problems`, as far as they have any and not without end; there are `found` of them.
    """

    stage: str = ""
    progress: float = 0.0
    result: dict[str, Any] | None = None
    problems: tuple[str, ...] | None = None
    findings: tuple[dict[str, Any], ...] = ()
    found: int = 0

    @property
    def last(self) -> bool:
        """Whether nothing follows."""
        return self.result is not None or self.problems is not None

    @property
    def places(self) -> dict[str, Any]:
        """Where the problems are, if they are somewhere."""
        return {"findings": list(self.findings), "found": self.found} if self.findings else {}


class Child:
    """The process that does a job, and what it has told so far."""

    def __init__(self, root: Path, task: Task) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # our own module
            [sys.executable, "-P", "-m", MODULE, str(root), msgspec.json.encode(task).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in a terminal is for the worker, which then ends it
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        )
        self.told = Told(stage="starting")
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        with self._process.stdout or io.BytesIO() as lines:
            for line in lines:
                with suppress(msgspec.MsgspecError):  # the last line of a process that was killed
                    self.told = msgspec.json.decode(line, type=Told)

    def ended(self, within: float) -> bool:
        """Whether the process has ended, and all it started with it, waiting a while for that [seconds]."""
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        self._signal(signal.SIGKILL)
        self._listener.join(GRACE)
        return True

    def end(self) -> None:
        """End it: kindly, then by force."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            self._signal(sign)
            if self.ended(GRACE):
                break
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _signal(self, sign: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, sign)

    def outcome(self) -> "Outcome":
        """What came of it."""
        if self.told.result is not None:
            return Outcome(State.DONE, self.told.result)
        if self.told.problems is not None:
            return _failed(*self.told.problems, **self.told.places)
        code = self._process.returncode
        how = f"by {signal.Signals(-code).name}; was there too little memory?" if code < 0 else f"with code {code}"
        return _failed(f"The process that did it ended {how}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended; without a state it did not, and is given back or another worker's by now."""

    state: State | None
    result: dict[str, Any] | None = None


GIVEN_BACK, LOST = Outcome(None, {}), Outcome(None)


def _failed(*problems: str, **places: Any) -> Outcome:  # noqa: ANN401  # see Told.places
    return Outcome(State.FAILED, {"problems": list(problems), **places})


class Worker:
    """Does the jobs of the workspace at `root` until `stopped` is set."""

    def __init__(
        self, engine: Engine, root: Path, *, name: str, now: Callable[[], datetime], stopped: threading.Event
    ) -> None:
        self._engine = engine
        self._root = root
        self._name = name
        self._now = now
        self._stopped = stopped
        self._due: dict[str, datetime] = {}
        self._hindrances: dict[str, FairfareError | None] = {}

    def work(self, *, once: bool) -> None:
        """Do what is asked for; `once`: until nothing more is."""
        while not self._stopped.is_set():
            if (run := self._take(patient=not once)) is not None:
                self._attend(run)
            elif once:
                return
            else:
                self._stopped.wait(BEAT)

    def _take(self, *, patient: bool) -> Run | None:
        self._keep_schedule()
        try:
            run = claim(self._engine, self._name, now=self._now())
        except UnavailableError as error:
            if not patient:
                raise
            self._hindered("no work can be looked for", error)
            return None
        self._hindered("no work can be looked for", None)
        return run

    def _keep_schedule(self) -> None:
        """Whatever forbids that for now, what was asked for is done."""
        try:
            self._ask_for_what_is_due()
        except FairfareError as error:
            self._hindered("the schedule cannot be kept", error)
        else:
            self._hindered("the schedule cannot be kept", None)

    def _hindered(self, what: str, error: FairfareError | None) -> None:
        """Say what goes wrong, once for as long as it does."""
        if error is not None and self._hindrances.get(what) is None:
            log.warning(what, reason=str(error))
        self._hindrances[what] = error

    def _ask_for_what_is_due(self) -> None:
        """Ask for what has fallen due since that was done last, in the order of time."""
        settings, now = read_settings(self._root / FILE), self._now()
        zone = ZoneInfo(settings.time_zone)
        due = {kind: latest(at, zone, now=now) for kind, at in settings.schedule.times.items()}
        for kind in sorted(due, key=lambda kind: due[kind]):
            if due[kind] != self._due.get(kind) and ask_when_due(self._engine, Kind(kind), due[kind], now=now):
                log.info("run asked for by the schedule", kind=kind, due=due[kind].isoformat())
            self._due[kind] = due[kind]

    def _attend(self, run: Run) -> None:
        log.info("run begun", run=run.id, kind=run.kind.value, attempt=run.attempt)
        child = Child(self._root, Task(run.kind, run.by, self._now(), run.arguments))
        try:
            outcome = self._watch(run, child)
        finally:
            child.end()
        self._record(run, outcome)

    def _watch(self, run: Run, child: Child) -> Outcome:
        begun = held = time.monotonic()
        while not child.ended(BEAT) and not (told := child.told).last:
            if self._stopped.is_set():
                return GIVEN_BACK
            if time.monotonic() - begun > LONGEST.total_seconds():
                return _failed(f"It took longer than {LONGEST}.")
            word = self._report(run, told)
            if word is Word.STOP:
                return Outcome(State.CANCELLED)
            if word is Word.GO_ON:
                held = time.monotonic()
            if word is Word.LOST or time.monotonic() - held > LEASE.total_seconds():
                return LOST
        return child.outcome()

    def _report(self, run: Run, told: Told) -> Word | None:
        """Say how far the job has come; None if that cannot be said now."""
        try:
            return report(self._engine, run, stage=told.stage, progress=told.progress, now=self._now())
        except UnavailableError as error:
            log.warning("progress cannot be recorded", run=run.id, reason=str(error))
            return None

    def _record(self, run: Run, outcome: Outcome) -> None:
        """Write down how a job ended; if that cannot be done before its lease ends, it will be begun again."""
        end = time.monotonic() + LEASE.total_seconds()
        while time.monotonic() < end:
            try:
                return self._write(run, outcome)
            except UnavailableError as error:
                log.warning("the end of a run cannot be recorded yet", run=run.id, reason=str(error))
                time.sleep(BEAT)
        return None

    def _write(self, run: Run, outcome: Outcome) -> None:
        if outcome is GIVEN_BACK:
            kept, how = give_back(self._engine, run, now=self._now()), "given back"
        elif outcome.state is not None:
            kept = finish(self._engine, run, outcome.state, outcome.result, now=self._now())
            how = outcome.state.value
        else:
            kept, how = False, "lost"
        log.info("run ended", run=run.id, how=how if kept else "another worker has it", result=outcome.result)
