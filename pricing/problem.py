"""A pricing problem, as data: choose one ladder step per offer.

Guarantees
----------
* A problem that exists is well posed: finite, non-negative demand of the right shape, rules and resources that name
  offers it has. NaN and infinity are refused here, because a solver given NaN answers "optimal".
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pricing.errors import Finding, InputError
from pricing.model import Ladder
from pricing.money import check_currency

TOLERANCE = 1e-6
"""Share of a capacity, or of a least number of units, by which a plan may miss it: what rounding alone can do."""


class Objective(StrEnum):
    """What is maximised: price x units, or (price - unit cost) x units."""

    REVENUE = "revenue"
    MARGIN = "margin"


class Measure(StrEnum):
    """How draws of demand become one number: their mean, or the mean of the worst `alpha` of them."""

    MEAN = "mean"
    CVAR = "cvar"


@dataclass(frozen=True, slots=True)
class Risk:
    """The mean over draws, or the conditional value at risk: the mean of the worst share `alpha` of draws."""

    measure: Measure = Measure.MEAN
    alpha: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1:
            raise ValueError(f"alpha {self.alpha} is not a share of outcomes in (0, 1]")


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One offer of a problem.

    Attributes
    ----------
    demand : (draws, steps) units demanded at each ladder step; one row if demand is taken as known [units]
    current_price : price in force, which need not be on the ladder; None if the offer is new
    """

    id: str
    ladder: Ladder
    demand: NDArray[np.float64] = field(repr=False)
    unit_cost: Decimal = Decimal(0)
    current_price: Decimal | None = None

    @property
    def mean(self) -> NDArray[np.float64]:
        """(steps,) expected units [units]."""
        return self.demand.mean(axis=0)


@dataclass(frozen=True, slots=True)
class Shared:
    """A resource several offers draw on; it holds in expectation.

    Attributes
    ----------
    uses : offer id -> units of the resource per unit sold
    spill : loss per unit of expected use beyond the capacity [currency]; None forbids going beyond. With a spill loss
        the problem stays solvable when demand exceeds capacity even at the highest price.
    """

    id: str
    capacity: float
    uses: Mapping[str, float]
    spill: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """`upper` costs at least `min_gap` more than `lower`: a child's ticket not above an adult's."""

    lower: str
    upper: str
    min_gap: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class MaxChange:
    """Each offer's price moves at most `fraction` of its current price; offers without one are free."""

    offers: tuple[str, ...]
    fraction: Decimal


@dataclass(frozen=True, slots=True)
class SamePrice:
    """All these offers cost the same."""

    offers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MinMargin:
    """Each offer's margin (price - unit cost) / price is at least `fraction`."""

    fraction: Decimal


@dataclass(frozen=True, slots=True)
class MinUnits:
    """These offers together sell at least `units` in expectation."""

    offers: tuple[str, ...]
    units: float


Rule = Order | MaxChange | SamePrice | MinMargin | MinUnits


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything an optimizer needs to know; all prices in `currency`, major units."""

    currency: str
    objective: Objective
    offers: tuple[Choice, ...]
    resources: tuple[Shared, ...] = ()
    rules: tuple[Rule, ...] = ()
    risk: Risk = Risk()

    def __post_init__(self) -> None:
        check_currency(self.currency)
        if found := [*self._about_offers(), *self._about_resources(), *self._about_rules()]:
            raise InputError([Finding(text) for text in found])

    def _about_offers(self) -> list[str]:
        ids = [offer.id for offer in self.offers]
        found = [f"offer {name} appears twice" for name, times in Counter(ids).items() if times > 1]
        if not ids:
            found.append("there is no offer to price")
        draws = {offer.demand.shape[0] for offer in self.offers if offer.demand.ndim == 2}
        if len(draws - {1}) > 1:
            found.append(f"offers have different numbers of demand draws: {sorted(draws)}")
        for offer in self.offers:
            if offer.demand.ndim != 2 or offer.demand.shape[1] != len(offer.ladder) or not offer.demand.shape[0]:
                found.append(
                    f"offer {offer.id}: demand has shape {offer.demand.shape}, its ladder {len(offer.ladder)} steps"
                )
            elif not np.all(np.isfinite(offer.demand)):
                found.append(f"offer {offer.id}: demand is missing or infinite")
            elif not np.all(offer.demand >= 0):
                found.append(f"offer {offer.id}: demand is negative")
            if not (offer.unit_cost.is_finite() and offer.unit_cost >= 0):
                found.append(f"offer {offer.id}: unit cost {offer.unit_cost} is not a cost")
            if offer.current_price is not None and not (offer.current_price.is_finite() and offer.current_price > 0):
                found.append(f"offer {offer.id}: current price {offer.current_price} is not a price")
        return found

    def _about_resources(self) -> list[str]:
        known = {offer.id for offer in self.offers}
        times = Counter(resource.id for resource in self.resources)
        found = [f"resource {name} appears twice" for name, count in times.items() if count > 1]
        for resource in self.resources:
            if not 0 <= resource.capacity < float("inf"):
                found.append(f"resource {resource.id}: capacity {resource.capacity} is not a number of units")
            if resource.spill is not None and not (resource.spill.is_finite() and resource.spill >= 0):
                found.append(f"resource {resource.id}: spill loss {resource.spill} is not an amount")
            for offer, use in resource.uses.items():
                if offer not in known:
                    found.append(f"resource {resource.id}: there is no offer {offer}")
                if not 0 <= use < float("inf"):
                    found.append(f"resource {resource.id}: use {use} by offer {offer} is not a number of units")
        return found

    def _about_rules(self) -> list[str]:
        known, found = {offer.id for offer in self.offers}, []
        for rule in self.rules:
            found += [
                f"rule {type(rule).__name__}: there is no offer {name}" for name in offers_of(rule) if name not in known
            ]
            found += [
                f"rule {type(rule).__name__}: names offer {name} twice"
                for name, times in Counter(offers_of(rule)).items()
                if times > 1
            ]
            match rule:
                case Order(min_gap=gap) if not (gap.is_finite() and gap >= 0):
                    found.append(f"rule Order: gap {gap} is not an amount")
                case MaxChange(fraction=share) if not (share.is_finite() and share >= 0):
                    found.append(f"rule MaxChange: fraction {share} is not a share")
                case MinMargin(fraction=share) if not (share.is_finite() and share < 1):
                    found.append(f"rule MinMargin: fraction {share} is not below 1")
                case MinUnits(units=units) if not 0 <= units < float("inf"):
                    found.append(f"rule MinUnits: {units} is not a number of units")
                case MinUnits(offers=()):
                    found.append("rule MinUnits: names no offer")
        return found


def offers_of(rule: Rule) -> tuple[str, ...]:
    """The offers a rule names; `MinMargin` names none and binds all."""
    match rule:
        case Order(lower, upper):
            return lower, upper
        case MaxChange(offers) | SamePrice(offers) | MinUnits(offers):
            return offers
        case MinMargin():
            return ()
