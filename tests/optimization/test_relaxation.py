"""What would help an infeasible problem helps, and nothing less does."""

from dataclasses import replace
from decimal import Decimal
from math import inf
from time import perf_counter
from typing import Any

import pytest

from optimization.conflict import has_no_answer
from optimization.elastic import Item, limit_of
from optimization.relaxation import relaxations
from optimization.solve import HighsOptimizer
from optimization.steps import canonical
from optimization.words import item_in_words
from pricing.plan import Relaxation
from pricing.problem import (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    MinMargin,
    MinUnits,
    MostChanges,
    Order,
    Problem,
    SamePrice,
    SellThrough,
    Shared,
)
from tests.optimization.problems import at_random, offer, problem

LESS = {Order: 0.01, SamePrice: 0.01, MostChanges: 1.0}
"""A little less than what is needed, in the unit of the limit; shares 2e-4, units a hundred-thousandth."""


def items_of(case: Problem) -> list[Item]:
    """Every rule and hard capacity."""
    return [*case.rules, *(resource for resource in case.resources if resource.spill is None)]


FIELDS = {Shared: "capacity", MinUnits: "units", SellThrough: "share", Order: "min_gap", MostChanges: "count"}


def with_limit(item: Item, limit: float) -> Item:
    """The item with another limit."""
    if isinstance(item, SamePrice) or (isinstance(item, MaxSpread) and item.amount is not None):
        return MaxSpread(item.offers, Decimal(repr(limit)))
    floats, whole = isinstance(item, Shared | MinUnits | SellThrough), isinstance(item, MostChanges)
    value = limit if floats else round(limit) if whole else Decimal(repr(limit))
    changed: dict[str, Any] = {FIELDS.get(type(item), "fraction"): value}
    return replace(item, **changed)


def a_little_less(item: Item, needed: float) -> float:
    """A limit between the one there is and the one that is needed, next to the latter."""
    now = limit_of(item)
    assert now is not None
    small = 1e-5 * abs(needed) if isinstance(item, Shared | MinUnits) else LESS.get(type(item), 2e-4)
    if isinstance(item, MaxSpread) and item.amount is not None:
        small = 0.01
    return needed - small if needed > now else needed + small


def exchanged(case: Problem, item: Item, *others: Item) -> Problem:
    """The problem with others, or nothing, in place of one item."""
    kept = [o for old in items_of(case) for o in (others if old is item else [old])]
    spilling = [resource for resource in case.resources if resource.spill is not None]
    rules = tuple(o for o in kept if not isinstance(o, Shared))
    return replace(case, rules=rules, resources=(*spilling, *(o for o in kept if isinstance(o, Shared))))


def test_what_is_needed_helps_and_a_little_less_does_not() -> None:
    """At random, for every family: alone, or all together; nothing less would do alone."""
    kinds = set()
    for seed in range(120):
        case = canonical(at_random(seed))
        if not has_no_answer(case):
            continue
        found = relaxations(case, items_of(case), deadline=inf)
        assert found
        for relaxation in found:
            loose = case
            for change in relaxation.changes:
                item = next(item for item in items_of(case) if item_in_words(case, item) == change.what)
                if change.needed is None or (isinstance(item, Order) and change.needed < 0):
                    loose = exchanged(loose, item)  # beyond what a rule can say
                    continue
                kinds.add(type(item))
                if len(relaxation.changes) == 1:
                    tighter = with_limit(item, a_little_less(item, change.needed))
                    assert has_no_answer(exchanged(case, item, tighter)), (seed, relaxation)
                loose = exchanged(loose, item, with_limit(item, change.needed))
            assert not has_no_answer(loose), (seed, relaxation)
    assert kinds >= {Shared, Order, SamePrice, MaxSpread, MaxChange, DailyChange, MostChanges, AverageMargin, MinUnits}


A = offer("a", [13, 16], [60.0, 52.0], cost="12", now="10")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (
            problem(A, rules=[MaxChange(("a",), Decimal("0.1"))]),
            "a: the price moves at most 30 % from the current one, instead of 10 %",
        ),
        (
            problem(A, resources=[Shared("room", 50.0, {"a": 2.0})]),
            "room holds 104 units, instead of 50",
        ),
        (
            problem(A, rules=[MinMargin(Decimal("0.4"))]),
            "a: the margin is at least 25 % of the price, instead of 40 %",
        ),
        (
            problem(A, rules=[AverageMargin(("a",), Decimal("0.4"))]),
            "a: the average margin is at least 25 % of what is taken in, instead of 40 %",
        ),
        (  # 10 x 10 leaves 40 % of 100; 8.57 x 1 is nearer to half in euros, not in share
            problem(offer("a", ["8.57", "10"], [1.0, 10.0], cost="6"), rules=[AverageMargin(("a",), Decimal("0.5"))]),
            "a: the average margin is at least 40 % of what is taken in, instead of 50 %",
        ),
        (
            problem(A, offer("b", [13], [1.0]), rules=[Order("a", "b", Decimal("0.50"))]),
            "b costs at least as much as a, instead of at least 0.50 EUR more",
        ),
        (
            problem(A, rules=[Ending(("a",), (".99",))]),
            "without the rule: a: prices end in .99",
        ),
    ],
)
def test_what_would_help_is_said_in_words(case: Problem, words: str) -> None:
    """The rule as it would have to be, and its limit now."""
    plan = HighsOptimizer().solve(case, time_limit=9)
    assert [relaxation.words for relaxation in plan.relaxation] == [words]


def test_two_conflicts_are_resolved_together() -> None:
    """Neither room alone is the trouble: both would have to grow, by the least in total."""
    case = problem(
        offer("a", [10, 12], [9.0, 8.0]),
        offer("b", [10, 12], [9.0, 7.0]),
        resources=[Shared("hall", 6.0, {"a": 1.0}), Shared("yard", 5.0, {"b": 1.0})],
        rules=[SamePrice(("a", "b"))],
    )
    (found,) = relaxations(case, items_of(case), deadline=inf)
    assert [(change.limit, change.needed) for change in found.changes] == [(6.0, 8.0), (5.0, 7.0)]
    assert found.words == "hall holds 8 units, instead of 6; and yard holds 7 units, instead of 5"


def test_the_smallest_change_comes_first() -> None:
    """A tenth more of the room is less than a third of the units."""
    case = problem(
        offer("a", [10, 12], [30.0, 20.0]),
        resources=[Shared("stock", 27.0, {"a": 1.0})],
        rules=[MinUnits(("a",), 30.0)],
    )
    found = relaxations(case, items_of(case), deadline=inf)
    assert [relaxation.changes[0].needed for relaxation in found] == [30.0, 20.0]


def test_of_a_problem_too_large_for_a_model_only_the_obvious_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each offer for itself needs no model; offers tied to each other would."""
    monkeypatch.setattr("optimization.relaxation.LARGE", 3)
    a, b = (offer(name, [10, 12], [9.0, 8.0]) for name in "ab")
    room = Shared("room", 15.0, {"a": 1.0, "b": 1.0})
    (found,) = relaxations(problem(a, b, resources=[room]), [room], deadline=inf)
    assert found.words == "room holds 16 units, instead of 15"
    assert relaxations(problem(a, b, resources=[room], rules=[Order("a", "b")]), [room], deadline=inf) == ()


def test_out_of_time_nothing_is_claimed() -> None:
    """What is not proven is not said."""
    case = problem(A, rules=[MinMargin(Decimal("0.4"))])
    found: tuple[Relaxation, ...] = relaxations(case, items_of(case), deadline=perf_counter())
    assert found == ()
