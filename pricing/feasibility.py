"""A check of plans that trusts no solver.

Guarantees
----------
* Every rule, resource and figure of a plan is derived again from the problem's own data, one offer at a time, in exact
  decimals; nothing here is shared with a solver.
* NaN passes nowhere: each check has the form "accept if inside".
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal, localcontext

from pricing.plan import Plan
from pricing.problem import (
    TOLERANCE,
    Choice,
    MaxChange,
    Measure,
    MinMargin,
    MinUnits,
    Objective,
    Order,
    Problem,
    Rule,
    SamePrice,
)

SHARE = Decimal(repr(TOLERANCE))
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
        return (
            *(text for rule in problem.rules for text in _about_rule(problem, rule, plan)),
            *_about_resources(problem, plan),
            *_about_figures(problem, plan),
        )


def _about_prices(problem: Problem, plan: Plan) -> Iterator[str]:
    known = {offer.id for offer in problem.offers}
    yield from (f"offer {name}: the problem has no such offer" for name in plan.prices if name not in known)
    for offer in problem.offers:
        if offer.id not in plan.prices:
            yield f"offer {offer.id}: has no price"
        elif plan.prices[offer.id] not in offer.ladder.prices:
            yield f"offer {offer.id}: {plan.prices[offer.id]} is not a step of its ladder"


def _about_rule(problem: Problem, rule: Rule, plan: Plan) -> Iterator[str]:
    by_id = {offer.id: offer for offer in problem.offers}
    match rule:
        case Order(lower, upper, gap):
            if not plan.prices[upper] - plan.prices[lower] >= gap:
                yield f"{upper} does not cost at least {gap} more than {lower}"
        case MaxChange():
            yield from _about_moves(by_id, rule, plan)
        case SamePrice(names):
            if len({plan.prices[name] for name in names}) > 1:
                yield f"{', '.join(names)} do not cost the same"
        case MinMargin():
            yield from _about_margins(by_id, rule, plan)
        case MinUnits(names, units):
            sold = sum((_units(by_id[name], plan) for name in names), Decimal(0))
            if not sold >= Decimal(units) * (1 - SHARE * 2):
                yield f"{', '.join(names)}: {sold:.6g} units are expected, not {units:g}"


def _about_moves(by_id: Mapping[str, Choice], rule: MaxChange, plan: Plan) -> Iterator[str]:
    for name in rule.offers:
        current = by_id[name].current_price
        if current is not None and not abs(plan.prices[name] - current) <= rule.fraction * current:
            yield f"{name}: the price moves more than {rule.fraction} of {current}"


def _about_margins(by_id: Mapping[str, Choice], rule: MinMargin, plan: Plan) -> Iterator[str]:
    for name, price in plan.prices.items():
        if not price - by_id[name].unit_cost >= rule.fraction * price:
            yield f"{name}: the margin is less than {rule.fraction} of the price"


def _about_resources(problem: Problem, plan: Plan) -> Iterator[str]:
    listed = {entry.id: entry for entry in plan.resources}
    for resource in problem.resources:
        taken = _use(problem, resource.uses, plan)
        if resource.spill is None and not taken <= Decimal(resource.capacity) * (1 + SHARE * 2):
            yield f"resource {resource.id}: {taken:.6g} of {resource.capacity:g} are used"
        entry = listed.get(resource.id)
        if entry is None or not _agree(entry.used, taken) or entry.capacity != resource.capacity:
            yield f"resource {resource.id}: the plan does not report its use of {taken:.6g}"
        elif not 0 <= entry.shadow_price < float("inf"):
            yield f"resource {resource.id}: its shadow price {entry.shadow_price} is not an amount"


def _about_figures(problem: Problem, plan: Plan) -> Iterator[str]:
    for offer in problem.offers:
        claimed = plan.expected_units.get(offer.id, float("nan"))
        if not _agree(claimed, _units(offer, plan)):
            yield f"offer {offer.id}: {claimed} units are reported, {_units(offer, plan):.6g} are expected"
    value, report = _objective(problem, plan), plan.report
    scale = sum((abs(_unit_gain(problem, offer, plan)) * _units(offer, plan) for offer in problem.offers), Decimal(0))
    if report.objective is None or not _agree(report.objective, value, scale):
        yield f"the objective is reported as {report.objective}, but is {value:.9g}"
    elif report.bound is None or not report.bound >= report.objective - 1e-9 * float(scale):
        yield f"the bound {report.bound} is below the objective {report.objective}"


def _agree(claimed: float, exact: Decimal, scale: Decimal = Decimal(0)) -> bool:
    """Whether a reported figure is the exact one but for rounding; never for NaN."""
    if not abs(claimed) < float("inf"):
        return False
    return abs(Decimal(claimed) - exact) <= SHARE * max(abs(exact), scale) + Decimal("1e-12")


def _demand(offer: Choice, plan: Plan) -> list[Decimal]:
    """Units in each draw at the planned price."""
    step = offer.ladder.prices.index(plan.prices[offer.id])
    return [Decimal(float(units)) for units in offer.demand[:, step]]


def _units(offer: Choice, plan: Plan) -> Decimal:
    units = _demand(offer, plan)
    return sum(units, Decimal(0)) / len(units)


def _use(problem: Problem, uses: Mapping[str, float], plan: Plan) -> Decimal:
    return sum((Decimal(uses[o.id]) * _units(o, plan) for o in problem.offers if o.id in uses), Decimal(0))


def _unit_gain(problem: Problem, offer: Choice, plan: Plan) -> Decimal:
    cost = offer.unit_cost if problem.objective is Objective.MARGIN else Decimal(0)
    return plan.prices[offer.id] - cost


def _objective(problem: Problem, plan: Plan) -> Decimal:
    loss = Decimal(0)
    for resource in problem.resources:
        beyond = _use(problem, resource.uses, plan) - Decimal(resource.capacity)
        loss += (resource.spill or Decimal(0)) * max(Decimal(0), beyond)
    return _earned(problem, plan) - loss


def _earned(problem: Problem, plan: Plan) -> Decimal:
    """Mean, or mean over the worst share of draws, the draw that straddles the share counting in part."""
    if problem.risk.measure is Measure.MEAN:
        return sum((_unit_gain(problem, o, plan) * _units(o, plan) for o in problem.offers), Decimal(0))
    count = max(offer.demand.shape[0] for offer in problem.offers)
    totals = [Decimal(0)] * count
    for offer in problem.offers:
        units = _demand(offer, plan)
        for s in range(count):
            totals[s] += _unit_gain(problem, offer, plan) * units[s if len(units) > 1 else 0]
    left = inside = Decimal(problem.risk.alpha) * count
    earned = Decimal(0)
    for total in sorted(totals):
        weight = min(Decimal(1), max(Decimal(0), left))
        earned, left = earned + weight * total, left - weight
    return earned / inside
