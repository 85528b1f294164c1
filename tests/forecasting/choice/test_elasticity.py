"""Elasticities are what the model's shares do when a price moves."""

import dataclasses

import numpy as np
import pytest

from forecasting.choice.choices import Choices, Vector
from forecasting.choice.elasticity import elasticities
from forecasting.choice.fit import Fit, Model, fit, foretold
from tests.forecasting.choice.markets import NESTS, choices
from tests.forecasting.choice.test_fit import yogurt

MODELS = [Model(("time",)), Model(("time",), nests=NESTS), Model(specific=("time",))]


def dearer(made: Choices, k: int, factor: float) -> Choices:
    """The same choices, where alternative `k` costs so much more."""
    price = made.values["price"] * np.where(np.arange(len(made.alternatives)) == k, factor, 1.0)
    return dataclasses.replace(made, values={**made.values, "price": price})


def moved(found: Fit, made: Choices, k: int) -> Vector:
    """(m,) change of ln(share) over change of ln(price of k), by recomputing the shares."""
    up, down = (foretold(found, dearer(made, k, factor))[0] for factor in (1.0001, 0.9999))
    return np.log(up / down) / np.log(1.0001 / 0.9999)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("slopes", [(-0.8,), (-0.4, -1.2)])
def test_aggregate_elasticities_are_changes_of_the_expected_shares(model: Model, slopes: tuple[float, ...]) -> None:
    """Own and cross, multinomial and nested, with segments, alternatives missing."""
    made = choices(np.random.default_rng(0), n=800, logsum=0.6 if model.nests else 1.0, slopes=slopes)
    found = fit(made, model)
    result = elasticities(found, made)
    for k in range(3):
        assert result.aggregate[:, k] == pytest.approx(moved(found, made, k), abs=1e-5)
    assert foretold(found, made)[0] @ result.aggregate == pytest.approx(np.zeros(3), abs=1e-9)


def test_at_means_is_the_elasticity_of_the_average_situation() -> None:
    """One situation with every alternative and mean columns; computed by hand for the multinomial logit."""
    made = choices(np.random.default_rng(1), absent=0.0)
    found = fit(made, Model(("time",)))
    price, time = (made.values[name].mean(axis=0) for name in ("price", "time"))
    worth = np.exp(np.array([0, *found.theta[:2]]) + found.theta[2] * price + found.theta[3] * time)
    share = worth / worth.sum()
    by_hand = found.theta[2] * price[None, :] * (np.eye(3) - share[None, :])
    assert elasticities(found, made).at_means == pytest.approx(by_hand)


def test_intervals_hold_the_true_elasticity() -> None:
    """In 90 to 99 of 100 over 100 seeds; the truth is that of the model with its true coefficients."""
    inside = []
    for seed in range(100):
        made = choices(np.random.default_rng(seed), n=250)
        found = fit(made, Model(("time",)))
        truth = elasticities(dataclasses.replace(found, theta=np.array([0.5, 1.0, -0.8, -0.5])), made).aggregate
        result = elasticities(found, made)
        inside.append(np.abs(result.aggregate - truth) <= found.critical * result.se)
    assert 0.90 <= np.mean(inside) <= 0.99


def test_an_alternative_that_is_never_there_has_no_elasticity() -> None:
    """In a part of the choices in which it was not available; the others have theirs."""
    made = choices(np.random.default_rng(2))
    found = fit(made, Model(("time",)))
    result = elasticities(found, made.where(~made.available[:, 0]))
    assert np.all(np.isnan(result.aggregate[0]))
    assert np.all(np.isfinite(result.aggregate[1:, 1:]))
    assert np.all(result.aggregate[1:, 0] == 0)


def test_the_average_situation_is_without_what_is_never_there() -> None:
    """Its elasticities at means are those among the others alone."""
    made = choices(np.random.default_rng(2))
    found = fit(made, Model(("time",)))
    part = made.where(~made.available[:, 0])
    result = elasticities(found, part).at_means
    price, time = (part.values[n].sum(axis=0)[1:] / part.available.sum(axis=0)[1:] for n in ("price", "time"))
    worth = np.exp(found.theta[:2] + found.theta[2] * price + found.theta[3] * time)
    assert result[1:, 1:] == pytest.approx(found.theta[2] * price[None, :] * (np.eye(2) - worth / worth.sum()))
    assert np.all(np.isnan(result[0]))
    assert np.all(result[1:, 0] == 0)


@pytest.mark.real_data
def test_yogurt_matches_the_published_elasticities() -> None:
    """Own, weighted by probability, to the digits given."""
    own = np.diag(elasticities(fit(yogurt(), Model(("feat",))), yogurt()).aggregate)
    assert own == pytest.approx([-1.66, -2.32, -1.77, -2.15], abs=5e-3)
