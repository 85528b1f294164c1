"""Prices and demand of many offers as arrays, and the steps that the rules about single offers leave.

Guarantees
----------
* A step is left exactly where every rule about the offer by itself allows it: floats of prices of up to 14 digits are
  compared so that they decide as the decimals do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from optimization.steps import Floats, Mask, ceiling, ending_in
from pricing.problem import Choice, Shared
from pricing.rules import DailyChange, Ending, MaxChange, MinMargin, Rule

Indices = NDArray[np.intp]

EXACT = 1e-14
"""Prices closer than this share of themselves are equal: more digits than any price has."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Offers side by side, padded to the longest ladder.

    Attributes
    ----------
    inside : (steps, offers) whether the offer has such a step
    price, paid : (steps, offers) ladder, and what a buyer pays; infinite where there is no step [currency]
    units : (steps, offers) expected units, 0 where there is no step
    cost : (offers,) unit cost [currency]
    current : (offers,) price in force, NaN without one [currency]
    """

    inside: Mask
    price: Floats
    paid: Floats
    units: Floats
    cost: Floats
    current: Floats

    @property
    def changed(self) -> Mask:
        """(steps, offers) whether the price is not the current one; never for an offer that has none."""
        return np.abs(self.price - self.current) > EXACT * self.current

    @property
    def far(self) -> Floats:
        """(steps, offers) distance from the current price as a share of it; 0 without one."""
        return np.where(np.isnan(self.current), 0.0, np.abs(self.price / self.current - 1))


def grid_of(offers: Sequence[Choice]) -> Grid:
    """The offers as arrays."""
    sizes = np.fromiter((len(offer.ladder.prices) for offer in offers), dtype=np.intp, count=len(offers))
    inside = np.arange(int(sizes.max()))[:, None] < sizes
    price = _padded([offer.ladder.prices for offer in offers], inside)
    paid = _padded([offer.paid for offer in offers], inside) if any(offer.totals for offer in offers) else price
    units = np.zeros(inside.T.shape)
    units[inside.T] = np.concatenate([o.demand[0] if len(o.demand) == 1 else o.mean for o in offers])
    cost = np.fromiter((float(offer.unit_cost) for offer in offers), dtype=np.float64, count=len(offers))
    before = (np.nan if o.current_price is None else float(o.current_price) for o in offers)
    current = np.fromiter(before, dtype=np.float64, count=len(offers))
    return Grid(inside, price, paid, np.ascontiguousarray(units.T), cost, current)


def permitted(rules: Iterable[Rule], offers: Sequence[Choice], place: Mapping[str, int], grid: Grid) -> Mask:
    """(steps, offers) the steps that every rule about single offers leaves."""
    may = grid.inside.copy()
    for rule in rules:
        match rule:
            case MaxChange(names, fraction):
                at = columns(names, place)
                may[:, at] &= _within(grid.price[:, at], grid.current[at], grid.current[at], fraction)
            case DailyChange(names, fraction):
                at = columns(names, place)
                before = [offers[i].in_force_lately or (Decimal("NaN"),) for i in at]
                lowest, highest = (np.array([float(end(prices)) for prices in before]) for end in (min, max))
                may[:, at] &= _within(grid.price[:, at], lowest, highest, fraction)
            case MinMargin(fraction):
                may &= grid.price * (1 - float(fraction)) >= grid.cost * (1 - EXACT)
            case Ending(names, endings):
                for i in columns(names, place):
                    may[: len(offers[i].ladder), i] &= ending_in(offers[i], endings)
    return may


def forbid_overfull(may: Mask, resources: Iterable[Shared], place: Mapping[str, int], grid: Grid) -> None:
    """Take out the steps that overfill a hard capacity on their own."""
    for resource in resources:
        if resource.spill is None:
            at = columns(resource.uses, place)
            use = np.fromiter(resource.uses.values(), dtype=np.float64, count=len(at))
            may[:, at] &= use * grid.units[:, at] <= ceiling(resource)


def columns(names: Iterable[str], place: Mapping[str, int]) -> Indices:
    """Where the offers of these names stand."""
    return np.fromiter(map(place.__getitem__, names), dtype=np.intp)


def _padded(rows: Sequence[Sequence[Decimal]], inside: Mask) -> Floats:
    table = np.full(inside.T.shape, np.inf)
    table[inside.T] = np.fromiter(map(float, chain.from_iterable(rows)), dtype=np.float64)
    return np.ascontiguousarray(table.T)


def _within(price: Floats, lowest: Floats, highest: Floats, fraction: Decimal) -> Mask:
    """Whether |price - q| <= fraction * q for all q from lowest to highest; NaN is no price to move away from."""
    share = float(fraction)
    low, high = highest * (1 - share) * (1 - EXACT), lowest * (1 + share) * (1 + EXACT)
    return ~((price < low) | (price > high))
