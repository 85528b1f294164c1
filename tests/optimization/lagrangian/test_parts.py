"""Parts share no row and no tie, and lose nothing of the whole."""

import numpy as np

from optimization.lagrangian.parts import parts_of
from pricing.problem import Order, SamePrice, Shared
from tests.optimization.lagrangian.markets import small, tables
from tests.optimization.problems import offer, problem


def test_rows_and_ties_join_and_nothing_else() -> None:
    """Two rooms, a tie across them, and what no room is about in one part of its own."""
    offers = [offer(name, [10, 12], [9.0, 7.0]) for name in "abcdefg"]
    rooms = [Shared("r", 17.0, {"a": 1.0, "b": 1.0}), Shared("s", 17.0, {"c": 1.0, "d": 1.0})]
    apart = parts_of(tables(problem(*offers, resources=rooms, rules=[SamePrice(("e", "f"))])))
    assert sorted("".join(sorted(part.names)) for part in apart) == ["ab", "cd", "efg"]
    joined = parts_of(tables(problem(*offers, resources=rooms, rules=[Order("b", "c")])))
    assert sorted("".join(sorted(part.names)) for part in joined) == ["abcd", "efg"]


def test_the_parts_bounds_add_up() -> None:
    """At any weights the dual value of the whole is the sum of its parts'."""
    rng = np.random.default_rng(0)
    for seed in range(60):
        if (case := small(seed)) is None:
            continue
        whole = tables(case)
        weight = {name: rng.uniform(0, 5) for name in whole.rows.names}
        values = [
            part.best(np.array([weight[name] for name in part.rows.names]))[1] for part in (whole, *parts_of(whole))
        ]
        assert np.isclose(values[0], sum(values[1:])) or values[0] == sum(values[1:])
