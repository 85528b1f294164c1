"""What a price path earns against one price, and planning again against a path fixed at the start.

A season of four periods, seven steps and 90 units, sold down (markdown) or up (towards an event). The level of demand
is uncertain by a common factor, units are Poisson, and every season's chance meets all three ways. Prints one JSON line
per season and uncertainty: means, paired gains with 95 % intervals [currency a season], and the least stock ever left.
"""

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from optimization import HighsOptimizer
from optimization.path import Direction, Path, PathPlan, Period, Staged, best_path, replan
from pricing.model import Ladder
from pricing.problem import Choice, Objective, Shared

Floats = NDArray[np.float64]
START, WEEK, STOCK, SEED = datetime(2026, 3, 2, tzinfo=UTC), timedelta(days=7), 90.0, 1
LADDER = Ladder(tuple(Decimal(price) for price in range(20, 51, 5)))
ABOVE = np.array([float(price) for price in LADDER]) - 20
DOWN = np.array([[70.0], [50], [40], [40]]) * np.exp(-np.array([[0.03], [0.045], [0.055], [0.07]]) * ABOVE)
SOLVER = HighsOptimizer()


def path(demand: Floats, direction: Direction) -> Path:
    """The season's problem; whoever finds the stock gone is lost at the dearest price."""
    offer = Staged(Choice("seat", LADDER, np.zeros((1, len(LADDER)))), demand)
    stock = Shared("stock", STOCK, {"seat": 1.0}, LADDER[-1])
    periods = tuple(Period(f"w{n}", START + n * WEEK) for n in range(4))
    return Path("EUR", Objective.REVENUE, (offer,), periods, START + 4 * WEEK, direction, resources=(stock,))


def season(case: Path, plan: PathPlan, mean: Floats, chance: Floats, *, again: bool) -> tuple[float, float]:
    """What one season earns, and what is left of the stock; `again` plans anew as late as the notice allows."""
    left, earned, prices, sold = STOCK, 0.0, dict(plan.prices["seat"]), dict[str, dict[str, float]]()
    for n, period in enumerate(case.periods):
        if again and n:
            now = period.starts_at - case.notice
            plan = replan(case, plan, sold, now=now, optimizer=SOLVER, time_limit=30)
            prices |= plan.prices["seat"]
        wanted = float(poisson.ppf(chance[n], mean[n, LADDER.index(prices[period.id])]))
        units = min(wanted, left)
        left, earned, sold[period.id] = left - units, earned + units * float(prices[period.id]), {"seat": units}
    return earned, left


def compared(direction: Direction, uncertain: float, seasons: int) -> dict[str, object]:
    """Three ways through the same seasons."""
    rng, base = np.random.default_rng(SEED), DOWN if direction is Direction.DOWN else DOWN[::-1]
    levels = np.exp(uncertain * rng.normal(size=(100, 1, 1)) - uncertain**2 / 2)
    case = path(levels * base, direction)
    plan, one = (
        best_path(some, now=START - WEEK, optimizer=SOLVER, time_limit=30)
        for some in (case, replace(case, fraction=Decimal(0)))
    )
    earned, left = [], STOCK
    for _ in range(seasons):
        mean, chance = base * np.exp(uncertain * rng.normal() - uncertain**2 / 2), rng.uniform(size=4)
        ways = [season(case, p, mean, chance, again=a) for p, a in ((one, False), (plan, False), (plan, True))]
        earned.append([money for money, _ in ways])
        left = min(left, *(rest for _, rest in ways))
    table = np.array(earned)
    gains = np.diff(table, axis=1)
    half = 1.96 * gains.std(axis=0, ddof=1) / np.sqrt(seasons)
    intervals = [[round(float(x)) for x in (g, g - h, g + h)] for g, h in zip(gains.mean(axis=0), half, strict=True)]
    means = dict(zip(("one price", "path", "planned again"), table.mean(axis=0).round().tolist(), strict=True))
    return {
        "season": direction,
        "uncertain": uncertain,
        **means,
        "path over one": intervals[0],
        "again over path": intervals[1],
        "least left": left,
    }


def main() -> None:
    """Run all four."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seasons", type=int, default=100)
    seasons = parser.parse_args().seasons
    for direction in (Direction.DOWN, Direction.UP):
        for uncertain in (0.15, 0.3):
            print(json.dumps(compared(direction, uncertain, seasons)))


if __name__ == "__main__":
    main()
