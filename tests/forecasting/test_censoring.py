"""Sold-out sales are a lower bound of demand; what lies beyond is estimated, not ignored."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from forecasting.censoring import demand_beyond, raised, with_demand
from forecasting.count_model import CountModel
from forecasting.select import unconstrained
from tests.forecasting.examples import future, history


def brute_force(sold: int, mean: float, dispersion: float) -> float:
    """E[D | D >= sold] by adding up probabilities."""
    count = np.arange(sold, sold + 5000)
    chance = nbinom.pmf(count, 1 / dispersion, 1 / (1 + dispersion * mean)) if dispersion else poisson.pmf(count, mean)
    return float((count * chance).sum() / chance.sum())


@pytest.mark.parametrize("dispersion", [0.0, 0.05, 0.8])
@pytest.mark.parametrize(("sold", "mean"), [(1, 0.8), (20, 12.0), (20, 20.0), (20, 45.0), (100, 90.0)])
def test_expected_demand_is_the_sum_over_the_tail(sold: int, mean: float, dispersion: float) -> None:
    """The closed form equals brute force."""
    expected = brute_force(sold, mean, dispersion)
    assert demand_beyond(np.array([float(sold)]), np.array([mean]), dispersion)[0] == pytest.approx(expected, rel=1e-6)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(1e-6, 1e6)), min_size=1, max_size=20),
    st.sampled_from([0.0, 1e-4, 0.3, 4.0]),
)
def test_demand_is_never_below_what_sold_nor_boundless(cases: list[tuple[float, float]], dispersion: float) -> None:
    """However unlikely the sell-out: finite, at least what sold, at most four times as much."""
    sold, mean = np.array(cases).T
    demand = demand_beyond(sold, mean, dispersion)
    assert np.all((sold <= demand) & (demand <= np.maximum(4 * sold, 1.0)))


def test_only_what_sold_out_is_raised_and_by_its_share() -> None:
    """A period half of which sold out is raised half as much."""
    censored = np.array([0.0, 1.0, 0.5, 0.0])
    past = history([20.0, 20.0, 20.0, np.nan], censored=censored)
    demand = raised(past, np.full(4, 22.0), 0.1)
    assert demand[0] == 20
    assert demand[1] > 20
    assert demand[2] - 20 == pytest.approx((demand[1] - 20) / 2)
    assert np.isnan(demand[3])
    assert not with_demand(past, demand).censored.any()


@pytest.mark.parametrize("dispersion", [0.0, 0.1])
def test_hidden_demand_is_recovered_better_than_by_ignoring_sell_outs(dispersion: float) -> None:
    """Over many simulated halls that sell out in about half the weeks, the bias all but goes."""
    ignored, estimated = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        mean = 40 * np.exp(0.3 * np.sin(2 * np.pi * np.arange(156) / 52.18))
        demand = rng.poisson(mean * (rng.gamma(1 / dispersion, dispersion, 156) if dispersion else 1.0)).astype(float)
        sold = np.minimum(demand, 40.0)
        past = history(sold, censored=(demand >= 40).astype(np.float64))
        ignored.append(sold.mean() / mean.mean() - 1)
        estimated.append(unconstrained(past, None).sales.mean() / mean.mean() - 1)
    assert np.mean(ignored) < -0.09
    assert abs(np.mean(estimated)) < 0.04


def test_a_forecast_from_sold_out_weeks_is_of_demand() -> None:
    """The count regression forecasts above the stock that ran out."""
    rng = np.random.default_rng(5)
    demand = rng.poisson(50, 120).astype(float)
    past = history(np.minimum(demand, 48.0), censored=(demand >= 48).astype(np.float64))
    naive = history(np.minimum(demand, 48.0))
    said, unaware = (CountModel().fit(h).forecast(future(h), level=0.8, seed=0).mean.mean() for h in (past, naive))
    assert unaware < 47
    assert said == pytest.approx(50, rel=0.05)


def test_what_no_model_can_tell_is_left_alone() -> None:
    """Three sold-out weeks are too few to say how much more could have been sold."""
    past = history([5.0, 5.0, 5.0], censored=np.ones(3))
    assert unconstrained(past, None) is past
