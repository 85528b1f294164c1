"""Bookings on hand survive, new ones come."""

import numpy as np
import pytest

from forecasting.bookings.ladder import ladder
from forecasting.bookings.similar import Traits
from tests.forecasting.bookings.hotel import HAZARD, hotel


@pytest.fixture(scope="module")
def made() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Final units expected, on hand and turnover of both segments, mean over events 20 days ahead."""
    place = hotel(days=300, size=40.0, swing=0.0)
    known = place.bookings("2024-10-26", "event", "segment")
    traits = Traits.of(known)
    rows = []
    for event in range(200, 280):
        day = int(known.start[event]) - 20
        weights = np.ones(known.finished(day + 20))
        end, turnover = ladder(known, event, day, weights=weights, size=traits.size)
        rows.append((end, known.on_hand[event, :, 20], turnover, known.final[event]))
    return tuple(np.array(rows).mean(axis=0))


def test_the_ladder_is_right_on_average(made: tuple[np.ndarray, ...]) -> None:
    """By segment, although one loses five times as many as the other."""
    end, _, _, final = made
    assert end == pytest.approx(final, rel=0.1)


def test_turnover_counts_what_comes_and_what_goes(made: tuple[np.ndarray, ...]) -> None:
    """It is at least the net change, and larger where many cancel."""
    end, on_hand, turnover, _ = made
    assert (turnover >= end - on_hand).all()
    lost = (turnover - (end - on_hand)) / on_hand
    assert lost[0] > 3 * lost[1], f"daily hazards are {HAZARD}"


def test_running_events_teach_the_leads_they_have_passed() -> None:
    """Before any event is over something is known; leads never seen take the mean of those that were."""
    place = hotel(days=60)
    known = place.bookings("2023-12-20")
    traits = Traits.of(known)
    end, turnover = ladder(known, 30, known.today, weights=np.ones(40), size=traits.size)
    assert known.finished(known.today) == 0
    assert end[0] > known.final[30, 0]
    assert np.isfinite(turnover).all()


def test_on_the_day_of_the_event_all_is_said() -> None:
    """No lead is left, so what is on hand is final."""
    known = hotel(days=60).bookings("2024-02-10")
    end, turnover = ladder(known, 30, int(known.start[30]), weights=np.ones(31), size=Traits.of(known).size)
    assert end == pytest.approx(known.final[30])
    assert turnover.tolist() == [0.0]
