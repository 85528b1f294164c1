"""Rules that cannot hold together are named, and nothing besides."""

from dataclasses import replace
from decimal import Decimal
from itertools import combinations

import pytest

from optimization.conflict import fewest, has_no_answer, irreducible, keeping
from optimization.exhaustive import ExhaustiveOptimizer
from optimization.solve import HighsOptimizer
from optimization.steps import canonical
from pricing.plan import Blame, Status
from pricing.problem import MaxChange, MinMargin, MinUnits, Order, Rule, SamePrice, Shared
from tests.optimization.problems import at_random, offer, problem


def test_what_is_named_is_to_blame_and_nothing_else() -> None:
    """Together no answer; without any one of them, by brute force, there is one."""
    found = 0
    for seed in range(150):
        case = canonical(at_random(seed))
        if ExhaustiveOptimizer().solve(case, time_limit=9).report.status is not Status.INFEASIBLE:
            continue
        found += 1
        items = irreducible(case, time_limit=30)
        assert items
        assert ExhaustiveOptimizer().solve(keeping(case, items), time_limit=9).report.status is Status.INFEASIBLE
        for item in items:
            rest = keeping(case, [other for other in items if other is not item])
            assert ExhaustiveOptimizer().solve(rest, time_limit=9).report.status is Status.OPTIMAL
    assert found > 20


def test_no_set_with_fewer_rules_is_in_conflict() -> None:
    """Together no answer; of the sets with fewer rules, by brute force, every one has."""
    sizes = set()
    for seed in range(150):
        case = canonical(at_random(seed))
        if not has_no_answer(case):
            continue
        items, blame = fewest(case, time_limit=30)
        assert blame is Blame.SMALLEST
        assert ExhaustiveOptimizer().solve(keeping(case, items), time_limit=9).report.status is Status.INFEASIBLE
        every = [*case.rules, *(resource for resource in case.resources if resource.spill is None)]
        for few in combinations(every, len(items) - 1):
            assert not has_no_answer(keeping(case, few))
        sizes.add(len(items))
    assert sizes >= {1, 2, 3}


@pytest.mark.parametrize("seed", [20068, 20957, *range(40)])
def test_what_a_plan_calls_the_smallest_is(seed: int) -> None:
    """Also where one offer has no step left by itself: one rule or resource of others may do with less."""
    case = canonical(at_random(seed, count=3, steps=4))
    plan = HighsOptimizer().solve(case, time_limit=9)
    if plan.report.status is Status.INFEASIBLE:
        assert plan.blame is Blame.SMALLEST
        every = [*case.rules, *(resource for resource in case.resources if resource.spill is None)]
        assert not any(has_no_answer(keeping(case, few)) for few in combinations(every, len(plan.conflict) - 1))


def test_two_rules_are_named_rather_than_three() -> None:
    """A circle of three orders is a conflict; so are a price pinned and one order: the latter is named."""
    offers = [offer(name, [10, 12, 14], [9.0, 8.0, 7.0], now="14") for name in "abc"]
    case = problem(
        *offers,
        rules=[
            *(Order(low, high, Decimal(1)) for low, high in ("ab", "bc", "ca")),
            MaxChange(("a",), Decimal(0)),
        ],
    )
    assert len(irreducible(case, time_limit=9)) >= 2
    items, blame = fewest(case, time_limit=9)
    assert (items, blame) == ([Order("a", "b", Decimal(1)), MaxChange(("a",), Decimal(0))], Blame.SMALLEST)


def test_without_time_the_plan_says_how_far_the_search_came() -> None:
    """Nothing was tried: the set still has no answer, and no more is claimed."""
    rules: list[Rule] = [MaxChange(("a",), Decimal(0)), MinMargin(Decimal("0.1"))]
    case = problem(offer("a", [10], [9.0], now="20"), rules=rules)
    assert fewest(case, time_limit=0.0) == (rules, Blame.UNREDUCED)
    assert fewest(case, time_limit=9) == (rules[:1], Blame.SMALLEST)


def test_a_thousand_offers_are_no_obstacle() -> None:
    """A room too small by itself is named, with the room that would do, without a model."""
    names = [f"o{i:04d}" for i in range(1000)]
    case = problem(
        *(offer(name, [10, 12, 14], [9.0, 7.0, 5.0], now="12") for name in names),
        resources=[Shared("room", 4_900.0, dict.fromkeys(names, 1.0))],
        rules=[MaxChange(tuple(names), Decimal("0.2")), MinUnits(tuple(names), 100.0), MinMargin(Decimal("0.1"))],
    )
    assert fewest(case, time_limit=60) == ([case.resources[0]], Blame.SMALLEST)


def test_of_a_problem_too_large_to_search_the_tied_offers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two orders the wrong way round among many offers in one room: found without the room, and no more is claimed."""
    offers = [offer(f"o{i}", [10, 12, 14], [9.0, 8.0, 7.0]) for i in range(8)]
    case = problem(
        *offers,
        resources=[Shared("room", 60.0, {o.id: 1.0 for o in offers})],
        rules=[Order("o0", "o1"), Order("o2", "o3", Decimal(1)), Order("o3", "o2"), MinUnits(("o4", "o5"), 15.0)],
    )
    monkeypatch.setattr("optimization.conflict.LARGE", 10)
    plan = HighsOptimizer().solve(case, time_limit=9)
    assert sorted(plan.conflict) == ["o2 costs at least as much as o3", "o3 costs at least 1 EUR more than o2"]
    assert (plan.blame, plan.relaxation) == (Blame.IRREDUCIBLE, ())


def test_a_circle_of_orders_is_named() -> None:
    """With a gap no prices keep it; without, all cost the same."""
    offers = [offer(name, [10, 12, 14], [9.0, 8.0, 7.0]) for name in "abc"]
    gaps, none = ([Order(low, high, Decimal(gap)) for low, high in ("ab", "bc", "ca")] for gap in (1, 0))
    plan = HighsOptimizer().solve(problem(*offers, rules=gaps), time_limit=9)
    assert plan.blame is Blame.SMALLEST
    assert sorted(plan.conflict) == [
        "a costs at least 1 EUR more than c",
        "b costs at least 1 EUR more than a",
        "c costs at least 1 EUR more than b",
    ]
    assert set(HighsOptimizer().solve(problem(*offers, rules=none), time_limit=9).prices.values()) == {Decimal(14)}


def test_the_conflict_is_said_in_words() -> None:
    """A child's ticket pinned above what an adult's may cost: two changes and the order, not the room."""
    case = problem(
        offer("adult", [10, 12, 20], [9, 8, 5], now="10"),
        offer("child", [10, 15, 20], [9, 8, 5], now="20"),
        resources=[Shared("room", 17.0, {"adult": 1.0, "child": 1.0})],
        rules=[
            Order("child", "adult"),
            MaxChange(("adult",), Decimal("0.2")),
            MaxChange(("child",), Decimal("0.25")),
            MinMargin(Decimal("0.1")),
        ],
    )
    plan = HighsOptimizer().solve(case, time_limit=9)
    assert plan.report.status is Status.INFEASIBLE
    assert sorted(plan.conflict) == [
        "adult costs at least as much as child",
        "adult: the price moves at most 20 % from the current one",
        "child: the price moves at most 25 % from the current one",
    ]
    assert not plan.prices
    assert plan.report.objective is None


def test_an_offer_with_no_step_left_is_named_alone() -> None:
    """Among many offers the one that cannot be priced is singled out, unless a single rule or resource is to blame."""
    others = [offer(f"o{i}", [10, 12], [9.0, 7.0], now="10") for i in range(5)]
    case = problem(
        *others,
        offer("x", [10, 12], [9.0, 7.0], cost="11", now="9"),
        resources=[Shared("room", 80.0, {f"o{i}": 2.0 for i in range(5)} | {"x": 1.0})],
        rules=[MaxChange(("x", *(o.id for o in others)), Decimal("0.2")), MinMargin(Decimal("0.05"))],
    )
    plan = HighsOptimizer().solve(case, time_limit=9)
    assert plan.blame is Blame.SMALLEST
    assert plan.conflict == (
        "x: the price moves at most 20 % from the current one",
        "x: the margin is at least 5 % of the price",
    )
    full = replace(case, resources=(replace(case.resources[0], capacity=60.0),))
    plan = HighsOptimizer().solve(full, time_limit=9)
    assert (plan.blame, plan.conflict) == (Blame.SMALLEST, ("room holds 60 units",))


def test_capacity_against_units() -> None:
    """A least number of units that the stock cannot serve names both; without a common price the rest is free."""
    case = problem(
        offer("a", [10, 12], [30.0, 20.0]),
        offer("b", [10, 12], [30.0, 20.0]),
        resources=[Shared("stock", 45.0, {"a": 1.0, "b": 1.0})],
        rules=[MinUnits(("a", "b"), 50.0), SamePrice(("a", "b"))],
    )
    assert HighsOptimizer().solve(case, time_limit=9).conflict == (
        "a and b together sell at least 50 units",
        "stock holds 45 units",
    )


def test_a_large_part_is_tested_by_the_solver() -> None:
    """Beyond what can be enumerated the proof of infeasibility comes from HiGHS."""
    names = [f"o{i}" for i in range(15)]
    offers = [offer(name, [10, 12, 14], [9.0, 7.0, 5.0]) for name in names]
    stock = Shared("stock", 74.0, dict.fromkeys(names, 1.0))
    assert has_no_answer(problem(*offers, resources=[stock]))
    assert not has_no_answer(problem(*offers, resources=[Shared("stock", 75.0, stock.uses)]))
