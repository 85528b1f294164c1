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
    worth = -np.asarray(form.c.todense(), dtype=np.float64).ravel()
    money = float(np.abs(worth).max(initial=0.0)) or 1.0
    scale = _row_scale(form)
    solver = _solver(time_limit, gap)
    solver.passModel(_program(form, worth / money, scale, relax=relax))
    solver.run()
    return _read(solver, form, money, scale, relax=relax)


def _row_scale(form: LinearStandardFormInfo) -> Floats:
    """Divide each row by its right-hand side, so that the solver's absolute tolerance is relative to capacity."""
    largest = np.asarray(abs(form.A).max(axis=1).todense()).ravel() if form.A.nnz else np.ones(len(form.rhs))
    rhs = np.abs(np.asarray(form.rhs, dtype=np.float64))
    return np.where(rhs > 0, rhs, np.where(largest > 0, largest, 1.0))


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


def _program(form: LinearStandardFormInfo, worth: Floats, scale: Floats, *, relax: bool) -> highspy.HighsLp:
    matrix = form.A.tocsc()
    rhs, kind = np.asarray(form.rhs, dtype=np.float64) / scale, np.array([row.bound_type for row in form.rows])
    bounds = np.array([column.bounds for column in form.columns], dtype=object)
    entries = matrix.data / scale[matrix.indices]
    if not all(np.all(np.isfinite(part)) for part in (worth, rhs, entries)):
        raise ValueError("a coefficient of the model is not finite")
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(form.columns), len(form.rows)
    program.sense_ = highspy.ObjSense.kMaximize
    program.col_cost_ = worth
    program.col_lower_ = np.array([-np.inf if low is None else low for low in bounds[:, 0]], dtype=np.float64)
    program.col_upper_ = np.array([np.inf if high is None else high for high in bounds[:, 1]], dtype=np.float64)
    program.row_lower_ = np.where(kind <= 0, rhs, -np.inf)
    program.row_upper_ = np.where(kind >= 0, rhs, np.inf)
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_, program.a_matrix_.index_, program.a_matrix_.value_ = (
        matrix.indptr,
        matrix.indices,
        entries,
    )
    if not relax:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        program.integrality_ = [kinds[column.is_integer()] for column in form.columns]
    return program


def _read(solver: highspy.Highs, form: LinearStandardFormInfo, money: float, scale: Floats, *, relax: bool) -> Run:
    status, info = solver.getModelStatus(), solver.getInfo()
    never = (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible)
    if status in never:  # every model here is bounded: its prices are steps of ladders
        return Run(infeasible=True)
    bound = float(info.objective_function_value if relax else info.mip_dual_bound) * money
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Run(bound=bound)
    solution = solver.getSolution()
    values = {column.name: value for column, value in zip(form.columns, solution.col_value, strict=True)}
    if not relax:
        return Run(values, bound)
    duals = np.asarray(solution.row_dual) * money / scale
    return Run(values, bound, {row.constraint.name: float(d) for row, d in zip(form.rows, duals, strict=True)})
