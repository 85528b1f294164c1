"""Hands a Pyomo model to HiGHS as arrays.

Guarantees
----------
* How a run ended is a value: infeasible, out of time or a failure of the solver raise nothing.
* A number that is not finite never reaches the solver, which would answer "optimal" with nonsense.
* One thread and a fixed seed: the same model gives the same answer unless the time limit cuts it short.
"""

from dataclasses import dataclass, field

import highspy
import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler, LinearStandardFormInfo
from scipy.sparse import coo_matrix

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Run:
    """How one run ended.

    Attributes
    ----------
    values : name of variable -> value; empty without a solution
    bound : no solution is above it [objective]
    duals : name of constraint -> gain of the objective per unit added to its right-hand side; linear programs only
    infeasible : proven to have no solution
    """

    values: dict[str, float] = field(default_factory=dict)
    bound: float = np.inf
    duals: dict[str, float] = field(default_factory=dict)
    infeasible: bool = False


def run(model: pyo.ConcreteModel, *, time_limit: float, gap: float = 0.0, relax: bool = False) -> Run:
    """Maximise a model, stopping once the relative gap is proven or the time is up.

    Parameters
    ----------
    time_limit : for the search [seconds]; HiGHS may overrun it while it presolves
    gap : relative gap at which to stop
    relax : drop integrality; only then are there duals
    """
    form = LinearStandardFormCompiler().write(model, mixed_form=True)
    scale = _scale(form)
    solver = _solver(time_limit, gap)
    solver.passModel(_program(form, scale, relax=relax))
    solver.run()
    return _read(solver, form, scale, relax=relax)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Units in which the solver sees the model, so that its absolute tolerances are shares of what is at stake.

    Attributes
    ----------
    rows : (rows,) each row's right-hand side; its largest coefficient where that is 0
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
    rows = np.where(rhs > 0, rhs, _positive(abs(form.A).max(axis=1)))
    whole = np.array([column.is_integer() for column in form.columns])
    columns = np.where(whole, 1.0, 1 / _positive(abs(form.A.multiply(1 / rows[:, None])).max(axis=0)))
    worth = -np.asarray(form.c.todense(), dtype=np.float64).ravel() * columns
    money = float(np.abs(worth).max(initial=0.0)) or 1.0
    return _Scale(rows, columns, worth / money, money)


def _positive(largest: coo_matrix) -> Floats:
    """A sparse row or column of maxima as an array, with 1 for 0."""
    dense = np.asarray(largest.todense(), dtype=np.float64).ravel()
    return np.where(dense > 0, dense, 1.0)


def _solver(time_limit: float, gap: float) -> highspy.Highs:
    solver = highspy.Highs()
    options = {
        "output_flag": False,
        "threads": 1,
        "time_limit": max(float(time_limit), 1e-3),
        "mip_rel_gap": gap,
        "mip_abs_gap": 0.0,
    }
    for name, value in options.items():
        solver.setOptionValue(name, value)
    return solver


def _program(form: LinearStandardFormInfo, scale: _Scale, *, relax: bool) -> highspy.HighsLp:
    matrix = form.A.multiply(scale.columns[None, :] / scale.rows[:, None]).tocsc()
    rhs, kind = np.asarray(form.rhs, dtype=np.float64) / scale.rows, np.array([row.bound_type for row in form.rows])
    if not all(np.all(np.isfinite(part)) for part in (scale.worth, rhs, matrix.data)):
        raise ValueError("a coefficient of the model is not finite")
    lower, upper = (np.array([column.bounds[side] for column in form.columns], dtype=np.float64) for side in (0, 1))
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(form.columns), len(form.rows)
    program.sense_ = highspy.ObjSense.kMaximize
    program.col_cost_ = scale.worth
    program.col_lower_ = np.where(np.isnan(lower), -np.inf, lower / scale.columns)
    program.col_upper_ = np.where(np.isnan(upper), np.inf, upper / scale.columns)
    program.row_lower_ = np.where(kind <= 0, rhs, -np.inf)
    program.row_upper_ = np.where(kind >= 0, rhs, np.inf)
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_, program.a_matrix_.index_, program.a_matrix_.value_ = (
        matrix.indptr,
        matrix.indices,
        matrix.data,
    )
    if not relax:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        program.integrality_ = [kinds[column.is_integer()] for column in form.columns]
    return program


def _read(solver: highspy.Highs, form: LinearStandardFormInfo, scale: _Scale, *, relax: bool) -> Run:
    status, info = solver.getModelStatus(), solver.getInfo()
    never = (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible)
    if status in never:  # every model here is bounded: its prices are steps of ladders
        return Run(infeasible=True)
    bound = float(info.objective_function_value if relax else info.mip_dual_bound) * scale.money
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Run(bound=bound)
    solution = solver.getSolution()
    values = dict(zip((column.name for column in form.columns), solution.col_value * scale.columns, strict=True))
    if not relax:
        return Run(values, bound)
    duals = np.asarray(solution.row_dual) * scale.money / scale.rows
    return Run(values, bound, {row.constraint.name: float(d) for row, d in zip(form.rows, duals, strict=True)})
