"""Taking fixed effects out of columns: what is left of each after the means of every level are gone.

Guarantees
----------
* What comes back has a weighted mean of zero within every level of every factor (to the tolerance asked for).
* One factor is exact in one pass. Where all factors but the largest have few levels, the normal equations of their
  effects, the largest one's eliminated, are solved directly (the dummy-variable regression by blocks; Abowd, Creecy and
  Kramarz 2002). Else: alternating projections, accelerated by conjugate gradients (Hernandez-Ramos, Escalante and
  Raydan 2011; Correia 2017).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

Vector = NDArray[np.float64]
Codes = NDArray[np.intp]

MAX_ITERATIONS = 2_000
REFINEMENTS = 3
"""Steps of iterative refinement that undo the ridge below."""
_RIDGE = 1e-9
"""Added to the normal equations, relative to their diagonal: effects of several factors are only told apart up to a
constant, and a constant drops out of what is left."""
_ENTRIES, _OPERATIONS = 4, 1_000
"""Most entries of the cross table and operations to reduce it, per row, for which the direct way is the quicker one."""


def codes_of(values: NDArray[np.generic]) -> Codes:
    """(n,) levels numbered 0, 1, ... in the order of their values."""
    if len(values) and np.issubdtype(values.dtype, np.integer):
        numbers = values.astype(np.intp, copy=False)
        low, high = int(numbers.min()), int(numbers.max())
        if low >= 0 and high <= 4 * len(numbers):  # small numbers need no sorting
            present = np.zeros(high + 1, dtype=np.intp)
            present[numbers] = 1
            return (np.cumsum(present) - 1)[numbers]
    return np.unique(values, return_inverse=True)[1].astype(np.intp)


def demean(columns: Vector, factors: Sequence[Codes], weights: Vector, *, tolerance: float = 1e-10) -> Vector:
    """Columns without their effects.

    Parameters
    ----------
    columns : (n, k)
    factors : (n,) each, levels numbered from 0
    weights : (n,), not negative
    tolerance : what may be left of an effect, relative to the column's own spread

    Returns
    -------
    (n, k), in Fortran order
    """
    out: Vector = np.empty(columns.shape, order="F")
    out[:] = columns
    if len(factors) > 1 and (direct := _Direct.within_reach(factors, weights)):
        return direct(out)
    projections = [_Projection(factor, weights) for factor in factors]
    for k in range(out.shape[1]):
        out[:, k] = _solve(out[:, k], projections, weights, tolerance)
    return out


class _Direct:
    """Takes off the effects of several factors, of which all but the largest have few levels together."""

    def __init__(self, large: Codes, small: Sequence[Codes], weights: Vector) -> None:
        self._large, self._small, self._weights = large, small, weights
        total = np.bincount(large, weights)
        self._inverse = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        self._cross = np.hstack([_cross_table(large, code, weights) for code in small])
        normal = np.block([[_cross_table(one, two, weights) for two in small] for one in small])
        self._normal = normal - self._cross.T @ (self._inverse[:, None] * self._cross)
        diagonal = np.diag(normal).copy()
        self._factor = cho_factor(
            self._normal + np.diag(np.where(diagonal > 0, _RIDGE * diagonal, 1.0)), check_finite=False
        )

    @classmethod
    def within_reach(cls, factors: Sequence[Codes], weights: Vector) -> "_Direct | None":
        """The solver, or None where the conjugate gradients are quicker or need less memory."""
        ordered = sorted(factors, key=lambda code: int(code.max(initial=-1)))
        large, small = ordered[-1], ordered[:-1]
        rows, levels = len(large), sum(int(code.max(initial=-1)) + 1 for code in small)
        entries = levels * (int(large.max(initial=-1)) + 1)
        if not rows or entries > _ENTRIES * rows + 10_000 or entries * levels > _OPERATIONS * rows + 1_000_000:
            return None
        try:
            return cls(large, small, weights)
        except np.linalg.LinAlgError:  # not positive definite by rounding: levels that hardly differ
            return None

    def __call__(self, columns: Vector) -> Vector:
        sums = [self._sums(column) for column in columns.T]
        first = np.column_stack([one for one, _ in sums])
        effects = self._effects(np.column_stack([two for _, two in sums]) - self._cross.T @ first)
        level = first - self._inverse[:, None] * (self._cross @ effects)
        for k in range(columns.shape[1]):
            columns[:, k] -= level[:, k][self._large]
            start = 0
            for code in self._small:
                columns[:, k] -= effects[start:, k][code]
                start += int(code.max()) + 1
        return columns

    def _sums(self, column: Vector) -> tuple[Vector, Vector]:
        """Weighted means of a column within the large factor's levels, and its sums within the small ones'."""
        weighted = self._weights * column
        small = [np.bincount(code, weighted) for code in self._small]
        return self._inverse * np.bincount(self._large, weighted), np.concatenate(small)

    def _effects(self, right: Vector) -> Vector:
        effects = cho_solve(self._factor, right, check_finite=False)
        for _ in range(REFINEMENTS):
            effects += cho_solve(self._factor, right - self._normal @ effects, check_finite=False)
        return effects


def _cross_table(first: Codes, second: Codes, weights: Vector) -> Vector:
    """(levels of first, levels of second) sums of the weights."""
    rows, columns = int(first.max()) + 1, int(second.max()) + 1
    if first is second:
        return np.diag(np.bincount(first, weights))
    sums = np.bincount(first * columns + second, weights, rows * columns)
    return sums.astype(np.float64, copy=False).reshape(rows, columns)


class _Projection:
    """Takes the weighted means of one factor's levels off a column."""

    def __init__(self, factor: Codes, weights: Vector) -> None:
        total = np.bincount(factor, weights)
        self._factor, self._weights = factor, weights
        self._inverse = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)

    def __call__(self, column: Vector) -> Vector:
        means = np.bincount(self._factor, self._weights * column, len(self._inverse)) * self._inverse
        return column - means[self._factor]


def _solve(column: Vector, projections: Sequence[_Projection], weights: Vector, tolerance: float) -> Vector:
    if len(projections) <= 1:
        return projections[0](column) if projections else column
    symmetric = [*projections, *projections[-2::-1]]
    spread = float(weights @ (column - weights @ column / weights.sum()) ** 2)

    def explained(x: Vector) -> Vector:
        rest = x
        for project in symmetric:
            rest = project(rest)
        return x - rest

    left = explained(column)
    residual, step, size = column.copy(), left.copy(), float(weights @ left**2)
    for _ in range(MAX_ITERATIONS):
        if size <= tolerance**2 * spread:
            break
        image = explained(step)
        curvature = float(weights @ (step * image))
        if not curvature > 0:
            break
        residual -= size / curvature * step
        left -= size / curvature * image
        fresh = float(weights @ left**2)
        step, size = left + fresh / size * step, fresh
    return projections[0](residual)
