"""What was asked for at a shop, and what came of it: the latest of each errand, and what the journal holds.

Guarantees
----------
* What is shown before a push is a comparison that nothing has been done to the shop since, as far as is known here.
* What came of jobs before a shop was connected anew is not told of the new connection.
* Who pushed what, and took back what, is told from the journal, which names every write before it is sent.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec

from api.connecting import connected_at
from api.errands import Checked, Compared, Difference, Ended, Errand, Made, Order, Pulled, Pushed, Verified, made_of
from api.http.backend import Backend
from api.pages.jobs import Job, job_of
from api.shops.journal import Dispatch
from api.shops.model import Outcome
from api.store.runs import Kind, Run, State, newest
from pricing.errors import InputError

LOOKED_AT = 100
"""Latest jobs at shops among which those of one shop are looked for."""
CHANGES = (Errand.PUSH, Errand.ROLLBACK, Errand.ACCEPT)
"""After these a comparison is out of date."""
VERSION = re.compile(r"(rollback of )?version (\d+)")
"""What decisions are called in the journal."""
GOOD = {Outcome.DONE.value, Outcome.ALREADY.value}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Work:
    """The jobs of one shop.

    Attributes
    ----------
    open : the one that waits or runs
    ended : the latest of each errand that has ended
    """

    open: Job | None
    ended: Mapping[Errand, Job]

    @property
    def doing(self) -> Errand | None:
        """What is under way."""
        return Order.of(self.open.run.arguments).step if self.open else None

    def failed(self, *errands: str) -> Job | None:
        """The job of these errands that ended last, if it failed."""
        last = self._last(errands)
        return last if last and last.run.state is not State.DONE else None

    def tells(self, text: str) -> bool:
        """Whether one of these jobs says that it failed of this."""
        return any(text in problem for job in self.ended.values() for problem in job.problems)

    @property
    def pulled(self) -> Pulled | None:
        """What came in last."""
        return self._made((Errand.PULL,), Pulled)

    @property
    def compared(self) -> Compared | None:
        """What a push would change, where that is known and nothing was done since."""
        last = self._last((Errand.COMPARE, *CHANGES))
        made = _told(last)
        return made if isinstance(made, Compared) else None

    @property
    def pushed(self) -> Pushed | None:
        """What came of the last push or rollback."""
        return self._made((Errand.PUSH, Errand.ROLLBACK), Pushed)

    @property
    def checks(self) -> tuple[Checked, ...] | None:
        """What stood at places when somebody looked last; what is wrong first."""
        made = _told(self._last((Errand.VERIFY, Errand.PUSH, Errand.ROLLBACK)))
        if not isinstance(made, Verified | Pushed):
            return None
        return tuple(sorted(made.checks, key=lambda each: not each.problems))

    def at(self, *errands: str) -> datetime | None:
        """When one of these ended last."""
        last = self._last(errands)
        return last.run.finished_at if last else None

    def _made(self, errands: Iterable[str], kind: type[T]) -> T | None:
        made = _told(self._last(errands))
        return made if isinstance(made, kind) else None

    def _last(self, errands: Iterable[str]) -> Job | None:
        found = [self.ended[each] for each in map(Errand, errands) if each in self.ended]
        return max(found, key=lambda job: job.run.number, default=None)


def work_of(backend: Backend, shop: str, now: datetime) -> Work:
    """What was asked for at a shop."""
    found = newest(backend.engine, before=None, limit=LOOKED_AT, kind=Kind.SHOP)
    others = newest(backend.engine, before=None, limit=LOOKED_AT)  # a worker may be at anything
    own = [(order.step, job_of(run, others, now)) for run in found if (order := _order(run)) and order.shop == shop]
    ended: dict[Errand, Job] = {}
    since = connected_at(backend.root, shop)
    for step, job in own:
        if not job.run.open and (since is None or job.run.asked_at >= since):
            ended.setdefault(step, job)
    return Work(next((job for _, job in reversed(own) if job.run.open), None), ended)


def _told(job: Job | None) -> Made | None:
    """What came of a job; None where nothing did, or another version of Fairfare wrote it."""
    try:
        return None if job is None else made_of(job.run)
    except msgspec.ValidationError:
        return None


def _order(run: Run) -> Order | None:
    try:
        return Order.of(run.arguments)
    except InputError:  # of another version of Fairfare
        return None


def change(step: Difference) -> float:
    """Relative change of the price that holds at a place; 0 where none does."""
    return float(step.after / step.shown) - 1 if step.shown else 0.0


def by_size(steps: Iterable[Difference]) -> list[Difference]:
    """The largest changes first."""
    return sorted(steps, key=lambda step: -abs(change(step)))


def short(results: Iterable[Ended]) -> list[Ended]:
    """Places where a push did not do what it was to do."""
    return [each for each in results if each.outcome not in GOOD]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, by its name in the journal.

    Attributes
    ----------
    version : of the price book; None where it is another decision
    back : whether that was taken back
    """

    text: str
    version: int | None
    back: bool

    @classmethod
    def of(cls, text: str) -> "Decision":
        """The decision of a name."""
        found = VERSION.fullmatch(text)
        return cls(text, int(found[2]) if found else None, bool(found and found[1]))


@dataclass(frozen=True, slots=True)
class Deed:
    """What was written to a shop for one decision.

    Attributes
    ----------
    written, failed, unknown : places that the shop took, that it did not, and of which that is not known
    standing : whether some of it is what was written last
    """

    decision: Decision
    at: datetime
    by: str | None
    written: int
    failed: int
    unknown: int
    standing: bool

    @classmethod
    def of(cls, sent: Dispatch) -> "Deed":
        """What was sent, as it is shown."""
        count = sent.outcomes
        written, unknown = count.get(Outcome.DONE, 0), count.get(None, 0)
        failed = sum(count.values()) - written - unknown
        decision = Decision.of(sent.first.decision)
        return cls(decision, sent.first.at, sent.first.by, written, failed, unknown, sent.standing)

    @property
    def returns(self) -> bool:
        """Whether it can be taken back."""
        return self.standing and self.decision.version is not None and not self.decision.back

    @property
    def places(self) -> int:
        """Places that may have what it wrote."""
        return self.written + self.unknown
