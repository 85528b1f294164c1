"""Whatever was computed, a decision stays inside the guard rails, and names those that acted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization import ExhaustiveOptimizer
from pricing.book import Decision, Listing, Verdict
from pricing.demand import Identification
from pricing.engine import propose
from pricing.guardrails import InForce, objections
from pricing.market import Market
from pricing.model import Offer
from pricing.plan import Plan
from pricing.policy import Mode, Policy
from pricing.ports import Optimizer
from pricing.problem import Problem
from tests.pricing.test_engine import NOW, Known, offer

DAY = timedelta(days=1)
LATER = NOW + 3 * DAY
TWENTY = Decimal(20)


def run(
    offers: list[Offer],
    model: Known | None = None,
    *,
    past: dict[str, InForce] | None = None,
    policy: Policy | None = None,
    optimizer: Optimizer | None = None,
    **more: Any,
) -> dict[str, Decision]:
    """Decisions by offer, each of which has been at its price for long unless told otherwise."""
    in_force = {o.id: InForce.steady(o.current_price) for o in offers} | (past or {})
    made = propose(
        Market(tuple(offers), in_force),
        model or Known(),
        optimizer or ExhaustiveOptimizer(),
        policy or Policy(),
        by="engine",
        now=NOW,
        input_hash="0",
        base_version=1,
        **more,
    )
    return {decision.offer: decision for decision in made.decisions}


def test_old_sales_move_nothing_and_every_decision_says_so() -> None:
    """Held, with the reason and the rail that held it; nothing is told of other prices."""
    made = run([offer("stalls")], sales_until=NOW - 63 * DAY, fitted_at=NOW)["stalls"]
    assert (made.verdict, made.allowed, made.wanted) == (Verdict.HELD, TWENTY, TWENTY)
    day = NOW - 63 * DAY
    assert made.reasons == (f"Held: the newest sales are from {day:%Y-%m-%d}, more than 62 days ago.",)
    assert made.explanation.acted == ("sales-age",)
    assert made.explanation.lower is None


def test_an_old_model_moves_nothing_either_and_all_reasons_are_said() -> None:
    """What is wrong with the offer itself comes first."""
    unsure = Known(status=Identification.NOT_IDENTIFIED)
    made = run([offer("stalls")], unsure, sales_until=NOW - 63 * DAY, fitted_at=NOW - 63 * DAY)["stalls"]
    assert made.reasons[0].startswith("Held: price followed demand; the newest sales are from")
    assert "the model is from" in made.reasons[0]
    assert made.explanation.acted == ("sales-age", "fit-age")


def test_fresh_sales_and_a_fresh_model_let_prices_move() -> None:
    """And so does what nobody dated, which is refused when it is to be published."""
    assert run([offer("stalls")], sales_until=NOW - DAY, fitted_at=NOW)["stalls"].verdict is Verdict.MOVE
    assert run([offer("stalls")])["stalls"].verdict is Verdict.MOVE


def test_a_price_that_breaks_a_bound_waits_for_fresh_sales_too() -> None:
    """Old sales do not mend what stands outside the bounds, or out of order."""
    above = replace(offer("stalls"), current_price=Decimal(20), ceiling=Decimal(19))
    assert run([above], sales_until=NOW - 99 * DAY)["stalls"].verdict is Verdict.HELD
    pair = [
        replace(offer("adult"), product="x", segment="adult"),
        replace(offer("student"), product="x", segment="student", current_price=Decimal(21)),
    ]
    policy = Policy(segment_order=(("student", "adult"),))
    made = run(pair, policy=policy, sales_until=NOW - 99 * DAY)
    assert {decision.verdict for decision in made.values()} == {Verdict.HELD}
    assert {d.verdict for d in run(pair, policy=policy).values()} == {Verdict.MOVE}


def test_what_a_proposal_was_made_from_stands_in_it() -> None:
    """Sales, model and columns, for whoever publishes or explains it."""
    market = Market((offer("stalls"),), {"stalls": InForce.steady(TWENTY)})
    made = propose(
        market,
        Known(),
        ExhaustiveOptimizer(),
        Policy(),
        by="engine",
        now=NOW,
        input_hash="0",
        base_version=1,
        sales_until=NOW - DAY,
        fitted_at=NOW,
        inputs=["date", "price"],
    ).provenance
    assert (made.sales_until, made.fitted_at, made.inputs) == (NOW - DAY, NOW, ("date", "price"))


def test_an_offer_with_a_scheduled_price_is_held_until_then() -> None:
    """The others move."""
    past = {"stalls": replace(InForce.steady(TWENTY), coming=LATER)}
    made = run([offer("stalls"), offer("circle")], past=past)
    assert made["stalls"].verdict is Verdict.HELD
    assert made["stalls"].reasons[0].startswith("Held: a price that takes effect at")
    assert made["stalls"].explanation.acted == ("coming",)
    assert made["circle"].verdict is Verdict.MOVE


def test_a_declared_order_is_not_decided_over_while_one_of_its_prices_is_to_change() -> None:
    """The other end stays too, and says why; offers that are not tied to it move."""
    pair = [
        replace(offer("adult"), product="x", segment="adult"),
        replace(offer("student"), product="x", segment="student"),
    ]
    past = {"student": replace(InForce.steady(TWENTY), coming=LATER)}
    made = run([*pair, offer("circle")], past=past, policy=Policy(segment_order=(("student", "adult"),)))
    assert made["student"].verdict is Verdict.HELD
    assert made["adult"].reasons == (
        "Kept: guard rails leave no other price: an offer that an order ties to it has a price scheduled.",
    )
    assert made["adult"].explanation.acted == ("order",)
    assert made["circle"].verdict is Verdict.MOVE


def test_the_rails_that_acted_are_named() -> None:
    """The step cap stops a cut; evidence holds; nothing acts where everything within reach is allowed."""
    assert run([offer("stalls")])["stalls"].explanation.acted == ("step",)
    unsure = Known(status=Identification.NOT_IDENTIFIED)
    assert run([offer("stalls")], unsure)["stalls"].explanation.acted == ("evidence",)
    assert run([offer("stalls")], Known(elasticity=-1.05, spread=0.6), policy=Policy(confidence=0.7))[
        "stalls"
    ].explanation.acted == ("step", "confidence")


def test_the_rail_that_stopped_a_price_is_named_first() -> None:
    """It had moved before that day: the cap of a day stops it, short of the largest step."""
    moved = replace(InForce.steady(TWENTY), highest=Decimal(22))
    made = run([offer("stalls")], past={"stalls": moved})["stalls"]
    assert made.reasons[-1].endswith("in a day.")
    assert made.explanation.acted == ("daily-cap", "step")


def test_a_declared_order_that_forbids_a_step_is_named() -> None:
    """The student may not cost more than the adult, wherever the step cap would let them go."""
    pair = [
        replace(offer("adult"), product="x", segment="adult"),
        replace(offer("student"), product="x", segment="student"),
    ]
    made = run(pair, policy=Policy(segment_order=(("student", "adult"),)))
    assert "order" in made["student"].explanation.acted


class Failing:
    """An optimizer that crashes."""

    def solve(self, problem: Problem, *, time_limit: float) -> Plan:
        """Crash."""
        raise RuntimeError(f"no plan for {len(problem.offers)} offers in {time_limit} s")


def test_an_answer_without_proof_holds_and_is_named() -> None:
    """The rail that only proven answers pass."""
    made = run([offer("stalls")], optimizer=Failing())["stalls"]
    assert made.verdict is Verdict.HELD
    assert made.explanation.acted == ("step", "proof")


def test_where_the_rails_leave_no_other_price_they_are_the_reason() -> None:
    """Not that no step earns more."""
    risen = InForce(TWENTY, TWENTY, TWENTY, lowest_lately=TWENTY, highest_lately=Decimal(50))
    made = run([offer("stalls")], past={"stalls": risen}, policy=Policy(cumulative_cap=Decimal("0.3")))["stalls"]
    assert made.verdict is Verdict.KEEP
    assert made.reasons == ("Kept: guard rails leave no other price: moves more than 30% in 28 days.",)
    assert made.explanation.acted == ("cumulative-cap",)


def test_in_mode_discount_only_no_price_rises() -> None:
    """A price that would rise is kept; one that would fall falls."""
    seats = replace(offer("stalls"), unit_cost=Decimal(18))
    policy = Policy(mode=Mode.DISCOUNT_ONLY)
    assert run([seats])["stalls"].allowed > TWENTY
    held = run([seats], policy=policy)["stalls"]
    assert held.allowed <= TWENTY
    assert "discount-only" in held.explanation.acted
    assert run([offer("stalls")], policy=policy)["stalls"].allowed < TWENTY


def test_in_an_emergency_prices_stay_near_those_before_it() -> None:
    """A rise ends at the cap; a price above the cap may only fall."""
    policy = Policy(mode=Mode.EMERGENCY, emergency_since=datetime(2026, 1, 1, tzinfo=UTC))
    dear = replace(offer("stalls"), unit_cost=Decimal(18))
    capped = {"stalls": replace(InForce.steady(TWENTY), before_emergency=Decimal(19))}
    assert run([dear], past=capped, policy=policy)["stalls"].allowed == Decimal("20.50")
    beyond = {"stalls": replace(InForce.steady(TWENTY), before_emergency=Decimal(10))}
    assert run([dear], past=beyond, policy=policy)["stalls"].allowed <= TWENTY
    assert run([offer("stalls")], past=beyond, policy=policy)["stalls"].allowed < TWENTY


prices = st.sampled_from([Decimal(price) for price in ("12", "15", "18.50", "20", "21", "24", "30", "45")])


@settings(max_examples=60, deadline=None)
@given(
    pasts=st.lists(st.tuples(prices, prices, prices, st.none() | prices, st.booleans()), min_size=1, max_size=4),
    elasticity=st.floats(-12, 2),
    status=st.sampled_from(Identification),
    mode=st.sampled_from(Mode),
    sales=st.sampled_from([NOW, NOW - 63 * DAY]),
    ordered=st.booleans(),
)
def test_whatever_is_known_a_move_passes_every_rail_again(
    *,
    pasts: list[tuple[Decimal, Decimal, Decimal, Decimal | None, bool]],
    elasticity: float,
    status: Identification,
    mode: Mode,
    sales: datetime,
    ordered: bool,
) -> None:
    """Or the price in force is the answer: nothing that is proposed is refused when it is published."""
    since = NOW - DAY if mode is Mode.EMERGENCY else None
    order = (("o0", "o1"), ("o1", "o2")) if ordered else ()
    policy = Policy(mode=mode, emergency_since=since, breaker=Decimal(1), segment_order=order)
    offers = [
        replace(offer(f"o{k}"), product="x", segment=f"o{k}", current_price=now) for k, (now, *_) in enumerate(pasts)
    ]
    past = {
        o.id: InForce(now, min(now, a), max(now, b), usual=usual, coming=LATER if waits else None)
        for o, (now, a, b, usual, waits) in zip(offers, pasts, strict=True)
    }
    market = Market(tuple(offers), past)
    told = {"by": "engine", "now": NOW, "input_hash": "0", "base_version": 1, "sales_until": sales, "fitted_at": NOW}
    made = propose(market, Known(elasticity=elasticity, status=status), ExhaustiveOptimizer(), policy, **told)  # type: ignore[arg-type]
    moved = [decision for decision in made.decisions if decision.verdict is Verdict.MOVE]
    assert all(d.allowed == d.in_force for d in made.decisions if d not in moved)
    assert not (moved and (sales != NOW or status is Identification.NOT_IDENTIFIED))
    listings = {(o.id, o.channel): Listing(o) for o in offers}
    known = {(o.id, o.channel): past[o.id] for o in offers}
    found = objections(made, listings, known, policy, now=NOW, large=False)
    assert found == (["in mode shadow prices are decided and recorded, never published"] if mode is Mode.SHADOW else [])


@pytest.mark.parametrize("planted", ["rails", "held"])
def test_a_planted_bug_is_caught_when_the_proposal_is_published(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that asks no rail, or does not hold what is old, meets the rails again at the door."""
    from pricing import engine
    from pricing.guardrails import Choices

    def gullible(o: Offer, *_: object) -> Choices:
        return Choices(o.ladder)

    if planted == "rails":
        monkeypatch.setattr(engine, "_faults", lambda *_: [])
        monkeypatch.setattr(Choices, "of", gullible)
    monkeypatch.setattr(engine, "stale", lambda *_: [])
    old = NOW - 63 * DAY if planted == "held" else NOW
    market = Market((offer("stalls"),), {"stalls": InForce.steady(TWENTY)})
    told = {"by": "engine", "now": NOW, "input_hash": "0", "base_version": 1, "sales_until": old, "fitted_at": NOW}
    made = propose(market, Known(), ExhaustiveOptimizer(), Policy(), **told)  # type: ignore[arg-type]
    assert made.decisions[0].verdict is Verdict.MOVE
    known = {("stalls", "all"): InForce.steady(TWENTY)}
    listings = {("stalls", "all"): Listing(offer("stalls"))}
    assert objections(made, listings, known, Policy(), now=NOW, large=False) != []
