"""Everything that serving a price needs, in one immutable object, in memory and on disk.

Guarantees
----------
* A snapshot is one version of the book, whole: it is read in one transaction and never changed.
* On disk it is written atomically, readable by its owner only, with a checksum. A file that is damaged is ignored
  and said to be.
* Loading one needs no database, model, solver or pandas.
"""

import bisect
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, Self

import msgspec
import structlog

from api.atomic import write_bytes
from pricing.model import ALL

SNAPSHOT_NAME = "snapshot.json"
log = structlog.get_logger()

Key = tuple[str, str]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One price in force; `price` and `explanation` are JSON objects, encoded once."""

    offer: str
    channel: str
    product: str
    segment: str
    event: str
    price: msgspec.Raw
    explanation: msgspec.Raw

    @property
    def key(self) -> Key:
        """(offer, channel): what has exactly one price at any instant."""
        return self.offer, self.channel


class Content(msgspec.Struct, frozen=True):
    """What a snapshot holds; `entries` are sorted by offer and channel, `keys` maps a key's hash to its scopes."""

    version: int
    taken_at: datetime
    keys: dict[str, tuple[str, ...]]
    entries: tuple[Entry, ...]


class _File(msgspec.Struct):
    sha256: str
    content: msgspec.Raw


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One version of the book, arranged so that each question is answered by a look-up."""

    content: Content
    mark: str
    """Changes whenever a price or an explanation changes."""
    _entries: Mapping[Key, Entry] = field(repr=False)
    _channels: Mapping[str, Sequence[str]] = field(repr=False)
    _groups: Mapping[tuple[str, str], Sequence[Entry]] = field(repr=False)

    @classmethod
    def of(cls, content: Content) -> Self:
        """Arrange what was read."""
        digest, channels, groups = hashlib.sha256(), defaultdict(list), defaultdict(list)
        for entry in content.entries:
            digest.update(bytes(entry.price) + bytes(entry.explanation))
            channels[entry.offer].append(entry.channel)
            for name in ("product", "segment", "event"):
                groups[name, getattr(entry, name)].append(entry)
        entries = {entry.key: entry for entry in content.entries}
        return cls(content, f"{content.version}-{digest.hexdigest()[:16]}", entries, dict(channels), dict(groups))

    def channels(self, offer: str) -> Sequence[str]:
        """The channels an offer has a price in; none if it is not on sale."""
        return self._channels.get(offer, ())

    def find(self, offer: str, channel: str | None) -> Entry | None:
        """The price of an offer in a channel.

        A price set for all channels holds in each that has none of its own. Without a channel the answer is the price
        for all of them, or the only one there is.
        """
        entry = self._entries.get((offer, channel or ALL)) or self._entries.get((offer, ALL))
        if entry is None and channel is None and len(only := self.channels(offer)) == 1:
            return self._entries[offer, only[0]]
        return entry

    def page(self, where: Mapping[str, str], *, after: Key | None, limit: int) -> tuple[Sequence[Entry], Key | None]:
        """Up to `limit` entries that match all of `where` beyond a place, and the place to go on from (None: the end).

        Parameters
        ----------
        where : any of product, segment and event, each with its value
        """
        groups = [self._groups.get(item, ()) for item in where.items()]
        narrowest = min(groups, key=len, default=self.content.entries)
        start = 0 if after is None else bisect.bisect_right(narrowest, after, key=lambda entry: entry.key)
        found: list[Entry] = []
        for entry in narrowest[start:]:
            if all(getattr(entry, name) == value for name, value in where.items()):
                if len(found) == limit:
                    return found, found[-1].key
                found.append(entry)
        return found, None


NOTHING = Snapshot.of(Content(0, datetime.min.replace(tzinfo=UTC), {}, ()))
"""What is served before any price is known."""


@dataclass(frozen=True, slots=True)
class View:
    """What a request sees: a snapshot, and whether the database could no longer confirm it."""

    snapshot: Snapshot
    stale: bool

    @property
    def empty(self) -> bool:
        """Whether nothing was ever read, neither from the database nor from disk."""
        return self.snapshot is NOTHING


class Snapshots(Protocol):
    """Where a request gets its view; asked once per request, so that an answer is one version whole."""

    def current(self) -> View:
        """The view at this moment."""


def write(snapshot: Snapshot, path: Path) -> None:
    """Put a snapshot on disk, all of it or nothing."""
    content = msgspec.json.encode(snapshot.content)
    data = msgspec.json.encode(_File(hashlib.sha256(content).hexdigest(), msgspec.Raw(content)))
    write_bytes(data, path, mode=0o600)


def load(path: Path) -> Snapshot | None:
    """Read a snapshot from disk; None if there is none, or it is damaged (which the log says)."""
    try:
        return Snapshot.of(msgspec.json.decode(_verified(path.read_bytes()), type=Content))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("the snapshot on disk cannot be used and is ignored", path=str(path), reason=str(error))
        return None


def _verified(data: bytes) -> bytes:
    file = msgspec.json.decode(data, type=_File)
    content = bytes(file.content)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise ValueError("its checksum does not match")
    return content


def json_list(objects: Iterable[bytes]) -> bytes:
    """A JSON list of objects that are encoded already."""
    return b"[" + b",".join(objects) + b"]"
