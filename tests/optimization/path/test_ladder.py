"""A path is a ladder problem: its plans keep directions, moves, stock, caps and what was announced."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.exhaustive import ExhaustiveOptimizer
from optimization.path import Cap, Direction, Path, best_path, ladder_problem
from pricing.errors import InputError
from pricing.model import Ladder
from pricing.plan import PROVEN, Status
from pricing.problem import Choice, Objective, Problem, Shared
from pricing.rules import AverageMargin, MinMargin, MinUnits, Order, SamePrice, SellThrough
from tests.optimization.path.seasons import (
    BEFORE,
    LADDER,
    OPTIMIZER,
    START,
    WEEK,
    exponential,
    path,
    solved,
    staged,
)

SEEDS = st.integers(0, 10**6)
FEW = Ladder(LADDER.prices[::2])


def at_random(seed: int, *, count: int = 3, direction: Direction | None = None, ladder: Ladder = FEW) -> Path:
    """A path of one or two offers, often short of stock."""
    rng = np.random.default_rng(seed)
    offers = [
        staged(
            name,
            exponential(list(rng.uniform(10, 60, count)), list(rng.uniform(0.01, 0.09, count)), ladder),
            ladder=ladder,
        )
        for name in ("adult", "child")[: int(rng.integers(1, 3))]
    ]
    most = sum(float(offer.demand.max(axis=2).sum()) for offer in offers)
    return path(
        *offers,
        stock=float(rng.uniform(0.3, 1.1)) * most,
        spill="50" if rng.random() < 0.5 else None,
        direction=direction or Direction(str(rng.choice(list(Direction)))),
        amount=Decimal(10) if rng.random() < 0.5 else None,
    )


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_a_path_is_best_of_all(seed: int) -> None:
    """The plan's value is that of the best of all prices, one by one looked at in the terms of the path itself."""
    case = at_random(seed)
    plan = solved(case).plan
    best = max((_value(case, prices) for prices in _all(case)), default=-np.inf)
    assert plan.report.status is (Status.INFEASIBLE if best == -np.inf else Status.OPTIMAL)
    if plan.report.objective is not None:
        assert plan.report.objective == pytest.approx(best, rel=1e-6)


def _all(case: Path) -> Iterable[tuple[int, ...]]:
    """Every (offers times periods,) list of steps."""
    return product(range(len(FEW)), repeat=len(case.offers) * len(case.periods))


def _value(case: Path, steps: tuple[int, ...]) -> float:
    """What steps earn; -inf where they break a rule of the path."""
    grid, money = np.array(steps).reshape(len(case.offers), -1), np.array([float(price) for price in FEW])
    units = np.array([o.demand[0, np.arange(grid.shape[1]), row] for o, row in zip(case.offers, grid, strict=True)])
    moves = np.diff(money[grid], axis=1)
    beyond = units.sum() - case.resources[0].capacity
    broken = (
        (case.direction is Direction.UP and (moves < 0).any())
        or (case.direction is Direction.DOWN and (moves > 0).any())
        or (case.amount is not None and (np.abs(moves) > float(case.amount)).any())
        or (case.resources[0].spill is None and beyond > 1e-6 * case.resources[0].capacity)
    )
    return -np.inf if broken else float((money[grid] * units).sum()) - 50.0 * max(0.0, beyond)


@settings(deadline=None, max_examples=25)
@given(SEEDS)
def test_a_markdown_never_rises(seed: int) -> None:
    """Down the season no price is above the one before it; up to an event none is below."""
    for direction, step in ((Direction.DOWN, -1), (Direction.UP, 1)):
        for by_period in solved(at_random(seed, direction=direction)).prices.values():
            assert all(step * (late - early) >= 0 for early, late in pairwise(by_period.values()))


@settings(deadline=None, max_examples=25)
@given(SEEDS)
def test_one_period_is_the_ladder_problem(seed: int) -> None:
    """A path of a single period earns what the ladder problem of the same demand earns, at the same prices."""
    case = at_random(seed, count=1)
    offers = tuple(Choice(o.id, o.choice.ladder, o.demand[:, 0]) for o in case.offers)
    plain = OPTIMIZER.solve(Problem("EUR", Objective.REVENUE, offers, case.resources), time_limit=30)
    found = solved(case)
    assert found.plan.report.objective == plain.report.objective
    assert {offer: prices["w0"] for offer, prices in found.prices.items()} == plain.prices


@settings(deadline=None, max_examples=15)
@given(SEEDS)
def test_a_finer_ladder_is_never_worse(seed: int) -> None:
    """More steps, with all the old ones among them, earn at least as much; every status is proven."""
    coarse, fine = (at_random(seed, ladder=ladder) for ladder in (FEW, LADDER))
    fine = replace(fine, resources=coarse.resources)
    few, many = (solved(case).plan.report for case in (coarse, fine))
    assert many.status in PROVEN | {Status.INFEASIBLE}
    if few.objective is not None and many.objective is not None:
        assert many.objective >= few.objective * (1 - 1e-6)


def test_stock_covers_all_periods_and_a_cap_its_own() -> None:
    """Expected sales over the season stay within the stock, and those of a capped period within its cap."""
    case = path(
        staged("seat", exponential([40, 40, 50], [0.07, 0.05, 0.03])),
        stock=70,
        caps=(Cap("w2", Shared("door", 22.0, {"seat": 1.0})),),
    )
    units = solved(case).plan.expected_units
    assert 60 < sum(units.values()) <= 70 * (1 + 1e-6)
    assert units["seat@w2"] <= 22 * (1 + 1e-6)
    assert solved(replace(case, caps=())).plan.expected_units["seat@w2"] > 22


def test_a_price_too_late_to_announce_stays() -> None:
    """Within the notice a period keeps what was announced, or else the price in force; later ones are free."""
    case = path(staged("seat", exponential([40, 40, 50], [0.07, 0.05, 0.03]), now="20"), stock=70)
    told = replace(case, offers=(replace(case.offers[0], announced={"w1": Decimal(25)}),))
    late = START + WEEK - timedelta(hours=23)
    assert solved(case, now=late).prices["seat"]["w1"] == Decimal(20)
    kept = solved(told, now=late).prices["seat"]
    assert (kept["w0"], kept["w1"]) == (Decimal(20), Decimal(25))
    assert solved(case, now=START + WEEK - timedelta(hours=24)).prices["seat"]["w1"] > Decimal(20)
    assert solved(case, now=late).prices["seat"]["w2"] > Decimal(20)


def test_a_path_starts_from_the_price_in_force() -> None:
    """On the way down the season's next price is not above the one that buyers see now."""
    case = path(staged("seat", exponential([40, 40], [0.02, 0.02]), now="30"), direction=Direction.DOWN)
    found = solved(case, now=START + timedelta(days=1)).prices["seat"]
    assert found["w0"] == Decimal(30)
    assert found["w1"] <= Decimal(30)
    assert solved(replace(case, direction=Direction.FREE), now=START + timedelta(days=1)).prices["seat"]["w1"] > 30


def test_a_price_that_must_stay_is_on_the_ladder() -> None:
    """What demand is not known at is refused, not guessed."""
    case = path(staged("seat", exponential([40, 40], [0.02, 0.02]), now="31"))
    with pytest.raises(InputError, match="31 that must stay is not a step"):
        solved(case, now=START)


def test_nothing_is_priced_after_the_end() -> None:
    """A season that is over has no prices left to choose."""
    case = path(staged("seat", exponential([40], [0.02])))
    with pytest.raises(InputError, match="no period is left"):
        solved(case, now=START + WEEK)


def test_what_is_over_is_left_out_and_what_runs_counts_in_part() -> None:
    """At half time of the second of three weeks half of its demand and the third week's are left."""
    case = path(staged("seat", exponential([40, 40, 50], [0.07, 0.05, 0.03])))
    found = ladder_problem(case, START + 1.5 * WEEK)
    assert [offer.id for offer in found.offers] == ["seat@w1", "seat@w2"]
    assert found.offers[0].demand[0, 0] == pytest.approx(20.0)
    assert found.offers[1].demand[0, 0] == pytest.approx(50.0)


def test_rules_hold_in_every_period_or_over_all() -> None:
    """Rules about prices hold period by period; those about units over the season, less what was sold."""
    curve = exponential([40, 40], [0.04, 0.05])
    rules = (
        Order("child", "adult"),
        SamePrice(("adult", "child")),
        MinMargin(Decimal("0.1")),
        AverageMargin(("adult",), Decimal("0.2")),
        MinUnits(("adult", "child"), 50.0),
        SellThrough("stock", 0.5),
    )
    case = path(staged("adult", curve), staged("child", curve), stock=100, rules=rules)
    sold = replace(case, sold={"w0": {"adult": 12.0, "child": 8.0}})
    expected = [
        Order("child@w0", "adult@w0"),
        Order("child@w1", "adult@w1"),
        SamePrice(("adult@w0", "child@w0")),
        SamePrice(("adult@w1", "child@w1")),
        MinMargin(Decimal("0.1")),
        AverageMargin(("adult@w0", "adult@w1"), Decimal("0.2")),
        MinUnits(("adult@w0", "adult@w1", "child@w0", "child@w1"), 30.0),
        SellThrough("stock", 0.375),
    ]
    assert list(ladder_problem(sold, BEFORE).rules) == expected
    assert ladder_problem(sold, BEFORE).resources[0].capacity == 80.0


def test_a_fixed_price_sells_no_more_than_is_there() -> None:
    """Where the price must stay and stock is short, what sells is the stock; the problem keeps an answer."""
    case = path(staged("seat", exponential([40, 40], [0.05, 0.05]), now="20"), stock=30)
    case = replace(case, sold={"w0": {"seat": 28.0}}, notice=2 * WEEK)
    found = solved(case, now=START + WEEK)
    assert found.plan.report.status is Status.OPTIMAL
    assert found.plan.expected_units["seat@w1"] == pytest.approx(2.0)


def test_what_was_announced_is_not_held_against_the_rules() -> None:
    """Announced prices that fall do not leave a rising path without an answer; the next one rises from the last."""
    case = path(staged("seat", exponential([40, 40, 40], [0.05, 0.05, 0.05])), direction=Direction.UP)
    told = {"w0": Decimal(35), "w1": Decimal(25)}
    found = solved(replace(case, offers=(replace(case.offers[0], announced=told),)))
    assert found.plan.report.status is Status.OPTIMAL
    assert found.prices["seat"]["w2"] >= Decimal(25)


def test_brute_force_agrees_through_the_same_door() -> None:
    """Any optimizer of ladder problems prices a path."""
    case = at_random(3, count=2)
    other = best_path(case, now=BEFORE, optimizer=ExhaustiveOptimizer(), time_limit=30)
    assert other.plan.report.objective == pytest.approx(solved(case).plan.report.objective)
