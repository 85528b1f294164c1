"""The demand handed to the optimizer is that of the fitted model, and never of a price response nobody can tell."""

import dataclasses
from decimal import Decimal

import numpy as np
import pytest

from forecasting.choice.choices import Choices
from forecasting.choice.demand import choice_demand
from forecasting.choice.fit import Fit, Model, fit
from forecasting.choice.nested import shares
from pricing.choice import ChoiceDemand
from pricing.demand import Identification
from pricing.errors import InputError
from pricing.model import Ladder
from tests.forecasting.choice.markets import NESTS, choices

LADDER = Ladder((Decimal(1), Decimal(2), Decimal(3)))
PUBLIC = dict.fromkeys(("bus", "rail"), LADDER)
NESTED = Model(("time",), nests=NESTS)


def handed(found: Fit, made: Choices, *, draws: int = 400) -> ChoiceDemand:
    """Demand for bus and rail; the car is what buyers may take instead."""
    buyers = [100.0] * len(made.segments)
    return choice_demand(found, made, PUBLIC, buyers=buyers, draws=draws, rng=np.random.default_rng(0))


@pytest.mark.parametrize("model", [Model(("time",)), NESTED])
def test_its_probabilities_are_the_models(model: Model) -> None:
    """At new prices, all else at its mean; the mean over draws lies near the estimate's own."""
    made = choices(np.random.default_rng(0), n=3000, logsum=0.5 if model.nests else 1.0)
    found = fit(made, model)
    demand = handed(found, made)
    mean = np.array([made.values[n].sum(axis=0) / made.available.sum(axis=0) for n in ("price", "time")])
    price = np.array([2.0, 3.0, mean[0, 2]])
    k = found.coefficients
    utility = np.array([0, *found.theta[:2]]) + found.theta[2] * price + found.theta[3] * mean[1]
    expected = shares(utility[None, :], found.nests, found.nests.logsum(found.theta[k:])).share[0, :2]
    assert demand.probabilities([2.0, 3.0])[:, 0].mean(axis=0) == pytest.approx(expected, abs=0.01)
    assert demand.units([2.0, 3.0]).mean(axis=0) == pytest.approx(100 * expected, abs=1)
    assert demand.nests == (("public", "public") if model.nests else ("bus", "rail"))


def test_draws_spread_like_the_estimate() -> None:
    """Standard deviation of the price sensitivity over draws is its standard error."""
    made = choices(np.random.default_rng(1), n=2000)
    found = fit(made, Model(("time",)))
    demand = handed(found, made, draws=2000)
    assert demand.sensitivity[:, 0, 0].std() == pytest.approx(found.se[2], rel=0.1)
    assert demand.sensitivity[:, 0, 0].mean() == pytest.approx(-found.theta[2], rel=0.02)


def test_segments_have_their_own_sensitivity_and_buyers() -> None:
    """One thrice as sensitive; evidence is that of all."""
    made = choices(np.random.default_rng(2), n=4000, slopes=(-0.4, -1.2))
    demand = handed(fit(made, Model(("time",))), made)
    assert demand.segments == ("kind=0", "kind=1")
    assert demand.sensitivity.mean(axis=(0, 2)) == pytest.approx([0.4, 1.2], abs=0.1)
    assert {e.status for e in demand.evidence} == {Identification.IDENTIFIED}
    assert all(e.elasticity < 0 for e in demand.evidence)


def segmented(seed: int = 6) -> Choices:
    """Two kinds of buyers; the second was never offered rail, the plane is always there."""
    made = choices(np.random.default_rng(seed), n=4000, alternatives=4, slopes=(-0.8, -0.8), absent=0.0)
    gone = (made.segment == 1)[:, None] & (np.arange(4) == 1)
    kept = ~gone[np.arange(4000), made.chosen]
    values = {name: np.where(gone, 0.0, value) for name, value in made.values.items()}
    return dataclasses.replace(made, values=values, available=~gone, chosen=np.where(kept, made.chosen, 3)).where(kept)


@pytest.mark.parametrize(
    ("model", "ours"),
    [
        (Model(("time",)), ("bus", "rail")),
        (Model(("time",)), ("bus",)),
        (Model(("time",)), ("rail",)),
        (NESTED, ("bus", "rail")),
    ],
)
def test_what_was_never_offered_to_a_segment_attracts_none_of_it(model: Model, ours: tuple[str, ...]) -> None:
    """Neither as an offer nor as what is bought instead: shares are those among the rest."""
    made = segmented()
    found = fit(made, model)
    demand = choice_demand(
        found, made, dict.fromkeys(ours, LADDER), buyers=[1.0, 1.0], draws=400, rng=np.random.default_rng(0)
    )
    part = made.where(made.segment == 1)
    mean = {name: value.mean(axis=0) for name, value in part.values.items()}
    slope = found.theta[found.place("price", "kind=1")]
    price = np.where(np.isin(made.alternatives, ours), 2.0, mean["price"])
    utility = np.array([0.0, *found.theta[:3]]) + slope * price + found.theta[5] * mean["time"]
    utility[1] = -np.inf
    expected = shares(utility[None], found.nests, found.nests.logsum(found.theta[found.coefficients :])).share[0]
    got = demand.probabilities([2.0] * len(ours))[:, 1].mean(axis=0)
    for name, share in zip(ours, got, strict=True):
        assert share == (0 if name == "rail" else pytest.approx(expected[made.alternatives.index(name)], abs=0.01))


def test_a_segment_with_nothing_else_on_offer_is_refused() -> None:
    """Nothing would keep it from paying any price, though other segments have a choice."""
    made = segmented()
    with pytest.raises(InputError, match="ever on offer to a segment"):
        choice_demand(
            fit(made, Model(("time",))),
            made,
            dict.fromkeys(("bus", "car", "plane"), LADDER),
            buyers=[1.0, 1.0],
            draws=5,
            rng=np.random.default_rng(0),
        )


def test_a_price_response_that_is_not_identified_is_refused() -> None:
    """With the reason; an alternative that is not there is named too."""
    made = choices(np.random.default_rng(3), slopes=(0.3,))
    found = fit(made, Model(("time",)))
    with pytest.raises(InputError, match=r"chosen more.*tram"):
        choice_demand(found, made, {**PUBLIC, "tram": LADDER}, buyers=[1.0], draws=5, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("names", "said"), [(("bus",), "a nest holds"), (("bus", "rail", "car"), "every alternative has a ladder")]
)
def test_what_buyers_take_instead_must_be_clear(names: tuple[str, ...], said: str) -> None:
    """A nest is priced as a whole or not at all, and something is left without a ladder."""
    made = choices(np.random.default_rng(4), n=2000, logsum=0.5)
    with pytest.raises(InputError, match=said):
        choice_demand(
            fit(made, NESTED), made, dict.fromkeys(names, LADDER), buyers=[1.0], draws=5, rng=np.random.default_rng(0)
        )


def test_nests_beyond_utility_maximisation_are_refused() -> None:
    """A log-sum parameter far above 1 leaves no draw in (0, 1]."""
    made = choices(np.random.default_rng(5), n=6000, logsum=2.5)
    with pytest.raises(InputError, match="log-sum"):
        handed(fit(made, NESTED), made)
