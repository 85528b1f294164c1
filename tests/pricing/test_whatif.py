"""A what-if reads the stored draws at other prices, stock, demand and elasticities, and claims nothing beyond them."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.demand import DemandCurves, Identification, constant_elasticity
from pricing.errors import InputError
from pricing.guardrails import InForce
from pricing.market import Market
from pricing.model import Ladder, Offer, Resource
from pricing.outcome import Gain
from pricing.whatif import Change, WhatIf, between, what_if
from tests.pricing.test_engine import LADDER, Known, offer, run

MODEL = Known(elasticity=-1.6, spread=0.3)
OFFERS = (
    offer("adult", event="gala", resource="room", unit_cost=Decimal(4)),
    offer("child", event="gala", resource="room", price="15"),
    offer("mug", currency="CHF"),
)


def market(offers: Sequence[Offer] = OFFERS, left: float = 180.0) -> Market:
    """A room and a mug."""
    in_force = {o.id: InForce.steady(o.current_price) for o in offers}
    return Market(tuple(offers), in_force, (Resource("room", left),))


def asked(change: Change, model: Known = MODEL) -> WhatIf:
    """The answer for the room and the mug."""
    place = market()
    return what_if(place, model.curves(place.as_it_stands()), change)


def test_with_nothing_changed_nothing_changes() -> None:
    """Now and then are the same draws, so a difference of nothing is certain."""
    answer = asked(Change())
    assert all(told.now == told.then and told.gain == Gain(0.0, 0.0, 0.0, 0.0) for told in answer.offers)
    assert [total.currency for total in answer.totals] == ["CHF", "EUR"]


def test_other_prices_bring_what_the_engine_expects_of_them() -> None:
    """At the proposed prices every figure is that of the proposal."""
    offers = OFFERS[:2]
    made = run(offers, MODEL, resources=[Resource("room", 180.0)])
    place = market(offers)
    change = Change(prices={name: decision.allowed for name, decision in made.items()})
    answer = what_if(place, MODEL.curves(place.as_it_stands()), change)
    for told in answer.offers:
        decision = made[told.offer]
        assert (told.now.units.mean, told.then.units.mean) == (decision.now.units, decision.then.units)
        assert told.then.revenue.mean == pytest.approx(decision.then.revenue)
        assert told.then.revenue.low == pytest.approx(decision.then.revenue_low)
    assert answer.totals[0].gain.expected == pytest.approx(sum(told.gain.expected for told in answer.offers))


def test_a_whole_is_looked_at_in_each_draw_and_not_added_up_from_ranges() -> None:
    """The range of a sum that a room caps is narrower than the sum of ranges."""
    (euro,) = (total for total in asked(Change()).totals if total.currency == "EUR")
    parts = [told for told in asked(Change()).offers if told.currency == "EUR"]
    assert euro.now.units.mean == pytest.approx(sum(told.now.units.mean for told in parts))
    assert euro.now.units.high <= 180.0 + 1e-9
    assert euro.now.units.high - euro.now.units.low < sum(t.now.units.high - t.now.units.low for t in parts)


def test_capacity_demand_and_elasticity_do_what_they_say() -> None:
    """Half the seats, twice the demand of an event, buyers who mind the price less."""
    smaller = asked(Change(capacity={"room": 90.0}))
    assert sum(told.then.units.mean for told in smaller.offers[:2]) == pytest.approx(90.0)
    twice = asked(Change(demand={"*": 2.0, "mug": 1.5}))
    assert twice.offers[2].then.units.mean == pytest.approx(3 * twice.offers[2].now.units.mean)
    gala = asked(Change(demand={"gala": 0.5}))
    assert gala.offers[2].then == gala.offers[2].now
    calm = asked(Change(elasticity={"mug": -1.0}, prices={"mug": Decimal(30)})).offers[2]
    assert calm.then.revenue.mean == pytest.approx(calm.now.revenue.mean)
    alike = asked(Change(elasticity={"mug": 0.5}, prices={"mug": Decimal(30)})).offers[2]
    assert (
        alike.now.units.mean
        > alike.then.units.mean
        > asked(Change(prices={"mug": Decimal(30)})).offers[2].then.units.mean
    )
    assert asked(Change(elasticity={"mug": 0.5})).offers[2].gain.expected == pytest.approx(0, abs=1e-9)


@given(st.decimals(10, 40, places=2), st.floats(-4, -0.2))
def test_between_two_steps_a_constant_elasticity_is_met_exactly(price: Decimal, slope: float) -> None:
    """The curve of each draw is straight in the logs."""
    coarse = Ladder((Decimal(10), Decimal(17), Decimal(40)))
    base, slopes = np.array([80.0, 30.0]), np.array([slope, slope / 2])
    units = constant_elasticity(base, slopes, 20.0, [10.0, 17.0, 40.0])
    exact = constant_elasticity(base, slopes, 20.0, [float(price)])[:, 0]
    assert between(units, coarse, price) == pytest.approx(exact)


def test_a_draw_that_sells_nothing_at_a_step_is_met_by_a_straight_line() -> None:
    """Logs of nothing are not taken."""
    units = np.array([[10.0, 0.0], [0.0, 0.0]])
    assert between(units, Ladder((Decimal(10), Decimal(20))), Decimal("12.50")) == pytest.approx([7.5, 0.0])
    assert between(units[:, :1], Ladder((Decimal(10),)), Decimal(10)) == pytest.approx([10.0, 0.0])


def test_everything_that_cannot_be_assumed_is_listed_at_once() -> None:
    """Unknown names, prices off the ladder or the currency, NaN and what is negative."""
    change = Change(
        prices={"nobody": Decimal(9), "mug": Decimal(90), "adult": Decimal("NaN"), "child": Decimal("15.001")},
        capacity={"room": float("nan"), "hall": 5.0},
        demand={"matinee": 1.0, "gala": -1.0, "*": float("inf")},
        elasticity={"mug": 0.0, "adult": float("nan"), "child": -99.0},
    )
    with pytest.raises(InputError) as refused:
        asked(change)
    said = [finding.reason for finding in refused.value.findings]
    assert len(said) == 12
    for words in (
        "no offer nobody",
        "90 lies beyond its ladder, 10.00 to 40.00",
        "NaN",
        "decimals",
        "resource room: nan",
        "hall",
    ):
        assert any(words in text for text in said), words


@pytest.mark.parametrize("times", [1e3, 11.0])
def test_a_response_too_strong_to_reckon_with_is_refused(times: float) -> None:
    """A power of demand soon overflows, and an infinite number of units sold would be NaN."""
    with pytest.raises(InputError, match="neither an elasticity from -10 to 0 nor a factor above 0, up to 10"):
        asked(Change(elasticity={"adult": times}))
    told = asked(Change(prices={"adult": Decimal(10)}, elasticity={"adult": 10.0})).offers[0]
    assert 0 < told.then.units.mean <= 180.0


def test_a_name_of_two_things_is_refused() -> None:
    """An offer called like an event."""
    offers = (offer("gala", event="gala"),)
    place = market(offers)
    with pytest.raises(InputError, match="both an offer and an event"):
        what_if(place, MODEL.curves(offers), Change(demand={"gala": 2.0}))


def test_a_price_moved_without_evidence_is_told_with_its_doubt() -> None:
    """The figures rest on what is known of buyers in general, and say so; unless an elasticity is assumed."""
    blind = Known(status=Identification.NOT_IDENTIFIED)
    assert asked(Change(prices={"mug": Decimal(25)}), blind).offers[2].doubt == "price followed demand"
    assert not asked(Change(prices={"mug": Decimal(25)}, elasticity={"mug": -2.0}), blind).offers[2].doubt
    assert not asked(Change(demand={"*": 2.0}), blind).offers[2].doubt


def test_a_price_in_force_off_the_ladder_can_be_the_start() -> None:
    """It is a step of the curve, as when prices are proposed."""
    place = market((offer("mug", price="20.25"),))
    curves: DemandCurves = MODEL.curves(place.as_it_stands())
    (told,) = what_if(place, curves, Change(prices={"mug": Decimal("20.26")})).offers
    assert told.price_now == Decimal("20.25")
    assert 0 < told.now.units.mean - told.then.units.mean < 0.2
    assert LADDER.prices[0] == Decimal(10)


def test_an_unknown_name_is_answered_with_names_that_exist() -> None:
    """The nearest ones, whatever was written."""
    name = OFFERS[0].id
    with pytest.raises(InputError, match=f"there is no offer {name}s; the nearest are: {name}"):
        asked(Change(prices={f"{name}s": Decimal(20)}))


def test_a_price_is_told_with_its_currencys_decimals() -> None:
    """However it was written."""
    before = asked(Change()).offers[0]
    told = asked(Change(prices={before.offer: before.price_now.normalize()})).offers[0]
    assert str(told.price_then) == f"{before.price_now:.2f}"
