"""The bound is valid at any weights, and cutting planes find the least of it."""

import numpy as np
import pytest

from optimization.enumeration import enumerate_all
from optimization.lagrangian import bundle
from optimization.lagrangian.bundle import lowered, minimise, tried
from optimization.steps import canonical
from tests.optimization.lagrangian.markets import market, small, tables


def test_any_weights_bound_the_best() -> None:
    """Whatever is asked for a unit of each row, up to its loss, the dual value is not below the best by brute force."""
    for seed in range(100):
        if (case := small(seed)) is None or (truth := enumerate_all(canonical(case))).steps is None:
            continue
        whole, rng = tables(case), np.random.default_rng(seed)
        least = truth.bound - 1e-9 * abs(truth.bound)
        for size in (0.0, 1.0, 100.0):
            weights = np.minimum(rng.uniform(0, size + 1e-9, len(whole.rows.limit)), whole.rows.loss)
            assert tried(whole, weights).value >= least


def test_the_least_is_found() -> None:
    """No weights nearby do better, from whatever weights the search starts."""
    whole, rng = tables(market(300)), np.random.default_rng(0)
    zero = np.zeros(len(whole.rows.limit))
    best = minimise(whole, zero, close=1e-7, deadline=np.inf)[0]
    far = minimise(whole, best.weights * 5 + 1, close=1e-7, deadline=np.inf)[0]
    assert far.value == pytest.approx(best.value, rel=2e-7)
    for _ in range(50):
        near = np.maximum(best.weights * rng.uniform(0.9, 1.1, len(zero)), 0.0)
        assert tried(whole, near).value >= best.value * (1 - 2e-7)


def test_a_sample_leads_to_the_same_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many offers most of the way is gone with a sample: few tries of all, the same bound but for rounding."""
    whole = tables(market(3_000))
    zero = np.zeros(len(whole.rows.limit))
    exact = minimise(whole, zero, close=1e-6, deadline=np.inf)
    monkeypatch.setattr(bundle, "SAMPLE", 500)
    sampled = lowered(whole, zero, close=1e-6, deadline=np.inf)
    assert len(sampled) == bundle.LEVELS < len(exact)
    assert sampled[0].value == pytest.approx(exact[0].value, rel=1e-5)
