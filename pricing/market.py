"""What is on sale, and what it would sell and earn at any prices, draw by draw.

Guarantees
----------
* All offers are looked at in the same draws: a sum over offers has the spread of their sum.
* Sales never exceed what a resource has left; where demand does, every buyer has the same chance.
* Offers of two currencies never meet in one sum.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pricing.demand import DemandCurves
from pricing.errors import Finding, InputError
from pricing.guardrails import InForce
from pricing.links import roots
from pricing.model import Ladder, Offer, Resource
from pricing.money import as_floats
from pricing.policy import Policy
from pricing.problem import Measure, Objective

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

    @property
    def used(self) -> tuple[Resource, ...]:
        """The resources that its offers draw on."""
        named = {offer.resource for offer in self.offers}
        return tuple(resource for resource in self.resources if resource.id in named)

    def users(self, resource: Resource) -> list[int]:
        """Where the offers stand that draw on a resource."""
        return [i for i, offer in enumerate(self.offers) if offer.resource == resource.id]

    def drawing(self) -> dict[str, list[int]]:
        """Where the offers stand that draw on each resource."""
        found: dict[str, list[int]] = {}
        for i, offer in enumerate(self.offers):
            found.setdefault(offer.resource or "", []).append(i)
        return found

    def as_it_stands(self) -> tuple[Offer, ...]:
        """The offers at the price in force, which is a step of the ladder too, whether or not it was one."""
        return tuple(_at_price_in_force(offer, self.in_force[offer.id]) for offer in self.offers)

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

    def parts(self, policy: Policy, *, apart: Collection[str] = ()) -> list["Market"]:
        """Markets that share nothing, so that what goes wrong in one leaves the others alone.

        Offers are tied by a resource, or by an order between their segments or products; those tied to nothing are one
        market, unless risk is measured in the tail of a sum: there each is its own, so that no offer changes another's
        price.

        Parameters
        ----------
        apart : offers with which something is wrong: each its own market, if tied to nothing
        """
        ties: dict[tuple[str, ...], list[str]] = {}
        for offer in self.offers:
            for tie in _ties(offer, policy):
                ties.setdefault(tie, []).append(offer.id)
        root = roots([offer.id for offer in self.offers], ties.values())
        groups: dict[str, list[Offer]] = {}
        for offer in self.offers:
            groups.setdefault(root[offer.id], []).append(offer)
        alone = [g[0] for g in groups.values() if len(g) == 1 and not g[0].resource]
        linked = [self.of(g) for g in groups.values() if len(g) > 1 or g[0].resource]
        tail = policy.risk is not Measure.MEAN
        own = [self.of([offer]) for offer in alone if tail or offer.id in apart]
        together = [offer for offer in alone if not (tail or offer.id in apart)]
        return [*linked, *own, *([self.of(together)] if together else [])]


def _at_price_in_force(offer: Offer, in_force: InForce) -> Offer:
    ladder = Ladder(tuple(sorted({*offer.ladder, in_force.price})))
    return replace(offer, ladder=ladder, current_price=in_force.price)


def _ties(offer: Offer, policy: Policy) -> list[tuple[str, ...]]:
    """What an offer shares with others."""
    ties: list[tuple[str, ...]] = [("resource", offer.resource)] if offer.resource else []
    if policy.segment_order:
        ties.append(("segments", offer.product, offer.event, offer.channel))
    if policy.product_order:
        ties.append(("products", offer.segment, offer.event, offer.channel))
    return ties


@dataclass(frozen=True)
class Sale:
    """A market at some prices.

    Attributes
    ----------
    wanted : (draws, n) demand of each offer at its price [units]
    objective : what counts as earned
    """

    market: Market
    prices: Prices
    wanted: Vector
    objective: Objective

    @classmethod
    def at(cls, market: Market, curves: DemandCurves, prices: Prices, objective: Objective) -> "Sale":
        """The market at prices of its curves' ladders."""
        wanted = [units_at(curves, offer.id, [prices[offer.id]])[:, 0] for offer in market.offers]
        return cls(market, prices, np.column_stack(wanted), objective)

    @cached_property
    def per_unit(self) -> Vector:
        """(n,) what a unit sold earns [currency]."""
        return as_floats(gain_per_unit(o, self.prices[o.id], self.objective) for o in self.market.offers)

    @cached_property
    def sold(self) -> Vector:
        """(draws, n) demand, rationed alike for all where it exceeds a resource [units]."""
        units, drawing = self.wanted.copy(), self.market.drawing()
        for resource in self.market.used:
            users = drawing[resource.id]
            units[:, users] *= served(units[:, users].sum(axis=1), resource.capacity)[:, None]
        return units

    @cached_property
    def earned(self) -> Vector:
        """(draws, n) what is maximised [currency]."""
        return self.sold * self.per_unit


def units_at(curves: DemandCurves, offer: str, prices: Sequence[Decimal] | Ladder) -> Vector:
    """(draws, len(prices)) demand of one offer at these prices of its ladder [units]."""
    ladder = curves.ladders[curves.place[offer]]
    return curves.of(offer)[:, [ladder.index(price) for price in prices]]


def gain_per_unit(offer: Offer, price: Decimal, objective: Objective) -> Decimal:
    """What a unit sold at a price earns [currency]."""
    return price - offer.unit_cost if objective is Objective.MARGIN else price


def served(wanted: Vector, capacity: float) -> Vector:
    """Share of what is wanted that a capacity serves; of any shape."""
    return np.divide(capacity, wanted, out=np.ones_like(wanted), where=wanted > capacity)
