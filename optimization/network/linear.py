"""Hands a packing program to HiGHS as arrays: maximise what is earned within what there is.

Guarantees
----------
* Only a solve that HiGHS calls optimal is read; anything else is None.
* A number that is not finite never reaches the solver, which would answer "optimal" with nonsense.
* One thread: the same arrays give the same answer.
"""

from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

Vector = NDArray[np.float64]

TOLERANCE = 1e-10
"""Share by which the solver may miss a row or a reduced cost: the least HiGHS takes, for fares far apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """An optimal answer.

    Attributes
    ----------
    values : (columns,)
    duals : (rows,) gain of the objective per unit of room, at least 0
    """

    values: Vector
    duals: Vector


def pack(worth: Vector, rows: csc_array, room: Vector, most: Vector, *, time_limit: float) -> Packed | None:
    """Maximise worth @ x subject to rows @ x <= room and 0 <= x <= most.

    The solver sees each variable as a share of `most`, each row as a share of its room, and the objective as a share of
    its largest coefficient, so that its absolute tolerances are shares of what is at stake.

    Parameters
    ----------
    most : (columns,) above 0
    time_limit : for the search [seconds]

    Raises
    ------
    ValueError
        if a number is not finite.
    """
    if not all(np.all(np.isfinite(part)) for part in (worth, rows.data, room, most)):
        raise ValueError("a coefficient of the program is not finite")
    earned, use = worth * most, rows * most[None, :]
    money = float(np.abs(earned).max(initial=0.0)) or 1.0
    largest = abs(use).max(axis=1).toarray()
    unit = np.where(room > 0, room, np.where(largest > 0, largest, 1.0))
    program = _program(earned / money, csc_array(use / unit[:, None]), room / unit)
    solver = highspy.Highs()
    options = {
        "output_flag": False,
        "threads": 1,
        "time_limit": max(time_limit, 1e-3),
        "primal_feasibility_tolerance": TOLERANCE,
        "dual_feasibility_tolerance": TOLERANCE,
    }
    for name, value in options.items():
        solver.setOptionValue(name, value)
    solver.passModel(program)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    found = solver.getSolution()
    shares = np.clip(np.asarray(found.col_value), 0.0, 1.0)
    return Packed(shares * most, np.maximum(np.asarray(found.row_dual), 0.0) * money / unit)


def _program(worth: Vector, rows: csc_array, room: Vector) -> highspy.HighsLp:
    program = highspy.HighsLp()
    program.num_row_, program.num_col_ = rows.shape
    program.sense_ = highspy.ObjSense.kMaximize
    program.col_cost_ = worth
    program.col_lower_, program.col_upper_ = np.zeros(len(worth)), np.ones(len(worth))
    program.row_lower_, program.row_upper_ = np.full(len(room), -np.inf), room
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_, program.a_matrix_.index_ = rows.indptr, rows.indices
    program.a_matrix_.value_ = rows.data
    return program
