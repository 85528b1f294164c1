"""The check finds whatever is wrong with a plan, whoever made it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.exhaustive import ExhaustiveOptimizer
from pricing.feasibility import violations
from pricing.model import Ladder
from pricing.plan import Plan, Report, Status, Used
from pricing.problem import (
    AverageMargin,
    Choice,
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
from tests.optimization.problems import at_random

LADDER = Ladder((Decimal(10), Decimal(20), Decimal(30)))
A = Choice("a", LADDER, np.array([[9.0, 5.0, 2.0]]), Decimal(6), Decimal(10))
B = Choice("b", LADDER, np.array([[8.0, 6.0, 1.0]]), Decimal(6), Decimal(20), (Decimal(25),))
CASE = Problem("EUR", Objective.REVENUE, (A, B), (Shared("room", 11.0, {"a": 1.0, "b": 1.0}),))
# a at 20 sells 5, b at 20 sells 6: 220 from 11 of 11 places
GOOD = Plan(
    Report(Status.OPTIMAL, "by hand", 0.0, 220.0, 220.0, 0.0),
    {"a": Decimal(20), "b": Decimal(20)},
    {"a": 5.0, "b": 6.0},
    (Used("room", 11.0, 11.0, 0.0),),
)


def test_a_plan_worked_out_by_hand_passes() -> None:
    """And a plan without prices claims nothing."""
    assert violations(CASE, GOOD) == ()
    assert violations(CASE, Plan(Report(Status.INFEASIBLE, "by hand", 0.0))) == ()


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ({"a": Decimal(20)}, "offer b: has no price"),
        ({"a": Decimal(20), "b": Decimal(21)}, "offer b: 21 is not a step of its ladder"),
        ({"a": Decimal(20), "b": Decimal("NaN")}, "offer b: NaN is not a step of its ladder"),
        ({"a": Decimal(20), "b": Decimal(20), "c": Decimal(20)}, "offer c: the problem has no such offer"),
    ],
)
def test_prices_are_steps_of_the_ladders(prices: Mapping[str, Decimal], words: str) -> None:
    """One per offer, none besides."""
    assert violations(CASE, replace(GOOD, prices=prices)) == (words,)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Order("a", "b", Decimal("0.01")), "b does not cost at least 0.01 more than a"),
        (MaxChange(("a", "b"), Decimal("0.99")), "a: the price moves more than 0.99 of 10"),
        (MinMargin(Decimal("0.71")), "a: the margin is less than 0.71 of the price"),
        (MinUnits(("a", "b"), 11.1), "a, b: 11 units are expected, not 11.1"),
        (DailyChange(("b",), Decimal("0.19")), "b: the price moves more than 0.19 of 25"),
        (Ending(("a", "b"), ("1.00",)), "a: 20 does not end in 1.00"),
        (MostChanges(("a", "b"), 0), "a: 1 prices change, not at most 0"),
        (AverageMargin(("a", "b"), Decimal("0.71")), "a, b: the average margin is less than 0.71 of what is taken in"),
        (SellThrough("room", 1.0), "resource room: 11 of 11.5 are used, less than the share 1"),
    ],
)
def test_each_rule_is_derived_again(rule: Rule, words: str) -> None:
    """A rule the prices break is named; loosened a little, it is kept."""
    room = (replace(CASE.resources[0], capacity=11.5),)
    plan = replace(GOOD, resources=(Used("room", 11.0, 11.5, 0.0),))
    assert violations(replace(CASE, resources=room, rules=(rule,)), plan)[0] == words


@pytest.mark.parametrize(
    "rule",
    [
        Order("a", "b"),
        MaxChange(("a", "b"), Decimal(1)),
        MinMargin(Decimal("0.7")),
        MinUnits(("a", "b"), 11.0),
        SamePrice(("a", "b")),
        DailyChange(("b",), Decimal("0.2")),
        Ending(("a", "b"), (".00",)),
        Ending(("a", "b"), ("1.00", "20.00")),
        MostChanges(("a", "b"), 1),
        AverageMargin(("a", "b"), Decimal("0.7")),
        SellThrough("room", 11 / 11.5),
    ],
)
def test_a_rule_that_holds_with_equality_holds(rule: Rule) -> None:
    """Exact decimals: equality is not a violation."""
    room = (replace(CASE.resources[0], capacity=11.5),)
    plan = replace(GOOD, resources=(Used("room", 11.0, 11.5, 0.0),))
    assert violations(replace(CASE, resources=room, rules=(rule,)), plan) == ()


def test_prices_too_far_apart_are_found() -> None:
    """20 and 30: 10 apart, or half of the cheapest; the edge holds."""
    plan = _priced({"a": Decimal(20), "b": Decimal(30)}, {"a": 5.0, "b": 1.0}, 130.0, 6.0)
    for amount, fraction in ((Decimal(10), None), (None, Decimal("0.5"))):
        assert violations(replace(CASE, rules=(MaxSpread(("a", "b"), amount, fraction),)), plan) == ()
    for amount, fraction in ((Decimal("9.99"), None), (None, Decimal("0.4995"))):
        (said,) = violations(replace(CASE, rules=(MaxSpread(("a", "b"), amount, fraction),)), plan)
        assert said == "a, b: prices from 20 to 30 lie further apart than " + str(amount or Decimal("9.9900"))


def test_what_a_buyer_pays_is_reported_and_held_against_the_rules() -> None:
    """A fee of 1 on a: 21 is not 20, the total must be in the plan, and what is earned stays without it."""
    fee = replace(A, totals=(Decimal(11), Decimal(21), Decimal(31)))
    case = replace(CASE, offers=(fee, B))
    assert violations(case, GOOD) == ("offer a: the plan does not report the 21 that a buyer pays",)
    plan = replace(GOOD, total_prices={"a": Decimal(21)})
    assert violations(case, plan) == ()
    for rule in (SamePrice(("a", "b")), Order("a", "b"), Ending(("a",), ("0.00",)), MaxSpread(("a", "b"), Decimal(0))):
        assert len(violations(replace(case, rules=(rule,)), plan)) == 1


def test_a_common_price_is_derived_again() -> None:
    """Two prices are not one."""
    plan = _priced({"a": Decimal(20), "b": Decimal(30)}, {"a": 5.0, "b": 1.0}, 130.0, 6.0)
    assert violations(CASE, plan) == ()
    assert violations(replace(CASE, rules=(SamePrice(("a", "b")),)), plan) == ("a, b do not cost the same",)


def _priced(prices: Mapping[str, Decimal], units: Mapping[str, float], value: float, used: float) -> Plan:
    return Plan(
        Report(Status.OPTIMAL, "by hand", 0.0, value, value, 0.0), prices, units, (Used("room", used, 11.0, 0),)
    )


def test_a_room_that_overflows_is_found_unless_spilling_is_paid_for() -> None:
    """15 of 11 places; at 3 a place the loss of 12 is in the objective."""
    plan = _priced({"a": Decimal(10), "b": Decimal(20)}, {"a": 9.0, "b": 6.0}, 210.0, 15.0)
    assert violations(CASE, plan) == ("resource room: 15 of 11 are used",)
    spilling = replace(CASE, resources=(replace(CASE.resources[0], spill=Decimal(3)),))
    assert violations(spilling, plan) == ("the objective is reported as 210.0, but is 198",)
    assert violations(spilling, replace(plan, report=replace(plan.report, objective=198.0, bound=198.0))) == ()


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 219.9, 220.1])
def test_figures_are_worked_out_again(wrong: float) -> None:
    """Objective, bound, units, use and shadow price: a wrong or missing number is found, NaN included."""
    for plan in (
        replace(GOOD, report=replace(GOOD.report, objective=wrong)),
        replace(GOOD, expected_units={"a": wrong, "b": 6.0}),
        replace(GOOD, resources=(Used("room", wrong, 11.0, 0.0),)),
        replace(GOOD, resources=(Used("room", 11.0, wrong, 0.0),)),
        replace(GOOD, resources=()),
        replace(GOOD, report=replace(GOOD.report, objective=None)),
    ):
        assert len(violations(CASE, plan)) == 1
    for bound in (float("nan"), 219.0):
        assert violations(CASE, replace(GOOD, report=replace(GOOD.report, bound=bound)))
    for worth in (float("nan"), float("inf"), -1.0):
        assert violations(CASE, replace(GOOD, resources=(Used("room", 11.0, 11.0, worth),)))


def test_the_tail_mean_is_worked_out_again() -> None:
    """Of 100, 200, 300 and 400 the worst three eighths average (100 + 0.5 x 200) / 1.5."""
    offer = Choice("a", Ladder((Decimal(10),)), np.array([[40.0], [10.0], [30.0], [20.0]]))
    case = Problem("EUR", Objective.REVENUE, (offer,), risk=Risk(Measure.CVAR, 0.375))
    plan = Plan(Report(Status.OPTIMAL, "by hand", 0.0, 200 / 1.5, 200 / 1.5, 0.0), {"a": Decimal(10)}, {"a": 25.0})
    assert violations(case, plan) == ()
    assert violations(case, replace(plan, report=replace(plan.report, objective=150.0, bound=150.0)))


def test_margin_is_worked_out_again() -> None:
    """Price less cost, times units: 14 x 11."""
    case = replace(CASE, objective=Objective.MARGIN)
    assert violations(case, GOOD) == ("the objective is reported as 220.0, but is 154",)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_step_aside_is_noticed(seed: int) -> None:
    """Whatever the problem: another step for one offer no longer matches what the plan says."""
    case = at_random(seed)
    plan = ExhaustiveOptimizer().solve(case, time_limit=9)
    assert violations(case, plan) == ()
    for offer in case.offers if plan.prices else ():
        other = next(price for price in offer.ladder if price != plan.prices[offer.id])
        assert violations(case, replace(plan, prices={**plan.prices, offer.id: other}))
