"""A job that is due daily is due once each day, also on the days on which clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.schedule import following, latest

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    """An instant, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "at", "now", "last", "coming"),
    [
        # an ordinary day, at the very instant, and a second before it
        ("Europe/Berlin", "03:00", "2026-11-23T10:00", "2026-11-23T02:00", "2026-11-24T02:00"),
        ("Europe/Berlin", "03:00", "2026-11-23T02:00", "2026-11-23T02:00", "2026-11-24T02:00"),
        ("Europe/Berlin", "03:00", "2026-11-23T01:59:59", "2026-11-22T02:00", "2026-11-23T02:00"),
        # clocks go forward from 02:00 to 03:00: 02:30 does not exist, and is as long after midnight as ever
        ("Europe/Berlin", "02:30", "2026-03-29T01:29", "2026-03-28T01:30", "2026-03-29T01:30"),
        ("Europe/Berlin", "02:30", "2026-03-29T01:30", "2026-03-29T01:30", "2026-03-30T00:30"),
        ("Europe/Berlin", "03:00", "2026-03-29T01:00", "2026-03-29T01:00", "2026-03-30T01:00"),
        # clocks go back from 03:00 to 02:00: 02:30 comes twice, and the first counts
        ("Europe/Berlin", "02:30", "2026-10-25T00:30", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("Europe/Berlin", "02:30", "2026-10-25T01:30", "2026-10-25T00:30", "2026-10-26T01:30"),
        # a day begins at midnight, which in Beirut clocks go forward over
        ("Asia/Beirut", "00:00", "2026-03-28T22:30", "2026-03-28T22:00", "2026-03-29T21:00"),
        # half an hour, in Lord Howe
        ("Australia/Lord_Howe", "02:15", "2026-10-03T15:45", "2026-10-03T15:45", "2026-10-04T15:15"),
        # Apia had no 30 December 2011
        ("Pacific/Apia", "03:00", "2011-12-30T13:00", "2011-12-30T13:00", "2011-12-31T13:00"),
    ],
)
def test_when_it_was_and_will_be_due(zone: str, at: str, now: str, last: str, coming: str) -> None:
    """In the owner's zone, told in UTC."""
    clock, place = time.fromisoformat(at), ZoneInfo(zone)
    assert latest(clock, place, now=utc(now)) == utc(last)
    assert following(clock, place, now=utc(now)) == utc(coming)


@given(
    st.sampled_from(sorted(available_timezones() - {"localtime"})),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # bounds are naive
)
def test_it_is_due_once_a_day_whatever_clocks_do(zone: str, at: time, now: datetime) -> None:
    """From one time to the next it is about a day, and following them meets each once."""
    place = ZoneInfo(zone)
    last, coming = latest(at, place, now=now), following(at, place, now=now)
    assert last <= now < coming
    assert timedelta(hours=21) <= coming - last <= timedelta(hours=27)
    assert latest(at, place, now=coming) == coming
    assert following(at, place, now=last) == coming


def test_a_time_that_comes_twice_is_due_once() -> None:
    """And one that does not exist too: over the two turns of a year each day is met once."""
    seen, now, end = list[datetime](), utc("2026-03-20T00:00"), utc("2026-11-01T00:00")
    while now < end:
        if (due := latest(time(2, 30), BERLIN, now=now)) not in seen:
            seen.append(due)
        now += timedelta(minutes=10)
    days = [due.astimezone(BERLIN).date() for due in seen]
    assert len(set(days)) == len(days) == (end - utc("2026-03-20T00:00")).days + 1
