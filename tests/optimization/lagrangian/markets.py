"""Markets for the tests of the relaxation: rooms shared by many offers, good-better-best, and a margin floor."""

from decimal import Decimal

import numpy as np

from optimization.lagrangian.tables import Tables, covered, tables_of
from pricing.problem import Problem, Shared
from pricing.rules import AverageMargin, Order
from tests.optimization.problems import at_random, offer, problem


def market(count: int, *, seed: int = 0) -> Problem:
    """Offers in threes of rising quality, that share three rooms and together keep a margin."""
    rng = np.random.default_rng(seed)
    names = [f"o{i:04d}" for i in range(count)]
    quality = np.tile([1.0, 1.2, 1.5], count // 3 + 1)[:count] * rng.uniform(0.8, 1.2, count)
    offers = []
    for name, level in zip(names, quality, strict=True):
        prices = [str(round(10 * level * (1 + 0.05 * k), 2)) for k in range(11)]
        units = rng.uniform(5, 40) * np.array([float(p) / (10 * level) for p in prices]) ** rng.uniform(-3, -1.2)
        offers.append(offer(name, prices, units.tolist(), cost=str(round(6 * level, 2)), now=prices[4]))
    rooms = []
    for r in range(3):
        uses = {name: 1.0 for i, name in enumerate(names) if i % 3 == r or rng.random() < 0.2}
        rooms.append(Shared(f"r{r}", 0.8 * sum(float(o.mean[3]) for o in offers if o.id in uses), uses))
    tiers = [Order(names[i], names[i + 1]) for i in range(count - 1) if i % 3 < 2]
    return problem(*offers, resources=rooms, rules=[*tiers, AverageMargin(tuple(names), Decimal("0.5"))])


def tables(case: Problem) -> Tables:
    """The tables of a problem that has them."""
    found = tables_of(case)
    assert found is not None
    return found


def small(seed: int) -> Problem | None:
    """A small problem at random, if the relaxation covers it."""
    case = at_random(seed, tail=False)
    return case if covered(case) else None
