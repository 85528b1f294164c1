"""A booking path is what was sold when so many days were left; typical needs enough finished events."""

import numpy as np
import pandas as pd
import pytest

from api.report.bookings import Bookings, remaining_share

TODAY = pd.Timestamp("2026-11-21")


def events(venues: list[str], capacities: list[float] | None = None) -> pd.DataFrame:
    """Finished events, a week apart, and last one to come in ten days."""
    days = [TODAY - pd.Timedelta(days=7 * k) for k in range(1, len(venues))] + [TODAY + pd.Timedelta(days=10)]
    starts = pd.DatetimeIndex(days).tz_localize("UTC") + pd.Timedelta(hours=19)
    names = [f"e{k}" for k in range(len(venues))]
    return pd.DataFrame(
        {
            "event": names,
            "starts_at": starts,
            "venue": venues,
            "capacity": capacities or [100.0] * len(venues),
        }
    )


def sales(table: pd.DataFrame, units: float = 2.0) -> pd.DataFrame:
    """`units` a day for each event over its last 20 days, up to yesterday, and some that are not known yet."""
    nights = dict(zip(table["event"], table["starts_at"].dt.tz_localize(None).dt.normalize(), strict=True))
    rows = [
        {"event": name, "date": day, "quantity": units}
        for name, night in nights.items()
        for day in pd.date_range(end=night - pd.Timedelta(days=1), periods=20)
    ]
    return pd.DataFrame(rows)


def test_a_path_ends_at_what_was_sold_before_today() -> None:
    """Sales dated today or later are not read; the last point stands at the days left."""
    table = events(["A"] * 4)
    bookings = Bookings.of(sales(table), table, TODAY)
    lead, path = bookings.sold("e3")
    assert (lead[-1], path[-1]) == (10, 2.0 * 10)
    assert bookings.paths["e3"].iloc[-1] == path[-1]
    assert np.all(np.diff(lead) == -1)


def test_typical_is_the_median_of_finished_events_at_the_venue() -> None:
    """Three finished events that all sold 40 give 40 at the end and 20 ten days before."""
    table = events(["A"] * 4)
    typical = Bookings.of(sales(table), table, TODAY).typical("e3")
    assert typical is not None
    assert (typical.events, typical.same_venue) == (3, True)
    assert (float(typical.at(0)), float(typical.at(10))) == (40.0, 20.0)


def test_few_events_at_the_venue_borrow_from_all_by_capacity() -> None:
    """A house twice as large is expected to sell twice as much."""
    table = events(["A", "A", "A", "B"], [100.0, 100.0, 100.0, 200.0])
    typical = Bookings.of(sales(table), table, TODAY).typical("e3")
    assert typical is not None
    assert (typical.same_venue, float(typical.at(0))) == (False, 80.0)


def test_nothing_is_typical_of_too_few_events() -> None:
    """Two finished events are not a pattern."""
    table = events(["A", "A", "A"])
    assert Bookings.of(sales(table), table, TODAY).typical("e2") is None


def test_an_event_without_a_sale_has_an_empty_path() -> None:
    """It stands at nothing sold, today."""
    table = events(["A"] * 4)
    rows = sales(table)
    lead, path = Bookings.of(rows[rows["event"] != "e3"], table, TODAY).sold("e3")
    assert (lead.tolist(), path.tolist()) == ([10.0], [0.0])


@pytest.mark.parametrize("finished", [0, 4])
def test_what_is_left_to_sell_is_shared_out_from_none_to_all(finished: int) -> None:
    """From 0 today to 1 at the event, never falling, whether typical is known or not."""
    table = events(["A"] * (finished + 1))
    typical = Bookings.of(sales(table), table, TODAY).typical(f"e{finished}")
    lead, share = remaining_share(typical, 10)
    assert (lead[0], lead[-1], share[0], share[-1]) == (10, 0, 0, 1)
    assert np.all(np.diff(share) >= 0)
