"""Pooling tempers imprecise slopes and leaves precise ones alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.elasticity.shrinkage import GENERAL, pool


def all_true(n: int) -> list[bool]:
    """Every group is meant."""
    return [True] * n


def test_a_precise_slope_keeps_its_value_and_an_imprecise_one_moves_to_the_mean() -> None:
    """Ten groups around -2."""
    slopes, spreads = [-2.3, *np.linspace(-2.2, -1.8, 8), -6.0], [0.01, *[0.1] * 8, 3.0]
    pooled = pool(slopes, spreads, credible=all_true(10), own=all_true(10))
    assert pooled.mean[0] == pytest.approx(-2.3, abs=0.01)
    assert pooled.mean[-1] == pytest.approx(-2.0, abs=0.2)
    assert pooled.sd[-1] < 1.0


def test_a_group_without_a_number_of_its_own_gets_the_distribution_of_an_unseen_one() -> None:
    """Whatever its slope was."""
    slopes, spreads = [*np.linspace(-2.5, -1.5, 8), 5.0], [0.1] * 9
    flags = [*all_true(8), False]
    pooled = pool(slopes, spreads, credible=flags, own=flags)
    assert (pooled.mean[-1], pooled.sd[-1]) == (pooled.unseen.mean, pooled.unseen.sd)
    assert pooled.unseen.mean == pytest.approx(-2.0, abs=0.1)
    assert pooled.unseen.sd == pytest.approx(0.35, abs=0.15)


@pytest.mark.parametrize("slopes", [[], [np.nan, np.nan], [0.4, 0.5]])
def test_without_a_credible_mean_below_zero_general_knowledge_stands_in(slopes: list[float]) -> None:
    """No groups, no numbers, or numbers that say dearer sells more."""
    pooled = pool(slopes, [0.05] * len(slopes), credible=all_true(len(slopes)), own=[False] * len(slopes))
    assert pooled.unseen == GENERAL
    assert pooled.mean.tolist() == [GENERAL.mean] * len(slopes)


@given(st.floats(-4, -0.5), st.floats(0.05, 2.0))
def test_one_group_lies_between_its_slope_and_the_general_prior(slope: float, spread: float) -> None:
    """And is never less sure than the prior nor than its own estimate."""
    pooled = pool([slope], [spread], credible=[True], own=[True])
    low, high = sorted((slope, GENERAL.mean))
    assert low - 1e-9 <= pooled.mean[0] <= high + 1e-9
    assert pooled.sd[0] <= spread + 1e-9


def test_pooling_beats_own_slopes_where_rows_are_few_and_its_intervals_cover() -> None:
    """Worlds drawn as the model supposes: 95 % intervals hold about 95 % of the truths."""
    rng = np.random.default_rng(0)
    gains, inside = [], []
    for _ in range(100):
        mean, tau = rng.normal(-2, 0.3), abs(rng.normal(0, 0.5))
        truth, spread = rng.normal(mean, tau, 30), rng.uniform(0.2, 1.2, 30)
        slopes = rng.normal(truth, spread)
        pooled = pool(slopes.tolist(), spread.tolist(), credible=all_true(30), own=all_true(30))
        gains.append(np.mean((pooled.mean - truth) ** 2) / np.mean((slopes - truth) ** 2))
        inside.append(np.mean(np.abs(pooled.mean - truth) < 1.96 * pooled.sd))
    assert np.mean(gains) < 0.4
    assert 0.92 < np.mean(inside) < 0.98


@pytest.mark.parametrize(("groups", "worlds"), [(1, 3_000), (2, 1_500), (4, 800), (10, 400)])
def test_intervals_cover_as_often_as_they_say_however_few_groups_there_are(groups: int, worlds: int) -> None:
    """Worlds drawn from the prior: 80 % intervals hold 80 % of the truths, within four standard errors over worlds."""
    rng = np.random.default_rng(groups)
    inside = np.zeros(worlds)
    for world in range(worlds):
        mean, tau = rng.normal(GENERAL.mean, GENERAL.sd), abs(rng.normal(0, 0.5))
        truth = rng.normal(mean, tau, groups)
        slopes = rng.normal(truth, 0.6)
        pooled = pool(slopes.tolist(), [0.6] * groups, credible=all_true(groups), own=all_true(groups))
        inside[world] = np.mean(np.abs(truth - pooled.mean) < 1.281552 * pooled.sd)
    assert inside.mean() == pytest.approx(0.8, abs=4 * inside.std() / np.sqrt(worlds))


@given(st.floats(-3, -1), st.floats(-3, -1), st.floats(0.2, 1.0))
def test_two_groups_have_the_exact_posterior(first: float, second: float, spread: float) -> None:
    """The same by Gaussian conditioning on all slopes at once, tau on a fine grid."""
    b = np.array([first, second])
    taus = np.geomspace(0.01, 3.0, 60)
    log_weight, means, variances = [], [], []
    for tau in taus:
        prior = tau**2 * np.eye(2) + GENERAL.sd**2
        seen = prior + spread**2 * np.eye(2)
        off = b - GENERAL.mean
        log_weight.append(
            -0.5 * np.linalg.slogdet(seen)[1] - 0.5 * off @ np.linalg.solve(seen, off) + np.log(tau) - 2 * tau**2
        )
        means.append(GENERAL.mean + (prior @ np.linalg.solve(seen, off))[0])
        variances.append((prior - prior @ np.linalg.solve(seen, prior))[0, 0])
    weight = np.exp(np.array(log_weight) - max(log_weight))
    weight /= weight.sum()
    mean = weight @ means
    sd = np.sqrt(weight @ (np.array(variances) + (np.array(means) - mean) ** 2))
    pooled = pool(b.tolist(), [spread] * 2, credible=all_true(2), own=all_true(2))
    if pooled.unseen == GENERAL:
        return  # the mean may be above 0: general knowledge stands in
    assert (pooled.mean[0], pooled.sd[0]) == pytest.approx((mean, sd), rel=1e-6)
