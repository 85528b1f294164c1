"""The one readable flow: demand curves, problem, plan, guard rails, decisions.

Guarantees
----------
* Whatever the model or the optimizer does, an offer's allowed price passed every guard rail, or is the price in force.
* On sales or a model that are too old nothing moves, and every decision says so.
* A plan that is not proven, or that fails the independent check, moves nothing, and every decision says why.
* What is maximised is expected over every draw of demand (or over its tail, if the policy says so); none is left out.
* A price moves only if the move is expected to earn more, sales being cut to what is left in every draw, and does so
  in at least `policy.confidence` of the draws; or if it mends a declared order, a bound or an override.
* What an override asks for is decided in the name of whoever set it, whatever the evidence, and never breaks an order.
* A declared order that holds is never broken; one that the caps make impossible today is never broken further.
* Offers of different currencies never meet in one problem; what goes wrong with some offers leaves the others alone.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from pricing.alternatives import Decided, explain
from pricing.book import Decision, Proposal, Provenance, Verdict
from pricing.demand import DemandCurves
from pricing.errors import FairfareError
from pricing.explain import reasons_for
from pricing.feasibility import violations
from pricing.guardrails import Rail, broken, distrust, stale
from pricing.guardrails.rails import Refusal, scheduled, what_stopped
from pricing.leeway import Leeway
from pricing.market import Market, Prices, Sale, units_at
from pricing.model import Ladder, Offer, Resource
from pricing.outcome import UNEXPLAINED, Gain, Outcome, total_gains
from pricing.plan import PROVEN, Plan, Report, Status
from pricing.policy import Policy
from pricing.ports import DemandModel, Optimizer
from pricing.problem import MOST_UNITS, Choice, Objective, Order, Problem, Risk, Shared

Vector = NDArray[np.float64]

PROVEN_GAP = 1e-4
"""The largest gap that `pricing.plan.Status` calls proven."""


def propose(
    market: Market,
    model: DemandModel,
    optimizer: Optimizer,
    policy: Policy,
    *,
    by: str,
    now: datetime,
    input_hash: str,
    base_version: int,
    sales_until: datetime | None = None,
    fitted_at: datetime | None = None,
    inputs: Sequence[str] = (),
    time_limit: float = 60.0,
) -> Proposal:
    """Decide a price for every offer.

    Parameters
    ----------
    base_version : version of the price book that `market.in_force` was read from
    sales_until, fitted_at, inputs : as in `Provenance`
    time_limit : for each solve [seconds]
    """
    too_old = stale(sales_until or now, fitted_at or now, policy, now)
    priced = [
        (part.offers[0].currency, answer)
        for part in market.currencies()
        for answer in _decide(part, model, optimizer, policy, time_limit=time_limit, too_old=too_old)
    ]
    made = {decision.offer: decision for _, answer in priced for decision in answer.decisions}
    solver = "; ".join(sorted({f"{answer.plan.report.method}: {answer.plan.report.status}" for _, answer in priced}))
    stamp = f"{now.isoformat()} {input_hash} {base_version} {by}"
    return Proposal(
        id=f"{now:%Y%m%d-%H%M%S}-{hashlib.sha256(stamp.encode()).hexdigest()[:6]}",
        proposed_by=by,
        proposed_at=now,
        expires_at=now + timedelta(hours=policy.expiry_hours),
        provenance=Provenance(input_hash, model.version, solver, sales_until, fitted_at, tuple(inputs)),
        decisions=tuple(made[offer.id] for offer in market.offers),
        base_version=base_version,
        gains=tuple(total_gains((of, *change) for of, answer in priced for change in answer.change.items())),
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """Decisions made together.

    Attributes
    ----------
    change : event -> (draws,) what the moves of its offers change, in what is maximised [currency]; only where a price
        moves
    """

    plan: Plan
    decisions: tuple[Decision, ...]
    change: Mapping[str, Vector]


def _decide(
    market: Market,
    model: DemandModel,
    optimizer: Optimizer,
    policy: Policy,
    *,
    time_limit: float,
    too_old: Sequence[Refusal],
) -> Iterator[_Answer]:
    """Decisions of a market of one currency, part by part."""
    curves = model.curves(market.as_it_stands())
    most = curves.units.max(axis=(0, 2), initial=0.0).tolist()
    beyond = {name for name, units in zip(curves.offers, most, strict=True) if units > MOST_UNITS}
    for part in market.parts(policy, apart=beyond):
        known = curves.only([offer.id for offer in part.offers])
        rules = Leeway.of(part, known, policy, too_old)
        yield _decide_part(part, known, rules, optimizer, policy, time_limit=time_limit)


def _decide_part(
    market: Market, curves: DemandCurves, rules: Leeway, optimizer: Optimizer, policy: Policy, *, time_limit: float
) -> _Answer:
    """Solve; as long as moves gain nothing expected or win too rarely, take them away and solve again."""
    now, choose_from, wanted = Sale.at(market, curves, market.prices, policy.objective), dict(rules.allowed), None
    while True:
        spill = _spill(market, choose_from)
        plan, trouble = _solve(_Wish(market, curves, choose_from, spill, rules.orders, policy), optimizer, time_limit)
        chosen = market.prices if trouble else plan.prices
        wanted = wanted or chosen
        then = Sale.at(market, curves, chosen, policy.objective)
        lost = {name: float(amount) for name, amount in spill.items()}
        decided = Decided(now, then, curves, policy, rules.allowed, rules.orders, lost, rules.mending)
        doubtful = _doubtful(decided)
        if not doubtful:
            break
        choose_from |= {market.offers[i].id: _what_is_left(decided, i, choose_from) for i in doubtful}
    if not trouble and (faults := _faults(market, curves, chosen, policy)):
        trouble, decided = faults[0], replace(decided, then=now)
    change = decided.then.earned - now.earned
    return _Answer(plan, _decisions(decided, rules, plan, wanted, trouble), _by_event(decided, change))


def _by_event(decided: Decided, change: Vector) -> dict[str, Vector]:
    """Event -> (draws,) change of what its offers earn, for events in which a price moves."""
    offers = decided.then.market.offers
    moved = {offer.event for offer in offers if decided.then.prices[offer.id] != decided.kept[offer.id]}
    return {event: change[:, [o.event == event for o in offers]].sum(axis=1) for event in sorted(moved)}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What an optimizer is asked; `choose_from` holds the prices each offer may take, `spill` what excess loses."""

    market: Market
    curves: DemandCurves
    choose_from: Mapping[str, Ladder]
    spill: Mapping[str, Decimal]
    orders: tuple[Order, ...]
    policy: Policy

    def problem(self) -> Problem:
        """The problem (InputError where demand is beyond what can be reckoned with)."""
        market, policy = self.market, self.policy
        return Problem(
            currency=market.offers[0].currency,
            objective=policy.objective,
            offers=tuple(self._choice(offer) for offer in market.offers),
            resources=tuple(self._shared(resource) for resource in market.used),
            rules=self.orders,
            risk=Risk(policy.risk, policy.risk_alpha),
        )

    def _choice(self, offer: Offer) -> Choice:
        ladder = self.choose_from[offer.id]
        demand = units_at(self.curves, offer.id, ladder)
        return Choice(offer.id, ladder, demand, offer.unit_cost, self.market.in_force[offer.id].price)

    def _shared(self, resource: Resource) -> Shared:
        users = [self.market.offers[i].id for i in self.market.users(resource)]
        return Shared(resource.id, resource.capacity, dict.fromkeys(users, 1.0), spill=self.spill[resource.id])


def _spill(market: Market, choose_from: Mapping[str, Ladder]) -> dict[str, Decimal]:
    """Resource id -> loss per unit wanted beyond it: the dearest price, so that excess demand raises prices."""
    return {
        resource.id: max(max(choose_from[market.offers[i].id]) for i in market.users(resource))
        for resource in market.used
    }


def _solve(wish: _Wish, optimizer: Optimizer, time_limit: float) -> tuple[Plan, str | None]:
    """The plan, and in words why it must not be used, if it must not."""
    try:
        problem = wish.problem()
        plan = optimizer.solve(problem, time_limit=time_limit)
    except (FairfareError, ArithmeticError, RuntimeError, ValueError) as error:
        return Plan(Report(Status.TIME_LIMIT, "failed", 0.0)), f"the optimizer failed: {error}"
    if plan.report.status not in PROVEN:
        detail = "; ".join((*plan.conflict, *_overrides_in(plan.conflict, wish.market)))
        return plan, f"no proven prices were found ({plan.report.status}{': ' + detail if detail else ''})"
    if not plan.prices:
        return plan, "the optimizer gave no prices"
    if faults := violations(problem, plan):
        return plan, f"the optimizer's answer failed its check: {faults[0]}"
    if not _proven(plan.report):
        return plan, "the optimizer's bound does not prove its answer"
    return plan, None


def _overrides_in(conflict: Sequence[str], market: Market) -> Iterator[str]:
    """Overrides of offers that a conflict names: their prices are as little free as its rules."""
    for offer in market.offers:
        if any(offer.id in rule for rule in conflict):
            yield from (f"{offer.id}: {override}" for override in market.in_force[offer.id].overrides)


def _proven(report: Report) -> bool:
    """Whether bound and objective themselves show the gap that the status claims."""
    if report.objective is None or report.bound is None:
        return False
    return report.bound - report.objective <= PROVEN_GAP * max(abs(report.objective), 1e-9)


def _doubtful(decided: Decided) -> list[int]:
    """Offers that would move although that is expected to gain nothing, or wins too rarely."""
    return [
        i
        for i, offer in enumerate(decided.then.market.offers)
        if (price := decided.then.prices[offer.id]) != decided.kept[offer.id]
        and not decided.winning(i, decided.tried(i, (price,)))[0]
    ]


def _what_is_left(decided: Decided, i: int, choose_from: Mapping[str, Ladder]) -> Ladder:
    """What a doubtful offer may still choose: the price in force, and other prices that win beside the rest as decided.

    Where it shares a resource, only smaller moves the same way: what wins there depends on what the others do. Always
    less than before, so that solving again comes to an end.
    """
    market = decided.then.market
    offer = market.offers[i]
    kept, doubted = decided.kept[offer.id], decided.then.prices[offer.id]
    shares = any(len(market.users(resource)) > 1 for resource in market.used if resource.id == offer.resource)
    tried = decided.tried(i, tuple(choose_from[offer.id]))
    return Ladder(
        tuple(
            price
            for price, wins in zip(tried.prices, decided.winning(i, tried), strict=True)
            if wins and price != doubted and (not shares or min(kept, doubted) <= price <= max(kept, doubted))
        )
    )


def _faults(market: Market, curves: DemandCurves, chosen: Prices, policy: Policy) -> list[str]:
    """Guard rails that chosen prices break; there are none unless something is wrong in here."""
    return [
        f"the price chosen for {offer.id} breaks a guard rail: {reason}"
        for offer, evidence in zip(market.offers, curves.evidence, strict=True)
        if chosen[offer.id] != (known := market.in_force[offer.id]).price
        for reason in broken(chosen[offer.id], offer, known, None if known.demanded else evidence, policy)
    ]


def _decisions(
    decided: Decided, rules: Leeway, plan: Plan, wanted: Prices, trouble: str | None
) -> tuple[Decision, ...]:
    shadow = {resource.id: resource.shadow_price for resource in plan.resources}
    return tuple(
        _decision(decided, i, rules, shadow.get(offer.resource or "", 0.0), wanted=wanted[offer.id], trouble=trouble)
        for i, offer in enumerate(decided.then.market.offers)
    )


def _decision(
    decided: Decided, i: int, rules: Leeway, shadow_price: float, *, wanted: Decimal, trouble: str | None
) -> Decision:
    market, policy = decided.then.market, decided.policy
    offer, evidence, in_force = market.offers[i], decided.curves.evidence[i], market.in_force[market.offers[i].id]
    kept, allowed, asks = decided.kept[offer.id], decided.then.prices[offer.id], in_force.demanded
    why = [
        None if in_force.fixed else distrust(evidence),
        scheduled(in_force),
        *(refusal.reason for refusal in rules.too_old),
    ]
    held = "; ".join(reason.rstrip(".") for reason in why if reason) or trouble or ""
    tried = decided.tried(i, (kept, allowed))
    stopped = what_stopped(allowed, offer, in_force, evidence, policy)
    acted = _acted(decided, offer, rules, wanted=wanted, trouble=trouble, stopped=stopped)
    known = UNEXPLAINED if rules.too_old or trouble else explain(decided, i, shadow_price, evidence)
    draft = Decision(
        offer=offer.id,
        channel=offer.channel,
        currency=offer.currency,
        in_force=kept,
        wanted=wanted,
        allowed=allowed,
        floor=offer.floor,
        ceiling=offer.ceiling,
        ladder=offer.ladder,
        evidence=evidence,
        verdict=Verdict.MOVE if allowed != kept else Verdict.HELD if held else Verdict.KEEP,
        reasons=(),
        now=Outcome.of(kept, decided.now.sold[:, i]),
        then=Outcome.of(allowed, decided.then.sold[:, i]),
        gain=Gain.of(tried.earned[:, 1] - tried.earned[:, 0]),
        shadow_price=shadow_price,
        unit_cost=offer.unit_cost if policy.objective is Objective.MARGIN else Decimal(0),
        explanation=replace(known, acted=tuple(acted)),
        set_by=asks.by if asks and allowed != kept else None,
        override=asks.number if asks and allowed != kept else None,
    )
    left = {resource.id: resource.capacity for resource in market.used}.get(offer.resource or "")
    reasons = reasons_for(
        draft,
        offer,
        in_force,
        policy,
        held=held,
        forbidden=[refusal.reason for refusal in rules.acted[offer.id]] if len(rules.allowed[offer.id]) == 1 else [],
        mending=offer.id in decided.mending,
        left=left,
        sells_out=decided.sells_out(i, tried.earned[:, 1] < tried.earned[:, 0]),
    )
    return replace(draft, reasons=reasons)


def _acted(
    decided: Decided, offer: Offer, rules: Leeway, *, wanted: Decimal, trouble: str | None, stopped: str | None
) -> Iterator[str]:
    """Names of all that kept an offer from a price within reach; what stopped it where it is comes first."""
    acted = sorted(rules.acted[offer.id], key=lambda refusal: refusal.reason != stopped)
    yield from (refusal.rail.value for refusal in acted)
    if any(decided.out_of_order(offer, price) for price in rules.allowed[offer.id]):
        yield Rail.ORDER.value
    if trouble:
        yield Rail.PROOF.value
    elif wanted != decided.then.prices[offer.id]:
        yield Rail.CONFIDENCE.value
