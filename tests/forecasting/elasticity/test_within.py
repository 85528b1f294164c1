"""What is left after effects are taken out is what dummies would leave."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.elasticity.within import codes_of, demean


@given(st.integers(0, 10_000), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_it_leaves_what_regression_on_dummies_leaves(seed: int, count: int) -> None:
    """Weighted, unbalanced, any number of factors."""
    rng = np.random.default_rng(seed)
    factors = [codes_of(rng.integers(0, 6, 60)) for _ in range(count)]
    columns, weights = rng.normal(size=(60, 2)), rng.uniform(0.1, 3, 60)
    dummies = np.column_stack([np.eye(factor.max() + 1)[factor] for factor in factors])
    root = np.sqrt(weights)[:, None]
    expected = columns - dummies @ np.linalg.lstsq(root * dummies, root * columns, rcond=None)[0]
    assert demean(columns, factors, weights) == pytest.approx(expected, abs=1e-7)


def test_no_factor_changes_nothing() -> None:
    """Without effects a column stays as it is."""
    columns = np.arange(6.0).reshape(3, 2)
    assert np.array_equal(demean(columns, [], np.ones(3)), columns)


def test_a_chain_of_barely_connected_levels_is_solved() -> None:
    """Units that overlap only with the next one, where plain alternating projections crawl."""
    unit, date = (index.ravel() for index in np.indices((200, 3)))
    date = date + 2 * unit
    column = np.random.default_rng(0).normal(size=(600, 1))
    left = demean(column, [codes_of(unit), codes_of(date)], np.ones(600))[:, 0]
    for factor in (unit, codes_of(date)):
        assert np.bincount(factor, left) == pytest.approx(0, abs=1e-6)


def test_few_levels_beside_many_are_solved_directly_and_right() -> None:
    """Where several hundred units share some dates and weekdays, no effect is left, with weights and rows of none."""
    rng = np.random.default_rng(0)
    factors = [codes_of(rng.integers(0, levels, 4_000)) for levels in (300, 40, 7)]
    weights = rng.uniform(0, 2, 4_000) * (factors[1] != 5)
    left = demean(rng.normal(size=(4_000, 2)) * [1.0, 1e6], factors, weights)
    for factor in factors:
        for column, size in zip(left.T, (1.0, 1e6), strict=True):
            assert np.bincount(factor, weights * column) == pytest.approx(0, abs=1e-8 * size)


@given(st.lists(st.integers(-3, 40), min_size=1, max_size=30))
def test_codes_number_the_values_in_their_order(values: list[int]) -> None:
    """Small numbers, large ones and text alike."""
    array = np.array(values)
    expected = np.unique(array, return_inverse=True)[1]
    for form in (array, 10**9 * array, array.astype(float)):
        assert np.array_equal(codes_of(form), expected)
