"""Forecasts of series and of their totals, made to agree (minimum trace reconciliation).

Guarantees
----------
* Every total is the sum of its series in the mean, to rounding, and no series is negative or above its capacity.
* A series of which nothing is expected, and which was never forecast wrongly, stays at zero.
* A total's interval is never wider than if all its series erred together, nor outside what its series can sell.

Weighted least squares on the base forecasts of all nodes, weighted by the covariance of their errors at past origins,
shrunk (Wickramasuriya, Athanasopoulos and Hyndman 2019; Schaefer and Strimmer 2005). With the constraints C y = 0,
C = [-sums, identity], the solution is y - W C' (C W C')^-1 C y (Di Fonzo and Girolimetto 2023, section 2): one system
in the number of totals. W is a diagonal and a product of the errors, C W C' sparse and of low rank, so that thousands
of series never meet in a dense matrix.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import splu

from forecasting.model import Forecast, Vector

LEAST = 0.05
"""Least weight of the variances alone: a few errors of many series always leave some combination without one."""
ORIGINS = 1.0
"""What nodes of a size have in common says as much of an error's variance as this many past origins."""
SHARE = 1 / 3
"""Of minimum trace in what is reported; the rest adds up the series. Set on two years of a hotel's segments."""
ROUNDS = 20
"""Most rounds of holding at their bounds the series that would pass them."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Covariance of base forecasts' errors: shrinkage x diagonal + (1 - shrinkage) x past errors squared.

    Attributes
    ----------
    variance : (m,) of each node [units^2]
    past : (m, t) errors at past origins over the root of their number; 0 where not known [units]
    shrinkage : weight of the diagonal, above 0
    """

    variance: Vector
    past: Vector
    shrinkage: float

    def holding(self, held: NDArray[np.bool_]) -> "Errors":
        """As if the first nodes, where held, were certain."""
        kept = np.ones(self.variance.size, dtype=bool)
        kept[: held.size] = ~held
        return replace(self, variance=self.variance * kept, past=self.past * kept[:, None])


def errors_of(past: Sequence[Vector], typical: Vector, n: int) -> Errors:
    """Covariance from errors at past origins.

    A node's variance is the mean of its squared errors, shrunk towards what variance is to the size of a forecast,
    among series and among totals: with no past origin at all the structure decides.

    Parameters
    ----------
    past : (m,) of (origins, h) errors, NaN where not known: series, then totals [units]
    typical : (m,) size of each forecast [units]
    n : how many are series
    """
    origins, horizon = max(e.shape[0] for e in past), max(e.shape[1] for e in past)
    cube = np.full((len(past), origins, horizon), np.nan)
    for row, errors in zip(cube, past, strict=True):
        row[: errors.shape[0], : errors.shape[1]] = errors
    known, squares = np.isfinite(cube), np.nan_to_num(cube) ** 2
    seen = known.any(axis=2)
    energy = np.sum(squares.sum(axis=2) / np.maximum(known.sum(axis=2), 1), axis=1)  # of whole origins
    count = seen.sum(axis=1)
    variance = (energy + ORIGINS * _usual(energy, count, typical, n)) / (count + ORIGINS)
    flat = np.nan_to_num(cube).reshape(len(past), -1)
    blocks = np.repeat(np.arange(origins), horizon)
    used = known.any(axis=0).ravel()
    flat, blocks = flat[:, used], blocks[used]
    shrinkage = shrinkage_of(flat / np.sqrt(np.where(variance > 0, variance, 1.0))[:, None], blocks)
    return Errors(variance, flat / np.sqrt(max(flat.shape[1], 1)), max(shrinkage, LEAST))


def _usual(energy: Vector, count: Vector, typical: Vector, n: int) -> Vector:
    """(m,) variance in proportion to the size of the forecast, among series and among totals."""
    usual = np.empty_like(typical)
    for part in (slice(None, n), slice(n, None)):
        scale = float(np.sum(count[part] * typical[part]))
        usual[part] = typical[part] * (float(energy[part].sum()) / scale if scale > 0 and count[part].any() else 1.0)
    return usual


def shrinkage_of(scaled: Vector, blocks: NDArray[np.int64]) -> float:
    """Weight of no correlation that is best for the covariance (Schaefer and Strimmer 2005, table 1, target D).

    The sum of the variances of the correlations over the sum of their squares. Errors from one origin go together, so
    that the variance of a correlation is that of its blocks' sums; blocks of one are the textbook. Sums over all pairs
    of nodes are taken in the number of errors: the sum of squares of X X' is that of X' X.

    Parameters
    ----------
    scaled : (m, t) errors over their standard deviations
    blocks : (t,) which errors go together
    """
    t, groups = blocks.size, np.unique(blocks)
    if groups.size < 2:
        return 1.0
    squares = _pairs(scaled, scaled) / t**2
    within = sum(_pairs(part, part) for part in (scaled[:, blocks == group] for group in groups)) / t**2
    shares = [(blocks == group).mean() for group in groups]
    cross = (
        sum(share * _pairs(scaled[:, blocks == group], scaled) for share, group in zip(shares, groups, strict=True))
        / t**2
    )
    spread = within - 2 * cross + squares * float(np.sum(np.square(shares)))
    return float(np.clip(spread * groups.size / (groups.size - 1) / squares, 0, 1)) if squares > 0 else 1.0


def _pairs(left: Vector, right: Vector) -> float:
    """Sum over pairs of different nodes i, j of (left left')_ij (right right')_ij."""
    every = float(np.sum((left.T @ right) ** 2))
    return every - float(np.sum(np.sum(left**2, axis=1) * np.sum(right**2, axis=1)))


def minimum_trace(values: Vector, sums: csr_array, errors: Errors) -> Vector:
    """(m, k) columns of node values, moved by least cost until totals are sums; see the module for the formula."""
    n = sums.shape[1]
    diagonal, share = errors.shrinkage * errors.variance, 1 - errors.shrinkage
    totals = np.maximum(diagonal[n:], 1e-12 * max(float(diagonal.max()), 1e-12))  # a certain total still follows
    system = splu((diags_array(totals) + sums @ diags_array(diagonal[:n]) @ sums.T).tocsc())
    gap = values[n:] - sums @ values[:n]
    low = np.sqrt(share) * (errors.past[n:] - sums @ errors.past[:n])
    spread = system.solve(low)
    direct = system.solve(gap)
    inner = np.eye(low.shape[1]) + low.T @ spread
    price = direct - spread @ np.linalg.solve(inner, low.T @ direct)  # Woodbury
    moved = np.vstack([-(diagonal[:n, None] * (sums.T @ price)), totals[:, None] * price])
    moved += np.sqrt(share) * errors.past @ (low.T @ price)
    return np.asarray(values - moved, dtype=np.float64)


def within_bounds(mean: Vector, sums: csr_array, errors: Errors, limit: Vector) -> Vector:
    """(m, h) reconciled means with every series in [0, limit], and totals the exact sums.

    Series that pass a bound are held there and the others reconciled again (Kourentzes and Athanasopoulos 2021): what
    is feasible is found, near the least cost.
    """
    n = sums.shape[1]
    parts = minimum_trace(mean, sums, errors)[:n]
    for step in np.flatnonzero(np.any((parts < 0) | (parts > limit), axis=0)):
        start, held, now = mean[:, [step]].copy(), np.zeros(n, dtype=bool), parts[:, step]
        for _ in range(ROUNDS):
            passed = ~held & ((now < 0) | (now > limit[:, step]))
            if not passed.any():
                break
            start[:n, 0] = np.where(passed, np.clip(now, 0, limit[:, step]), start[:n, 0])
            held |= passed
            now = minimum_trace(start, sums, errors.holding(held))[:n, 0]
        parts[:, step] = now
    return _added(np.clip(parts, 0, limit), sums)


def reconciled(forecasts: Sequence[Forecast], past: Sequence[Vector], sums: csr_array, limit: Vector) -> list[Forecast]:
    """Forecasts of all nodes that agree: a weighted average of minimum trace and of adding up the series.

    Either agrees; a few origins do not tell which is better, and an average is seldom worse than the better one
    (Hollyman, Petropoulos and Tipping 2021). Each interval moves in proportion to its mean, and is as much narrower as
    errors at past origins, reconciled alike, are smaller.

    Parameters
    ----------
    forecasts : (m,) base forecasts of (h,) periods: series, then totals
    past : (m,) of (origins, h) errors at past origins, NaN where not known [units]
    sums : (m - n, n) which series a total holds
    limit : (n, h) capacity
    """
    n = sums.shape[1]
    mean, lower, upper = (np.stack([getattr(f, part) for f in forecasts]) for part in ("mean", "lower", "upper"))
    errors = errors_of(past, mean.mean(axis=1), n)
    made = SHARE * within_bounds(mean, sums, errors, limit) + (1 - SHARE) * _added(mean, sums)
    width = _narrowed(errors, sums)[:, None]
    below, above = made - made * _power(lower, mean, width), made * _power(upper, mean, width) - made
    above = np.where(mean > 0, above, upper)
    above[:n] = np.minimum(above[:n], limit - made[:n])
    for sides in (below, above):
        sides[n:] = np.minimum(sides[n:], sums @ sides[:n])
    most = np.vstack([limit, sums @ limit])
    return [Forecast.within(*row) for row in zip(made, made - below, made + above, most, strict=True)]


def _power(bound: Vector, mean: Vector, width: Vector) -> Vector:
    """(m, h) bound over mean, closer to 1 (or farther) in logs: a lower bound of zero stays zero."""
    return np.asarray((bound / np.where(mean > 0, mean, 1.0)) ** width, dtype=np.float64)


def _added(values: Vector, sums: csr_array) -> Vector:
    """(m, k) values of the series, and their sums."""
    parts = values[: sums.shape[1]]
    return np.vstack([parts, sums @ parts])


def _narrowed(errors: Errors, sums: csr_array) -> Vector:
    """(m,) deviation of reconciled past errors over that of base ones; near 1 where few errors are known."""
    after = SHARE * minimum_trace(errors.past, sums, errors) + (1 - SHARE) * _added(errors.past, sums)
    kept = errors.variance + 1e-12
    squares = (np.sum(each**2, axis=1) for each in (after, errors.past))
    return np.asarray(np.sqrt(np.divide(*((each + kept) for each in squares))), dtype=np.float64)
