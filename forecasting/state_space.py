"""One series at a time through statsmodels: exponential smoothing, unobserved components, seasonal ARIMA.

Guarantees
----------
* Sales are modelled in logs, so that no forecast is negative; none exceeds a fixed multiple of the largest sales.
* Periods that are not known are filtered over (exponential smoothing, which cannot, sees a line between neighbours).
* A history that never varied is said to stay as it is; a fit that fails numerically is refused, not passed on.

Intervals are the library's. Seasons of at most 12 periods are part of a model's state; longer ones are pairs of sine
and cosine beside the other regressors.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from forecasting.baseline import Naive
from forecasting.features import Calendar, Positions, usable_regressors
from forecasting.model import Fit, Forecast, Future, History, NotFittedError, Vector, ceiling, require

OFFSET = 0.05
"""Added before logarithms where some sales are zero [mean sales]."""
LONGEST_STATE = 12
"""Periods of the longest season that is kept as states."""
STEPS = 60
"""Most steps of a likelihood's search."""


class Specification(Protocol):
    """What is fitted: statsmodels publishes no types."""

    def fit(self, *, disp: bool, maxiter: int) -> Any:  # noqa: ANN401  # the library's result
        """Maximise the likelihood."""


@contextmanager
def _quietly(name: str) -> Iterator[None]:
    """Ignore warnings about starting values and convergence; turn numerical failures into a refusal."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except (np.linalg.LinAlgError, ValueError, ZeroDivisionError, IndexError) as failure:
        raise NotFittedError(f"{name} could not be fitted: {failure}") from failure


@dataclass(frozen=True, eq=False)
class LogScale:
    """log((sales + offset) / unit); offset and unit in sales."""

    offset: float
    unit: float

    @classmethod
    def of(cls, history: History) -> "LogScale":
        """No offset where all known sales are positive."""
        positive = bool(np.nanmin(history.sales) > 0)
        return cls(0.0 if positive else OFFSET * history.level, history.level)

    def enter(self, sales: Vector) -> Vector:
        """(n,) logs."""
        return np.log((sales + self.offset) / self.unit)

    def leave(self, values: Vector, limit: Vector) -> Vector:
        """(h,) sales, cut at the limit; what is not a number is none."""
        top = np.log((limit + self.offset) / self.unit)
        sales = np.exp(np.clip(np.nan_to_num(values, nan=-30.0), -30.0, top)) * self.unit - self.offset
        return np.maximum(sales, 0.0)


@dataclass(frozen=True, eq=False)
class Columns:
    """Regressors of a fit: those of the history that vary, and long seasons as waves."""

    calendar: Calendar
    kept: Positions

    @classmethod
    def of(cls, history: History, season: int) -> "Columns":
        """Waves only where the season is too long for states."""
        calendar = Calendar.of(history)
        waves = 0 if season > 1 or history.grid.frequency.season == 1 else calendar.harmonics
        return cls(Calendar(history.grid, waves, weekdays=False), usable_regressors(history, calendar))

    def matrix(self, source: History | Future) -> Vector | None:
        """(n, k) columns; None where there are none."""
        waves, _ = self.calendar.columns(source.periods)
        given = source.regressors[:, self.kept] if self.kept.size else np.empty((source.periods.size, 0))
        columns = np.hstack([waves, given])
        return columns if columns.shape[1] else None


def season_of(history: History) -> int:
    """Periods of the season to keep as states; 1 where it is too long, or was not seen twice."""
    season = history.grid.frequency.season
    return season if season <= LONGEST_STATE and history.known.sum() > 2 * season else 1


@dataclass(frozen=True, eq=False)
class StateSpaceFit:
    """A fitted state-space model.

    Attributes
    ----------
    history : what it was fitted to
    scale : where it works
    columns : its regressors
    result : statsmodels' result
    """

    history: History
    scale: LogScale
    columns: Columns
    result: Any

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:  # noqa: ARG002  # nothing is random
        """Filtered mean and normal interval, turned back from logs: the mean is the median of sales."""
        ahead = future.periods - self.history.following(1)[0]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            said = self.result.get_forecast(int(ahead[-1]) + 1, exog=self.columns.matrix(future))
            bounds = np.asarray(said.conf_int(alpha=1 - level))[ahead]
        limit = ceiling(self.history, future)
        middle = self.scale.leave(np.asarray(said.predicted_mean)[ahead], limit)
        lower, upper = (self.scale.leave(bounds[:, side], limit) for side in (0, 1))
        return Forecast.within(middle, lower, upper, limit)


def _fitted(
    name: str, history: History, season: int, build: Callable[[Vector, Vector | None], Specification]
) -> StateSpaceFit:
    """Maximise the likelihood of a model that `build` makes of log sales and regressors."""
    scale, columns = LogScale.of(history), Columns.of(history, season)
    with _quietly(name):
        model = build(scale.enter(history.sales), columns.matrix(history))
        result = model.fit(disp=False, maxiter=STEPS)
    if not np.all(np.isfinite(result.params)) or not np.isfinite(result.llf):
        raise NotFittedError(f"{name} did not converge")
    return StateSpaceFit(history, scale, columns, result)


def unvarying(history: History) -> bool:
    """Whether all known sales are the same."""
    return bool(np.nanmax(history.sales) == np.nanmin(history.sales))


@dataclass(frozen=True, slots=True)
class Sarimax:
    """The airline model (0, 1, 1)(0, 1, 1) of Box and Jenkins (1976) on log sales, with regressors.

    Without its seasonal part where no season was seen twice, or the season is longer than a state should be.
    """

    name: str = field(default="sarimax", init=False)
    minimum: int = field(default=8, init=False)

    def fit(self, history: History) -> Fit:
        """Maximum likelihood by the Kalman filter."""
        require(self, history)
        if unvarying(history):
            return Naive().fit(history)
        season = season_of(history)

        def build(values: Vector, columns: Vector | None) -> Specification:
            from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415  # loaded where it is used

            seasonal = (0, 1, 1, season) if season > 1 else (0, 0, 0, 0)
            return SARIMAX(values, columns, order=(0, 1, 1), seasonal_order=seasonal)

        return _fitted(self.name, history, season, build)


@dataclass(frozen=True, slots=True)
class UnobservedComponents:
    """Level, season and, where AIC asks for it, slope that drift (Harvey 1989) on log sales, with regressors."""

    name: str = field(default="unobserved-components", init=False)
    minimum: int = field(default=8, init=False)

    def fit(self, history: History) -> Fit:
        """Maximum likelihood by the Kalman filter, with and without a slope; the better one."""
        require(self, history)
        if unvarying(history):
            return Naive().fit(history)
        fits = [self._trended(history, trend) for trend in ("local level", "local linear trend")]
        return min(fits, key=lambda fit: float(fit.result.aic))

    def _trended(self, history: History, trend: str) -> StateSpaceFit:
        season = season_of(history)

        def build(values: Vector, columns: Vector | None) -> Specification:
            from statsmodels.tsa.statespace import structural  # noqa: PLC0415  # loaded where it is used

            seasonal = season if season > 1 else None
            return structural.UnobservedComponents(values, trend, seasonal=seasonal, exog=columns)

        return _fitted(self.name, history, season, build)


@dataclass(frozen=True, eq=False)
class EtsFit:
    """A fitted exponential smoothing model.

    Attributes
    ----------
    history : what it was fitted to
    scale : where it works
    result : statsmodels' result
    """

    history: History
    scale: LogScale
    result: Any

    @property
    def criterion(self) -> float:
        """AICc (Hurvich and Tsai 1989); first states count as parameters, though they are not searched for."""
        model = self.result.model
        states = 1 + int(model.has_trend) + (model.seasonal_periods - 1 if model.has_seasonal else 0)
        k, n = len(self.result.params) + states + 1, self.history.sales.size
        return float(-2 * self.result.llf + 2 * k * n / max(n - k - 1, 1e-9))

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:  # noqa: ARG002  # nothing is random
        """Mean and interval of the smoothing model, turned back from logs: the mean is the median of sales."""
        n = self.history.sales.size
        ahead = future.periods - self.history.following(1)[0]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            said = self.result.get_prediction(start=n, end=n + int(ahead[-1]))
            bounds = np.asarray(said.pred_int(alpha=1 - level))[ahead]
        limit = ceiling(self.history, future)
        middle = self.scale.leave(np.asarray(said.predicted_mean)[ahead], limit)
        lower, upper = (self.scale.leave(bounds[:, side], limit) for side in (0, 1))
        return Forecast.within(middle, lower, upper, limit)


@dataclass(frozen=True, slots=True)
class Ets:
    """Exponential smoothing on log sales: with and without a damped trend and a season, whichever has the least AICc.

    Additive parts in logs are multiplicative ones in sales (Hyndman et al. 2008).
    """

    name: str = field(default="ets", init=False)
    minimum: int = field(default=8, init=False)

    def fit(self, history: History) -> Fit:
        """Maximum likelihood of each form, from heuristic first states."""
        require(self, history)
        if unvarying(history):
            return Naive().fit(history)
        scale = LogScale.of(history)
        values = _joined(scale.enter(history.sales))
        season = season_of(history)
        fits = [
            EtsFit(history, scale, result)
            for trended in (False, True)
            for m in {1, season}
            if np.isfinite((result := _smoothed(values, m, trended=trended)).llf)
        ]
        if not fits:
            raise NotFittedError(f"{self.name} did not converge")
        return min(fits, key=lambda fit: fit.criterion)


def _joined(values: Vector) -> Vector:
    """Values with what is not known on a line between its neighbours."""
    known = np.flatnonzero(np.isfinite(values))
    return np.interp(np.arange(values.size), known, values[known])


def _smoothed(values: Vector, season: int, *, trended: bool) -> Any:  # noqa: ANN401  # the library's result
    """Fit one form with additive errors."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # noqa: PLC0415  # loaded where it is used

    with _quietly("ets"):
        model = ETSModel(
            pd.Series(values),
            trend="add" if trended else None,
            damped_trend=trended,
            seasonal="add" if season > 1 else None,
            seasonal_periods=season if season > 1 else None,
            initialization_method="heuristic",
        )
        return model.fit(disp=False, maxiter=STEPS)
