"""Groups of segments are laid side by side, and what leaves keeps every capacity."""

from itertools import pairwise
from time import perf_counter

import numpy as np
import pytest

from optimization.network.market import Market
from optimization.network.offering import Offering, Schedule, close
from optimization.network.values import Network, SegmentedDemand
from pricing.plan import Report, Status
from tests.optimization.network.test_sales_program import two_segments


def market(capacity: float = 99.0) -> Market:
    """Two segments that share nothing: the first considers products 2, 4, 6, the second 1, 3, 5."""
    problem = two_segments()
    network = problem.network
    roomy = Network(network.resources, np.full(3, capacity), network.products, network.fare, network.uses)
    return Market.of(
        SegmentedDemand(roomy, problem.periods, problem.segments, problem.rate, problem.weights, problem.no_purchase)
    )


def shown(first: list[float], second: list[float]) -> list[Schedule]:
    """Schedules of nested sets: first one product of each group, then two, then all."""
    sets = np.tri(3, dtype=np.bool_)
    return [Schedule(sets, np.array(first)), Schedule(sets, np.array(second))]


def closed(schedules: list[Schedule], capacity: float = 99.0, bound: float | None = None) -> Offering:
    """The offering, with a bound that is its own value unless another is given."""
    found = market(capacity)
    sales = sum(
        float(found.fare[group.products] @ (schedule.periods @ group.sales(schedule.sets)))
        for group, schedule in zip(found.groups, schedules, strict=True)
    )
    return close(
        found, schedules, np.zeros(3), bound=sales if bound is None else bound, method="m", started=perf_counter()
    )


def test_the_horizon_is_cut_wherever_a_group_changes() -> None:
    """Each group is shown what it should see for as long as it should; what is left shows nothing."""
    answer = closed(shown([100.0, 0.0, 50.0], [120.0, 60.0, 90.0]))
    assert answer.offered is not None
    time = {offered.products: offered.periods for offered in answer.offered}
    assert time == pytest.approx(
        {
            ("1", "2"): 100.0,
            ("1", "2", "4", "6"): 20.0,
            ("1", "2", "3", "4", "6"): 30.0,
            ("1", "3"): 30.0,
            ("1", "3", "5"): 90.0,
            (): 30.0,
        }
    )
    assert sum(time.values()) == pytest.approx(300.0)


def test_the_longest_set_comes_first() -> None:
    """And every set once."""
    answer = closed(shown([100.0, 0.0, 50.0], [120.0, 60.0, 120.0]))
    assert answer.offered is not None
    assert all(one.periods >= two.periods for one, two in pairwise(answer.offered))
    assert len({offered.products for offered in answer.offered}) == len(answer.offered)


def test_too_much_is_cut_and_then_not_proven() -> None:
    """Times beyond the horizon, or beyond a capacity, are shortened; what is left must still meet the bound."""
    assert closed(shown([0.0, 0.0, 400.0], [0.0, 0.0, 300.0])).offered is None
    assert closed(shown([0.0, 0.0, 300.0], [0.0, 0.0, 300.0]), capacity=5.0).offered is None
    assert closed(shown([0.0, 0.0, 300.0], [0.0, 0.0, 300.0])).offered is not None


def test_what_is_feasible_within_one_in_ten_thousand_leaves_as_such() -> None:
    """With that status."""
    schedules = shown([0.0, 0.0, 300.0], [0.0, 0.0, 300.0])
    best = closed(schedules).report.objective
    assert best is not None
    assert closed(schedules, bound=best * 1.00005).report.status is Status.FEASIBLE
    assert closed(schedules, bound=best * 1.001).report.status is Status.TIME_LIMIT


def test_an_unproven_offering_cannot_be_made() -> None:
    """Nor a proven one without sets."""
    with pytest.raises(ValueError, match="proof"):
        Offering(Report(Status.TIME_LIMIT, "m", 0.0), (), np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match="proof"):
        Offering(Report(Status.OPTIMAL, "m", 0.0))
