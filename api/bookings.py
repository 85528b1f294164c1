"""How events fill up and goods sell, kept beside the fit: what a page draws of them without reading a table.

Guarantees
----------
* It is read without pandas, a model or the database, and says up to when sales were known to it.
* A damaged file, or one of another version, counts as none.
"""

import functools
from datetime import date, datetime
from pathlib import Path

import msgspec

from api.atomic import write_bytes

BOOKINGS_NAME = "bookings.json"


class Typical(msgspec.Struct, frozen=True):
    """What similar finished events had sold by each lead: median and middle 80 % [units].

    Attributes
    ----------
    events : how many there are
    same_venue : whether they took place at the same venue; else all events, scaled by capacity
    lead : days to the event, falling to 0
    """

    events: int
    same_venue: bool
    lead: tuple[int, ...]
    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]


class Filling(msgspec.Struct, frozen=True):
    """One coming event.

    Attributes
    ----------
    lead : days to the event, from the first sale to the newest day known
    sold : units sold by then
    tickets : (product, segment, units sold)
    typical : None where too few similar events are over
    """

    event: str
    venue: str
    starts_at: datetime
    capacity: float | None
    lead: tuple[int, ...]
    sold: tuple[float, ...]
    tickets: tuple[tuple[str, str, float], ...]
    typical: Typical | None

    @property
    def on_hand(self) -> float:
        """Units sold."""
        return self.sold[-1] if self.sold else 0.0

    @property
    def usual(self) -> float | None:
        """What is typically sold by now [units]."""
        return self.usual_at(self.lead[-1]) if self.typical and self.lead else None

    @property
    def pace(self) -> float | None:
        """Sold against typical, as a relative difference."""
        return self.on_hand / self.usual - 1 if self.usual else None

    def usual_at(self, lead: int) -> float:
        """Median of similar events at a lead; beyond the longest known lead, as at that [units]."""
        if self.typical is None:
            raise ValueError(f"nothing is typical for {self.event}")
        at = self.typical.lead[0] - min(max(lead, 0), self.typical.lead[0])
        return self.typical.median[at]

    def share_left(self) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Leads from the newest day to 0, and which share of what is still to be sold is usually sold by then."""
        now = self.lead[-1] if self.lead else 0
        leads = tuple(range(now, -1, -1))
        if self.typical is not None and (rest := self.usual_at(0) - self.usual_at(now)) > 0:
            return leads, tuple((self.usual_at(lead) - self.usual_at(now)) / rest for lead in leads)
        return leads, tuple((now - lead) / max(now, 1) for lead in leads)


class Shelf(msgspec.Struct, frozen=True):
    """How one product sells to one segment without an event, period by period, and what is forecast.

    Attributes
    ----------
    periods : first day of each period, those forecast behind those sold
    sold : units sold in each whole period that is over
    gone : whether it was sold out at times in that period, so that more was wanted
    mean, low, high : forecast of the periods behind those, and its 80 % interval [units]
    """

    product: str
    segment: str
    periods: tuple[date, ...]
    sold: tuple[float, ...]
    gone: tuple[bool, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def lately(self) -> float:
        """Units sold in as many of the newest periods as are forecast."""
        return sum(self.sold[-len(self.mean) :])

    @property
    def ahead(self) -> tuple[float, float, float]:
        """Sums of the forecast's low ends, means and high ends; the ends as if all periods were low or high at once."""
        return sum(self.low), sum(self.mean), sum(self.high)


class Bookings(msgspec.Struct, frozen=True):
    """All coming events, the next one first, and goods; `until` is the begin of the newest day of sales."""

    made_at: datetime
    until: datetime
    events: tuple[Filling, ...]
    goods: tuple[Shelf, ...] = ()

    def of(self, event: str) -> Filling | None:
        """One event."""
        return next((filling for filling in self.events if filling.event == event), None)

    def save(self, root: Path) -> None:
        """Keep it in a workspace."""
        write_bytes(msgspec.json.encode(self), root / BOOKINGS_NAME)


def load_bookings(root: Path) -> Bookings | None:
    """What was kept last; None if there is nothing that can be used."""
    path = root / BOOKINGS_NAME
    try:
        return _load(path, path.stat().st_mtime_ns)
    except (OSError, msgspec.MsgspecError, RecursionError, MemoryError):
        return None


@functools.lru_cache(maxsize=4)
def _load(path: Path, _changed: int) -> Bookings:
    return msgspec.json.decode(path.read_bytes(), type=Bookings)
