"""Small paths, and seasons that happen by chance."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from optimization.path import Direction, Path, PathPlan, Period, Staged, best_path, replan
from optimization.solve import HighsOptimizer
from pricing.model import Ladder
from pricing.problem import Choice, Objective, Shared

Floats = NDArray[np.float64]

START = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
BEFORE = START - WEEK
LADDER = Ladder(tuple(Decimal(price) for price in (20, 25, 30, 35, 40, 45, 50)))
OPTIMIZER = HighsOptimizer()


def periods(count: int) -> tuple[Period, ...]:
    """Weeks from `START`, named w0, w1, ..."""
    return tuple(Period(f"w{n}", START + n * WEEK) for n in range(count))


def staged(name: str, demand: Floats, *, ladder: Ladder = LADDER, now: str | None = None) -> Staged:
    """An offer with demand (draws, periods, steps), or (periods, steps) if it is known."""
    price = None if now is None else Decimal(now)
    units = demand if demand.ndim == 3 else demand[None]
    return Staged(Choice(name, ladder, np.zeros((1, len(ladder))), current_price=price), units)


def exponential(level: list[float], sensitivity: list[float], ladder: Ladder = LADDER) -> Floats:
    """(periods, steps) demand that falls by a share per euro above the first step."""
    prices = np.array([float(price) for price in ladder])
    return np.array([a * np.exp(-b * (prices - prices[0])) for a, b in zip(level, sensitivity, strict=True)])


def path(*offers: Staged, stock: float | None = None, spill: str | None = None, **more: Any) -> Path:
    """A path in euros over as many weeks as the demand has; every offer draws on the stock one to one."""
    count = offers[0].demand.shape[1]
    loss = None if spill is None else Decimal(spill)
    resources = () if stock is None else (Shared("stock", stock, {offer.id: 1.0 for offer in offers}, loss),)
    more = {"resources": resources, "direction": Direction.FREE, **more}
    return Path("EUR", Objective.REVENUE, offers, periods(count), START + count * WEEK, **more)


def solved(case: Path, now: datetime = BEFORE) -> PathPlan:
    """The best path, with ample time."""
    return best_path(case, now=now, optimizer=OPTIMIZER, time_limit=30)


def season(case: Path, plan: PathPlan, mean: Floats, chance: Floats, *, again: bool) -> tuple[float, float]:
    """One season of a path with a single offer: what it earns, and what is left of the stock.

    Parameters
    ----------
    mean : (periods, steps) true mean demand; buyers come by Poisson [units]
    chance : (periods,) where in its distribution each period's demand falls
    again : plan again before each period, as late as the notice allows
    """
    offer, left, earned = case.offers[0], case.resources[0].capacity, 0.0
    prices, sold = dict(plan.prices[offer.id]), dict[str, dict[str, float]]()
    for n, period in enumerate(case.periods):
        if again and n:
            now = period.starts_at - case.notice
            plan = replan(case, plan, sold, now=now, optimizer=OPTIMIZER, time_limit=30)
            prices |= plan.prices[offer.id]
        wanted = float(poisson.ppf(chance[n], mean[n, LADDER.index(prices[period.id])]))
        sold[period.id] = {offer.id: min(wanted, left)}
        left -= sold[period.id][offer.id]
        earned += float(prices[period.id]) * sold[period.id][offer.id]
    return earned, left
