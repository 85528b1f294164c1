"""Choice problems: plans equal brute force, have valid bounds, and pass the check of the demand itself."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.account import SolverError
from optimization.choice import ChoiceOptimizer, best_prices, search, solve
from optimization.choice.ratios import per_unit, ratios
from optimization.highs import Run
from optimization.steps import used, value_of
from pricing.choice_problem import ChoiceProblem
from pricing.errors import InputError
from pricing.feasibility import violations
from pricing.money import as_floats
from pricing.plan import PROVEN, Plan, Report, Status, Used
from pricing.problem import MinUnits, Order, Rule, SamePrice, Shared
from tests.optimization.choice.markets import at_random, demand, ladder, priced

SEEDS = st.integers(0, 10**6)


def solved(case: ChoiceProblem, time_limit: float = 30) -> Plan:
    """The plan, with ample time."""
    return ChoiceOptimizer().solve(case, time_limit=time_limit)


def programmed(case: ChoiceProblem, time_limit: float = 30) -> Plan:
    """The plan of the mixed-integer program, however few combinations there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "MOST_TRIED", 0)
        patch.setattr(solve, "MOST_LEFT", 0)
        return solved(case, time_limit)


def brute(case: ChoiceProblem) -> float:
    """The best value of all price lists that the check of plans accepts, from the demand alone; -inf without one."""
    return max(_accepted(case), default=-np.inf)


def _accepted(case: ChoiceProblem) -> Iterator[float]:
    for steps in product(*(range(len(offer.ladder)) for offer in case.base.offers)):
        at = {offer.id: k for offer, k in zip(case.base.offers, steps, strict=True)}
        prices = {offer.id: offer.ladder[at[offer.id]] for offer in case.base.offers}
        around = case.at(prices)
        value = value_of(around, at)
        units = {offer.id: float(offer.mean[at[offer.id]]) for offer in around.offers}
        resources = tuple(Used(r.id, used(around, r, at), r.capacity, 0.0) for r in around.resources)
        report = Report(Status.OPTIMAL, "claimed", 0.0, value, value, 0.0)
        if not violations(around, Plan(report, prices, units, resources)):
            yield value


def test_small_problems_equal_brute_force() -> None:
    """Enumeration and program agree with trying every price list, whatever segments, draws, nests and rules meet."""
    ends = set()
    for seed in range(30):
        case = at_random(seed, count=3)
        truth = brute(case)
        for plan in (solved(case), programmed(case)):
            assert plan.report.status is (Status.INFEASIBLE if truth == -np.inf else Status.OPTIMAL), seed
            if plan.report.objective is not None:
                assert plan.report.objective == pytest.approx(truth, rel=1e-6, abs=1e-6), seed
            ends.add(plan.report.status)
    assert ends == {Status.OPTIMAL, Status.INFEASIBLE}


def test_the_program_is_exact_at_scale() -> None:
    """Ten offers of one segment with an order: proven at once, and nothing near earns more."""
    rng = np.random.default_rng(5)
    found = demand(rng.uniform(1, 4, 10), rng.uniform(0.1, 0.2, 10), buyers=100, steps=ladder(5, 45, 15))
    case = priced(found, rules=[Order("o1", "o0"), SamePrice(("o2", "o3"))])
    plan = solved(case)
    assert plan.report.status is Status.OPTIMAL
    assert plan.report.seconds < 10
    assert plan.prices["o1"] <= plan.prices["o0"]


@settings(deadline=None, max_examples=12)
@given(SEEDS)
def test_the_bound_is_above_every_price_list(seed: int) -> None:
    """The bound that needs no solver, and that of a search cut short, are never below the best."""
    case = at_random(seed, count=3)
    best = solved(case).report.objective
    if best is None:
        return
    assert search.bound_apart(ratios(case), per_unit(case.base)) >= best * (1 - 1e-9)
    hurried = programmed(case, time_limit=1e-3).report
    assert hurried.bound is not None
    assert hurried.bound >= best * (1 - 1e-6) - 1e-9
    assert hurried.objective is None or hurried.objective <= best * (1 + 1e-6) + 1e-9


@settings(deadline=None, max_examples=12)
@given(SEEDS)
def test_bounds_leave_out_nothing_that_is_better(seed: int) -> None:
    """Whatever value is known, the best choice is among those left if it is worth as much, and what is left is less."""
    case = at_random(seed, count=3)
    plan, found = solved(case), ratios(case)
    if plan.report.objective is None:
        return
    for known in (0.0, 0.9, 1.0):
        left = search.promising(found, per_unit(case.base), plan.report.objective * known)
        steps = [_steps(case, plan)[name] for name in case.demand.offers]
        assert all((g.rows == [steps[i] for i in g.offers]).all(axis=1).any() for g in left.groups)
        assert left.cells <= found.cells


def test_what_bounds_leave_is_tried() -> None:
    """Many draws of several segments: prices from a few of them, and the proof by trying what is left, over all."""
    rng = np.random.default_rng(4)
    taste = rng.uniform(1, 4, (1, 2, 4)) + 0.1 * rng.normal(size=(40, 1, 4))
    case = priced(demand(taste, rng.uniform(0.1, 0.2, (1, 2, 1)), buyers=100, steps=ladder(5, 45, 7)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "MOST_TRIED", 0)
        patch.setattr(solve, "FEW_CELLS", 200)
        plan = solved(case)
    assert plan.report.method == "milp over some draws, then exhaustive"
    assert plan.report.status is Status.OPTIMAL
    assert plan.report.objective == solved(case).report.objective


@settings(deadline=None, max_examples=10)
@given(SEEDS)
def test_a_finer_ladder_is_never_worse(seed: int) -> None:
    """Every second step left out of the ladders earns no more; each status is proven."""
    case = at_random(seed, count=3, steps=5)
    ladders = tuple(replace(steps, prices=steps.prices[::2]) for steps in case.demand.ladders)
    offers = tuple(
        replace(offer, ladder=steps, demand=np.zeros((1, len(steps))))
        for offer, steps in zip(case.base.offers, ladders, strict=True)
    )
    coarse = ChoiceProblem(replace(case.base, offers=offers), replace(case.demand, ladders=ladders))
    few, many = solved(coarse).report, solved(case).report
    assert many.status in PROVEN | {Status.INFEASIBLE}
    if few.objective is not None:
        assert many.objective is not None
        assert many.objective >= few.objective * (1 - 1e-6)


def test_a_fine_ladder_comes_near_the_unconstrained_prices() -> None:
    """With steps of ten cents the ladder earns what any price would earn, but for a little, in nests too."""
    for gamma in (1.0, 0.6):
        found = demand([3.0, 2.5], [0.2, 0.25], nests=["x", "x"], gamma=[gamma], steps=ladder(8, 20, 121))
        free = best_prices(found, [4, 4])
        plan = solved(priced(found))
        assert plan.report.objective == pytest.approx(free.profit[0], rel=1e-4)
        assert plan.report.objective <= free.profit[0]
        assert as_floats(plan.prices.values()) == pytest.approx(free.prices[0], abs=0.1)


def test_the_mean_over_all_draws_is_maximised() -> None:
    """Prices are best for what is believed of all draws, not for a draw or for mean utilities."""
    rng = np.random.default_rng(2)
    found = demand(rng.normal(2, 1, (50, 1, 3)), rng.uniform(0.05, 0.4, (50, 1, 3)), steps=ladder(5, 45, 6))
    case = priced(found)
    earned = [value_of(case.at(plan.prices), _steps(case, plan)) for plan in (solved(case), solved(_mean(case)))]
    assert solved(case).report.objective == pytest.approx(brute(case))
    assert earned[0] > earned[1]


def _mean(case: ChoiceProblem) -> ChoiceProblem:
    found = case.demand
    arrays: dict[str, Any] = {name: getattr(found, name).mean(axis=0, keepdims=True) for name in _ARRAYS}
    return replace(case, demand=replace(found, **arrays))


_ARRAYS = ("buyers", "utility", "sensitivity", "gamma", "outside")


def _steps(case: ChoiceProblem, plan: Plan) -> dict[str, int]:
    return {offer.id: offer.ladder.index(plan.prices[offer.id]) for offer in case.base.offers}


def test_many_draws_are_priced_over_all_of_them() -> None:
    """Where the program knows a few draws only, the value is that of all draws and the bound stays above it."""
    rng = np.random.default_rng(3)
    found = demand(
        rng.normal(2, 0.2, (60, 1, 4)), rng.uniform(0.1, 0.12, (60, 1, 1)), buyers=100, steps=ladder(5, 45, 9)
    )
    case = priced(found, resources=[Shared("room", 60.0, dict.fromkeys(found.offers, 1.0))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solve, "MOST_CELLS", 0)
        patch.setattr(solve, "FEW_CELLS", 300)
        plan = programmed(case)
    assert plan.report.method == "milp over some draws"
    assert plan.report.objective == pytest.approx(value_of(case.at(plan.prices), _steps(case, plan)))
    assert plan.report.bound is not None
    assert plan.report.bound >= solved(case).report.objective  # type: ignore[operator]


def test_capacity_raises_prices_and_has_a_shadow_price() -> None:
    """Less room never lowers the price of a single offer; a room that is full has a price per place."""
    found, prices = demand([3.0], 0.15, buyers=100, steps=ladder(5, 45, 81)), []
    for room in (90.0, 50.0, 20.0):
        plan = solved(priced(found, resources=[Shared("room", room, {"o0": 1.0})]))
        assert plan.expected_units["o0"] <= room * (1 + 1e-6)
        prices.append(plan.prices["o0"])
    assert prices == sorted(prices)
    assert prices[0] < prices[-1]
    assert plan.resources[0].shadow_price > 0


def test_a_rule_that_does_not_bind_changes_nothing() -> None:
    """An order that the best prices keep anyway, with room to spare, costs nothing."""
    found = demand([[[2.0, 3.0], [1.0, 4.0]]], [0.3, 0.05], buyers=100, steps=ladder(5, 60, 6))
    free, ruled = programmed(priced(found)), programmed(priced(found, rules=[Order("o0", "o1")]))
    assert free.prices["o1"] > free.prices["o0"]
    assert ruled.prices == free.prices
    assert ruled.report.bound == pytest.approx(free.report.bound)


def test_equal_draws_have_the_shadow_price_of_one() -> None:
    """However many draws are alike, and however few of them the program knows, a place is worth the same."""
    one = demand([3.0, 2.0], 0.15, buyers=100, steps=ladder(5, 45, 9))
    arrays: dict[str, Any] = {name: np.repeat(getattr(one, name), 40, axis=0) for name in _ARRAYS}
    room = [Shared("room", 20.0, {"o0": 1.0, "o1": 1.0})]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solve, "FEW_CELLS", 100)
        worth = [
            solved(priced(case, resources=room)).resources[0].shadow_price for case in (one, replace(one, **arrays))
        ]
    assert worth[0] > 0
    assert worth[1] == pytest.approx(worth[0])


def test_ties_go_to_the_price_in_force() -> None:
    """Among prices that earn the same the one nearest the current one is taken."""
    found = demand([2.0, 2.0], 0.2, steps=ladder(10, 30, 5))
    nobody = replace(found, buyers=np.zeros((1, 1)))
    assert set(solved(priced(nobody, now="20")).prices.values()) == {Decimal("20.00")}


def test_what_cannot_hold_together_is_named() -> None:
    """The room and the least units are named, the order that has nothing to do with it is not."""
    found = demand([2.0, 2.0], 0.2, buyers=100, steps=ladder(10, 30, 5))
    rules: list[Rule] = [Order("o0", "o1"), MinUnits(("o0", "o1"), 50.0)]
    plan = solved(priced(found, resources=[Shared("room", 40.0, {"o0": 1.0, "o1": 1.0})], rules=rules))
    assert plan.report.status is Status.INFEASIBLE
    assert sorted(plan.conflict) == ["o0 and o1 together sell at least 50 units", "room holds 40 units"]
    prices_alone: list[Rule] = [Order("o0", "o1", Decimal(5)), Order("o1", "o0", Decimal(5)), MinUnits(("o0",), 1.0)]
    assert len(solved(priced(found, rules=prices_alone)).conflict) == 2


def test_prices_that_break_a_rule_never_leave() -> None:
    """A solver that answers with nonsense is an error, not a plan."""
    case = priced(demand([2.0, 1.0], 0.2, steps=ladder(10, 30, 3)), rules=[Order("o0", "o1")])
    wrong = Run({"x[0,2]": 1.0, "x[1,0]": 1.0}, bound=100.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solve, "run", lambda *_, **__: wrong)
        patch.setattr(solve, "climb", lambda _, choice: choice)
        with pytest.raises(SolverError, match="o1 does not cost at least"):
            programmed(case)


def test_a_solver_that_finds_nothing_is_a_status() -> None:
    """Without prices from the solver there is a bound and the status time-limit, no exception."""
    case = priced(demand([2.0, 1.0], 0.2, steps=ladder(10, 30, 3)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solve, "run", lambda *_, **__: Run())
        plan = programmed(case)
    assert plan.report.status is Status.TIME_LIMIT
    assert not plan.prices
    assert plan.report.bound is not None


def test_what_a_segment_never_sees_takes_none_of_its_buyers() -> None:
    """Utilities a thousand below the others, as for what was never on offer, are no trouble: nobody takes it there."""
    found = demand([[[3.0, -1000.0], [2.0, 3.0]]], 0.15, buyers=100, steps=ladder(5, 45, 9))
    case = priced(found, resources=[Shared("room", 60.0, {"o0": 1.0, "o1": 1.0})])
    plan = programmed(case)
    assert plan.report.status is Status.OPTIMAL
    assert plan.report.objective == pytest.approx(brute(case))


def test_utilities_too_far_apart_are_refused() -> None:
    """Numbers that no float can hold apart are said in words, not solved into nonsense."""
    with pytest.raises(InputError, match="so far apart"):
        solved(priced(demand([0.0], 40.0, outside=-2000.0)))


def test_a_nest_too_large_to_prove_is_refused() -> None:
    """A nest whose joint prices nobody could try is named."""
    found = demand(np.ones(9), 0.2, nests=["x"] * 9, gamma=[0.5])
    with pytest.raises(InputError, match="a nest of this many joint prices"):
        solved(priced(found))


def test_the_order_of_offers_changes_nothing() -> None:
    """Offers brought the other way round have the same prices, whatever nests and rules they are in."""
    for seed in range(12):
        case = at_random(seed)
        plan, turned = solved(case), solved(_turned(case))
        assert turned.prices == plan.prices
        assert turned.report.objective == plan.report.objective
        assert turned.conflict == plan.conflict


def _turned(case: ChoiceProblem) -> ChoiceProblem:
    """The problem with its offers in reverse."""
    found = case.demand
    nests = found.nests[::-1]
    backwards = replace(
        found,
        offers=found.offers[::-1],
        ladders=found.ladders[::-1],
        nests=nests,
        utility=found.utility[:, :, ::-1],
        sensitivity=found.sensitivity[:, :, ::-1],
        gamma=found.gamma[:, [found.nest_names.index(nest) for nest in dict.fromkeys(nests)]],
        evidence=found.evidence[::-1],
    )
    return ChoiceProblem(replace(case.base, offers=case.base.offers[::-1]), backwards)


def test_scaling_buyers_changes_no_price() -> None:
    """Ten times the buyers, with ten times the room: the same prices."""
    for seed in range(8):
        case = at_random(seed, count=3)
        more = replace(case.demand, buyers=case.demand.buyers * 10)
        rules = tuple(replace(r, units=r.units * 10) if isinstance(r, MinUnits) else r for r in case.base.rules)
        resources = tuple(replace(r, capacity=r.capacity * 10) for r in case.base.resources)
        larger = ChoiceProblem(replace(case.base, rules=rules, resources=resources), more)
        assert solved(larger).prices == solved(case).prices
