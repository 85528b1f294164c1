"""The nested logit is the one of the textbook, and its maximum is found."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.choice.choices import Matrix
from forecasting.choice.design import lay_out, terms_of
from forecasting.choice.logit import multinomial, probabilities
from forecasting.choice.nested import Nests, NoMaximumError, loglik_and_scores, nested, shares
from tests.forecasting.choice.markets import ALTERNATIVES, NESTS, choices


def by_hand(utility: list[float], homes: list[int], logsum: list[float]) -> list[float]:
    """Probabilities, sum by sum (Train 2009, equation 4.2)."""
    there = [j for j, v in enumerate(utility) if math.isfinite(v)]
    total = {g: sum(math.exp(utility[j] / logsum[g]) for j in there if homes[j] == g) for g in homes}
    every = sum(t ** logsum[g] for g, t in total.items() if t > 0)
    made = [0.0] * len(utility)
    for j in there:
        g = homes[j]
        made[j] = math.exp(utility[j] / logsum[g]) * total[g] ** (logsum[g] - 1) / every
    return made


def test_a_level_that_all_alternatives_share_changes_nothing() -> None:
    """Prices a hundred million up, alternatives missing: the same coefficients, log-sum parameter and information."""
    made = choices(np.random.default_rng(6), n=800, logsum=0.6)
    shifted = replace(made, values={"price": (made.values["price"] + 1e8) * made.available})
    found = []
    for each in (made, shifted):
        design = lay_out(each, terms_of(each))
        found.append(nested(design, Nests.among(each.alternatives, NESTS), multinomial(design)))
    assert found[1].theta == pytest.approx(found[0].theta, rel=1e-4)
    assert found[1].information == pytest.approx(found[0].information, rel=1e-4)


@given(st.integers(0, 10_000))
def test_probabilities_are_those_of_the_textbook(seed: int) -> None:
    """For any nests, parameters and missing alternatives; they sum to 1."""
    rng = np.random.default_rng(seed)
    homes = np.unique(rng.integers(0, 3, 5), return_inverse=True)[1]
    logsum = rng.uniform(0.2, 1.0, homes.max() + 1)
    utility = rng.normal(0, 2, (4, 5))
    utility[:, 1:][rng.random((4, 4)) < 0.3] = -np.inf
    found = shares(utility, Nests((), homes.astype(np.int64)), logsum).share
    expected = [by_hand(row.tolist(), homes.tolist(), logsum.tolist()) for row in utility]
    assert found == pytest.approx(np.array(expected), abs=1e-12)
    assert found.sum(axis=1) == pytest.approx(np.ones(4))


def test_extreme_utilities_stay_finite() -> None:
    """Far beyond what exp can hold."""
    utility: Matrix = np.array([[900.0, -900.0, 0.0], [-np.inf, -np.inf, -2000.0]])
    found = shares(utility, Nests(("a",), np.array([0, 0, 1])), np.array([0.3, 1.0])).share
    assert found == pytest.approx(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))


def test_with_log_sum_parameters_of_1_it_is_the_multinomial_logit() -> None:
    """Whatever the nests."""
    made = choices(np.random.default_rng(0), n=50)
    utility = np.where(made.available, made.values["price"], -np.inf)
    nests = Nests.among(made.alternatives, NESTS)
    assert shares(utility, nests, np.ones(2)).share == pytest.approx(probabilities(utility))


def test_the_gradient_is_that_of_the_likelihood() -> None:
    """By differences, at a point that is no maximum, with two nests and alternatives missing."""
    made = choices(np.random.default_rng(1), n=200, alternatives=4)
    design = lay_out(made, terms_of(made, attributes=["time"]))
    nests = Nests.among(ALTERNATIVES, {"ground": ("bus", "car"), "fast": ("rail", "plane")})
    theta = np.array([0.3, -0.2, 0.4, -0.5, -0.7, 0.6, 1.3])
    level, scores = loglik_and_scores(design, nests, theta)
    by_differences = [
        (loglik_and_scores(design, nests, theta + step)[0] - loglik_and_scores(design, nests, theta - step)[0]) / 2e-6
        for step in np.eye(7) * 1e-6
    ]
    assert scores.sum(axis=0) == pytest.approx(by_differences, rel=1e-6, abs=1e-4)
    k = len(design.terms)
    expected = [
        by_hand(row.tolist(), nests.of.tolist(), theta[k:].tolist())[chosen]
        for row, chosen in zip(design.utility(theta[:k]), design.chosen, strict=True)
    ]
    assert level == pytest.approx(sum(math.log(p) for p in expected))


def test_the_maximum_is_one_and_above_the_multinomial() -> None:
    """No gradient is left, and no step of one standard error is higher."""
    made = choices(np.random.default_rng(2), n=1500, logsum=0.4)
    design = lay_out(made, terms_of(made, attributes=["time"]))
    nests = Nests.among(made.alternatives, NESTS)
    plain = multinomial(design)
    best = nested(design, nests, plain)
    error = np.sqrt(np.diag(np.linalg.inv(best.information)))
    assert best.loglik > plain.loglik + 2
    assert best.scores.sum(axis=0) * error == pytest.approx(np.zeros(5), abs=1e-4)
    for step in np.diag(error):
        assert loglik_and_scores(design, nests, best.theta + step)[0] < best.loglik
        assert loglik_and_scores(design, nests, best.theta - step)[0] < best.loglik


def test_a_log_sum_parameter_that_runs_to_a_limit_is_said() -> None:
    """In a nest whose buyers always take the cheaper, the parameter runs to 0."""
    rng = np.random.default_rng(3)
    made = choices(rng, n=300, absent=0.0, logsum=0.02)
    design = lay_out(made, terms_of(made, attributes=["time"]))
    with pytest.raises(NoMaximumError, match="public"):
        nested(design, Nests.among(made.alternatives, NESTS), multinomial(design))
