"""What repair hands back keeps every tie and row, and bettering never loses."""

import numpy as np
import pytest

from optimization.lagrangian.bundle import minimise, tried
from optimization.lagrangian.moves import likely, movable
from optimization.lagrangian.repair import mended, repaired
from tests.optimization.lagrangian.markets import market, tables


@pytest.mark.parametrize("count", [30, 300, 3_000])
def test_repaired_steps_keep_everything(count: int) -> None:
    """Rows within their limits, and each step inside what the neighbours leave; better than mending alone."""
    whole = tables(market(count))
    best = minimise(whole, np.zeros(len(whole.rows.limit)), close=1e-6, deadline=np.inf)[0]
    plain = mended(whole, best.steps, best.weights, np.inf)
    steps = repaired(whole, best.steps, best.weights, enough=np.inf, deadline=np.inf)
    assert plain is not None
    assert steps is not None
    for found in (plain, steps):
        assert np.all(whole.activity(found) <= whole.rows.limit)
        lowest, highest = whole.trees.window(found)
        assert np.all((lowest <= found) & (found <= highest))
        assert whole.open[found, np.arange(count)].all()
    assert whole.value(steps, whole.activity(steps)) >= whole.value(plain, whole.activity(plain))


def test_moves_say_what_they_change() -> None:
    """Gain and load of a move are the differences of value and rows after and before it."""
    whole = tables(market(60))
    start = tried(whole, np.zeros(len(whole.rows.limit)))
    moves = likely(whole, start.steps, whole.worth, 40)
    assert len(moves.offer) == 40
    for n, (offer, step) in enumerate(zip(moves.offer, moves.step, strict=True)):
        after = start.steps.copy()
        after[offer] = step
        assert movable(whole, start.steps)[step, offer]
        assert whole.activity(after) - start.activity == pytest.approx(moves.load[n], rel=1e-9, abs=1e-9)
        earned = [whole.worth[s, np.arange(60)].sum() for s in (after, start.steps)]
        assert earned[0] - earned[1] == pytest.approx(moves.gain[n], rel=1e-6, abs=1e-6)
