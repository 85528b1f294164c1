"""Booking limits above capacity equal enumeration, simulation and brute force."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from optimization.overbooking import (
    Shows,
    controls,
    effective_capacity,
    for_certain,
    net_revenue,
    optimal_limits,
    service_limit,
    value_limit,
)
from optimization.single_leg import FareClasses, booking_limits, emsr_b, optimal
from pricing.errors import InputError
from tests.optimization.fares import any_classes, classes, wide


def _turned_away(bookings: int, shows: Shows, capacity: int) -> float:
    """Expected units turned away, by going through every number that may come."""
    come = np.arange(bookings + 1)
    return float(binom.pmf(come, bookings, shows.show_up) @ np.maximum(come - capacity, 0))


@settings(deadline=None)
@given(st.floats(0.05, 1.0), st.integers(1, 30), st.integers(0, 60))
def test_units_turned_away_are_exact(show_up: float, capacity: int, bookings: int) -> None:
    """For every number of bookings, by enumeration."""
    shows = Shows(show_up, 1.0)
    expected = [_turned_away(booked, shows, capacity) for booked in range(bookings + 1)]
    assert shows.denied(bookings, capacity) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None)
@given(st.floats(0.1, 1.0), st.integers(1, 40), st.floats(0.05, 0.9), st.floats(0.0, 0.5))
def test_the_value_limit_earns_most(show_up: float, capacity: int, ratio: float, refunded: float) -> None:
    """Among all numbers of bookings, of which each earns its fare and some are turned away."""
    shows = Shows(show_up, 100.0, refunded)
    fare = ratio * 100.0 * show_up / (1 - refunded)
    limit = value_limit(fare, shows, capacity)
    booked = np.arange(limit + 100)
    earned = fare * (1 - refunded) * booked - 100.0 * shows.denied(limit + 99, capacity)
    assert limit >= capacity
    assert earned[limit] == pytest.approx(earned.max())


@settings(deadline=None)
@given(st.floats(0.1, 1.0), st.integers(1, 200), st.floats(0.0, 0.5))
def test_the_service_limit_is_the_last_that_keeps_it(show_up: float, capacity: int, tolerance: float) -> None:
    """One more would turn someone away too often."""
    shows = Shows(show_up, 100.0)
    limit = service_limit(shows, capacity, tolerance)
    assert binom.sf(capacity, limit, show_up) <= tolerance < binom.sf(capacity, limit + 1, show_up)


def test_when_everyone_comes_limits_are_those_of_protection() -> None:
    """Turning away at a high cost is a capacity."""
    shows = Shows(1.0, 1e6)
    assert value_limit(520.0, shows, 119) == service_limit(shows, 119, 0.1) == 119
    best = optimal_limits(wide(), shows, 119)
    assert best.limits.tolist() == [119, 109, 65, 21]
    assert best.revenue == pytest.approx(optimal(wide(), np.zeros(120)).revenue)


@settings(max_examples=15, deadline=None)
@given(any_classes(most=2, mean=5.0), st.floats(0.5, 0.95), st.integers(1, 4), st.floats(1.2, 3.0))
def test_optimal_limits_are_the_best_of_all(case: FareClasses, show_up: float, capacity: int, cost: float) -> None:
    """None of the limits that never rise earns more, also far above capacity."""
    shows = Shows(show_up, cost * float(case.fare[0]) / show_up, 0.1)
    best = optimal_limits(case, shows, capacity)
    top = int(best.limits[0]) + 2
    every = (
        limits for limits in product(range(top + 1), repeat=case.size) if sorted(limits, reverse=True) == [*limits]
    )
    brute = max(net_revenue(case, np.array(limits), shows, capacity) for limits in every)
    assert best.revenue == pytest.approx(brute)
    assert net_revenue(case, best.limits, shows, capacity) == pytest.approx(best.revenue)


def test_net_revenue_is_what_simulated_seasons_earn() -> None:
    """Within three standard errors: demand, bookings cheapest first, refunds, shows, people turned away."""
    case, shows, capacity, rng = wide(), Shows(0.9, 1500.0, 0.05), 119, np.random.default_rng(0)
    limits = booking_limits(emsr_b(case), effective_capacity(case, shows, capacity))
    times = 40_000
    demand = np.maximum(np.floor(rng.normal(case.mean, case.sd, (times, 4)) + 0.5), 0)
    booked, earned = np.zeros(times), np.zeros(times)
    for j in (3, 2, 1, 0):
        sold = np.clip(demand[:, j], 0, np.maximum(limits[j] - booked, 0))
        booked, earned = booked + sold, earned + 0.95 * case.fare[j] * sold
    earned -= 1500.0 * np.maximum(rng.binomial(booked.astype(int), 0.9) - capacity, 0)
    error = earned.std() / np.sqrt(times)
    assert net_revenue(case, limits, shows, capacity) == pytest.approx(earned.mean(), abs=3 * error)


def test_protection_on_the_effective_capacity_comes_near_the_best() -> None:
    """Within half a percent here, and never above; selling only what is there earns clearly less."""
    case, shows = wide(), Shows(0.9, 1500.0)
    best = optimal_limits(case, shows, 119).revenue
    near = net_revenue(case, booking_limits(emsr_b(case), effective_capacity(case, shows, 119)), shows, 119)
    cautious = net_revenue(case, booking_limits(emsr_b(case), 119), shows, 119)
    assert 0.995 * best < near <= best
    assert cautious < 0.96 * best


def test_the_effective_capacity_is_the_value_limit_at_the_mean_fare() -> None:
    """Weighted by demand: nearly all ask for the cheap class."""
    case, shows = classes([1000.0, 100.0], [1.0, 99.0], [1.0, 10.0]), Shows(0.9, 1500.0)
    assert effective_capacity(case, shows, 60) == value_limit(109.0, shows, 60) < value_limit(550.0, shows, 60)


def test_a_service_level_caps_every_limit() -> None:
    """The best limits under it, not above it."""
    shows = Shows(0.9, 1500.0)
    most = service_limit(shows, 119, 0.01)
    capped, free = optimal_limits(wide(), shows, 119, most), optimal_limits(wide(), shows, 119)
    assert capped.limits[0] == most < free.limits[0]
    assert capped.revenue < free.revenue


def test_a_cost_below_the_fare_has_no_limit() -> None:
    """It is refused in words."""
    with pytest.raises(InputError, match="no limit would hold"):
        value_limit(100.0, Shows(0.9, 100.0), 50)


def test_every_finding_is_named_at_once() -> None:
    """NaN too; and a chance so low that thousands would be booked for a seat."""
    with pytest.raises(InputError) as caught:
        Shows(float("nan"), 0.0, 1.0)
    assert [finding.column for finding in caught.value.findings] == ["show_up", "denied_cost", "refunded"]
    with pytest.raises(InputError, match="more than 200,000 times"):
        optimal_limits(classes([9.0], [5.0], [1.0]), Shows(1e-4, 1e6), 50)


def test_every_rule_is_held_against_the_best() -> None:
    """With what it earns; Littlewood's for two classes; nobody books beyond the service limit."""
    shows = Shows(0.9, 1500.0)
    free, capped = controls(wide(), shows, 119), controls(wide(), shows, 119, service_limit(shows, 119, 0.01))
    assert list(free) == ["first-come", "emsr-a", "emsr-b", "optimal"]
    for rule, control in free.items():
        assert control.revenue <= free["optimal"].revenue
        assert control.revenue == pytest.approx(net_revenue(wide(), control.limits, shows, 119))
        assert capped[rule].limits[0] <= service_limit(shows, 119, 0.01) < control.limits[0]
    two = classes([1050.0, 699.0], [17.3, 39.6], [5.8, 13.2])
    assert controls(two, for_certain(two), 40)["littlewood"].levels == pytest.approx(emsr_b(two))
