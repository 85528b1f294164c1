"""Events are compared by date, weekday, venue, category and size."""

import numpy as np
import pandas as pd
import pytest

from forecasting.bookings.similar import SIZES, Traits, similar_pickup
from tests.forecasting.bookings.hotel import DAYS, hotel


@pytest.fixture(scope="module")
def traits() -> Traits:
    """Of a hotel with two houses."""
    venue = np.where(np.arange(DAYS) % 2 == 0, "sea", "hill")
    place = hotel(venue=venue)
    return Traits.of(place.bookings("2025-02-20"))


def test_the_same_date_and_weekday_of_last_year_counts_most(traits: Traits) -> None:
    """Among events of the same venue, the nearest one is 52 weeks earlier."""
    event, past = traits.start.size - 5, traits.start.size - 60
    near = traits.nearest(event, slice(0, past), int(traits.start[past]), half_life=90.0)
    assert int(near.argmax()) == event - 364


def test_recent_events_count_where_there_is_no_last_year(traits: Traits) -> None:
    """Weights are there all the same, and those of like events are the greatest."""
    near = traits.nearest(120, slice(0, 100), int(traits.start[100]), half_life=90.0)
    assert (near > 0).any()
    best = int(near.argmax())
    assert traits.venue[best] == traits.venue[120]
    assert traits.weekday[best] == traits.weekday[120]
    assert best > 80


def test_a_feature_known_of_every_event_is_used_and_one_that_is_not_is_left_out() -> None:
    """What is blank for any event may be an outcome, filled in afterwards."""
    base = Traits.of(hotel(days=50).bookings("2024-02-01")).design
    known = Traits.of(hotel(days=50, stars=np.arange(50) % 3.0).bookings("2024-02-01")).design
    blank = Traits.of(hotel(days=50, gate=[1.0] * 49 + [np.nan]).bookings("2024-02-01")).design
    assert known.shape[1] == base.shape[1] + 1
    assert blank.shape == base.shape


def test_bookings_are_compared_as_shares_where_capacities_differ() -> None:
    """A house twice as large is expected to sell twice as much; where all are alike, units are compared."""
    capacity = np.where(np.arange(50) % 2 == 0, 100.0, 200.0)
    assert Traits.of(hotel(days=50, capacity=capacity).bookings("2024-02-01")).size[:2].tolist() == pytest.approx(
        [2 / 3, 4 / 3]
    )
    assert set(Traits.of(hotel(days=50, capacity=[100.0] * 50).bookings("2024-02-01")).size) == {1.0}


def test_a_coming_event_of_another_capacity_moves_no_other() -> None:
    """It counts as its own share, be it far larger or far smaller; past events alone decide on theirs."""
    as_of, past = "2024-02-01", 32
    alike = Traits.of(hotel(days=50, capacity=np.full(50, 100.0)).bookings(as_of))
    for places in (400.0, 20.0):
        other = Traits.of(hotel(days=50, capacity=[100.0] * 49 + [places]).bookings(as_of))
        assert other.size[:49].tolist() == alike.size[:49].tolist() == [1.0] * 49
        assert other.size[49] == places / 100
        assert other.design[:49].tolist() == alike.design[:49].tolist()
    drawn = np.random.default_rng(0).uniform(90, 130, 50)
    drawn[past:] = 0.99 * SIZES * drawn[:past].min()  # larger than any past one, though within the factor
    assert set(Traits.of(hotel(days=50, capacity=drawn).bookings(as_of)).size) == {1.0}


def test_pickup_of_similar_events_is_their_weighted_mean() -> None:
    """An event without weight has no say."""
    assert similar_pickup(np.array([[1.0], [3.0], [99.0]]), np.array([1.0, 1.0, 0.0])).tolist() == [2.0]


def test_weekdays_are_those_of_the_calendar() -> None:
    """Day numbers start on a Thursday."""
    made = hotel(days=20).bookings("2024-01-10")
    days = pd.DatetimeIndex(made.events["starts_at"]).day_of_week
    assert Traits.of(made).weekday.tolist() == days.tolist()
