"""The mix of prices is the best that stock allows, and learning comes near what it earns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csc_array

from optimization.network.linear import pack
from optimization.network.mix import learned, next_price, price_mix
from pricing.errors import InputError

PRICES, CHANCES = np.array([29.9, 34.9, 39.9, 44.9]), np.array([0.8, 0.6, 0.3, 0.1])


@pytest.mark.parametrize(
    ("stock", "shares", "earned"),
    [
        (0.25, [0, 0, 0.75, 0.25], 10.10),
        (0.5, [0, 2 / 3, 1 / 3, 0], 17.95),
        (9.0, [1, 0, 0, 0], 23.92),
        (0.0, [0] * 4, 0),
    ],
)
def test_published_mixes(stock: float, shares: list[float], earned: float) -> None:
    """Shares and what they earn a period; with stock for all it is the best price alone, with none nothing."""
    found = price_mix(PRICES, CHANCES, stock)
    assert found == pytest.approx(shares)
    assert float(PRICES * CHANCES @ found) == pytest.approx(earned, abs=0.005)


@given(st.integers(0, 10**6))
def test_the_mix_is_the_linear_program_s(seed: int) -> None:
    """On random prices: within the stock, and worth what HiGHS finds."""
    rng = np.random.default_rng(seed)
    prices, chances, stock = np.sort(rng.uniform(1, 50, 5)), rng.uniform(0, 1, 5), rng.uniform(0, 1.1)
    found = price_mix(prices, chances, stock)
    assert np.all(found >= 0)
    assert found.sum() <= 1 + 1e-12
    assert chances @ found <= stock + 1e-12
    rows = csc_array(np.stack([chances, np.ones(5)]))
    packed = pack(prices * chances, rows, np.array([stock, 1.0]), np.full(5, 2.0), time_limit=9)
    assert packed is not None
    assert prices * chances @ found == pytest.approx(prices * chances @ packed.values)


@pytest.mark.parametrize(("periods", "share"), [(100, 0.945), (500, 0.984), (1000, 0.994)])
def test_thompson_sampling_earns_its_share_of_the_bound(periods: int, share: float) -> None:
    """As computed elsewhere, within the error of both simulations (here 200 runs; there taken to be as many)."""
    earned = learned(
        PRICES, CHANCES, stock=periods // 4, periods=periods, runs=200, rng=np.random.default_rng(periods)
    ) / (10.10 * periods)
    assert earned.mean() == pytest.approx(share, abs=2 * 1.96 * earned.std() / 200**0.5)
    assert earned.mean() < 1


def test_what_is_sold_out_is_not_sold() -> None:
    """With stock for three, no run earns more than three of the dearest; with none, nothing."""
    rng = np.random.default_rng(0)
    few = learned(PRICES, CHANCES, stock=3, periods=200, runs=50, rng=rng)
    assert few.max() <= 3 * 44.9
    assert few.min() > 0
    assert learned(PRICES, CHANCES, stock=0, periods=20, runs=5, rng=rng).tolist() == [0.0] * 5


def test_the_same_seed_learns_the_same() -> None:
    """All chance comes from `rng`."""
    runs = [learned(PRICES, CHANCES, stock=5, periods=30, runs=4, rng=np.random.default_rng(3)) for _ in range(2)]
    assert runs[0].tolist() == runs[1].tolist()


def test_with_much_evidence_the_best_mix_is_played() -> None:
    """After a million periods at each price the draws are the truth, and prices come up with their shares."""
    offered = np.full((4000, 4), 1e6)
    chosen = next_price(PRICES, offered, offered * CHANCES, np.full(4000, 0.25), np.random.default_rng(0))
    assert np.bincount(chosen, minlength=4) / 4000 == pytest.approx([0, 0, 0.75, 0.25], abs=0.03)


def test_where_stock_is_short_nothing_is_offered_for_a_while() -> None:
    """With a tenth of a sale per period left and a price that sells surely, nine periods in ten are idle."""
    offered = np.full((4000, 1), 1e6)
    chosen = next_price(np.array([10.0]), offered, offered, np.full(4000, 0.1), np.random.default_rng(0))
    assert np.mean(chosen == -1) == pytest.approx(0.9, abs=0.03)


def test_numbers_that_cannot_be_are_refused_all_at_once() -> None:
    """NaN, a chance above 1, a stock below nothing."""
    with pytest.raises(InputError) as error:
        price_mix(np.array([1.0, np.nan]), np.array([0.5, 1.5]), -0.1)
    assert len(error.value.findings) == 3
    with pytest.raises(InputError, match="a stock"):
        price_mix(PRICES, CHANCES, float("nan"))
