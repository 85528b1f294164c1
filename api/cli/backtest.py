"""`fairfare backtest`: how forecasts would have done.

Guarantees
----------
* Forecasts see nothing after their origin; a result is written whole or not at all.
* The same file, options and seed give the same bytes.
"""

from typing import Annotated

import typer

from api.cli.main import app
from api.cli.options import AsOf, By, Currency, Map, Out, Quarantine, SalesFile, Seed, TimeZone
from api.cli.series import Capacity, Country, FutureFile, Horizon, Length, Level, Model, Source, Target, What, bar

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
) -> None:
    """Forecast from past origins and compare with what came, beside naive and seasonal naive.

    wape: absolute errors over actuals. mase, rmsse: errors over in-sample naive ones. bias: forecasts over actuals,
    less one. pinball: loss of the bounds [units]. coverage: share of actuals inside the interval. The rows "all" pool
    every series.

    Example: fairfare backtest sales.csv --horizon 4 --folds 6 --freq W --out losses.csv
    """
    from api.tabular import write_table
    from forecasting.backtest import backtest_table
    from forecasting.fleet import Task

    task = Task(
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
    read, ahead = Source(sales, future, mapping, currency, zone, quarantine).read(target)
    with bar("Back-testing") as done:
        table = backtest_table(read, task, folds=folds, future=ahead, progress=done)
    series = len(table.drop_duplicates(list(by))) - 1
    if out is None and series > SHOWN:
        table = table[table[by[0]] == "all"]
        typer.echo(f"All {series:,} series together; --out FILE has each of them.", err=True)
    write_table(table, out)
