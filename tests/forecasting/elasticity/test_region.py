"""A region is what the test of each slope leaves standing, and says so where it has no end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from forecasting.elasticity.region import Candidates, Region

CLUSTERS = 20


def candidates(demand: float, price: float, *, spread: float = 1.0, correlation: float = 0.3) -> Candidates:
    """One instrument that moves demand and price so much, errors of `spread` each."""
    covariance = spread**2 * np.array([[1.0, correlation], [correlation, 1.0]])
    return Candidates(np.array([demand]), np.array([price]), covariance, demand / price, CLUSTERS)


@pytest.mark.parametrize(("price", "pieces", "bounded"), [(9.0, 1, True), (1.5, 2, False), (0.1, 1, False)])
def test_strong_weak_and_void_instruments(price: float, pieces: int, *, bounded: bool) -> None:
    """An interval, two rays (what lies between is contradicted), every number."""
    region = candidates(-4.0 if pieces == 2 else -0.5, price).region(0.95)
    assert len(region.pieces) == pieces
    assert region.bounded is bounded


@given(st.floats(-9, 9), st.floats(0.05, 9), st.floats(-0.9, 0.9))
@settings(max_examples=60, deadline=None)
def test_with_one_instrument_it_is_the_set_of_fieller(demand: float, price: float, correlation: float) -> None:
    """A slope stands where |demand - slope price| is within t times its error (Fieller 1954)."""
    region = candidates(demand, price, correlation=correlation).region(0.95)
    limit = student.ppf(0.975, CLUSTERS - 1)
    for slope in np.concatenate([np.linspace(-20, 20, 81), [-1e6, 1e6]]):
        ratio = abs(demand - slope * price) / np.sqrt(1 - 2 * slope * correlation + slope**2)
        if abs(ratio - limit) > 1e-3:
            assert any(low <= slope <= high for low, high in region.pieces) == (ratio <= limit)


def test_the_ends_are_exact() -> None:
    """At each the test just rejects."""
    found = candidates(-6.0, 4.0)
    limit = student.ppf(0.975, CLUSTERS - 1) ** 2
    for end in found.region(0.95).pieces[0]:
        squared = (found.demand[0] - end * found.price[0]) ** 2 / (1 - 0.6 * end + end**2)
        assert squared == pytest.approx(limit, rel=1e-6)


def test_a_very_precise_region_is_found() -> None:
    """An error of a millionth."""
    region = candidates(-2.0, 1.0, spread=1e-6).region(0.95)
    assert region.lower == pytest.approx(-2, abs=1e-5)
    assert region.lower < -2 < region.upper


def test_instruments_that_contradict_each_other_leave_nothing() -> None:
    """One says -1, the other +1, both beyond doubt; agreeing ones leave their slope."""
    at_odds = Candidates(np.array([-9.0, 9.0]), np.array([9.0, 9.0]), 0.01 * np.eye(4), 0.0, CLUSTERS)
    assert at_odds.region(0.95) == Region(())
    assert at_odds.contradiction < 1e-6
    agreed = Candidates(np.array([-9.0, -9.0]), np.array([9.0, 9.0]), 0.01 * np.eye(4), -1.0, CLUSTERS)
    assert agreed.region(0.95).lower < -1 < agreed.region(0.95).upper
    assert agreed.contradiction > 0.99


def test_more_instruments_than_clusters_leave_everything() -> None:
    """Nothing can be tested."""
    many = Candidates(-np.ones(3), np.ones(3), np.eye(6), -1.0, 3)
    assert str(many.region(0.95)) == "any number"


def test_words_say_where_it_has_no_end() -> None:
    """Rays, intervals, none."""
    assert str(Region(((-np.inf, -1.0), (3.0, np.inf)))) == "up to -1.00 or +3.00 and above"
    assert str(Region(((-2.0, -1.0),))) == "-2.00 to -1.00"
    assert str(Region(())) == "none"
    assert not Region(()).bounded
