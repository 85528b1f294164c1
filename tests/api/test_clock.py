"""The clock that prices are served by never goes back, and no jump of the machine's clock moves it at once."""

import copy
import time
from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from api.clock import JUMP, PATIENCE, SteadyClock, uptime, utc_now
from tests.api.clocks import Machine
from tests.api.store.book_kit import NOW

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
LASTING = timedelta(seconds=PATIENCE)


def follow(clock: SteadyClock, machine: Machine, during: timedelta) -> None:
    """Let time pass, and the clock look at the wall every half minute, as a server does more often."""
    end = machine.uptime + during.total_seconds()
    while machine.uptime < end:
        machine.wait(min(30 * SECOND, timedelta(seconds=end - machine.uptime)))
        clock.follow()


def test_it_is_the_machines_clock() -> None:
    """Now, in UTC, and it goes on."""
    clock = SteadyClock()
    before, now, after = utc_now(), clock.now(), utc_now()
    assert before - SECOND < now < after + SECOND
    assert now.tzinfo is UTC
    time.sleep(0.01)
    assert clock.now() > now


def test_corrections_are_followed() -> None:
    """Forward at once; back by standing still until the wall has caught up."""
    machine = Machine()
    clock = machine.clock()
    machine.jump(SECOND)
    clock.follow()
    assert clock.now() == NOW + SECOND
    machine.jump(-SECOND)
    clock.follow()
    assert clock.now() == NOW + SECOND
    machine.wait(3 * SECOND)
    clock.follow()
    assert clock.now() == NOW + 3 * SECOND == machine.wall


@pytest.mark.parametrize("jump", [DAY, -HOUR, -DAY, 3 * SECOND, -3 * SECOND, 40 * 365 * DAY], ids=str)
def test_a_jump_is_refused_until_it_has_lasted(jump: timedelta) -> None:
    """Said once; undone in time nothing was ever different; lasting, the clock follows but never goes back."""
    machine = Machine()
    clock = machine.clock()
    with capture_logs() as logs:
        machine.jump(jump)
        follow(clock, machine, LASTING - 30 * SECOND)
        assert clock.now() == NOW + LASTING - 30 * SECOND
        assert [line["seconds"] for line in logs] == [jump.total_seconds()]
        machine.jump(-jump)
        follow(clock, machine, LASTING)
        assert clock.now() == machine.wall
        machine.jump(jump)
        before = clock.now()
        follow(clock, machine, LASTING + 30 * SECOND)
    assert len(logs) == 3
    assert clock.now() == max(machine.wall, before + LASTING + 30 * SECOND)


def test_a_clock_that_jumps_about_is_not_followed() -> None:
    """Another jump every minute: each has to last by itself."""
    machine = Machine()
    clock = machine.clock()
    for i in range(20):
        machine.jump(HOUR if i % 2 else -HOUR)
        follow(clock, machine, 60 * SECOND)
    assert clock.now() == NOW + timedelta(minutes=20)


def test_a_machine_that_slept_wakes_up_at_the_right_time() -> None:
    """Its uptime goes on; where it stood still with the machine, the clock is right after a while, and never before."""
    machine = Machine()
    clock = machine.clock()
    machine.wait(8 * HOUR)
    assert clock.now() == machine.wall
    machine.jump(8 * HOUR)  # uptime stopped
    follow(clock, machine, LASTING - 30 * SECOND)
    assert clock.now() < machine.wall - 7 * HOUR
    follow(clock, machine, 60 * SECOND)
    assert clock.now() == machine.wall


def test_what_was_dated_has_happened() -> None:
    """A publication that another machine dated a minute ahead is in force; the clock waits there for the time."""
    machine = Machine()
    clock = machine.clock()
    clock.reach(NOW + 60 * SECOND)
    assert clock.now() == NOW + 60 * SECOND
    clock.reach(NOW)
    machine.wait(30 * SECOND)
    clock.follow()
    assert clock.now() == NOW + 60 * SECOND
    machine.wait(31 * SECOND)
    assert clock.now() == machine.wall == NOW + 61 * SECOND


def test_where_the_database_has_a_clock_that_one_counts() -> None:
    """A wall clock that is set wrong for good changes nothing while the database's goes on."""
    machine = Machine()
    clock = machine.clock()
    machine.jump(DAY)
    for _ in range(30):
        machine.wait(30 * SECOND)
        clock.follow(machine.wall - DAY)
    assert clock.now() == machine.wall - DAY


def test_a_worker_started_again_goes_on_from_the_same_clock() -> None:
    """It has what the server had when it started, and so refuses the jump the others refuse."""
    machine = Machine()
    server = machine.clock()
    machine.wait(HOUR)
    machine.jump(DAY)
    worker = copy.copy(server)
    with capture_logs():
        worker.follow()
    assert worker.now() == NOW + HOUR


steps = st.tuples(
    st.sampled_from(["wait", "jump", "reach"]),
    st.one_of(st.floats(-5, 5), st.floats(-1e5, 1e5)).map(lambda seconds: timedelta(seconds=seconds)),
)


@given(st.lists(steps, max_size=40))
def test_it_never_goes_back_and_never_runs_ahead(made: list[tuple[str, timedelta]]) -> None:
    """Whatever is done to the wall clock; ahead of the time that passed it is by corrections and dates only."""
    machine = Machine()
    clock = machine.clock()
    last, latest = clock.now(), NOW
    with capture_logs():
        for kind, delta in made:
            if kind == "wait":
                machine.wait(abs(delta) / 1000)
                latest += abs(delta) / 1000
            elif kind == "jump":
                machine.jump(delta)
            else:
                clock.reach(NOW + delta)
                latest = max(latest, NOW + delta)
            clock.follow()
            latest += JUMP
            assert last <= clock.now() <= latest
            last = clock.now()


def test_asking_costs_microseconds() -> None:
    """Every request asks; far below what an answer costs."""
    clock = SteadyClock()
    start = time.perf_counter()
    for _ in range(10_000):
        clock.now()
    assert (time.perf_counter() - start) / 10_000 < 2e-5


def test_uptime_goes_on() -> None:
    """Seconds, and never back."""
    assert 0 <= uptime() - uptime() + 1 <= 1
