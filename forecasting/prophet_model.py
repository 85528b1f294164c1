"""Prophet on a scale where a forecast below zero or above capacity cannot be said.

Guarantees
----------
* Sales are modelled in logs, or as the log odds of capacity where there is one; what comes back is inside.
* The same history, future and seed give the same numbers; numpy's global random state is left as it was.
* Nothing is printed.

Yearly and weekly seasons as far as the history holds them, holidays of a country, log price and other regressors
(Taylor and Letham 2018). The mean is the median times a constant that makes fitted and actual totals agree (smearing;
Duan 1983).
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from pandas.errors import Pandas4Warning

from forecasting.features import Calendar, Positions, holiday_columns, usable_regressors
from forecasting.grid import Periods
from forecasting.model import Forecast, Future, History, NotFittedError, Vector, ceiling, require

if TYPE_CHECKING:
    from prophet import Prophet

SAMPLES = 300
"""Draws of trend and noise behind an interval."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the model works: log(sales + offset), or the log odds of the filled share of capacity.

    Attributes
    ----------
    offset : keeps sales of 0, and of a full house, finite [units]
    odds : whether the history has a capacity in every period
    """

    offset: float
    odds: bool

    @classmethod
    def of(cls, history: History) -> Self:
        """The scale that fits a history."""
        return cls(0.05 * history.level, bool(np.all(np.isfinite(history.capacity[history.known]))))

    def enter(self, sales: Vector, capacity: Vector) -> Vector:
        """Sales as the model sees them."""
        if not self.odds:
            return np.log(sales + self.offset)
        left = np.maximum(capacity - sales, 0.0)
        return np.log(sales + self.offset) - np.log(left + self.offset)

    def leave(self, values: Vector, capacity: Vector) -> Vector:
        """Sales, from what the model says."""
        if not self.odds:
            return np.exp(np.clip(values, -30, 36)) - self.offset
        share = 1 / (1 + np.exp(-np.clip(values, -30, 30)))
        return share * (capacity + 2 * self.offset) - self.offset


@dataclass(frozen=True, eq=False)
class ProphetFit:
    """A fitted Prophet.

    Attributes
    ----------
    history : what it was fitted to
    prophet : the fitted model
    scale : where it works
    calendar, kept : holidays and regressors it uses
    smearing : mean over median
    """

    history: History
    prophet: "Prophet"
    scale: Scale
    calendar: Calendar
    kept: Positions
    smearing: float

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:
        """Expected sales, with quantiles of draws of trend and noise."""
        frame = _frame(self.calendar, self.kept, future.periods, future.regressors)
        self.prophet.interval_width = level
        with _quiet(), _global_random_state(seed):
            said = self.prophet.predict(frame)
        limit = ceiling(self.history, future)
        middle, lower, upper = (
            # Odds were taken against the capacity, so they are turned back against it, not against the burst limit.
            self.scale.leave(said[name].to_numpy(), future.capacity)
            for name in ("yhat", "yhat_lower", "yhat_upper")
        )
        return Forecast.within(middle * self.smearing, lower, upper, limit)


@dataclass(frozen=True, slots=True)
class ProphetModel:
    """Prophet with seasons as far as the history holds them.

    Attributes
    ----------
    country : ISO 3166 code whose holidays count, if any
    """

    country: str | None = None
    name: str = field(default="prophet", init=False)
    minimum: int = field(default=12, init=False)

    def fit(self, history: History) -> ProphetFit:
        """Fit Prophet's point estimate."""
        require(self, history)
        calendar = Calendar.of(history, self.country)
        kept = usable_regressors(history, calendar)
        known = history.known
        scale = Scale.of(history)
        frame = _frame(calendar, kept, history.periods, history.regressors)
        frame["y"] = np.where(known, scale.enter(np.where(known, history.sales, 0.0), history.capacity), np.nan)
        prophet = _specified(history, calendar, [name for name in frame.columns if name not in ("ds", "y")])
        fitted = _fitted(prophet, frame)
        middle = scale.leave(fitted, history.capacity)[known]
        smearing = float(np.clip(history.sales[known].sum() / max(middle.sum(), 1e-9), 0.8, 1.5))
        return ProphetFit(history, prophet, scale, calendar, kept, smearing)


def _specified(history: History, calendar: Calendar, regressors: list[str]) -> "Prophet":
    from prophet import Prophet  # noqa: PLC0415  # a second to import; most runs of the command line do without

    n = int(history.known.sum())
    prophet = Prophet(
        growth="linear" if n >= 24 else "flat",
        n_changepoints=min(25, n // 4),
        yearly_seasonality=calendar.harmonics or False,
        weekly_seasonality=3 if calendar.weekdays else False,
        daily_seasonality=False,
        uncertainty_samples=SAMPLES,
    )
    for name in regressors:
        prophet.add_regressor(name, prior_scale=0.3 if name.startswith("holiday") else 1.0)
    return prophet


def _fitted(prophet: "Prophet", frame: pd.DataFrame) -> Vector:
    """Fit in place, and the fitted values of the history."""
    with _quiet():
        try:
            prophet.fit(frame, seed=1)
        except (RuntimeError, ValueError) as error:
            raise NotFittedError(f"Prophet's optimizer gave up: {error}") from error
        draws, prophet.uncertainty_samples = prophet.uncertainty_samples, 0
        fitted = prophet.predict(frame.drop(columns="y"))["yhat"].to_numpy()
        prophet.uncertainty_samples = draws
    if not np.all(np.isfinite(fitted)):
        raise NotFittedError("Prophet's estimate is not finite")
    return fitted


def _frame(calendar: Calendar, kept: Positions, periods: Periods, regressors: Vector) -> pd.DataFrame:
    """Dates, holidays and the regressors that are kept."""
    holidays = holiday_columns(calendar.grid, periods, calendar.country, calendar.names)
    columns = {f"holiday_{j}": values for j, values in enumerate(holidays.T)}
    columns |= {f"regressor_{j}": regressors[:, j] for j in kept}
    return pd.DataFrame({"ds": calendar.grid.label(periods).astype("datetime64[ns]"), **columns})


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the logs of Stan and Prophet, and the one warning of pandas that Prophet sets off."""
    logs = [logging.getLogger(name) for name in ("cmdstanpy", "prophet")]
    before = [log.disabled for log in logs]
    try:
        for log in logs:
            log.disabled = True
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=Pandas4Warning)
            yield
    finally:
        for log, was in zip(logs, before, strict=True):
            log.disabled = was


@contextmanager
def _global_random_state(seed: int) -> Iterator[None]:
    """Seed numpy's global state, which Prophet draws from, and put it back."""
    before = np.random.get_state()  # noqa: NPY002  # Prophet takes no generator
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
