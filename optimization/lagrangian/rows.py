"""What joins offers that are not tied to each other: capacities and the rules about many offers together.

Guarantees
----------
* A row means what its resource or rule says, with the allowance for rounding that the enumeration grants too: half of
  what the check of plans grants.

All rows have one form: the sum over offers of a d + b p d + c [p is not the current price] is at most the limit, with d
the units and p the price at the chosen step. What an offer gives to a row is three numbers, not one for every step.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from optimization.lagrangian.grid import Grid, Indices, columns
from optimization.steps import Floats, Mask, ceiling
from pricing.problem import TOLERANCE, Problem, Shared
from pricing.rules import AverageMargin, MinUnits, MostChanges, Rule, SellThrough

Name = tuple[str, str]
"""Family of a row, and what tells it from others of the family."""

RESOURCE = "resource"


@dataclass(frozen=True, eq=False)
class Line:
    """One row, over the offers it is about.

    Attributes
    ----------
    offers : (about,) columns
    units, taken, change : (about,) a, b and c
    limit : most the left-hand side may be
    loss : per unit beyond the limit [currency]
    name : of the row, the same in a like problem: a capacity's is its resource's
    """

    offers: Indices
    limit: float
    units: Floats | float = 0.0
    taken: Floats | float = 0.0
    change: float = 0.0
    loss: float = np.inf
    name: Name = ("", "")

    def most(self, grid: Grid, may: Mask) -> Floats:
        """(about,) the most each offer can give to the row."""
        units = grid.units[:, self.offers]
        load = self.units * units
        if np.any(self.taken):
            load = load + self.taken * _product(grid.price[:, self.offers], units)
        if self.change:
            load = load + self.change * grid.changed[:, self.offers]
        return np.where(may[:, self.offers], load, -np.inf).max(axis=0)


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows.

    Attributes
    ----------
    names : (rows,) as of the lines
    limit : (rows,) most the left-hand side may be
    scale : (rows,) unit in which an excess is a share of what the row is about
    loss : (rows,) loss per unit beyond the limit; infinite where that is forbidden [currency]
    units, taken, change : (rows, offers) a, b and c
    """

    names: tuple[Name, ...]
    limit: Floats
    scale: Floats
    loss: Floats
    units: csr_array
    taken: csr_array
    change: csr_array

    @cached_property
    def hard(self) -> Mask:
        """(rows,) whether going beyond is forbidden."""
        return np.isinf(self.loss)

    def only(self, offers: Indices, rows: Indices, limit: Floats) -> "Rows":
        """Some rows of some offers, with other limits."""
        tables = (table[rows][:, offers] for table in (self.units, self.taken, self.change))
        return Rows(tuple(self.names[row] for row in rows), limit, self.scale[rows], self.loss[rows], *tables)


def lines_of(problem: Problem, place: Mapping[str, int], grid: Grid) -> Iterator[Line]:
    """The rows of a problem, in an order that does not depend on how it is written down."""
    for resource in sorted(problem.resources, key=lambda resource: resource.id):
        if resource.uses:
            at, use = _uses(resource, place)
            loss = np.inf if resource.spill is None else float(resource.spill)
            limit = ceiling(resource) if resource.spill is None else resource.capacity
            yield Line(at, limit, units=use, loss=loss, name=(RESOURCE, resource.id))
    rules = [rule for rule in problem.rules if isinstance(rule, AverageMargin | MinUnits | MostChanges | SellThrough)]
    by_id = {resource.id: resource for resource in problem.resources}
    for n, rule in enumerate(sorted(rules, key=_in_order)):
        yield replace(_line(rule, by_id, place, grid), name=(type(rule).__name__, str(n)))


def _in_order(rule: Rule) -> tuple[str, tuple[str, ...], float]:
    """By family, by the offers or the resource it names, then by its limit."""
    match rule:
        case SellThrough(name, share):
            return "SellThrough", (name,), share
        case AverageMargin(names, fraction):
            return "AverageMargin", names, float(fraction)
        case MinUnits(names, least):
            return "MinUnits", names, least
        case MostChanges(names, count):
            return "MostChanges", names, count
    raise TypeError(f"{type(rule).__name__} is no row")


def _line(
    rule: AverageMargin | MinUnits | MostChanges | SellThrough,
    resources: Mapping[str, Shared],
    place: Mapping[str, int],
    grid: Grid,
) -> Line:
    match rule:
        case MinUnits(names, least):
            return Line(columns(names, place), -least * (1 - TOLERANCE), units=-1.0)
        case SellThrough(name, share):
            at, use = _uses(resources[name], place)
            return Line(at, -share * resources[name].capacity * (1 - TOLERANCE), units=-use)
        case AverageMargin(names, fraction):
            at = columns(names, place)
            return Line(at, 0.0, units=grid.cost[at], taken=float(fraction) - TOLERANCE - 1)
        case MostChanges(names, count):
            return Line(columns(names, place), float(count), change=1.0)


def stacked(lines: list[Line], tops: list[Floats], offers: int) -> Rows:
    """The lines as rows.

    Parameters
    ----------
    tops : per line, (about,) the most each offer can give
    """
    limit = np.array([line.limit for line in lines], dtype=np.float64)
    shares = np.array([float(np.abs(top[np.isfinite(top)]).sum()) for top in tops], dtype=np.float64)
    scale = np.where(limit != 0, np.abs(limit), np.where(shares > 0, shares, 1.0))
    loss = np.array([line.loss for line in lines], dtype=np.float64)
    tables = (_sparse(lines, name, offers) for name in ("units", "taken", "change"))
    return Rows(tuple(line.name for line in lines), limit, scale, loss, *tables)


def _sparse(lines: list[Line], name: str, offers: int) -> csr_array:
    """(rows, offers) one kind of coefficient of all lines."""
    sizes = [len(line.offers) for line in lines]
    row = np.repeat(np.arange(len(lines)), sizes)
    values = [np.broadcast_to(getattr(line, name), size) for line, size in zip(lines, sizes, strict=True)]
    column = np.concatenate([np.empty(0, dtype=np.intp), *(line.offers for line in lines)])
    table = csr_array((np.concatenate([np.empty(0), *values]), (row, column)), shape=(len(lines), offers))
    table.eliminate_zeros()
    return table


def _uses(resource: Shared, place: Mapping[str, int]) -> tuple[Indices, Floats]:
    """The columns that draw on a resource, and how much a unit of each takes."""
    at = columns(resource.uses, place)
    return at, np.fromiter(resource.uses.values(), dtype=np.float64, count=len(at))


def _product(price: Floats, units: Floats) -> Floats:
    """Price times units, 0 where there is no step and the price is infinite."""
    return np.where(np.isinf(price), 0.0, price) * units
