"""How HiGHS ended is a value, and nonsense never reaches it."""

import pyomo.environ as pyo
import pytest

from optimization.highs import run


def model(capacity: float, worth: float = 3.0) -> pyo.ConcreteModel:
    """A knapsack of two things, each of size 2."""
    made = pyo.ConcreteModel()
    made.x = pyo.Var([0, 1], domain=pyo.Binary)
    made.room = pyo.Constraint(expr=2 * made.x[0] + 2 * made.x[1] <= capacity)
    made.some = pyo.Constraint(expr=made.x[0] + made.x[1] >= 1)
    made.earned = pyo.Objective(expr=worth * made.x[0] + 2 * made.x[1], sense=pyo.maximize)
    return made


def test_the_best_is_found_and_bounded() -> None:
    """Room for one takes the better one."""
    done = run(model(3.0), time_limit=9)
    assert done.values == {"x[0]": pytest.approx(1), "x[1]": pytest.approx(0)}
    assert done.bound == pytest.approx(3.0)


def test_a_limit_next_to_nothing_overflows_nothing() -> None:
    """A row counted in units of such a limit would have infinite coefficients."""
    made = model(3.0)
    made.more = pyo.Constraint(expr=5 * made.x[0] + 5 * made.x[1] >= 1e-306)
    assert run(made, time_limit=9).bound == pytest.approx(3.0)
    assert run(model(1e-306), time_limit=9).infeasible


def test_infeasible_is_a_value() -> None:
    """Room for none is infeasible, without an exception, relaxed or not."""
    assert run(model(1.0), time_limit=9).infeasible
    assert run(model(1.0), time_limit=9, relax=True).infeasible


def test_duals_are_gains_per_unit_of_room() -> None:
    """With 3 of room, half of the second thing fits: one more unit of room earns 1."""
    done = run(model(3.0), time_limit=9, relax=True)
    assert done.bound == pytest.approx(4.0)
    assert done.duals["room"] == pytest.approx(1.0)


def test_nan_is_refused_before_the_solver_sees_it() -> None:
    """HiGHS would call it optimal; here it raises."""
    with pytest.raises((ValueError, ArithmeticError)):
        run(model(3.0, float("nan")), time_limit=9)
