"""Intervals hold what they say, learnt from past events foreseen again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.bookings.combine import Outlook
from forecasting.bookings.intervals import EVENTS, FEW, Bank, Errors, banks, bounds, errors, nearest_leads
from forecasting.bookings.similar import Traits
from tests.forecasting.bookings.hotel import hotel


def foreseen(mean: float, variance: float = 10.0) -> Outlook:
    """An outlook of one group."""
    return Outlook(np.array([mean]), np.array([variance]), np.array([0.0]), "combination")


def test_a_bank_holds_the_level_in_new_errors() -> None:
    """Eighty in a hundred of errors drawn like those of the bank are inside, also of a small bank."""
    rng = np.random.default_rng(0)
    held = []
    for _ in range(400):
        low, high = Bank.of(rng.normal(size=25), np.ones(25)).quantiles(0.8)
        held.append(((low <= (new := rng.normal(size=50))) & (new <= high)).mean())
    assert np.mean(held) == pytest.approx(0.8, abs=0.02)


def test_weights_move_the_bounds_to_the_errors_that_count() -> None:
    """Errors without weight are as if they had not been."""
    error = np.concatenate([np.linspace(-1, 1, 50), np.linspace(50, 60, 50)])
    low, high = Bank.of(error, np.repeat([1.0, 0.0], 50)).quantiles(0.8)
    assert -1 <= low < high <= 1


@given(
    mean=st.floats(-50, 500),
    variance=st.floats(0, 1e6),
    room=st.one_of(st.just(np.inf), st.floats(0, 400)),
    level=st.floats(0.01, 0.99),
    counts=st.booleans(),
    error=st.lists(st.floats(-10, 10), min_size=1, max_size=30),
)
def test_bounds_enclose_the_mean_and_stay_inside_the_room(
    mean: float, variance: float, room: float, level: float, *, counts: bool, error: list[float]
) -> None:
    """Whatever the errors were: 0 <= lower <= mean <= upper <= room."""
    bank = Bank.of(np.array(error), np.ones(len(error)))
    expected, lower, upper = bounds(foreseen(mean, variance), [bank], np.array([room]), level, counts=counts)
    assert 0 <= lower[0] <= expected[0] <= upper[0] <= room
    assert np.isfinite(upper[0])


def test_the_mean_allows_for_demand_cut_at_the_room() -> None:
    """Where demand may exceed the room, expected sales are below both the room and expected demand."""
    bank = Bank.of(np.linspace(-2, 2, 101), np.ones(101))
    expected, _, upper = bounds(foreseen(100.0, 100.0), [bank], np.array([100.0]), 0.8, counts=True)
    assert 60 < expected[0] < 95
    assert upper[0] == 100


def test_bounds_of_counts_are_whole() -> None:
    """Half a guest never comes; the mean may be anything."""
    bank = Bank.of(np.linspace(-1, 1, 30), np.ones(30))
    _, lower, upper = bounds(foreseen(20.3), [bank], np.array([np.inf]), 0.8, counts=True)
    assert lower[0] % 1 == upper[0] % 1 == 0
    _, lower, upper = bounds(foreseen(20.3), [bank], np.array([np.inf]), 0.8, counts=False)
    assert lower % 1 > 0


def test_past_events_are_foreseen_again_at_the_leads_asked_for() -> None:
    """At the leads of the list nearest to them, and only finished ones."""
    known = hotel(days=200).bookings("2024-06-10")
    found = errors(known, Traits.of(known), range(1, 60))
    assert set(found.lead) <= {lead for far in range(1, 60) for lead in nearest_leads(far)}
    assert len(set(found.lead)) < 20
    assert found.event.max() < known.finished(known.today)
    assert len(found.event) <= 20 * EVENTS


def test_without_enough_errors_a_wide_guess_is_taken() -> None:
    """One finished event tells nothing about how far off a forecast may be."""
    known = hotel(days=60).bookings("2024-01-02")
    found = Errors(np.zeros(FEW - 1, np.int64), np.ones(FEW - 1, np.int64), np.zeros((FEW - 1, 1)))
    low, high = banks(found, Traits.of(known), 10, 5, known.today)[0].quantiles(0.8)
    assert low < -1.5
    assert high > 1.5


def test_errors_of_near_leads_are_used() -> None:
    """For 9 days ahead those of 8 and 10 days, not those of 62; and only those of one lead, where they are enough."""
    lead = np.repeat([2, 8, 10, 62], 64)
    found = Errors(np.arange(256), lead, np.zeros((256, 1)))
    assert set(lead[found.near(9)]) == {8, 10}
    lead = np.repeat([2, 10, 62], 150)
    found = Errors(np.arange(450), lead, np.zeros((450, 1)))
    assert set(lead[found.near(10)]) == {10}
