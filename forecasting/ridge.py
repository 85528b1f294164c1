"""Sales that depend on calendar, trend and price, for a fleet at once: ridge regression, in logs and as a Poisson.

Guarantees
----------
* A forecast cannot explode or be negative: the trend stops growing within a tenth of the history's length, effects are
  shrunk to plausible sizes, and the forecast stays below a fixed multiple of the largest sales.
* A series' numbers do not depend on which others are fitted with it.
* A price whose slope is not negative is left out: it followed demand.

log E[sales] = level + piecewise linear trend + seasons + holidays + elasticity log price + regressors, with normal
priors: Prophet's columns (Taylor and Letham 2018) under squared penalties. A least-squares fit of log(sales + offset),
its noise variance estimated with it (empirical Bayes), is the start of a few steps of Fisher scoring of the
quasi-Poisson likelihood, without which small counts would be missed. Recent periods weigh more. What the regression
leaves of the latest level is carried forward, by as much as it was in the history. All of it is stacked linear algebra:
series of the same periods share their columns, and periods that are not known weigh nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy.signal import lfilter
from scipy.special import ndtri

from forecasting.features import PRICE, Calendar, run_of
from forecasting.grid import Periods
from forecasting.model import Forecast, Future, History, NotFittedError, Vector, ceiling, only, require

HINGES, RANGE = 12, 0.9
"""Places where the trend may bend, spread evenly over the first part of the history."""
SLOPE, BEND = 0.2, 0.2
"""Plausible deviations of the trend's slope and of its changes [log sales per length of the history]."""
MEMORY = 2.0
"""The weight of a period halves with every so many years of age [years]."""
ROUNDS, SCORING = 3, 3
"""Rounds of empirical Bayes in logs, and of Fisher scoring."""
SMOOTHING = 0.3
"""Of the latest level, at most: where a month has more periods than six, the level is that of a month."""
HORIZONS = (1, 2, 4, 8, 16, 32, 60)
"""Where it is measured how long a level lasts; in between, on a line."""


@dataclass(frozen=True, slots=True)
class Design:
    """Columns that series of the same periods share.

    Attributes
    ----------
    calendar : seasons and holidays
    first, n : first period of the history, and how many
    """

    calendar: Calendar
    first: int
    n: int

    def matrix(self, periods: Periods) -> Vector:
        """(m, p) level, slope, bends, seasons and holidays."""
        time = self._time(periods)[:, None]
        seasonal, _ = self.calendar.columns(periods)
        return np.hstack([np.ones_like(time), time, np.maximum(time - self._bends, 0.0), seasonal])

    @property
    def precision(self) -> Vector:
        """(p,) of the normal priors."""
        _, seasonal = self.calendar.columns(np.array([self.first]))
        deviations = np.concatenate([[np.inf, SLOPE], np.full(self._bends.size, BEND), seasonal])
        return deviations**-2.0

    @property
    def _bends(self) -> Vector:
        count = min(HINGES, self.n // 8)
        return np.linspace(-1, RANGE - 1, count + 2)[1:-1]

    def _time(self, periods: Periods) -> Vector:
        """-1 at the first period, 0 at the last, then levelling off at 0.1."""
        past = (periods - self.first + 1 - self.n) / max(self.n - 1, 1)
        return np.where(past <= 0, past, 0.1 * -np.expm1(-np.maximum(past, 0) / 0.1))


@lru_cache(maxsize=64)
def _columns(design: Design, first: int, n: int) -> Vector:
    made = design.matrix(np.arange(first, first + n))
    made.flags.writeable = False
    return made


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """A fitted regression.

    Attributes
    ----------
    history : what it was fitted to
    design : its shared columns
    effects : (p + k,) effects on log sales, regressors last
    centre : (k,) means of the regressors
    momentum, noise : (7,) log level carried forward and deviation of what is left, at `HORIZONS`
    offset : keeps sales of 0 finite [units]
    """

    history: History
    design: Design
    effects: Vector
    centre: Vector
    momentum: Vector
    noise: Vector
    offset: float

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:  # noqa: ARG002  # nothing is random
        """Expected sales, with bounds from what was left of log sales."""
        shared = self.effects.size - self.centre.size
        log = _columns(self.design, *run_of(future.periods)) @ self.effects[:shared]
        if self.centre.size:
            log = log + (future.regressors - self.centre) @ self.effects[shared:]
        ahead = future.periods - (self.design.first + self.design.n - 1)
        middle = log + np.interp(ahead, HORIZONS, self.momentum)
        half = float(ndtri((1 + level) / 2)) * np.interp(ahead, HORIZONS, self.noise)
        mean = np.exp(np.clip(middle, -30, 36))
        lower, upper = ((mean + self.offset) * np.exp(side) - self.offset for side in (-half, half))
        return Forecast.within(mean, lower, upper, ceiling(self.history, future))


@dataclass(frozen=True, slots=True)
class Ridge:
    """Penalised Poisson regression on piecewise trend, seasons, holidays, log price and regressors.

    Attributes
    ----------
    country : ISO 3166 code whose holidays count, if any
    """

    country: str | None = None
    name: str = field(default="ridge", init=False)
    minimum: int = field(default=8, init=False)

    def fit(self, history: History) -> RidgeFit:
        """Fit one series."""
        return only(self.fit_all([history]))

    def fit_all(self, histories: Sequence[History]) -> list[RidgeFit | NotFittedError]:
        """Fit many series, those of the same periods together."""
        fits: list[RidgeFit | NotFittedError] = []
        groups: dict[tuple[Design, tuple[str, ...]], list[int]] = {}
        for place, history in enumerate(histories):
            fits.append(NotFittedError(f"{self.name}: the estimate is not finite"))
            try:
                require(self, history)
            except NotFittedError as error:
                fits[place] = error
                continue
            design = Design(Calendar.of(history, self.country), history.start, history.sales.size)
            groups.setdefault((design, history.names), []).append(place)
        for (design, _), places in groups.items():
            for place, fit in zip(places, _fitted(design, [histories[j] for j in places]), strict=True):
                if np.all(np.isfinite(fit.effects)):
                    fits[place] = fit
        return fits


def _fitted(design: Design, histories: Sequence[History]) -> list[RidgeFit]:
    """Fits of series of the same periods and regressors."""
    sales = np.stack([history.sales for history in histories])
    known = np.isfinite(sales)
    offset = np.array([[0.05 * history.level] for history in histories])
    log = np.log(np.where(known, sales, 0.0) + offset)
    years = np.arange(design.n)[::-1] / design.calendar.grid.frequency.year
    weights = known * 0.5 ** (years / MEMORY)
    regressors, centre = _centred(histories, weights)
    columns = Columns(_columns(design, design.first, design.n), regressors)
    prices = [name == PRICE for name in histories[0].names]
    prior = np.concatenate([design.precision, np.where(prices, 2.0, 0.5) ** -2.0])
    precision = np.tile(prior, (len(histories), 1))
    normal = _Normal.of(columns, log, weights)
    effects = normal.effects(precision, columns.shared.shape[1] + np.flatnonzero(prices))
    effects = _poisson(columns, np.where(known, sales, 0.0), weights, effects, precision)
    fitted = np.exp(np.clip(columns.times(effects), -30, 36)) + offset
    smoothing = min(SMOOTHING, 2 / (1 + design.calendar.grid.frequency.year / 12))
    residual = np.where(known, log - np.log(fitted), np.nan)
    sold, meant = (_exponential_average(np.where(known, x, np.nan), smoothing) for x in (sales + offset, fitted))
    momentum, noise = carried(residual, np.log((sold + offset) / (meant + offset)))
    rows = zip(histories, effects, centre, momentum, noise, offset[:, 0], strict=True)
    return [RidgeFit(h, design, e, c, m, d, float(o)) for h, e, c, m, d, o in rows]


@dataclass(frozen=True, eq=False)
class Columns:
    """(n, p) columns all series share, and (N, n, k) of each its own."""

    shared: Vector
    own: Vector

    def times(self, effects: Vector) -> Vector:
        """(N, n) linear predictor."""
        p = self.shared.shape[1]
        return (self.shared @ effects[:, :p, None] + self.own @ effects[:, p:, None])[:, :, 0]

    def products(self, weights: Vector, values: Vector) -> tuple[Vector, Vector]:
        """(N, q, q) and (N, q): weighted products of the columns with each other and with (N, n) values."""
        n, p = weights.shape[0], self.shared.shape[1]
        q = p + self.own.shape[2]
        gram, moment = np.empty((n, q, q)), np.empty((n, q))
        weighted = weights[:, :, None] * np.concatenate([self.own, values[:, :, None]], axis=2)
        across, own = self.shared.T @ weighted, self.own.transpose(0, 2, 1) @ weighted
        gram[:, :p, :p] = self._shared_products(weights)
        gram[:, :p, p:], moment[:, :p] = across[:, :, :-1], across[:, :, -1]
        gram[:, p:, :p] = across[:, :, :-1].transpose(0, 2, 1)
        gram[:, p:, p:], moment[:, p:] = own[:, :, :-1], own[:, :, -1]
        return gram, moment

    def _shared_products(self, weights: Vector) -> Vector:
        """(N, p, p), computed once where weights agree."""
        made: dict[bytes, Vector] = {}
        for row in weights:
            if (key := row.tobytes()) not in made:
                made[key] = self.shared.T @ (row[:, None] * self.shared)
        return np.stack([made[row.tobytes()] for row in weights])


def _poisson(columns: Columns, sales: Vector, weights: Vector, effects: Vector, precision: Vector) -> Vector:
    """Fisher scoring of the penalised quasi-Poisson likelihood; a step that does not help a series is not taken.

    The dispersion, by which the likelihood is divided, is Pearson's (McCullagh and Nelder 1989, section 9.2).
    """
    effects = effects.copy()
    mean = np.exp(np.clip(columns.times(effects), -30, 36))
    effects[:, 0] += np.log(np.maximum(np.sum(weights * sales, axis=1), 1e-9) / np.sum(weights * mean, axis=1))
    for _ in range(SCORING):
        log = np.clip(columns.times(effects), -30, 36)
        mean = np.exp(log)
        spread = np.sum(weights * (sales - mean) ** 2 / mean, axis=1) / weights.sum(axis=1)
        dispersion = np.maximum(spread, 1e-9)[:, None]
        gram, moment = columns.products(weights * mean / dispersion, log + (sales - mean) / mean)
        ridge = np.eye(gram.shape[1]) * (precision + 1e-9)[:, None, :]
        tried = np.asarray(np.linalg.solve(gram + ridge, moment[:, :, None])[:, :, 0], dtype=np.float64)
        helps = _loss(columns, sales, weights / dispersion, tried, precision) < _loss(
            columns, sales, weights / dispersion, effects, precision
        )
        effects = np.where(helps[:, None], tried, effects)
    return effects


def _loss(columns: Columns, sales: Vector, weights: Vector, effects: Vector, precision: Vector) -> Vector:
    """(N,) penalised negative log-likelihood, but for a constant."""
    log = np.clip(columns.times(effects), -30, 36)
    likelihood = np.sum(weights * (np.exp(log) - sales * log), axis=1)
    return likelihood + np.sum(precision * effects**2, axis=1) / 2


def _centred(histories: Sequence[History], weights: Vector) -> tuple[Vector, Vector]:
    """(N, n, k) regressors less their weighted means, and (N, k) the means."""
    if not histories[0].names:
        return np.empty((len(histories), weights.shape[1], 0)), np.empty((len(histories), 0))
    values = np.stack([history.regressors for history in histories])
    mean = np.sum(weights[:, :, None] * values, axis=1) / weights.sum(axis=1)[:, None]
    return values - mean[:, None, :], mean


@dataclass(frozen=True, eq=False)
class _Normal:
    """Normal equations of N weighted regressions: (N, q, q), (N, q), (N,) weighted squares and weights."""

    gram: Vector
    moment: Vector
    energy: Vector
    weight: Vector

    @classmethod
    def of(cls, columns: Columns, log: Vector, weights: Vector) -> "_Normal":
        gram, moment = columns.products(weights, log)
        return cls(gram, moment, np.sum(weights * log**2, axis=1), weights.sum(axis=1))

    def effects(self, precision: Vector, prices: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> Vector:
        """(N, q) effects; a price with a slope that is not negative is held at zero."""
        found = self._solved(precision)
        for price in prices:
            if (wrong := found[:, price] >= 0).any():
                precision[wrong, price] = 1e12
                part = _Normal(self.gram[wrong], self.moment[wrong], self.energy[wrong], self.weight[wrong])
                found[wrong] = part._solved(precision[wrong])
        return found

    def _solved(self, precision: Vector) -> Vector:
        """(N, q) effects, with the noise variance they leave."""
        spread = self.energy - self.moment[:, 0] ** 2 / self.weight  # the first column is the level
        variance = np.maximum(0.1 * spread / self.weight, 1e-6)
        identity = np.eye(precision.shape[1])
        for _ in range(ROUNDS):
            ridge = identity * (variance[:, None] * precision)[:, None, :] + 1e-9 * identity
            found = np.linalg.solve(self.gram + ridge, self.moment[:, :, None])[:, :, 0]
            curved = (self.gram @ found[:, :, None])[:, :, 0]
            squares = self.energy + np.sum(found * (curved - 2 * self.moment), axis=1)
            variance = np.maximum(squares / self.weight, 1e-6)
        return np.asarray(found, dtype=np.float64)


def carried(residual: Vector, levels: Vector) -> tuple[Vector, Vector]:
    """How much of the latest level of log residuals carries forward, and the noise left, at `HORIZONS`.

    As in the count regression: the weight lies midway between 1 and the slope of residual t + h on the level at t, and
    never rises with h.

    Parameters
    ----------
    residual : (N, n) NaN where not known
    levels : (N, n) log of what sold over what was fitted, of late

    Returns
    -------
    (N, 7) log level to add, and (N, 7) standard deviation of what is left
    """
    n, weight = residual.shape[1], np.ones(residual.shape[0])
    left: Vector = np.sqrt(np.nanmean(residual**2, axis=1))
    momentum, noise = np.empty((len(left), len(HORIZONS))), np.empty((len(left), len(HORIZONS)))
    for place, ahead in enumerate(HORIZONS):
        if ahead == 1 or 3 * ahead <= n:
            later = residual[:, ahead:]
            past = np.where(np.isfinite(later), levels[:, :-ahead], 0.0)
            later = np.nan_to_num(later)
            energy, count = np.sum(past**2, axis=1), np.isfinite(residual[:, ahead:]).sum(axis=1)
            slope = np.where(energy > 1e-12, np.sum(past * later, axis=1) / np.maximum(energy, 1e-12), 0.0)
            weight = np.minimum(weight, (1 + np.maximum(slope, 0.0)) / 2)
            error = np.sqrt(np.sum((later - weight[:, None] * past) ** 2, axis=1) / np.maximum(count, 1))
            worst = np.maximum(error, left) if place else error
            left = np.where(count > 0, worst, left)
        momentum[:, place], noise[:, place] = weight * levels[:, -1], left
    return momentum, noise


def _exponential_average(values: Vector, smoothing: float) -> Vector:
    """(N, n) exponential average up to and including each value; what is not known leaves it as it was."""
    averages = np.empty_like(values)
    for row, known in enumerate(np.isfinite(values)):
        average = lfilter([smoothing], [1.0, smoothing - 1.0], values[row, known])
        averages[row] = np.concatenate([[0.0], average])[np.cumsum(known)]
    return averages
