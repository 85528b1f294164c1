"""Pickup is regressed on traits and on what is on hand."""

import numpy as np
import pytest

from forecasting.bookings.pickup import ridge_pickup

RNG = np.random.default_rng(0)
DESIGN, STOCK = RNG.normal(size=(400, 3)), RNG.gamma(5, 2, (400, 2))
PICKUP = 20 + DESIGN @ np.array([[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]]) - 0.5 * STOCK


def test_a_linear_truth_is_found_for_every_group() -> None:
    """With many events the shrinkage no longer matters."""
    at, have = np.array([1.0, -1.0, 0.5]), np.array([8.0, 12.0])
    made = ridge_pickup(DESIGN, STOCK, PICKUP, np.ones(400), (at, have))
    assert made == pytest.approx([20 + 3 - 4, 20 - 2 - 6], abs=0.2)


def test_few_events_give_their_mean() -> None:
    """Three events that are all alike, and an event unlike them."""
    made = ridge_pickup(np.ones((3, 2)), np.zeros((3, 1)), np.full((3, 1), 7.0), np.ones(3), (np.zeros(2), np.zeros(1)))
    assert made.tolist() == pytest.approx([7.0])


def test_an_event_unlike_all_others_is_not_extrapolated_without_end() -> None:
    """A feature a thousand deviations off counts as three."""
    far = ridge_pickup(DESIGN, STOCK, PICKUP, np.ones(400), (np.array([1e3, 0, 0]), STOCK.mean(axis=0)))
    assert np.all(np.abs(far - 20 + 0.5 * 10) < 15)


def test_weights_say_which_events_count() -> None:
    """What has no weight is not looked at."""
    pickup = PICKUP.copy()
    pickup[200:] = 1e6
    weights = np.repeat([1.0, 0.0], 200)
    at = (DESIGN[0], STOCK[0])
    np.testing.assert_allclose(
        ridge_pickup(DESIGN, STOCK, pickup, weights, at),
        ridge_pickup(DESIGN[:200], STOCK[:200], PICKUP[:200], np.ones(200), at),
    )
