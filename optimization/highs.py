"""Hands a Pyomo model to HiGHS as arrays.

Guarantees
----------
* How a run ended is a value: infeasible, out of time or a failure of the solver raise nothing.
* A number that is not finite never reaches the solver, which would answer "optimal" with nonsense.
* The same model gives the same answer unless the time limit cuts it short.
"""

from dataclasses import dataclass, field

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler, LinearStandardFormInfo
from scipy.sparse import coo_matrix

from optimization.program import Program, Solved, solve, solve_apart

Floats = NDArray[np.float64]

LEAST = 1e-12
"""Share of a row's largest coefficient below which its right-hand side is no unit to count it in."""


@dataclass(frozen=True, slots=True)
class Run:
    """How one run ended.

    Attributes
    ----------
    values : name of variable -> value; empty without a solution
    bound : no solution is above it [objective]
    duals : name of constraint -> gain of the objective per unit added to its right-hand side; linear programs only
    infeasible : proven to have no solution
    reason : what went wrong, in words; empty if nothing did
    """

    values: dict[str, float] = field(default_factory=dict)
    bound: float = np.inf
    duals: dict[str, float] = field(default_factory=dict)
    infeasible: bool = False
    reason: str = ""


def run(
    model: pyo.ConcreteModel, *, time_limit: float, gap: float = 0.0, relax: bool = False, apart: bool = False
) -> Run:
    """Maximise a model, stopping once the relative gap is proven or the time is up.

    Parameters
    ----------
    time_limit : for the search [seconds]; HiGHS may overrun it while it presolves
    gap : relative gap at which to stop
    relax : drop integrality; only then are there duals
    apart : in a process of its own, which is ended if it overruns its time; starting one takes some tenths of a second
    """
    form = LinearStandardFormCompiler().write(model, mixed_form=True)
    scale = _scale(form)
    solved = (solve_apart if apart else solve)(_program(form, scale, relax=relax), time_limit=time_limit, gap=gap)
    return _read(solved, form, scale)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Units in which the solver sees the model, so that its absolute tolerances are shares of what is at stake.

    Attributes
    ----------
    rows : (rows,) each row's right-hand side, but at least `LEAST` of its largest coefficient; all of it where it is 0
    columns : (columns,) unit of each continuous variable, such that its largest coefficient is 1; 1 for binaries
    worth : (columns,) objective coefficients in those units, at most 1
    money : unit of the objective [objective]
    """

    rows: Floats
    columns: Floats
    worth: Floats
    money: float


def _scale(form: LinearStandardFormInfo) -> _Scale:
    rhs = np.abs(np.asarray(form.rhs, dtype=np.float64))
    largest = _positive(abs(form.A).max(axis=1))
    rows = np.where(rhs > 0, np.maximum(rhs, LEAST * largest), largest)
    whole = np.array([column.is_integer() for column in form.columns])
    columns = np.where(whole, 1.0, 1 / _positive(abs(form.A.multiply(1 / rows[:, None])).max(axis=0)))
    worth = -np.asarray(form.c.todense(), dtype=np.float64).ravel() * columns
    money = float(np.abs(worth).max(initial=0.0)) or 1.0
    return _Scale(rows, columns, worth / money, money)


def _positive(largest: coo_matrix) -> Floats:
    """A sparse row or column of maxima as an array, with 1 for 0."""
    dense = np.asarray(largest.todense(), dtype=np.float64).ravel()
    return np.where(dense > 0, dense, 1.0)


def _program(form: LinearStandardFormInfo, scale: _Scale, *, relax: bool) -> Program:
    matrix = form.A.multiply(scale.columns[None, :] / scale.rows[:, None]).tocsc()
    rhs, kind = np.asarray(form.rhs, dtype=np.float64) / scale.rows, np.array([row.bound_type for row in form.rows])
    if not all(np.all(np.isfinite(part)) for part in (scale.worth, rhs, matrix.data)):
        raise ValueError("a coefficient of the model is not finite")
    lower, upper = (np.array([column.bounds[side] for column in form.columns], dtype=np.float64) for side in (0, 1))
    whole = np.array([column.is_integer() for column in form.columns], dtype=np.bool_)
    return Program(
        cost=scale.worth,
        lower=np.where(np.isnan(lower), -np.inf, lower / scale.columns),
        upper=np.where(np.isnan(upper), np.inf, upper / scale.columns),
        row_lower=np.where(kind <= 0, rhs, -np.inf),
        row_upper=np.where(kind >= 0, rhs, np.inf),
        start=matrix.indptr,
        index=matrix.indices,
        value=matrix.data,
        whole=whole[:0] if relax else whole,
    )


def _read(solved: Solved, form: LinearStandardFormInfo, scale: _Scale) -> Run:
    if solved.infeasible:
        return Run(infeasible=True)
    bound = solved.bound * scale.money
    if not solved.columns.size:
        return Run(bound=bound, reason=solved.reason)
    values = dict(zip((column.name for column in form.columns), solved.columns * scale.columns, strict=True))
    duals = solved.duals * scale.money / scale.rows if solved.duals.size else np.empty(0)
    named = {row.constraint.name: float(dual) for row, dual in zip(form.rows, duals, strict=False)}
    return Run(values, bound, named, reason=solved.reason)
