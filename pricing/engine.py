"""The one readable flow: demand curves, problem, plan, guard rails, decisions.

Guarantees
----------
* Whatever the model or the optimizer does, an offer's allowed price passed every guard rail, or is the price in force.
* A plan that is not proven, or that fails the independent check, moves nothing, and every decision says why.
* A price moves only if the move earns more in at least `policy.confidence` of the draws.
* Offers of different currencies never meet in one problem; what goes wrong with some offers leaves the others alone.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from pricing.book import Decision, Outcome, Proposal, Provenance, Verdict
from pricing.demand import DemandCurves
from pricing.errors import Finding, InputError
from pricing.explain import reasons_for
from pricing.feasibility import violations
from pricing.guardrails import InForce, broken, candidates, distrust
from pricing.model import Ladder, Offer, Resource
from pricing.money import as_floats
from pricing.plan import PROVEN, Plan
from pricing.policy import Policy
from pricing.ports import DemandModel, Optimizer
from pricing.problem import Choice, Objective, Order, Problem, Shared

Vector = NDArray[np.float64]
Prices = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Market:
    """Offers of one currency with what is in force for each; `resources` hold what is left to sell."""

    offers: tuple[Offer, ...]
    in_force: Mapping[str, InForce]
    resources: tuple[Resource, ...] = ()

    @property
    def prices(self) -> Prices:
        """What is in force."""
        return {offer.id: self.in_force[offer.id].price for offer in self.offers}

    def of(self, offers: Iterable[Offer]) -> "Market":
        """The same market, these offers only."""
        return replace(self, offers=tuple(offers))

    def currencies(self) -> list["Market"]:
        """One market per currency, so that two currencies never meet in a sum.

        Raises
        ------
        InputError
            if offers of two currencies draw on one resource: nobody could say what a unit of it is worth.
        """
        used: dict[str, set[str]] = {}
        for offer in self.offers:
            used.setdefault(offer.resource or "", set()).add(offer.currency)
        if mixed := [name for name, currencies in used.items() if name and len(currencies) > 1]:
            raise InputError([Finding(f"offers of several currencies draw on resource {name}") for name in mixed])
        return [
            self.of(offer for offer in self.offers if offer.currency == currency)
            for currency in sorted({offer.currency for offer in self.offers})
        ]

    def parts(self, policy: Policy) -> list["Market"]:
        """Markets that share nothing, so that what goes wrong in one leaves the others alone.

        Offers are tied by a resource, or by an order between their segments; those tied to nothing are one market.
        """
        tied = bool(policy.segment_order)
        ties: dict[str, list[str]] = {}
        for offer in self.offers:
            for tie in ([f"resource {offer.resource}"] if offer.resource else []) + (
                [f"order {offer.product} {offer.event} {offer.channel}"] if tied else []
            ):
                ties.setdefault(tie, []).append(offer.id)
        label = {offer.id: offer.id for offer in self.offers}

        def root(name: str) -> str:
            while label[name] != name:
                label[name] = label[label[name]]
                name = label[name]
            return name

        for names in ties.values():
            for name in names[1:]:
                label[root(name)] = root(names[0])
        groups: dict[str, list[Offer]] = {}
        for offer in self.offers:
            groups.setdefault(root(offer.id), []).append(offer)
        alone = [g[0] for g in groups.values() if len(g) == 1 and not g[0].resource]
        linked = [self.of(g) for g in groups.values() if len(g) > 1 or g[0].resource]
        return [*linked, *([self.of(alone)] if alone else [])]


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
    time_limit: float = 60.0,
) -> Proposal:
    """Decide a price for every offer.

    Parameters
    ----------
    base_version : version of the price book that `market.in_force` was read from
    time_limit : for each solve [seconds]
    """
    priced = [answer for part in market.currencies() for answer in _decide(part, model, optimizer, policy, time_limit)]
    made = {decision.offer: decision for decisions, _ in priced for decision in decisions}
    decisions = tuple(made[offer.id] for offer in market.offers)
    solver = "; ".join(sorted({f"{plan.report.method}: {plan.report.status}" for _, plan in priced}))
    stamp = f"{now.isoformat()} {input_hash} {base_version} {by}"
    return Proposal(
        id=f"{now:%Y%m%d-%H%M%S}-{hashlib.sha256(stamp.encode()).hexdigest()[:6]}",
        proposed_by=by,
        proposed_at=now,
        expires_at=now + timedelta(hours=policy.expiry_hours),
        provenance=Provenance(input_hash=input_hash, model_version=model.version, solver=solver),
        decisions=decisions,
        base_version=base_version,
    )


def _decide(
    market: Market, model: DemandModel, optimizer: Optimizer, policy: Policy, time_limit: float
) -> Iterator[tuple[tuple[Decision, ...], Plan]]:
    """Decisions of a market of one currency, part by part."""
    curves = model.curves([_with_price_in_force(offer, market.in_force[offer.id]) for offer in market.offers])
    for part in market.parts(policy):
        yield _decide_part(part, curves.only([offer.id for offer in part.offers]), optimizer, policy, time_limit)


def _decide_part(
    market: Market, curves: DemandCurves, optimizer: Optimizer, policy: Policy, time_limit: float
) -> tuple[tuple[Decision, ...], Plan]:
    choose_from = {
        offer.id: candidates(offer, market.in_force[offer.id], evidence, policy)
        for offer, evidence in zip(market.offers, curves.evidence, strict=True)
    }
    wanted: Prices | None = None
    while True:
        plan, trouble = _solve(_problem(market, curves, choose_from, policy), optimizer, time_limit)
        chosen = market.prices if trouble else plan.prices
        wanted = wanted or chosen
        doubtful = _doubtful(market, curves, chosen, policy)
        if not doubtful:
            return _decisions(market, curves, policy, _Answer(plan, wanted, chosen, trouble)), plan
        choose_from |= {offer: Ladder((market.prices[offer],)) for offer in doubtful}


def _with_price_in_force(offer: Offer, in_force: InForce) -> Offer:
    """The offer as it stands: at the price in force, which is a step too, whether or not it was one."""
    ladder = Ladder(tuple(sorted({*offer.ladder, in_force.price})))
    return replace(offer, ladder=ladder, current_price=in_force.price)


def _problem(market: Market, curves: DemandCurves, choose_from: Mapping[str, Ladder], policy: Policy) -> Problem:
    offers = tuple(
        Choice(
            id=offer.id,
            ladder=choose_from[offer.id],
            demand=_at(curves, offer.id, choose_from[offer.id]),
            unit_cost=offer.unit_cost,
            current_price=market.in_force[offer.id].price,
        )
        for offer in market.offers
    )
    return Problem(
        currency=market.offers[0].currency,
        objective=policy.objective,
        offers=offers,
        resources=tuple(_shared(market, resource, choose_from) for resource in _used(market)),
        rules=tuple(_orders(market, choose_from, policy)),
    )


def _at(curves: DemandCurves, offer: str, prices: Sequence[Decimal] | Ladder) -> Vector:
    """(draws, len(prices)) demand of one offer at these prices of its ladder [units]."""
    ladder = curves.ladders[curves.place[offer]]
    return curves.of(offer)[:, [ladder.index(price) for price in prices]]


def _used(market: Market) -> list[Resource]:
    named = {offer.resource for offer in market.offers}
    return [resource for resource in market.resources if resource.id in named]


def _shared(market: Market, resource: Resource, choose_from: Mapping[str, Ladder]) -> Shared:
    """The resource with its users; a unit beyond it loses the dearest price: excess demand raises prices."""
    users = [offer.id for offer in market.offers if offer.resource == resource.id]
    dearest = max(max(choose_from[user]) for user in users)
    return Shared(resource.id, resource.capacity, dict.fromkeys(users, 1.0), spill=dearest)


def _orders(market: Market, choose_from: Mapping[str, Ladder], policy: Policy) -> list[Order]:
    """Declared orders between segments; one that the caps make impossible today is left for the coming runs."""
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for offer in market.offers:
        groups.setdefault((offer.product, offer.event, offer.channel, offer.segment), []).append(offer.id)
    return [
        Order(cheaper, dearer)
        for (product, event, channel, segment), above in groups.items()
        for lower, upper in policy.segment_order
        if segment == upper
        for cheaper in groups.get((product, event, channel, lower), [])
        for dearer in above
        if min(choose_from[cheaper]) <= max(choose_from[dearer])
    ]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of the solves: prices first wanted, prices chosen after doubt, and why they must not be used, if so."""

    plan: Plan
    wanted: Prices
    chosen: Prices
    trouble: str | None


def _solve(problem: Problem, optimizer: Optimizer, time_limit: float) -> tuple[Plan, str | None]:
    """The plan, and in words why it must not be used, if it must not."""
    plan = optimizer.solve(problem, time_limit=time_limit)
    if plan.report.status not in PROVEN:
        detail = "; ".join(plan.conflict)
        return plan, f"no proven prices were found ({plan.report.status}{': ' + detail if detail else ''})"
    if faults := violations(problem, plan):
        return plan, f"the optimizer's answer failed its check: {faults[0]}"
    return plan, None


def sold(market: Market, curves: DemandCurves, prices: Prices) -> Vector:
    """(draws, n) units sold at these prices: demand, rationed alike for all where it exceeds a resource [units]."""
    units = np.column_stack([_at(curves, offer.id, [prices[offer.id]])[:, 0] for offer in market.offers])
    for resource in _used(market):
        users = [i for i, offer in enumerate(market.offers) if offer.resource == resource.id]
        total = units[:, users].sum(axis=1)
        served = np.divide(resource.capacity, total, out=np.ones_like(total), where=total > resource.capacity)
        units[:, users] *= served[:, None]
    return units


def _value(market: Market, units: Vector, prices: Prices, policy: Policy) -> Vector:
    """(draws, n) what the policy maximises, per offer [currency]."""
    price = as_floats(prices[offer.id] for offer in market.offers)
    cost = as_floats(offer.unit_cost for offer in market.offers)
    return units * (price - cost * (policy.objective is Objective.MARGIN))


def _groups(market: Market) -> list[list[int]]:
    """Offers whose gains cannot be told apart: those of one resource together, every other offer alone."""
    groups: dict[str, list[int]] = {}
    for i, offer in enumerate(market.offers):
        groups.setdefault(f"resource {offer.resource}" if offer.resource else f"offer {offer.id}", []).append(i)
    return list(groups.values())


@dataclass(frozen=True, slots=True)
class _Odds:
    """Shares of draws in which each offer's group earns more, and less, than at the prices in force; (n,) each."""

    win: Vector
    loss: Vector


def _odds(market: Market, curves: DemandCurves, chosen: Prices, policy: Policy) -> _Odds:
    gain = _value(market, sold(market, curves, chosen), chosen, policy)
    gain -= _value(market, sold(market, curves, market.prices), market.prices, policy)
    for group in _groups(market):
        gain[:, group] = gain[:, group].sum(axis=1, keepdims=True)
    return _Odds((gain > 0).mean(axis=0), (gain < 0).mean(axis=0))


def _doubtful(market: Market, curves: DemandCurves, chosen: Prices, policy: Policy) -> list[str]:
    """Offers that would move although their group wins too rarely; to change nothing is not to win."""
    return [
        offer.id
        for offer, win in zip(market.offers, _odds(market, curves, chosen, policy).win, strict=True)
        if chosen[offer.id] != market.prices[offer.id] and win < policy.confidence
    ]


def _decisions(market: Market, curves: DemandCurves, policy: Policy, answer: _Answer) -> tuple[Decision, ...]:
    keep = market.prices
    faults = {
        offer.id: broken(answer.chosen[offer.id], offer, market.in_force[offer.id], evidence, policy)
        for offer, evidence in zip(market.offers, curves.evidence, strict=True)
        if answer.chosen[offer.id] != keep[offer.id]
    }
    allowed = {**answer.chosen, **{offer: keep[offer] for offer, reasons in faults.items() if reasons}}
    units_now, units_then = sold(market, curves, keep), sold(market, curves, allowed)
    loss = _odds(market, curves, allowed, policy).loss
    shadow = {resource.id: resource.shadow_price for resource in answer.plan.resources}
    left = {resource.id: resource.capacity for resource in market.resources}
    decisions = []
    for i, (offer, evidence) in enumerate(zip(market.offers, curves.evidence, strict=True)):
        moved = allowed[offer.id] != keep[offer.id]
        held = distrust(evidence) or answer.trouble or "; ".join(faults.get(offer.id, ()))
        draft = Decision(
            offer=offer.id,
            channel=offer.channel,
            currency=offer.currency,
            in_force=keep[offer.id],
            wanted=answer.wanted[offer.id],
            allowed=allowed[offer.id],
            floor=offer.floor,
            ceiling=offer.ceiling,
            ladder=offer.ladder,
            evidence=evidence,
            verdict=Verdict.MOVE if moved else Verdict.HELD if held else Verdict.KEEP,
            reasons=(),
            now=_outcome(keep[offer.id], units_now[:, i]),
            then=_outcome(allowed[offer.id], units_then[:, i]),
            loss_probability=float(loss[i]) if moved else 0.0,
            shadow_price=shadow.get(offer.resource or "", 0.0),
            unit_cost=offer.unit_cost if policy.objective is Objective.MARGIN else Decimal(0),
        )
        reasons = reasons_for(
            draft, offer, market.in_force[offer.id], policy, held=held, left=left.get(offer.resource or "")
        )
        decisions.append(replace(draft, reasons=reasons))
    return tuple(decisions)


def _outcome(price: Decimal, units: Vector) -> Outcome:
    """Mean and 80 % interval over draws."""
    low, high = np.quantile(units, [0.1, 0.9])
    each = float(price)
    mean = float(units.mean())
    return Outcome(price, mean, float(low), float(high), each * mean, each * float(low), each * float(high))
