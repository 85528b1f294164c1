"""Clocks that tests set: the machine's wall clock, and its uptime."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from api.clock import SteadyClock
from tests.api.store.book_kit import NOW


def still() -> SteadyClock:
    """A clock that stands."""
    return Machine().clock()


@dataclass
class Machine:
    """A machine with a wall clock that anybody may set, and an uptime that only time moves [seconds]."""

    wall: datetime = NOW
    uptime: float = 1000.0

    def clock(self) -> SteadyClock:
        """A steady clock on this machine."""
        return SteadyClock(lambda: self.wall, lambda: self.uptime)

    def wait(self, delta: timedelta) -> None:
        """Let time pass."""
        self.wall += delta
        self.uptime += delta.total_seconds()

    def jump(self, delta: timedelta) -> None:
        """Set the wall clock."""
        self.wall += delta
