"""Forecasts keep to the places there are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.bookings.history import Bookings, read
from forecasting.bookings.room import agreed, fitted, most, rooms

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


PART = st.tuples(st.floats(-5, 1e4), st.floats(1, 100), st.one_of(st.just(np.inf), st.floats(0, 1e4)))


@given(parts=st.lists(PART, min_size=1, max_size=8), whole=st.floats(0, 1e5))
def test_parts_add_up_to_the_whole_as_far_as_their_places_allow(
    parts: list[tuple[float, float, float]], whole: float
) -> None:
    """Whatever the parts are; none leaves its bounds, and what falls short does so for want of places."""
    mean, spread, highest = np.array(parts).T
    made = agreed(mean, spread, whole, highest)
    assert ((made >= 0) & (made <= highest)).all()
    assert made.sum() == pytest.approx(min(whole, float(highest.sum())), rel=1e-6, abs=1e-6)


def test_what_is_uncertain_gives_way() -> None:
    """Of parts with spreads of 1 and 3 the second takes nine tenths of a difference; without one nothing moves."""
    mean, spread, free = np.array([10.0, 10.0]), np.array([1.0, 3.0]), np.full(2, np.inf)
    assert agreed(mean, spread, 30.0, free).tolist() == pytest.approx([11, 19])
    assert agreed(mean, spread, 20.0, free).tolist() == [10, 10]
