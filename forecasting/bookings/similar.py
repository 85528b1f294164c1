"""How alike events are, and what those most alike still sold from the same lead on.

Guarantees
----------
* Weights are finite, not negative, and not all zero where an event is over.
* Only events given as past are looked at.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.bookings.history import Bookings, Vector

HALF_LIFE = 90.0
"""Days after which an event counts half, at least; longer where events are few."""
ENOUGH = 60
"""Events that one half-life should hold."""
YEAR = 364
"""Days to the same date and weekday of the year before."""
SEASON, SAME_DATE = 30.0, 9.0
"""Days around the same date a year ago that count: for rates, and for the events most alike."""
OTHER_PLACE, OTHER_KIND, OTHER_WEEKDAY = 0.15, 0.4, 0.15
"""What an event of another venue, category or weekday counts, beside one of the same."""
NEARBY = 7.0
"""Days apart at which what was missed of one event says half as much of another."""
SIZES = 1.5
"""Past capacities differ by this factor or more: then bookings are compared as shares of them."""


@dataclass(frozen=True, eq=False)
class Traits:
    """What events have in common, known before a sale starts.

    Attributes
    ----------
    start : (E,) day of the start
    weekday, venue, category : (E,) codes
    size : (E,) what units are divided by to compare events; the mean of finished ones is 1
    design : (E, k) features of a regression: weekday, season, venue, category, size, and the owner's own
    """

    start: NDArray[np.int64]
    weekday: NDArray[np.int64]
    venue: NDArray[np.int64]
    category: NDArray[np.int64]
    size: Vector
    design: Vector

    @classmethod
    def of(cls, bookings: Bookings) -> Self:
        """Read the traits of every event."""
        events = bookings.events
        weekday = (bookings.start + 3) % 7  # day 0 was a Thursday
        season = 2 * np.pi * bookings.start[:, None] / 365.25 * np.array([1, 2])
        size = _size(bookings.capacity, bookings.finished(bookings.today))
        parts = [np.sin(season), np.cos(season), np.log(size)[:, None], _dummies(weekday)]
        parts += [
            _feature(events[name])
            for name in sorted(set(map(str, events)) - {"event", "starts_at", "on_sale_at", "capacity"})
        ]
        return cls(bookings.start, weekday, _codes(events, "venue"), _codes(events, "category"), size, np.hstack(parts))

    def half_life(self, past: int) -> float:
        """Days after which one of the first `past` events counts half."""
        recent = self.start[max(past - ENOUGH, 0) : past]
        return max(HALF_LIFE, float(recent[-1] - recent[0])) if recent.size else HALF_LIFE

    def weights(
        self,
        event: int,
        past: slice | NDArray[np.int64],
        day: int,
        *,
        half_life: float,
        trust: Vector | float = 1.0,
    ) -> Vector:
        """What each event of `past` counts for `event`: recent (times `trust`), or of the same season, and alike."""
        age = np.maximum(day - self.start[past], 0)
        recent = trust * 0.5 ** (age / half_life)
        return np.asarray((recent + self._year_ago(event, past, SEASON)) * self._alike(event, past))

    def nearest(self, event: int, past: slice | NDArray[np.int64], day: int, *, half_life: float) -> Vector:
        """Weights of the events most alike: around the same date a year ago, else recent ones."""
        age = np.maximum(day - self.start[past], 0)
        return (0.1 * 0.5 ** (age / half_life) + self._year_ago(event, past, SAME_DATE)) * self._alike(event, past)

    def nearby(self, event: int, past: slice) -> Vector:
        """How near in time each event of `past` is, from 0 to 1, if of the same venue and category."""
        return np.asarray(
            0.5 ** (np.abs(self.start[event] - self.start[past]) / NEARBY) * self._same_house(event, past)
        )

    def _year_ago(self, event: int, past: slice | NDArray[np.int64], width: float) -> Vector:
        apart = self.start[event] - self.start[past]
        nearest = np.maximum(np.round(apart / YEAR), 1) * YEAR
        years = nearest / YEAR
        return np.asarray(np.exp(-0.5 * ((apart - nearest) / width) ** 2) / years)

    def _alike(self, event: int, past: slice | NDArray[np.int64]) -> Vector:
        return self._same_house(event, past) * np.where(self.weekday[past] == self.weekday[event], 1.0, OTHER_WEEKDAY)

    def _same_house(self, event: int, past: slice | NDArray[np.int64]) -> Vector:
        venue = np.where(self.venue[past] == self.venue[event], 1.0, OTHER_PLACE)
        return np.asarray(venue * np.where(self.category[past] == self.category[event], 1.0, OTHER_KIND))


def similar_pickup(pickup: Vector, weights: Vector) -> Vector:
    """(G,) weighted mean of what past events still sold, (E, G) [units]."""
    return np.asarray(weights @ pickup / weights.sum())


def _size(capacity: Vector, past: int) -> Vector:
    """Capacities over their mean, if those of the first `past` events are known; an unknown coming one is average.

    Past events alone decide whether they are compared in shares. Where they are alike, only a coming one that differs
    from them as much as they would have to from each other counts as its share; the others' sizes stay 1.
    """
    known = np.isfinite(capacity) & (capacity > 0)
    if not past or not known[:past].all():
        return np.ones(capacity.size)
    least, most, mean = (float(of(capacity[:past])) for of in (np.min, np.max, np.mean))
    if most < SIZES * least:
        known &= (capacity >= SIZES * least) | (SIZES * capacity <= most)
    return np.asarray(np.where(known, capacity, mean) / mean)


def _codes(events: pd.DataFrame, name: str) -> NDArray[np.int64]:
    if name not in events:
        return np.zeros(len(events), np.int64)
    return np.asarray(pd.factorize(events[name], sort=True)[0], np.int64)


def _dummies(codes: NDArray[np.int64]) -> Vector:
    return np.asarray(codes[:, None] == np.unique(codes)[None, :], np.float64)


def _feature(values: "pd.Series[float] | pd.Series[str]") -> Vector:
    """Columns of one feature; none where it is not known of every event, or is a name rather than a kind."""
    empty = np.zeros((len(values), 0))
    if values.isna().any():
        return empty
    if pd.api.types.is_numeric_dtype(values):
        return np.asarray(values, np.float64)[:, None]
    codes, names = pd.factorize(values, sort=True)
    return _dummies(codes) if 1 < len(names) <= max(len(values) // 4, 1) else empty
