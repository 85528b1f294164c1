"""Bookings on hand survive, new ones come."""

import numpy as np
import pytest

from forecasting.bookings.ladder import ladder
from forecasting.bookings.similar import Traits
from tests.forecasting.bookings.hotel import HAZARD, hotel


@pytest.fixture(scope="module")
def made() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Final units expected, on hand and variance of both segments, mean over events 20 days ahead."""
    place = hotel(days=300, size=40.0, swing=0.0)
    known = place.bookings("2024-10-26", "event", "segment")
    traits = Traits.of(known)
    rows = []
    for event in range(200, 280):
        day = int(known.start[event]) - 20
        weights = np.ones(known.finished(day + 20))
        end, variance = ladder(known, event, day, weights=weights, size=traits.size)
        rows.append((end, known.on_hand[event, :, 20], variance, known.final[event]))
    return tuple(np.array(rows).mean(axis=0))


def test_the_ladder_is_right_on_average(made: tuple[np.ndarray, ...]) -> None:
    """By segment, although one loses five times as many as the other."""
    end, _, _, final = made
    assert end == pytest.approx(final, rel=0.1)


def test_the_variance_is_that_of_independent_bookings(made: tuple[np.ndarray, ...]) -> None:
    """The hotel's differ by a gamma factor as well, so its errors vary more than that, but not by much."""
    end, on_hand, variance, _ = made
    stay = np.array([(1 - HAZARD[name]) ** 20 for name in ("trade", "web")])
    assert variance == pytest.approx(end - on_hand * stay + on_hand * stay * (1 - stay), rel=0.02)


def test_running_events_teach_the_leads_they_have_passed() -> None:
    """Before any event is over something is known; leads never seen take the mean of those that were."""
    place = hotel(days=60)
    known = place.bookings("2023-12-20")
    traits = Traits.of(known)
    end, variance = ladder(known, 30, known.today, weights=np.ones(40), size=traits.size)
    assert known.finished(known.today) == 0
    assert end[0] > known.final[30, 0]
    assert np.isfinite(variance).all()


def test_on_the_day_of_the_event_all_is_said() -> None:
    """No lead is left, so what is on hand is final."""
    known = hotel(days=60).bookings("2024-02-10")
    end, variance = ladder(known, 30, int(known.start[30]), weights=np.ones(31), size=Traits.of(known).size)
    assert end == pytest.approx(known.final[30])
    assert variance.tolist() == [0.0]
