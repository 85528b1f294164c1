"""The oracle itself: brute force agrees with a plain double loop over prices."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from optimization import enumeration
from optimization.enumeration import combinations, enumerate_all, feasible
from optimization.steps import canonical, permitted, used, value_of
from pricing.feasibility import violations
from pricing.plan import Plan, Report, Status, Used
from pricing.problem import (
    AverageMargin,
    MaxSpread,
    Measure,
    MinUnits,
    MostChanges,
    Objective,
    Order,
    Problem,
    Risk,
    Rule,
    SamePrice,
    SellThrough,
    Shared,
)
from tests.optimization.problems import at_random, offer, problem


def by_hand(case: Problem) -> float:
    """Best objective of a problem with an order, a common price and one resource at most, in plain arithmetic."""
    best = -np.inf
    for steps in product(*(range(len(o.ladder)) for o in case.offers)):
        price = {o.id: o.ladder[k] for o, k in zip(case.offers, steps, strict=True)}
        units = {o.id: float(o.mean[k]) for o, k in zip(case.offers, steps, strict=True)}
        keeps = all(
            price[r.upper] - price[r.lower] >= r.min_gap if isinstance(r, Order) else True for r in case.rules
        ) and all(len({price[n] for n in r.offers}) == 1 for r in case.rules if isinstance(r, SamePrice))
        fits = all(sum(r.uses.get(n, 0) * u for n, u in units.items()) <= r.capacity for r in case.resources)
        if keeps and fits:
            best = max(best, sum(float(price[n]) * units[n] for n in price))
    return best


def test_the_best_of_all_combinations_is_found() -> None:
    """Order, common price and capacity together, against nested loops."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        offers = [offer(f"o{i}", range(5, 10), rng.uniform(1, 30, 5).tolist()) for i in range(4)]
        case = canonical(
            problem(
                *offers,
                rules=[Order("o0", "o1", Decimal(1)), SamePrice(("o2", "o3"))],
                resources=[Shared("r", 60.0, {"o0": 1.0, "o1": 2.0, "o3": 1.0})],
            )
        )
        assert enumerate_all(case).bound == pytest.approx(by_hand(case), abs=1e-9)


def test_enumeration_and_exact_check_agree_on_every_combination() -> None:
    """Whatever families of rules meet: what one keeps the other finds nothing wrong with, and the other way round."""
    kinds: set[type[Rule]] = set()
    for seed in range(200):
        case = canonical(at_random(seed, count=3, steps=3))
        masks = permitted(case)
        for picks in product(*(range(len(o.ladder)) for o in case.offers)):
            steps = {o.id: k for o, k in zip(case.offers, picks, strict=True)}
            kept = all(masks[name][k] for name, k in steps.items()) and bool(feasible(case, np.array([picks]))[0])
            wrong = violations(case, plan_at(case, steps))
            assert kept == (wrong == ()), (seed, steps, wrong)
            kinds |= {type(rule) for rule in case.rules} if wrong else set()
    assert len(kinds) == len(get_args(Rule))


A = offer("a", [10, 20], [9.0, 4.0], cost="5", now="10")
B = offer("b", [12, 20], [6.0, 2.0], cost="5")
ROOM = Shared("room", 20.0, {"a": 1.0, "b": 2.0})


@pytest.mark.parametrize(
    ("holds", "broken"),
    [
        (Order("a", "b", Decimal(2)), Order("a", "b", Decimal("2.01"))),
        (MaxSpread(("a", "b"), Decimal(2)), MaxSpread(("a", "b"), Decimal("1.99"))),
        (MaxSpread(("a", "b"), None, Decimal("0.2")), MaxSpread(("a", "b"), None, Decimal("0.199"))),
        (MinUnits(("a", "b"), 15.0), MinUnits(("a", "b"), 15.01)),
        (SellThrough("room", 1.0), None),
        (SellThrough("half", 0.45), SellThrough("half", 0.451)),
        (AverageMargin(("a", "b"), Decimal("0.537")), AverageMargin(("a", "b"), Decimal("0.5371"))),
        (AverageMargin(("b",), Decimal(7) / 12), AverageMargin(("b",), Decimal("0.584"))),
        (MostChanges(("a", "b"), 0), None),
    ],
)
def test_a_rule_holds_up_to_its_edge(holds: Rule, broken: Rule | None) -> None:
    """At 10 and 12 euros nine and six are sold: 21 places of two rooms, 162 euros, of which 87 are margin."""
    rooms = [replace(ROOM, capacity=21.0), Shared("half", 20.0, {"a": 1.0})]
    first = np.zeros((1, 2), dtype=np.intp)
    assert feasible(problem(A, B, resources=rooms, rules=[holds]), first)[0]
    if broken is not None:
        assert not feasible(problem(A, B, resources=rooms, rules=[broken]), first)[0]


def test_a_price_that_changes_counts() -> None:
    """One of two has a current price: only its change counts."""
    for count, keeps in ((0, False), (1, True)):
        case = problem(A, B, rules=[MostChanges(("a", "b"), count)])
        assert feasible(case, np.array([[1, 1]]))[0] == keeps


def plan_at(case: Problem, steps: Mapping[str, int]) -> Plan:
    """The plan that these steps are, with its figures."""
    value = value_of(case, steps)
    return Plan(
        Report(Status.OPTIMAL, "", 0.0, value, value, 0.0),
        {o.id: o.ladder[steps[o.id]] for o in case.offers},
        {o.id: float(o.mean[steps[o.id]]) for o in case.offers},
        tuple(Used(r.id, used(case, r, steps), r.capacity, 0.0) for r in case.resources),
        total_prices={o.id: o.paid[steps[o.id]] for o in case.offers if o.totals},
    )


def test_chunks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether combinations are tried at once or five at a time, ties included, the answer is the same."""
    cases = [canonical(at_random(seed)) for seed in range(30)]
    whole = [enumerate_all(case) for case in cases]
    monkeypatch.setattr("optimization.enumeration.CHUNK", 5)
    assert [enumerate_all(case).steps for case in cases] == [answer.steps for answer in whole]


def test_the_tail_mean_looks_at_the_worst_draws() -> None:
    """A price that earns more on average but fails in one draw of four loses under the tail mean."""
    safe, bold = [10.0, 10.0, 10.0, 10.0], [9.0, 9.0, 9.0, 0.5]
    case = offer("a", [10, 20], np.array([safe, bold]).T.tolist())
    assert enumerate_all(problem(case)).steps == {"a": 1}
    assert enumerate_all(problem(case, risk=Risk(Measure.CVAR, 0.25))).steps == {"a": 0}
    half = enumerate_all(problem(case, risk=Risk(Measure.CVAR, 0.375)))
    assert half.bound == pytest.approx(max(100.0, (1 * 10 + 0.5 * 180) / 1.5))


def test_spilling_costs_what_it_says() -> None:
    """Two units beyond the capacity cost twice the loss; a dearer loss turns the choice."""
    case = offer("a", [10, 11], [12.0, 10.0])
    for loss, best in (("3", 114.0), ("9", 110.0)):
        stock = Shared("s", 10.0, {"a": 1.0}, Decimal(loss))
        assert enumerate_all(problem(case, resources=[stock])).bound == pytest.approx(best)


def test_margin_and_revenue_are_different_goals() -> None:
    """A high cost makes the dear price best where revenue prefers the cheap one."""
    case = offer("a", [10, 15], [10.0, 6.0], cost="8")
    assert enumerate_all(problem(case)).steps == {"a": 0}
    assert enumerate_all(problem(case, objective=Objective.MARGIN)).steps == {"a": 1}


def test_combinations_count_permitted_steps_only() -> None:
    """A step that overfills the stock alone is not counted."""
    case = problem(offer("a", [1, 2, 3], [9.0, 5.0, 1.0]), resources=[Shared("s", 6.0, {"a": 1.0})])
    assert combinations(case) == 2


@pytest.mark.parametrize("seed", range(8))
def test_of_many_that_tie_the_nearest_is_found_whatever_the_order_they_come_in(seed: int) -> None:
    """Values equal but for rounding, a few combinations at a time: as if all had been kept and looked at together."""
    rng = np.random.default_rng(seed)
    value: NDArray[np.float64] = 1.0 + 1e-15 * rng.integers(0, 40, 200).astype(np.float64)
    far: NDArray[np.float64] = rng.integers(0, 4, 200).astype(np.float64) / 3
    rows = np.arange(200)[:, None]
    best = (-np.inf, np.empty(0), np.empty(0), np.empty((0, 0), dtype=np.intp))
    for start in range(0, 200, 7):
        part = slice(start, start + 7)
        best = enumeration._better(best, value[part], far[part], rows[part], 1e-14)
    ties = np.flatnonzero(value >= value.max() - 1e-14)
    assert best[3][0, 0] == min(ties, key=lambda n: (round(float(far[n]), 9), n))
    assert len(best[3]) < 25
