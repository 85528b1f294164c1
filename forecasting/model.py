"""What a demand model is: a specification is fitted to a history, the fit answers with a forecast.

Guarantees
----------
* A `Forecast` is finite, `0 <= lower <= mean <= upper`, or it cannot be built.
* A `History` and a `Future` agree on their periods and regressors, or they cannot be built.
* A model is never asked far beyond what it was fitted to: coming regressors are cut near the range seen (`reach`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from forecasting.grid import Dates, Grid, Periods

Vector = NDArray[np.float64]
SILENCE = 4
"""Periods not reported at the end of a series from which it counts as ended."""
AnyFit = TypeVar("AnyFit")
BURST = 4.0
"""A forecast may not exceed the history's largest value by more than this factor."""
REACH = 0.5
"""A coming regressor counts up to this share of the range seen beyond either end of it."""


@dataclass(frozen=True, eq=False)
class History:
    """One regular series, up to the moment the forecast is made.

    Attributes
    ----------
    grid : the periods
    start : first period
    sales : (n,) sales, at least 0; NaN where not known (closed, not reported) [units or currency]
    censored : (n,) share of the period's sales that was sold out, so that demand was at least `sales`
    capacity : (n,) most that could be sold, infinite where there is no limit [as sales]
    names : (k,) regressors
    regressors : (n, k) finite; prices are in logs
    integer : whether sales are counts
    carried : regressors whose coming values nobody gives, so that the last one is carried forward
    """

    grid: Grid
    start: int
    sales: Vector
    censored: Vector
    capacity: Vector
    names: tuple[str, ...] = ()
    regressors: Vector = field(default_factory=lambda: np.empty((0, 0)))
    integer: bool = True
    carried: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = self.sales.size
        problems = [
            (n == 0 or not np.isfinite(self.sales).any(), "no period with known sales"),
            (bool(np.any(self.sales < 0)), "negative sales"),
            (self.censored.shape != (n,) or self.capacity.shape != (n,), "sales, censored, capacity differ in length"),
            (bool(self.names) and self.regressors.shape != (n, len(self.names)), "regressors differ in shape"),
            (not np.all(np.isfinite(self.regressors)), "a regressor is missing or infinite"),
        ]
        if found := [text for wrong, text in problems if wrong]:
            raise ValueError("history: " + "; ".join(found))

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,) whether the period's sales are known."""
        return np.isfinite(self.sales)

    @cached_property
    def level(self) -> float:
        """Mean sales per known period, or of the smallest weight that keeps a series of zeros usable."""
        return max(float(np.nanmean(self.sales)), 1e-9)

    @property
    def periods(self) -> Periods:
        """(n,) periods."""
        return np.arange(self.start, self.start + self.sales.size)

    @property
    def dates(self) -> Dates:
        """(n,) first day of each period."""
        return self.grid.label(self.periods)

    def head(self, n: int) -> Self:
        """The first `n` periods, as they would have been seen then: a long silence at the end looked like the end."""
        sales = self.sales[:n]
        silent = n - 1 - int(np.flatnonzero(np.isfinite(sales))[-1]) if np.isfinite(sales).any() else 0
        if silent > SILENCE:
            sales = np.concatenate([sales[: n - silent], np.zeros(silent)])
        return replace(
            self,
            sales=sales,
            censored=self.censored[:n],
            capacity=self.capacity[:n],
            regressors=self.regressors[:n] if self.names else self.regressors,
        )

    def following(self, horizon: int) -> Periods:
        """(horizon,) the periods that follow."""
        return np.arange(horizon) + self.start + self.sales.size

    def ahead(self, origin: int, horizon: int) -> "Future":
        """What would have been known, after the first `origin` periods, of the ones that follow."""
        window = slice(origin, min(origin + horizon, self.sales.size))
        regressors = self.regressors[window].copy() if self.names else np.empty((0, 0))
        for name in self.carried:
            regressors[:, self.names.index(name)] = self.regressors[origin - 1, self.names.index(name)]
        return Future(self.periods[window], self.head(origin).reach(regressors), self.capacity[window])

    def reach(self, regressors: Vector) -> Vector:
        """(h, k) coming regressors, cut at the range seen so far, widened by half its width to either side."""
        if not self.names:
            return regressors
        low, high = self.regressors.min(axis=0), self.regressors.max(axis=0)
        return np.clip(regressors, low - REACH * (high - low), high + REACH * (high - low))


@dataclass(frozen=True, eq=False)
class Future:
    """The coming periods, with all that is known of them ahead.

    Attributes
    ----------
    periods : (h,) periods
    regressors : (h, k) finite, the history's names in order
    capacity : (h,) most that can be sold, infinite where there is no limit
    """

    periods: Periods
    regressors: Vector
    capacity: Vector

    def __post_init__(self) -> None:
        if self.capacity.shape != self.periods.shape or not np.all(self.capacity >= 0):
            raise ValueError("future: capacity is missing, negative, or differs in length from the periods")
        if not np.all(np.isfinite(self.regressors)):
            raise ValueError("future: a regressor is missing or infinite")


@dataclass(frozen=True, eq=False)
class Forecast:
    """Expected sales of each coming period with an interval, each (h,)."""

    mean: Vector
    lower: Vector
    upper: Vector

    def __post_init__(self) -> None:
        if not (np.all(self.lower >= 0) and np.all((self.lower <= self.mean) & (self.mean <= self.upper))):
            raise ValueError("forecast: the mean does not lie inside its interval, or a value is missing or negative")
        if not np.all(np.isfinite(self.upper)):
            raise ValueError("forecast: a bound is infinite")

    @classmethod
    def within(cls, mean: Vector, lower: Vector, upper: Vector, limit: Vector) -> Self:
        """Cut at zero and at `limit`, and keep the mean inside the interval; what is not a number is still refused."""
        kept = np.minimum(np.maximum(mean, 0.0), limit)
        low = np.minimum(np.minimum(np.maximum(lower, 0.0), limit), kept)
        high = np.maximum(np.minimum(np.maximum(upper, 0.0), limit), kept)
        return cls(kept, low, high)


class NotFittedError(Exception):
    """A model cannot be fitted to this history.

    Usual cause: too few periods with known sales, or a numerical failure; the choice falls back to a simpler model.
    """


class Fit(Protocol):
    """A model fitted to one history."""

    def forecast(self, future: Future, *, level: float, seed: int) -> Forecast:
        """Expected sales with an interval that holds `level` of the outcomes."""


@runtime_checkable
class Model(Protocol):
    """Specification of a model of one series."""

    @property
    def name(self) -> str:
        """What the column `model` says."""

    @property
    def minimum(self) -> int:
        """Fewest periods with known sales it can be fitted to."""

    def fit(self, history: History) -> Fit:
        """Fit to a history; raises NotFittedError where it cannot."""


@runtime_checkable
class FleetModel(Model, Protocol):
    """A model that fits many series at once in less time than one by one, with the same numbers."""

    def fit_all(self, histories: Sequence[History]) -> Sequence[Fit | NotFittedError]:
        """Fits in order; the reason instead, where a history cannot be fitted."""


def only(found: Sequence[AnyFit | NotFittedError]) -> AnyFit:
    """The fit of a single history; raises the reason where there is none."""
    (fit,) = found
    if isinstance(fit, NotFittedError):
        raise fit
    return fit


def require(model: Model, history: History, last: int | None = None) -> None:
    """Refuse a history with fewer known periods (of the last ones, if so many count) than the model's minimum."""
    if (n := int(history.known[-(last or history.sales.size) :].sum())) < model.minimum:
        raise NotFittedError(f"{model.name} needs {model.minimum} periods with known sales, not {n}")


def ceiling(history: History, future: Future) -> Vector:
    """(h,) largest value a forecast may take: the coming capacity, and a burst over the largest sales so far."""
    return np.minimum(future.capacity, BURST * max(float(np.nanmax(history.sales)), 1.0))
