"""Who pays less than what the resources are worth is turned away, and that pays."""

import numpy as np
import pytest
from scipy.sparse import csc_array

from optimization.account import SolverError
from optimization.network import control
from optimization.network.control import open_to_sale, rehearse
from optimization.network.deterministic import Allocation, allocate
from optimization.network.values import IndependentDemand, Network
from pricing.plan import Report, Status
from tests.optimization.network.networks import trips

FREE, FIXED, ANEW = "first come first served", "fixed bid prices", "re-solved bid prices"


def test_a_fare_equal_to_the_bid_prices_is_accepted() -> None:
    """On the published network: both legs are worth 800 together, and the fare of 800 covers that."""
    bid_prices = allocate(trips()).bid_prices
    assert bid_prices is not None
    accepted = open_to_sale(trips().network, bid_prices)
    assert accepted.tolist() == [True, True, True, False, True, False, True, False, False, True]
    assert not open_to_sale(trips().network, bid_prices + 0.01)[0]
    assert open_to_sale(trips().network, bid_prices + 1e-9)[0]


def test_bid_prices_earn_more_than_taking_whoever_comes_and_solving_anew_earns_more_still() -> None:
    """Both gains are clear of chance, and no policy is above the deterministic value."""
    played = rehearse(trips(), rng=np.random.default_rng(7), runs=60, resolves=6)
    assert played.bound == pytest.approx(10140)
    assert played.gain(FIXED, over=FREE)[1] > 0
    assert played.gain(ANEW, over=FIXED)[1] > 0
    assert all(played.earned(policy)[2] <= played.bound for policy in (FREE, FIXED, ANEW))


def test_the_same_seed_plays_the_same_requests() -> None:
    """All policies meet the same ones, so where nothing is scarce they earn the same."""
    plenty = Network(("room",), np.array([1e6]), ("a", "b"), np.array([9.0, 5.0]), csc_array(np.ones((1, 2))))
    problem = IndependentDemand(plenty, np.array([4.0, 6.0]))
    one, two = (rehearse(problem, rng=np.random.default_rng(1), runs=5, resolves=2) for _ in range(2))
    assert one.revenue[FREE].tolist() == two.revenue[FREE].tolist() == two.revenue[ANEW].tolist()
    assert one.gain(FIXED, over=FREE) == (0.0, 0.0, 0.0)
    assert one.revenue[FREE].std() > 0


def test_no_more_is_sold_than_there_is() -> None:
    """A room of two, wanted by many at 10: every horizon earns 20 at most; a pair needs two at once."""
    room = Network(("room",), np.array([3.0]), ("pair",), np.array([10.0]), csc_array([[2.0]]))
    played = rehearse(IndependentDemand(room, np.array([50.0])), rng=np.random.default_rng(0), runs=10, resolves=3)
    assert all(earned.max() <= 10.0 for earned in played.revenue.values())
    assert played.revenue[FREE].min() == 10.0


def test_without_bid_prices_nothing_is_rehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that was not solved says so; one that fails on the way keeps the bid prices it had."""
    unsolved = Allocation(Report(Status.TIME_LIMIT, "m", 0.0))
    monkeypatch.setattr(control, "allocate", lambda *_, **__: unsolved)
    with pytest.raises(SolverError, match="no bid prices"):
        rehearse(trips(), rng=np.random.default_rng(0))
    answers = iter([allocate(trips())])
    monkeypatch.setattr(control, "allocate", lambda *_, **__: next(answers, unsolved))
    played = rehearse(trips(), rng=np.random.default_rng(0), runs=3, resolves=2)
    assert played.revenue[ANEW].tolist() == played.revenue[FIXED].tolist()


def test_what_is_solved_anew_is_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first stage has all capacity and demand, the last of four what is left and a quarter of the demand."""
    seen: list[IndependentDemand] = []

    def noted(problem: IndependentDemand) -> Allocation:
        seen.append(problem)
        return allocate(problem)

    monkeypatch.setattr(control, "allocate", noted)
    rehearse(trips(), rng=np.random.default_rng(0), runs=2, resolves=4)
    shares = [float(problem.demand.sum() / trips().demand.sum()) for problem in seen]
    assert shares == pytest.approx([1.0, 1.0, 0.75, 0.5, 0.25, 1.0, 0.75, 0.5, 0.25])
    left = np.array([problem.network.capacity.sum() for problem in seen[1:5]])
    assert left[0] == 28.0
    assert np.all(np.diff(left) < 0)
