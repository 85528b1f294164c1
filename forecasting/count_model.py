"""Counts that depend on calendar, trend and price: a Poisson or negative binomial regression, shrunk.

Guarantees
----------
* A forecast cannot explode: the trend stops growing within a tenth of the history's length, effects are shrunk to
  plausible sizes, and the forecast stays below a fixed multiple of the largest sales.
* Months without a sale, or columns that say the same, do not break the fit: the ridge keeps every effect finite.
* Sold-out periods count as demand that was at least what sold (see `censoring`).

log E[sales] = level + trend + calendar + elasticity log price + regressors, fitted by statsmodels' penalised
likelihood; negative binomial where the counts vary more than a Poisson's (Cameron and Trivedi 1990). What the
regression leaves of the latest level is carried forward, by more where it was carried forward in the history.
"""

import warnings
from dataclasses import dataclass, field

import numpy as np
from scipy.signal import lfilter
from scipy.stats import gamma, nbinom, poisson
from statsmodels.genmod.families import Family, NegativeBinomial, Poisson
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from forecasting.censoring import unconstrained_all
from forecasting.features import PRICE, Calendar, Positions, usable_regressors
from forecasting.grid import Periods
from forecasting.model import Forecast, Future, History, NotFittedError, Vector, ceiling, require

SCORING = 12
"""Most steps of Fisher scoring before statsmodels takes over."""
SMOOTHING = 0.3
"""Weight of the latest period in the level of late."""


@dataclass(frozen=True, eq=False)
class Design:
    """How periods and regressors become the columns of the regression.

    Attributes
    ----------
    calendar : seasons and holidays
    first, last : first and last period of the history
    kept : regressors that are used
    centre, spread : (kept,) regressors are (value - centre) / spread
    deviation : (p,) plausible deviation of each column's effect; infinite for the level
    """

    calendar: Calendar
    first: int
    last: int
    kept: Positions
    centre: Vector
    spread: Vector
    deviation: Vector

    def matrix(self, periods: Periods, regressors: Vector) -> Vector:
        """(n, p) level, trend, calendar, regressors."""
        seasonal, _ = self.calendar.columns(periods)
        scaled = (
            (regressors[:, self.kept] - self.centre) / self.spread if self.kept.size else np.empty((periods.size, 0))
        )
        return np.column_stack([np.ones(periods.size), self._trend(periods), seasonal, scaled])

    def _trend(self, periods: Periods) -> Vector:
        """-1 at the first period, 0 at the last, then levelling off at 0.1."""
        length = max(self.last - self.first, 1)
        past = (periods - self.last) / length
        return np.where(past <= 0, past, 0.1 * -np.expm1(-np.maximum(past, 0) / 0.1))


def design_of(history: History, country: str | None) -> Design:
    """Choose the columns a history can support."""
    calendar = Calendar.of(history, country)
    kept = usable_regressors(history, calendar)
    values = history.regressors[:, kept] if kept.size else np.empty((history.sales.size, 0))
    price = np.array([history.names[j] == PRICE for j in kept], dtype=bool)
    spread = np.where(price, 1.0, values.std(axis=0))
    _, seasonal = calendar.columns(history.periods)
    deviation = np.concatenate([[np.inf, 0.1], seasonal, np.where(price, 2.0, 0.5)])
    periods = history.periods
    return Design(calendar, int(periods[0]), int(periods[-1]), kept, values.mean(axis=0), spread, deviation)


@dataclass(frozen=True, eq=False)
class CountFit:
    """A fitted regression.

    Attributes
    ----------
    history : what it was fitted to
    design : its columns
    effects : (p,) effects on log expected sales
    dispersion : a in variance = mean + a mean^2; 0 for a Poisson
    momentum : (h,) log level carried forward, by horizon
    noise : (h,) standard deviation of log sales around the forecast, by horizon
    demand : (n,) sales, sold-out periods raised to expected demand
    """

    history: History
    design: Design
    effects: Vector
    dispersion: float
    momentum: Vector
    noise: Vector
    demand: Vector

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:  # noqa: ARG002  # nothing is random
        """Expected sales, with quantiles of a negative binomial (counts) or gamma (other) of the same variance."""
        limit = ceiling(self.history, future)
        ahead = np.minimum(future.periods - self.design.last, self.momentum.size) - 1
        log = self.design.matrix(future.periods, future.regressors) @ self.effects + self.momentum[ahead]
        mean = np.clip(np.exp(np.clip(log, -30, 36)), 1e-9, np.maximum(limit, 1e-9))
        typical = max(float(np.nanmean(self.demand)), 1e-9)
        dispersion = np.maximum(self.dispersion, np.expm1(np.maximum(self.noise[ahead] ** 2 - 1 / typical, 0.0)))
        lower, upper = (_quantile(q, mean, dispersion, counts=self.history.integer) for q in _tails(level))
        return Forecast.within(mean, lower, upper, limit)


def _tails(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


def _quantile(q: float, mean: Vector, dispersion: Vector, *, counts: bool) -> Vector:
    """Quantile of sales with variance mean + dispersion mean^2."""
    if not counts:
        shape = 1 / (dispersion + 1 / mean)
        return np.nan_to_num(gamma.ppf(q, shape, scale=mean / shape))
    over = np.maximum(dispersion, 1e-6)
    return np.where(dispersion > 1e-6, nbinom.ppf(q, 1 / over, 1 / (1 + over * mean)), poisson.ppf(q, mean))


@dataclass(frozen=True, slots=True)
class CountModel:
    """Poisson or negative binomial regression on calendar, trend, log price and regressors.

    Attributes
    ----------
    country : ISO 3166 code whose holidays count, if any
    memory : the weight of a period halves with every so many years of age [years]
    """

    country: str | None = None
    memory: float = 2.0
    name: str = field(default="count", init=False)
    minimum: int = field(default=8, init=False)

    def fit(self, history: History) -> CountFit:
        """Fit to sales, and to the demand behind them where periods sold out."""
        require(self, history)
        design = design_of(history, self.country)
        columns, known = design.matrix(history.periods, history.regressors), history.known
        age = (history.sales.size - 1 - np.arange(history.sales.size)) / history.grid.frequency.year
        weights = 0.5 ** (age[known] / self.memory)
        demand = unconstrained_all([history], self.country)[0].sales
        effects, dispersion = _estimate(columns[known], demand[known], weights, design.deviation)
        mean = np.exp(np.clip(columns @ effects, -30, 36))
        offset = 0.05 * history.level
        sold, meant = (_exponential_average(np.where(known, x, np.nan), SMOOTHING) for x in (demand, mean))
        residual = np.log((demand + offset) / (mean + offset))
        momentum, noise = carried(residual, np.log((sold + offset) / (meant + offset)))
        return CountFit(history, design, effects, dispersion, momentum, noise, demand)


def _estimate(columns: Vector, sales: Vector, weights: Vector, deviation: Vector) -> tuple[Vector, float]:
    """Effects and dispersion: a Poisson regression, and a negative binomial one where counts vary more than that.

    The Poisson regression is fitted to sales scaled to at most 10 on average, so that large counts, which are never as
    regular as a Poisson's, do not drown the shrinkage.
    """
    scale = min(1.0, 10.0 / max(float(sales.mean()), 1e-9))
    effects = _penalised(columns, sales * scale, weights, deviation, Poisson())
    mean = np.exp(np.clip(columns @ effects, -30, 36)) / scale
    effects[0] -= np.log(scale)
    dispersion, significant = overdispersion(sales, mean)
    if not significant:
        return effects, 0.0
    family = NegativeBinomial(alpha=dispersion)
    return _penalised(columns, sales, weights, deviation, family), dispersion


def overdispersion(sales: Vector, mean: Vector) -> tuple[float, bool]:
    """Dispersion a in variance = mean + a mean^2, and whether it is significant at 5 % (Cameron and Trivedi 1990).

    Regresses ((y - mu)^2 - y) / mu on mu without a constant.
    """
    response = (np.square(sales - mean) - sales) / mean
    slope = float((response @ mean) / (mean @ mean))
    error = float(np.sqrt(np.sum(np.square(response - slope * mean)) / max(sales.size - 1, 1) / (mean @ mean)))
    return min(max(slope, 0.0), 5.0), slope > max(1.645 * error, 1e-4)


def _penalised(columns: Vector, sales: Vector, weights: Vector, deviation: Vector, family: Family) -> Vector:
    """Maximise log-likelihood - sum (effect / deviation)^2 / 2."""
    start = np.zeros(columns.shape[1])
    start[0] = np.log(max(float(np.average(sales, weights=weights)), 1e-6))
    model = GLM(sales, columns, family=family, freq_weights=weights)
    penalty = 1 / deviation**2 / weights.sum()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last digits; what matters is checked below
        start = _scored(model, penalty * sales.size, start)
        fitted = model.fit_regularized(alpha=penalty, L1_wt=0.0, start_params=start)
    effects = np.asarray(fitted.params, dtype=np.float64)
    with np.errstate(over="ignore"):
        total = float(weights @ np.exp(columns @ effects))
    if not total <= 3 * float(weights @ sales) + 1:
        raise NotFittedError("the count regression did not converge")
    return effects


def _scored(model: GLM, penalty: Vector, start: Vector) -> Vector:
    """A start near the optimum, by Fisher scoring: statsmodels' own search, which knows no curvature, ends at once."""

    def loss(effects: Vector) -> float:
        return float(penalty @ effects**2 / 2 - model.loglike(effects))

    effects, least = start, loss(start)
    for _ in range(SCORING):
        mean = np.exp(np.clip(model.exog @ effects, -30, 36))
        weight = model.freq_weights * mean**2 / model.family.variance(mean)
        working = model.exog @ effects + (model.endog - mean) / mean
        curvature = model.exog.T @ (weight[:, None] * model.exog) + np.diag(penalty + 1e-9)
        moved = np.linalg.solve(curvature, model.exog.T @ (weight * working))
        if not (now := loss(moved)) < least:
            break
        settled, effects, least = least - now < 1e-9 * abs(now), moved, now
        if settled:
            break
    return effects


def carried(residual: Vector, level: Vector, farthest: int = 60) -> tuple[Vector, Vector]:
    """How much of the latest log residual level carries forward, and what noise remains, by horizon.

    The weight of the level at horizon h lies midway between 1 and the slope of residual t + h on the level at t: fitted
    residuals average to zero, so that their slope understates how long a level lasts. It is in [0.5, 1] and never rises
    with h.

    Parameters
    ----------
    residual : (n,) log of what sold over what was fitted; NaN where not known
    level : (n,) the same of late: of averages, as the average of logarithms would lie below by half their variance

    Returns
    -------
    (h,) log level to add to a forecast, and (h,) standard deviation of what is left
    """
    spread = float(np.nanstd(residual))
    momentum: list[float] = []
    noise: list[float] = []
    weight = 1.0
    for ahead in range(1, max(2, min(farthest, residual.size // 3) + 1)):
        past, later = level[:-ahead], residual[ahead:]
        both = np.isfinite(later)
        energy = float(past[both] @ past[both])
        slope = float(past[both] @ later[both]) / energy if energy > 1e-12 else 0.0
        weight = min(weight, (1 + max(slope, 0.0)) / 2)
        momentum.append(weight * level[-1])
        left = later[both] - weight * past[both]
        noise.append(max([float(np.sqrt(np.mean(left**2))) if left.size else spread, *noise[-1:]]))
    return np.array(momentum), np.array(noise)


def _exponential_average(values: Vector, smoothing: float) -> Vector:
    """(n,) exponential average up to and including each value; what is not known leaves it as it was."""
    known = np.isfinite(values)
    average = lfilter([smoothing], [1.0, smoothing - 1.0], values[known])
    return np.asarray(np.concatenate([[0.0], average])[np.cumsum(known)], dtype=np.float64)
