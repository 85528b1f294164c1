"""A worker does what was asked for, and outlives what does it."""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from api import jobs
from api.clock import utc_now
from api.jobs import Worker
from api.settings import FILE, default_text
from api.store.database import open_database, open_existing
from api.store.runs import LEASE, SCHEDULE, Kind, Run, State, Word, ask, cancel, find, newest
from api.workspace import Workspace
from pricing.errors import UnavailableError
from tests.api.test_workspace import NOW, OFFERS, SALES, Bring

REPOSITORY = Path(__file__).parents[2]
RUNNING = 'import time\nprint(\'{"stage": "halfway", "progress": 0.5}\', flush=True)\ntime.sleep(120)\n'


@pytest.fixture
def engine(place: Workspace) -> Engine:
    """The database of an empty workspace."""
    return open_database(place.database)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch, place: Workspace) -> Callable[[str], None]:
    """Have jobs do what a script says."""
    monkeypatch.setattr(jobs, "MODULE", "tests.api.scripted_work")
    monkeypatch.setattr(jobs, "BEAT", 0.1)

    def write(script: str) -> None:
        (place.root / "job.py").write_text(script)

    return write


def worker(
    place: Workspace,
    engine: Engine,
    stopped: threading.Event | None = None,
    now: Callable[[], datetime] = utc_now,
) -> Worker:
    """A worker in this process."""
    return Worker(engine, place.root, name="here", now=now, stopped=stopped or threading.Event())


@contextlib.contextmanager
def working(made: Worker, stopped: threading.Event) -> Iterator[None]:
    """A worker in a thread of its own while the block runs; afterwards it is asked to end, and has to."""
    thread = threading.Thread(target=lambda: made.work(once=False))
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(20)
        assert not thread.is_alive()


def until(engine: Engine, run: Run, holds: Callable[[Run], bool]) -> Run:
    """The job, as soon as something holds for it (within 30 s)."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if (found := find(engine, run.id)) is not None and holds(found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"it never came to that: {find(engine, run.id)}")


def with_sales(place: Workspace, bring: Bring) -> None:
    """What there must be to fit and price."""
    place.ingest("sales", bring(SALES, "sales.csv"), by="me", now=NOW)
    place.ingest("offers", bring(OFFERS, "offers.csv"), by="me", now=NOW)


def test_a_fit_and_prices_are_made_in_turn(place: Workspace, bring: Bring, engine: Engine) -> None:
    """And each says what came of it; the prices are made with that fit."""
    with_sales(place, bring)
    asked = [ask(engine, kind, by="ann", now=utc_now()) for kind in (Kind.FIT, Kind.PRICE)]
    worker(place, engine).work(once=True)
    fit, price = (until(engine, run, lambda _: True) for run in asked)
    assert [(run.state, run.progress) for run in (fit, price)] == [(State.DONE, 1.0)] * 2
    proposal = place.book.latest_proposal()
    assert proposal is not None
    made = {"model_version": proposal.provenance.model_version, "price_responses": {"not-identified": 1}}
    assert fit.result == made
    assert price.result == {"proposal": proposal.id, "decisions": {"move": 0, "keep": 0, "held": 1}}


def test_a_worker_killed_in_the_middle_of_a_fit_is_replaced_by_another(
    place: Workspace, bring: Bring, engine: Engine
) -> None:
    """What it had started dies with it; the other says that it is the second attempt, and finishes."""
    with_sales(place, bring)
    run = ask(engine, Kind.FIT, by="ann", now=utc_now())
    code = "import sys; from api.cli import main; sys.argv[0] = 'fairfare'; main()"
    command = [sys.executable, "-c", code, "worker", "--workspace", str(place.root)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL) as process:
        until(engine, run, lambda run: run.state is State.RUNNING)
        child = child_of(process.pid)
        process.kill()
    gone(child)
    assert not (place.fits / "current.json").exists(), "it went on without its worker"
    worker(place, engine).work(once=True)
    left = until(engine, run, lambda _: True)
    assert (left.state, left.attempt) == (State.RUNNING, 1), "its lease has not run out"
    worker(place, engine, now=lambda: utc_now() + LEASE).work(once=True)
    done = until(engine, run, lambda _: True)
    assert (done.state, done.attempt, done.worker) == (State.DONE, 2, "here")
    assert any("attempt 2" in line and "not been heard of" in line for line in done.log)
    assert (place.fits / "current.json").exists()


def child_of(process: int) -> int:
    """The process that another has started (Linux)."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for task in Path(f"/proc/{process}/task").iterdir():
            if children := (task / "children").read_text().split():
                return int(children[0])
        time.sleep(0.02)
    raise AssertionError("it has started nothing")


def gone(process: int) -> None:
    """Wait until a process has ended (within 20 s)."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            stat = Path(f"/proc/{process}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        if stat.rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("it still runs")


def test_a_worker_that_is_asked_to_end_gives_its_job_back(
    place: Workspace, engine: Engine, scripted: Callable[[str], None]
) -> None:
    """At once another can begin it anew; what was started has ended."""
    scripted(RUNNING)
    stopped = threading.Event()
    run = ask(engine, Kind.FIT, by="ann", now=utc_now())
    with working(worker(place, engine, stopped), stopped):
        assert until(engine, run, lambda run: run.stage == "halfway").progress == 0.5
    back = until(engine, run, lambda _: True)
    assert (back.state, back.lease_until, back.progress) == (State.ASKED, None, 0.0)
    scripted("print('{\"result\": {}}')")
    worker(place, engine).work(once=True)
    done = until(engine, run, lambda _: True)
    assert (done.state, done.attempt) == (State.DONE, 2)


def test_what_is_due_is_done_and_made_up_for_once(
    place: Workspace, engine: Engine, scripted: Callable[[str], None]
) -> None:
    """In the order it fell due, by workers that come and go; what fell due while there was none for days, once."""
    scripted("print('{\"result\": {}}')")
    day = timedelta(days=1)
    for now, asked in ((NOW, 2), (NOW, 2), (NOW + timedelta(hours=1), 2), (NOW + 5 * day, 4), (NOW + 6 * day, 6)):
        (place.root / FILE).write_text(f'{default_text()}\n[schedule]\nprice = "09:00"\nfit = "09:00"\n')
        for _ in range(2):
            worker(place, engine, now=lambda now=now: now).work(once=True)  # type: ignore[misc]  # bound at once
        found = newest(engine, before=None, limit=9)
        assert len(found) == asked
        assert {run.state for run in found} == {State.DONE}
        assert [(run.kind, run.by) for run in found[:2]] == [(Kind.PRICE, SCHEDULE), (Kind.FIT, SCHEDULE)]


@pytest.mark.parametrize("wrong", ['[schedule]\nfit = "25:00"', "this is no TOML"])
def test_settings_that_cannot_be_used_stop_no_job(
    place: Workspace, engine: Engine, scripted: Callable[[str], None], wrong: str
) -> None:
    """What was asked for is done; only nothing is asked for by itself."""
    scripted("print('{\"result\": {}}')")
    run = ask(engine, Kind.FIT, by="ann", now=utc_now())
    (place.root / FILE).write_text(wrong)
    worker(place, engine).work(once=True)
    assert until(engine, run, lambda _: True).state is State.DONE


def test_the_command_ends_cleanly_when_it_is_told_to(place: Workspace) -> None:
    """As a service manager does, with SIGTERM."""
    code = "import sys; from api.cli import main; sys.argv[0] = 'fairfare'; main()"
    command = [sys.executable, "-c", code, "worker", "--workspace", str(place.root)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert b"Waiting for runs" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_job_that_is_cancelled_is_stopped(place: Workspace, engine: Engine, scripted: Callable[[str], None]) -> None:
    """With everything it started; the worker goes on to the next."""
    scripted(f"import os\nopen({str(place.root / 'pid')!r}, 'w').write(str(os.getpid()))\n{RUNNING}")
    stopped = threading.Event()
    run = ask(engine, Kind.FIT, by="ann", now=utc_now())
    with working(worker(place, engine, stopped), stopped):
        until(engine, run, lambda run: run.stage == "halfway")
        scripted('print(\'{"result": {"fine": true}}\')')
        following = ask(engine, Kind.FIT, by="ann", now=utc_now())
        cancel(engine, run.id, by="bob", now=utc_now())
        ended = until(engine, run, lambda run: not run.open)
        until(engine, following, lambda run: run.result == {"fine": True})
    assert (ended.state, ended.progress) == (State.CANCELLED, 0.5)
    gone(int((place.root / "pid").read_text()))


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL; was there too little memory?"),
        ("import os; os.abort()", "SIGABRT"),
        ("import sys; sys.exit(3)", "with code 3"),
        ("print('{', flush=True)", "with code 0"),
    ],
)
def test_a_crash_ends_the_job_and_not_the_worker(
    place: Workspace, engine: Engine, scripted: Callable[[str], None], script: str, told: str
) -> None:
    """However the model library ends its process."""
    scripted(script)
    first, second = (ask(engine, Kind.FIT, by="ann", now=utc_now()) for _ in range(2))
    worker(place, engine).work(once=True)
    for run in (first, second):
        failed = until(engine, run, lambda _: True)
        assert failed.state is State.FAILED
        assert failed.result is not None
        assert told in failed.result["problems"][0]


def test_no_job_goes_on_for_ever(
    place: Workspace, engine: Engine, scripted: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that does not listen."""
    monkeypatch.setattr(jobs, "LONGEST", timedelta(seconds=0.5))
    monkeypatch.setattr(jobs, "GRACE", 0.5)
    scripted("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + RUNNING)
    run = ask(engine, Kind.FIT, by="ann", now=utc_now())
    worker(place, engine).work(once=True)
    failed = until(engine, run, lambda _: True)
    assert failed.state is State.FAILED
    assert failed.result == {"problems": ["It took longer than 0:00:00.500000."]}


def test_a_database_that_is_away_for_a_moment_does_not_stop_a_job(
    place: Workspace, engine: Engine, scripted: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its progress nor its end is lost."""
    calls, real = iter(range(100)), {name: getattr(jobs, name) for name in ("report", "finish")}

    def away(name: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            if next(calls) in {0, 1, 4}:
                raise UnavailableError("away")
            return real[name](*args, **named)

        return call

    for name in real:
        monkeypatch.setattr(jobs, name, away(name))
    scripted("import time; time.sleep(0.5); print('{\"result\": {}}')")
    run = ask(engine, Kind.FIT, by="ann", now=utc_now())
    worker(place, engine).work(once=True)
    assert until(engine, run, lambda _: True).state is State.DONE


def test_a_worker_makes_no_database_where_one_was_moved_away(place: Workspace) -> None:
    """It waits until that is back."""
    assert isinstance(place.database, Path)
    place.database.unlink()
    with pytest.raises(UnavailableError):
        worker(place, open_existing(place.database)).work(once=True)
    assert not place.database.exists()


@pytest.mark.parametrize("lost", ["lease", "database"])
def test_a_worker_that_lost_its_lease_stops_the_work(
    place: Workspace,
    engine: Engine,
    scripted: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    lost: str,
) -> None:
    """Another has it, or could have it; nothing is written any more."""
    scripted(f"import os\nopen({str(place.root / 'pid')!r}, 'w').write(str(os.getpid()))\n{RUNNING}")
    run = ask(engine, Kind.FIT, by="ann", now=utc_now())

    def refuse(*_: Any, **__: Any) -> Word:
        if not (place.root / "pid").exists():
            return Word.GO_ON
        if lost == "lease":
            return Word.LOST
        raise UnavailableError("away")

    monkeypatch.setattr(jobs, "report", refuse)
    monkeypatch.setattr(jobs, "LEASE", timedelta(seconds=1))
    made = worker(place, engine)
    made.work(once=True)
    gone(int((place.root / "pid").read_text()))
    assert until(engine, run, lambda _: True).state is State.RUNNING


def test_what_a_job_started_ends_with_it(place: Workspace, engine: Engine, scripted: Callable[[str], None]) -> None:
    """Also when it crashed and left a process behind that does not listen."""
    left = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"open({str(place.root / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(120)"
    )
    script = (
        "import os, pathlib, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {left!r}])\n"
        f"pid = pathlib.Path({str(place.root / 'pid')!r})\n"
        "while not (pid.exists() and pid.read_text()):\n    time.sleep(0.05)\n"
        "os.abort()\n"
    )
    scripted(script)
    ask(engine, Kind.FIT, by="ann", now=utc_now())
    worker(place, engine).work(once=True)
    gone(int((place.root / "pid").read_text()))
