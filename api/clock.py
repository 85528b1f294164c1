"""The one place that reads the clock; everything else takes `now` as an argument.

Guarantees
----------
* `SteadyClock` never goes back, so what began by it has begun for good: no price is served early, late or twice
  because somebody or something set the machine's clock.
* It follows the clock that counts (the machine's own, or the database server's where there is one, which all its users
  share) through corrections of up to `JUMP`. A jump beyond that, forward or back, is refused until it has lasted
  `PATIENCE`: a slip is set right before that, a clock that really was wrong is right from then on.
* What the price book has dated has happened: the clock is never behind it (`reach`).

It counts with the machine's uptime, which goes on while the machine sleeps (CLOCK_BOOTTIME), so that waking up is no
jump. Where a virtual machine was stopped and its uptime with it, prices due meanwhile come `PATIENCE` late: that is the
last good price, where an early one would be a wrong price. Time zones do not matter here: instants are UTC.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

JUMP = timedelta(seconds=2)
"""A larger difference between two clocks is a jump, not a correction."""
PATIENCE = 300.0
"""How long a jump must last to be believed [seconds]."""

log = structlog.get_logger()


def utc_now() -> datetime:
    """The current instant, UTC."""
    return datetime.now(UTC)  # noqa: TID251  # this is the place


def uptime() -> float:
    """Seconds since some fixed moment; on Linux and macOS the machine's sleep counts [seconds]."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class _Course:
    """From `start` on at uptime `began`; not below `floor`."""

    start: datetime
    began: float
    floor: datetime


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A jump by `gap`, first seen at uptime `since`."""

    gap: timedelta
    since: float


class SteadyClock:
    """The clock that prices are served by: `wall` when it was made, carried on by `steady`.

    A server makes one before it starts its workers, so that a worker that is started again does not begin with a clock
    that has jumped meanwhile. One thread may `follow` and `reach`; any thread may ask for `now`.

    Parameters
    ----------
    wall : the machine's clock
    steady : seconds since some fixed moment, whatever happens to that clock [seconds]
    """

    def __init__(self, wall: Callable[[], datetime] = utc_now, steady: Callable[[], float] = uptime) -> None:
        self._wall = wall
        self._steady = steady
        self._course = _Course(start := wall(), steady(), start)
        self._doubt: _Doubt | None = None

    def now(self) -> datetime:
        """The current instant, UTC."""
        course = self._course
        return max(course.floor, course.start + timedelta(seconds=self._steady() - course.began))

    def reach(self, instant: datetime) -> None:
        """Be at least at an instant that is known to have come."""
        course = self._course
        self._course = _Course(course.start, course.began, max(course.floor, instant))

    def follow(self, told: datetime | None = None) -> None:
        """Compare with the clock that counts; take its time over unless it has jumped and may jump back.

        Parameters
        ----------
        told : what that clock says just now; None: the machine's own counts
        """
        told, steady, course = told or self._wall(), self._steady(), self._course
        gap = told - course.start - timedelta(seconds=steady - course.began)
        if abs(gap) > JUMP and not self._lasting(gap, steady):
            return
        self._doubt = None
        self._course = _Course(told, steady, self.now())

    def _lasting(self, gap: timedelta, steady: float) -> bool:
        doubt = self._doubt
        if doubt is None or abs(gap - doubt.gap) > JUMP:
            self._doubt = _Doubt(gap, steady)
            log.warning("the clock jumped; not followed until it has lasted", seconds=gap.total_seconds())
            return False
        if steady - doubt.since < PATIENCE:
            return False
        log.warning("the clock's jump has lasted and is followed", seconds=gap.total_seconds())
        return True
