"""Only an optimal answer to sound numbers is read."""

import numpy as np
import pytest
from scipy.sparse import csc_array

from optimization.network.linear import pack


def test_the_best_is_packed_and_room_is_priced() -> None:
    """Two of the better thing, then room for one of the other: one more unit of room earns 2."""
    packed = pack(np.array([3.0, 2.0]), csc_array(np.ones((1, 2))), np.array([3.0]), np.array([2.0, 5.0]), time_limit=9)
    assert packed is not None
    assert packed.values.tolist() == pytest.approx([2.0, 1.0])
    assert packed.duals.tolist() == pytest.approx([2.0])


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_units_of_measure_change_nothing(scale: float) -> None:
    """A solver's tolerances are absolute; what is sold in billions or in billionths is solved alike."""
    room, most = np.array([3.0 * scale, 0.0]), np.array([2.0 * scale, 5.0 * scale])
    packed = pack(np.array([3.0, 2.0]) / scale, csc_array(np.array([[1.0, 1.0], [0.0, 0.0]])), room, most, time_limit=9)
    assert packed is not None
    assert (packed.values / scale).tolist() == pytest.approx([2.0, 1.0])
    assert (packed.duals * scale).tolist() == pytest.approx([2.0, 0.0])


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_never_reaches_the_solver(number: float) -> None:
    """HiGHS would call it optimal; here it raises."""
    with pytest.raises(ValueError, match="not finite"):
        pack(np.array([number]), csc_array(np.ones((1, 1))), np.ones(1), np.ones(1), time_limit=9)


def test_a_solve_cut_short_is_not_read() -> None:
    """No time, no answer."""
    rng = np.random.default_rng(0)
    rows = csc_array(rng.random((300, 300)))
    assert pack(rng.random(300), rows, np.ones(300), np.ones(300), time_limit=0.0) is None
