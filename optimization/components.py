"""Splits a problem into parts that have nothing to do with each other.

Guarantees
----------
* Solving the parts one by one solves the whole: no rule and no resource spans two parts.
* An offer that shares nothing is a part of its own, so that adding it changes no other price.

A resource that cannot run out, whatever the prices, links nothing. The tail mean of what is earned links all offers.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from pricing.problem import MaxChange, Measure, MinMargin, MinUnits, Order, Problem, Rule, SamePrice, Shared, offers_of


def split(problem: Problem) -> list[Problem]:
    """The independent parts of a problem, each in the order of the whole."""
    if problem.risk.measure is Measure.CVAR:
        return [problem]
    scarce = [resource for resource in problem.resources if can_run_out(problem, resource)]
    links = [used_by(resource) for resource in scarce]
    links += [offers_of(rule) for rule in problem.rules if isinstance(rule, Order | SamePrice | MinUnits)]
    root = _roots([offer.id for offer in problem.offers], links)
    members, resources, rules = defaultdict(list), defaultdict(list), defaultdict(list)
    for offer in problem.offers:
        members[root[offer.id]].append(offer)
    for resource in scarce:
        taking = {name: resource.uses[name] for name in used_by(resource)}
        resources[root[next(iter(taking))]].append(replace(resource, uses=taking))
    for rule in problem.rules:
        for part, piece in _pieces(rule, root, members):
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
        case MaxChange(names, fraction):
            by_part: dict[str, list[str]] = defaultdict(list)
            for name in names:
                by_part[root[name]].append(name)
            return [(part, MaxChange(tuple(found), fraction)) for part, found in by_part.items()]
        case _:
            return [(root[offers_of(rule)[0]], rule)] if offers_of(rule) else []


def _roots(names: list[str], links: list[tuple[str, ...]]) -> dict[str, str]:
    """Name -> representative of all it is linked with (disjoint sets with path halving)."""
    parent = {name: name for name in names}

    def find(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for link in links:
        for other in link[1:]:
            parent[find(other)] = find(link[0])
    return {name: find(name) for name in names}
