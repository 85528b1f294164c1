"""When a job that is due daily is due: a time of day in the owner's zone, as instants.

Guarantees
----------
* Each day has one such instant, whatever clocks do that night: a time that does not exist, because clocks go forward
  over it, is as long after midnight as it always is; of a time that comes twice the first counts.
* Instants follow from zone and time alone, so that all workers name the same ones.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


def latest(at: time, zone: ZoneInfo, *, now: datetime) -> datetime:
    """The last time it was due: the newest instant that is not after now, UTC."""
    return max(instant for instant in _around(at, zone, now) if instant <= now)


def following(at: time, zone: ZoneInfo, *, now: datetime) -> datetime:
    """The next time it is due: the oldest instant after now, UTC."""
    return min(instant for instant in _around(at, zone, now) if instant > now)


def _around(at: time, zone: ZoneInfo, now: datetime) -> Iterator[datetime]:
    """The instants of the days around today; two on either side, because a zone may leave out a day (Apia in 2011)."""
    today = now.astimezone(zone).date()
    return (_on(today + days * DAY, at, zone) for days in range(-2, 3))


def _on(day: date, at: time, zone: ZoneInfo) -> datetime:
    """With fold 0 (PEP 495), a time in a gap is told by the offset before it, and one that comes twice is the first."""
    return datetime.combine(day, at, zone).astimezone(UTC)
