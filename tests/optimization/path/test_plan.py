"""Planning again as stock runs keeps what was announced, never oversells, and earns more."""

from dataclasses import replace
from decimal import Decimal

import numpy as np

from optimization.path import Direction, replan
from tests.optimization.path.seasons import (
    OPTIMIZER,
    START,
    WEEK,
    exponential,
    path,
    season,
    solved,
    staged,
)

STOCK = 90.0


def test_planning_again_pays_and_never_oversells() -> None:
    """In simulated markdown seasons a path beats one price, planning again beats the path; stock never falls below 0.

    Levels of demand are uncertain by 15 %, units are Poisson, and the same chance meets all three ways; the differences
    are paired, with 95 % intervals.
    """
    rng, base = np.random.default_rng(1), exponential([70, 50, 40, 40], [0.03, 0.045, 0.055, 0.07])
    levels = np.exp(0.15 * rng.normal(size=(100, 1, 1)) - 0.15**2 / 2)
    case = path(staged("seat", levels * base), stock=STOCK, spill="50", direction=Direction.DOWN)
    plan, one = solved(case), solved(replace(case, fraction=Decimal(0)))
    assert len(set(one.prices["seat"].values())) == 1
    earned = []
    for _ in range(60):
        mean, chance = base * np.exp(0.15 * rng.normal() - 0.15**2 / 2), rng.uniform(size=4)
        ways = [(one, False), (plan, False), (plan, True)]
        found = [season(case, start, mean, chance, again=again) for start, again in ways]
        assert all(left >= 0 for _, left in found)
        earned.append([money for money, _ in found])
    gains = np.diff(np.array(earned), axis=1)
    lower = gains.mean(axis=0) - 1.96 * gains.std(axis=0, ddof=1) / np.sqrt(len(gains))
    assert (lower > 0).all(), (gains.mean(axis=0), lower)


def test_planning_again_keeps_what_starts_within_the_notice() -> None:
    """Sales far above plan raise later prices, and leave those that start within a day as they were announced."""
    case = path(
        staged("seat", exponential([40, 40, 40], [0.05, 0.05, 0.05])), stock=60, spill="50", direction=Direction.UP
    )
    first, fast = solved(case), {"w0": {"seat": 45.0}}
    just, soon = (
        replan(case, first, fast, now=now, optimizer=OPTIMIZER, time_limit=30)
        for now in (START + WEEK - case.notice, START + WEEK)
    )
    assert just.prices["seat"]["w1"] > first.prices["seat"]["w1"]
    assert soon.prices["seat"]["w1"] == first.prices["seat"]["w1"]
    assert soon.prices["seat"]["w2"] > first.prices["seat"]["w2"]
