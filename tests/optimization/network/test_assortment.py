"""The set found is the best there is, and no set exceeds its bound."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.highs import Run
from optimization.network import assortment
from optimization.network.assortment import Best, Group, apart, best, entering, greedy
from optimization.network.values import Vector


def group_at_random(seed: int, *, products: int = 6, segments: int = 3) -> tuple[Group, Vector]:
    """A group, and what a sale of each product is worth: less than nothing for some."""
    rng = np.random.default_rng(seed)
    ratios = rng.uniform(0, 3, (segments, products)) * (rng.random((segments, products)) < 0.7)
    return Group(np.arange(products), rng.uniform(0, 1, segments), ratios), rng.uniform(-30, 100, products)


def tried(group: Group, worth: Vector) -> float:
    """The most that any set earns, by the formula written out."""
    most = 0.0
    for chosen in product([0.0, 1.0], repeat=len(worth)):
        shown = np.array(chosen)
        earned = 0.0
        for rate, ratios in zip(group.rate, group.ratios, strict=True):
            earned += rate * float((worth * ratios * shown).sum()) / (1 + float((ratios * shown).sum()))
        most = max(most, earned)
    return most


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_few_products_are_all_tried(seed: int) -> None:
    """The best equals the best of all sets, and so does its bound; the quick bounds are not below it."""
    group, worth = group_at_random(seed)
    found, most = best(group, worth, time_limit=9), tried(group, worth)
    assert found.earned == pytest.approx(most)
    assert found.bound == found.earned
    assert not found.offered[worth <= 0].any()
    assert greedy(group, worth).earned <= most * (1 + 1e-12)
    alone = [tried(Group(group.products, group.rate[[i]], group.ratios[[i]]), worth) for i in range(len(group.rate))]
    assert apart(group, worth).bound == pytest.approx(sum(alone))
    assert greedy(group, worth).bound == pytest.approx(sum(alone))
    assert sum(alone) >= most * (1 - 1e-12)


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_one_segment_needs_no_search(seed: int) -> None:
    """Its best set is one of those worth most, down to some worth."""
    group, worth = group_at_random(seed, segments=1)
    assert apart(group, worth).earned == pytest.approx(tried(group, worth))
    assert apart(group, worth).bound == pytest.approx(tried(group, worth))


def test_many_products_go_to_the_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing left to enumerate the mixed-integer program finds the same, on 25 groups."""
    monkeypatch.setattr(assortment, "MOST_ENUMERATED", 0)
    for seed in range(25):
        group, worth = group_at_random(seed)
        found = best(group, worth, time_limit=9)
        assert found.earned == pytest.approx(tried(group, worth), rel=1e-6)
        assert found.bound == pytest.approx(found.earned, rel=1e-6)


def test_a_solver_out_of_time_leaves_the_greedy_set_and_a_valid_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of no answer the bound is that of each segment on its own."""
    monkeypatch.setattr(assortment, "MOST_ENUMERATED", 0)
    monkeypatch.setattr(assortment, "run", lambda *_, **__: Run())
    for seed in range(10):
        group, worth = group_at_random(seed)
        found = best(group, worth, time_limit=9)
        assert found.earned == greedy(group, worth).earned
        assert found.bound == apart(group, worth).bound


def test_the_exact_search_runs_only_where_the_greedy_one_does_not_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    """With many products, whatever beats the price of time will do."""
    monkeypatch.setattr(assortment, "MOST_ENUMERATED", 0)
    exact = Best(np.zeros(6, dtype=np.bool_), 0.0, 0.0)
    monkeypatch.setattr(assortment, "best", lambda *_, **__: exact)
    group, worth = group_at_random(1)
    quick = greedy(group, worth).earned
    assert entering(group, worth, beyond=quick * 0.99, time_limit=9).earned == quick
    assert entering(group, worth, beyond=quick, time_limit=9) is exact
