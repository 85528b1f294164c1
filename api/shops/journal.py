"""What was sent to a shop: a file that only grows, one JSON object a line.

Guarantees
----------
* A write is in the journal, with what stood there before, on disk before it is sent: after a kill at any moment the
  journal names every write that may have reached the shop.
* A line that a kill or a full disk cut short tells nothing, and spoils no other.
* One push or rollback of a shop runs at a time.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from api.shops.model import Batch, Outcome, Result, Write, Written
from pricing.errors import RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A write about to be sent for a decision, numbered from 1; `by` accepted what stands there, and sent nothing."""

    number: int
    at: datetime
    decision: str
    place: str
    before: Written
    after: Written
    by: str | None = None


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
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise RefusedError("another push to this shop is running") from None
        finally:
            os.close(file)

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

    def begin(self, writes: Sequence[Write], decision: str, *, now: datetime) -> Batch:
        """Record writes before they are sent; gives them their key.

        The key names decision, place and value, and how often they were tried and ended: sent again after a kill the
        batch has the same key, tried again after a refusal another.
        """
        entries = self.entries()
        number = max((entry.sent.number for entry in entries), default=0)
        ended = sum(entry.sent.decision == decision and entry.outcome is not None for entry in entries)
        sent = [
            Sent(number=number + i, at=now, decision=decision, place=w.place, before=w.before, after=w.after)
            for i, w in enumerate(writes, 1)
        ]
        self._append([_Line(sent=each) for each in sent])
        said = msgspec.json.encode([decision, ended, [[w.place, str(w.before), str(w.after)] for w in writes]])
        return Batch(tuple(writes), hashlib.sha256(said).hexdigest())

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

    def accept(self, place: str, before: Written, found: Written, *, by: str, now: datetime) -> None:
        """Record that a person took what somebody else wrote for right."""
        number = max((entry.sent.number for entry in self.entries()), default=0) + 1
        sent = Sent(number=number, at=now, decision="accepted", place=place, before=before, after=found, by=by)
        self._append([_Line(sent=sent), _Line(ended=Ended(number=number, at=now, outcome=Outcome.DONE, reason=""))])

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
        """Add lines by one write, on disk before it returns."""
        if not lines:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(file).st_size
            cut_short = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            os.write(file, b"\n" + text if cut_short else text)
            os.fsync(file)
        finally:
            os.close(file)
