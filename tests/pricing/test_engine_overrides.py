"""What is decided keeps every override that stands, and says so."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.book import Decision, Listing, Proposal, Provenance, Verdict
from pricing.demand import Identification
from pricing.guardrails import InForce, may_approve_itself, objections
from pricing.model import Offer
from pricing.overrides import Kind, Override
from pricing.policy import Mode, Policy
from tests.pricing.test_engine import NOW, Known, offer
from tests.pricing.test_engine_guardrails import DAY, run

ORDER = Policy(segment_order=(("child", "adult"), ("adult", "patron")))
UNSURE = Known(status=Identification.NOT_IDENTIFIED)


def over(kind: Kind, amount: str, name: str = "stalls", by: str = "Ann") -> Override:
    """An override for a week."""
    return Override(
        offer=name,
        kind=kind,
        amount=Decimal(amount),
        currency="EUR",
        until=NOW + 7 * DAY,
        reason="promised",
        by=by,
        at=NOW,
    )


def at(price: str, *overrides: Override) -> InForce:
    """A price that has been in force for long, with overrides."""
    return replace(InForce.steady(Decimal(price)), overrides=overrides)


def decide(known: InForce, model: Known | None = None, policy: Policy | None = None) -> Decision:
    """What is decided for one offer."""
    o = offer("stalls", price=f"{known.price}")
    return run([o], model, past={"stalls": known}, policy=policy)["stalls"]


def test_a_bound_stops_the_price_and_is_named() -> None:
    """Without it the engine would cut to 18; the floor is a rail that acted, with who, why and until when."""
    assert decide(at("20")).allowed == Decimal(18)
    made = decide(at("20", over(Kind.FLOOR, "19.00")))
    assert (made.verdict, made.allowed, made.set_by) == (Verdict.MOVE, Decimal(19), None)
    assert "below the floor of 19.00 that Ann set until 2026-11-28 09:00 UTC (promised)" in " ".join(made.reasons)
    assert made.reasons[-1].startswith("Override: floor of 19.00")
    assert "override" in made.explanation.acted


def test_a_price_that_keeps_it_is_left_alone_and_the_override_is_said() -> None:
    """A floor at the price itself: no step down is left, and a step up earns less."""
    made = decide(at("20", over(Kind.FLOOR, "20.00")))
    assert made.verdict is Verdict.KEEP
    assert made.reasons[-1].startswith("Override: floor of 20.00 that Ann set")


def test_a_fixed_price_is_pinned_and_the_verdict_says_so() -> None:
    """Whatever the evidence: it neither moves nor waits for anybody."""
    for model in (Known(), UNSURE):
        made = decide(at("20", over(Kind.FIXED, "20.00")), model)
        assert made.verdict is Verdict.KEEP
        assert made.reasons == (
            "Kept by override: fixed price of 20.00 that Ann set until 2026-11-28 09:00 UTC (promised).",
        )


@pytest.mark.parametrize(
    ("override", "price"),
    [(over(Kind.CEILING, "19.00"), "19"), (over(Kind.FIXED, "21.00"), "21"), (over(Kind.FLOOR, "21.50"), "21.50")],
)
def test_a_broken_override_is_mended_in_the_name_of_whoever_set_it(override: Override, price: str) -> None:
    """As little as mends it where the evidence allows nothing; a person answers for it, so it never approves itself."""
    override = replace(override, number=7)
    made = decide(at("20", override), UNSURE)
    assert (made.verdict, made.allowed, made.set_by) == (Verdict.MOVE, Decimal(price), "Ann")
    assert made.override == 7
    assert made.reasons[0] == f"Moved by override: {override}."
    proposal = Proposal("p", "engine", NOW, NOW + DAY, Provenance("0", "1", "x", NOW, NOW), (made,), 1)
    listed, known = {made.key: Listing(offer("stalls"))}, {made.key: at("20", override)}
    policy = Policy(mode=Mode.AUTOMATIC, automatic_step=Decimal("0.10"))
    assert objections(proposal, listed, known, policy, now=NOW, large=True) == []
    assert may_approve_itself(proposal, listed, known, policy, now=NOW) == ["stalls: Ann set its price"]


def test_sure_evidence_chooses_among_all_that_mends_it() -> None:
    """A ceiling of 19 and buyers who mind the price: the best allowed is 18."""
    made = decide(at("20", over(Kind.CEILING, "19.00")))
    assert (made.allowed, made.set_by) == (Decimal(18), "Ann")


def test_what_cannot_be_mended_today_stays_and_says_why() -> None:
    """After a move today the caps of the day leave nothing; no price that breaks the override is chosen instead."""
    moved = replace(at("20", over(Kind.CEILING, "19.00")), lowest=Decimal(18), highest=Decimal(23))
    made = decide(moved)
    assert (made.verdict, made.allowed) == (Verdict.KEEP, Decimal(20))
    assert made.reasons[-1].startswith("Override: ceiling of 19.00")


def test_old_sales_move_nothing_whatever_an_override_asks() -> None:
    """It is held, and the override is said beside it."""
    known = at("20", over(Kind.CEILING, "19.00"))
    made = run([offer("stalls")], past={"stalls": known}, sales_until=NOW - 99 * DAY)["stalls"]
    assert (made.verdict, made.allowed) == (Verdict.HELD, Decimal(20))
    assert made.reasons[-1].startswith("Override: ceiling of 19.00")


def trio(prices: Mapping[str, str]) -> list[Offer]:
    """Child, adult and patron of one product."""
    return [offer(name, price=price, product="x", segment=name) for name, price in prices.items()]


def test_an_override_that_would_break_an_order_today_is_named_and_the_order_holds() -> None:
    """Adults could only come up to 22 in one run, which is less than the child's floor of 23."""
    asks = over(Kind.FLOOR, "23.00", "child")
    past = {"child": at("21", asks), "adult": at("20.50")}
    made = run(trio({"child": "21", "adult": "20.50"}), past=past, policy=ORDER)
    assert made["child"].allowed <= Decimal(21)
    assert f"the {asks} and the order that child never costs more than adult cannot both be kept today" in str(
        made["child"].reasons
    )


def test_an_infeasible_problem_names_the_overrides_beside_the_rules() -> None:
    """The child's price and the patron's ceiling leave adults none between them, though each order alone could hold."""
    fixed, cap = over(Kind.FIXED, "21.50", "child"), over(Kind.CEILING, "19.50", "patron", "Bob")
    past = {"child": at("20", fixed), "adult": at("20"), "patron": at("20", cap)}
    made = run(trio({"child": "20", "adult": "20", "patron": "20"}), past=past, policy=ORDER)
    assert {decision.allowed for decision in made.values()} == {Decimal(20)}
    for override in (fixed, cap):
        assert f"{override.offer}: {override}" in made["adult"].reasons[0]


BOUNDS = st.builds(over, st.sampled_from(Kind), st.integers(18, 22).map("{}.00".format))


@settings(max_examples=60)
@given(
    data=st.lists(
        st.tuples(st.sampled_from(["18", "19.50", "20", "22"]), st.lists(BOUNDS, max_size=2)), min_size=3, max_size=3
    ),
    elasticity=st.sampled_from([-0.5, -1.2, -2.0, -4.0]),
    status=st.sampled_from(Identification),
)
def test_whatever_is_computed_no_decision_moves_to_a_price_that_breaks_one(
    data: list[tuple[str, list[Override]]], elasticity: float, status: Identification
) -> None:
    """For any overrides, prices and evidence, with orders between the offers; also contradicting ones."""
    names = ("child", "adult", "patron")
    past = {name: at(price, *bounds) for name, (price, bounds) in zip(names, data, strict=True)}
    offers = trio({name: price for name, (price, _) in zip(names, data, strict=True)})
    made = run(offers, Known(elasticity=elasticity, status=status), past=past, policy=ORDER)
    for name in names:
        decision, broken = made[name], past[name].demanded
        if decision.verdict is Verdict.MOVE:
            assert all(each.allows(decision.allowed) for each in past[name].overrides)
            assert decision.set_by == (broken.by if broken else None)
        assert all(str(each) in " ".join(decision.reasons) for each in past[name].overrides)
