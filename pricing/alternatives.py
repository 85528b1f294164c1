"""What else could have been decided for one offer, all others staying as decided.

Guarantees
----------
* Nothing is solved again: only the offer's own price is chosen anew, over its ladder, while every other price stays as
  it was decided. Where others would move too, the true answer would be a little better than the one given.
* The choice follows the rules of the whole: expected gain (or its tail) less the loss for demand beyond what is left,
  guard rails, declared orders, and the odds asked for. With nothing changed it gives the decided price.
* Where the evidence allows no figures, none are given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pricing.demand import DemandCurves, Evidence
from pricing.guardrails import broken, candidates, distrust
from pricing.market import Prices, Sale, gain_per_unit, served, units_at
from pricing.model import Ladder, Offer
from pricing.money import as_floats
from pricing.outcome import Alternative, Explanation, Gain, Otherwise, Outcome
from pricing.policy import Policy
from pricing.problem import Measure, Order

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]

WEAKER = 0.8
"""How strong the price response is taken to be in "20 % weaker"."""
TIE = 64 * float(np.finfo(np.float64).eps)
"""Sums closer than this share of what they add up are equal but for rounding (some sixty roundings)."""


@dataclass(frozen=True, eq=False)
class Tried:
    """An offer at several prices, every other price as decided.

    Attributes
    ----------
    prices : (k,)
    units : (draws, k) it sells [units]
    earned : (draws, k) by all offers of its resource, or by itself where it has none [currency]
    score : (k,) what the optimizer maximises, but for what other offers earn [currency]
    """

    prices: tuple[Decimal, ...]
    units: Vector
    earned: Vector
    score: Vector


@dataclass(frozen=True, eq=False)
class Decided:
    """Offers whose prices were decided together.

    Attributes
    ----------
    now, then : at the prices in force, and as decided
    allowed : offer id -> the prices it could be given
    orders : declared orders that were kept
    spill : resource id -> what a unit of demand beyond it is taken to lose [currency]
    mending : offers whose move need not earn more, because their prices in force break a bound or a declared order
    """

    now: Sale
    then: Sale
    curves: DemandCurves
    policy: Policy
    allowed: Mapping[str, Ladder]
    orders: tuple[Order, ...]
    spill: Mapping[str, float]
    mending: frozenset[str] = frozenset()

    @property
    def kept(self) -> Prices:
        """The prices in force."""
        return self.now.prices

    @cached_property
    def _rooms(self) -> dict[str, tuple[float, Vector, Vector]]:
        """Resource id -> capacity, and (draws,) what is wanted of it and what that would be worth uncut."""
        worth = self.then.wanted * self.then.per_unit
        rooms = {}
        for resource in self.then.market.used:
            users = self.then.market.users(resource)
            sums = self.then.wanted[:, users].sum(axis=1), worth[:, users].sum(axis=1)
            rooms[resource.id] = (resource.capacity, *sums)
        return rooms

    @cached_property
    def _worth(self) -> Vector:
        """(draws,) what all offers together would earn uncut."""
        return (self.then.wanted * self.then.per_unit).sum(axis=1)

    @cached_property
    def _earned_now(self) -> dict[str, Vector]:
        """Resource id -> (draws,) what its offers earn at the prices in force [currency]."""
        market = self.now.market
        return {r.id: self.now.earned[:, market.users(r)].sum(axis=1) for r in market.used}

    def earned_now(self, i: int) -> Vector:
        """(draws,) what the offers of its resource, or else itself, earn at the prices in force [currency]."""
        found = self._earned_now.get(self.now.market.offers[i].resource or "")
        return self.now.earned[:, i] if found is None else found

    def sells_out(self, i: int, some: Mask) -> bool:
        """Whether in most of some draws as much is wanted of the offer's resource as is left, or more."""
        if self.then.market.offers[i].resource not in self._rooms or not some.any():
            return False
        capacity, wanted, _ = self._rooms[self.then.market.offers[i].resource or ""]
        return bool((wanted[some] >= capacity).mean() > 0.5)

    @cached_property
    def _orders_of(self) -> dict[str, list[Order]]:
        found: dict[str, list[Order]] = {}
        for order in self.orders:
            for name in (order.lower, order.upper):
                found.setdefault(name, []).append(order)
        return found

    def tried(self, i: int, prices: Sequence[Decimal], own: Vector | None = None) -> Tried:
        """Offer i at other prices; `own` (draws, k) is its demand there, if not that of its curve [units]."""
        offer = self.then.market.offers[i]
        demand = units_at(self.curves, offer.id, prices) if own is None else own
        per_unit = as_floats(gain_per_unit(offer, price, self.then.objective) for price in prices)
        now_wanted = self.then.wanted[:, [i]]
        now_worth = now_wanted * self.then.per_unit[i]
        value = self._measure(self._worth[:, None] - now_worth + demand * per_unit)
        if offer.resource not in self._rooms:
            return Tried(tuple(prices), demand, demand * per_unit, value)
        capacity, wanted, worth = self._rooms[offer.resource]
        total = wanted[:, None] - now_wanted + demand
        share = served(total, capacity)
        earned = share * (worth[:, None] - now_worth + demand * per_unit)
        beyond = np.maximum(total.mean(axis=0) - capacity, 0.0)
        return Tried(tuple(prices), share * demand, earned, value - self.spill[offer.resource] * beyond)

    def _measure(self, earned: Vector) -> Vector:
        """(k,) mean over draws, or over the worst share of them (Rockafellar and Uryasev 2002, eq. 8)."""
        if self.policy.risk is Measure.MEAN:
            return earned.mean(axis=0)
        inside = self.policy.risk_alpha * len(earned)
        weight = np.clip(inside - np.arange(len(earned)), 0, 1) / inside
        return weight @ np.sort(earned, axis=0)

    def out_of_order(self, offer: Offer, price: Decimal) -> str | None:
        """The declared order that a price would break beside the others, in words."""
        beside = self.then.prices
        for order in self._orders_of.get(offer.id, []):
            if order.lower == offer.id and not price + order.min_gap <= beside[order.upper]:
                return f"would cost more than {order.upper} at {beside[order.upper]}"
            if order.upper == offer.id and not beside[order.lower] + order.min_gap <= price:
                return f"would cost less than {order.lower} at {beside[order.lower]}"
        return None

    def _beaten(self, i: int) -> list[Vector]:
        """(draws, 1) each, what a move must beat over the offers of its resource.

        All prices in force, and this one alone kept; the latter not where a declared order forbids to keep it.
        """
        offer, now = self.then.market.offers[i], self.earned_now(i)[:, None]
        if self.out_of_order(offer, self.kept[offer.id]):
            return [now]
        return [now, self.tried(i, (self.kept[offer.id],)).earned]

    def odds(self, i: int, tried: Tried) -> Vector:
        """(k,) share of draws in which a price wins: earns more than all it must beat."""
        shares = [(tried.earned > other).mean(axis=0) for other in self._beaten(i)]
        return np.asarray(np.min(shares, axis=0))

    def gains(self, i: int, tried: Tried) -> Mask:
        """(k,) prices expected to earn more than all they must beat, sales being cut to what is left in every draw."""
        least = TIE * np.abs(tried.earned).max(initial=0.0)
        more = [self._measure(tried.earned) > self._measure(other) + least for other in self._beaten(i)]
        return np.asarray(np.all(more, axis=0))

    def winning(self, i: int, tried: Tried) -> Mask:
        """(k,) prices that are expected to gain and win often enough, and keeping the price."""
        name = self.then.market.offers[i].id
        keeps = np.array([price == self.kept[name] for price in tried.prices])
        wins = self.gains(i, tried) & (self.odds(i, tried) >= self.policy.confidence)
        return keeps | wins | (name in self.mending)

    def best(self, i: int, allowed: Sequence[Decimal], own: Vector | None = None) -> tuple[Decimal, Gain]:
        """The price the rules would choose for offer i among these, and its gain over keeping the price in force."""
        offer = self.then.market.offers[i]
        kept = self.kept[offer.id]
        ordered = [price for price in allowed if self.out_of_order(offer, price) is None]
        prices = (kept, *(price for price in ordered if price != kept))
        columns = None if own is None else own[:, [self._ladder(offer).index(price) for price in prices]]
        tried = self.tried(i, prices, columns)
        score = np.where(self.winning(i, tried), tried.score, -np.inf)
        if kept not in ordered and len(prices) > 1:
            score[0] = -np.inf
        top = np.flatnonzero(score >= score.max() - TIE * np.abs(tried.score).max())
        chosen = min(top, key=lambda k: (abs(prices[k] - kept), prices[k]))
        return prices[chosen], Gain.of(tried.earned[:, chosen] - tried.earned[:, 0])

    def _ladder(self, offer: Offer) -> Ladder:
        return self.curves.ladders[self.curves.place[offer.id]]


def weaker(units: Vector, at: int, factor: float) -> Vector:
    """Demand draws whose response to the price is `factor` times as strong; what sells at step `at` stays.

    With constant elasticity e this is elasticity `factor * e`: d(p) = d(p0) (d(p) / d(p0)) ** factor.

    Parameters
    ----------
    units : (draws, steps) [units]
    """
    base = units[:, [at]]
    ratio = np.divide(units, base, out=np.zeros_like(units), where=base > 0)
    return np.asarray(base * ratio**factor)


def explain(decided: Decided, i: int, shadow_price: float, evidence: Evidence) -> Explanation:
    """Alternatives to what was decided for offer i, and what stood in the way."""
    offer = decided.then.market.offers[i]
    scarce = _scarce(decided, offer, shadow_price)
    if distrust(evidence):
        return Explanation(binding=scarce)
    ladder, price = decided.curves.ladders[decided.curves.place[offer.id]], decided.then.prices[offer.id]
    at = ladder.index(price)
    sides = [ladder[k] if 0 <= k < len(ladder) else None for k in (at - 1, at + 1)]
    rules = [_forbidden(decided, offer, evidence, side) for side in sides]
    looked_at = [side for side in sides if side is not None]
    tried = decided.tried(i, [decided.kept[offer.id], price, *looked_at])
    made = {side: _alternative(decided, i, tried, n, rules) for n, side in enumerate(looked_at, start=2)}
    lower, higher = (None if side is None else made[side] for side in sides)
    return Explanation(
        binding=(*(rule for rule in rules if rule), *scarce),
        lower=lower,
        higher=higher,
        one_step_more=_one_step_more(decided, i),
        weaker_response=_weaker_response(decided, i, evidence),
    )


def _scarce(decided: Decided, offer: Offer, shadow_price: float) -> tuple[str, ...]:
    left = {resource.id: resource.capacity for resource in decided.then.market.used}
    if not (shadow_price > 0 and offer.resource in left):
        return ()
    return (f"{offer.resource}: one more than the {left[offer.resource]:.0f} left would earn {shadow_price:.2f}",)


def _forbidden(decided: Decided, offer: Offer, evidence: Evidence, price: Decimal | None) -> str | None:
    """The rule that forbids a price, in words; None if none does."""
    if price is None or price in decided.allowed[offer.id]:
        return None if price is None else decided.out_of_order(offer, price)
    in_force = decided.then.market.in_force[offer.id]
    reasons = broken(price, offer, in_force, evidence, decided.policy)
    return reasons[0] if reasons else "would move away from a declared order"


def _alternative(decided: Decided, i: int, tried: Tried, n: int, rules: list[str | None]) -> Alternative:
    """Column n of `tried`, whose columns 0 and 1 are the price in force and the decided one."""
    offer, price = decided.then.market.offers[i], tried.prices[n]
    rule = rules[0] if price < tried.prices[1] else rules[1]
    units = tried.units[:, n]
    return Alternative(
        outcome=Outcome.of(price, units),
        margin=float(units.mean()) * float(price - offer.unit_cost),
        gain=Gain.of(tried.earned[:, n] - tried.earned[:, 0]),
        why_not=rule or _not_better(decided, i, tried, n),
    )


def _not_better(decided: Decided, i: int, tried: Tried, n: int) -> str:
    currency, mean = decided.then.market.offers[i].currency, tried.earned.mean(axis=0)
    if (less := mean[1] - mean[n]) >= 0:
        return f"is expected to earn {less:.0f} {currency} less" if round(less) else "is not expected to earn more"
    if not decided.gains(i, tried)[n]:
        return "is not expected to earn more than today"
    if not decided.winning(i, tried)[n]:
        return f"earns more than today in {decided.odds(i, tried)[n]:.0%} of outcomes only"
    if decided.policy.risk is not Measure.MEAN:
        return f"earns less in the worst {decided.policy.risk_alpha:.0%} of outcomes"
    return "is no better when expected demand is held against what is left"


def _one_step_more(decided: Decided, i: int) -> Otherwise | None:
    """What would be chosen if every cap let the price go one step further; None if that changes nothing.

    Caps are those on moves, floor and ceiling; endings and margins stay.
    """
    offer, market = decided.then.market.offers[i], decided.then.market
    allowed, whole = decided.allowed[offer.id], Decimal(1)
    free = replace(decided.policy, step=whole, weak_step=whole, daily_cap=whole, cumulative_cap=whole)
    wide = replace(offer, floor=offer.ladder[0], ceiling=offer.ladder[-1])
    told = (wide, market.in_force[offer.id], decided.curves.evidence[i], free)
    below, above = ([p for p in offer.ladder if p < min(allowed)], [p for p in offer.ladder if p > max(allowed)])
    beside = [next((p for p in prices if not broken(p, *told)), None) for prices in (reversed(below), above)]
    further = [price for price in beside if price is not None]
    price, gain = decided.best(i, sorted([*allowed, *further]))
    return Otherwise(price, gain) if price in further else None


def _weaker_response(decided: Decided, i: int, evidence: Evidence) -> Otherwise:
    """What would be decided if buyers minded the price 20 % less, today's expected sales being the same."""
    offer = decided.then.market.offers[i]
    told = replace(evidence, elasticity=WEAKER * evidence.elasticity)
    if why := distrust(told):
        return Otherwise(decided.kept[offer.id], Gain(0.0, 0.0, 0.0, 0.0), why)
    in_force = decided.then.market.in_force[offer.id]
    ladder = decided.curves.ladders[decided.curves.place[offer.id]]
    own = weaker(decided.curves.of(offer.id), ladder.index(in_force.price), WEAKER)
    return Otherwise(*decided.best(i, tuple(candidates(offer, in_force, told, decided.policy)), own))
