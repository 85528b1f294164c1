"""The dynamic program along ties is exact."""

from itertools import product

import numpy as np
import pytest

from optimization.lagrangian.ties import find_ties, plant
from optimization.lagrangian.trees import Trees
from optimization.steps import Floats
from pricing.problem import MaxSpread, Order, Rule, SamePrice

STEPS, NAMES = 4, "abcde"


def forest(seed: int) -> tuple[Trees, Floats, np.ndarray, list[Rule]]:
    """Five offers with some ties at random that make no circle; trees, prices in their order, the order, the rules."""
    rng = np.random.default_rng(seed)
    rules: list[Rule] = []
    for child in range(1, len(NAMES)):
        if rng.random() < 0.7:
            pair = (NAMES[int(rng.integers(0, child))], NAMES[child])
            kinds: list[Rule] = [Order(*pair), Order(*pair[::-1]), SamePrice(pair), MaxSpread(pair, amount=1)]  # type: ignore[arg-type]
            rules.append(kinds[int(rng.integers(0, 4))])
    paid = np.sort(rng.choice(12, (STEPS, len(NAMES))), axis=0) + np.arange(STEPS)[:, None] * 1.0
    planted = plant(find_ties(tuple(rules), {name: i for i, name in enumerate(NAMES)}, paid))
    assert not planted.circles
    return planted.trees, paid[:, planted.order], planted.order, rules


def kept(rules: list[Rule], price: dict[str, float]) -> bool:
    """Whether prices keep the rules, said directly."""
    for rule in rules:
        match rule:
            case Order(low, high):
                if price[low] > price[high]:
                    return False
            case SamePrice((one, other)):
                if price[one] != price[other]:
                    return False
            case MaxSpread((one, other)):
                if abs(price[one] - price[other]) > 1:
                    return False
    return True


@pytest.mark.parametrize("seed", range(40))
def test_best_marginals_and_losses_are_those_of_trying_everything(seed: int) -> None:
    """The largest sum, the largest with one offer held at a step, and what every choice loses against it."""
    trees, paid, order, rules = forest(seed)
    values = np.random.default_rng(seed).uniform(0, 10, paid.shape)
    offers = np.arange(len(NAMES))
    sums, held, lost = [], np.full(paid.shape, -np.inf), {}
    for steps in product(range(STEPS), repeat=len(NAMES)):
        chosen = np.array(steps)
        if kept(rules, {NAMES[order[i]]: float(paid[steps[i], i]) for i in offers}):
            sums.append(float(values[chosen, offers].sum()))
            held[chosen, offers] = np.maximum(held[chosen, offers], sums[-1])
            lost[steps] = sums[-1]
    best, value = trees.best(values)
    if not sums:
        assert value == -np.inf
        return
    assert value == pytest.approx(max(sums))
    assert float(values[best, offers].sum()) == pytest.approx(value)
    marginals, losses = trees.marginals(values), trees.losses(values)
    own = np.array([marginals[:, trees.root == trees.root[i]].max() for i in offers])
    assert np.allclose(np.where(np.isfinite(held), held - value, -np.inf), marginals - own)
    for steps, total in lost.items():
        spent = [losses[i][steps[i]] if p < 0 else losses[i][steps[p], steps[i]] for i, p in enumerate(trees.parent)]
        assert sum(spent) == pytest.approx(value - total)


@pytest.mark.parametrize("seed", range(10))
def test_a_window_is_what_one_offer_may_do_alone(seed: int) -> None:
    """Inside it every tie holds while the others stay; outside it one breaks."""
    trees, paid, order, rules = forest(seed)
    steps, value = trees.best(np.zeros(paid.shape))
    if value == -np.inf:
        return
    lowest, highest = trees.window(steps)
    for i in range(len(NAMES)):
        for step in range(STEPS):
            moved = {NAMES[order[j]]: float(paid[step if i == j else steps[j], j]) for j in range(len(NAMES))}
            assert kept(rules, moved) == (lowest[i] <= step <= highest[i])
