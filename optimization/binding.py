"""What stands in the way of other prices, in words.

Guarantees
----------
* A rule is named where it holds with equality, or where one offer's neighbouring step would break it; a resource where
  it is used up, or where one more unit of it would earn something. Nothing else is named.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import fsum

from optimization.elastic import elastic_of
from optimization.steps import Steps, ends_in, spans
from optimization.words import at_least, listed, percent, rule_in_words, spread_in_words
from pricing.problem import TOLERANCE, Choice, Problem
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


def binding(problem: Problem, steps: Steps, worth: Mapping[str, float], use: Mapping[str, float]) -> tuple[str, ...]:
    """What binds at these steps; `worth` is each resource's shadow price, `use` its expected use."""
    chosen = _Chosen(problem, {offer.id: offer for offer in problem.offers}, steps)
    found = [text for rule in problem.rules for text in _about(chosen, rule)]
    for resource in problem.resources:
        taken = use[resource.id]
        if taken >= resource.capacity * (1 - TOLERANCE) or worth.get(resource.id, 0.0) > 0:
            more = f"; bid price {worth.get(resource.id, 0.0):.2f} {problem.currency}"
            used = f"{taken:.1f} of {resource.capacity:.15g} are used"
            found.append(f"{resource.id}: {used if resource.capacity else f'{taken:.1f} are used, none is left'}{more}")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The chosen step of every offer, and the steps beside it."""

    problem: Problem
    offers: Mapping[str, Choice]
    steps: Steps

    def paid(self, name: str) -> Decimal:
        """What is paid for an offer."""
        return self.offers[name].paid[self.steps[name]]

    def aside(self, name: str, by: int) -> Decimal | None:
        """What would be paid for it so many steps aside; None beyond the ladder."""
        step, paid = self.steps[name] + by, self.offers[name].paid
        return paid[step] if 0 <= step < len(paid) else None

    def said(self, name: str) -> str:
        """An offer with what is paid for it."""
        return f"{name} ({self.paid(name)} {self.problem.currency})"

    def beside(self, name: str) -> list[int]:
        """The neighbouring steps on the ladder."""
        step, count = self.steps[name], len(self.offers[name].ladder)
        return [k for k in (step - 1, step + 1) if 0 <= k < count]


def _about(chosen: _Chosen, rule: Rule) -> Iterator[str]:
    match rule:
        case Order():
            yield from _order(chosen, rule)
        case SamePrice(names) if len(names) > 1:
            yield f"{listed([chosen.said(name) for name in names])} cost the same"
        case MaxSpread():
            yield from _spread(chosen, rule)
        case Ending() | MinMargin():
            yield from _each(chosen, rule)
        case MaxChange() | DailyChange():
            yield from _moves(chosen, rule)
        case AverageMargin():
            yield from _margin(chosen, rule)
        case MostChanges() | MinUnits() | SellThrough():
            yield from _sum(chosen, rule)


def _each(chosen: _Chosen, rule: Ending | MinMargin) -> Iterator[str]:
    if isinstance(rule, Ending):
        for name in rule.offers:
            paid = chosen.offers[name].paid
            if not all(ends_in(paid[k], rule.endings) for k in chosen.beside(name)):
                yield f"{chosen.said(name)}: the price ends in {' or '.join(rule.endings)}"
        return
    for name, (first, _) in spans(rule, chosen.offers):
        if chosen.steps[name] == first > 0:
            least = f"at least {percent(rule.fraction)} of the price, at a cost of {chosen.offers[name].unit_cost}"
            yield f"{chosen.said(name)}: the margin is {least}"


def _order(chosen: _Chosen, rule: Order) -> Iterator[str]:
    low, high, gap = chosen.offers[rule.lower].paid, chosen.offers[rule.upper].paid, rule.min_gap
    i, k = chosen.steps[rule.lower], chosen.steps[rule.upper]
    if (
        high[k] == low[i] + gap
        or (i + 1 < len(low) and low[i + 1] + gap > high[k])
        or (k > 0 and low[i] + gap > high[k - 1])
    ):
        yield f"{chosen.said(rule.upper)} costs {at_least(gap, chosen.problem.currency)} {chosen.said(rule.lower)}"


def _spread(chosen: _Chosen, rule: MaxSpread) -> Iterator[str]:
    paid = {name: chosen.paid(name) for name in rule.offers}
    low, high = min(paid.values()), max(paid.values())
    up = [chosen.aside(name, 1) for name, price in paid.items() if price > low or len(paid) == 1]
    down = [chosen.aside(name, -1) for name, price in paid.items() if price < high]
    if (
        high == rule.most(low)
        or any(price is not None and price > rule.most(low) for price in up)
        or any(price is not None and rule.most(price) < high for price in down)
    ):
        ends = listed([chosen.said(next(name for name in paid if paid[name] == end)) for end in (low, high)])
        yield f"{ends} lie at most {spread_in_words(rule, chosen.problem.currency)} apart"


def _moves(chosen: _Chosen, rule: MaxChange | DailyChange) -> Iterator[str]:
    lately, share = isinstance(rule, DailyChange), rule.fraction
    for name, (first, end) in spans(rule, chosen.offers):
        offer, step = chosen.offers[name], chosen.steps[name]
        if first < step < end - 1:
            continue
        before, price = offer.in_force_lately if lately else offer.in_force, offer.ladder.prices[step]
        beyond = step == first > 0 or step == end - 1 < len(offer.ladder) - 1
        if beyond or any(abs(price - q) == share * q for q in before):
            since = f"{listed([str(q) for q in before])}{' in the last 24 hours' if lately else ''}"
            yield f"{chosen.said(name)}: moves at most {percent(share)} from {since}"


def _margin(chosen: _Chosen, rule: AverageMargin) -> Iterator[str]:
    """As `_sum`, of what the offers fall short of the least margin: c d - (1 - f) p d."""
    named = [(chosen.offers[name], chosen.steps[name]) for name in rule.offers]
    left = 1 - rule.fraction

    def short(offer: Choice, step: int) -> float:
        return float(offer.unit_cost - offer.ladder.prices[step] * left) * float(offer.mean[step])

    revenue = fsum(float(offer.ladder.prices[step]) * float(offer.mean[step]) for offer, step in named) or 1.0
    total, slack = fsum(short(offer, step) for offer, step in named), TOLERANCE * revenue
    if total >= -slack or any(
        total - short(offer, step) + short(offer, k) > slack for offer, step in named for k in chosen.beside(offer.id)
    ):
        margin = percent(Decimal(repr(round(float(rule.fraction) - total / revenue, 4))))
        yield f"{listed(rule.offers)}: the average margin is {margin} of at least {percent(rule.fraction)}"


def _sum(chosen: _Chosen, rule: Rule) -> Iterator[str]:
    """A rule about many offers: at its limit but for rounding, or broken by one of them a step aside."""
    elastic, steps = elastic_of(chosen.problem, rule), chosen.steps
    total, slack = elastic.total(steps), TOLERANCE * elastic.scale
    if total >= elastic.limit - slack or any(
        total - row[steps[name]] + row[k] > elastic.limit + slack
        for name, row in elastic.weights.items()
        for k in chosen.beside(name)
    ):
        yield _sum_in_words(chosen, rule, total)


def _sum_in_words(chosen: _Chosen, rule: Rule, total: float) -> str:
    match rule:
        case MinUnits(names, units):
            return f"{listed(names)}: {-total:.1f} of at least {units:g} units"
        case MostChanges(names, count):
            return f"{listed(names)}: {round(total)} of at most {count} prices change"
        case _:
            return rule_in_words(chosen.problem, rule)
