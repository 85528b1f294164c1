"""A pricing problem, as data: choose one ladder step per offer. The door to its rules, too.

Guarantees
----------
* A problem that exists is well posed: finite, non-negative demand of the right shape, rules and resources that name
  offers it has. NaN and infinity are refused here, because a solver given NaN answers "optimal".
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pricing.errors import Finding, InputError
from pricing.model import Ladder
from pricing.money import check_currency, minor_digits, parse_amount
from pricing.rules import (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    MinMargin,
    MinUnits,
    MostChanges,
    Order,
    Rule,
    SamePrice,
    SellThrough,
    faults,
    offers_of,
)

__all__ = [
    "MOST_UNITS",
    "TOLERANCE",
    "AverageMargin",
    "Choice",
    "DailyChange",
    "Ending",
    "MaxChange",
    "MaxSpread",
    "Measure",
    "MinMargin",
    "MinUnits",
    "MostChanges",
    "Objective",
    "Order",
    "Problem",
    "Risk",
    "Rule",
    "SamePrice",
    "SellThrough",
    "Shared",
    "offers_of",
    "with_fee",
]

TOLERANCE = 1e-6
"""Share of a capacity, or of a least number of units, by which a plan may miss it: what rounding alone can do."""

MOST_DIGITS = 60
"""Digits to which totals are reckoned: more than any amount has."""

MOST_UNITS = 2.0**53
"""Largest demand: beyond it a float no longer tells one unit from none."""


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


@dataclass(frozen=True, eq=False)
class Choice:
    """One offer of a problem.

    Attributes
    ----------
    demand : (draws, steps) units demanded at each ladder step; one row if demand is taken as known [units]
    current_price : price in force, which need not be on the ladder; None if the offer is new
    recent : other prices in force at some time in the last 24 hours
    totals : (steps,) what a buyer pays, with fees that are not the owner's to keep; empty if there are none. A fee that
        the owner keeps is part of the price.
    """

    id: str
    ladder: Ladder
    demand: NDArray[np.float64] = field(repr=False)
    unit_cost: Decimal = Decimal(0)
    current_price: Decimal | None = None
    recent: tuple[Decimal, ...] = ()
    totals: tuple[Decimal, ...] = ()

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """(steps,) expected units [units]."""
        return self.demand[0] if len(self.demand) == 1 else self.demand.mean(axis=0)

    @property
    def paid(self) -> tuple[Decimal, ...]:
        """(steps,) what a buyer pays at each step, fees included [currency]."""
        return self.totals or self.ladder.prices

    @property
    def in_force(self) -> tuple[Decimal, ...]:
        """The current price, if there is one [currency]."""
        return () if self.current_price is None else (self.current_price,)

    @property
    def in_force_lately(self) -> tuple[Decimal, ...]:
        """Every price in force in the last 24 hours, the current one included [currency]."""
        return (*self.in_force, *self.recent)


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


@dataclass(frozen=True)
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
        if found := [*self._about_offers(), *self._about_demand(), *self._about_resources(), *self._about_rules()]:
            raise InputError([Finding(text) for text in found])

    @cached_property
    def by_id(self) -> Mapping[str, Choice]:
        """The offers by their ids."""
        return {offer.id: offer for offer in self.offers}

    def _about_offers(self) -> Iterator[str]:
        times = Counter(offer.id for offer in self.offers)
        yield from (f"offer {name} appears twice" for name, count in times.items() if count > 1)
        if not times:
            yield "there is no offer to price"
        for offer in self.offers:
            if not (offer.unit_cost.is_finite() and offer.unit_cost >= 0):
                yield f"offer {offer.id}: unit cost {offer.unit_cost} is not a cost"
            if offer.current_price is not None and not _is_price(offer.current_price):
                yield f"offer {offer.id}: current price {offer.current_price} is not a price"
            if offer.recent and not all(map(_is_price, offer.recent)):
                yield f"offer {offer.id}: a recent price is not a price"
            if offer.totals and not _are_totals(offer.totals, offer.ladder):
                yield f"offer {offer.id}: total prices are not the ladder's prices and a fee, rising"

    def _about_demand(self) -> Iterator[str]:
        """Faults of the demand; the numbers of all offers are looked at together, one by one only to name a fault."""
        draws = {offer.demand.shape[0] for offer in self.offers if offer.demand.ndim == 2}
        if len(draws - {1}) > 1:
            yield f"offers have different numbers of demand draws: {sorted(draws)}"
        for offer in self.offers:
            shape, steps = offer.demand.shape, len(offer.ladder)
            if len(shape) != 2 or shape[1] != steps or not shape[0]:
                yield f"offer {offer.id}: demand has shape {shape}, its ladder {steps} steps"
        if not self.offers or _are_units(np.concatenate([offer.demand.ravel() for offer in self.offers])):
            return
        for offer in self.offers:
            if not np.all(np.isfinite(offer.demand)):
                yield f"offer {offer.id}: demand is missing or infinite"
            elif not np.all(offer.demand >= 0):
                yield f"offer {offer.id}: demand is negative"
            elif not _are_units(offer.demand):
                yield f"offer {offer.id}: demand is above {MOST_UNITS:.0e} units, too many to count one by one"

    def _about_resources(self) -> Iterator[str]:
        known = {offer.id for offer in self.offers}
        times = Counter(resource.id for resource in self.resources)
        yield from (f"resource {name} appears twice" for name, count in times.items() if count > 1)
        for resource in self.resources:
            if not 0 <= resource.capacity < float("inf"):
                yield f"resource {resource.id}: capacity {resource.capacity} is not a number of units"
            if resource.spill is not None and not (resource.spill.is_finite() and resource.spill >= 0):
                yield f"resource {resource.id}: spill loss {resource.spill} is not an amount"
            for offer, use in resource.uses.items():
                if offer not in known:
                    yield f"resource {resource.id}: there is no offer {offer}"
                if not 0 <= use <= MOST_UNITS:
                    yield f"resource {resource.id}: use {use} by offer {offer} is not a number of units"

    def _about_rules(self) -> Iterator[str]:
        known = {offer.id for offer in self.offers}
        drawn_on = {resource.id: any(resource.uses.values()) for resource in self.resources}
        for rule in self.rules:
            kind = type(rule).__name__
            yield from (f"rule {kind}: there is no offer {name}" for name in offers_of(rule) if name not in known)
            yield from (f"rule {kind}: {fault}" for fault in faults(rule, self.currency))
            if isinstance(rule, SellThrough) and not drawn_on.get(rule.resource, False):
                why = "no offer draws on" if rule.resource in drawn_on else "there is no"
                yield f"rule {kind}: {why} resource {rule.resource}"


def with_fee(
    ladder: Ladder, currency: str, *, amount: Decimal = Decimal(0), share: Decimal = Decimal(0)
) -> tuple[Decimal, ...]:
    """What a buyer pays at each step when a fee of `amount` and of `share` of the price comes on top [currency].

    The share is rounded to the currency's decimals, half up.

    Raises
    ------
    ValueError
        if a total is too large for an amount.
    """
    cent = Decimal(1).scaleb(-minor_digits(currency))
    with localcontext(prec=MOST_DIGITS):
        try:
            totals = [price + amount + (price * share).quantize(cent, ROUND_HALF_UP) for price in ladder]
        except InvalidOperation:
            raise ValueError(f"a fee of the share {share} is too large for an amount") from None
    return tuple(parse_amount(f"{total:f}", currency) for total in totals)


def _is_price(price: Decimal) -> bool:
    return price.is_finite() and price > 0


def _are_totals(totals: tuple[Decimal, ...], ladder: Ladder) -> bool:
    return (
        len(totals) == len(ladder)
        and all(total.is_finite() and total >= price for total, price in zip(totals, ladder, strict=True))
        and all(low < high for low, high in pairwise(totals))
    )


def _are_units(numbers: NDArray[np.float64]) -> bool:
    return bool(np.all((numbers >= 0) & (numbers <= MOST_UNITS)))
