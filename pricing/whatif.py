"""What if: units, revenue and margin if prices, capacities, demand or elasticities were other than they are.

Guarantees
----------
* Nothing is fitted or solved: the draws of the last fit are read off at other prices, the same draws now and then, so
  that a difference has its own interval.
* Between two steps of a ladder demand is interpolated in each draw, straight in the logs of price and units (exact for
  a constant elasticity); beyond its ends nothing is claimed.
* What cannot be assumed is refused, every problem at once; NaN passes nowhere.
* A price moved where the evidence cannot tell how buyers react says so beside its figures.
"""

from bisect import bisect
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from pricing.alternatives import weaker
from pricing.demand import DemandCurves, Identification
from pricing.errors import Finding, InputError
from pricing.guardrails import ABSURD
from pricing.market import Market, Sale, units_at
from pricing.model import Ladder, Offer, Resource
from pricing.money import as_floats, parse_amount
from pricing.outcome import Gain, Span
from pricing.problem import Objective

Vector = NDArray[np.float64]

EVERYTHING = "*"
"""Names every offer, where demand is changed."""
MOST_TIMES = 1_000.0
"""Demand more than so many times as large is a slip."""
STRONGEST = 10.0
"""The same of a response to the price; demand at other prices is a power of it."""

NEIGHBOURS = 100
"""Names before and after an unknown one, by the alphabet, among which the nearest are looked for."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is assumed to be different.

    Attributes
    ----------
    prices : offer id -> price
    capacity : resource id -> units left to sell
    demand : offer id, event or "*" -> factor on demand; factors that meet are multiplied
    elasticity : offer id -> factor on its elasticity if above 0, the elasticity itself if below; what sells at the
        price in force stays
    """

    prices: Mapping[str, Decimal] = field(default_factory=dict)
    capacity: Mapping[str, float] = field(default_factory=dict)
    demand: Mapping[str, float] = field(default_factory=dict)
    elasticity: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Amounts:
    """What is sold and earned over the horizon; 80 % intervals."""

    units: Span
    revenue: Span
    margin: Span


@dataclass(frozen=True, slots=True)
class OfferThen:
    """One offer, as it is and as it would be; `doubt` says why the figures cannot be relied on, if so."""

    offer: str
    event: str
    channel: str
    currency: str
    price_now: Decimal
    price_then: Decimal
    now: Amounts
    then: Amounts
    gain: Gain
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class AllThen:
    """All offers of one currency together, draw by draw."""

    currency: str
    now: Amounts
    then: Amounts
    gain: Gain


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answer; gains are in what the policy maximises."""

    offers: tuple[OfferThen, ...]
    totals: tuple[AllThen, ...]


def what_if(market: Market, curves: DemandCurves, change: Change, objective: Objective = Objective.MARGIN) -> WhatIf:
    """What a change would do.

    Parameters
    ----------
    market : what is on sale, as it is
    curves : demand of its offers over their ladders, the price in force being a step

    Raises
    ------
    InputError
        listing everything that cannot be assumed.
    """
    if found := list(faults(market, curves, change)):
        raise InputError([Finding(text, column=place) for place, text in found])
    offers: dict[str, OfferThen] = {}
    totals = []
    for part in market.currencies():
        now = Sale.at(part, curves, part.prices, objective)
        then = _changed(part, curves, change, objective)
        offers |= {told.offer: told for told in _each(now, then, curves, change)}
        totals.append(_together(now, then))
    return WhatIf(tuple(offers[offer.id] for offer in market.offers), tuple(totals))


def faults(market: Market, curves: DemandCurves, change: Change) -> Iterator[tuple[str, str]]:
    """What cannot be assumed: its place in the change, and why, in words."""
    offers = {offer.id: offer for offer in market.offers}
    for name, price in change.prices.items():
        for text in _unknown(name, offers, "offer") or _not_a_price(offers[name], price, curves):
            yield f"prices.{name}", text
    rooms = {resource.id for resource in market.used}
    for name, capacity in change.capacity.items():
        yield from ((f"capacity.{name}", text) for text in _not_a_capacity(name, capacity, rooms))
    events = {offer.event for offer in market.offers}
    for name, factor in change.demand.items():
        yield from ((f"demand.{name}", text) for text in _not_a_factor(name, factor, offers.keys(), events))
    for name, value in change.elasticity.items():
        yield from ((f"elasticity.{name}", text) for text in _not_an_elasticity(name, value, offers))


def _not_a_capacity(name: str, capacity: float, rooms: Collection[str]) -> Iterator[str]:
    yield from _unknown(name, rooms, "resource that an offer draws on")
    if not 0 <= capacity < np.inf:
        yield f"resource {name}: {capacity} is not a number of units"


def _not_a_factor(name: str, factor: float, offers: Collection[str], events: Collection[str]) -> Iterator[str]:
    if name in offers and name in events:
        yield f"{name} is both an offer and an event: it is not clear which demand is meant"
    yield from _unknown(name, {*offers, *events, EVERYTHING}, "offer or event")
    if not 0 <= factor <= MOST_TIMES:
        yield f"demand of {name}: {factor} is not a factor from 0 to {MOST_TIMES:g}"


def _not_an_elasticity(name: str, value: float, offers: Collection[str]) -> Iterator[str]:
    yield from _unknown(name, offers, "offer")
    if not (ABSURD <= value < 0 or 0 < value <= STRONGEST):
        told = f"an elasticity from {ABSURD:g} to 0 nor a factor above 0, up to {STRONGEST:g}"
        yield f"elasticity of {name}: {value} is neither {told}"


def _unknown(name: str, known: Collection[str], kind: str) -> list[str]:
    if name in known:
        return []
    names = sorted(known)
    at = bisect(names, name)
    near = get_close_matches(name, names[max(0, at - NEIGHBOURS) : at + NEIGHBOURS], n=3, cutoff=0.0)
    return [f"there is no {kind} {name}" + (f"; the nearest are: {', '.join(near)}" if near else "")]


def _not_a_price(offer: Offer, price: Decimal, curves: DemandCurves) -> list[str]:
    try:
        parse_amount(price, offer.currency)
    except ValueError as error:
        return [f"price of {offer.id}: {error}"]
    ladder = curves.ladders[curves.place[offer.id]]
    if ladder[0] <= price <= ladder[-1]:
        return []
    return [f"price of {offer.id}: {price} lies beyond its ladder, {ladder[0]} to {ladder[-1]}; nothing is known there"]


def _changed(market: Market, curves: DemandCurves, change: Change, objective: Objective) -> Sale:
    resources = tuple(Resource(r.id, change.capacity.get(r.id, r.capacity)) for r in market.resources)
    given = {name: price for name, price in change.prices.items() if name in market.prices}
    currency = market.offers[0].currency
    prices = {**market.prices, **{name: parse_amount(price, currency) for name, price in given.items()}}
    wanted = [_demand(offer, market.prices[offer.id], prices[offer.id], curves, change) for offer in market.offers]
    return Sale(replace(market, resources=resources), prices, np.column_stack(wanted), objective)


def _demand(offer: Offer, now: Decimal, then: Decimal, curves: DemandCurves, change: Change) -> Vector:
    """(draws,) demand of one offer at its price then [units]."""
    factor = np.prod([change.demand.get(name, 1.0) for name in (offer.id, offer.event, EVERYTHING)])
    ladder = curves.ladders[curves.place[offer.id]]
    if then in ladder and offer.id not in change.elasticity:
        return np.asarray(factor * units_at(curves, offer.id, [then])[:, 0])
    units, at = curves.of(offer.id), ladder.index(now)
    if (slope := change.elasticity.get(offer.id)) is not None:
        units = weaker(units, at, slope) if slope > 0 else _constant(units[:, [at]], ladder, now, slope)
    return np.asarray(factor * between(units, ladder, then))


def _constant(base: Vector, ladder: Ladder, now: Decimal, slope: float) -> Vector:
    """(draws, steps) demand of this elasticity in every draw [units]."""
    return np.asarray(base * (as_floats(ladder) / float(now)) ** slope)


def between(units: Vector, ladder: Ladder, price: Decimal) -> Vector:
    """(draws,) demand at any price within a ladder [units].

    ln d(p) is straight in ln p between two steps; where a draw sells nothing at one of them, d(p) is straight in p.

    Parameters
    ----------
    units : (draws, steps) [units]
    """
    steps = as_floats(ladder)
    above = int(np.clip(np.searchsorted(steps, float(price)), 1, max(len(steps) - 1, 1)))
    if len(steps) == 1 or price in ladder:
        return units[:, ladder.index(price)]
    low, high = units[:, above - 1], units[:, above]
    share = (float(price) - steps[above - 1]) / (steps[above] - steps[above - 1])
    weight = np.log(float(price) / steps[above - 1]) / np.log(steps[above] / steps[above - 1])
    return np.where((low > 0) & (high > 0), low ** (1 - weight) * high**weight, (1 - share) * low + share * high)


def _each(now: Sale, then: Sale, curves: DemandCurves, change: Change) -> Iterator[OfferThen]:
    for i, offer in enumerate(now.market.offers):
        evidence = curves.evidence[curves.place[offer.id]]
        moved = then.prices[offer.id] != now.prices[offer.id] and offer.id not in change.elasticity
        yield OfferThen(
            offer=offer.id,
            event=offer.event,
            channel=offer.channel,
            currency=offer.currency,
            price_now=now.prices[offer.id],
            price_then=then.prices[offer.id],
            now=_amounts(now, [i]),
            then=_amounts(then, [i]),
            gain=Gain.of(then.earned[:, i] - now.earned[:, i]),
            doubt=evidence.reason if moved and evidence.status is Identification.NOT_IDENTIFIED else "",
        )


def _together(now: Sale, then: Sale) -> AllThen:
    everything = range(len(now.market.offers))
    gain = Gain.of(then.earned.sum(axis=1) - now.earned.sum(axis=1))
    return AllThen(now.market.offers[0].currency, _amounts(now, everything), _amounts(then, everything), gain)


def _amounts(sale: Sale, at: Sequence[int]) -> Amounts:
    """Of some offers, added up in each draw."""
    offers = [sale.market.offers[i] for i in at]
    units = sale.sold[:, list(at)]
    price = as_floats(sale.prices[offer.id] for offer in offers)
    cost = as_floats(offer.unit_cost for offer in offers)
    return Amounts(Span.of(units.sum(axis=1)), Span.of(units @ price), Span.of(units @ (price - cost)))
