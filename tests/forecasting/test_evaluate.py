"""Losses against numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import evaluate

ACTUAL = np.array([10.0, 20.0, 30.0])
MEAN = np.array([12.0, 18.0, 33.0])
HISTORY = np.array([1.0, 3.0, 2.0, 6.0, 5.0])


def test_losses_by_hand() -> None:
    """Each loss of one small case."""
    assert evaluate.wape(ACTUAL, MEAN) == pytest.approx(7 / 60)
    assert evaluate.bias(ACTUAL, MEAN) == pytest.approx(3 / 60)
    assert evaluate.naive_scale(HISTORY, 2) == pytest.approx((1 + 3 + 3) / 3)
    assert evaluate.mase(ACTUAL, MEAN, HISTORY, 2) == pytest.approx((7 / 3) / (7 / 3))
    assert evaluate.rmsse(ACTUAL, MEAN, HISTORY) == pytest.approx(np.sqrt((17 / 3) / (22 / 4)))
    assert evaluate.coverage(ACTUAL, MEAN - 2, MEAN + 2) == pytest.approx(2 / 3)
    assert evaluate.quantile_loss(ACTUAL, MEAN, 0.9) == pytest.approx((0.1 * 2 + 0.9 * 2 + 0.1 * 3) / 3)


def test_dividing_by_nothing_is_not_a_number() -> None:
    """No sales, or a history that never changed, leave a loss undefined; they raise nothing."""
    zeros = np.zeros(3)
    assert np.isnan(evaluate.wape(zeros, MEAN))
    assert np.isnan(evaluate.mase(ACTUAL, MEAN, np.ones(5), 1))
    assert np.isnan(evaluate.rmsse(ACTUAL, MEAN, np.ones(1)))


def test_unknown_periods_of_the_history_are_passed_over() -> None:
    """A gap does not enter the scale."""
    assert evaluate.naive_scale(np.array([1.0, np.nan, 4.0, 6.0]), 1) == pytest.approx(2.0)


@settings(deadline=None)
@given(st.lists(st.floats(0.5, 1e6), min_size=2, max_size=30), st.floats(0.05, 0.95))
def test_a_perfect_forecast_loses_nothing(values: list[float], level: float) -> None:
    """Zero loss, full coverage."""
    actual = np.array(values)
    assert evaluate.wape(actual, actual) == 0
    assert evaluate.bias(actual, actual) == 0
    assert evaluate.pinball(actual, actual, actual, level) == 0
    assert evaluate.coverage(actual, actual, actual) == 1


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=20, max_size=60), st.sampled_from([0.1, 0.5, 0.9]), st.floats(-0.4, 0.4))
def test_the_quantile_itself_has_the_least_quantile_loss(values: list[float], q: float, shift: float) -> None:
    """No other constant loses less than the sample quantile (Koenker and Bassett 1978)."""
    actual = np.array(values)
    best = np.full(actual.size, np.quantile(actual, q, method="inverted_cdf"))
    other = best + shift * (np.ptp(actual) + 1)
    assert evaluate.quantile_loss(actual, best, q) <= evaluate.quantile_loss(actual, other, q) + 1e-6
