"""The relaxation's bound is valid, and it says what it is not for."""

from decimal import Decimal
from itertools import pairwise

import numpy as np

from optimization import lagrangian
from optimization.enumeration import enumerate_all
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
    """Whatever is asked for a unit of each row, up to its loss, the dual value is not below the best by brute force."""
    for seed in range(60):
        case, rng = canonical(at_random(seed, tail=False)), np.random.default_rng(seed)
        if not applies(case):
            continue
        truth, options = enumerate_all(case), lagrangian._options(case)
        if truth.steps is None or options is None:
            continue
        least = truth.bound - 1e-9 * abs(truth.bound)
        assert lagrangian._multipliers(options, np.inf)[0] >= least
        for size in (0.0, 1.0, 100.0):
            weights = np.minimum(rng.uniform(0, size + 1e-9, len(options.limit)), options.price)
            assert lagrangian._best(options, weights)[1] >= least


def test_it_declines_what_it_cannot_take() -> None:
    """A tail mean, or groups with too many joint choices, go elsewhere."""
    names = [f"o{i}" for i in range(9)]
    offers = [offer(name, range(1, 12), [1.0] * 11) for name in names]
    chain = [Order(low, high) for low, high in pairwise(names)]
    assert not applies(problem(*offers, rules=chain))
    assert not applies(problem(*offers, risk=Risk(Measure.CVAR)))
    assert applies(problem(*offers, rules=[SamePrice((names[0], names[1]))]))
    assert applies(problem(*offers, resources=[Shared("r", 1.0, {"o1": 1.0}, Decimal(1))]))
