"""Everything that serving a price needs, in one immutable object, in memory and on disk.

Guarantees
----------
* A snapshot is one version of the book, whole: it is read in one transaction and never changed.
* It holds the prices in force when it was taken and those that begin later, and is arranged for one instant: what is
  found in it is in force then, and `until` says when that changes. So prices change on time without the database.
* On disk it is written atomically, readable by its owner only, with a checksum. A file that is damaged is ignored
  and said to be.
* No price is served that cannot be: each is checked (`check`) whether it comes from the database or from disk.
* Loading one needs no database, model, solver or pandas.
"""

import bisect
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Protocol, Self

import msgspec
import structlog

from api.atomic import write_bytes
from pricing.model import ALL
from pricing.money import check_currency, parse_amount

SNAPSHOT_NAME = "snapshot.json"
log = structlog.get_logger()

Key = tuple[str, str]


Instant = Annotated[datetime, msgspec.Meta(tz=True)]
NEVER = datetime.max.replace(tzinfo=UTC)


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A price from `valid_from` until `valid_until`; `price` and `explanation` are JSON objects, encoded once.

    `number` is that of its row in the price book.
    """

    number: int
    offer: str
    channel: str
    product: str
    segment: str
    event: str
    valid_from: Instant
    valid_until: Instant | None
    price: msgspec.Raw
    explanation: msgspec.Raw

    @property
    def key(self) -> Key:
        """(offer, channel): what has exactly one price at any instant."""
        return self.offer, self.channel

    @property
    def end(self) -> datetime:
        """When it ends, as an instant that can be compared."""
        return self.valid_until or NEVER


class Content(msgspec.Struct, frozen=True):
    """What a snapshot holds.

    Attributes
    ----------
    keys : a key's hash -> its holder and scopes
    secret : what signs quotes
    entries : prices in force when it was taken, and later ones; sorted by offer, channel and when they begin
    """

    version: int
    taken_at: Instant
    keys: dict[str, tuple[str, tuple[str, ...]]]
    secret: str
    entries: tuple[Entry, ...]


class _Kept(msgspec.Struct):
    since: Instant
    content: Content


class _File(msgspec.Struct):
    sha256: str
    kept: msgspec.Raw


def _next_change(entries: Iterable[Entry], at: datetime) -> datetime:
    return min((when for entry in entries for when in (entry.valid_from, entry.end) if when > at), default=NEVER)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One version of the book at the instants from `since` to `until`, so that each question is a look-up.

    Attributes
    ----------
    since : the instant it was arranged for
    until : the next instant at which another price is in force
    mark : changes whenever a price in force or its explanation changes
    entries : prices in force, sorted by offer and channel
    """

    content: Content
    since: datetime
    until: datetime
    mark: str
    entries: Sequence[Entry] = field(repr=False)
    _entries: Mapping[Key, Entry] = field(repr=False)
    _channels: Mapping[str, Sequence[str]] = field(repr=False)
    _groups: Mapping[tuple[str, str], Sequence[Entry]] = field(repr=False)

    @classmethod
    def of(cls, content: Content, at: datetime | None = None) -> Self:
        """Arrange what was read for an instant, or for the one it was taken at."""
        at = content.taken_at if at is None else at
        digest, channels, groups = hashlib.sha256(), defaultdict(list), defaultdict(list)
        entries = [entry for entry in content.entries if entry.valid_from <= at < entry.end]
        for entry in entries:
            digest.update(bytes(entry.price) + bytes(entry.explanation))
            channels[entry.offer].append(entry.channel)
            for name in ("product", "segment", "event"):
                groups[name, getattr(entry, name)].append(entry)
        found = {entry.key: entry for entry in entries}
        mark, until = f"{content.version}-{digest.hexdigest()[:16]}", _next_change(content.entries, at)
        return cls(content, at, until, mark, entries, found, dict(channels), dict(groups))

    def at(self, instant: datetime) -> Self:
        """The same version at another instant."""
        return self if self.since <= instant < self.until else self.of(self.content, instant)

    @cached_property
    def rows(self) -> Mapping[int, Entry]:
        """Every price it holds, also those that begin later, by number."""
        return {entry.number: entry for entry in self.content.entries}

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
        narrowest = min(groups, key=len, default=self.entries)
        start = 0 if after is None else bisect.bisect_right(narrowest, after, key=lambda entry: entry.key)
        found: list[Entry] = []
        for entry in narrowest[start:]:
            if all(getattr(entry, name) == value for name, value in where.items()):
                if len(found) == limit:
                    return found, found[-1].key
                found.append(entry)
        return found, None


NOTHING = Snapshot.of(Content(0, datetime.min.replace(tzinfo=UTC), {}, "", ()))
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
    kept = msgspec.json.encode(_Kept(snapshot.since, snapshot.content))
    data = msgspec.json.encode(_File(hashlib.sha256(kept).hexdigest(), msgspec.Raw(kept)))
    write_bytes(data, path, mode=0o600)


def load(path: Path) -> Snapshot | None:
    """Read a snapshot from disk; None if there is none, or it cannot be used (which the log says)."""
    try:
        kept = msgspec.json.decode(_verified(path.read_bytes()), type=_Kept)
        check(kept.content)
        return Snapshot.of(kept.content, max(kept.since, kept.content.taken_at))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        log.warning("the snapshot on disk cannot be used and is ignored", path=str(path), reason=str(error))
        return None


def _verified(data: bytes) -> bytes:
    data.decode()  # a decoder of JSON that skips a text does not look whether it is one
    file = msgspec.json.decode(data, type=_File)
    kept = bytes(file.kept)
    if hashlib.sha256(kept).hexdigest() != file.sha256:
        raise ValueError("its checksum does not match")
    return kept


class _Explained(msgspec.Struct):
    offer: str
    channel: str
    price: str
    currency: str
    version: int


class _Stated(_Explained):
    product: str | None
    segment: str | None
    event: str | None
    total_price: str
    valid_from: Instant
    valid_until: Instant | None


_SHARED = ("offer", "channel", "product", "segment", "event", "valid_from", "valid_until")
"""What an entry says beside its price, and its price says too."""


def check(content: Content) -> None:
    """Refuse a price that cannot be, or an entry whose parts do not belong together.

    Raises
    ------
    ValueError
        naming the first offer that is wrong, and why.
    """
    for entry in content.entries:
        try:
            _check_entry(entry, content.version)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"offer {entry.offer}: {error}") from None
    for one, other in pairwise(content.entries):
        if one.key > other.key or (one.key == other.key and one.end > other.valid_from):
            raise ValueError(f"offer {other.offer}: out of order, or two prices at one instant")


def _check_entry(entry: Entry, version: int) -> None:
    stated = msgspec.json.decode(entry.price, type=_Stated)
    explained = msgspec.json.decode(entry.explanation, type=_Explained)
    amounts = [parse_amount(text, check_currency(stated.currency)) for text in (stated.price, stated.total_price)]
    written = [f"{amount:f}" for amount in amounts]
    if not 0 < amounts[0] <= amounts[1] or written != [stated.price, stated.total_price]:
        raise ValueError(f"{stated.price} with a total of {stated.total_price} is not a price")
    if not (0 < stated.version <= version and stated.valid_from < entry.end):
        raise ValueError("a price of no version, or of no duration")
    if any((getattr(stated, name) or "") != (getattr(entry, name) or "") for name in _SHARED):
        raise ValueError("its price is that of another offer or time")
    if any(getattr(stated, name) != getattr(explained, name) for name in _Explained.__struct_fields__):
        raise ValueError("its explanation is that of another price")


def json_list(objects: Iterable[bytes]) -> bytes:
    """A JSON list of objects that are encoded already."""
    return b"[" + b",".join(objects) + b"]"
