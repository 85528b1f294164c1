"""Taking fixed effects out of columns: what is left of each after the means of every level are gone.

Guarantees
----------
* What comes back has a weighted mean of zero within every level of every factor (to the tolerance asked for).
* One factor is exact in one pass; several are solved by alternating projections, accelerated by conjugate gradients
  (Hernandez-Ramos, Escalante and Raydan 2011; Correia 2017).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Codes = NDArray[np.intp]

MAX_ITERATIONS = 2_000


def codes_of(values: NDArray[np.generic]) -> Codes:
    """(n,) levels numbered 0, 1, ... in the order of their values."""
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
    projections = [_Projection(factor, weights) for factor in factors]
    out = np.array(columns, dtype=np.float64, order="F")
    for k in range(out.shape[1]):
        out[:, k] = _solve(out[:, k], projections, weights, tolerance)
    return out


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
