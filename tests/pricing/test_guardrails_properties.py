"""Whatever the offer, its past, the evidence and the policy, an allowed price passed every rail."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.demand import Evidence, Identification
from pricing.guardrails import Choices, InForce, candidates
from pricing.guardrails.rails import refusals
from pricing.model import Ladder, Offer
from pricing.policy import Mode, Policy

SOON = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OFFER = Offer(
    id="night / stalls",
    product="stalls",
    currency="EUR",
    ladder=Ladder((Decimal(20),)),
    floor=Decimal(1),
    ceiling=Decimal(100),
    current_price=Decimal(20),
)

amounts = st.decimals(1, 100, places=2)
shares = st.decimals(Decimal("0.01"), 1, places=2)


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    """Any offer."""
    steps = Ladder(tuple(sorted(draw(st.sets(amounts, min_size=1, max_size=25)))))
    low, high = sorted((draw(st.sampled_from(steps.prices)), draw(amounts)))
    low, high = (low, high) if steps.within(low, high) else (steps[0], steps[-1])
    return replace(OFFER, ladder=steps, floor=low, ceiling=high, unit_cost=draw(st.decimals(0, 60, places=2)))


@st.composite
def histories(draw: st.DrawFn) -> InForce:
    """Any past."""
    day, more = draw(st.lists(amounts, min_size=1, max_size=4)), draw(st.lists(amounts, max_size=4))
    return InForce(
        price=day[0],
        lowest=min(day),
        highest=max(day),
        lowest_lately=min(day + more),
        highest_lately=max(day + more),
        usual=draw(st.none() | amounts),
        before_emergency=draw(st.none() | amounts),
        coming=draw(st.none() | st.just(SOON)),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any policy."""
    mode, step = draw(st.sampled_from(Mode)), draw(shares)
    return Policy(
        step=step,
        weak_step=min(step, draw(shares)),
        daily_cap=draw(shares),
        cumulative_cap=draw(shares),
        band=draw(st.decimals(Decimal("1.01"), 5, places=2)),
        min_margin=draw(st.none() | st.decimals(0, Decimal("0.9"), places=2)),
        endings=draw(st.sampled_from([(), (".00",), (".50", "9")])),
        mode=mode,
        automatic_step=step,
        emergency_since=SOON if mode is Mode.EMERGENCY else None,
        emergency_cap=draw(shares),
    )


evidences = st.builds(
    Evidence,
    status=st.sampled_from(Identification),
    elasticity=st.floats(-20, 5),
    se=st.floats(0, 3),
    reason=st.just("because"),
    model=st.just("some"),
)


def within(price: Decimal, offer: Offer, past: InForce, evidence: Evidence, policy: Policy) -> bool:
    """Every rail once more, written another way."""
    weak = evidence.status is Identification.WEAK
    step = policy.weak_step if weak else policy.step
    day = [past.lowest, past.highest]
    lately = [past.lowest_lately or past.lowest, past.highest_lately or past.highest]
    before = past.before_emergency or Decimal(0)
    rules = [
        any(price == each for each in offer.ladder),
        max(offer.floor, min(price, offer.ceiling)) == price,
        not abs(price - past.price) > step * past.price,
        not any(abs(price - was) > policy.daily_cap * was for was in day),
        not any(abs(price - was) > policy.cumulative_cap * was for was in lately),
        past.usual is None or max(price / past.usual, past.usual / price) <= policy.band * Decimal("1.0000000001"),
        not price < offer.unit_cost,
        policy.min_margin is None or not (price - offer.unit_cost) < policy.min_margin * price,
        not policy.endings or any(f"{price:f}".endswith(end) for end in policy.endings),
        evidence.status is not Identification.NOT_IDENTIFIED and -10 <= evidence.elasticity <= -1,
        past.coming is None,
        policy.mode is not Mode.DISCOUNT_ONLY or not price > past.price,
        policy.mode is not Mode.EMERGENCY
        or price <= past.price
        or price <= before * (1 + policy.emergency_cap) * Decimal("1.0000000001"),
    ]
    return all(rules)


@settings(max_examples=300)
@given(offers(), histories(), evidences, policies())
def test_a_choice_passed_every_rail_or_is_the_price_in_force(
    offer: Offer, past: InForce, evidence: Evidence, policy: Policy
) -> None:
    """Whatever the offer, its past, the evidence and the policy; and no step that passes is left out."""
    choices = Choices.of(offer, past, evidence, policy)
    inside = {price for price in offer.ladder if within(price, offer, past, evidence, policy)}
    assert set(choices.ladder) - {past.price} == inside - {past.price}
    assert past.price in choices.ladder or inside
    assert candidates(offer, past, evidence, policy) == choices.ladder
    assert bool(choices.acted) == any(
        price != past.price and refusals(price, offer, past, evidence, policy) for price in offer.ladder
    )


@settings(max_examples=60)
@given(offers(), histories(), evidences, policies(), st.sampled_from(["ladder", "unit", "tighter"]))
def test_choices_do_not_depend_on_the_unit_of_money_and_shrink_with_the_caps(
    offer: Offer, past: InForce, evidence: Evidence, policy: Policy, change: str
) -> None:
    """A thousand times all amounts gives a thousand times the choices; a tighter cap never adds one."""
    before = set(candidates(offer, past, evidence, replace(policy, endings=())))
    if change == "unit":
        many = Decimal(1000)
        scaled = replace(
            offer,
            ladder=Ladder(tuple(many * price for price in offer.ladder)),
            floor=many * offer.floor,
            ceiling=many * offer.ceiling,
            unit_cost=many * offer.unit_cost,
        )
        amounts_ = ("price", "lowest", "highest", "lowest_lately", "highest_lately", "usual", "before_emergency")
        old = {name: getattr(past, name) for name in amounts_}
        more: dict[str, Any] = {name: None if was is None else many * was for name, was in old.items()}
        then = replace(past, **more)
        assert set(candidates(scaled, then, evidence, replace(policy, endings=()))) == {many * p for p in before}
        return
    caps = {name: getattr(policy, name) / 2 for name in ("step", "weak_step", "daily_cap", "cumulative_cap")}
    tighter = replace(policy, endings=(), automatic_step=policy.automatic_step / 2, **caps)
    assert set(candidates(offer, past, evidence, tighter)) <= before | {past.price}


@given(offers(), histories(), evidences, policies(), st.decimals(allow_nan=True, allow_infinity=True))
def test_a_price_from_anywhere_passes_only_inside(
    offer: Offer, past: InForce, evidence: Evidence, policy: Policy, price: Decimal
) -> None:
    """NaN, infinities and absurd amounts included."""
    if not refusals(price, offer, past, evidence, policy):
        assert price.is_finite()
        assert within(price, offer, past, evidence, policy)
