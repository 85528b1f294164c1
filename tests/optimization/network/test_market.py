"""A market falls into groups that share no product, and its bound holds at any bid prices."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.network.assortment import apart
from optimization.network.column_generation import choice_based
from optimization.network.market import Market
from tests.optimization.network.networks import choosing_at_random, parallel_flights
from tests.optimization.network.test_sales_program import two_segments


def test_segments_linked_by_a_product_are_one_group() -> None:
    """The published market is one; its first two segments alone are two."""
    assert [len(group.rate) for group in Market.of(parallel_flights(1.0, (1, 5, 5, 1))).groups] == [4]
    groups = Market.of(two_segments()).groups
    assert [len(group.rate) for group in groups] == [1, 1]
    assert sorted(np.concatenate([group.products for group in groups])) == list(range(6))


def test_weights_count_against_that_of_buying_nothing() -> None:
    """A segment's ratios are its weights over it."""
    group = Market.of(two_segments()).groups[1]
    assert sorted(group.ratios[0].tolist()) == [0.2, 1.0, 2.0]


@given(st.integers(0, 10**6), st.lists(st.floats(0, 900), min_size=3, max_size=3))
@settings(max_examples=25, deadline=None)
def test_any_bid_prices_bound_the_value(seed: int, prices: list[float]) -> None:
    """Weak duality, whatever the prices."""
    problem = choosing_at_random(seed)
    market = Market.of(problem)
    worth = market.adjusted(np.array(prices))
    bound = market.bound(np.array(prices), [apart(group, worth[group.products]) for group in market.groups])
    objective = choice_based(problem).report.objective
    assert objective is not None
    assert bound >= objective * (1 - 1e-6)
