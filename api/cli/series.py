"""Options of the commands that forecast series of a table of sales, and how they read it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.options import progress
from pricing.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.fleet import Task


class Freq(StrEnum):
    """Length of a period."""

    D = "D"
    W = "W"
    MS = "MS"
    QS = "QS"
    YS = "YS"


class Target(StrEnum):
    """What is forecast."""

    QUANTITY = "quantity"
    REVENUE = "revenue"


Horizon = Annotated[int, typer.Option("--horizon", min=1, max=3660, help="Periods to forecast.")]
Length = Annotated[
    Freq | None,
    typer.Option("--freq", help="Day, week, month, quarter or year; read from the dates where not given."),
]
What = Annotated[Target, typer.Option("--target", help="Units, or revenue (price times quantity).")]
FutureFile = Annotated[
    Path | None,
    typer.Option(
        "--future",
        metavar="FILE",
        help="Regressors of coming dates: date, any of the --by columns, and price, promotion or your own columns. "
        "Without it the last price is carried forward, and other regressors are left out.",
    ),
]
Capacity = Annotated[
    str | None,
    typer.Option(
        "--capacity",
        metavar="COLUMN",
        help="Most that can be sold: forecasts are cut there, and rows at it count as sold out. Coming periods have "
        "what --future says, else the most of the last 8 periods.",
    ),
]
Country = Annotated[
    str | None, typer.Option("--country", metavar="CODE", help="Count the public holidays of a country (US, GB, DE).")
]
Level = Annotated[
    float, typer.Option("--level", min=1, max=99, help="Share of outcomes the interval is to hold, in percent.")
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME",
        help="auto (chosen per series by back-test), combination (several in one, by the length of a period), or one: "
        "naive, seasonal-naive, drift, level, recent-median, holt-winters, damped-trend, theta, ets, "
        "unobserved-components, sarimax, count, ridge (quickest for many series), pooled (series learn from each "
        "other), prophet-map (Prophet's point estimate, solved directly), prophet (the library).",
    ),
]


def task_of(
    *,
    horizon: int,
    freq: Freq | None,
    by: Sequence[str],
    target: Target,
    as_of: date | None,
    capacity: str | None,
    country: str | None,
    level: float,
    model: str,
    seed: int,
) -> "Task":
    """What the options of a command ask for; the level is in percent."""
    from forecasting.fleet import Task

    return Task(
        horizon=horizon,
        freq=freq,
        by=tuple(by),
        target=target,
        as_of=None if as_of is None else as_of.isoformat(),
        capacity=capacity,
        country=country,
        level=level / 100,
        model=model,
        seed=seed,
    )


@dataclass(frozen=True, slots=True)
class Source:
    """Where sales and coming regressors come from, and what cannot be done without."""

    sales: Path
    future: Path | None
    mapping: Any
    currency: str
    zone: str
    quarantine: Path | None

    def read(self, task: "Task") -> "tuple[pd.DataFrame, pd.DataFrame | None]":
        """Both tables."""
        from api.tabular import read_table
        from forecasting.ahead import regressor_names, unsound
        from pricing.tables import TABLES

        sales = read_table(
            self.sales,
            "sales",
            mapping=self.mapping,
            needed=["price"] if task.target == Target.REVENUE else [],
            currency=self.currency,
            time_zone=self.zone,
            quarantine=self.quarantine,
        )
        if self.future is None:
            return sales, None
        known = {name: column for name, column in (self.mapping or {}).items() if TABLES["future"].column(name)}
        future = read_table(self.future, "future", mapping=known, time_zone=self.zone)
        if found := unsound(future, regressor_names(sales, future), task.capacity):
            raise InputError([replace(each, file=str(self.future)) for each in found])
        return sales, future


@contextmanager
def bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Advance a bar to the work done so far."""
    with progress(description) as advance:
        before = 0

        def done(so_far: int, _total: int) -> None:
            nonlocal before
            advance(so_far - before)
            before = so_far

        yield done
