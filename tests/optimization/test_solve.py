"""The optimizer equals brute force, says how sure it is, and does not depend on how a problem is written down."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization import by_relaxation, mixed_integer
from optimization.account import SolverError
from optimization.exhaustive import ExhaustiveOptimizer
from optimization.highs import Run, run
from optimization.lagrangian import bundle, relax
from optimization.lagrangian.bundle import Trial
from optimization.lagrangian.relax import Relaxed
from optimization.lagrangian.tables import Tables
from optimization.method import Method
from optimization.solve import HighsOptimizer, Resolver
from pricing.errors import InputError
from pricing.feasibility import violations
from pricing.model import Ladder
from pricing.plan import Plan, Status
from pricing.problem import (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    Measure,
    MinMargin,
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
from tests.optimization.lagrangian.markets import market
from tests.optimization.problems import at_random, offer, problem

SEEDS = st.integers(0, 10**6)


def best(case: Problem, method: Method = Method.AUTO) -> Plan:
    """Solve with ample time."""
    return HighsOptimizer(method).solve(case, time_limit=30)


def test_all_methods_agree_on_five_hundred_problems() -> None:
    """Whatever families of rules meet, every method ends as trying everything does.

    The same status and objective; and the best value lies between objective and bound.
    """
    ends = set()
    for seed in range(500):
        case = at_random(seed)
        truth = ExhaustiveOptimizer().solve(case, time_limit=30).report
        for method in (Method.AUTO, Method.MILP, Method.LAGRANGIAN):
            report = best(case, method).report
            assert report.status is truth.status, (seed, method)
            if truth.objective is not None and report.bound is not None:
                assert report.objective == pytest.approx(truth.objective, rel=1e-6, abs=1e-6), (seed, method)
                assert report.bound >= truth.objective - 1e-6 * (1 + abs(truth.objective)), (seed, method)
        ends.add(truth.status)
    assert ends == {Status.OPTIMAL, Status.INFEASIBLE}


@pytest.mark.parametrize("seed", range(2))
def test_relaxation_and_program_agree_on_larger_problems(seed: int) -> None:
    """Fifteen offers in three rooms with a margin floor: what one finds lies within what the other proves."""
    case = market(15, seed=seed)
    quick, slow = best(case, Method.LAGRANGIAN).report, best(case, Method.MILP).report
    for one, other in ((quick, slow), (slow, quick)):
        assert one.objective is not None
        assert other.bound is not None
        assert one.objective <= other.bound * (1 + 1e-9)
    assert best(case).report.status is Status.OPTIMAL


def test_a_second_solve_starts_where_the_first_ended() -> None:
    """After demand changed, the same objective as from scratch within both gaps, after fewer tries of weights."""
    before, after = market(600), changed(market(600))
    again = Resolver()
    assert again.solve(before, time_limit=30).report.status is Status.FEASIBLE
    tries: list[int] = []
    real = bundle.tried

    def counted(*args: Any) -> Trial:
        tries[-1] += 1
        return real(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "tried", counted)
        tries.append(0)
        warm = again.solve(after, time_limit=30)
        tries.append(0)
        fresh = best(after)
    assert violations(after, warm) == ()
    assert warm.report.objective == pytest.approx(fresh.report.objective, rel=1e-4)
    assert tries[0] < tries[1]


def changed(case: Problem) -> Problem:
    """The same with other demand."""
    rng = np.random.default_rng(7)
    offers = tuple(replace(o, demand=o.demand * rng.uniform(0.95, 1.05)) for o in case.offers)
    return replace(case, offers=offers)


def test_status_says_what_is_proven() -> None:
    """Optimal is a gap of rounding only; a gap of up to 1e-4 is called feasible; more is not a proof."""
    case = at_random(3, tail=False)
    for slack, status in ((0.0, Status.OPTIMAL), (5e-5, Status.FEASIBLE), (5e-3, Status.TIME_LIMIT)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mixed_integer, "run", _with_slack(slack))
            report = best(case, Method.MILP).report
        assert report.status is status
        assert report.gap == pytest.approx(slack, abs=1e-6)


def _with_slack(slack: float) -> Callable[..., Run]:
    def wrapped(*args: Any, **kwargs: Any) -> Run:
        done = run(*args, **kwargs)
        return replace(done, bound=done.bound * (1 + slack))

    return wrapped


def test_a_solver_that_finds_nothing_is_replaced() -> None:
    """If HiGHS has no prices when its time is up, another method answers and the report says so."""
    case = problem(
        *(offer(f"o{i}", [10, 12, 14], [9.0, 7.0, 5.0]) for i in range(9)),
        resources=[Shared("r", 60.0, {f"o{i}": 1.0 for i in range(9)})],
    )
    truth = ExhaustiveOptimizer().solve(case, time_limit=30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixed_integer, "run", lambda *_, **__: Run())
        plan = best(case, Method.MILP)
    assert plan.report.method == "milp, then lagrangian"
    assert plan.prices
    assert truth.report.objective is not None
    assert plan.report.objective is not None
    assert plan.report.objective <= truth.report.objective + 1e-6


def test_prices_that_break_a_rule_never_leave() -> None:
    """A solver that answers with nonsense is an error, not a plan."""
    case = problem(offer("a", [10, 20], [9, 6]), offer("b", [10, 20], [9, 2]), rules=[Order("a", "b")])
    wrong = Run({"x[0,1]": 1.0, "x[1,0]": 1.0}, bound=210.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixed_integer, "run", lambda *_, **__: wrong)
        with pytest.raises(SolverError, match="b does not cost at least 0 more than a"):
            best(case, Method.MILP)


def test_no_time_is_a_status() -> None:
    """Without time there is no exception and no invented price; what was found has its gap."""
    names = [f"o{i:02d}" for i in range(12)]
    rising = [offer(name, [10, 12, 14], [[5, 7, 9], [5, 7, 9]]) for name in names]
    some = HighsOptimizer(Method.EXHAUSTIVE).solve(problem(*rising, risk=Risk(Measure.CVAR)), time_limit=1e-9).report
    assert some.status is Status.TIME_LIMIT
    assert some.gap is not None
    assert some.gap > 1e-4
    last_only = problem(*rising, rules=[MinUnits(tuple(names), 108.0)])
    none = HighsOptimizer(Method.EXHAUSTIVE).solve(last_only, time_limit=1e-9)
    assert none.report.status is Status.TIME_LIMIT
    assert not none.prices
    assert none.report.objective is None


def test_many_small_parts_leave_the_time_to_the_large_one() -> None:
    """A large part among hundreds of single offers gets the time; the single offers need none."""
    names = [f"m{i:02d}" for i in range(9)]
    case = problem(
        *(offer(f"s{i}", [10, 12], [9.0, 8.0]) for i in range(300)),
        *(offer(name, [10, 12, 14], [9.0, 7.0, 5.0]) for name in names),
        resources=[Shared("room", 60.0, dict.fromkeys(names, 1.0))],
    )
    given: list[float] = []

    def watched(*args: Any, **kwargs: Any) -> Run:
        given.append(kwargs["time_limit"])
        return run(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixed_integer, "run", watched)
        patch.setattr(by_relaxation, "relaxed", _open)
        patch.setattr(relax, "FEW", 0)
        assert HighsOptimizer().solve(case, time_limit=1000).report.status is Status.OPTIMAL
    assert len(given) == 1
    assert given[0] > 500
    assert HighsOptimizer().solve(replace(case, resources=()), time_limit=1e-9).report.status is Status.OPTIMAL


def _open(tables: Tables, *args: Any, **kwargs: Any) -> Relaxed:
    """A relaxation that leaves a gap wherever rows join offers."""
    found = relax.relaxed(tables, *args, **kwargs)
    return replace(found, bound=found.bound * 1.1) if tables.rows.names else found


def test_too_many_combinations_are_refused_not_tried() -> None:
    """Exhaustive says at once that it would take too long."""
    case = problem(*(offer(f"o{i}", range(1, 12), [1.0] * 11) for i in range(20)), risk=Risk(Measure.CVAR))
    with pytest.raises(InputError, match="too many to try"):
        best(case, Method.EXHAUSTIVE)
    with pytest.raises(InputError, match="too many to try"):
        ExhaustiveOptimizer().solve(case, time_limit=1)


@pytest.mark.parametrize("method", list(Method))
@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_order_of_offers_changes_nothing(method: Method, seed: int) -> None:
    """Offers, resources and rules in another order give the same prices and figures."""
    case = at_random(seed)
    turned = replace(case, offers=case.offers[::-1], resources=case.resources[::-1], rules=case.rules[::-1])
    here, there = best(case, method), best(turned, method)
    assert here.prices == there.prices
    assert here.report.objective == there.report.objective
    assert here.conflict == there.conflict
    assert set(here.binding) == set(there.binding)


def test_among_equals_the_price_stays() -> None:
    """Where nothing sells at any price, the price nearest the current one is kept, then the lower."""
    idle = [0.0] * 4
    plan = best(problem(offer("a", [8, 10, 12, 14], idle, now="13"), offer("b", [8, 10, 12, 14], idle)))
    assert plan.prices == {"a": Decimal(12), "b": Decimal(8)}


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, factor=st.floats(1, 20))
def test_more_demand_never_lowers_a_single_products_price(seed: int, factor: float) -> None:
    """Scaling all demand of one product with a stock up leaves its price or raises it."""
    rng = np.random.default_rng(seed)
    units = np.sort(rng.uniform(1, 50, 6))[::-1]
    stock = Shared("stock", float(rng.uniform(1, 60)), {"a": 1.0}, Decimal(1000))
    prices = range(10, 16)
    before = best(problem(offer("a", prices, units.tolist()), resources=[stock])).prices["a"]
    after = best(problem(offer("a", prices, (units * factor).tolist()), resources=[stock])).prices["a"]
    assert after >= before


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, more=st.floats(0, 50))
def test_more_stock_never_raises_a_single_products_price(seed: int, more: float) -> None:
    """A larger stock leaves the price or lowers it."""
    rng = np.random.default_rng(seed)
    case = offer("a", range(10, 16), np.sort(rng.uniform(1, 50, 6))[::-1].tolist())
    capacity = float(case.mean.min()) + float(rng.uniform(0, 30))
    tight = best(problem(case, resources=[Shared("stock", capacity, {"a": 1.0})])).prices["a"]
    ample = best(problem(case, resources=[Shared("stock", capacity + more, {"a": 1.0})])).prices["a"]
    assert ample <= tight


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_the_unit_of_money_changes_nothing(seed: int) -> None:
    """The same problem in cents, or in thousands, has the same steps."""
    case = _in_unit(at_random(seed), Decimal(1))
    for unit in (Decimal(100), Decimal("0.001")):
        scaled = _in_unit(case, unit)
        here, there = best(case), best(scaled)
        assert {name: price * unit for name, price in here.prices.items()} == dict(there.prices)


def _in_unit(case: Problem, unit: Decimal) -> Problem:
    return replace(
        case,
        offers=tuple(
            replace(
                o,
                ladder=Ladder(tuple(price * unit for price in o.ladder)),
                unit_cost=o.unit_cost * unit,
                current_price=None if o.current_price is None else o.current_price * unit,
                recent=tuple(price * unit for price in o.recent),
                totals=tuple(price * unit for price in o.totals),
            )
            for o in case.offers
        ),
        resources=tuple(replace(r, spill=None if r.spill is None else r.spill * unit) for r in case.resources),
        rules=tuple(_rule_in_unit(r, unit) for r in case.rules if not isinstance(r, Ending)),
    )


def _rule_in_unit(rule: Rule, unit: Decimal) -> Rule:
    match rule:
        case Order(lower, upper, gap):
            return Order(lower, upper, gap * unit)
        case MaxSpread(names, Decimal() as amount):
            return MaxSpread(names, amount * unit)
    return rule


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_an_unrelated_offer_changes_no_other_price(seed: int) -> None:
    """An offer that shares nothing is priced on its own."""
    case = at_random(seed, tail=False)
    before = best(case)
    after = best(replace(case, offers=(*case.offers, offer("z", [5, 50], [3.0, 2.0], cost="1"))))
    assert {name: price for name, price in after.prices.items() if name != "z"} == dict(before.prices)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_wider_bounds_never_worsen(seed: int) -> None:
    """More capacity, a larger change, a wider spread, fewer units, less margin: the objective does not fall."""
    case = at_random(seed)
    wider = replace(
        case,
        resources=tuple(replace(r, capacity=r.capacity * 1.3) for r in case.resources),
        rules=tuple(_wider(rule) for rule in case.rules),
    )
    before, after = best(case).report.objective, best(wider).report.objective
    if before is not None:
        assert after is not None
        assert after >= before - 1e-9 * abs(before)


def _wider(rule: Rule) -> Rule:
    match rule:
        case MaxChange(fraction=limit) | DailyChange(fraction=limit):
            return replace(rule, fraction=limit * 2)
        case AverageMargin(fraction=limit) | MinMargin(fraction=limit):
            return replace(rule, fraction=limit / 2)
        case Order(lower, upper, gap):
            return Order(lower, upper, gap / 2)
        case MaxSpread(names, amount, fraction):
            return MaxSpread(names, amount and amount * 2, fraction and fraction * 2)
    return _easier(rule)


def _easier(rule: Rule) -> Rule:
    match rule:
        case MostChanges(names, count):
            return MostChanges(names, count + 1)
        case MinUnits(names, units):
            return MinUnits(names, units / 2)
        case SellThrough(name, share):
            return SellThrough(name, share / 2)
    return rule


def test_a_chain_of_ties_too_large_to_enumerate_is_solved() -> None:
    """Forty offers that cost the same, in one room, are proven optimal; the relaxation hands over and says so."""
    names = [f"o{i:02d}" for i in range(40)]
    case = problem(
        *(offer(name, [10, 12, 14], [5.0 + i, 4.0 + i / 2, 3.0]) for i, name in enumerate(names)),
        resources=[Shared("room", 700.0, dict.fromkeys(names, 1.0))],
        rules=[SamePrice((here, after)) for here, after in pairwise(names)],
    )
    plan = best(case, Method.LAGRANGIAN)
    assert plan.report.status is Status.OPTIMAL
    assert len(set(plan.prices.values())) == 1
    assert violations(case, plan) == ()


def test_names_with_any_letters_do() -> None:
    """Commas, brackets, quotes and spaces in names reach no solver."""
    names = ["a,b", "x[0,1]", 'it\'s "so"', "o o"]
    case = problem(
        *(offer(name, [10, 12], [9.0, 7.0 + i]) for i, name in enumerate(names)),
        resources=[Shared("r [1]", 33.0, dict.fromkeys(names, 1.0))],
    )
    assert best(case, Method.MILP).report.objective == pytest.approx(
        ExhaustiveOptimizer().solve(case, time_limit=9).report.objective
    )


@pytest.mark.parametrize("method", list(Method))
def test_ties_of_single_offers_go_to_the_current_price(method: Method) -> None:
    """7.50 x 40 is 10 x 30: every method takes the one nearer the current price, and the lower if there is none."""
    prices, units = ["7.50", "10"], [40.0, 30.0]
    case = problem(
        offer("a", prices, units, now="11"),
        offer("b", prices, units, now="7"),
        offer("c", prices, units),
        offer("d", [9, 10], [50.0, 30.0]),
        resources=[Shared("room", 160.0, dict.fromkeys("abcd", 1.0))],
    )
    assert best(case, method).prices == {"a": Decimal(10), "b": Decimal("7.50"), "c": Decimal("7.50"), "d": Decimal(9)}


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("many", [9.0, 1e9, 1e12])
def test_an_offer_of_very_many_units_leaves_the_others_their_best_price(method: Method, many: float) -> None:
    """In one room that never runs out: what is a rounding error to one is not to the others, and a tie is still one."""
    small = [offer(name, [8, 9, 10], [9.0, 8.5, 7.0], now="10") for name in "bc"]
    equal = offer("d", [8, 9, 10], [9.0, 8.0, 7.2], now="9")
    case = problem(
        offer("a", [8, 9, 10], [many, 0.9 * many, 0.5 * many], now="8"),
        *small,
        equal,
        resources=[Shared("room", 1e15, dict.fromkeys("abcd", 1.0))],
    )
    assert best(case, method).prices == dict.fromkeys("abcd", Decimal(9))
    assert ExhaustiveOptimizer().solve(case, time_limit=30).prices == dict.fromkeys("abcd", Decimal(9))


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, unit=st.sampled_from([1e-6, 1e6]))
def test_the_unit_of_quantity_changes_nothing(seed: int, unit: float) -> None:
    """Demand counted in millionths or in millions: tolerances are shares of a limit, so the prices stay."""
    case = at_random(seed)
    scaled = replace(
        case,
        offers=tuple(replace(o, demand=o.demand * unit) for o in case.offers),
        resources=tuple(replace(r, capacity=r.capacity * unit) for r in case.resources),
        rules=tuple(replace(r, units=r.units * unit) if isinstance(r, MinUnits) else r for r in case.rules),
    )
    here, there = best(case, Method.MILP), best(scaled, Method.MILP)
    assert here.report.status is there.report.status
    if here.report.objective is not None:
        assert there.report.objective == pytest.approx(here.report.objective * unit, rel=1e-6)


@pytest.mark.parametrize("method", [Method.AUTO, Method.LAGRANGIAN, Method.EXHAUSTIVE])
@pytest.mark.parametrize("now", ["8", "9", "10", "12"])
def test_a_circle_that_earns_the_same_stays_nearest_its_prices(method: Method, now: str) -> None:
    """Offers that can only move together go, of the joint prices that earn the same, to those nearest the current."""
    offers = [offer(name, [8, 9, 10, 11, 12], [150, 120, 100, 85, 70], cost="4", now=now) for name in "abc"]
    circle = [Order("a", "b"), Order("b", "c"), Order("c", "a")]
    plan = HighsOptimizer(method).solve(problem(*offers, rules=circle, objective=Objective.MARGIN), time_limit=10)
    nearest = min(Decimal(now), Decimal(10))
    assert plan.prices == dict.fromkeys("abc", nearest)


@settings(deadline=None, max_examples=30)
@given(SEEDS)
def test_circles_settle_as_brute_force_does(seed: int) -> None:
    """Spreads among three offers at random prices now, many steps earning the same: the same prices come out."""
    rng = np.random.default_rng(seed)
    offers = [
        offer(name, [2, 3, 4, 6], rng.permutation([[6, 4, 3, 2], [6, 4, 3, 1], [5, 4, 3, 2]])[0].tolist(), now=str(n))
        for name, n in zip("abc", rng.choice([2, 3, 4, 6], 3), strict=True)
    ]
    case = problem(*offers, rules=[MaxSpread(("a", "b", "c"), Decimal(int(rng.integers(0, 4))))])
    quick, all_tried = HighsOptimizer(Method.LAGRANGIAN), HighsOptimizer(Method.EXHAUSTIVE)
    assert quick.solve(case, time_limit=10).prices == all_tried.solve(case, time_limit=10).prices
