"""`fairfare backtest`: how forecasts would have done.

Guarantees
----------
* Forecasts see nothing after their origin; a result is written whole or not at all.
* The same file, options and seed give the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.main import app
from api.cli.options import AsOf, By, Currency, Map, Out, Quarantine, SalesFile, Seed, TimeZone, check_report
from api.cli.series import (
    Capacity,
    Country,
    FutureFile,
    Horizon,
    Length,
    Level,
    Model,
    Source,
    Target,
    What,
    bar,
    task_of,
)

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.backtest import Backtest

SHOWN = 20
"""Series whose losses are printed one by one; of more than these only the total is."""


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
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help="Write a report with charts to FILE.html.")
    ] = None,
) -> None:
    """Forecast from past origins and compare with what came, beside naive and seasonal naive.

    wape: absolute errors over actuals. mase, rmsse: errors over in-sample naive ones. bias: forecasts over actuals,
    less one. pinball: loss of the bounds, in units. coverage: share of actuals inside the interval. What sold
    out below its forecast is no error, and left out of pinball and coverage. The rows "all" pool every series. A loss
    that cannot be had (nothing was sold, or the history never changed) is left empty.

    Example: fairfare backtest sales.csv --horizon 4 --folds 6 --freq W --out losses.csv --report backtest.html
    """
    from api.tabular import write_table, write_whole
    from forecasting.backtest import backtest as run

    check_report(report)
    task = task_of(
        horizon=horizon,
        freq=freq,
        by=by,
        target=target,
        as_of=as_of,
        capacity=capacity,
        country=country,
        level=level,
        model=model,
        seed=seed,
    )
    read, ahead = Source(sales, future, mapping, currency, zone, quarantine).read(task)
    with bar("Back-testing") as done:
        made = run(read, task, folds=folds, future=ahead, progress=done)
    page, table = None if report is None else _page(made), made.table
    write_table(_for_screen(table, by) if out is None else table, out)
    if report is not None and page is not None:
        write_whole(page.encode(), report)


def _for_screen(table: "pd.DataFrame", by: Sequence[str]) -> "pd.DataFrame":
    """What fits: the losses that most ask for, of all series together where there are many."""
    series = len(table.drop_duplicates(list(by))) - 1
    if series > SHOWN:
        table = table[table[by[0]] == "all"]
    typer.echo(f"{'All ' if series > SHOWN else ''}{series:,} series; --out FILE has every loss of each.", err=True)
    return table[[*by, "model", "wape", "mase", "bias", "coverage", "periods"]]


def _page(made: "Backtest") -> str:
    from api.report import backtest_report

    return backtest_report(made)
