"""Effects of drivers on log expected sales, with errors that hold where sales vary more than counts and go together.

Guarantees
----------
* Effects of drivers are not shrunk, save that factors beyond e^3 are held unlikely: where nothing sold, they stay
  finite.
* An effect that the others, season and trend can stand in for is not told, and why is (`apart`).

Quasi-Poisson regression, with normal priors on the seasons alone. The covariance of the estimate is that of Zeger
(1988): residuals over the root of dispersion x mean are stationary, and their autocorrelation is estimated from all
periods together, made good for what the regression took out of it. A sandwich of each period's own residual would miss
what a holiday seen three times varies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from forecasting.drivers.columns import Driver, backdrop
from forecasting.model import History, Vector

PRIOR = 3.0
"""Deviation of a driver's effect on log sales that is held plausible: a factor of twenty."""
STEPS, SETTLED = 30, 1e-8
"""Most steps of Fisher scoring, and the change of log sales below which they end."""
INFLATION = 10.0
"""Variance of an effect is not told where the others inflate it by more than this."""
RHO, SHARES, LONGEST = np.arange(0, 1, 0.05), np.arange(0.1, 1.01, 0.1), 16
"""Autoregressions that are tried, and the longest lag at which errors count as correlated."""
NEAR = 8
"""Lags by which they are compared."""
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Effects:
    """What a regression says of drivers.

    Attributes
    ----------
    log : (k,) effects on log sales of a change by 1
    error : (k,) their standard errors
    apart : (k,) what each cannot be told apart from: a driver, "season and trend", or "" where it can
    freedom : periods less effects
    residual : (n,) standardised; NaN where not known
    """

    log: Vector
    error: Vector
    apart: tuple[str, ...]
    freedom: float
    residual: Vector

    def interval(self, place: int, step: float) -> tuple[float, float, float]:
        """Effect of a step and its bounds, as shares of sales."""
        reach = float(student.ppf((1 + LEVEL) / 2, self.freedom)) * self.error[place]
        low, high = sorted(step * (self.log[place] + side) for side in (-reach, reach))
        middle, low, high = (float(np.expm1(np.clip(v, -30, 30))) for v in (step * self.log[place], low, high))
        return middle, low, high


def effects_of(history: History, drivers: list[Driver]) -> Effects | None:
    """Effects of a series' drivers; None where there are too few periods, or sales, to tell any."""
    base, deviation = backdrop(history)
    used = history.known & (history.censored < 0.5)  # what sold out says little of what moved demand
    own = np.column_stack([driver.values for driver in drivers])
    if used.sum() < own.shape[1] + np.isinf(deviation).sum() + 5 or not history.sales[used].sum() > 0:
        return None
    width = np.ptp(own[used], axis=0)
    width = np.where(width > 1e-9, width, 1.0)
    columns = np.hstack([base, (own - own[used].mean(axis=0)) / width])
    precision = np.concatenate([deviation, np.full(own.shape[1], PRIOR)]) ** -2.0
    weighted, sales = columns * used[:, None], np.where(used, history.sales, 0.0)
    fit = _scored(weighted, sales, used, precision)
    k = np.arange(base.shape[1], columns.shape[1])
    error = np.sqrt(np.maximum(np.diag(fit.covariance())[k], 0)) / width
    apart = _apart(weighted * np.sqrt(fit.mean)[:, None], k, [driver.name for driver in drivers])
    return Effects(fit.log[k] / width, error, apart, fit.freedom, np.where(used, fit.residual, np.nan))


@dataclass(frozen=True, eq=False)
class _Fit:
    """Estimate of all columns, p of them, at n periods; those that are not used are zero throughout."""

    columns: Vector
    mean: Vector
    log: Vector
    bread: Vector
    residual: Vector
    freedom: float
    dispersion: float

    def covariance(self) -> Vector:
        """(p, p) of the estimate, residuals being stationary (Zeger 1988)."""
        scores = self.columns * np.sqrt(self.mean / self.dispersion)[:, None]
        shares, inflation = _memory(self.residual, scores)
        meat = scores.T @ scores
        for lag, share in enumerate(shares[: len(scores) - 1], start=1):
            if share > 1e-3:
                across = scores[lag:].T @ scores[:-lag]
                meat += share * (across + across.T)
        return inflation * (self.bread @ meat @ self.bread)


def _scored(columns: Vector, sales: Vector, used: NDArray[np.bool_], precision: Vector) -> _Fit:
    """Fisher scoring of the penalised quasi-likelihood, dispersion (Pearson's) and all."""
    small = 0.1 * float(sales[used].mean())
    linear = np.where(used, np.log(sales + small), 0.0)  # a start: least squares in logs
    mean, dispersion = (sales + small) * used, 1.0
    log, working = np.zeros(columns.shape[1]), linear
    for _ in range(STEPS):
        weighted = columns * (mean / dispersion)[:, None]
        gram = weighted.T @ columns
        bread = np.linalg.inv(gram + np.diag(precision + 1e-9))
        moved = bread @ (weighted.T @ working)
        settled = float(np.max(np.abs(columns @ (moved - log)))) < SETTLED
        log = moved
        linear = np.clip(columns @ log, -30, 30)
        mean = np.exp(linear) * used
        freedom = max(float(used.sum() - np.trace(bread @ gram)), 1.0)
        dispersion = max(float(np.sum((sales - mean)[used] ** 2 / mean[used])) / freedom, 1e-6)
        working = linear + np.where(used, (sales - mean) / np.where(used, mean, 1.0), 0.0)
        if settled:
            break
    weighted = columns * (mean / dispersion)[:, None]
    bread = np.linalg.inv(weighted.T @ columns + np.diag(precision + 1e-9))
    residual: Vector = np.where(used, (sales - mean) / np.sqrt(np.where(used, mean, 1.0) * dispersion), 0.0)
    return _Fit(columns, mean, log, np.asarray(bread, dtype=np.float64), residual, freedom, dispersion)


def _memory(residual: Vector, columns: Vector) -> tuple[Vector, float]:
    """Autocorrelation of the errors behind residuals, and their variance over what degrees of freedom say.

    Errors are taken for counting noise and an autoregression of order one, share x rho^lag. A regression takes out
    of residuals what its columns could fit, slow movements most: what is left is M D M, with M = I - Q Q' and
    D of the errors, and the parameters are those of which the expected autocovariances of M D M are nearest to
    the observed ones.
    """
    n = residual.size
    lags = min(NEAR, n // 4)
    q = _basis(columns)
    longest = min(LONGEST, n // 2)
    expected = np.array([_left(q, lag, lags) for lag in range(longest + 1)])  # (lag of errors, lag of residuals)
    seen = np.array([float(residual[lag:] @ residual[: n - lag]) for lag in range(lags + 1)])
    best, least = np.eye(1, longest + 1)[0], np.inf
    for rho in RHO:
        for share in SHARES if rho else (0.0,):
            errors = np.concatenate([[1.0], share * rho ** np.arange(1, longest + 1)])
            model = errors @ expected
            loss = float(np.sum((seen[1:] / seen[0] - model[1:] / model[0]) ** 2)) if model[0] > 0 else np.inf
            if loss < least:
                best, least = errors, loss
    return best[1:], float(expected[0, 0] / (best @ expected)[0])


def _basis(columns: Vector) -> Vector:
    """(n, r) orthonormal basis of what the columns can fit."""
    size, vectors = np.linalg.eigh(columns.T @ columns)
    kept = size > 1e-8 * size[-1]
    return np.asarray(columns @ (vectors[:, kept] / np.sqrt(size[kept])))


def _left(q: Vector, lag: int, lags: int) -> Vector:
    """(lags + 1,) autocovariances that errors correlated at one lag leave in residuals, summed over periods."""
    n = q.shape[0]
    moved = np.zeros_like(q)
    moved[lag:] += q[: n - lag]
    moved[: n - lag] += q[lag:]
    moved = moved / 2 if lag == 0 else moved
    both = q @ (q.T @ moved)  # H D H = both q'
    made = np.empty(lags + 1)
    for k in range(lags + 1):
        own = float(n - k) if k == lag else 0.0
        once = np.vdot(q[k:], moved[: n - k]) + np.vdot(moved[k:], q[: n - k])
        made[k] = own - once + np.vdot(both[k:], q[: n - k])
    return made


def _apart(weighted: Vector, places: NDArray[np.int64], names: list[str]) -> tuple[str, ...]:
    """What each driver cannot be told apart from: the others inflate its variance more than `INFLATION` times."""
    size = np.sqrt(np.sum(weighted**2, axis=0))
    unit = weighted / np.where(size > 0, size, 1.0)
    gram = unit.T @ unit + 1e-9 * np.eye(unit.shape[1])
    p = places[0]
    own = unit[:, places]
    own = own - unit[:, :p] @ np.linalg.solve(gram[:p, :p], unit[:, :p].T @ own)  # what season and trend leave
    left = np.sum(own**2, axis=0)
    among = own.T @ own / np.sqrt(np.maximum(np.outer(left, left), 1e-12))
    inflation = np.diag(np.linalg.inv(among + 1e-9 * np.eye(len(names))))
    closest = np.argmax(np.abs(among) - np.eye(len(names)) * 2, axis=1)
    return tuple(
        "season and trend" if left[j] * INFLATION < 1 else names[closest[j]] if inflation[j] > INFLATION else ""
        for j in range(len(names))
    )
