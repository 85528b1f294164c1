"""`fairfare forecast` and `fairfare backtest`: demand to come, and how such forecasts would have done.

Guarantees
----------
* One row per series and future period; a result is written whole or not at all.
* The same file, options and seed give the same bytes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.main import app
from api.cli.options import AsOf, By, Currency, Map, Out, Quarantine, SalesFile, Seed, TimeZone, progress

if TYPE_CHECKING:
    import pandas as pd


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


Horizon = Annotated[int, typer.Option("--horizon", min=1, help="Periods to forecast.")]
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
        help="auto (chosen per series by back-test), prophet-map (Prophet's point estimate, solved directly), prophet "
        "(the library), ridge (quickest for many series), count, level, seasonal-naive, naive, or combination "
        "(the median of them).",
    ),
]


@dataclass(frozen=True, slots=True)
class _Source:
    """Where sales and coming regressors come from, and what cannot be done without."""

    sales: Path
    future: Path | None
    mapping: Any
    currency: str
    zone: str
    quarantine: Path | None

    def read(self, needed: list[str]) -> "tuple[pd.DataFrame, pd.DataFrame | None]":
        """Both tables."""
        from api.tabular import read_table
        from pricing.tables import TABLES

        sales = read_table(
            self.sales,
            "sales",
            mapping=self.mapping,
            needed=needed,
            currency=self.currency,
            time_zone=self.zone,
            quarantine=self.quarantine,
        )
        if self.future is None:
            return sales, None
        known = {name: column for name, column in (self.mapping or {}).items() if TABLES["future"].column(name)}
        return sales, read_table(self.future, "future", mapping=known, time_zone=self.zone)


@contextmanager
def _bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Advance a bar to the work done so far."""
    with progress(description) as advance:
        before = 0

        def done(so_far: int, _total: int) -> None:
            nonlocal before
            advance(so_far - before)
            before = so_far

        yield done


SHOWN = 20
"""Series whose losses are printed one by one; of more than these only the total is."""


@app.command()
def forecast(
    sales: SalesFile,
    *,
    horizon: Horizon,
    freq: Length = None,
    by: By = ("product",),
    target: What = Target.QUANTITY,
    as_of: AsOf = None,
    future: FutureFile = None,
    capacity: Capacity = None,
    country: Country = None,
    level: Level = 80.0,
    model: Model = "auto",
    mapping: Map = None,
    currency: Currency = "EUR",
    zone: TimeZone = "UTC",
    quarantine: Quarantine = None,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Forecast every series of a table of sales, with intervals.

    Sold-out rows (quantity at or above `available`, or at --capacity) count as demand that was at least as high.

    Example: fairfare forecast sales.csv --horizon 8 --freq W --by product,segment --out forecast.csv
    """
    from api.tabular import write_table
    from forecasting.table import forecast_table

    read, ahead = _Source(sales, future, mapping, currency, zone, quarantine).read(_needed(target))
    with _bar("Forecasting") as done:
        table = forecast_table(
            read,
            horizon=horizon,
            freq=freq,
            by=by,
            target=target,
            as_of=None if as_of is None else as_of.isoformat(),
            future=ahead,
            capacity=capacity,
            country=country,
            level=level / 100,
            model=model,
            seed=seed,
            progress=done,
        )
    write_table(table, out)


@app.command()
def backtest(
    sales: SalesFile,
    *,
    horizon: Horizon,
    folds: Annotated[int, typer.Option("--folds", min=1, help="Past origins, one horizon apart.")] = 3,
    freq: Length = None,
    by: By = ("product",),
    target: What = Target.QUANTITY,
    as_of: AsOf = None,
    future: FutureFile = None,
    capacity: Capacity = None,
    country: Country = None,
    level: Level = 80.0,
    model: Model = "auto",
    mapping: Map = None,
    currency: Currency = "EUR",
    zone: TimeZone = "UTC",
    quarantine: Quarantine = None,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Forecast from past origins and compare with what came, beside naive and seasonal naive.

    wape: absolute errors over actuals. mase, rmsse: errors over in-sample naive ones. bias: forecasts over actuals,
    less one. pinball: loss of the bounds [units]. coverage: share of actuals inside the interval. The rows "all" pool
    every series.

    Example: fairfare backtest sales.csv --horizon 4 --folds 6 --freq W --out losses.csv
    """
    from api.tabular import write_table
    from forecasting.table import backtest_table

    read, ahead = _Source(sales, future, mapping, currency, zone, quarantine).read(_needed(target))
    with _bar("Back-testing") as done:
        table = backtest_table(
            read,
            horizon=horizon,
            folds=folds,
            freq=freq,
            by=by,
            target=target,
            as_of=None if as_of is None else as_of.isoformat(),
            future=ahead,
            capacity=capacity,
            country=country,
            level=level / 100,
            model=model,
            seed=seed,
            progress=done,
        )
    series = len(table.drop_duplicates(list(by))) - 1
    if out is None and series > SHOWN:
        table = table[table[by[0]] == "all"]
        typer.echo(f"All {series:,} series together; --out FILE has each of them.", err=True)
    write_table(table, out)


def _needed(target: Target) -> list[str]:
    return ["price"] if target is Target.REVENUE else []
