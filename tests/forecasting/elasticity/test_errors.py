"""Errors hold with few clusters, with what all share in a stretch of time, and are never small for want of clusters."""

import numpy as np
import pytest
from scipy.stats import t

from forecasting.elasticity.errors import _anew, _held, jackknife
from forecasting.elasticity.panel import linear, poisson
from forecasting.elasticity.within import codes_of
from tests.forecasting.elasticity.test_panel import panel


def test_the_jackknife_equals_leaving_out_each_cluster_in_full() -> None:
    """For least squares one step is the whole way."""
    rng = np.random.default_rng(1)
    outlet, week = (index.ravel() for index in np.indices((8, 10)))
    price = rng.normal(size=(80, 1))
    outcome = -price[:, 0] + rng.normal(size=8)[outlet] + rng.normal(size=80)
    fit = linear(outcome, price, [outlet, week])
    rests = [outlet != k for k in range(8)]
    without = [linear(outcome[rest], price[rest], [codes_of(outlet[rest]), week[rest]]) for rest in rests]
    squares = sum((one.slope - fit.slope) ** 2 for one in without)
    usual = sum(1 / one.information - 1 / fit.information for one in without) * fit.information
    assert jackknife(fit, outlet).variance == pytest.approx(squares / usual, rel=1e-6)


def test_few_clusters_err_neither_way_where_rows_are_independent() -> None:
    """Over 400 worlds of three or six outlets the variance is right on average, and t(freedom) holds the truth."""
    for outlets in (3, 6):
        found, slopes = [], []
        for seed in range(400):
            rng = np.random.default_rng(seed)
            outlet, week = (index.ravel() for index in np.indices((outlets, 12)))
            price = rng.normal(size=(len(outlet), 1))
            fit = linear(rng.normal(size=len(outlet)) - price[:, 0], price, [outlet, week])
            found.append(jackknife(fit, outlet))
            slopes.append(fit.slope + 1)
        assert np.mean([error.variance for error in found]) == pytest.approx(np.var(slopes), rel=0.15)
        reach = [error.se * t.ppf(0.975, error.freedom) for error in found]
        assert 0.92 <= np.mean(np.abs(slopes) < reach) <= 0.985


def test_clusters_with_effects_held_have_the_moments_of_the_same_with_them_anew() -> None:
    """Without effects, where both are exact."""
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(9), rng.integers(2, 30, 9))
    price = rng.normal(size=(len(cluster), 1))
    fit = linear(rng.normal(size=len(cluster)) - price[:, 0], price, [])
    anew, held = _anew(fit, cluster, 9), _held(fit, cluster)
    assert anew[0] == pytest.approx(held[0])
    assert (anew[1].trace, anew[1].squares) == pytest.approx((held[1].trace, held[1].squares))


def test_both_ways_the_crossed_clusters_count_once() -> None:
    """The sum of both variances less theirs; where clusters are the same, or dates add nothing, one way only."""
    rng = np.random.default_rng(0)
    outlet, week = (index.ravel() for index in np.indices((12, 15)))
    price, shock = (rng.normal(size=12)[outlet] + rng.normal(size=15)[week] + rng.normal(size=180) for _ in "px")
    fit = linear(shock - price, price[:, None], [np.zeros(180, dtype=np.intp)])
    one, two, crossed = (jackknife(fit, codes).variance for codes in (outlet, week, codes_of(outlet * 99 + week)))
    assert two > 3 * crossed
    assert jackknife(fit, outlet, week).variance == pytest.approx(one + two - crossed)
    assert jackknife(fit, outlet, outlet).variance == pytest.approx(one)
    alone = linear(rng.normal(size=180) - price, price[:, None], [np.zeros(180, dtype=np.intp)])
    assert jackknife(alone, outlet, week).variance == pytest.approx(jackknife(alone, outlet).variance)


def test_a_slope_that_wanders_over_time_is_in_the_error() -> None:
    """It differs by .6 from one stretch of weeks to the next, alike in all outlets: intervals hold its mean."""
    held = {"both": 0, "one": 0}
    for seed in range(100):
        rng = np.random.default_rng(seed)
        outlet, week = (index.ravel() for index in np.indices((15, 64)))
        price, stretch = rng.normal(size=(len(outlet), 1)), week // 8
        slope = rng.normal(-2, 0.6, 8)[stretch]
        fit = linear(slope * price[:, 0] + rng.normal(size=len(outlet)), price, [outlet, week])
        for name, error in (("both", jackknife(fit, outlet, stretch)), ("one", jackknife(fit, outlet))):
            held[name] += bool(abs(fit.slope + 2) < error.se * t.ppf(0.975, error.freedom))
    assert held["both"] >= 90
    assert held["one"] <= 50


def test_one_cluster_gives_no_error() -> None:
    """What cannot be compared has an infinite error, not a small one."""
    quantity, columns, outlet, week = panel()
    fit = poisson(quantity, columns, [outlet, week])
    assert jackknife(fit, np.zeros(len(outlet), dtype=np.intp)).se == np.inf
