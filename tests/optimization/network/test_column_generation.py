"""The choice-based linear program reaches its published values, with a bound that is valid in every round."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array

from optimization.network import assortment
from optimization.network import column_generation as module
from optimization.network.column_generation import choice_based
from optimization.network.linear import pack
from optimization.network.sales_program import sales_based
from optimization.network.values import SegmentedDemand, Vector
from pricing.plan import Status
from tests.optimization.network.networks import choosing_at_random, parallel_flights, shuffled, with_capacity

seeds = st.integers(0, 10**6)
NO_PURCHASE = [(1, 5, 5, 1), (1, 10, 5, 1), (5, 20, 10, 5)]
PUBLISHED = {
    0.4: (39200.00, 39200.00, 37571.11),
    0.6: (56884.13, 56848.03, 53819.91),
    0.8: (71936.37, 71794.82, 61868.20),
    1.0: (79155.65, 76866.20, 63255.63),
    1.2: (80371.27, 78045.40, 63296.47),
    1.4: (81066.67, 78816.67, 63337.30),
}


def sold(problem: SegmentedDemand, shown: Vector) -> Vector:
    """(n,) expected sales per period while a set is offered, by the formula written out."""
    sales = np.zeros(len(shown))
    for rate, weights, nothing in zip(problem.rate, problem.weights, problem.no_purchase, strict=True):
        sales += rate * weights * shown / (nothing + float((weights * shown).sum()))
    return sales


def over_all_sets(problem: SegmentedDemand) -> float:
    """The program with a column for every set there is."""
    network = problem.network
    sets = [np.array(chosen) for chosen in product([0.0, 1.0], repeat=len(network.products))]
    sales = np.array([sold(problem, shown) for shown in sets]).T
    rows = csc_array(np.concatenate([network.uses @ sales, np.ones((1, len(sets)))]))
    room, most = np.append(network.capacity, problem.periods), np.full(len(sets), problem.periods)
    packed = pack(network.fare @ sales, rows, room, most, time_limit=60)
    assert packed is not None
    return float(network.fare @ sales @ packed.values)


def value(problem: SegmentedDemand) -> float:
    """Of the best offering."""
    found = choice_based(problem).report
    assert found.status is Status.OPTIMAL
    assert found.objective is not None
    return found.objective


@pytest.mark.parametrize("alpha", PUBLISHED)
@pytest.mark.parametrize("which", range(3))
def test_parallel_flights(alpha: float, which: int) -> None:
    """All eighteen values to the digits given."""
    assert value(parallel_flights(alpha, NO_PURCHASE[which])) == pytest.approx(PUBLISHED[alpha][which], abs=0.005)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_the_value_is_that_of_the_program_over_all_sets(seed: int) -> None:
    """Checked against a column for each of 128 sets."""
    problem = choosing_at_random(seed)
    assert value(problem) == pytest.approx(over_all_sets(problem), rel=1e-6, abs=1e-6)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_every_round_has_a_valid_bound(seed: int) -> None:
    """No round's bound is below the value, none rises, and the objective never falls."""
    problem = choosing_at_random(seed)
    steps, best = choice_based(problem).steps, over_all_sets(problem)
    bounds, objectives = [step.bound for step in steps], [step.objective for step in steps]
    assert min(bounds) >= best * (1 - 1e-7)
    assert np.all(np.diff(bounds) <= 0)
    assert np.all(np.diff(objectives) >= -1e-7 * best)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_the_offering_can_be_carried_out(seed: int) -> None:
    """Its sets fill the horizon, sell what it says, and use no more than there is, by the formula written out."""
    problem = choosing_at_random(seed)
    network, answer = problem.network, choice_based(problem)
    assert answer.offered is not None
    assert answer.units is not None
    assert answer.bid_prices is not None
    total = np.zeros(len(network.products))
    for offered in answer.offered:
        total += offered.periods * sold(
            problem, np.array([name in offered.products for name in network.products]) * 1.0
        )
    assert sum(offered.periods for offered in answer.offered) == pytest.approx(problem.periods)
    assert total == pytest.approx(answer.units, rel=1e-6, abs=1e-6)
    assert np.all(network.uses @ total <= network.capacity * (1 + 1e-6) + 1e-6)
    assert float(network.fare @ total) == pytest.approx(answer.report.objective, rel=1e-6, abs=1e-6)
    assert np.all(answer.bid_prices >= 0)


@given(seeds, st.integers(0, 127))
@settings(max_examples=25, deadline=None)
def test_no_set_alone_earns_more(seed: int, which: int) -> None:
    """Offering one set as long as capacity lasts is one of the program's answers."""
    problem = choosing_at_random(seed)
    rate = sold(problem, np.array([which >> j & 1 for j in range(7)]) * 1.0)
    use, capacity = problem.network.uses @ rate, problem.network.capacity
    lasts = min([problem.periods, *(capacity[use > 0] / use[use > 0]).tolist()])
    assert value(problem) >= float(problem.network.fare @ rate) * lasts * (1 - 1e-9)


@given(seeds, st.integers(0, 2), st.integers(1, 30))
@settings(max_examples=25, deadline=None)
def test_more_capacity_never_earns_less_and_lowers_its_own_bid_price(seed: int, which: int, more: int) -> None:
    """The value is concave in each capacity."""
    problem = choosing_at_random(seed)
    capacity = problem.network.capacity.copy()
    capacity[which] += more
    few, many = choice_based(problem), choice_based(replace(problem, network=with_capacity(problem.network, capacity)))
    assert few.bid_prices is not None
    assert many.bid_prices is not None
    assert few.report.objective is not None
    assert many.report.objective is not None
    gained, rounding = many.report.objective - few.report.objective, 1e-5 * few.report.objective + 1e-5
    assert gained >= -rounding
    assert more * many.bid_prices[which] - rounding <= gained <= more * few.bid_prices[which] + rounding


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_the_order_of_everything_changes_nothing(seed: int) -> None:
    """Products, resources and segments in another order get the very same numbers."""
    problem, rng = choosing_at_random(seed), np.random.default_rng(seed)
    products, resources, segments = rng.permutation(7), rng.permutation(3), rng.permutation(3)
    other = SegmentedDemand(
        shuffled(problem.network, products, resources),
        problem.periods,
        tuple(problem.segments[i] for i in segments),
        problem.rate[segments],
        problem.weights[segments][:, products],
        problem.no_purchase[segments],
    )
    answer, again = choice_based(problem), choice_based(other)
    assert answer.offered == again.offered
    assert answer.units is not None
    assert answer.bid_prices is not None
    assert again.units is not None
    assert again.bid_prices is not None
    assert np.array_equal(answer.units[products], again.units)
    assert np.array_equal(answer.bid_prices[resources], again.bid_prices)


@given(seeds, st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_segments_that_share_nothing_are_the_sales_based_program(seed: int, segments: int) -> None:
    """One segment, or several apart: both programs have one value."""
    problem = choosing_at_random(seed, segments=segments, apart=True)
    assert value(problem) == pytest.approx(sales_based(problem).report.objective, rel=1e-6, abs=1e-6)


def test_with_many_products_greedy_and_solver_reach_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing enumerated, the value is still that over all sets."""
    monkeypatch.setattr(assortment, "MOST_ENUMERATED", 0)
    for seed in range(6):
        problem = choosing_at_random(seed)
        assert value(problem) == pytest.approx(over_all_sets(problem), rel=1e-6)


def test_without_time_there_is_a_bound_and_no_offering() -> None:
    """What the segments would pay, each shown the best for it alone, bounds it."""
    problem = parallel_flights(0.6, NO_PURCHASE[0])
    answer = choice_based(problem, time_limit=0.0)
    assert answer.report.status is Status.TIME_LIMIT
    assert answer.offered is None
    assert answer.units is None
    assert answer.report.bound is not None
    assert answer.report.bound >= 56884.13


def test_a_solver_that_is_wrong_gives_no_offering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times that do not earn what the bid prices bound do not leave."""
    monkeypatch.setattr(
        module, "pack", lambda *args, **rest: (found := pack(*args, **rest)) and replace(found, values=found.values / 2)
    )
    assert choice_based(parallel_flights(0.6, NO_PURCHASE[0])).offered is None


def test_nobody_who_comes_buys_nothing() -> None:
    """With no arrivals the answer is to offer nothing, for the whole horizon."""
    problem = replace(parallel_flights(0.6, NO_PURCHASE[0]), rate=np.zeros(4))
    answer = choice_based(problem)
    assert answer.report.objective == 0.0
    assert answer.offered is not None
    assert [(offered.products, offered.periods) for offered in answer.offered] == [((), 300.0)]


def test_it_ends_where_rounding_keeps_the_gap_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set enters once: if none is new, the last round is the last, whatever the gap."""
    monkeypatch.setattr(module, "_proven", lambda _: False)
    answer = choice_based(parallel_flights(0.6, NO_PURCHASE[0]), time_limit=3.0)
    assert answer.report.status is Status.OPTIMAL
    assert len(answer.steps) <= 2**6 + 1
