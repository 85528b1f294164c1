"""A fleet of series worked on: what to do with each, shared among processes where that is worth it.

Guarantees
----------
* The numbers do not depend on how many processes share the work.
* Series are worked on in partitions of a bounded size; what series learn from each other they learn within one. Only
  what was said of each series is kept, some kilobytes; for memory that does not grow at all see `api.parts`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed
from threadpoolctl import threadpool_limits

from forecasting.baseline import BASELINES
from forecasting.combine import COMBINATION, MEMBERS
from forecasting.features import holidays_in
from forecasting.grid import Frequency
from forecasting.model import Future, History, Model
from forecasting.pooled import Pooled
from forecasting.select import AUTO, models
from forecasting.series import Calendar, Request
from forecasting.trials import Trials, tried
from pricing.errors import InputError

Progress = Callable[[int, int], None]
"""Called with work done and work in all."""
PARTITION = 64
"""Most series that are worked on together: enough to share what they have in common, few enough for any memory."""
FELLOWS = 1_000
"""Most series that are worked on together where they learn from each other."""
WORTH_PROCESSES = 8.0
"""Seconds of fitting below which starting other processes costs more than it saves."""
SECONDS = {
    "sarimax": 2.0,
    "unobserved-components": 1.0,
    "ets": 1.0,
    "prophet": 0.5,
    "count": 0.03,
    "holt-winters": 0.02,
    "damped-trend": 0.01,
    "theta": 0.01,
    "pooled": 0.01,
    "prophet-map": 0.003,
    "ridge": 0.002,
}
"""What one model of one series takes, trials included; only the decision to share the work rests on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to forecast of a table of sales, and how.

    Attributes
    ----------
    horizon : periods to forecast
    freq : D, W, MS, QS or YS; read from the dates where not given
    by : columns whose values name a series
    target : "quantity", or "revenue" (price times quantity)
    as_of : last date (or instant) to use
    capacity : column with the most that can be sold: forecasts are of sales, cut there
    country : ISO 3166 code whose public holidays count
    level : share of outcomes the interval is to hold
    model : auto, or the name of a model
    seed : of whatever is drawn
    calendar : periods of a larger table that the sales are a part of; None reads them from the sales

    Raises
    ------
    InputError
        Where the frequency, the model or the country does not exist, or a number is out of its range.
    """

    horizon: int
    freq: str | None = None
    by: tuple[str, ...] = ("product",)
    target: str = "quantity"
    as_of: pd.Timestamp | str | None = None
    capacity: str | None = None
    country: str | None = None
    level: float = 0.8
    model: str = AUTO
    seed: int = 0
    calendar: Calendar | None = None

    def __post_init__(self) -> None:
        known = [AUTO, COMBINATION, *models()]
        if self.model not in known:
            raise InputError(f"no model is called {self.model}; there are {', '.join(known)}")
        if not 0.0 < self.level < 1.0:
            raise InputError(f"the level {self.level} is not between 0 and 1")
        if self.freq is not None and self.freq not in list(Frequency):
            raise InputError(f"the frequency is one of {', '.join(Frequency)}, not {self.freq}")
        if self.country:
            holidays_in(self.country, 2000)

    @property
    def request(self) -> Request:
        """What to make of the rows."""
        moment = None if self.as_of is None else pd.Timestamp(self.as_of)
        frequency = Frequency(self.freq) if self.freq else None
        return Request(self.by, self.horizon, frequency, self.target, moment, self.capacity, self.calendar)

    def candidates(self, frequency: Frequency, *, compared: bool = False) -> dict[str, Model]:
        """Models to try on each series: what is asked for, and what it falls back to (or is compared to)."""
        every = models(self.country)
        if self.model in (AUTO, COMBINATION):
            kept = {*BASELINES, *MEMBERS[frequency]}
        elif compared:
            kept = {"naive", "seasonal-naive", self.model}
        else:
            kept = {*BASELINES, self.model}
        return {name: model for name, model in every.items() if name in kept}


def trials(
    histories: Sequence[History],
    futures: Sequence[Future],
    task: Task,
    candidates: dict[str, Model],
    progress: Progress | None = None,
) -> list[Trials]:
    """Every series' trials, in order; partitions of them are shared among processes where that is worth it."""
    n = len(histories)
    seconds = n * sum(SECONDS.get(name, 0.0) for name in candidates)
    shared = seconds > WORTH_PROCESSES and cpu_count() > 1
    size = int(np.clip(n / (4 * cpu_count()), 1, PARTITION)) if shared else PARTITION
    if any(isinstance(model, Pooled) for model in candidates.values()):
        size = FELLOWS
    work = [(histories[i : i + size], futures[i : i + size], candidates, task) for i in range(0, n, size)]
    results: Iterable[list[Trials]]
    if shared:
        results = Parallel(n_jobs=-1, return_as="generator")(delayed(_partition)(*item) for item in work)
    else:
        results = (_partition(*item) for item in work)
    return list(_counted(results, n, progress))


def _counted(results: Iterable[list[Trials]], total: int, progress: Progress | None) -> Iterator[Trials]:
    for done, trials in enumerate(chain.from_iterable(results), start=1):
        if progress:
            progress(done, total)
        yield trials


def _partition(
    histories: Sequence[History], futures: Sequence[Future], candidates: dict[str, Model], task: Task
) -> list[Trials]:
    with threadpool_limits(1):  # more threads make small matrices slower
        return tried(histories, futures, candidates, level=task.level, seed=task.seed, country=task.country)
