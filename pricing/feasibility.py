"""A check of plans that trusts no solver.

Guarantees
----------
* Every rule, resource and figure of a plan is derived again from the problem's own data, one offer at a time, in exact
  decimals; nothing here is shared with a solver.
* NaN passes nowhere: each check has the form "accept if inside".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from pricing.plan import Plan
from pricing.problem import TOLERANCE, Choice, Measure, Objective, Problem, Shared
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
)

SHARE = Decimal(repr(TOLERANCE))
ZERO = Decimal(0)
DIGITS = 60
"""Significant digits: a product of two floats' exact decimals is cut far beyond what matters."""


def violations(problem: Problem, plan: Plan) -> tuple[str, ...]:
    """What is wrong with a plan's prices and figures, in words; empty if nothing is.

    A plan without prices makes no claim about prices and has nothing to check.
    """
    if not plan.prices:
        return ()
    with localcontext() as context:
        context.prec = DIGITS
        if found := tuple(_about_prices(problem, plan)):
            return found
        chosen = _chosen(problem, plan)
        return (
            *(text for rule in problem.rules for text in _about_rule(chosen, rule)),
            *_about_resources(problem, plan, chosen),
            *_about_figures(problem, plan, chosen),
        )


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What the problem's data say about the plan's prices, by offer id (resources by their own).

    Attributes
    ----------
    paid : what a buyer pays [currency]
    demand : units in each draw
    units : their mean
    taken : expected use of each resource
    """

    offers: Mapping[str, Choice]
    resources: Mapping[str, Shared]
    price: Mapping[str, Decimal]
    paid: Mapping[str, Decimal]
    demand: Mapping[str, list[Decimal]]
    units: Mapping[str, Decimal]
    taken: Mapping[str, Decimal]

    def revenue(self, names: Iterable[str]) -> Decimal:
        return sum((self.price[name] * self.units[name] for name in names), ZERO)

    def cost(self, names: Iterable[str]) -> Decimal:
        return sum((self.offers[name].unit_cost * self.units[name] for name in names), ZERO)


def _about_prices(problem: Problem, plan: Plan) -> Iterator[str]:
    known = {offer.id for offer in problem.offers}
    yield from (f"offer {name}: the problem has no such offer" for name in plan.prices if name not in known)
    for offer in problem.offers:
        if offer.id not in plan.prices:
            yield f"offer {offer.id}: has no price"
        elif plan.prices[offer.id] not in offer.ladder.prices:
            yield f"offer {offer.id}: {plan.prices[offer.id]} is not a step of its ladder"


def _chosen(problem: Problem, plan: Plan) -> _Chosen:
    step = {offer.id: offer.ladder.prices.index(plan.prices[offer.id]) for offer in problem.offers}
    demand = {offer.id: _drawn(offer, step[offer.id]) for offer in problem.offers}
    units = {name: drawn[0] if len(drawn) == 1 else sum(drawn, ZERO) / len(drawn) for name, drawn in demand.items()}
    return _Chosen(
        {offer.id: offer for offer in problem.offers},
        {resource.id: resource for resource in problem.resources},
        plan.prices,
        {offer.id: offer.paid[step[offer.id]] for offer in problem.offers},
        demand,
        units,
        {resource.id: _taken(resource.uses, units) for resource in problem.resources},
    )


def _drawn(offer: Choice, step: int) -> list[Decimal]:
    """Units at a step in each draw; the common single draw without an array in between."""
    known = len(offer.demand) == 1
    return [Decimal(offer.demand.item(0, step))] if known else [*map(Decimal, offer.demand[:, step].tolist())]


def _taken(uses: Mapping[str, float], units: Mapping[str, Decimal]) -> Decimal:
    each = {use: Decimal(use) for use in set(uses.values())}
    return sum((each[use] * units[name] for name, use in uses.items()), ZERO)


def _about_rule(chosen: _Chosen, rule: Rule) -> Iterator[str]:
    match rule:
        case Order() | SamePrice() | MaxSpread():
            yield from _about_pairs(chosen, rule)
        case Ending() | MaxChange() | DailyChange() | MinMargin():
            yield from _about_each(chosen, rule)
        case MostChanges() | AverageMargin() | MinUnits() | SellThrough():
            yield from _about_sums(chosen, rule)


def _about_pairs(chosen: _Chosen, rule: Order | SamePrice | MaxSpread) -> Iterator[str]:
    """Rules that compare what is paid for offers."""
    paid = chosen.paid
    match rule:
        case Order(lower, upper, gap):
            if not paid[upper] - paid[lower] >= gap:
                yield f"{upper} does not cost at least {gap} more than {lower}"
        case SamePrice(names):
            if len({paid[name] for name in names}) > 1:
                yield f"{', '.join(names)} do not cost the same"
        case MaxSpread(names, amount, fraction):
            low, high = min(paid[name] for name in names), max(paid[name] for name in names)
            allowed = (fraction or ZERO) * low if amount is None else amount
            if not high - low <= allowed:
                yield f"{', '.join(names)}: prices from {low} to {high} lie further apart than {allowed}"


def _about_each(chosen: _Chosen, rule: Ending | MaxChange | DailyChange | MinMargin) -> Iterator[str]:
    """Rules about one price at a time."""
    match rule:
        case Ending(names, endings):
            for name in names:
                if not any(_ends_in(chosen.paid[name], ending) for ending in endings):
                    yield f"{name}: {chosen.paid[name]} does not end in {' or '.join(endings)}"
        case MaxChange(names, fraction) | DailyChange(names, fraction):
            for name in names:
                yield from _about_moves(chosen, name, fraction, lately=isinstance(rule, DailyChange))
        case MinMargin(fraction):
            for name, price in chosen.price.items():
                if not price - chosen.offers[name].unit_cost >= fraction * price:
                    yield f"{name}: the margin is less than {fraction} of the price"


def _about_moves(chosen: _Chosen, name: str, fraction: Decimal, *, lately: bool) -> Iterator[str]:
    offer = chosen.offers[name]
    current = () if offer.current_price is None else (offer.current_price,)
    for before in (*current, *offer.recent) if lately else current:
        if not abs(chosen.price[name] - before) <= fraction * before:
            yield f"{name}: the price moves more than {fraction} of {before}"


def _about_sums(chosen: _Chosen, rule: MostChanges | AverageMargin | MinUnits | SellThrough) -> Iterator[str]:
    """Rules about many offers taken together."""
    match rule:
        case MostChanges(names, count):
            before = {name: chosen.offers[name].current_price for name in names}
            changed = [name for name in names if before[name] not in (None, chosen.price[name])]
            if not len(changed) <= count:
                yield f"{', '.join(changed)}: {len(changed)} prices change, not at most {count}"
        case AverageMargin(names, fraction):
            revenue = chosen.revenue(names)
            if not revenue - chosen.cost(names) >= (fraction - SHARE * 2) * revenue:
                yield f"{', '.join(names)}: the average margin is less than {fraction} of what is taken in"
        case MinUnits(names, least):
            sold = sum((chosen.units[name] for name in names), ZERO)
            if not sold >= Decimal(least) * (1 - SHARE * 2):
                yield f"{', '.join(names)}: {sold:.6g} units are expected, not {least:g}"
        case SellThrough(name, share):
            capacity, taken = Decimal(chosen.resources[name].capacity), chosen.taken[name]
            if not taken >= Decimal(share) * capacity * (1 - SHARE * 2):
                yield f"resource {name}: {taken:.6g} of {capacity:g} are used, less than the share {share:g}"


def _ends_in(price: Decimal, ending: str) -> bool:
    """Whether the price, written with as many decimals as the ending and exactly so, ends in it."""
    written = f"{price:.{len(ending.partition('.')[2])}f}"
    return Decimal(written) == price and written.endswith(ending)


def _about_resources(problem: Problem, plan: Plan, chosen: _Chosen) -> Iterator[str]:
    listed = {entry.id: entry for entry in plan.resources}
    for resource in problem.resources:
        taken = chosen.taken[resource.id]
        if resource.spill is None and not taken <= Decimal(resource.capacity) * (1 + SHARE * 2):
            yield f"resource {resource.id}: {taken:.6g} of {resource.capacity:g} are used"
        entry = listed.get(resource.id)
        if entry is None or not _agree(entry.used, taken) or entry.capacity != resource.capacity:
            yield f"resource {resource.id}: the plan does not report its use of {taken:.6g}"
        elif not 0 <= entry.shadow_price < float("inf"):
            yield f"resource {resource.id}: its shadow price {entry.shadow_price} is not an amount"


def _about_figures(problem: Problem, plan: Plan, chosen: _Chosen) -> Iterator[str]:
    for offer in problem.offers:
        claimed, units = plan.expected_units.get(offer.id, float("nan")), chosen.units[offer.id]
        if claimed != float(units) and not _agree(claimed, units):
            yield f"offer {offer.id}: {claimed} units are reported, {units:.6g} are expected"
        if offer.totals and plan.total_prices.get(offer.id) != chosen.paid[offer.id]:
            yield f"offer {offer.id}: the plan does not report the {chosen.paid[offer.id]} that a buyer pays"
    cost = problem.objective is Objective.MARGIN
    gain = {o.id: plan.prices[o.id] - o.unit_cost if cost else plan.prices[o.id] for o in problem.offers}
    worth = [gain[name] * units for name, units in chosen.units.items()]
    value, scale, report = _objective(problem, chosen, gain), sum(map(abs, worth), ZERO), plan.report
    if report.objective is None or not _agree(report.objective, value, scale):
        yield f"the objective is reported as {report.objective}, but is {value:.9g}"
    elif report.bound is None or not report.bound >= report.objective - 1e-9 * float(scale):
        yield f"the bound {report.bound} is below the objective {report.objective}"


def _agree(claimed: float, exact: Decimal, scale: Decimal = ZERO) -> bool:
    """Whether a reported figure is the exact one but for rounding; never for NaN."""
    if not abs(claimed) < float("inf"):
        return False
    return abs(Decimal(claimed) - exact) <= SHARE * max(abs(exact), scale) + Decimal("1e-12")


def _objective(problem: Problem, chosen: _Chosen, gain: Mapping[str, Decimal]) -> Decimal:
    loss = ZERO
    for resource in problem.resources:
        beyond = chosen.taken[resource.id] - Decimal(resource.capacity)
        loss += (resource.spill or ZERO) * max(ZERO, beyond)
    return _earned(problem, chosen, gain) - loss


def _earned(problem: Problem, chosen: _Chosen, gain: Mapping[str, Decimal]) -> Decimal:
    """Mean, or mean over the worst share of draws, the draw that straddles the share counting in part."""
    if problem.risk.measure is Measure.MEAN:
        return sum((gain[name] * units for name, units in chosen.units.items()), ZERO)
    count = max(len(units) for units in chosen.demand.values())
    totals = [ZERO] * count
    for name, units in chosen.demand.items():
        for s in range(count):
            totals[s] += gain[name] * units[s if len(units) > 1 else 0]
    left = inside = Decimal(problem.risk.alpha) * count
    earned = ZERO
    for total in sorted(totals):
        weight = min(Decimal(1), max(ZERO, left))
        earned, left = earned + weight * total, left - weight
    return earned / inside
