"""Protection levels match published cases, keep their guarantees, and equal brute force."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.single_leg import (
    FareClasses,
    Vector,
    booking_limits,
    emsr_a,
    emsr_b,
    expected_revenue,
    hindsight,
    littlewood,
    opportunity,
    optimal,
    partitioned,
)
from pricing.errors import InputError
from tests.optimization.fares import SHARED_DEMAND, any_classes, classes, wide


@pytest.mark.parametrize(
    ("fare", "expected_a", "expected_b"),
    [
        ([1050.0, 567.0, 534.0, 520.0], [16.72, 38.72, 55.68], [16.72, 50.94, 83.15]),
        ([1050.0, 950.0, 699.0, 520.0], [9.71, 50.46, 91.63], [9.71, 53.27, 96.83]),
    ],
)
def test_published_levels_of_four_classes(fare: list[float], expected_a: list[float], expected_b: list[float]) -> None:
    """EMSR-a and EMSR-b to the digits given."""
    case = classes(fare, *SHARED_DEMAND)
    assert emsr_a(case) == pytest.approx(expected_a, abs=0.0051)
    assert emsr_b(case) == pytest.approx(expected_b, abs=0.0051)


def test_published_levels_of_six_classes() -> None:
    """EMSR-b to the digits given."""
    mean, sd = [31.2, 10.9, 14.8, 19.9, 26.9, 36.3], [11.2, 6.6, 7.7, 8.9, 10.4, 12.0]
    case = classes([1200.0, 1000.0, 800.0, 600.0, 400.0, 200.0], mean, sd)
    assert emsr_b(case) == pytest.approx([20.36, 35.40, 54.34, 80.07, 117.44], abs=0.0051)


def test_published_levels_of_poisson_like_demand() -> None:
    """Variance equal to the mean; a capacity of 400 leaves the rest to the cheapest."""
    mean = [50.0, 75.0, 125.0, 500.0]
    levels = emsr_b(classes([250.0, 150.0, 100.0, 50.0], mean, np.sqrt(mean).tolist()))
    assert levels == pytest.approx([48.21, 124.26, 256.31], abs=0.0051)
    assert booking_limits(levels, 400).tolist() == [400, 352, 276, 144]


@pytest.mark.parametrize(("ratio", "limit"), [(0.4, 25), (0.5, 50), (0.6, 76)])
def test_published_discount_limits(ratio: float, limit: int) -> None:
    """Of 100 seats, against full-fare demand of N(50, 100): seats protected whole, the others sold at a discount."""
    assert 100 - int(littlewood(1.0, ratio, 50.0, 100.0)) == limit


def test_expected_revenue_of_the_published_case() -> None:
    """Optimal, EMSR-b and EMSR-a, with the optimal levels."""
    case, left = wide(), np.zeros(120)
    best = optimal(case, left)
    assert best.levels.tolist() == [10, 54, 98]
    assert best.limits.tolist() == [119, 109, 65, 21]
    assert best.revenue == pytest.approx(89457.5, abs=0.05)
    assert expected_revenue(case, booking_limits(emsr_b(case), 119), left) == pytest.approx(89448.1, abs=0.05)
    assert expected_revenue(case, booking_limits(emsr_a(case), 119), left) == pytest.approx(89214.4, abs=0.05)


def test_revenue_opportunity_of_the_published_case() -> None:
    """Perfect 66000, none 46000, realised 59200: 66 % of what control could add."""
    fare, demand = np.array([1000.0, 800.0, 600.0, 200.0]), np.array([25.0, 30.0, 20.0, 50.0])
    found = opportunity(fare, demand, np.array([100.0, 70.0, 45.0, 32.0]))
    assert (found.perfect, found.none, found.realised) == (66000.0, 46000.0, 59200.0)
    assert found.share == pytest.approx(0.66)


def test_nothing_to_gain_is_gained_whole() -> None:
    """Where all that is asked for fits, any limits that let it in did all they could."""
    assert opportunity(np.array([9.0, 5.0]), np.array([3.0, 4.0]), np.array([10.0, 8.0])).share == 1.0


@settings(deadline=None)
@given(any_classes())
def test_levels_never_fall(case: FareClasses) -> None:
    """Whoever is kept out by a class is kept out by all above it."""
    for levels in (emsr_a(case), emsr_b(case), optimal(case, np.zeros(61)).levels):
        assert levels.shape == (case.size - 1,)
        assert np.all(np.diff(levels) >= 0)
        assert np.all(levels >= 0)


@settings(deadline=None)
@given(st.floats(0.05, 0.95), st.floats(5, 200), st.floats(0, 50))
def test_two_classes_are_littlewood(ratio: float, mean: float, sd: float) -> None:
    """For both heuristics; and the dynamic program keeps the nearest whole number."""
    case, level = classes([100.0, 100.0 * ratio], [mean, 1.0], [sd, 1.0]), littlewood(100.0, 100.0 * ratio, mean, sd)
    assert emsr_a(case) == pytest.approx([level])
    assert emsr_b(case) == pytest.approx([level])
    assert optimal(case, np.zeros(600)).levels == pytest.approx([level], abs=0.5 + 1e-6)


@settings(deadline=None)
@given(any_classes(), st.integers(1, 80))
def test_no_limits_earn_more_than_the_optimal_ones(case: FareClasses, capacity: int) -> None:
    """Hindsight earns at least as much; the heuristics, no limits and a partition at most."""
    left = np.zeros(capacity + 1)
    best = optimal(case, left)
    heuristics = [booking_limits(rule(case), capacity) for rule in (emsr_a, emsr_b)]
    for limits in (*heuristics, np.full(case.size, capacity)):
        assert expected_revenue(case, limits, left) <= best.revenue * (1 + 1e-12)
    assert partitioned(case, capacity)[1] <= best.revenue * (1 + 1e-12)
    assert best.revenue <= hindsight(case, capacity) * (1 + 1e-12) + 1e-9
    assert expected_revenue(case, best.limits, left) == pytest.approx(best.revenue)


def _enumerated(case: FareClasses, limits: Vector, most: int) -> tuple[float, float]:
    """Revenue under limits and in hindsight, by going through every demand up to `most`."""
    chance = -np.diff(np.column_stack([case.at_least(most), np.zeros(case.size)]))
    earned = np.zeros(2)
    for demand in product(range(most + 1), repeat=case.size):
        weight = float(np.prod([chance[j, units] for j, units in enumerate(demand)]))
        found = opportunity(case.fare, np.array(demand, dtype=float), limits)
        earned += weight * np.array([found.realised, found.perfect])
    return float(earned[0]), float(earned[1])


@settings(max_examples=15, deadline=None)
@given(any_classes(most=3, mean=5.0), st.integers(1, 8))
def test_revenue_is_that_of_every_demand_in_turn(case: FareClasses, capacity: int) -> None:
    """Limits' and hindsight's, with demand beyond the capacity counting as the capacity."""
    best = optimal(case, np.zeros(capacity + 1))
    realised, perfect = _enumerated(case, best.limits.astype(float), capacity)
    assert best.revenue == pytest.approx(realised)
    assert hindsight(case, capacity) == pytest.approx(perfect)


@settings(max_examples=25, deadline=None)
@given(any_classes(most=3, mean=5.0), st.integers(1, 7))
def test_optimal_limits_are_the_best_of_all(case: FareClasses, capacity: int) -> None:
    """None of the limits that never rise earns more."""
    left = np.zeros(capacity + 1)
    every = (
        [capacity, *lower]
        for lower in product(range(capacity + 1), repeat=case.size - 1)
        if all(a >= b for a, b in zip((capacity, *lower), lower, strict=False))
    )
    best = max(expected_revenue(case, np.array(limits), left) for limits in every)
    assert optimal(case, left).revenue == pytest.approx(best)


def test_a_partition_is_the_best_of_all() -> None:
    """Of every way to give each class its own units."""
    case = classes([10.0, 7.0, 3.0], [2.0, 2.5, 4.0], [1.0, 1.5, 2.0])
    reached = np.cumsum(np.column_stack([np.zeros(3), case.at_least(6)[:, 1:]]), axis=1)
    every = [split for split in product(range(7), repeat=3) if sum(split) == 6]
    seats, revenue = partitioned(case, 6)
    assert revenue == pytest.approx(max(float(case.fare @ reached[range(3), split]) for split in every))
    assert seats.sum() == 6


def test_demand_without_spread_is_known() -> None:
    """Three buyers at the high fare are kept three seats, no more."""
    case = classes([9.0, 5.0], [3.0, 10.0], [0.0, 0.0])
    best = optimal(case, np.zeros(9))
    assert emsr_b(case).tolist() == best.levels.tolist() == [3.0]
    assert best.revenue == 3 * 9 + 5 * 5


def test_a_fare_beyond_all_others_keeps_a_finite_number() -> None:
    """Also where 1 - low / high is 1 in floating point."""
    assert littlewood(1e20, 1.0, 50.0, 10.0) == pytest.approx(142.6, abs=0.1)


def test_one_class_has_no_levels_and_may_book_everything() -> None:
    """Protection needs two."""
    case = classes([9.0], [4.0], [0.0])
    assert emsr_a(case).size == emsr_b(case).size == 0
    assert optimal(case, np.zeros(4)).limits.tolist() == [3]


def test_every_finding_is_named_with_its_place() -> None:
    """Unsorted fares, negative and missing numbers: all at once."""
    with pytest.raises(InputError) as caught:
        classes([100.0, 120.0, np.nan], [1.0, np.nan, 0.0], [-1.0, 1.0, np.inf])
    assert [finding.column for finding in caught.value.findings] == [
        "classes[0].sd",
        "classes[1].fare",
        "classes[1].mean",
        "classes[2].fare",
        "classes[2].mean",
        "classes[2].sd",
    ]
    with pytest.raises(InputError, match="same length"):
        classes([100.0, 90.0], [1.0], [1.0])
