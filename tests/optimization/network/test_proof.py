"""A status follows from the gap."""

import pytest

from optimization.network.proof import report
from pricing.plan import PROVEN, Status


@pytest.mark.parametrize(
    ("bound", "status"),
    [
        (100.0, Status.OPTIMAL),
        (100.00005, Status.OPTIMAL),
        (100.005, Status.FEASIBLE),
        (101.0, Status.TIME_LIMIT),
        (99.0, Status.TIME_LIMIT),
    ],
)
def test_the_gap_alone_says_what_is_known(bound: float, status: Status) -> None:
    """And what is not proven has no objective."""
    known = report("m", 0.0, objective=100.0, bound=bound, stake=200.0)
    assert known.status is status
    assert known.bound == bound
    assert (known.objective is not None) == (status in PROVEN)


def test_nothing_earned_is_proven_where_nothing_can_be() -> None:
    """A bound that differs from 0 by rounding alone is 0; one that is no number proves nothing."""
    assert report("m", 0.0, objective=0.0, bound=1e-12, stake=100.0).gap == 0.0
    assert report("m", 0.0, objective=0.0, bound=float("nan"), stake=100.0).status is Status.TIME_LIMIT
