"""A price that breaks a rule is never allowed, and the rule is named."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.demand import Evidence, Identification
from pricing.guardrails import InForce, broken, candidates, distrust
from pricing.guardrails.rails import what_stopped
from pricing.model import Ladder, Offer
from pricing.policy import Policy

OFFER = Offer(
    id="night / stalls",
    product="stalls",
    currency="EUR",
    ladder=Ladder.parse("10:60:0.50", "EUR"),
    floor=Decimal(12),
    ceiling=Decimal(40),
    current_price=Decimal(20),
    unit_cost=Decimal(8),
)
SURE = Evidence(Identification.IDENTIFIED, -1.8, 0.2, "17 price moves", "booking curve")
POLICY = Policy()
AT_20 = InForce.steady(Decimal(20))


@given(
    st.decimals(allow_nan=True, allow_infinity=True),
    st.lists(st.decimals(10, 60, places=2), min_size=1, max_size=5),
)
def test_an_allowed_price_keeps_every_rule(price: Decimal, lately: list[Decimal]) -> None:
    """Whatever is wanted, NaN and infinity included, what passes is inside every bound and cap."""
    now = lately[-1]
    if broken(price, OFFER, InForce(now, min(lately), max(lately)), SURE, POLICY):
        return
    assert price in OFFER.ladder
    assert OFFER.floor <= price <= OFFER.ceiling
    assert abs(price - now) <= POLICY.step * now
    assert all(abs(price - was) <= POLICY.daily_cap * was for was in lately)


def test_prices_end_as_the_owner_wants() -> None:
    """With endings, no other step is a choice; the price in force may stay as it is."""
    policy = Policy(endings=(".50", "9.00"))
    allowed = candidates(OFFER, AT_20, SURE, policy)
    assert [str(price) for price in allowed] == ["18.50", "19.00", "19.50", "20", "20.50", "21.50"]
    assert broken(Decimal("21.00"), OFFER, AT_20, SURE, policy) == ("does not end in .50 or 9.00",)


@pytest.mark.parametrize(
    ("price", "named"),
    [
        ("NaN", "not a number"),
        ("20.25", "not a step"),
        ("11.50", "below its floor of 12"),
        ("41", "above its ceiling of 40"),
        ("22.50", "10% in one run"),
        ("23.50", "15% in a day"),
    ],
)
def test_a_refused_price_names_the_rule(price: str, named: str) -> None:
    """Each rule speaks for itself."""
    assert any(named in reason for reason in broken(Decimal(price), OFFER, AT_20, SURE, POLICY))


def test_the_daily_cap_counts_from_every_price_of_the_day() -> None:
    """Allowed steps do not add up to more than the daily cap, neither in one direction nor down and up again."""
    after_a_step = InForce(Decimal(22), Decimal(20), Decimal(22))
    assert not broken(Decimal(23), OFFER, after_a_step, SURE, POLICY)
    assert broken(Decimal("23.50"), OFFER, after_a_step, SURE, POLICY) == ("moves more than 15% in a day",)
    down_and_back = InForce(Decimal("18.50"), Decimal(17), Decimal(20))
    assert broken(Decimal(20), OFFER, down_and_back, SURE, POLICY) == ("moves more than 15% in a day",)


def test_weak_evidence_halves_the_step() -> None:
    """What is weakly known moves by half."""
    weak = replace(SURE, status=Identification.WEAK)
    assert not broken(Decimal(21), OFFER, AT_20, weak, POLICY)
    assert broken(Decimal("21.50"), OFFER, AT_20, weak, POLICY) == ("moves more than 5% in one run",)


def test_a_margin_rule_refuses_what_costs_too_much() -> None:
    """At a unit cost of 8 and half of the price as least margin, nothing below 16 passes."""
    policy = Policy(min_margin=Decimal("0.6"))
    assert broken(Decimal("19.50"), OFFER, AT_20, SURE, policy) == ("leaves less than 60% margin",)


def test_nothing_is_sold_below_what_it_costs() -> None:
    """An offer that loses money at every allowed price is held, not praised."""
    dear = replace(OFFER, unit_cost=Decimal(50))
    assert "below its unit cost of 50" in broken(Decimal(21), dear, AT_20, SURE, POLICY)
    assert candidates(dear, AT_20, SURE, POLICY) == Ladder((Decimal(20),))


@pytest.mark.parametrize(
    ("status", "elasticity"),
    [("not-identified", -1.8), ("identified", 0.4), ("identified", 0.0), ("identified", -0.7), ("identified", -25.0)],
)
def test_an_elasticity_that_cannot_be_trusted_moves_nothing(status: str, elasticity: float) -> None:
    """Positive, zero, inelastic, absurd or not identified: keeping the price is the only choice, and it says why."""
    evidence = Evidence(Identification(status), elasticity, 0.2, "price followed demand", "booking curve")
    assert candidates(OFFER, AT_20, evidence, POLICY) == Ladder((Decimal(20),))
    assert distrust(evidence)


def test_keeping_the_price_is_always_a_choice_inside_the_bounds() -> None:
    """Even when the price in force is off the ladder."""
    off = InForce.steady(Decimal("20.17"))
    assert Decimal("20.17") in candidates(OFFER, off, SURE, POLICY)


def test_a_price_outside_the_bounds_comes_back_inside_when_a_step_reaches_it() -> None:
    """Keeping a price above the ceiling is no choice once an allowed step lies inside."""
    above = InForce.steady(Decimal(42))
    assert all(OFFER.floor <= price <= OFFER.ceiling for price in candidates(OFFER, above, SURE, POLICY))
    far_above = InForce.steady(Decimal(60))
    assert candidates(OFFER, far_above, SURE, POLICY) == Ladder((Decimal(60),))


def test_what_stopped_a_move_is_named() -> None:
    """A move up to the cap names the cap; a move that stopped by itself names nothing."""
    assert what_stopped(Decimal(22), OFFER, AT_20, SURE, POLICY) == "moves more than 10% in one run"
    assert what_stopped(Decimal(21), OFFER, AT_20, SURE, POLICY) is None
    assert what_stopped(Decimal(20), OFFER, AT_20, SURE, POLICY) is None
