"""Where a series stands is read off its own past, whatever unit its sales are counted in."""

from collections.abc import Sequence

import numpy as np
import pytest

from forecasting.model import History
from forecasting.shared_season import Block, Shared
from forecasting.standing import CLUES, Standing
from tests.forecasting.examples import history
from tests.forecasting.fleets import START, WEEKS, fleet


def standing(histories: Sequence[History], *, capacity: float = np.inf) -> Standing:
    """Of all of them at their end."""
    block = Block.of(histories)
    return Standing.of(Shared.of(block, None), block.width, np.full(len(histories), np.log(capacity)))


AHEAD = np.array([1, 4, 13, 26, 80])


def test_clues_do_not_depend_on_the_unit() -> None:
    """Sales in thousands or in units: the same clues, and a base that differs by the logarithm."""
    every = fleet()
    scaled = [history(h.sales * 1000, grid=WEEKS, start=h.start) for h in every]
    members = np.arange(len(every))
    (small, clues), (large, again) = (standing(part).clues(AHEAD, members) for part in (every, scaled))
    assert clues.shape == (12, 5, CLUES)
    assert again == pytest.approx(clues, abs=1e-9)
    assert large - small == pytest.approx(np.full(small.shape, np.log(1000)))


def test_only_live_series_stand() -> None:
    """One that ended ten weeks ago does not; one whose last weeks are not known yet does."""
    every = fleet(3)
    ended, late = every[0].sales.copy(), every[0].sales.copy()
    ended[-10:], late[-3:] = 0.0, np.nan
    stand = standing([*every, *(history(sales, grid=WEEKS, start=START) for sales in (ended, late))])
    assert stand.rows.tolist() == [0, 1, 2, 4]


def test_a_series_that_came_back_starts_anew() -> None:
    """After a pause of a year its level and age are those of the new run."""
    sales = np.concatenate([np.full(100, 1000.0), np.full(60, np.nan), np.full(10, 50.0)])
    stand = standing([history(sales, grid=WEEKS, start=START)])
    assert stand.age.tolist() == [10]
    assert stand.young.tolist() == [True]
    assert (stand.level[0], stand.slow[0]) == pytest.approx((np.log(50), np.log(50)), abs=0.1)


def test_room_is_measured_to_the_capacity() -> None:
    """It ends at the largest sales so far, unless a capacity above them makes more."""
    every = fleet()
    tight, wide = (standing(every, capacity=c).clues(AHEAD, np.arange(12))[1][..., 5] for c in (np.inf, 1e9))
    assert tight.max() < 1
    assert wide.min() == 1


def test_amplitudes_differ_by_series() -> None:
    """Of two series, the one that swings twice as much has the larger amplitude, both shrunk to 1."""
    every = fleet(6, noise=0.02)
    base = every[0]
    level = np.exp(np.log(base.sales).mean())
    double, flat = (history(level * (base.sales / level) ** power, grid=WEEKS, start=START) for power in (2, 0.2))
    amplitude = standing([*every, double, flat]).amplitude
    assert amplitude[-1] < 0.7 < amplitude[0] < 1.5 < amplitude[-2]
