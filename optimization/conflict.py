"""Which rules and resources cannot hold together, and what would have to give.

Guarantees
----------
* What is named has no answer together. As a rule no set with fewer rules and resources has none either; `Blame` says
  so, or how far the search came in its time.
* Naming it and what would resolve it takes `SECONDS` and one solve at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from time import perf_counter

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from optimization.components import EACH, split
from optimization.elastic import Item, elastic_of
from optimization.enumeration import combinations, enumerate_all, feasible
from optimization.highs import run
from optimization.ladder import build, read_steps
from optimization.relaxation import LARGE, relaxations
from optimization.steps import Answer, Mask, Steps, permitted
from optimization.words import item_in_words
from pricing.plan import Blame, Plan, Report, Status
from pricing.problem import TOLERANCE, Problem, Risk, Shared
from pricing.rules import AverageMargin, MinMargin, MinUnits, MostChanges, Order, SellThrough, offers_of

SMALL = 5_000
FEW = 2_000
"""Steps up to which the rules of all offers are searched although one offer has a conflict of its own."""
SECONDS = 4.0
SUMS = (AverageMargin, MinUnits, MostChanges, SellThrough)
"""Rules about many offers taken together."""


def infeasible(part: Problem, answer: Answer, started: float) -> Plan:
    """The plan of a problem with a part that has no answer."""
    deadline = perf_counter() + SECONDS
    culprit, whole = _one_offer(part)
    if culprit is part and (tied := _tied_offers(part, deadline)) is not None:
        items = irreducible(tied, time_limit=SECONDS / 2)
        words, blame = [item_in_words(tied, item) for item in items], Blame.IRREDUCIBLE
        return Plan(Report(Status.INFEASIBLE, answer.method, perf_counter() - started), conflict=(*words,), blame=blame)
    items, blame = fewest(culprit, time_limit=SECONDS / 2)
    if culprit is not part and len(items) > 1:
        culprit, items, blame = _fewer(part, culprit, items, blame)
    return Plan(
        Report(Status.INFEASIBLE, answer.method, perf_counter() - started),
        conflict=tuple(item_in_words(culprit, item) for item in items),
        blame=blame,
        relaxation=relaxations(part, [whole.get(id(item), item) for item in items], deadline=deadline),
    )


def _fewer(part: Problem, culprit: Problem, items: list[Item], blame: Blame) -> tuple[Problem, list[Item], Blame]:
    """What is named of one offer, unless fewer rules and resources of all offers have no answer either."""
    others, proof = fewest(part, time_limit=SECONDS / 4) if _steps(part) <= FEW else (items, Blame.UNREDUCED)
    if len(others) < len(items):
        return part, others, proof
    return culprit, items, blame if proof is Blame.SMALLEST else max(blame, Blame.IRREDUCIBLE, key=list(Blame).index)


def fewest(problem: Problem, *, time_limit: float) -> tuple[list[Item], Blame]:
    """A set of fewest rules and resources with no answer, or the least found in time.

    Starting from an irreducible set, the fewest items that touch everything that some prices broke are tried until
    they have no answer themselves. No smaller set can be without one, since it would have to touch whatever any prices
    break (Ignatiev, Previti, Liffiton and Marques-Silva 2015, algorithm 1).
    """
    deadline = perf_counter() + time_limit
    whole = {offer.id: np.ones(len(offer.ladder), dtype=np.bool_) for offer in problem.offers}
    if (alone := _out_of_reach(problem, whole)) is not None:
        return [alone], Blame.SMALLEST
    kept, items = irreducible(problem, time_limit=time_limit), _items(problem)
    if len(kept) == 1:
        return kept, Blame.SMALLEST
    if perf_counter() > deadline:
        return kept, Blame.UNREDUCED
    broken: list[list[int]] = []
    while perf_counter() < deadline:
        few = [items[n] for n in _fewest_touching(broken, len(items))]
        if len(few) >= len(kept):
            return kept, Blame.SMALLEST
        answer = _answer(keeping(problem, few), deadline)
        if answer.infeasible:
            return few, Blame.SMALLEST
        if answer.steps is None:
            break
        broken.append(_broken(problem, items, answer.steps))
    return kept, Blame.IRREDUCIBLE


def irreducible(problem: Problem, *, time_limit: float) -> list[Item]:
    """A set of rules and resources with no answer, from which none can be left out unless the time runs out first.

    By halves (QuickXplain, Junker 2004).
    """
    deadline = perf_counter() + time_limit

    def needed(given: list[Item], items: list[Item], *, more: bool) -> list[Item]:
        """What of the items has no answer with those given; `more` says that some were given since last asked."""
        if more and _answer(keeping(problem, given), deadline).infeasible:
            return []
        if len(items) == 1 or perf_counter() > deadline:
            return items
        first, second = items[: len(items) // 2], items[len(items) // 2 :]
        of_second = needed([*given, *first], second, more=True)
        return [*needed([*given, *of_second], first, more=bool(of_second)), *of_second]

    items = _items(problem)
    return needed([], items, more=False) if items else []


def _items(problem: Problem) -> list[Item]:
    return [*problem.rules, *(resource for resource in problem.resources if resource.spill is None)]


def _fewest_touching(broken: Sequence[Sequence[int]], count: int) -> list[int]:
    """A smallest set with a member in each of these sets."""
    if not broken:
        return []
    rows = np.zeros((len(broken), count))
    for row, members in zip(rows, broken, strict=True):
        row[list(members)] = 1
    found = milp(np.ones(count), integrality=np.ones(count), bounds=Bounds(0, 1), constraints=LinearConstraint(rows, 1))
    return [int(n) for n in np.flatnonzero(found.x > 0.5)]


def _broken(problem: Problem, items: Sequence[Item], steps: Steps) -> list[int]:
    """Which of the items these steps break."""
    row = np.array([[steps[offer.id] for offer in problem.offers]])

    def holds(item: Item) -> bool:
        alone = keeping(problem, [item])
        named = set(item.uses if isinstance(item, Shared) else offers_of(item)) or steps.keys()
        masks = permitted(alone)
        return all(masks[name][steps[name]] for name in named) and bool(feasible(alone, row)[0])

    return [n for n, item in enumerate(items) if not holds(item)]


def keeping(problem: Problem, items: Sequence[Item]) -> Problem:
    """The problem with only these rules and resources, and nothing to gain but an answer.

    A resource that is left out stays, without its limit, where a share of it must be sold.
    """
    rules = tuple(item for item in items if not isinstance(item, Shared))
    held = {item.id for item in items if isinstance(item, Shared)}
    to_sell = {rule.resource for rule in rules if isinstance(rule, SellThrough)}
    resources = tuple(
        resource if resource.id in held else replace(resource, spill=Decimal(0))
        for resource in problem.resources
        if resource.id in held | to_sell
    )
    return replace(problem, resources=resources, rules=rules, risk=Risk())


def has_no_answer(problem: Problem) -> bool:
    """Whether it is proven that no prices keep every rule and capacity."""
    return _answer(problem, perf_counter() + SECONDS).infeasible


def _answer(problem: Problem, deadline: float) -> Answer:
    """Some steps that keep every rule and capacity, or the proof that there are none, or neither for want of time."""
    if (quick := _at_a_glance(problem)) is not None:
        return quick
    steps: dict[str, int] = {}
    for part in split(problem):
        found = _answer_of_part(part, deadline)
        if found.infeasible or found.steps is None:
            return found
        steps |= found.steps
    return Answer("conflict", steps)


def _at_a_glance(problem: Problem) -> Answer | None:
    """An answer that needs no search: a limit out of reach by itself, or all prices at their lowest or highest."""
    masks = permitted(problem)
    if not all(mask.any() for mask in masks.values()):
        return Answer("conflict", infeasible=True)
    if _out_of_reach(problem, masks) is not None:
        return Answer("conflict", infeasible=True)
    ends = ({n: int(np.flatnonzero(mask)[end]) for n, mask in masks.items()} for end in (0, -1))
    for steps in ends:
        if feasible(problem, np.array([[steps[offer.id] for offer in problem.offers]]))[0]:
            return Answer("conflict", steps)
    return None


def _out_of_reach(problem: Problem, masks: Mapping[str, Mask]) -> Item | None:
    """A rule or resource that no steps keep of those the masks leave, if one is found at a glance."""
    for item in _items(problem):
        if isinstance(item, (*SUMS, Order, Shared)):
            elastic = elastic_of(problem, item)
            if elastic.total(elastic.least(masks)) > elastic.limit + 2 * TOLERANCE * elastic.scale:
                return item
    return None


def _answer_of_part(part: Problem, deadline: float) -> Answer:
    if combinations(part) <= SMALL:
        return enumerate_all(part)
    done = run(build(part), time_limit=max(deadline - perf_counter(), 0.1), gap=np.inf)
    return Answer("conflict", read_steps(part, done.values) if done.values else None, infeasible=done.infeasible)


def _one_offer(problem: Problem) -> tuple[Problem, dict[int, Item]]:
    """The problem of a single offer that no step is left for, if there is one, otherwise the whole.

    Also, by the `id` of each rule and resource of it, what it is a piece of.
    """
    lost = [name for name, mask in permitted(problem).items() if not mask.any()]
    for name in lost:
        pieces = _pieces(problem, name)
        alone = replace(
            problem,
            offers=tuple(offer for offer in problem.offers if offer.id == name),
            rules=tuple(piece for piece, _ in pieces if not isinstance(piece, Shared)),
            resources=tuple(piece for piece, _ in pieces if isinstance(piece, Shared)),
            risk=Risk(),
        )
        if not permitted(alone)[name].any():
            return alone, {id(piece): item for piece, item in pieces}
    return problem, {}


def _tied_offers(problem: Problem, deadline: float) -> Problem | None:
    """Of a problem too large to search, offers tied by rules about prices that have no answer by themselves, if any."""
    if _steps(problem) <= LARGE:
        return None
    prices = tuple(rule for rule in problem.rules if not isinstance(rule, SUMS))
    for group in split(replace(problem, rules=prices, resources=(), risk=Risk())):
        if perf_counter() > deadline:
            break
        if len(group.offers) > 1 and _answer_of_part(group, deadline).infeasible:
            return group
    return None


def _steps(problem: Problem) -> int:
    return sum(len(offer.ladder) for offer in problem.offers)


def _pieces(problem: Problem, name: str) -> list[tuple[Item, Item]]:
    """What rules and resources demand of one offer, whatever the others do, beside the whole of each."""
    pieces: list[tuple[Item, Item]] = [
        (replace(rule, offers=(name,)) if isinstance(rule, EACH) else rule, rule)
        for rule in problem.rules
        if isinstance(rule, MinMargin) or (isinstance(rule, EACH) and name in rule.offers)
    ]
    return [*pieces, *((replace(r, uses={name: r.uses[name]}), r) for r in problem.resources if name in r.uses)]
