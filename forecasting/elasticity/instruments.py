"""Slopes with instruments: the price is moved by something that does not move demand.

Guarantees
----------
* In units (`control_function`) what the instruments leave unexplained of the price stands beside it in the count model,
  so that periods without a sale and sold-out ones count as they do without instruments; in logs (`two_stage`) it is
  two-stage least squares, with limited-information maximum likelihood beside it.
* Errors are jackknifed by cluster over both stages at once. How strongly the instruments move the price is told by the
  effective F, which holds with clustered errors, and by the value it must reach.
* Instruments that are the price itself, or nearly, are not used: with them the slope would be that of sales alone.
* `Region` holds the truth 95 times in 100 however weak the instruments are; it says so where it has no end.

Both ways rest on the two reduced forms: how the instruments move the price (b), and demand (a). The slope is what makes
a - slope b vanish. In units, demand's is a = g + h b, of a count model with coefficients h on the price and g on the
instruments, which with one instrument is the control function (Wooldridge 2015), with several minimum distance
(Magnusson 2010). It asks that what moves price and demand unseen adds to the logarithm of both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.stats import ncx2

from forecasting.elasticity.errors import REFIT
from forecasting.elasticity.panel import Mask, censored, poisson
from forecasting.elasticity.region import Candidates, Region
from forecasting.elasticity.within import Codes, Vector, codes_of, demean

LEVEL = 0.95
WORST_BIAS = 0.10
"""Share of the worst possible bias that strong instruments may leave, at most (Montiel Olea and Pflueger 2013)."""
ALL_OF_IT = 0.99
"""Share of the price's own moves from which instruments explain as good as all of them."""
_NO_MOVE = 1e-7


@dataclass(frozen=True, slots=True)
class Instrumented:
    """A slope with instruments, and what it can be trusted for.

    Attributes
    ----------
    slope, se : d ln(units) / d ln(price), NaN where the instruments do not move the price at all
    first_stage, needed : effective F of the instruments, and the value from which they are strong
    contradiction : p-value of several instruments agreeing on one slope (Hansen); None for one instrument
    region : slopes not contradicted, by Anderson and Rubin (1949), with clustered errors
    rows, clusters : used
    limited : the slope by limited information, in logs
    explained : share of the price's own moves, beyond effects and other regressors, that the instruments explain, as
        they are or in logs; from `ALL_OF_IT` on there is no slope
    pull : (m,) change of log price with each instrument, as the first stage has it
    """

    slope: float
    se: float
    first_stage: float
    needed: float
    contradiction: float | None
    region: Region
    rows: int
    clusters: int
    limited: float | None = None
    explained: float = 0.0
    pull: Vector = field(default_factory=lambda: np.zeros(0), repr=False, compare=False)

    @property
    def strong(self) -> bool:
        """Whether the instruments move the price enough for slope and error to be taken as they are."""
        return self.first_stage >= self.needed


def two_stage(
    quantity: Vector,
    columns: Vector,
    instruments: Vector,
    factors: Sequence[Codes],
    clusters: Codes,
    *,
    shared: Codes | None = None,
) -> Instrumented:
    """Two-stage least squares of ln(quantity) on log price (first of `columns`), which the instruments move.

    Parameters
    ----------
    quantity : (n,) [units]; rows without a sale have no logarithm and are left out
    columns : (n, 1 + k) log price, then regressors that are their own instruments
    instruments : (n, m)
    shared : (n,) as in `forecasting.elasticity.cells.Panel`
    """
    sold = quantity > 0
    levels = [codes_of(f[sold]) for f in factors]
    ways = _ways(clusters[sold], None if shared is None else shared[sold])
    x, ones = columns[sold], np.ones(int(sold.sum()))
    first = _FirstStage.of(x, instruments[sold], levels)
    z = first.instruments
    if first.useless or len(ones) <= z.shape[1] + x.shape[1] + sum(int(f.max()) for f in levels) + 1:
        return first.told(_hopeless(len(ones), ways))
    stacked = np.column_stack([np.log(quantity[sold]), x[:, 0], z, x[:, 1:]])
    keep = 2 + z.shape[1]
    total, rest = _cross_products(stacked, levels, ones, ways)
    full = _partialled(total, keep)
    forms = [[_in_logs(_partialled(m, keep)) for m in way] for way in rest]
    return first.told(_judged(_in_logs(full), forms, len(ones), ways, limited=_limited(full)))


def as_the_price(instruments: Vector) -> Vector:
    """(n, m) instruments above 0 throughout in logs, as the price is; others as they are.

    A control function is right only where the price is linear in the instruments.
    """
    logs = [np.log(column) if len(column) and column.min() > 0 else column for column in instruments.T]
    return np.column_stack(logs) if logs else instruments


def _in_logs(products: Vector) -> "_Reduced":
    """From cross products of demand, price and instruments."""
    inner = products[2:, 2:]
    return _Reduced(_solved(inner, products[2:, 0]), _solved(inner, products[2:, 1]), inner)


def control_function(
    quantity: Vector,
    columns: Vector,
    instruments: Vector,
    factors: Sequence[Codes],
    clusters: Codes,
    *,
    shared: Codes | None = None,
    sold_out: Mask | None = None,
) -> Instrumented:
    """The slope of a count model of `quantity` on log price (first of `columns`), which the instruments move.

    Parameters
    ----------
    quantity : (n,) [units]
    columns : (n, 1 + k) log price, then regressors that are their own instruments
    instruments : (n, m)
    shared : (n,) as in `forecasting.elasticity.cells.Panel`
    sold_out : (n,) rows whose demand was at least their quantity
    """
    first = _FirstStage.of(columns, instruments, factors)
    z = first.instruments
    if first.useless:
        return first.told(_hopeless(len(quantity), _ways(clusters, shared)))
    regressors = np.column_stack([columns[:, :1], z, columns[:, 1:]])
    if sold_out is not None and sold_out.any():
        fit = censored(quantity, regressors, factors, sold_out)
    else:
        fit = poisson(quantity, regressors, factors)
    ways = _ways(clusters[fit.kept], None if shared is None else shared[fit.kept])
    if not fit.usable:
        return first.told(_hopeless(len(fit.mean), ways))
    working = np.column_stack([np.log(fit.mean) + fit.residual, fit.columns])
    price, prices = _cross_products(fit.columns, fit.factors, np.ones(len(fit.mean)), ways)
    demand, demands = _cross_products(working, fit.factors, fit.weight, ways)
    m = z.shape[1]
    forms = [
        [_in_units(one, two, m) for one, two in zip(*way, strict=True)] for way in zip(prices, demands, strict=True)
    ]
    return first.told(_judged(_in_units(price, demand, m), forms, len(fit.mean), ways))


def _in_units(first: Vector, second: Vector, m: int) -> "_Reduced":
    """From cross products of price, instruments and other columns, and of demand's working response with them."""
    price, demand = _partialled(first, 1 + m), _partialled(second, 2 + m)
    moved = _solved(price[1:, 1:], price[1:, 0])
    answered = np.linalg.lstsq(demand[1:, 1:], demand[1:, 0], rcond=1e-12)[0]
    return _Reduced(answered[1:] + answered[0] * moved, moved, price[1:, 1:])


def _ways(clusters: Codes, shared: Codes | None) -> list[Codes]:
    """The clusters; with shared ones these too, and then the crossed ones, which two ways count twice."""
    one = codes_of(clusters)
    if shared is None:
        return [one]
    two = codes_of(shared)
    return [one, two, codes_of(one * (int(two.max(initial=0)) + 1) + two)]


@dataclass(frozen=True, slots=True, eq=False)
class _Reduced:
    """How the instruments move demand and price, (m,) each, and the cross product of the instruments."""

    demand: Vector = field(repr=False)
    price: Vector = field(repr=False)
    metric: Vector = field(repr=False)

    @property
    def slope(self) -> float:
        """What makes demand's less slope times price's smallest, by the weights of two-stage least squares."""
        weighted = self.metric @ self.price
        return float(weighted @ self.demand / (weighted @ self.price))

    def moves_from(self, other: "_Reduced") -> Vector:
        """(2 m,) how far both reduced forms are from another's."""
        return np.concatenate([self.demand - other.demand, self.price - other.price])


@dataclass(frozen=True, slots=True, eq=False)
class _FirstStage:
    """What the instruments tell of the price.

    Attributes
    ----------
    instruments : (n, rank) in directions of their own, beyond the effects and other regressors, of length 1
    pull, explained : as in `Instrumented`
    """

    instruments: Vector = field(repr=False)
    pull: Vector
    explained: float

    @classmethod
    def of(cls, columns: Vector, instruments: Vector, factors: Sequence[Codes]) -> "_FirstStage":
        """Of log price (first of `columns`) on the instruments."""
        rows, m = instruments.shape
        if not rows:
            return cls(np.zeros((0, 0)), np.zeros(m), 0.0)
        logs = [np.log(column) for column in instruments.T if column.min() > 0]
        scaled, size = _scaled(np.column_stack([instruments, *logs]))
        within = demean(np.column_stack([scaled, columns]), factors, np.ones(rows))
        cross = _partialled(within.T @ within, scaled.shape[1] + 1)
        own, with_price = float(cross[-1, -1]), cross[:-1, -1]
        basis = _basis(cross[:m, :m], rows)
        moved, all_moved = basis.T @ with_price[:m], _basis(cross[:-1, :-1], rows).T @ with_price
        explained = float(all_moved @ all_moved) / own if own > 0 else 0.0
        return cls(scaled[:, :m] @ basis, basis @ moved / size[:m], explained)

    @property
    def useless(self) -> bool:
        """Whether they do not move on their own, or are the price."""
        return not self.instruments.shape[1] or self.explained >= ALL_OF_IT

    def told(self, found: Instrumented) -> Instrumented:
        """The slope, with what the first stage found."""
        return replace(found, explained=self.explained, pull=self.pull)


def _scaled(columns: Vector) -> tuple[Vector, Vector]:
    """Columns around their means, in standard deviations, and these; 1 for a column that stands still."""
    away = columns - columns.mean(axis=0)
    size = np.sqrt(np.mean(away**2, axis=0))
    size = np.where(size > 0, size, 1.0)
    return away / size, size


def _basis(cross: Vector, rows: int) -> Vector:
    """(k, rank) combinations of columns, given their cross products, that are uncorrelated and of length 1."""
    values, directions = np.linalg.eigh(cross)
    kept = values > _NO_MOVE * rows
    return np.asarray(directions[:, kept] / np.sqrt(values[kept]), dtype=np.float64)


def _cross_products(
    columns: Vector, factors: Sequence[Codes], weight: Vector, ways: Sequence[Codes]
) -> tuple[Vector, list[list[Vector]]]:
    """Weighted cross products free of effects: of all rows, then, for each way, without each cluster in turn.

    As in `forecasting.elasticity.errors.jackknife`, few clusters estimate the effects anew, many hold them.
    """
    free = demean(columns, factors, weight)
    total = free.T @ (weight[:, None] * free)

    def without(rows: NDArray[np.intp], *, held: bool) -> Vector:
        if held:
            return total - free[rows].T @ (weight[rows, None] * free[rows])
        rest = weight.copy()
        rest[rows] = 0.0
        anew = demean(columns, factors, rest, tolerance=1e-7)
        return anew.T @ (rest[:, None] * anew)

    out = []
    for clusters in ways:
        order, counts = np.argsort(clusters, kind="stable"), np.bincount(clusters)
        parts = np.split(order, np.cumsum(counts)[:-1])
        out.append([without(rows, held=len(counts) > REFIT) for rows in parts])
    return total, out


def _partialled(products: Vector, keep: int) -> Vector:
    """(keep, keep) cross products of the first columns once the others are taken out."""
    if products.shape[0] == keep:
        return products
    across = products[:keep, keep:]
    return products[:keep, :keep] - across @ np.linalg.pinv(products[keep:, keep:], rcond=1e-10) @ across.T


def _solved(products: Vector, right: Vector) -> Vector:
    return np.asarray(np.linalg.solve(products, right), dtype=np.float64)


def _limited(products: Vector) -> float | None:
    """Slope by limited-information maximum likelihood (Anderson and Rubin 1949); None where the fit is exact.

    Parameters
    ----------
    products : cross products of demand, price and instruments, in this order
    """
    total, across = products[:2, :2], products[2:, :2]
    left = total - across.T @ np.linalg.solve(products[2:, 2:], across)
    try:
        kappa = float(eigh(total, left, eigvals_only=True)[0])
    except np.linalg.LinAlgError:
        return None
    free = total - kappa * left
    return float(free[0, 1] / free[1, 1])


def _judged(
    full: _Reduced,
    ways: Sequence[Sequence[_Reduced]],
    rows: int,
    clusters: Sequence[Codes],
    limited: float | None = None,
) -> Instrumented:
    """Slope, error, strength and region from the reduced forms of all rows and, each way, without each cluster."""
    groups, m = min(len(way) for way in ways[:2]), len(full.price)
    if groups < 2:
        return _hopeless(rows, clusters)
    slopes = _covariance([np.array([[form.slope - full.slope] for form in way]) for way in ways])
    covariance = _covariance([np.array([form.moves_from(full) for form in way]) for way in ways])
    se = float(np.sqrt(slopes[0, 0]))
    strength, needed = _strength(full, covariance[m:, m:])
    candidates = Candidates(full.demand, full.price, covariance, full.slope, groups)
    return Instrumented(
        full.slope,
        se,
        strength,
        needed,
        candidates.contradiction if m > 1 else None,
        candidates.region(LEVEL),
        rows,
        groups,
        limited,
    )


def _covariance(moves: Sequence[Vector]) -> Vector:
    """Jackknife covariance; of two ways and their crossing the sum less the crossing, where that is a covariance."""
    parts = [(len(moved) - 1) / len(moved) * moved.T @ moved for moved in moves]
    if len(parts) == 1:
        return parts[0]
    both = parts[0] + parts[1]
    less = both - parts[2]
    return less if all(np.linalg.eigvalsh(less - part)[0] >= 0 for part in parts[:2]) else both


def _strength(form: _Reduced, covariance: Vector) -> tuple[float, float]:
    """Effective F and the value it must reach (Montiel Olea and Pflueger 2013, section 3.1; the simplified value)."""
    root = np.linalg.cholesky(form.metric).T
    price, spread = root @ form.price, root @ covariance @ root.T
    trace = float(np.trace(spread))
    if not trace > 0:
        return np.inf, 0.0
    x = 1 / WORST_BIAS
    largest = float(np.linalg.eigvalsh(spread)[-1])
    freedom = trace**2 * (1 + 2 * x) / (float(np.sum(spread**2)) + 2 * x * trace * largest)
    return float(price @ price) / trace, float(ncx2.ppf(LEVEL, freedom, x * freedom)) / freedom


def _hopeless(rows: int, ways: Sequence[Codes]) -> Instrumented:
    """No slope: the instruments do not move on their own, or nothing can be compared."""
    everything = Region(((-np.inf, np.inf),))
    groups = min(int(codes.max(initial=-1)) + 1 for codes in ways)
    return Instrumented(np.nan, np.inf, 0.0, np.inf, None, everything, rows, groups)
