"""Forecasts keep to the places there are."""

import numpy as np
import pandas as pd

from forecasting.bookings.history import Bookings, read
from forecasting.bookings.room import fitted, most, rooms

EVENTS = pd.DataFrame(
    {"event": ["a", "b"], "starts_at": pd.to_datetime(["2025-01-10T19:00Z", "2025-01-20T19:00Z"]), "capacity": [40, 60]}
)
BY = ("event", "product", "segment")


def arranged(rows: pd.DataFrame) -> Bookings:
    """As known on the 15th, when b is still to come."""
    return read(rows, EVENTS, by=BY, moment=pd.Timestamp("2025-01-15T20:00"), time_zone="UTC")


def table(available: list[float]) -> pd.DataFrame:
    """Two segments share the stalls; the balcony is another room."""
    return pd.DataFrame(
        {
            "date": pd.to_datetime(["2025-01-05", "2025-01-06", "2025-01-12", "2025-01-13", "2025-01-13"]),
            "event": ["a", "a", "b", "b", "b"],
            "product": ["stalls", "balcony", "stalls", "stalls", "balcony"],
            "segment": ["adult", "adult", "adult", "child", "adult"],
            "quantity": [10.0, 5.0, 20.0, 10.0, 5.0],
            "available": available,
        }
    )


def test_what_is_left_of_a_room_limits_all_who_share_it() -> None:
    """30 of 35 stalls are sold: adults and children together get at most 5 more."""
    rows = table([35.0, 25.0, 35.0, 15.0, 25.0])
    known = arranged(rows)
    limits = rooms(known, rows, BY)
    assert known.keys == (("balcony", "adult"), ("stalls", "adult"), ("stalls", "child"))
    on_hand = known.on_hand[1, :, 0]
    mean = fitted(np.array([10.0, 30.0, 20.0]), on_hand, limits, 1)
    assert mean[1:].sum() == 35
    assert mean[1] == 22.5, "what is still to come gives way in proportion"
    assert mean[0] == 10
    assert most(limits, 1).tolist() == [25, 35, 35]


def test_the_capacity_of_the_event_limits_the_sum() -> None:
    """Also without `available`."""
    rows = table([1.0] * 5).drop(columns="available")
    known = arranged(rows)
    limits = rooms(known, rows, BY)
    assert fitted(np.array([10.0, 50.0, 40.0]), known.on_hand[1, :, 0], limits, 1).sum() == 60
    assert most(limits, 1).tolist() == [60, 60, 60]


def test_more_on_hand_than_places_is_cut_to_the_places() -> None:
    """Overbooked: somebody will not get in."""
    rows = table([1.0] * 5).drop(columns="available").assign(quantity=30.0)
    known = arranged(rows)
    assert fitted(np.array([30.0, 30.0, 30.0]), known.on_hand[1, :, 0], rooms(known, rows, BY), 1).sum() == 60


def test_places_added_from_day_to_day_are_no_limit() -> None:
    """An allotment per day says nothing of how many will be sold in the end."""
    rows = table([20.0, 20.0, 20.0, 20.0, 20.0])
    known = arranged(rows)
    assert most(rooms(known, rows, BY), 1).tolist() == [60, 60, 60]
