"""The relaxation's bound is valid, and it says what it is not for."""

from decimal import Decimal
from itertools import pairwise

import numpy as np

from optimization.lagrangian import applies, relax_and_repair
from optimization.steps import canonical, value_of
from pricing.problem import Measure, Order, Problem, Risk, SamePrice, Shared
from tests.optimization.problems import at_random, offer, problem


def market(count: int, *, seed: int = 0) -> Problem:
    """Offers that share three rooms, each with an order to its neighbour."""
    rng = np.random.default_rng(seed)
    names = [f"o{i:03d}" for i in range(count)]
    offers = [offer(name, range(10, 21), np.sort(rng.uniform(1, 40, 11))[::-1].tolist()) for name in names]
    rooms = []
    for r in range(3):
        uses = {name: 1.0 for i, name in enumerate(names) if i % 3 == r or rng.random() < 0.2}
        most = sum(float(o.mean[5]) for o in offers if o.id in uses)
        rooms.append(Shared(f"r{r}", 0.8 * most, uses))
    return canonical(
        problem(*offers, resources=rooms, rules=[Order(names[i], names[i + 1]) for i in range(0, count, 4)])
    )


def test_a_large_market_is_close_to_its_bound() -> None:
    """Two hundred offers in three rooms: within a thousandth of what is possible, and inside the rooms."""
    case = market(200)
    answer = relax_and_repair(case, time_limit=30)
    assert answer.steps is not None
    value = value_of(case, answer.steps)
    assert value <= answer.bound <= value * 1.001


def test_any_multipliers_bound_the_best() -> None:
    """Cut short after a single round, the bound is loose and still a bound."""
    for seed in range(60):
        case = canonical(at_random(seed, tail=False))
        whole, hasty = relax_and_repair(case, time_limit=30), relax_and_repair(case, time_limit=0.0)
        if whole.steps is not None:
            assert hasty.bound >= value_of(case, whole.steps) - 1e-9 * abs(hasty.bound)


def test_it_declines_what_it_cannot_take() -> None:
    """A tail mean, or groups with too many joint choices, go elsewhere."""
    names = [f"o{i}" for i in range(9)]
    offers = [offer(name, range(1, 12), [1.0] * 11) for name in names]
    chain = [Order(low, high) for low, high in pairwise(names)]
    assert not applies(problem(*offers, rules=chain))
    assert not applies(problem(*offers, risk=Risk(Measure.CVAR)))
    assert applies(problem(*offers, rules=[SamePrice((names[0], names[1]))]))
    assert applies(problem(*offers, resources=[Shared("r", 1.0, {"o1": 1.0}, Decimal(1))]))
