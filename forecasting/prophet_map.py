"""Prophet's point estimate without its Stan process, for many series at once.

Guarantees
----------
* The model is the one `prophet_model` gives to Prophet: the same scale, columns, changepoints and priors; its log
  posterior is never lower than that of Prophet's own optimizer (tests compare the two).
* Nothing is random: intervals are those of the normal distribution with the variance of Prophet's draws.
* A series' numbers do not depend on which others are fitted with it.

Piecewise linear trend with a Laplace prior on its changes, Fourier seasons, holidays and regressors with normal priors
(Taylor and Letham 2018), estimated from sums of products; see `posterior`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from forecasting.features import Calendar, Positions, holiday_columns, run_of, usable_regressors
from forecasting.grid import Grid, Periods
from forecasting.model import Forecast, Future, History, NotFittedError, Vector, ceiling, only, require
from forecasting.posterior import Estimates, Regressions, estimate
from forecasting.prophet_model import Scale

CHANGES, RANGE, TAU = 25, 0.8, 0.05
"""Prophet's defaults: trend changes, the part of the history they lie in, and the scale of their prior."""
TREND, SEASON, HOLIDAY, REGRESSOR = 5.0, 10.0, 0.3, 1.0
"""Deviations of the normal priors."""


@dataclass(frozen=True, eq=False)
class Specification:
    """The columns Prophet would make of a history.

    Attributes
    ----------
    calendar, kept : holidays and regressors
    scale : where the model works
    unit : what values on that scale are divided by
    start, length : first known day, and days to the last one
    changes : (s,) times of trend changes, in lengths since the start; none means a flat trend
    centre, spread : (kept,) regressors are (value - centre) / spread
    """

    calendar: Calendar
    kept: Positions
    scale: Scale
    unit: float
    start: int
    length: int
    changes: Vector
    centre: Vector
    spread: Vector

    @property
    def precision(self) -> Vector:
        """(p,) of the normal priors; the trend changes, last, have none."""
        holidays = 2 * len(self.calendar.names)
        seasons = 2 * self.calendar.harmonics + 6 * self.calendar.weekdays
        counts = [1 + (self.changes.size > 0), seasons, holidays, self.kept.size]
        deviations = np.repeat([TREND, SEASON, HOLIDAY, REGRESSOR], counts)
        return np.concatenate([deviations**-2.0, np.zeros(self.changes.size)])

    def matrix(self, periods: Periods, regressors: Vector) -> Vector:
        """(n, p) level, slope, seasons, holidays, regressors, trend changes."""
        calendar = self.calendar
        days = calendar.grid.label(periods).astype(np.int64)
        time = ((days - self.start) / self.length)[:, None]
        seasons = _seasons(calendar.grid, calendar.harmonics, calendar.weekdays, *run_of(periods))
        holidays = holiday_columns(calendar.grid, periods, calendar.country, calendar.names)
        scaled = (regressors[:, self.kept] - self.centre) / self.spread if self.kept.size else holidays[:, :0]
        trend = [np.ones((periods.size, 1)), *([time] if self.changes.size else [])]
        return np.hstack([*trend, seasons, holidays, scaled, np.maximum(time - self.changes, 0.0)])


@lru_cache(maxsize=64)
def _seasons(grid: Grid, harmonics: int, weekdays: bool, first: int, n: int) -> Vector:
    """(n, p) sines and cosines of the year and of the week, as Prophet has them."""
    days = grid.label(np.arange(first, first + n)).astype(np.float64)
    waves = [(365.25, k + 1) for k in range(harmonics)] + [(7.0, k + 1) for k in range(3 * weekdays)]
    angles = [2 * np.pi * days * k / period for period, k in waves]
    columns = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    made = np.column_stack(columns) if columns else np.empty((n, 0))
    made.flags.writeable = False
    return made


def specified(history: History, country: str | None) -> tuple[Specification, Vector]:
    """What Prophet would make of a history, and (known,) what it would be fitted to."""
    calendar = Calendar.of(history, country)
    kept, known = usable_regressors(history, calendar), history.known
    scale = Scale.of(history)
    values = scale.enter(history.sales[known], history.capacity[known])
    days = history.dates.astype(np.int64)[known]
    start, length = int(days[0]), int(days[-1] - days[0])
    unit = float(np.abs(values).max()) or 1.0
    changes = (days[_changes(values.size)] - start) / max(length, 1)
    centre, spread = _standard(history.regressors[known][:, kept]) if kept.size else (np.empty(0), np.empty(0))
    return Specification(calendar, kept, scale, unit, start, max(length, 1), changes, centre, spread), values / unit


def _changes(n: int) -> Positions:
    """Places of the trend changes among the known periods; none where the trend is flat."""
    if n < 24:
        return np.empty(0, dtype=np.intp)
    within = int(n * RANGE)
    return np.linspace(0, within - 1, min(CHANGES, n // 4) + 1).round().astype(np.intp)[1:]


def _standard(values: Vector) -> tuple[Vector, Vector]:
    """Mean and standard deviation of each column; 0 and 1 for one of zeros and ones."""
    binary = np.all((values == 0) | (values == 1), axis=0)
    return np.where(binary, 0.0, values.mean(axis=0)), np.where(binary, 1.0, values.std(axis=0, ddof=1))


@dataclass(frozen=True, eq=False)
class ProphetMapFit:
    """A point estimate.

    Attributes
    ----------
    history : what it was fitted to
    specification : its columns
    effects : (p,) effects, in units of the specification
    sigma : deviation of the noise, in the same units
    smearing : mean over median
    """

    history: History
    specification: Specification
    effects: Vector
    sigma: float
    smearing: float

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:  # noqa: ARG002  # nothing is random
        """Expected sales, with quantiles of noise and of trend changes to come."""
        spec, limit = self.specification, ceiling(self.history, future)
        middle = spec.matrix(future.periods, future.regressors) @ self.effects
        half = float(ndtri((1 + level) / 2)) * np.sqrt(self.sigma**2 + self._wandering(future.periods))
        said = [spec.scale.leave(value * spec.unit, limit) for value in (middle, middle - half, middle + half)]
        return Forecast.within(said[0] * self.smearing, said[1], said[2], limit)

    def _wandering(self, periods: Periods) -> Vector:
        """(h,) variance of the trend: changes come as often and are as large as those of the history."""
        spec = self.specification
        if not spec.changes.size:
            return np.zeros(periods.size)
        days = spec.calendar.grid.label(periods).astype(np.int64)
        step = (
            float(np.diff(days).mean() if days.size > 1 else spec.length / (self.history.sales.size - 1)) / spec.length
        )
        size = float(np.mean(np.abs(self.effects[-spec.changes.size :]))) + 1e-8
        reach = np.cumsum((np.arange(periods.size) + 0.5) ** 2)
        return min(spec.changes.size * step, 1.0) * 2 * size**2 * step**2 * reach


@dataclass(frozen=True, slots=True)
class ProphetMap:
    """Prophet's point estimate, solved directly.

    Attributes
    ----------
    country : ISO 3166 code whose holidays count, if any
    """

    country: str | None = None
    name: str = field(default="prophet-map", init=False)
    minimum: int = field(default=12, init=False)

    def fit(self, history: History) -> ProphetMapFit:
        """Fit one series."""
        return only(self.fit_all([history]))

    def fit_all(self, histories: Sequence[History]) -> list[ProphetMapFit | NotFittedError]:
        """Fit many series, those with equally many columns together."""
        fits: list[ProphetMapFit | NotFittedError] = []
        parts: dict[tuple[int, int], list[_Part]] = {}
        for place, history in enumerate(histories):
            try:
                require(self, history)
            except NotFittedError as error:
                fits.append(error)
                continue
            part = _Part.of(place, history, self.country)
            parts.setdefault((part.moment.size, part.specification.changes.size), []).append(part)
            fits.append(NotFittedError(f"{self.name}: the estimate is not finite"))
        for (_, steps), group in parts.items():
            found = estimate(together(group, steps))
            for row, part in enumerate(group):
                if np.all(np.isfinite(found.effects[row])):
                    fits[part.place] = part.fitted(found, row)
        return fits


@dataclass(frozen=True, eq=False)
class _Part:
    """One series among others: its columns, and the products of them the estimate needs."""

    place: int
    history: History
    specification: Specification
    values: Vector
    columns: Vector
    gram: Vector
    moment: Vector

    @classmethod
    def of(cls, place: int, history: History, country: str | None) -> "_Part":
        specification, values = specified(history, country)
        columns = specification.matrix(history.periods, history.regressors)
        if values.size < columns.shape[0]:
            columns = columns[history.known]
        return cls(place, history, specification, values, columns, columns.T @ columns, columns.T @ values)

    def fitted(self, found: Estimates, row: int) -> ProphetMapFit:
        """The fit, its mean such that fitted and actual totals agree."""
        spec, known = self.specification, self.history.known
        sales, capacity = self.history.sales[known], self.history.capacity[known]
        middle = spec.scale.leave(self.columns @ found.effects[row] * spec.unit, capacity)
        smearing = float(np.clip(sales.sum() / max(middle.sum(), 1e-9), 0.8, 1.5))
        return ProphetMapFit(self.history, spec, found.effects[row], float(found.sigma[row]), smearing)


def together(parts: Sequence[_Part], steps: int) -> Regressions:
    """The regressions of several series with equally many columns."""
    return Regressions(
        np.stack([part.gram for part in parts]),
        np.stack([part.moment for part in parts]),
        np.array([part.values @ part.values for part in parts]),
        np.array([float(part.values.size) for part in parts]),
        np.stack([part.specification.precision for part in parts]),
        steps,
        TAU,
    )
