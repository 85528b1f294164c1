"""Bookings are arranged by event and lead, from what was known on a day."""

import numpy as np
import pandas as pd
import pytest

from forecasting.bookings.history import last_instant, read
from pricing.errors import InputError
from tests.forecasting.bookings.hotel import hotel

EVENTS = pd.DataFrame(
    {
        "event": ["a", "b"],
        "starts_at": pd.to_datetime(["2025-01-10T19:00Z", "2025-01-20T19:00Z"]),
        "capacity": [5.0, 50],
    }
)


def sales(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Rows of date, event, quantity."""
    frame = pd.DataFrame(rows, columns=["date", "event", "quantity"])
    return frame.assign(date=pd.to_datetime(frame["date"]), product="seat", segment="all")


def test_units_on_hand_are_those_of_the_end_of_each_day() -> None:
    """A sale counts from its lead on, a cancellation from its own; the last ones are final."""
    rows = sales(("2025-01-05", "a", 4), ("2025-01-08", "a", -1), ("2025-01-10", "a", 2))
    made = read(rows, EVENTS, by=["event"], moment=pd.Timestamp("2025-01-12"), time_zone="UTC")
    assert made.on_hand[0, 0].tolist() == [5, 3, 3, 4, 4, 4]
    assert made.final[0].tolist() == [5]
    assert made.finished(made.today) == 1


def test_nothing_dated_later_is_read() -> None:
    """Neither a sale nor a cancellation nor an unknown name dated after the moment leaves a trace."""
    place = hotel(days=60)
    planted = place.sales.iloc[[0]].assign(date=pd.Timestamp("2024-02-02"), quantity=900.0, segment="new")
    moment = pd.Timestamp("2024-02-01T23:59")
    by = ["event", "segment"]
    plain = read(place.sales[place.sales["date"] <= moment], place.events, by=by, moment=moment, time_zone="UTC")
    seen = read(pd.concat([place.sales, planted]), place.events, by=by, moment=moment, time_zone="UTC")
    assert seen.keys == plain.keys
    np.testing.assert_array_equal(seen.booked, plain.booked)
    np.testing.assert_array_equal(seen.cancelled, plain.cancelled)


def test_a_date_is_used_whole_and_an_instant_to_the_second() -> None:
    """As of a date, the event of that evening has started; as of that noon, it has not."""
    rows = sales(("2025-01-05", "a", 4), ("2025-01-06", "b", 1))
    whole = read(rows, EVENTS, by=["event"], moment=last_instant(rows, pd.Timestamp("2025-01-10")), time_zone="UTC")
    noon = read(rows, EVENTS, by=["event"], moment=pd.Timestamp("2025-01-10T12:00"), time_zone="UTC")
    assert (whole.finished(whole.today), noon.finished(noon.today)) == (1, 0)
    assert last_instant(rows, None).normalize() == pd.Timestamp("2025-01-06")


def test_leads_are_counted_in_the_civil_days_of_the_zone() -> None:
    """19:00 in UTC is the next day in Auckland."""
    rows = sales(("2025-01-10", "a", 1))
    made = read(rows, EVENTS, by=["event"], moment=pd.Timestamp("2025-01-10T12:00"), time_zone="Pacific/Auckland")
    assert made.lead_of(0, made.today) == 1


def test_days_after_a_full_house_are_days_without_an_offer() -> None:
    """What a sold-out event would still have sold is what events sold that were open at that lead."""
    early = [("2025-01-05", "a", 5.0)]  # full at once
    late = [("2025-01-15", "b", 5.0), *((f"2025-01-{day}", "b", 4.0) for day in (18, 19, 20))]
    made = read(sales(*early, *late), EVENTS, by=["event"], moment=pd.Timestamp("2025-01-21"), time_zone="UTC")
    assert made.unmet[0, 0, 3] == 12, "three days on which b sold four"
    assert made.unmet[1].sum() == 0


def test_sold_out_rows_close_a_product_until_it_is_seen_on_sale_again() -> None:
    """`quantity >= available` is the end of what could be sold, so later days say nothing of demand."""
    rows = sales(("2025-01-07", "a", 2), ("2025-01-17", "b", 4), ("2025-01-18", "b", 4), ("2025-01-20", "b", 4))
    closed = read(
        rows.assign(available=[2.0, 9, 9, 9]), EVENTS, by=["event"], moment=pd.Timestamp("2025-01-21"), time_zone="UTC"
    )
    open_ = read(
        rows.assign(available=[9.0, 9, 9, 9]), EVENTS, by=["event"], moment=pd.Timestamp("2025-01-21"), time_zone="UTC"
    )
    assert closed.unmet[0, 0, 3] > 0
    assert open_.unmet.sum() == 0


def test_an_event_whose_sale_was_not_recorded_from_its_beginning_teaches_nothing() -> None:
    """Where the table begins in the middle of a sale, its early bookings are missing."""
    place = hotel(days=150)
    late = place.sales[place.sales["date"] >= "2024-02-01"]
    moment = last_instant(late, None)
    made = read(late, place.events, by=["event"], moment=moment, time_zone="UTC")
    assert made.events["event"].min() > "2024-02-15"


def test_small_events_may_sell_nothing_and_large_ones_were_not_recorded() -> None:
    """Where guests come one by one a day without any counts; a full house is not forgotten by its audience."""
    for size, kept in ((2.0, True), (40.0, False)):
        place = hotel(days=60, size=size)
        rest = place.sales[place.sales["event"] != "2024-01-31"]
        made = type(place)(rest, place.events).bookings("2024-02-20")
        assert ("2024-01-31" in set(made.events["event"])) is kept


def test_a_group_that_sold_for_one_event_only_has_no_row_for_others() -> None:
    """What recurs from event to event is forecast for each; what is an event's own, for it alone."""
    rows = sales(("2025-01-05", "a", 4), ("2025-01-06", "b", 1), ("2025-01-06", "b", 1))
    rows["segment"] = ["adult", "adult", "club b"]
    made = read(rows, EVENTS, by=["event", "segment"], moment=pd.Timestamp("2025-01-06"), time_zone="UTC")
    assert made.keys == (("adult",), ("club b",))
    assert made.sells.tolist() == [[True, False], [True, True]]


def test_what_cannot_be_forecast_is_said_all_at_once() -> None:
    """Missing columns and a missing event are named together; sales of no listed event are refused."""
    rows = sales(("2025-01-05", "a", 4))
    with pytest.raises(InputError) as refused:
        read(rows, EVENTS, by=["colour", "size"], moment=pd.Timestamp("2025-01-06"), time_zone="UTC")
    assert len(refused.value.findings) == 3
    with pytest.raises(InputError, match="no sale"):
        read(rows, EVENTS.assign(event=["c", "d"]), by=["event"], moment=pd.Timestamp("2025-01-06"), time_zone="UTC")
