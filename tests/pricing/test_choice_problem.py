"""A choice problem agrees with its demand, and is an ordinary problem around every list of prices."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from pricing.choice_problem import ChoiceProblem
from pricing.errors import InputError
from pricing.problem import Measure, Risk
from tests.optimization.choice.markets import demand, ladder, priced

FOUND = demand([[[2.0, 1.0], [0.5, 2.0]]], 0.2, buyers=100, steps=ladder(10, 30, 3))


def test_around_prices_each_offer_has_its_own_curve() -> None:
    """At the given prices units are the demand's; along an offer's ladder only its own price moves."""
    case = priced(FOUND)
    around = case.at({"o0": Decimal("20.00"), "o1": Decimal("10.00")})
    assert [float(offer.mean[k]) for offer, k in zip(around.offers, (1, 0), strict=True)] == pytest.approx(
        FOUND.units([20.0, 10.0])[0].tolist()
    )
    assert around.offers[0].mean == pytest.approx(FOUND.units(np.array([[p, 10.0] for p in (10, 20, 30)]))[0, :, 0])


def test_what_does_not_fit_the_demand_is_refused() -> None:
    """Offers in another order, or another ladder, or a tail mean, are said in words."""
    case = priced(FOUND)
    with pytest.raises(InputError, match="not those of the demand"):
        ChoiceProblem(replace(case.base, offers=case.base.offers[::-1]), FOUND)
    with pytest.raises(InputError, match="not those of the demand"):
        ChoiceProblem(case.base, demand([2.0, 1.0], 0.2, steps=ladder(10, 30, 5)))
    with pytest.raises(InputError, match="by the mean over draws"):
        ChoiceProblem(replace(case.base, risk=Risk(Measure.CVAR)), FOUND)


def test_in_a_fixed_order_it_is_one_problem() -> None:
    """Offers in any order, with nests of their own, come out as the same problem, each with its nest's parameter."""
    found = demand([1.0, 2.0, 3.0], [0.1, 0.2, 0.3], nests=["y", "x", "y"], gamma=[0.5, 0.8], steps=ladder(10, 30, 3))
    other = replace(
        found,
        offers=("o1", "o2", "o0"),
        nests=("x", "y", "y"),
        utility=found.utility[:, :, [1, 2, 0]],
        sensitivity=found.sensitivity[:, :, [1, 2, 0]],
        gamma=found.gamma[:, ::-1],
    )
    fixed, mixed = priced(found).canonical(), priced(other).canonical()
    assert fixed.demand == mixed.demand == found
    assert [offer.id for offer in mixed.base.offers] == ["o0", "o1", "o2"]
