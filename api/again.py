"""What is done again and again: when after a failure, and what of it stands in the log.

Guarantees
----------
* Each wait after a failure is twice as long as the one before, up to a longest.
* What stands in the way is said when it begins, not each time; that it is over is said, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

LONGEST = 300.0
"""Longest wait after a failure [seconds], unless one waits longer after a success."""


@dataclass(slots=True)
class Waits:
    """Waits after failures; `shortest` is the one after a success [seconds]."""

    shortest: float
    _failures: int = field(default=0, init=False)

    def failed(self) -> float:
        """Count a failure; how long to wait now [seconds]."""
        self._failures += 1
        return min(self.shortest * 2.0 ** min(self._failures, 60), max(LONGEST, self.shortest))

    def done(self) -> None:
        """Begin with a short wait next time."""
        self._failures = 0


@dataclass(slots=True)
class Said:
    """What the log says of something that is done again and again."""

    log: FilteringBoundLogger
    _remarks: set[str] = field(default_factory=set, init=False)
    _failures: set[str] = field(default_factory=set, init=False)

    def done(self, remarks: Iterable[str]) -> None:
        """It was done; these things are not as they should be."""
        found = set(remarks)
        if self._failures:
            self.log.info("done again")
        for each in sorted(found - self._remarks):
            self.log.warning("not as it should be", reason=each)
        self._remarks, self._failures = found, set()

    def failed(self, reason: str, *, trace: bool = False) -> None:
        """It could not be done, and is tried again; with the trace of an error nobody foresaw."""
        if reason not in self._failures:
            self.log.warning("cannot be done now; it is tried again", reason=reason, exc_info=trace)
        self._failures.add(reason)
