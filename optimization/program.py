"""A mixed-integer linear program as arrays, solved by HiGHS here or in a process of its own that can be ended.

Guarantees
----------
* How a run ended is a value: infeasible, unbounded, out of time, killed or a failure of the solver raise nothing.
* Only a solution that HiGHS calls feasible is handed on, and only a proven bound; with any other ending there is none.
* Apart, a run is over when its time and `GRACE` are: HiGHS may overrun its limit while it presolves.
* One thread and a fixed seed: the same program gives the same answer unless the time limit cuts it short.
"""

import subprocess
import sys
from dataclasses import dataclass, fields
from io import BytesIO

import highspy
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]

GRACE = 3.0
"""Time beyond its limit after which a solver in a process of its own is ended [seconds]."""


@dataclass(frozen=True, eq=False)
class Program:
    """Maximise cost x, with rows and columns between bounds.

    Attributes
    ----------
    start, index, value : the matrix, column by column
    whole : (columns,) whether the variable is an integer; empty for a linear program
    """

    cost: Floats
    lower: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats
    start: Indices
    index: Indices
    value: Floats
    whole: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Solved:
    """How a run ended.

    Attributes
    ----------
    columns, duals : values of the variables, and of the rows of a linear program; empty without a solution
    bound : no solution is above it; infinite if nothing is known
    infeasible : proven to have no solution
    reason : what went wrong, in words; empty if nothing did
    """

    columns: Floats
    duals: Floats
    bound: float = np.inf
    infeasible: bool = False
    reason: str = ""


NOTHING = np.empty(0)

EITHER = (highspy.HighsModelStatus.kUnboundedOrInfeasible, highspy.HighsModelStatus.kUnbounded)
"""Endings that mean infeasible where the bounds of the variables rule out the other."""


def solve(program: Program, *, time_limit: float, gap: float) -> Solved:
    """Run HiGHS here."""
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
    solver.passModel(_passed(program))
    solver.run()
    return _read(solver, program)


def solve_apart(program: Program, *, time_limit: float, gap: float) -> Solved:
    """Run HiGHS in a process of its own; if that dies or overruns, the reason says so and there is no solution."""
    with BytesIO() as packed:
        named = {field.name: getattr(program, field.name) for field in fields(program)}
        np.savez(packed, time_limit=time_limit, gap=gap, **named)
        given = packed.getvalue()
    with subprocess.Popen(  # noqa: S603  # this interpreter, this file
        [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        try:
            answer, _ = child.communicate(given, timeout=time_limit + GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            return Solved(NOTHING, NOTHING, reason=f"the solver overran its {time_limit:.1f} s and was ended")
    if child.returncode:
        how = f"signal {-child.returncode}" if child.returncode < 0 else f"exit code {child.returncode}"
        return Solved(NOTHING, NOTHING, reason=f"the solver's process died ({how})")
    with np.load(BytesIO(answer), allow_pickle=False) as found:
        return Solved(
            found["columns"],
            found["duals"],
            float(found["bound"]),
            bool(found["infeasible"]),
            str(found["reason"]),
        )


def _passed(program: Program) -> highspy.HighsLp:
    passed = highspy.HighsLp()
    passed.num_col_, passed.num_row_ = len(program.cost), len(program.row_lower)
    passed.sense_ = highspy.ObjSense.kMaximize
    passed.col_cost_, passed.col_lower_, passed.col_upper_ = program.cost, program.lower, program.upper
    passed.row_lower_, passed.row_upper_ = program.row_lower, program.row_upper
    passed.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    passed.a_matrix_.start_, passed.a_matrix_.index_ = program.start, program.index
    passed.a_matrix_.value_ = program.value
    if program.whole.size:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        passed.integrality_ = [kinds[int(whole)] for whole in program.whole]
    return passed


def _read(solver: highspy.Highs, program: Program) -> Solved:
    status, info, relaxed = solver.getModelStatus(), solver.getInfo(), not program.whole.size
    if status == highspy.HighsModelStatus.kInfeasible or (status in EITHER and _bounded(program)):
        return Solved(NOTHING, NOTHING, infeasible=True)
    timed_out = status == highspy.HighsModelStatus.kTimeLimit
    if status != highspy.HighsModelStatus.kOptimal and (relaxed or not timed_out):
        return Solved(NOTHING, NOTHING, reason=f"the solver ended with {status.name[1:]}")
    bound = float(info.objective_function_value if relaxed else info.mip_dual_bound)
    reason = "the solver's time was up" if timed_out else ""
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Solved(NOTHING, NOTHING, bound, reason=reason)
    solution = solver.getSolution()
    duals = np.asarray(solution.row_dual) if relaxed else NOTHING
    return Solved(np.asarray(solution.col_value), duals, bound, reason=reason)


def _bounded(program: Program) -> bool:
    """Whether the bounds of the variables alone keep the objective from growing without end."""
    best = np.where(program.cost > 0, program.upper, program.lower)
    return bool(np.all(np.isfinite(best[program.cost != 0])))


def main() -> None:
    """Read a program from standard input, solve it, and write how it ended to standard output."""
    with np.load(BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as given:
        program = Program(*(given[field.name] for field in fields(Program)))
        solved = solve(program, time_limit=float(given["time_limit"]), gap=float(given["gap"]))
    np.savez(sys.stdout.buffer, **{field.name: getattr(solved, field.name) for field in fields(solved)})


if __name__ == "__main__":
    main()
