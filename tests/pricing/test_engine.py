"""The engine moves a price only where a proven plan, the guard rails and the evidence all allow it."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from optimization import ExhaustiveOptimizer, HighsOptimizer
from optimization.account import SolverError
from pricing.book import Decision, Proposal, Verdict
from pricing.demand import DemandCurves, Evidence, Identification, constant_elasticity
from pricing.engine import propose
from pricing.errors import InputError
from pricing.explain import MENDING
from pricing.guardrails import InForce, broken
from pricing.market import Market
from pricing.model import ALL, Ladder, Offer, Resource
from pricing.money import as_floats
from pricing.outcome import Gain
from pricing.plan import Plan, Report, Status
from pricing.policy import Policy
from pricing.ports import Optimizer
from pricing.problem import Measure, Objective, Problem
from pricing.simulation import Season, TrueMarket, simulate
from pricing.tables.values import offers_from, resources_from

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
LADDER = Ladder.parse("10:40:0.50", "EUR")


def offer(name: str, *, price: str = "20", resource: str | None = None, **more: object) -> Offer:
    """An offer with bounds as wide as its ladder."""
    basic = Offer(
        id=name,
        product=name,
        currency="EUR",
        ladder=LADDER,
        floor=Decimal(10),
        ceiling=Decimal(40),
        current_price=Decimal(price),
        resource=resource,
    )
    return replace(basic, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Known:
    """A demand model of constant elasticity with a given spread."""

    elasticity: float = -2.0
    base: float = 100.0
    spread: float = 0.0
    status: Identification = Identification.IDENTIFIED
    version: str = "known"

    def curves(self, offers: Sequence[Offer]) -> DemandCurves:
        """The same curve for each offer, from 200 draws."""
        rng = np.random.default_rng(0)
        slopes = self.elasticity + self.spread * rng.standard_normal(200)
        units = np.zeros((200, len(offers), max(len(o.ladder) for o in offers)))
        for i, o in enumerate(offers):
            curve = constant_elasticity(np.full(200, self.base), slopes, 20.0, as_floats(o.ladder).tolist())
            units[:, i, : len(o.ladder)] = curve
        evidence = Evidence(self.status, self.elasticity, self.spread, "price followed demand", "known")
        return DemandCurves(
            tuple(o.id for o in offers), tuple(o.ladder for o in offers), units, (evidence,) * len(offers)
        )


def run(
    offers: Sequence[Offer],
    model: Known | None = None,
    *,
    optimizer: Optimizer | None = None,
    policy: Policy | None = None,
    resources: Sequence[Resource] = (),
) -> dict[str, Decision]:
    """Decisions by offer."""
    in_force = {o.id: InForce.steady(o.current_price) for o in offers}
    proposal = propose(
        Market(tuple(offers), in_force, tuple(resources)),
        model or Known(),
        optimizer or ExhaustiveOptimizer(),
        policy or Policy(),
        by="engine",
        now=NOW,
        input_hash="0",
        base_version=1,
    )
    return {decision.offer: decision for decision in proposal.decisions}


def test_an_elastic_offer_with_seats_to_spare_gets_cheaper_by_a_step() -> None:
    """At elasticity -2 revenue rises with every cut; the step cap stops it at 10 %, and the reason names the cap."""
    decision = run([offer("stalls")])["stalls"]
    assert decision.allowed == Decimal(18)
    assert decision.verdict is Verdict.MOVE
    assert any("10%" in reason for reason in decision.reasons)
    assert any("fewer than 1 of 20 outcomes earn less" in reason for reason in decision.reasons)


def test_scarce_seats_get_dearer() -> None:
    """With half the seats that are wanted left, a cut sells nothing more; the price rises."""
    decision = run([offer("stalls", resource="room")], resources=[Resource("room", 50.0)])["stalls"]
    assert decision.allowed == Decimal(22)
    assert decision.then.units == pytest.approx(50.0)


def test_what_is_not_identified_is_held_and_says_why() -> None:
    """The reason of the evidence is the reason of the decision."""
    decision = run([offer("vip")], Known(status=Identification.NOT_IDENTIFIED))["vip"]
    assert (decision.verdict, decision.allowed) == (Verdict.HELD, Decimal(20))
    assert decision.reasons == ("Held: price followed demand.",)


def test_a_move_that_wins_too_rarely_is_not_made() -> None:
    """With elasticities spread widely around -1.05, a cut wins in about half of the draws: the price is kept."""
    decision = run([offer("stalls")], Known(elasticity=-1.05, spread=0.6), policy=Policy(confidence=0.7))["stalls"]
    assert decision.verdict is Verdict.KEEP
    assert "70%" in decision.reasons[0]
    assert decision.wanted != decision.allowed


def test_what_is_sold_out_keeps_its_price() -> None:
    """A dearer ticket that nobody can buy earns nothing: the price stays, and says that nothing is left."""
    decision = run([offer("stalls", resource="room")], resources=[Resource("room", 0.0)])["stalls"]
    assert (decision.verdict, decision.allowed) == (Verdict.KEEP, Decimal(20))
    assert decision.reasons == ("Kept: nothing is left to sell.",)


def test_a_cheaper_audience_never_costs_more() -> None:
    """The declared order between segments holds in every proposal."""
    offers = [
        offer("adult", product="stalls", segment="adult", price="20"),
        offer("student", product="stalls", segment="student", price="20", resource="room"),
    ]
    policy = Policy(segment_order=(("student", "adult"),))
    decisions = run(offers, resources=[Resource("room", 40.0)], policy=policy)
    assert decisions["student"].allowed <= decisions["adult"].allowed
    unordered = run(offers, resources=[Resource("room", 40.0)])
    assert unordered["student"].allowed > unordered["adult"].allowed, "without the rule the order would break"


@dataclass(frozen=True)
class Hasty:
    """An optimizer whose plan is right in every number, but whose status says that nothing was proven."""

    status: Status

    def solve(self, problem: Problem, *, time_limit: float) -> Plan:
        """What brute force finds, under another status."""
        plan = ExhaustiveOptimizer().solve(problem, time_limit=time_limit)
        return replace(plan, report=replace(plan.report, status=self.status))


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (Status.OPTIMAL, Verdict.MOVE),
        (Status.FEASIBLE, Verdict.MOVE),
        (Status.TIME_LIMIT, Verdict.HELD),
        (Status.INFEASIBLE, Verdict.HELD),
    ],
)
def test_only_a_proven_status_moves_a_price(status: Status, verdict: Verdict) -> None:
    """The same prices, true in every number, move the price only if they come with a proof."""
    assert run([offer("stalls")], optimizer=Hasty(status))["stalls"].verdict is verdict


@dataclass(frozen=True)
class Liar:
    """An optimizer that answers with a status and prices of its own making."""

    status: Status
    price: Decimal

    def solve(self, problem: Problem, *, time_limit: float) -> Plan:  # noqa: ARG002  # the port's signature
        """The same price for every offer."""
        prices = {choice.id: self.price for choice in problem.offers}
        return Plan(Report(self.status, "liar", 0.0, 1e9, 1e9, 0.0), prices, dict.fromkeys(prices, 1.0))


@pytest.mark.parametrize("price", ["NaN", "39", "0.01", "18"])
@pytest.mark.parametrize("status", list(Status))
def test_a_plan_that_is_unproven_or_fails_its_check_moves_nothing(status: Status, price: str) -> None:
    """Whatever an optimizer claims, a false plan changes no price, and every decision says why."""
    decision = run([offer("stalls")], optimizer=Liar(status, Decimal(price)))["stalls"]
    assert (decision.verdict, decision.allowed) == (Verdict.HELD, Decimal(20))
    assert decision.reasons[0].startswith("Held: ")


def test_offers_of_two_currencies_are_priced_apart() -> None:
    """Each currency is a problem of its own; the answer is that of each alone."""
    euro, franc = offer("euro"), offer("franc", currency="CHF")
    both = run([euro, franc])
    assert both["euro"] == run([euro])["euro"]
    assert both["franc"] == run([franc])["franc"]


def test_an_unrelated_offer_changes_no_other_price() -> None:
    """Adding an offer that shares nothing leaves the other decision as it was, to the last digit."""
    assert run([offer("stalls"), offer("poster")])["stalls"] == run([offer("stalls")])["stalls"]


@dataclass(frozen=True)
class Flooded(Known):
    """The poster is wanted by more than can be counted."""

    def curves(self, offers: Sequence[Offer]) -> DemandCurves:
        """As known, but for the poster."""
        found = super().curves(offers)
        return replace(found, units=found.units * np.array([[1e16 if o.id == "poster" else 1.0] for o in offers]))


@pytest.mark.parametrize("risk", list(Measure))
def test_demand_beyond_reckoning_holds_its_own_offer_only(risk: Measure) -> None:
    """The poster is held and says why; what shares nothing with it moves as if alone."""
    policy = Policy(risk=risk)
    made = run([offer("stalls"), offer("poster"), offer("mug")], Flooded(), policy=policy)
    assert made["poster"].verdict is Verdict.HELD
    assert "offer poster: demand is above" in made["poster"].reasons[0]
    assert made["stalls"] == run([offer("stalls")], policy=policy)["stalls"]
    assert {made[name].verdict for name in ("stalls", "mug")} == {Verdict.MOVE}


def test_an_impossible_chain_of_orders_holds_its_own_offers_only() -> None:
    """Prices that no order can satisfy together are held, and say so; the poster beside them moves as if alone."""
    policy = Policy(segment_order=(("a", "b"), ("b", "c")))
    fixed = {"a": ("20",), "b": ("19", "20"), "c": ("18", "19")}
    chain = [
        offer(
            segment,
            product="p",
            segment=segment,
            price=steps[-1],
            ladder=Ladder(tuple(Decimal(step) for step in steps)),
        )
        for segment, steps in fixed.items()
    ]
    alone = run([offer("poster")], policy=policy)["poster"]
    together = run([offer("poster"), *chain], policy=policy)
    assert together["poster"] == alone
    assert alone.verdict is Verdict.MOVE
    assert {together[segment].verdict for segment in fixed} == {Verdict.HELD}


def test_an_order_holds_for_every_offer_of_a_segment_in_any_row_order() -> None:
    """Two adult offers beside one student offer: the student's price is above neither."""
    policy = Policy(segment_order=(("student", "adult"),))
    student = offer("student", product="s", segment="student", resource="room")
    adults = [offer(name, product="s", segment="adult") for name in ("adult 1", "adult 2")]
    answers = []
    for offers in ([student, *adults], [student, *adults[::-1]]):
        made = run(offers, resources=[Resource("room", 40.0)], policy=policy)
        assert made["student"].allowed <= min(made["adult 1"].allowed, made["adult 2"].allowed)
        answers.append({name: decision.allowed for name, decision in made.items()})
    assert answers[0] == answers[1]


def test_offers_of_one_room_win_or_lose_together() -> None:
    """Whether a move pays is judged for the room, because a seat one audience leaves is taken by the other."""
    model = Known(elasticity=-1.3, spread=0.4)
    room = run([offer("a", resource="room"), offer("b", resource="room")], model, resources=[Resource("room", 150.0)])
    assert room["a"].gain.loss_probability == room["b"].gain.loss_probability
    apart = run([offer("a", resource="one"), offer("b")], model, resources=[Resource("one", 90.0)])
    assert apart["a"].gain.loss_probability != apart["b"].gain.loss_probability


@dataclass(frozen=True)
class Apart(Known):
    """Buyers of the second offer mind its price far more than those of the first."""

    def curves(self, offers: Sequence[Offer]) -> DemandCurves:
        """Curves of elasticity -1.2 and -6."""
        made = [replace(Known(), elasticity=slope).curves([o]) for o, slope in zip(offers, (-1.2, -6.0), strict=True)]
        units = np.concatenate([curves.units for curves in made], axis=1)
        return DemandCurves(
            tuple(o.id for o in offers), tuple(o.ladder for o in offers), units, tuple(c.evidence[0] for c in made)
        )


def test_a_cut_in_a_full_room_does_not_speak_of_empty_seats() -> None:
    """Places are scarce and worth something; more of these buyers at a lower price pay more for them all the same."""
    room = run([offer("a", resource="room"), offer("b", resource="room")], Apart(), resources=[Resource("room", 260.0)])
    assert room["b"].shadow_price > 0
    assert room["b"].allowed < room["b"].in_force
    assert "one of the 260 left would bring elsewhere" in room["b"].reasons[0]
    assert "empty" not in room["b"].reasons[0]


def test_a_resource_of_two_currencies_is_refused() -> None:
    """Nobody could say what a seat of it is worth."""
    with pytest.raises(InputError, match="several currencies"):
        run(
            [offer("a", resource="room"), offer("b", resource="room", currency="CHF")],
            resources=[Resource("room", 9.0)],
        )


def season_market(season: Season) -> Market:
    """What is on sale in a simulated season."""
    table = season.offers.assign(channel="all", resource=season.offers["resource"].replace("", None))
    for column in ("floor", "ceiling", "current_price", "unit_cost"):
        table[column] = pd.Series([Decimal(value) for value in table[column]], dtype=object)
    offers = offers_from(table)
    in_force = {o.id: InForce.steady(o.current_price) for o in offers}
    return Market(offers, in_force, resources_from(season.resources))


def price_season(season: Season, market: Market, optimizer: Optimizer) -> Proposal:
    """Prices made with perfect knowledge."""
    policy = Policy(segment_order=(("student", "adult"),))
    model = TrueMarket(season)
    return propose(market, model, optimizer, policy, by="engine", now=NOW, input_hash="0", base_version=1)


def test_every_allowed_price_of_a_season_passes_the_guard_rails() -> None:
    """The invariant that matters most, on 60-odd offers at once; and the season is worth more than before."""
    season = simulate(now=NOW, rng=np.random.default_rng(5))
    market = season_market(season)
    proposal = price_season(season, market, HighsOptimizer())
    by_id = {o.id: o for o in market.offers}
    moved = [decision for decision in proposal.decisions if decision.verdict is Verdict.MOVE]
    for decision in moved:
        where = by_id[decision.offer], market.in_force[decision.offer], decision.evidence
        assert broken(decision.allowed, *where, Policy()) == ()
    assert len(moved) > 20
    assert sum(decision.then.revenue - decision.now.revenue for decision in proposal.decisions) > 0


def test_two_optimizers_agree_on_an_event() -> None:
    """HiGHS and brute force find prices of the same worth for the tickets of an event, which share rooms and order."""
    season = simulate(now=NOW, rng=np.random.default_rng(5))
    market = season_market(season)
    event = market.offers[0].event
    event_market = replace(market, offers=tuple(o for o in market.offers if o.event == event))
    worth = [
        sum(decision.then.revenue for decision in price_season(season, event_market, optimizer).decisions)
        for optimizer in (HighsOptimizer(), ExhaustiveOptimizer())
    ]
    assert worth[0] == pytest.approx(worth[1], rel=1e-6)


def test_prices_that_break_a_declared_order_today_only_move_towards_it() -> None:
    """A student ticket far above the adult one cannot be mended in one run: neither moves further away."""
    offers = [
        offer("adult", product="stalls", segment="adult", price="18"),
        offer("student", product="stalls", segment="student", price="30", resource="room"),
    ]
    policy = Policy(segment_order=(("student", "adult"),))
    made = run(offers, Known(elasticity=-1.2), resources=[Resource("room", 5.0)], policy=policy)
    assert made["student"].allowed <= Decimal(30)
    assert made["adult"].allowed >= Decimal(18)
    free = run(offers, Known(elasticity=-1.2), resources=[Resource("room", 5.0)])
    assert free["student"].allowed > Decimal(30), "without the rule it would move away"


def test_an_order_in_force_that_is_broken_is_mended_whatever_the_odds() -> None:
    """A declared order is not a bet: the move that restores it is made although it earns less, and says so."""
    offers = [
        offer("adult", product="stalls", segment="adult", price="19"),
        offer("student", product="stalls", segment="student", price="20", resource="room"),
    ]
    policy = Policy(segment_order=(("student", "adult"),), confidence=0.95)
    made = run(offers, Known(elasticity=-1.2, spread=0.5), resources=[Resource("room", 5.0)], policy=policy)
    assert made["student"].allowed <= made["adult"].allowed
    assert any(MENDING in d.reasons for d in made.values())


def test_a_smaller_move_that_wins_often_enough_is_made() -> None:
    """Where the best price wins too rarely, prices nearer to the one in force are looked at before it is kept."""
    certain, shy = (
        run([offer("stalls", resource="room")], MODEL, resources=[Resource("room", 95.0)], policy=Policy(confidence=p))
        for p in (0.0, 0.9)
    )
    assert certain["stalls"].allowed > shy["stalls"].allowed > Decimal(20)
    assert shy["stalls"].wanted == certain["stalls"].allowed


MODEL = Known(elasticity=-1.4, spread=0.8, base=104.0)


def test_the_gain_of_a_proposal_is_that_of_the_sum_over_joint_draws() -> None:
    """Neither ranges nor risks are added: the whole is looked at in each draw."""
    offers = [offer("a", event="gala"), offer("b", event="gala"), offer("c")]
    model = Known(elasticity=-1.8, spread=0.3)
    proposal = propose(
        Market(tuple(offers), {o.id: InForce.steady(o.current_price) for o in offers}),
        model,
        ExhaustiveOptimizer(),
        Policy(),
        by="engine",
        now=NOW,
        input_hash="0",
        base_version=1,
    )
    curves = model.curves(offers)
    then, now = (
        sum(
            float(price) * curves.of(d.offer)[:, LADDER.index(price)]
            for d in proposal.decisions
            if (price := (d.allowed if moved else d.in_force))
        )
        for moved in (True, False)
    )
    whole = {total.event: total.gain for total in proposal.gains}
    assert set(whole) == {None, "gala", "all"}
    assert astuple(whole[None]) == pytest.approx(astuple(Gain.of(np.asarray(then - now))))
    assert whole[None].expected == pytest.approx(sum(d.gain.expected for d in proposal.decisions))
    assert whole["gala"].expected == pytest.approx(2 * whole["all"].expected)


def test_nothing_that_moves_gains_nothing() -> None:
    """Where prices stay no gain is claimed, for the whole or for one offer."""
    held = run([offer("vip")], Known(status=Identification.NOT_IDENTIFIED))["vip"]
    assert held.gain == Gain(0.0, 0.0, 0.0, 0.0)


def test_cautious_owners_move_less() -> None:
    """Who looks at the worst outcomes only does not bet on buyers being more sensitive than they may be."""
    model = Known(elasticity=-1.6, spread=0.5)
    bold, careful = (run([offer("a")], model, policy=Policy(confidence=0.0, risk=risk))["a"] for risk in Measure)
    assert bold.allowed == Decimal(18)
    assert bold.allowed < careful.allowed
    pair = run([offer("a"), offer("b")], model, policy=Policy(confidence=0.0, risk=Measure.CVAR))
    assert pair["a"] == careful, "another offer changes nothing"


def test_expected_profit_is_taken_over_every_draw() -> None:
    """One draw in 200 worth more than all others together decides: no tail is cut off."""
    model = Outlier()
    assert run([offer("a")], model, policy=Policy(confidence=0.0))["a"].allowed == Decimal(22)
    assert run([offer("a")], Known(elasticity=-3.0), policy=Policy(confidence=0.0))["a"].allowed == Decimal(18)


@dataclass(frozen=True)
class Outlier(Known):
    """Buyers mind the price a lot, but for one draw with a hundred times the demand, in which they do not."""

    elasticity: float = -3.0

    def curves(self, offers: Sequence[Offer]) -> DemandCurves:
        """As `Known`, but for the last draw."""
        curves = Known.curves(self, offers)
        units = curves.units.copy()
        units[-1] = 1e5
        return replace(curves, units=units)


@dataclass(frozen=True)
class Failing:
    """An optimizer that fails, gives no prices, or claims a proof its own bound does not show."""

    how: str

    def solve(self, problem: Problem, *, time_limit: float) -> Plan:
        """Fail in one way."""
        plan = ExhaustiveOptimizer().solve(problem, time_limit=time_limit)
        if self.how == "raises":
            raise SolverError("the solver's prices break the problem's rules")
        if self.how == "empty":
            return replace(plan, prices={})
        return replace(plan, report=replace(plan.report, bound=2 * (plan.report.bound or 1.0)))


@pytest.mark.parametrize(
    ("how", "words"), [("raises", "the optimizer failed"), ("empty", "no prices"), ("bound", "does not prove")]
)
def test_an_optimizer_that_fails_holds_every_price(how: str, words: str) -> None:
    """A fault of the solver is a reason in the decision, not the end of the run."""
    made = run([offer("a"), offer("b")], optimizer=Failing(how))
    assert {d.verdict for d in made.values()} == {Verdict.HELD}
    assert all(words in d.reasons[0] for d in made.values())


def test_rear_seats_never_cost_more_than_front_seats() -> None:
    """The declared order between products holds for each audience, whatever is scarce."""
    offers = [
        offer("front", event="gala", price="20"),
        offer("rear", event="gala", price="20", resource="room"),
        offer("rear matinee", product="rear", event="matinee", price="20", resource="hall"),
    ]
    rooms = [Resource("room", 40.0), Resource("hall", 40.0)]
    made = run(offers, resources=rooms, policy=Policy(product_order=(("rear", "front"),)))
    assert made["rear"].allowed <= made["front"].allowed
    free = run(offers, resources=rooms)
    assert free["rear"].allowed > free["front"].allowed, "without the rule the order would break"
    assert made["rear matinee"] == free["rear matinee"], "another event is another matter"


@pytest.mark.parametrize("seed", range(8))
def test_no_move_loses_more_often_than_the_odds_allow(seed: int) -> None:
    """Neither its room's offers together nor the one move among them; what a decision says is what was asked for."""
    rng = np.random.default_rng(seed)
    offers = [offer(name, price=str(rng.integers(16, 26)), resource="room") for name in "abc"]
    model = Mixed(spread=0.5, base=float(rng.uniform(40, 100)))
    made = run(offers, model, resources=[Resource("room", float(rng.uniform(100, 250)))], policy=Policy(confidence=0.7))
    assert all(decision.gain.loss_probability <= 0.3 for decision in made.values())


class Mixed(Known):
    """Each audience minds the price in its own way."""

    def curves(self, offers: Sequence[Offer]) -> DemandCurves:
        """Elasticities from -1.1 downwards, each with errors of its own."""
        units, evidence = [], []
        for i, one in enumerate(offers):
            rng, slope = np.random.default_rng(i), -1.1 - 0.6 * i
            slopes = slope + self.spread * rng.standard_normal(200)
            base = self.base * rng.gamma(9, 1 / 9, 200)
            units.append(constant_elasticity(base, slopes, 20.0, as_floats(one.ladder).tolist()))
            evidence.append(Evidence(self.status, slope, self.spread, "known", "known"))
        names, ladders = tuple(one.id for one in offers), tuple(one.ladder for one in offers)
        return DemandCurves(names, ladders, np.stack(units, axis=1), tuple(evidence))


@pytest.mark.parametrize("seed", range(6))
def test_no_move_is_made_that_is_not_expected_to_gain(seed: int) -> None:
    """Whatever the odds asked for: a cut that fits expected demand may lose in the draws that sell out."""
    rng = np.random.default_rng(seed)
    offers = [offer("a", resource="room"), offer("b", resource="room"), offer("c", resource="own")]
    model = Known(elasticity=float(rng.uniform(-1.6, -1.1)), spread=0.6)
    rooms = [Resource("room", float(rng.uniform(205, 225))), Resource("own", float(rng.uniform(102, 112)))]
    made = run(offers, model, resources=rooms, policy=Policy(confidence=0.0))
    assert all(decision.gain.expected > 0 for decision in made.values() if decision.verdict is Verdict.MOVE)


def test_a_move_that_gains_nothing_ends_at_a_smaller_one_that_does() -> None:
    """In a shared room too: each of two deep cuts loses where the room sells out, two small ones do not."""
    offers = [offer("a", resource="room"), offer("b", resource="room")]
    model, room = Known(elasticity=-1.1, spread=0.4), [Resource("room", 230.0)]
    made = run(offers, model, resources=room, policy=Policy(confidence=0.0))
    assert all(d.wanted < d.allowed < d.in_force and d.gain.expected > 0 for d in made.values())


def test_a_reason_tells_the_move_that_is_made_and_what_it_sells() -> None:
    """Its own figures, not those of a move by 10 %."""
    cut = run([offer("a", price="20", ceiling=Decimal(40), floor=Decimal(19))])["a"]
    assert cut.allowed == Decimal(19)
    assert cut.reasons[0] == "At 5% less, 11% more are expected to be sold."
    for event, otherwise in (("gala", "seats would stay empty"), (ALL, "some would stay unsold")):
        made = run([offer("a", resource="room", event=event)], resources=[Resource("room", 154.0)])["a"]
        assert made.reasons[0] == f"At 10% less, 23% more are expected to be sold and {otherwise} otherwise (154 left)."
    raised = run([offer("a", ceiling=Decimal("20.5"), unit_cost=Decimal(10))], Known(elasticity=-1.4), policy=MARGIN)[
        "a"
    ]
    assert raised.reasons[0] == "At 2.5% more, only 3% fewer are expected to be sold, and each sale earns more."


MARGIN = Policy(objective=Objective.MARGIN)


def test_a_reason_says_which_outcomes_earn_less_where_a_cut_sells_out() -> None:
    """Empty seats in expectation, none in the outcomes that lose; with room for all, other outcomes lose."""
    offers, model = [offer("a", resource="room"), offer("b", resource="room")], Mixed(spread=0.1)
    tight, wide = (
        run(offers, model, resources=[Resource("room", left)], policy=Policy(confidence=0.0)) for left in (270.0, 500.0)
    )
    assert min(tight["b"].gain.loss_probability, wide["a"].gain.loss_probability) >= 0.1
    assert tight["b"].reasons[1].endswith("outcomes earn less, mostly those that sell out.")
    assert wide["a"].reasons[1].endswith("outcomes earn less.")
