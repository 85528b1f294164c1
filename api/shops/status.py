"""What last happened at a shop, kept in its folder: `status.json`.

Guarantees
----------
* It is the same whoever did it: the command line, a loop, or a job asked for on the desk.
* It is there whole or not at all; of two who write at a time neither loses what the other wrote.
* A problem stands until something at the shop succeeds again.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from api.atomic import write_bytes
from api.locks import locked
from api.shops.model import Held, Refused

FILE = "status.json"


@dataclass(frozen=True, slots=True)
class LastPull:
    """When sales came in last, how many were new, and what kept others out."""

    at: datetime
    new: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LastPush:
    """When prices went out last, as what, and whether all was as it was to be then."""

    at: datetime
    decision: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong last; `permanent`: trying again is of no use until somebody changes something."""

    at: datetime
    text: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class DriftedPlace:
    """A place where somebody changed our price by hand."""

    place: str
    name: str
    ours: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What last happened at a shop, and which places a person should look at."""

    pulled: LastPull | None = None
    pushed: LastPush | None = None
    problem: Problem | None = None
    drifted: tuple[DriftedPlace, ...] = ()
    held: tuple[Held, ...] = ()
    refused: tuple[Refused, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> "Status":
        """What is kept in a shop's folder; nothing happened where nothing that can be read is."""
        try:
            return msgspec.json.decode((folder / FILE).read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError):
            return cls()


def note(folder: Path, **changed: Any) -> None:  # noqa: ANN401  # attributes of `Status`
    """Keep what changed of a shop's status, and what did not as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        kept = Status.read(folder)
        now = {name: changed.get(name, getattr(kept, name)) for name in Status.__slots__}
        write_bytes(msgspec.json.format(msgspec.json.encode(now)), folder / FILE, mode=0o600)
