"""Small markets of substitutes for tests of optimizers."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pricing.choice import ChoiceDemand
from pricing.choice_problem import ChoiceProblem
from pricing.demand import Evidence, Identification
from pricing.model import Ladder
from pricing.problem import Choice, MaxChange, MinUnits, Objective, Order, Problem, SamePrice, Shared
from pricing.rules import AverageMargin, MaxSpread, Rule

EVIDENCE = Evidence(Identification.IDENTIFIED, -2.0, 0.1, "told", "given")


def ladder(low: float, high: float, steps: int) -> Ladder:
    """Evenly spaced prices, to the cent."""
    return Ladder.of([f"{price:.2f}" for price in np.linspace(low, high, steps)], "EUR")


def demand(
    utility: ArrayLike,
    sensitivity: ArrayLike,
    *,
    nests: Sequence[str] | None = None,
    gamma: ArrayLike = (1.0,),
    buyers: float = 1.0,
    outside: float = 0.0,
    steps: Ladder | None = None,
) -> ChoiceDemand:
    """Demand of (draws, segments, n) utilities and sensitivities; fewer axes are one draw, one segment."""
    a = np.array(utility, dtype=np.float64, ndmin=3)
    b = np.broadcast_to(np.array(sensitivity, dtype=np.float64, ndmin=3), a.shape)
    draws, segments, n = a.shape
    names = tuple(nests or ("all",) * n)
    return ChoiceDemand(
        tuple(f"o{i}" for i in range(n)),
        (steps or ladder(5, 40, 5),) * n,
        names,
        tuple(f"s{i}" for i in range(segments)),
        np.full((draws, segments), buyers),
        a,
        b.copy(),
        np.broadcast_to(np.array(gamma, dtype=np.float64), (draws, len(set(names)))).copy(),
        np.full((draws, segments), outside),
        (EVIDENCE,) * n,
    )


def priced(
    found: ChoiceDemand,
    *,
    cost: str = "4",
    resources: Sequence[Shared] = (),
    rules: Sequence[Rule] = (),
    now: str | None = None,
) -> ChoiceProblem:
    """The problem of earning the most margin with these buyers, in euros."""
    current = None if now is None else Decimal(now)
    offers = tuple(
        Choice(name, steps, np.zeros((1, len(steps))), Decimal(cost), current)
        for name, steps in zip(found.offers, found.ladders, strict=True)
    )
    return ChoiceProblem(Problem("EUR", Objective.MARGIN, offers, tuple(resources), tuple(rules)), found)


def at_random(seed: int, *, count: int = 4, steps: int = 4, segments: int = 3, nested: bool = True) -> ChoiceProblem:
    """A problem with some of every family; about one in five has no answer."""
    rng = np.random.default_rng(seed)
    n, draws = int(rng.integers(1, count + 1)), int(rng.integers(1, 4))
    names = [f"g{int(g)}" for g in rng.integers(0, 2, n)] if nested and rng.random() < 0.5 else ["all"] * n
    found = demand(
        rng.uniform(1, 5, (1, int(rng.integers(1, segments + 1)), n)) + 0.3 * rng.normal(size=(draws, 1, n)),
        rng.uniform(0.05, 0.3, (draws, 1, n)),
        nests=names,
        gamma=rng.uniform(0.4, 1.0, len(set(names))) if names[0] != "all" else (1.0,),
        buyers=100.0,
        steps=ladder(8, 40, int(rng.integers(2, steps + 1))),
    )
    return priced(found, resources=_resources(rng, found), rules=_rules(rng, found), now="20" if n % 2 else None)


def _resources(rng: np.random.Generator, found: ChoiceDemand) -> list[Shared]:
    buyers = float(found.buyers.mean(axis=0).sum())
    spill = Decimal(int(rng.integers(5, 40))) if rng.random() < 0.3 else None
    uses = {name: float(rng.choice([0.5, 1.0, 2.0])) for name in found.offers}
    return [Shared("room", buyers * float(rng.uniform(0.2, 1.0)), uses, spill)] if rng.random() < 0.6 else []


def _rules(rng: np.random.Generator, found: ChoiceDemand) -> list[Rule]:
    names, rules = found.offers, list[Rule]()
    if len(names) > 1:
        low, high = (str(name) for name in rng.choice(names, 2, replace=False))
        rules += [Order(low, high, Decimal(int(rng.integers(0, 9))))] * (rng.random() < 0.4)
        rules += [SamePrice((low, high))] * (rng.random() < 0.2)
        rules += [MaxSpread(names, amount=Decimal(20))] * (rng.random() < 0.2)
    rules += [MaxChange(names, Decimal("0.7"))] * (rng.random() < 0.2)
    rules += [MinUnits(names, float(rng.uniform(5, 60)))] * (rng.random() < 0.3)
    rules += [AverageMargin(names, Decimal("0.6"))] * (rng.random() < 0.3)
    return rules


def numeric(found: ChoiceDemand, cost: NDArray[np.float64], prices: NDArray[np.float64]) -> float:
    """Profit per buyer at any prices, from the demand itself."""
    return float(found.probabilities(prices)[0, 0] @ (prices - cost))
