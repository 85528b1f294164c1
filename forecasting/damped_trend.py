"""Damped trend: a series without its season, in logs, smoothed with a slope that levels off (or not, if it never did).

Guarantees
----------
* A series' numbers do not depend on which others are fitted with it, and the same history gives the same numbers.
* A forecast cannot be negative, and stays below a fixed multiple of the largest sales.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from forecasting.deseasonalised import Adjusted
from forecasting.foreseen import FORESEEN, Noise, apart
from forecasting.model import Forecast, Future, History, NotFittedError, only
from forecasting.smoothing import Curve, Sets, Smoothed, States, smoothed

LEVELS = (*(np.arange(1, 10) / 10), 0.99)
TRENDS = ((0.0, 0.0), (0.05, 0.8), (0.2, 0.8), (0.05, 0.9), (0.2, 0.9), (0.05, 0.97), (0.02, 1.0), (0.1, 1.0))
SETS = Sets.grid(LEVELS, TRENDS)


@dataclass(frozen=True, eq=False)
class DampedFit:
    """A smoothed series.

    Attributes
    ----------
    adjusted : the history without its season
    states : where it stands
    noise : how sure it is
    """

    adjusted: Adjusted
    states: States
    noise: Noise

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:  # noqa: ARG002  # nothing is random
        """Carry level and slope forward, put the season back."""
        history = self.adjusted.history
        ahead = future.periods - history.following(1)[0]
        (logs,) = self.states.ahead(int(ahead[-1]) + 1)
        mean = self.adjusted.sales(logs, self.adjusted.logs.size)[ahead]
        return self.noise.around(mean, history, future, level)


@dataclass(frozen=True, slots=True)
class DampedTrend:
    """Damped exponential smoothing of the deseasonalised series in logs (Gardner and McKenzie 1985).

    Of a grid of parameters the one with the least squared error one period ahead.
    """

    name: str = field(default="damped-trend", init=False)
    minimum: int = field(default=3, init=False)

    def fit(self, history: History) -> DampedFit:
        """Fit to one history."""
        return only(self.fit_all([history]))

    def fit_all(self, histories: Sequence[History]) -> list[DampedFit | NotFittedError]:
        """Fit every history that is long enough, side by side."""
        able, refused = apart(self, histories)
        adjusted = [Adjusted.of(history) for history in able]
        fits = iter(map(_fit, adjusted, smoothed([_curve(each) for each in adjusted], SETS)))
        return [reason or next(fits) for reason in refused]


def _curve(adjusted: Adjusted) -> Curve:
    """Start from the first four known values, and half the median change of the first two seasons."""
    change = np.diff(adjusted.logs[: 2 * max(adjusted.pattern.size, 4)])
    change = change[np.isfinite(change)]
    slope = 0.5 * float(np.median(change)) if change.size else 0.0
    early = adjusted.logs[np.isfinite(adjusted.logs)][:4]
    error = 1.25 * float(np.abs(change).mean()) + 1e-6 if change.size else 1.0
    return adjusted.curve(float(early.mean()) - 2 * slope, slope, error)


def _fit(adjusted: Adjusted, result: Smoothed) -> DampedFit:
    only_scale, best = np.zeros(1, dtype=np.intp), np.array([int(np.argmin(result.squared[0]))])
    horizon = FORESEEN[adjusted.history.grid.frequency]
    foreseen = [past.pick(only_scale, best).ahead(horizon)[0] for past in result.past]
    return DampedFit(adjusted, result.last.pick(only_scale, best), adjusted.noise(foreseen))
