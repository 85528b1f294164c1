"""Sales of many series that share a calendar: each learns its season, and how levels move, from all of them.

Guarantees
----------
* A fit learns only from histories of the same call that end at the same period of the same grid: nothing after an
  origin is ever seen. A series' numbers therefore depend on which others are fitted with it.
* What has ended, has sold nothing or was not reported weighs nothing in the calendar of the others.
* No forecast is negative, above the capacity, or above a fixed multiple of the largest sales.

log sales = level + amplitude x season + correction. The season is shared (`shared_season`); level, amplitude and what
else is known of a series are as of the origin (`standing`); the correction is a ridge regression under absolute loss
(Koenker and Bassett 1978, at the median), learned at past origins of all series, for near and far horizons and for new
series apart. So a new series opens and decays as those before it did. Bounds are quantiles of what was left at those
origins, in units of each series' noise. The mean is the median of sales, which the absolute error asks for. A series
that often sells nothing, or has ended, is compared with the season by ratios. Prices and other regressors are not used.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri

from forecasting.grid import Frequency, Grid
from forecasting.model import Fit, Forecast, Future, History, NotFittedError, Vector, ceiling, only, require
from forecasting.shared_season import Block, Mask, Rows, Shared, slots
from forecasting.standing import CLUES, Standing, recent

HORIZONS = {
    Frequency.D: (1, 3, 7, 10, 14, 21, 28, 42, 60, 91),
    Frequency.W: (1, 2, 3, 4, 5, 7, 9, 11, 13, 16, 20, 23, 26),
    Frequency.MS: (1, 2, 3, 4, 5, 6, 8, 10, 12),
    Frequency.QS: (1, 2, 3, 4, 6, 8),
    Frequency.YS: (1, 2, 3, 4),
}
"""Horizons that are learned from [periods]; farther ones are taken for the last."""
BUCKETS = {
    Frequency.D: (3, 7, 14, 28),
    Frequency.W: (2, 4, 8, 13),
    Frequency.MS: (1, 2, 4, 8),
    Frequency.QS: (1, 2, 3, 4),
    Frequency.YS: (1, 2, 3),
}
"""Last horizons of what is learned together [periods]."""
STEP = {Frequency.D: 28, Frequency.W: 4, Frequency.MS: 1, Frequency.QS: 1, Frequency.YS: 1}
"""Periods between the origins that are learned from."""
LOOK_BACK, MEMORY = 8.0, 5.0
"""Oldest origin, and the age at which one counts half [years]."""
VOLUME = 0.5
"""An error of a series counts with its level to this power, between equal shares and equal units."""
RIDGE, SCORING = 100.0, 12
"""Errors by which a correction is shrunk to none, and rounds of reweighted least squares."""
FEWEST = 20
"""Errors below which nothing is learned of a horizon."""
PRIOR = 30.0
"""Normal errors that count beside those seen at past origins."""
REGULAR = 0.9
"""Share of the last year's known periods that sold something, from which a series is taken in logs."""
FADING = 0.5
"""Of an irregular series, a period's weight falls by 1/e in so many years."""


@dataclass(frozen=True, eq=False)
class Errors:
    """How far sales at past origins were from level plus season.

    Attributes
    ----------
    clues : (n, CLUES) what was known
    error : (n,) log sales less level and season
    weight : (n,) what it counts
    noise : (n,) usual size of the series' deviations, as seen then
    ahead : (n,) periods after the origin
    young : (n,) whether the series was new
    """

    clues: Vector
    error: Vector
    weight: Vector
    noise: Vector
    ahead: Rows
    young: Mask

    @classmethod
    def of(cls, shared: Shared, limit: Vector) -> "Errors":
        """Of every series live at origins `STEP` apart."""
        block, frequency = shared.block, shared.block.grid.frequency
        horizons = np.array(HORIZONS[frequency])
        oldest = max(block.half, block.width - int(LOOK_BACK * frequency.year))
        parts = [cls._none()]
        for origin in range(block.width - 1, oldest, -STEP[frequency]):
            standing = Standing.of(shared, origin, limit)
            if standing.rows.size:
                parts.append(cls._seen(standing, horizons[horizons <= block.width - origin]))
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls.__dataclass_fields__))

    @classmethod
    def _none(cls) -> "Errors":
        nothing, whole = np.empty(0), np.empty(0, dtype=np.intp)
        return cls(np.empty((0, CLUES)), nothing, nothing, nothing, whole, np.empty(0, dtype=np.bool_))

    @classmethod
    def _seen(cls, standing: Standing, ahead: Rows) -> "Errors":
        block = standing.shared.block
        members = np.arange(standing.rows.size)
        base, clues = standing.clues(ahead, members)
        at = standing.origin + ahead - 1
        known = block.known[standing.rows][:, at]
        age = (block.width - standing.origin) / block.grid.frequency.year
        weight = 0.5 ** (age / MEMORY) * np.exp(VOLUME * standing.relative)
        spread = [np.broadcast_to(v[:, None], base.shape)[known] for v in (weight, standing.noise, standing.young)]
        error = (block.log[standing.rows][:, at] - base)[known]
        return cls(clues[known], error, spread[0], spread[1], np.broadcast_to(ahead, base.shape)[known], spread[2])


@dataclass(frozen=True, eq=False)
class Correction:
    """What past errors teach, by bucket of the horizon and for series that are not new (0) or new (1).

    Attributes
    ----------
    grid : the periods
    slopes : (buckets, 2, CLUES) of the error on the clues
    scores : [bucket][new] sorted errors that were left, in units of the series' noise
    """

    grid: Grid
    slopes: Vector
    scores: tuple[tuple[Vector, Vector], ...]

    @classmethod
    def of(cls, errors: Errors, grid: Grid) -> "Correction":
        """Learn each bucket; where new series are few, they are taken for the others."""
        count = len(BUCKETS[grid.frequency]) + 1
        place = bucket(grid, errors.ahead)
        slopes, scores = np.zeros((count, 2, CLUES)), []
        for k in range(count):
            own = [(place == k) & (errors.young == new) for new in (False, True)]
            own = [part if part.sum() >= FEWEST else place == k for part in own]
            left = []
            for new, part in enumerate(own):
                slopes[k, new] = _absolute(errors.clues[part], errors.error[part], errors.weight[part])
                missed = errors.error[part] - errors.clues[part] @ slopes[k, new]
                left.append(np.sort(missed / errors.noise[part]))
            scores.append((left[0], left[1]))
        return cls(grid, slopes, tuple(scores))

    def shift(self, clues: Vector, ahead: Rows, *, young: bool) -> Vector:
        """(h,) what to add to log level and season, given (h, CLUES)."""
        return np.asarray(np.sum(clues * self.slopes[bucket(self.grid, ahead), int(young)], axis=1), dtype=np.float64)

    def bound(self, ahead: Rows, q: float, *, young: bool) -> Vector:
        """(h,) quantile of the errors in units of noise; beyond the horizons seen they grow as a random walk's."""
        normal = 1.25 * float(ndtri(q))  # a standard deviation is 1.25 mean absolute deviations
        found = []
        for parts in self.scores:
            seen = parts[int(young)]
            own = float(np.quantile(seen, q)) if seen.size else 0.0
            found.append((seen.size * own + PRIOR * normal) / (seen.size + PRIOR))
        last = HORIZONS[self.grid.frequency][-1]
        return np.array(found)[bucket(self.grid, ahead)] * np.sqrt(np.maximum(ahead / last, 1.0))


def bucket(grid: Grid, ahead: Rows) -> Rows:
    """Which horizons a horizon is learned with."""
    return np.searchsorted(BUCKETS[grid.frequency], ahead)


def _absolute(clues: Vector, error: Vector, weight: Vector) -> Vector:
    """(CLUES,) slopes of least absolute error under a ridge, by reweighted least squares (Schlossmacher 1973)."""
    slopes: Vector = np.zeros(CLUES)
    if error.size < FEWEST:
        return slopes
    weight = weight / weight.mean()
    usual = float(np.average(np.abs(error), weights=weight)) + 1e-6
    ridge = np.diag(RIDGE / usual * (np.average(clues**2, axis=0, weights=weight) + 1e-9))
    for _ in range(SCORING):
        weighted = clues.T * (weight / np.maximum(np.abs(error - clues @ slopes), 0.1 * usual))
        slopes = np.asarray(np.linalg.solve(weighted @ clues + ridge, weighted @ error), dtype=np.float64)
    return slopes


@dataclass(frozen=True, eq=False)
class PooledFit:
    """A series that sells in nearly every period.

    Attributes
    ----------
    history : what it was fitted to
    standing : of all series that end with it
    member : its place there
    correction : learned from all of them
    """

    history: History
    standing: Standing
    member: int
    correction: Correction

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:  # noqa: ARG002  # nothing is random
        """Median sales, with bounds from past errors."""
        ahead = future.periods - self.history.following(1)[0] + 1
        base, clues = self.standing.clues(ahead, np.array([self.member]))
        young, noise = bool(self.standing.young[self.member]), self.standing.noise[self.member]
        middle = base[0] + self.correction.shift(clues[0], ahead, young=young)
        bounds = [noise * self.correction.bound(ahead, q, young=young) for q in ((1 - level) / 2, (1 + level) / 2)]
        mean, lower, upper = (np.exp(np.clip(middle + side, -30, 36)) for side in (0.0, *bounds))
        return Forecast.within(mean, lower, upper, ceiling(self.history, future))


@dataclass(frozen=True, eq=False)
class IrregularFit:
    """A series with many periods without a sale, or one that has ended.

    Attributes
    ----------
    history : what it was fitted to
    shared, effects : season of all series that end with it
    pattern : (slots,) own weekdays, months or quarters, 1 on average
    ratios, weights : (n,) sales over season and pattern, sorted, and what they count, 1 in all
    """

    history: History
    shared: Shared
    effects: Vector
    pattern: Vector
    ratios: Vector
    weights: Vector

    @classmethod
    def of(cls, history: History, shared: Shared, effects: Vector) -> "IrregularFit":
        """Compare sales with the season, lately more than long ago."""
        n = min(history.sales.size, shared.block.width)
        sales, known = history.sales[-n:], history.known[-n:]
        weight = known * np.exp(-np.arange(n)[::-1] / (FADING * history.grid.frequency.year))
        sold = np.flatnonzero(sales > 0)
        if sold.size and _ended(history):
            weight[: sold[-1] + 1] = 0.0
        season = np.exp(shared.season(effects, shared.block.width - n, shared.block.width))
        slot = history.periods[-n:] % slots(history.grid.frequency)
        total, usual = (np.bincount(slot[known], v[known], slots(history.grid.frequency)) for v in (sales, season))
        level = max(total.sum() / usual.sum(), 1e-9)
        pattern = (total / level + 1.0) / (usual + 1.0)  # one period's worth of no pattern
        ratio = np.where(known, sales, 0.0) / (season * pattern[slot])
        order = np.argsort(ratio)
        return cls(history, shared, effects, pattern, ratio[order], weight[order] / max(weight.sum(), 1e-300))

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:  # noqa: ARG002  # nothing is random
        """Weighted mean and quantiles of sales over season and pattern, times those to come."""
        width = self.shared.block.width
        ahead = future.periods - self.history.following(1)[0] + 1
        season = np.exp(self.shared.season(self.effects, width, width + int(ahead.max()))[ahead - 1])
        usual = season * self.pattern[future.periods % self.pattern.size]
        reached = np.cumsum(self.weights)
        lower, upper = (
            float(self.ratios[min(int(np.searchsorted(reached, q)), reached.size - 1)])
            for q in ((1 - level) / 2, (1 + level) / 2)
        )
        mean = float(self.ratios @ self.weights)
        return Forecast.within(mean * usual, lower * usual, upper * usual, ceiling(self.history, future))


@dataclass(frozen=True, slots=True)
class Pooled:
    """Levels of each series, with a season and corrections learned from all series that end at the same period.

    Attributes
    ----------
    country : ISO 3166 code whose holidays count, if any
    """

    country: str | None = None
    name: str = field(default="pooled", init=False)
    minimum: int = field(default=4, init=False)

    def fit(self, history: History) -> Fit:
        """Fit one series, from itself alone."""
        return only(self.fit_all([history]))

    def fit_all(self, histories: Sequence[History]) -> list[Fit | NotFittedError]:
        """Fit many series, those that end together from each other."""
        fits: list[Fit | NotFittedError] = []
        groups: dict[tuple[Grid, int], list[int]] = {}
        for place, history in enumerate(histories):
            fits.append(NotFittedError(f"{self.name}: the estimate is not finite"))
            try:
                require(self, history)
            except NotFittedError as error:
                fits[place] = error
                continue
            groups.setdefault((history.grid, history.start + history.sales.size), []).append(place)
        for places in groups.values():
            for place, fit in zip(places, _fitted([histories[j] for j in places], self.country), strict=True):
                fits[place] = fit
        return fits


def _fitted(histories: Sequence[History], country: str | None) -> list[Fit]:
    """Fits of histories that end together."""
    block = Block.of(histories)
    limit = np.log(np.array([np.inf if h.capacity[-1] <= 0 else h.capacity[-1] for h in histories]))
    shared = Shared.of(block, country)
    correction = Correction.of(Errors.of(shared, limit), block.grid)
    standing = Standing.of(shared, block.width, limit)
    member = {int(row): j for j, row in enumerate(standing.rows)}
    return [
        PooledFit(history, standing, member[row], correction)
        if row in member and _regular(history)
        else IrregularFit.of(history, shared, standing.effects)
        for row, history in enumerate(histories)
    ]


def _regular(history: History) -> bool:
    """Whether a series sells in nearly every period, so that logarithms tell all of it."""
    year = int(history.grid.frequency.year)
    sales, known = history.sales[-year:], history.known[-year:]
    late = sales[-recent(history.grid.frequency.year) :]
    return bool(np.mean(sales[known] > 0) >= REGULAR and np.nanmax(late, initial=0.0) > 0)


def _ended(history: History) -> bool:
    """Whether a series that sold in nearly every period has sold nothing of late."""
    sold = np.flatnonzero(history.sales > 0)
    if not sold.size or history.known[sold[-1] + 1 :].sum() < recent(history.grid.frequency.year):
        return False
    before = slice(max(int(sold[-1]) - int(history.grid.frequency.year), 0), int(sold[-1]) + 1)
    return bool(np.mean(history.sales[before][history.known[before]] > 0) >= REGULAR)
