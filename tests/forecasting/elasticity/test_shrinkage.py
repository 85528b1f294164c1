"""Pooling tempers imprecise slopes and leaves precise ones alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t, truncnorm

from forecasting.elasticity.shrinkage import GENERAL, BelowZero, Said, covariates_of, pool, spreads_of

ENDS = np.array([0.025, 0.5, 0.975])


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
    assert (pooled.mean[-1], pooled.sd[-1]) == (pooled.unseen_mean[-1], pooled.unseen_sd[-1])
    assert pooled.unseen_mean[-1] == pytest.approx(-2.0, abs=0.1)
    assert pooled.unseen_sd[-1] == pytest.approx(0.35, abs=0.15)


@pytest.mark.parametrize("slopes", [[], [np.nan, np.nan], [0.4, 0.5]])
def test_without_a_credible_mean_below_zero_general_knowledge_stands_in(slopes: list[float]) -> None:
    """No groups, no numbers, or numbers that say dearer sells more."""
    pooled = pool(slopes, [0.05] * len(slopes), credible=all_true(len(slopes)), own=[False] * len(slopes))
    assert pooled.mean.tolist() == [GENERAL.mean] * len(slopes)
    assert pooled.sd.tolist() == [GENERAL.sd] * len(slopes)


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
        mean, tau = rng.normal(GENERAL.mean, GENERAL.sd), abs(rng.normal(0, GENERAL.sd))
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
            -0.5 * np.linalg.slogdet(seen)[1] - 0.5 * off @ np.linalg.solve(seen, off) + np.log(tau) - tau**2 / 2
        )
        means.append(GENERAL.mean + (prior @ np.linalg.solve(seen, off))[0])
        variances.append((prior - prior @ np.linalg.solve(seen, prior))[0, 0])
    weight = np.exp(np.array(log_weight) - max(log_weight))
    weight /= weight.sum()
    mean = weight @ means
    sd = np.sqrt(weight @ (np.array(variances) + (np.array(means) - mean) ** 2))
    pooled = pool(b.tolist(), [spread] * 2, credible=all_true(2), own=all_true(2))
    if pooled.unseen_sd[0] == GENERAL.sd:
        return  # the mean may be above 0: general knowledge stands in
    assert (pooled.mean[0], pooled.sd[0]) == pytest.approx((mean, sd), rel=1e-6)


def test_groups_take_after_those_they_share_something_with() -> None:
    """Ten products of each of two segments, -3 and -1: an eleventh that is not seen takes after its segment."""
    rng = np.random.default_rng(0)
    truth = np.array([-3.0, -1.0] * 11)
    keys = [(f"p{k // 2}", "ab"[k % 2]) for k in range(22)]
    seen = [*all_true(20), False, False]
    slopes = rng.normal(truth, 0.2).tolist()
    pooled = pool(slopes, [0.2] * 22, credible=seen, own=seen, covariates=covariates_of(keys, [1.0] * 22))
    assert pooled.mean[-2:] == pytest.approx([-3, -1], abs=0.25)
    alike = pool(slopes, [0.2] * 22, credible=seen, own=seen)
    assert pooled.sd[-1] < 0.6 * alike.sd[-1]


def test_a_dear_product_takes_after_dear_ones() -> None:
    """Elasticity falls by .5 per standard deviation of log price."""
    rng = np.random.default_rng(1)
    price = rng.normal(2, 1, 40)
    truth = -2 - 0.5 * (price - 2)
    seen = [*all_true(38), False, False]
    covariates = covariates_of([(str(k),) for k in range(40)], price.tolist())
    pooled = pool(rng.normal(truth, 0.2).tolist(), [0.2] * 40, credible=seen, own=seen, covariates=covariates)
    assert pooled.mean[-2:] == pytest.approx(truth[-2:], abs=0.25)


def test_covariates_that_tell_nothing_change_little() -> None:
    """Mean squared error of pooled slopes with twenty of them against none: at most a tenth more."""
    rng = np.random.default_rng(2)
    ratios = []
    for _ in range(20):
        truth = rng.normal(-2, 0.4, 40)
        slopes = rng.normal(truth, 0.5)
        known = covariates_of([(str(k), str(k % 10)) for k in range(40)], rng.normal(0, 1, 40).tolist())
        with_, without = (
            pool(slopes.tolist(), [0.5] * 40, credible=all_true(40), own=all_true(40), covariates=c).mean
            for c in (known, None)
        )
        ratios.append(np.sum((with_ - truth) ** 2) / np.sum((without - truth) ** 2))
    assert np.mean(ratios) < 1.1


def test_what_is_handed_on_is_below_zero_with_the_interval_of_the_distribution_there() -> None:
    """A group whose posterior reaches above 0 keeps mean, error and interval of what lies below."""
    pooled = pool([-0.1, np.nan], [0.6, 1.0], credible=[False, False], own=[True, False])
    assert pooled.mean[0] + 1.96 * pooled.sd[0] > 0
    table = pooled.below_zero()
    draws = np.random.default_rng(0).normal(pooled.mean[0], pooled.sd[0], 400_000)
    draws = draws[draws < 0]
    ends = np.quantile(draws, [0.025, 0.975])
    expected = [draws.mean(), draws.std(), *ends]
    assert table.iloc[0].to_numpy() == pytest.approx(expected, abs=0.01)
    assert (table["upper"] < 0).all()


def noisy(rng: np.random.Generator, sizes: list[float], alpha: float, freedom: float = 3.0) -> list[Said]:
    """Groups of true error sqrt(1 + alpha size) / 2, told with so many degrees of freedom."""
    noise = [(1 + alpha * size) * rng.chisquare(freedom) / freedom for size in sizes]
    return [Said(-2.0, 0.5 * told**0.5, freedom, 4.0, size) for told, size in zip(noise, sizes, strict=True)]


def test_errors_from_few_clusters_lean_on_what_the_others_show() -> None:
    """What comes out is nearer to the truth; an error of 11 degrees of freedom and those of few groups stand alone."""
    said = noisy(np.random.default_rng(0), [1.0] * 49, 0.0)
    spreads = spreads_of([*said, Said(-2.0, 0.4, 11.0, 4.0, 1.0)])
    assert np.abs(spreads[:49] - 0.5).mean() < 0.3 * np.abs(np.array([one.se for one in said]) - 0.5).mean()
    assert spreads[49] == pytest.approx(0.4 * t.ppf(0.975, 11) / 1.959964)
    assert spreads_of(said[:3]) == pytest.approx([one.se * t.ppf(0.975, 3) / 1.959964 for one in said[:3]])


def test_noise_grows_with_the_size_of_sales() -> None:
    """Slow and best sellers in one table: errors of both are right, not those of the average."""
    said = noisy(np.random.default_rng(1), [1.0, 100.0] * 100, 0.05, freedom=5)
    spreads = spreads_of(said)
    for start, truth in ((0, 0.5 * 1.05**0.5), (1, 0.5 * 6**0.5)):
        assert np.sqrt(np.mean(spreads[start::2] ** 2)) == pytest.approx(truth, rel=0.15)


def test_what_too_few_rows_tell_counts_as_much_as_the_noise_of_the_others_says() -> None:
    """Their slope has an error then; without enough others it has none, and moves nobody."""
    rows = Said(-3.0, information=4.0, size=1.0)
    said = noisy(np.random.default_rng(2), [1.0] * 60, 0.5)
    assert spreads_of([*said, rows])[-1] == pytest.approx(0.5 * 1.5**0.5, rel=0.15)
    assert np.isnan(spreads_of([*said[:4], rows])[-1])
    spreads = spreads_of([*said[:4], rows]).tolist()
    pooled = pool([-2.0] * 4 + [-3.0], spreads, credible=all_true(5), own=all_true(5))
    alone = pool([-2.0] * 4, spreads[:4], credible=all_true(4), own=all_true(4))
    assert pooled.mean[:4] == pytest.approx(alone.mean)


def test_logs_that_err_less_than_a_poisson_are_believed() -> None:
    """Of regressions in logs the noise is the variance of what is left, far below 1."""
    said = [Said(-2.0, 0.1 * np.sqrt(c / 3), 3.0, 4.0, 1.0) for c in np.random.default_rng(3).chisquare(3, 80)]
    assert np.median(spreads_of(said)) == pytest.approx(0.1, rel=0.15)


@given(st.floats(-6, 3), st.floats(0.05, 3))
def test_moments_and_quantiles_are_those_of_the_cut_normal(location: float, scale: float) -> None:
    """Against scipy's, as long as the cut leaves it digits."""
    if location > 8 * scale:
        return
    found, reference = BelowZero(location, scale), truncnorm(-np.inf, -location / scale, loc=location, scale=scale)
    assert found.mean == pytest.approx(reference.mean(), rel=1e-6)
    assert found.sd == pytest.approx(reference.std(), rel=1e-4)
    assert found.quantile(ENDS) == pytest.approx(reference.ppf(ENDS), rel=1e-6)


@given(st.floats(-6, 1), st.floats(0.05, 2))
def test_mean_and_deviation_lead_back_to_it(location: float, scale: float) -> None:
    """Draws from a table's mean and error have them, and the interval that stood beside them."""
    if location > 8 * scale:
        return
    cut = BelowZero(location, scale)
    again = BelowZero.with_moments(cut.mean, cut.sd)
    assert (again.mean, again.sd) == pytest.approx((cut.mean, cut.sd), rel=1e-5)
    assert again.quantile(ENDS) == pytest.approx(cut.quantile(ENDS), rel=1e-3)


@pytest.mark.parametrize(("mean", "sd"), [(-0.5, 2.0), (-1.0, 1.0), (0.4, 0.5), (0.0, 1.0)])
def test_what_no_such_distribution_can_be_still_gives_no_positive_draw(mean: float, sd: float) -> None:
    """An error above the mean's size keeps a mean below 0."""
    cut = BelowZero.with_moments(mean, sd)
    draws = cut.quantile(np.random.default_rng(0).random(100_000))
    assert draws.max() < 0
    if mean < 0:
        assert draws.mean() == pytest.approx(mean, rel=0.02)


def test_without_a_scale_it_is_a_spike() -> None:
    """At the mean, or at 0 for one that is above."""
    assert BelowZero.with_moments(-2.0, 0.0).quantile(ENDS).tolist() == [-2.0] * 3
    assert BelowZero.with_moments(1.0, 0.0).quantile(ENDS).tolist() == [0.0] * 3
