"""How sure a smoothed series is of what it foresees: its own errors at past origins, by horizon.

Guarantees
----------
* Nothing after an origin is used to foresee from it, save the choice of the parameters, the season's pattern and the
  series' level, for which the small-sample factor makes amends.
* Bounds lie at equal distances in log(sales + offset) and widen with the horizon.

The mean absolute log error, in units of what random walks grow by, times a factor that falls with the number of seasons
seen; growth and factor were set on public monthly and quarterly series (see docs/forecasting.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from forecasting.grid import Frequency
from forecasting.model import Forecast, Future, History, Model, NotFittedError, Vector, ceiling, require

OFFSET = 0.05
"""Keeps the logarithm of zero sales finite [mean sales]."""
GROWTH = 2.4
"""Growth of the error variance within a season, in variances of the first period."""
AMENDS = (0.75, 2.8)
"""Small-sample factor: the first number, plus the second over the number of seasons seen."""
ORIGINS = 24
"""Most past origins looked back to."""
FORESEEN = {Frequency.D: 28, Frequency.W: 26, Frequency.MS: 24, Frequency.QS: 8, Frequency.YS: 6}
"""Periods that are foreseen from a past origin."""


def remembered(season: int) -> int:
    """Periods at the end of a history that are smoothed; what was before no longer matters."""
    return max(ORIGINS * season, 200)


def apart(model: Model, histories: Sequence[History]) -> tuple[list[History], list[NotFittedError | None]]:
    """Histories that are long enough for a model; and of every one in order, why it is not."""
    refused: list[NotFittedError | None] = []
    for history in histories:
        try:
            require(model, history, remembered(history.grid.frequency.season))
            refused.append(None)
        except NotFittedError as reason:
            refused.append(reason)
    return [history for history, reason in zip(histories, refused, strict=True) if reason is None], refused


def origins(n: int, season: int) -> tuple[int, ...]:
    """Past origins, latest first: half a season apart, closer where the history is short.

    The first season and a half, or half of a short history, only serve to learn from.
    """
    first = max(min(season + season // 2, n // 2), 2)
    step = max(1, min(season // 2, (n - first) // 2))
    return tuple(range(n - step, first - 1, -step))[:ORIGINS]


@dataclass(frozen=True, slots=True)
class Noise:
    """Deviation of log(sales + offset) one period ahead, and how its square grows per period.

    Attributes
    ----------
    offset : [units]
    """

    deviation: float
    growth: float
    offset: float

    @classmethod
    def of(cls, history: History, means: Sequence[Vector], origins: Sequence[int]) -> "Noise":
        """From what was foreseen at past origins; an error of one Poisson count stands in for a first one."""
        season, unit = history.grid.frequency.season, history.level
        growth, offset = min(GROWTH / season, 1.0), OFFSET * unit
        sizes = [np.array([np.sqrt(1 / max(unit, 1.0)) if history.integer else 0.0])]
        for mean, origin in zip(means, origins, strict=True):
            actual = history.sales[origin : origin + mean.size]
            errors = np.log((actual + offset) / (mean[: actual.size] + offset))
            sizes.append(np.abs(errors / np.sqrt(1 + growth * np.arange(actual.size))))
        size = float(np.nanmean(np.concatenate(sizes)))
        amends = AMENDS[0] + AMENDS[1] * season / history.sales.size
        return cls(size * float(np.sqrt(np.pi / 2)) * amends, growth, offset)

    def around(self, mean: Vector, history: History, future: Future, level: float) -> Forecast:
        """Mean (h,) of the periods that follow the history, with the interval that holds `level`."""
        limit = ceiling(history, future)
        middle = np.minimum(mean, limit)
        ahead = future.periods - history.following(1)[0]
        half = float(ndtri((1 + level) / 2)) * self.deviation * np.sqrt(1 + self.growth * ahead)
        lower = (middle + self.offset) * np.exp(-half) - self.offset
        upper = (middle + self.offset) * np.exp(np.minimum(half, 30.0)) - self.offset
        return Forecast.within(middle, lower, upper, limit)
