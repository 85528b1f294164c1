"""Willingness to pay has an interval that holds, or there is no number."""

import dataclasses

import numpy as np
import pytest

from forecasting.choice.fit import Fit, Model, fit
from forecasting.choice.willingness import fieller, judge, willingness
from pricing.demand import Identification
from tests.forecasting.choice.markets import PRICE, TIME, choices


def slope_of(value: float, se: float) -> Fit:
    """A fit whose price coefficient, at place 2, is this."""
    found = fit(choices(np.random.default_rng(0)), Model(("time",)))
    theta, covariance = found.theta.copy(), found.covariance.copy()
    theta[2], covariance[2, :], covariance[:, 2] = value, 0.0, 0.0
    covariance[2, 2] = se**2
    return dataclasses.replace(found, theta=theta, covariance=covariance)


@pytest.mark.parametrize(
    ("value", "se", "status", "said"),
    [
        (-1.0, 0.1, Identification.IDENTIFIED, "Dearer is chosen less"),
        (-1.0, 0.3, Identification.WEAK, "uncertain"),
        (-1.0, 0.6, Identification.NOT_IDENTIFIED, "no reaction"),
        (0.1, 0.6, Identification.NOT_IDENTIFIED, "chosen more"),
        (1.0, 0.1, Identification.NOT_IDENTIFIED, "chosen more"),
        (float("nan"), 0.1, Identification.NOT_IDENTIFIED, "chosen more"),
        (-1.0, float("nan"), Identification.NOT_IDENTIFIED, "no reaction"),
    ],
)
def test_the_status_of_a_price_coefficient(value: float, se: float, status: Identification, said: str) -> None:
    """Identified only if clearly negative; NaN never is."""
    verdict = judge(slope_of(value, se), 2)
    assert verdict.status is status
    assert said in verdict.reason


def test_fieller_limits_are_where_the_two_differ_by_just_so_many_errors() -> None:
    """At each limit r, a - r b is `critical` standard errors from 0; the ratio lies between."""
    a, b, vaa, vbb, vab = -1.2, 0.8, 0.04, 0.03, 0.01
    limits = fieller(a, b, vaa=vaa, vbb=vbb, vab=vab, critical=1.96)
    for r in limits:
        assert (a - r * b) ** 2 == pytest.approx(1.96**2 * (vaa - 2 * r * vab + r**2 * vbb))
    assert limits[0] < a / b < limits[1]


def test_fieller_limits_have_no_end_where_the_price_may_not_matter() -> None:
    """Then any ratio is possible."""
    assert fieller(1.0, 0.1, vaa=0.01, vbb=1.0, vab=0.0, critical=1.96) == (-np.inf, np.inf)


def test_with_a_strong_price_fieller_and_the_delta_method_agree() -> None:
    """To a hundredth of the error."""
    found = fit(choices(np.random.default_rng(1), n=20_000), Model(("time",)))
    ratio = willingness(found, 3, 2)
    assert ratio.value == pytest.approx(found.theta[3] / -found.theta[2])
    assert ratio.lower == pytest.approx(ratio.value - 1.96 * ratio.se, abs=0.05 * ratio.se)
    assert ratio.upper == pytest.approx(ratio.value + 1.96 * ratio.se, abs=0.05 * ratio.se)


def test_intervals_hold_the_true_willingness_to_pay() -> None:
    """In 92 to 98 of 100, over 150 seeds of few choices."""
    inside = []
    for seed in range(150):
        found = fit(choices(np.random.default_rng(seed), n=150), Model(("time",)))
        ratio = willingness(found, 3, 2)
        inside.append(ratio.lower <= TIME / -PRICE <= ratio.upper)
    assert 0.92 <= np.mean(inside) <= 0.98
