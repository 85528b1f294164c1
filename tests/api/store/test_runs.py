"""A job is done once, by one worker at a time, whatever becomes of workers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from api.store.database import open_database
from api.store.migrations import upgrade
from api.store.runs import (
    ATTEMPTS,
    LEASE,
    OPEN_AT_MOST,
    SCHEDULE,
    SKEW,
    Kind,
    Run,
    State,
    Word,
    ask,
    ask_when_due,
    cancel,
    claim,
    find,
    finish,
    give_back,
    newest,
    report,
)
from pricing.errors import RefusedError
from tests.api.store.book_kit import NOW, Home, place_in

SECOND = timedelta(seconds=1)


@pytest.fixture
def engine(home: Home) -> Engine:
    """An empty database."""
    made = open_database(place_in(home))
    upgrade(made)
    return made


def asked(engine: Engine, kind: Kind = Kind.FIT) -> Run:
    """A job that waits."""
    return ask(engine, kind, by="ann", now=NOW)


def begun(engine: Engine, worker: str = "one") -> Run:
    """The job that is due, taken."""
    run = claim(engine, worker, now=NOW)
    assert run is not None
    return run


def now_of(engine: Engine, run: Run) -> Run:
    """A job as it stands."""
    found = find(engine, run.id)
    assert found is not None
    return found


def test_jobs_are_done_one_at_a_time_in_the_order_asked_for(engine: Engine) -> None:
    """A price that was asked for after a fit is made with that fit, however many workers there are."""
    first, second = asked(engine), asked(engine, Kind.PRICE)
    run = begun(engine)
    assert run.id == first.id
    assert claim(engine, "two", now=NOW) is None
    assert finish(engine, run, State.DONE, {"model_version": "f1"}, now=NOW)
    assert begun(engine, "two").id == second.id
    done = now_of(engine, first)
    assert (done.state, done.progress, done.result) == (State.DONE, 1.0, {"model_version": "f1"})


def test_of_many_workers_one_takes_a_job(engine: Engine) -> None:
    """All at once."""
    asked(engine)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda name: claim(engine, name, now=NOW), map(str, range(8))))
    assert len([run for run in taken if run is not None]) == 1


def test_a_lease_that_ran_out_is_taken_over_and_the_old_worker_can_write_nothing_more(engine: Engine) -> None:
    """Whether it was killed or only slept."""
    asked(engine)
    old = begun(engine)
    assert claim(engine, "two", now=NOW + LEASE - SECOND) is None
    new = claim(engine, "two", now=NOW + LEASE)
    assert new is not None
    assert (new.attempt, new.progress, new.worker) == (2, 0.0, "two")
    assert "attempt 2" in new.log[-1]
    assert "worker one has not been heard of" in new.log[-1]
    assert report(engine, old, stage="fitting", progress=0.9, now=NOW) is Word.LOST
    assert not finish(engine, old, State.DONE, {}, now=NOW)
    assert not give_back(engine, old, now=NOW)
    assert now_of(engine, new) == new


def test_a_report_holds_the_lease(engine: Engine) -> None:
    """So a long job is not taken over."""
    asked(engine)
    run = begun(engine)
    assert report(engine, run, stage="fitting", progress=0.2, now=NOW + LEASE - SECOND) is Word.GO_ON
    assert claim(engine, "two", now=NOW + 2 * LEASE - 2 * SECOND) is None


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.floats(0, 1), max_size=5))
def test_progress_never_goes_back_within_an_attempt(engine: Engine, told: list[float]) -> None:
    """Whatever is reported, in whatever order."""
    asked(engine)
    run, last = begun(engine), 0.0
    for progress in told:
        report(engine, run, stage="fitting", progress=progress, now=NOW)
        seen = now_of(engine, run).progress
        assert last <= seen <= 1
        last = seen
    assert finish(engine, run, State.FAILED, {"problems": ["x"]}, now=NOW)
    assert now_of(engine, run).progress == last


def test_a_job_given_back_is_begun_anew(engine: Engine) -> None:
    """At once, without waiting for the lease."""
    asked(engine)
    run = begun(engine)
    assert give_back(engine, run, now=NOW)
    again = begun(engine, "two")
    assert (again.id, again.attempt) == (run.id, 2)


def test_a_job_that_ends_its_worker_each_time_fails_in_the_end(engine: Engine) -> None:
    """And the next one gets its turn."""
    bad, good = asked(engine), asked(engine, Kind.PRICE)
    for attempt in range(ATTEMPTS):
        run = claim(engine, f"worker {attempt}", now=NOW + attempt * LEASE)
        assert run is not None
        assert run.id == bad.id
    taken = claim(engine, "last", now=NOW + ATTEMPTS * LEASE)
    assert taken is not None
    assert taken.id == good.id
    failed = now_of(engine, bad)
    assert failed.state is State.FAILED
    assert failed.result == {"problems": [f"It was begun {ATTEMPTS} times, and its worker ended in the middle of it."]}


def test_a_job_that_is_given_back_does_not_fail_for_that(engine: Engine) -> None:
    """However often its workers are stopped: each ends it in good order."""
    asked(engine)
    for attempt in range(1, ATTEMPTS + 3):
        run = begun(engine, f"worker {attempt}")
        assert run.attempt == attempt
        assert give_back(engine, run, now=NOW)
    lost = begun(engine)
    assert claim(engine, "two", now=NOW + LEASE) is None
    assert now_of(engine, lost).state is State.FAILED


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=400)])
def test_a_clock_that_is_set_back_holds_nobody_up(engine: Engine, jump: timedelta) -> None:
    """A lease from a clock that was ahead is no lease; one from a clock that differs a little is."""
    asked(engine)
    old = claim(engine, "one", now=NOW + jump)
    assert old is not None
    new = begun(engine, "two")
    assert (new.id, new.attempt) == (old.id, 2)
    assert report(engine, old, stage="fitting", progress=0.9, now=NOW) is Word.LOST
    assert claim(engine, "three", now=NOW - SKEW) is None


def test_of_many_workers_one_asks_for_what_is_due(engine: Engine) -> None:
    """All at once; the next day it is due again, and another kind at the same time is another job."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ask_when_due(engine, Kind.FIT, NOW, now=NOW), range(8)))
    (run,) = (each for each in made if each is not None)
    assert (run.kind, run.by, run.arguments) == (Kind.FIT, SCHEDULE, {})
    assert ask_when_due(engine, Kind.PRICE, NOW, now=NOW) is not None
    assert ask_when_due(engine, Kind.FIT, NOW + timedelta(days=1), now=NOW) is not None
    assert len(newest(engine, before=None, limit=9)) == 3


def test_a_job_that_was_due_is_not_asked_for_again_once_it_has_ended(engine: Engine) -> None:
    """However it ended."""
    run = ask_when_due(engine, Kind.FIT, NOW, now=NOW)
    assert run is not None
    cancel(engine, run.id, by="bob", now=NOW)
    assert ask_when_due(engine, Kind.FIT, NOW, now=NOW + timedelta(hours=5)) is None


def test_a_job_keeps_what_it_is_to_work_on(engine: Engine) -> None:
    """Whoever takes it is told."""
    ask(engine, Kind.INGEST, by="ann", now=NOW, arguments={"upload": "u1"})
    assert begun(engine).arguments == {"upload": "u1"}


def test_a_job_that_waits_is_cancelled_at_once(engine: Engine) -> None:
    """No worker takes it."""
    run = asked(engine)
    assert cancel(engine, run.id, by="bob", now=NOW).state is State.CANCELLED
    assert claim(engine, "one", now=NOW) is None
    assert any("cancelled by bob" in line for line in now_of(engine, run).log)


def test_the_worker_of_a_job_that_is_cancelled_is_told_to_stop(engine: Engine) -> None:
    """And if it is gone, whoever comes next ends the job."""
    asked(engine)
    run = begun(engine)
    assert cancel(engine, run.id, by="bob", now=NOW).state is State.RUNNING
    assert cancel(engine, run.id, by="bob", now=NOW).state is State.RUNNING
    assert report(engine, run, stage="fitting", progress=0.5, now=NOW) is Word.STOP
    assert claim(engine, "two", now=NOW + LEASE) is None
    assert now_of(engine, run).state is State.CANCELLED


@pytest.mark.parametrize("state", [State.DONE, State.FAILED, State.CANCELLED])
def test_a_finished_job_stays_as_it_ended(engine: Engine, state: State) -> None:
    """It is neither cancelled, nor reported on, nor ended again."""
    asked(engine)
    run = begun(engine)
    assert finish(engine, run, state, {}, now=NOW)
    ended = now_of(engine, run)
    with pytest.raises(RefusedError, match="already"):
        cancel(engine, run.id, by="bob", now=NOW)
    assert report(engine, run, stage="fitting", progress=0.5, now=NOW) is Word.LOST
    assert not finish(engine, run, State.FAILED, {}, now=NOW)
    assert claim(engine, "two", now=NOW + LEASE) is None
    assert now_of(engine, run) == ended


def test_jobs_are_listed_the_newest_first_page_by_page(engine: Engine) -> None:
    """Each once."""
    made = [asked(engine).id for _ in range(5)]
    seen: list[str] = []
    before = None
    while page := newest(engine, before=before, limit=2):
        seen += [run.id for run in page]
        before = page[-1].number
    assert seen == made[::-1]


def test_too_much_cannot_be_asked_for(new_home: Callable[[], Home]) -> None:
    """A hundred jobs that wait say that nobody does them."""
    engine = open_database(place_in(new_home()))
    upgrade(engine)
    for _ in range(OPEN_AT_MOST):
        asked(engine)
    with pytest.raises(RefusedError, match="is a worker running"):
        asked(engine)


def test_there_may_be_no_such_job(engine: Engine) -> None:
    """Which is said."""
    assert find(engine, "nope") is None
    with pytest.raises(RefusedError, match="no run nope"):
        cancel(engine, "nope", by="bob", now=NOW)
