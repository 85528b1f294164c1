"""What was sent to a shop: a file that only grows, one JSON object a line.

Guarantees
----------
* A write is in the journal, with what stood there before, on disk before it is sent: after a kill at any moment the
  journal names every write that may have reached the shop.
* A line that a kill or a full disk cut short tells nothing, and spoils no other.
* One push or rollback of a shop runs at a time.
* Who had a price written is told as long as the journal is kept.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path

import msgspec

from api.locks import locked_file
from api.shops.model import Batch, Outcome, Result, Write, Written
from pricing.errors import RefusedError

FILE = "journal.jsonl"
ACCEPTED = "accepted"
"""The decision of whoever takes what somebody else wrote for right; nothing is sent for it."""


class BusyError(RefusedError):
    """Another push to the shop, or a rollback, is running; wait for its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A write about to be sent for a decision, numbered from 1.

    Attributes
    ----------
    by : who had it written, or accepted what stands there; None in journals from before that was kept
    digest : of the comparison that whoever asked for it had seen; empty where nobody asked for this very one
    """

    number: int
    at: datetime
    decision: str
    place: str
    before: Written
    after: Written
    by: str | None = None
    digest: str = ""

    @property
    def write(self) -> Write:
        """What was sent."""
        return Write(self.place, self.before, self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the write with this number ended."""

    number: int
    at: datetime
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A write and how it ended; `outcome` is None where that is not known: it may have reached the shop or not."""

    sent: Sent
    outcome: Outcome | None
    reason: str = ""

    @property
    def stands(self) -> bool:
        """Whether the shop took it, for all we know."""
        return self.outcome in {Outcome.DONE, None}


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What was sent for a decision by one person, with nothing else in between; the first of it first.

    Attributes
    ----------
    standing : whether the last write of one of its places is among it
    """

    entries: tuple[Entry, ...]
    standing: bool

    @property
    def first(self) -> Sent:
        """Names decision, person and instant."""
        return self.entries[0].sent

    @property
    def outcomes(self) -> Mapping[Outcome | None, int]:
        """How many places ended how, as each did last; None: not known."""
        return Counter({entry.sent.place: entry.outcome for entry in self.entries}.values())


class _Line(msgspec.Struct, omit_defaults=True):
    sent: Sent | None = None
    ended: Ended | None = None


@dataclass(slots=True)
class _Read:
    """What was read of the file so far: entries by number, up to a byte behind the end of a line."""

    upto: int = 0
    entries: dict[int, Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of one shop, in a file; of what grows on, only the new is read again."""

    path: Path
    _read: _Read = field(default_factory=_Read, init=False, repr=False, compare=False)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other push and rollback of this shop out; refused where one is running."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked_file(self.path, busy=BusyError("another push to this shop is running")):
            yield

    def entries(self) -> tuple[Entry, ...]:
        """Every write, in the order they were sent."""
        found = self._read.entries
        for line in self._new_lines():
            if line.sent is not None:
                found[line.sent.number] = Entry(line.sent, None)
            elif line.ended is not None and line.ended.number in found:
                found[line.ended.number] = Entry(found[line.ended.number].sent, line.ended.outcome, line.ended.reason)
        return tuple(found.values())

    def standing(self) -> dict[str, Entry]:
        """The last write of each place that the shop took, for all we know."""
        return {entry.sent.place: entry for entry in self.entries() if entry.stands}

    def history(self) -> tuple[Dispatch, ...]:
        """What was sent, decision by decision, the newest first."""
        last = {entry.sent.number for entry in self.standing().values()}
        groups = groupby(self.entries(), key=lambda entry: (entry.sent.decision, entry.sent.by))
        sent = [tuple(group) for _, group in groups]
        return tuple(Dispatch(each, any(e.sent.number in last for e in each)) for each in reversed(sent))

    def seen(self, digest: str) -> tuple[Write, ...]:
        """What was sent because somebody asked for the comparison of this digest."""
        return tuple(entry.sent.write for entry in self.entries() if digest and entry.sent.digest == digest)

    def begin(
        self, writes: Sequence[Write], decision: str, *, now: datetime, by: str | None = None, digest: str = ""
    ) -> Batch:
        """Record writes before they are sent; gives them their key.

        The key names decision, place and value, and how often they were tried and ended: sent again after a kill the
        batch has the same key, tried again after a refusal another.
        """
        entries = self.entries()
        number = max((entry.sent.number for entry in entries), default=0)
        ended = sum(entry.sent.decision == decision and entry.outcome is not None for entry in entries)
        sent = [
            Sent(
                number=number + i,
                at=now,
                decision=decision,
                place=write.place,
                before=write.before,
                after=write.after,
                by=by,
                digest=digest,
            )
            for i, write in enumerate(writes, 1)
        ]
        self._append([_Line(sent=each) for each in sent])
        return Batch(tuple(writes), _hash([decision, ended, _said(writes)]))

    def end(self, results: Sequence[Result], decision: str, *, now: datetime) -> None:
        """Record how writes of a decision ended whose end was not known, earlier tries of the same included."""
        ended = {result.place: result for result in results}
        self._append(
            [
                _Line(ended=Ended(number=each.sent.number, at=now, outcome=result.outcome, reason=result.reason))
                for each in self.entries()
                if each.outcome is None
                and each.sent.decision == decision
                and (result := ended.get(each.sent.place)) is not None
            ]
        )

    def settle(self, found: Mapping[str, Written], *, now: datetime) -> None:
        """Record that writes whose end was not known had arrived, where what they wrote is `found`."""
        arrived = [e for e in self.standing().values() if e.outcome is None and found.get(e.sent.place) == e.sent.after]
        self._append([_done(entry.sent.number, now) for entry in arrived])

    def accept(self, place: str, before: Written, found: Written, *, by: str, now: datetime) -> None:
        """Record that a person took what somebody else wrote for right."""
        number = max((entry.sent.number for entry in self.entries()), default=0) + 1
        sent = Sent(number=number, at=now, decision=ACCEPTED, place=place, before=before, after=found, by=by)
        self._append([_Line(sent=sent), _done(number, now)])

    def _new_lines(self) -> Iterator[_Line]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read.upto)
            text = file.read()
        self._read.upto += text.rfind(b"\n") + 1
        for line in text.split(b"\n"):
            try:
                yield msgspec.json.decode(line, type=_Line)
            except msgspec.DecodeError:  # the empty end of the file, or a line cut short
                continue

    def _append(self, lines: Sequence[_Line]) -> None:
        """Add lines, all of them on disk before it returns; on a full disk it does not."""
        if not lines:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(file).st_size
            cut_short = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            left = b"\n" + text if cut_short else text
            while left:  # a disk that is nearly full takes a part, and says so only at the next write
                left = left[os.write(file, left) :]
            os.fsync(file)
            if size == 0:
                _keep_name(self.path.parent)
        finally:
            os.close(file)


def _keep_name(folder: Path) -> None:
    """Have the names of files in a folder on disk: without its name a file is lost when the power is."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def digest_of(decision: str, writes: Iterable[Write]) -> str:
    """Names what is to be written for a decision, in whatever order."""
    return _hash([decision, sorted(_said(writes))])


def _said(writes: Iterable[Write]) -> list[list[str]]:
    return [[write.place, str(write.before), str(write.after)] for write in writes]


def _hash(said: list[object]) -> str:
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def _done(number: int, now: datetime) -> _Line:
    return _Line(ended=Ended(number=number, at=now, outcome=Outcome.DONE, reason=""))
