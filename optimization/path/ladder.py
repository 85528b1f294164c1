r"""A path as a ladder problem whose offers are (offer, period).

Guarantees
----------
* The optimizer, its bound, the check of its plan and its words are those of every ladder problem.
* What is sold and left is counted: stock covers all periods still to come, a period's cap its own.
* A price that buyers were not told in time does not change: a period that starts within the notice keeps the price
  announced for it, or else the one in force before it.

For offer i, period t, step k, mean units d over draws (deterministic stock: Gallego and van Ryzin 1994, section 4;
markdowns: Smith and Achabal 1998):

.. math::

    \max \sum_{itk} (p_{ik} - c_i) d_{itk} x_{itk}, \quad \sum_{itk} a_{ri} d_{itk} x_{itk} \le C_r, \quad
    p_{it} \le p_{i,t+1} \text{ (up), } p_{it} \ge p_{i,t+1} \text{ (down), }
    \max(p_{it}, p_{i,t+1}) \le \min(p_{it}, p_{i,t+1}) + D \text{ or } (1 + f) \min(p_{it}, p_{i,t+1}).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from optimization.path.problem import Direction, Path, Staged
from pricing.errors import InputError
from pricing.model import Ladder
from pricing.problem import Choice, Problem, Shared
from pricing.rules import AverageMargin, MaxSpread, MinMargin, MinUnits, Order, Rule, SellThrough, offers_of


def cell(offer: str, period: str) -> str:
    """The ladder problem's name of an offer in a period."""
    return f"{offer}@{period}"


def ladder_problem(path: Path, now: datetime) -> Problem:
    """The path as a ladder problem over the periods not over at `now`.

    Raises
    ------
    InputError
        if no period is left, or a price that must stay is not a step of its ladder.
    """
    left = _left(path, now)
    if not any(left.values()):
        raise InputError("no period is left to price")
    fixed = _fixed(path, now, left)
    cells = [
        _cell(path, offer, n, left[period.id], fixed.get((offer.id, period.id)))
        for offer in path.offers
        for n, period in enumerate(path.periods)
        if left[period.id]
    ]
    periods = [period.id for period in path.periods if left[period.id]]
    rules = [*_moves(path, periods), *_in_periods(path, periods), *_over_periods(path, periods)]
    held = {cell(*key) for key in fixed}
    resources = tuple(_resources(path, periods))
    return Problem(
        path.currency,
        path.objective,
        _within_stock(cells, resources, held),
        resources,
        tuple(rule for rule in rules if not _settled(rule, held)),
        path.risk,
    )


def _left(path: Path, now: datetime) -> dict[str, float]:
    """Period -> share of it still to come; demand within a period is spread evenly over its time."""
    starts = [period.starts_at for period in path.periods]
    ends = [*starts[1:], path.ends_at]
    return {
        period.id: min(1.0, max(0.0, (end - now) / (end - start)))
        for period, start, end in zip(path.periods, starts, ends, strict=True)
    }


def _fixed(path: Path, now: datetime, left: Mapping[str, float]) -> dict[tuple[str, str], Decimal]:
    """(offer, period) -> price that stays: what was announced, or the price in force where it is too late to."""
    fixed = {}
    for offer in path.offers:
        in_force = offer.choice.current_price
        for period in path.periods:
            told = offer.announced.get(period.id)
            in_force = in_force if told is None else told
            late = period.starts_at < now + path.notice
            if left[period.id] and in_force is not None and (late or told is not None):
                fixed[offer.id, period.id] = in_force
    return fixed


def _cell(path: Path, offer: Staged, n: int, share: float, price: Decimal | None) -> Choice:
    """The offer in period n, of which `share` is to come; at `price` alone if that must stay."""
    choice, demand = offer.choice, offer.demand[:, n, :] * share
    name = cell(offer.id, path.periods[n].id)
    if price is None:
        return replace(choice, id=name, demand=demand, current_price=choice.current_price if n == 0 else None)
    if price not in choice.ladder:
        raise InputError(f"offer {offer.id}: the price {price} that must stay is not a step of its ladder")
    k = choice.ladder.index(price)
    totals = choice.totals[k : k + 1]
    return replace(choice, id=name, ladder=Ladder((price,)), demand=demand[:, [k]], current_price=price, totals=totals)


def _within_stock(cells: list[Choice], resources: tuple[Shared, ...], held: set[str]) -> tuple[Choice, ...]:
    """The cells, those whose price stays selling no more than is there: it cannot be raised to make them fit."""
    share = dict.fromkeys(held, 1.0)
    for resource in resources:
        taking = {c.id: use for c in cells if c.id in held and (use := resource.uses.get(c.id, 0.0))}
        taken = sum(float(c.mean[0]) * taking[c.id] for c in cells if c.id in taking)
        if resource.spill is None and taken > resource.capacity:
            share |= {name: min(share[name], resource.capacity / taken) for name in taking}
    return tuple(replace(c, demand=c.demand * share[c.id]) if share.get(c.id, 1.0) < 1 else c for c in cells)


def _resources(path: Path, periods: list[str]) -> Iterator[Shared]:
    """Stock left for the periods to come, and their caps, each over cells."""
    for shared in path.resources:
        uses = {cell(offer, period): use for offer, use in shared.uses.items() for period in periods}
        yield replace(shared, capacity=max(0.0, shared.capacity - _gone(path, shared, list(path.sold))), uses=uses)
    for cap in path.caps:
        if cap.period in periods:
            shared = cap.shared
            uses = {cell(offer, cap.period): use for offer, use in shared.uses.items()}
            left = max(0.0, shared.capacity - _gone(path, shared, [cap.period]))
            yield replace(shared, id=cell(shared.id, cap.period), capacity=left, uses=uses)


def _gone(path: Path, shared: Shared, periods: list[str]) -> float:
    """What the units sold in these periods took of a resource [units]."""
    return sum(
        shared.uses.get(offer, 0.0) * units for period in periods for offer, units in path.sold.get(period, {}).items()
    )


def _moves(path: Path, periods: list[str]) -> Iterator[Rule]:
    """How each offer's price may move from one period to the next."""
    for offer in path.offers:
        names = [cell(offer.id, period) for period in periods]
        for early, late in pairwise(names):
            if path.direction is Direction.UP:
                yield Order(early, late)
            elif path.direction is Direction.DOWN:
                yield Order(late, early)
            if path.amount is not None or path.fraction is not None:
                yield MaxSpread((early, late), path.amount, path.fraction)


def _in_periods(path: Path, periods: list[str]) -> Iterator[Rule]:
    """Rules about prices, once in every period."""
    for rule in path.rules:
        match rule:
            case MinMargin() | AverageMargin() | MinUnits() | SellThrough():
                continue
            case Order(lower, upper):
                yield from (replace(rule, lower=cell(lower, p), upper=cell(upper, p)) for p in periods)
            case _:
                yield from (replace(rule, offers=tuple(cell(name, p) for name in rule.offers)) for p in periods)


def _over_periods(path: Path, periods: list[str]) -> Iterator[Rule]:
    """Rules about units, over all periods still to come, less what was sold."""
    for rule in path.rules:
        names = tuple(cell(name, period) for name in offers_of(rule) for period in periods)
        match rule:
            case MinMargin():
                yield rule
            case AverageMargin():
                yield replace(rule, offers=names)
            case MinUnits(offers, units):
                gone = sum(path.sold.get(period, {}).get(name, 0.0) for period in path.sold for name in offers)
                yield replace(rule, offers=names, units=max(0.0, units - gone))
            case SellThrough(name, share):
                shared = next(shared for shared in path.resources if shared.id == name)
                gone = _gone(path, shared, list(path.sold))
                left = max(shared.capacity - gone, 0.0)
                yield replace(rule, share=max(0.0, share * shared.capacity - gone) / left if left else 0.0)


def _settled(rule: Rule, held: set[str]) -> bool:
    """Whether a rule speaks only of prices that stay anyway."""
    names = offers_of(rule)
    return bool(names) and not isinstance(rule, AverageMargin | MinUnits) and held.issuperset(names)
