"""Closed forms and roots give the prices that a numeric search finds, to the digits of the reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize

from optimization.choice import best_prices
from pricing.choice import ChoiceDemand
from pricing.errors import InputError
from tests.optimization.choice.markets import demand, numeric

Floats = NDArray[np.float64]
SEEDS = st.integers(0, 10**6)


def searched(found: ChoiceDemand, cost: Floats) -> float:
    """Best profit by a quasi-Newton search from several starts."""
    starts = [cost + markup for markup in (1.0, 3.0, 8.0)]
    runs = [
        minimize(lambda p: -numeric(found, cost, p), start, method="BFGS", options={"gtol": 1e-9}) for start in starts
    ]
    return -min(float(run.fun) for run in runs)


def test_multinomial_logit_of_the_reference() -> None:
    """One price sensitivity: the prices and the profit per customer of the closed form with Lambert's W."""
    found = best_prices(demand([5, 4, 3], 1.2), [2, 1.5, 1])
    assert found.prices[0] == pytest.approx([4.31381, 3.81381, 3.31381], abs=5e-6)
    assert found.profit[0] == pytest.approx(1.48047, abs=5e-6)


def test_nested_logit_of_the_reference() -> None:
    """Two nests, four sensitivities: prices and profit to the digits given, one adjusted markup per nest."""
    cost, b = np.array([1, 0.8, 1.5, 1]), np.array([1, 1.2, 0.8, 1])
    case = demand([3, 2.5, 4, 3], b, nests=["x", "x", "y", "y"], gamma=[0.6, 0.8])
    found = best_prices(case, cost)
    assert found.prices[0] == pytest.approx([4.83001, 4.46334, 5.24176, 4.49176], abs=5e-6)
    assert found.profit[0] == pytest.approx(2.19265810, abs=5e-9)
    markups = found.prices[0] - cost - 1 / b
    assert markups[0] == pytest.approx(markups[1], abs=1e-12)
    assert markups[2] == pytest.approx(markups[3], abs=1e-12)
    assert markups[0] != pytest.approx(markups[2], abs=0.1)


@settings(deadline=None, max_examples=12)
@given(SEEDS, st.sampled_from(["one", "own", "nested"]))
def test_the_formula_equals_the_search(seed: int, kind: str) -> None:
    """The profit agrees with a numeric optimum: one sensitivity, one per offer, nests with any gamma."""
    rng = np.random.default_rng(seed)
    cost, b = rng.uniform(0, 3, 4), rng.uniform(0.4, 2.5, 1 if kind == "one" else 4)
    nests, gamma = (["x", "x", "y", "y"], rng.uniform(0.2, 1, 2)) if kind == "nested" else (None, (1.0,))
    case = demand(rng.uniform(-1, 6, 4), b, nests=nests, gamma=gamma, outside=float(rng.uniform(-1, 1)))
    found, profit = best_prices(case, cost), searched(case, cost)
    assert found.profit[0] == pytest.approx(numeric(case, cost, found.prices[0]), rel=1e-9)
    assert found.profit[0] >= profit * (1 - 1e-9)
    assert found.profit[0] == pytest.approx(profit, rel=1e-5)


@pytest.mark.parametrize("gamma", [0.3, 0.42, 0.49])
@pytest.mark.parametrize("outside", [0.0, 2.0, 4.0])
def test_a_nest_with_several_peaks_takes_the_highest(gamma: float, outside: float) -> None:
    """Sensitivities far apart in a nest give several stationary prices, near and dear; the best of all is returned."""
    b, markups = np.array([0.05, 3.0]), np.linspace(0, 80, 20_001)[:, None]
    case = demand([0.0, 10.8], b, nests=["x", "x"], gamma=[gamma], outside=outside)
    found, scanned = best_prices(case, [0.0, 0.0]), markups + 1 / b
    assert found.profit[0] >= (case.probabilities(scanned)[0, :, 0] * scanned).sum(axis=1).max()
    assert found.profit[0] == pytest.approx(numeric(case, np.zeros(2), found.prices[0]))


def test_one_price_list_per_draw() -> None:
    """Each draw of the demand has its own best prices, which is how sure they are."""
    each = [demand([a, 3.0], 0.8) for a in (2.0, 3.0)]
    both = best_prices(demand([[[2.0, 3.0]], [[3.0, 3.0]]], 0.8), [1, 1])
    assert both.prices == pytest.approx(np.array([best_prices(one, [1, 1]).prices[0] for one in each]))


@pytest.mark.parametrize("cost", [[1.0], [1.0, float("nan")]])
def test_costs_that_do_not_fit_are_refused(cost: list[float]) -> None:
    """A cost that is missing, or too few of them, is said in words."""
    with pytest.raises(InputError, match="one finite number per offer"):
        best_prices(demand([1, 2], 0.8), cost)


def test_several_segments_have_no_closed_form() -> None:
    """The profit of a mixture has many peaks: it is refused here, not guessed at."""
    with pytest.raises(InputError, match="several segments need ladders"):
        best_prices(demand([[[1.0, 2.0], [2.0, 1.0]]], 0.8), [1, 1])
