"""Ties are found, joined where several rules tie the same two offers, and circles are told from trees."""

from decimal import Decimal
from itertools import pairwise

import numpy as np

from optimization.lagrangian import ties
from optimization.lagrangian.tables import tables_of
from optimization.lagrangian.ties import find_ties, plant
from pricing.problem import MaxSpread, Order, Rule, SamePrice
from tests.optimization.problems import offer, problem

PLACE = {"a": 0, "b": 1, "c": 2}
PAID = np.array([[1.1, 1.2, 1.3], [2.1, 2.2, 2.3], [3.1, 3.2, 3.3]])


def test_two_rules_about_one_pair_both_hold() -> None:
    """An order and a spread leave an interval; equal decimals are equal, though 1.1 + 0.1 is not 1.2 in floats."""
    found = find_ties((Order("a", "b", Decimal("0.1")), MaxSpread(("b", "a"), Decimal("1.1"))), PLACE, PAID)
    assert list(zip(found.first, found.second, strict=True)) == [(0, 1)]
    assert found.low[:, 0].tolist() == [0, 0, 1]
    assert found.high[:, 0].tolist() == [0, 1, 2]


def test_a_circle_is_no_tree() -> None:
    """Three spreads among three offers are a circle; a chain is not; a circle too large to enumerate is declined."""
    chain, circle = (Order("a", "b"), Order("b", "c")), (MaxSpread(("a", "b", "c"), Decimal(1)),)
    assert not plant(find_ties(chain, PLACE, PAID)).circles
    assert [group.tolist() for group in plant(find_ties(circle, PLACE, PAID)).circles] == [[0, 1, 2]]
    names = [f"o{i}" for i in range(9)]
    offers = [offer(name, range(1, 12), [1.0] * 11) for name in names]
    assert tables_of(problem(*offers, rules=[MaxSpread(tuple(names), Decimal(3))])) is None
    assert tables_of(problem(*offers, rules=[MaxSpread(tuple(names[:3]), Decimal(3))])) is not None


def test_a_chain_too_deep_is_left_to_others() -> None:
    """A link of a chain costs a round of array operations, so that very long ones are no trees here."""
    names = [f"o{i:03d}" for i in range(ties.DEEPEST + 5)]
    rules: list[Rule] = [SamePrice(pair) for pair in pairwise(names)]
    paid = np.tile(np.arange(1.0, 4.0)[:, None], len(names))
    place = {name: i for i, name in enumerate(names)}
    assert len(plant(find_ties(tuple(rules), place, paid)).circles) == 1
    assert not plant(find_ties(tuple(rules[:100]), place, paid)).circles
