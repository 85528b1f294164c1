"""Pickup is regressed on traits and on what is on hand."""

import numpy as np
import pytest

from forecasting.bookings.pickup import carried, ridge_pickup

RNG = np.random.default_rng(0)
DESIGN, STOCK = RNG.normal(size=(400, 3)), RNG.gamma(5, 2, (400, 2))
PICKUP = 20 + DESIGN @ np.array([[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]]) - 0.5 * STOCK


def test_a_linear_truth_is_found_for_every_group() -> None:
    """With many events the shrinkage no longer matters."""
    at, have = np.array([1.0, -1.0, 0.5]), np.array([8.0, 12.0])
    made, _ = ridge_pickup(DESIGN, STOCK, PICKUP, np.ones(400), (at, have))
    assert made == pytest.approx([20 + 3 - 4, 20 - 2 - 6], abs=0.2)


def test_few_events_give_their_mean() -> None:
    """Three events that are all alike, and an event unlike them."""
    made, _ = ridge_pickup(
        np.ones((3, 2)), np.zeros((3, 1)), np.full((3, 1), 7.0), np.ones(3), (np.zeros(2), np.zeros(1))
    )
    assert made.tolist() == pytest.approx([7.0])


def test_an_event_unlike_all_others_is_not_extrapolated_without_end() -> None:
    """A feature a thousand deviations off counts as three."""
    far, _ = ridge_pickup(DESIGN, STOCK, PICKUP, np.ones(400), (np.array([1e3, 0, 0]), STOCK.mean(axis=0)))
    assert np.all(np.abs(far - 20 + 0.5 * 10) < 15)


def test_weights_say_which_events_count() -> None:
    """What has no weight is not looked at."""
    pickup = PICKUP.copy()
    pickup[200:] = 1e6
    weights = np.repeat([1.0, 0.0], 200)
    at = (DESIGN[0], STOCK[0])
    np.testing.assert_allclose(
        ridge_pickup(DESIGN, STOCK, pickup, weights, at)[0],
        ridge_pickup(DESIGN[:200], STOCK[:200], PICKUP[:200], np.ones(200), at)[0],
    )


def test_what_was_missed_is_what_the_regression_does_not_say() -> None:
    """A linear truth leaves nothing; a shift of some events is left with them."""
    _, none = ridge_pickup(DESIGN, STOCK, PICKUP, np.ones(400), (DESIGN[0], STOCK[0]))
    assert np.abs(none).max() < 0.2
    shifted = PICKUP + np.where(np.arange(400) < 20, 5.0, 0.0)[:, None]
    _, missed = ridge_pickup(DESIGN, STOCK, shifted, np.ones(400), (DESIGN[0], STOCK[0]))
    assert missed[:20].mean() == pytest.approx(4.75, abs=0.2)


def test_misses_nearby_are_carried_on_and_distant_ones_are_not() -> None:
    """Many alike are believed, one is believed by a fifth, and none at all leaves 0."""
    missed = np.full((100, 1), 6.0)
    assert carried(missed, np.ones(100)) == pytest.approx([6.0], rel=0.05)
    assert carried(missed, np.eye(100)[0]).tolist() == pytest.approx([6 / 5])
    assert carried(missed, np.zeros(100)).tolist() == [0]
