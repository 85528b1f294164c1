"""An allocation is the best there is, proves it, and keeps every capacity."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import block_diag, csc_array

from optimization.network import deterministic
from optimization.network.deterministic import Allocation, allocate
from optimization.network.linear import Packed
from optimization.network.values import IndependentDemand, Network
from pricing.plan import Report, Status
from tests.optimization.network.networks import shuffled, trips, wanted_at_random, with_capacity

seeds = st.integers(0, 10**6)


def value(problem: IndependentDemand) -> float:
    """Of the best allocation."""
    found = allocate(problem).report
    assert found.status is Status.OPTIMAL
    assert found.objective is not None
    return found.objective


def test_the_published_network() -> None:
    """Allocation, bid prices and objective to the digit."""
    answer = allocate(trips())
    assert answer.units == pytest.approx([5, 4, 5, 0, 3, 0, 1, 0, 0, 5])
    assert answer.bid_prices == pytest.approx([380, 420, 0])
    assert answer.report.objective == pytest.approx(10140)
    assert answer.report.gap == pytest.approx(0, abs=1e-9)


@given(seeds)
@settings(max_examples=100, deadline=None)
def test_an_allocation_is_feasible_and_proven_by_its_bid_prices(seed: int) -> None:
    """Checked here on the raw numbers: within capacity and demand, and equal to what its bid prices bound."""
    problem = wanted_at_random(seed)
    network, answer = problem.network, allocate(problem)
    assert answer.units is not None
    assert answer.bid_prices is not None
    assert np.all(answer.bid_prices >= 0)
    assert np.all((answer.units >= 0) & (answer.units <= problem.demand))
    assert np.all(network.uses @ answer.units <= network.capacity * (1 + 1e-12))
    left = np.maximum(network.fare - network.uses.T @ answer.bid_prices, 0.0) @ problem.demand
    bound = float(answer.bid_prices @ network.capacity + left)
    assert answer.report.objective == pytest.approx(float(network.fare @ answer.units))
    assert bound == pytest.approx(answer.report.objective, rel=1e-6, abs=1e-5)
    assert bound == pytest.approx(answer.report.bound, rel=1e-9, abs=1e-5)


@given(seeds, st.integers(0, 3), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_more_capacity_never_earns_less_and_lowers_its_own_bid_price(seed: int, which: int, more: int) -> None:
    """The value is concave in each capacity, whichever of several bid prices is reported."""
    problem = wanted_at_random(seed)
    capacity = problem.network.capacity.copy()
    capacity[which] += more
    roomier = replace(problem, network=with_capacity(problem.network, capacity))
    few, many = allocate(problem), allocate(roomier)
    assert few.bid_prices is not None
    assert many.bid_prices is not None
    assert value(roomier) >= value(problem) * (1 - 1e-9)
    assert many.bid_prices[which] <= few.bid_prices[which] * (1 + 1e-6) + 1e-6
    gained = value(roomier) - value(problem)
    assert more * many.bid_prices[which] <= gained * (1 + 1e-6) + 1e-3
    assert gained <= more * few.bid_prices[which] * (1 + 1e-6) + 1e-3


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_the_order_of_products_and_resources_changes_nothing(seed: int) -> None:
    """Not even which of several equally good allocations is returned."""
    problem = wanted_at_random(seed)
    rng = np.random.default_rng(seed)
    products, resources = rng.permutation(10), rng.permutation(4)
    other = IndependentDemand(shuffled(problem.network, products, resources), problem.demand[products])
    answer, again = allocate(problem), allocate(other)
    assert answer.units is not None
    assert answer.bid_prices is not None
    assert again.units is not None
    assert again.bid_prices is not None
    assert np.array_equal(answer.units[products], again.units)
    assert np.array_equal(answer.bid_prices[resources], again.bid_prices)


def test_networks_that_share_nothing_do_not_change_each_other() -> None:
    """Put side by side, each gets the very answer it gets alone; an event of one resource is one of them."""
    parts = [trips(), wanted_at_random(3), wanted_at_random(5, resources=1, products=6)]
    together = IndependentDemand(
        Network(
            tuple(f"{n} {name}" for n, part in enumerate(parts) for name in part.network.resources),
            np.concatenate([part.network.capacity for part in parts]),
            tuple(f"{n} {name}" for n, part in enumerate(parts) for name in part.network.products),
            np.concatenate([part.network.fare for part in parts]),
            csc_array(block_diag([part.network.uses for part in parts])),
        ),
        np.concatenate([part.demand for part in parts]),
    )
    answer, alone = allocate(together), [allocate(part) for part in parts]
    assert np.concatenate([part.units for part in alone]).tolist() == pytest.approx(answer.units, abs=0)
    assert np.concatenate([part.bid_prices for part in alone]).tolist() == pytest.approx(answer.bid_prices, abs=0)


def test_one_resource_is_filled_from_the_most_earned_per_unit_down() -> None:
    """Two units at 90 earn less per unit of room than one at 60; the next in line prices the room."""
    network = Network(
        ("room",), np.array([5.0]), ("a", "b", "c"), np.array([90.0, 60.0, 20.0]), csc_array([[2.0, 1, 1]])
    )
    answer = allocate(IndependentDemand(network, np.array([4.0, 2.0, 9.0])))
    assert answer.units == pytest.approx([1.5, 2.0, 0.0])
    assert answer.bid_prices == pytest.approx([45.0])


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(1, 200)), min_size=2, max_size=8))
@settings(max_examples=100, deadline=None)
def test_room_for_exactly_what_is_wanted_is_sold_out(wanted: list[tuple[int, int]]) -> None:
    """In tenths of units, which do not add up exactly in any order: everyone is served, and that is proven."""
    demand, fare = np.array(wanted, dtype=np.float64).T
    tenths = IndependentDemand(
        Network(
            ("room",),
            np.array([demand.sum() / 10]),
            tuple(f"p{n}" for n in range(len(fare))),
            fare,
            csc_array(np.ones((1, len(fare)))),
        ),
        demand / 10,
    )
    assert value(tenths) == pytest.approx(float(fare @ demand) / 10)


def test_no_room_no_demand_and_no_use_are_answered() -> None:
    """Nothing is sold of what is gone or unwanted; what takes nothing is sold to all; what is plenty is worth 0."""
    network = Network(
        ("gone", "plenty"),
        np.array([0.0, 99.0]),
        ("a", "b", "c", "d"),
        np.array([50.0, 40.0, 30.0, 20.0]),
        csc_array([[1.0, 0, 0, 0], [1.0, 1, 1, 0]]),
    )
    answer = allocate(IndependentDemand(network, np.array([3.0, 0.0, 5.0, 7.0])))
    assert answer.units == pytest.approx([0.0, 0.0, 5.0, 7.0])
    assert answer.bid_prices == pytest.approx([50.0, 0.0])
    none = allocate(IndependentDemand(network, np.zeros(4)))
    assert none.report.objective == 0.0


def test_quantities_of_any_size_are_solved() -> None:
    """Billions beside single seats: each network keeps its own precision."""
    for scale in (1e-6, 1e12):
        problem = trips()
        scaled = IndependentDemand(
            with_capacity(problem.network, problem.network.capacity * scale), problem.demand * scale
        )
        answer = allocate(scaled)
        assert answer.units is not None
        assert answer.units / scale == pytest.approx([5, 4, 5, 0, 3, 0, 1, 0, 0, 5])


def test_without_time_there_is_a_bound_and_no_allocation() -> None:
    """What all demand would pay bounds it."""
    answer = allocate(trips(), time_limit=0.0)
    assert answer.report.status is Status.TIME_LIMIT
    assert answer.units is None
    assert answer.bid_prices is None
    assert answer.report.bound == pytest.approx(float(trips().network.fare @ trips().demand))


def test_a_solver_that_is_wrong_gives_no_allocation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bid prices or an allocation that do not prove each other do not leave; too much is cut to what there is."""
    poor = Packed(trips().demand / 10, np.full(3, 400.0))
    monkeypatch.setattr(deterministic, "pack", lambda *_, **__: poor)
    assert allocate(trips()).units is None
    greedy = Packed(trips().demand, np.array([0.0, 420, 380]))
    monkeypatch.setattr(deterministic, "pack", lambda *_, **__: greedy)
    assert allocate(trips()).units is None


def test_an_unproven_allocation_cannot_be_made() -> None:
    """Nor one without bid prices."""
    with pytest.raises(ValueError, match="proof"):
        Allocation(Report(Status.TIME_LIMIT, "m", 0.0), np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match="proof"):
        Allocation(Report(Status.OPTIMAL, "m", 0.0), np.ones(1))
