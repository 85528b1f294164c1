"""The forecasts to beat: the last value, the line on, the same period a season ago, and that times the recent level.

Guarantees
----------
* Each repeats what was seen and nothing else (or goes on in a straight line), so it cannot explode.
* They work from a single period on.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri

from forecasting.grid import Frequency
from forecasting.model import Forecast, Future, History, NotFittedError, Vector, ceiling, require

BASELINES = ("naive", "seasonal-naive", "level")
"""What any series can be forecast by."""
RECENT = {Frequency.D: 8, Frequency.W: 13, Frequency.MS: 12, Frequency.QS: 8, Frequency.YS: 4}
"""Periods of which the recent median is taken; of days, weeks."""


@dataclass(frozen=True, eq=False)
class RepeatedFit:
    """A fit whose means are values already seen, with errors that grow with the root of the repetitions.

    Attributes
    ----------
    history : what it was fitted to
    pattern : (m,) means of the coming periods, repeated as often as needed
    deviation : standard deviation of the error of one repetition [units]
    """

    history: History
    pattern: Vector
    deviation: float

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:  # noqa: ARG002  # nothing is random
        """Repeat the pattern; errors are a random walk over its repetitions."""
        ahead = future.periods - self.history.following(1)[0]
        mean = self.pattern[ahead % self.pattern.size]
        half = float(ndtri((1 + level) / 2)) * self.deviation * np.sqrt(1 + ahead // self.pattern.size)
        return Forecast.within(mean, mean - half, mean + half, ceiling(self.history, future))


def _filled(sales: Vector) -> Vector:
    """Sales with unknown periods given the last known value (the first known one before it)."""
    known = np.flatnonzero(np.isfinite(sales))
    last = np.searchsorted(known, np.arange(sales.size), side="right") - 1
    return sales[known[np.maximum(last, 0)]]


def _deviation(sales: Vector, lag: int) -> float:
    """Root mean squared lagged difference; one Poisson count of the mean stands in for a first observation."""
    errors = sales[lag:] - sales[:-lag]
    errors = errors[np.isfinite(errors)]
    return float(np.sqrt((np.sum(errors**2) + np.nanmean(sales)) / (errors.size + 1)))


@dataclass(frozen=True, slots=True)
class Naive:
    """The last known value stays."""

    name: str = field(default="naive", init=False)
    minimum: int = field(default=1, init=False)

    def fit(self, history: History) -> RepeatedFit:
        """Keep the last known value."""
        require(self, history)
        return RepeatedFit(history, _filled(history.sales)[-1:], _deviation(history.sales, 1))


@dataclass(frozen=True, slots=True)
class SeasonalNaive:
    """The value of the same period a season ago; refuses a history without a whole season."""

    name: str = field(default="seasonal-naive", init=False)
    minimum: int = field(default=2, init=False)

    def fit(self, history: History) -> RepeatedFit:
        """Keep the last season."""
        require(self, history)
        season = history.grid.frequency.season
        if history.sales.size < season:
            raise NotFittedError(f"{self.name} needs a season of {season} periods")
        return RepeatedFit(history, _filled(history.sales)[-season:], _deviation(history.sales, season))


@dataclass(frozen=True, slots=True)
class Level:
    """The value of the same period a season ago, times how the last periods compare with theirs a season ago.

    Of days, whose season is a week, the mean of as many weeks. Without two seasons, the mean of the last periods.

    Attributes
    ----------
    window : periods whose mean is the recent level, or seasons
    """

    window: int = 8
    name: str = field(default="level", init=False)
    minimum: int = field(default=3, init=False)

    def fit(self, history: History) -> RepeatedFit:
        """Keep the last season, at the recent level."""
        require(self, history)
        sales, season = _filled(history.sales), history.grid.frequency.season
        if history.grid.frequency is Frequency.D and sales.size >= 2 * season:
            seasons = sales[-(sales.size // season) * season :].reshape(-1, season)[-self.window :]
            return RepeatedFit(history, seasons.mean(axis=0), _deviation(history.sales, season))
        recent = sales[-self.window :].mean()
        if season == 1 or sales.size < season + self.window:
            deviation = _deviation(history.sales, 1)
            return RepeatedFit(history, np.array([recent]), deviation)
        before = sales[-self.window - season : sales.size - season].mean()
        ratio = np.clip(recent / before, 0.25, 4.0) if before > 0 else 1.0
        return RepeatedFit(history, sales[-season:] * ratio, _deviation(history.sales, season))


@dataclass(frozen=True, eq=False)
class DriftFit:
    """A line from the last known value on.

    Attributes
    ----------
    history : what it was fitted to
    last : position of the last known value
    slope : mean change per period [units]
    deviation : standard deviation of a change around it [units]
    """

    history: History
    last: int
    slope: float
    deviation: float

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:  # noqa: ARG002  # nothing is random
        """Go on at the mean change, whose own error adds up with the distance (Hyndman and Athanasopoulos 2021)."""
        ahead = future.periods - (self.history.start + self.last)
        mean = self.history.sales[self.last] + self.slope * ahead
        half = float(ndtri((1 + level) / 2)) * self.deviation * np.sqrt(ahead * (1 + ahead / max(self.last, 1)))
        return Forecast.within(mean, mean - half, mean + half, ceiling(self.history, future))


@dataclass(frozen=True, slots=True)
class Drift:
    """The line from the first known value through the last."""

    name: str = field(default="drift", init=False)
    minimum: int = field(default=2, init=False)

    def fit(self, history: History) -> DriftFit:
        """Draw the line."""
        require(self, history)
        known = np.flatnonzero(history.known)
        first, last = int(known[0]), int(known[-1])
        slope = float((history.sales[last] - history.sales[first]) / (last - first))
        along = history.sales - slope * np.arange(history.sales.size)
        changes = np.diff(along)[np.isfinite(np.diff(along))]
        deviation = float(np.sqrt((np.sum(changes**2) + np.nanmean(history.sales)) / (changes.size + 1)))
        return DriftFit(history, last, slope, deviation)


@dataclass(frozen=True, slots=True)
class RecentMedian:
    """The median of the last periods, of days by weekday: what usually sells, whatever a promotion once did."""

    name: str = field(default="recent-median", init=False)
    minimum: int = field(default=3, init=False)

    def fit(self, history: History) -> RepeatedFit:
        """Keep the median of the last periods."""
        require(self, history)
        sales, frequency = _filled(history.sales), history.grid.frequency
        season = frequency.season if frequency is Frequency.D and sales.size >= 2 * frequency.season else 1
        last = sales[-(sales.size // season) * season :].reshape(-1, season)[-RECENT[frequency] :]
        return RepeatedFit(history, np.median(last, axis=0), _deviation(history.sales, season))
