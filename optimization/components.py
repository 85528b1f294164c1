"""Splits a problem into parts that have nothing to do with each other.

Guarantees
----------
* Solving the parts one by one solves the whole: no rule and no resource spans two parts.
* An offer that shares nothing is a part of its own, so that adding it changes no other price.

A resource that cannot run out, whatever the prices, links nothing unless a share of it must be sold. The tail mean of
what is earned links all offers.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from pricing.links import roots
from pricing.problem import Measure, Problem, Shared
from pricing.rules import DailyChange, Ending, MaxChange, MinMargin, Rule, SellThrough, offers_of

EACH = (DailyChange, Ending, MaxChange)
"""Rules about each of the offers they name by itself, which link none."""


def split(problem: Problem) -> list[Problem]:
    """The independent parts of a problem, each in the order of the whole."""
    if problem.risk.measure is Measure.CVAR:
        return [problem]
    to_sell = {rule.resource for rule in problem.rules if isinstance(rule, SellThrough)}
    scarce = [r for r in problem.resources if r.id in to_sell or can_run_out(problem, r)]
    links = [used_by(resource) for resource in scarce]
    links += [offers_of(rule) for rule in problem.rules if not isinstance(rule, EACH)]
    root = roots([offer.id for offer in problem.offers], links)
    members, resources, rules = defaultdict(list), defaultdict(list), defaultdict(list)
    for offer in problem.offers:
        members[root[offer.id]].append(offer)
    home = {}
    for resource in scarce:
        taking = {name: resource.uses[name] for name in used_by(resource)}
        home[resource.id] = root[next(iter(taking))]
        resources[home[resource.id]].append(replace(resource, uses=taking))
    for rule in problem.rules:
        pieces = [(home[rule.resource], rule)] if isinstance(rule, SellThrough) else _pieces(rule, root, members)
        for part, piece in pieces:
            rules[part].append(piece)
    return [
        replace(problem, offers=tuple(offers), resources=tuple(resources[part]), rules=tuple(rules[part]))
        for part, offers in members.items()
    ]


def can_run_out(problem: Problem, resource: Shared) -> bool:
    """Whether some prices would use more than the capacity."""
    most = sum(resource.uses.get(offer.id, 0.0) * float(offer.mean.max()) for offer in problem.offers)
    return most > resource.capacity


def used_by(resource: Shared) -> tuple[str, ...]:
    """Offers whose sales take from the resource."""
    return tuple(name for name, use in resource.uses.items() if use > 0)


def _pieces(rule: Rule, root: dict[str, str], parts: Iterable[str]) -> list[tuple[str, Rule]]:
    """A rule, cut along the parts it speaks about."""
    match rule:
        case MinMargin():
            return [(part, rule) for part in parts]
        case DailyChange(names) | Ending(names) | MaxChange(names):
            by_part: dict[str, list[str]] = defaultdict(list)
            for name in names:
                by_part[root[name]].append(name)
            return [(part, replace(rule, offers=tuple(found))) for part, found in by_part.items()]
        case _:
            return [(root[offers_of(rule)[0]], rule)]
