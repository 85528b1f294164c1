"""`fairfare forecast`: demand to come.

Guarantees
----------
* One row per series and future period; a result is written whole or not at all.
* The same file, options and seed give the same bytes.
"""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.folder import check_out, forecast_folder
from api.cli.main import app
from api.cli.options import (
    AsOf,
    By,
    Currency,
    Map,
    OutOrFolder,
    Quarantine,
    SalesFileOrFolder,
    Seed,
    TimeZone,
    parse_out,
)
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
from pricing.errors import InputError


@app.command()
def forecast(
    sales: SalesFileOrFolder,
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
    totals: Annotated[
        bool,
        typer.Option(
            "--totals",
            help='Also every total over the --by columns ("all" where it is summed over). Series and totals agree: '
            "both move a little.",
        ),
    ] = False,
    drivers: Annotated[
        Path | None,
        typer.Option(
            "--drivers",
            parser=parse_out,
            metavar="FILE",
            help="Also write what holidays (--country), price, and the promotion and regressors of --future do to "
            "sales, in percent and in units, to FILE (.csv, .parquet or .json).",
        ),
    ] = None,
    mapping: Map = None,
    currency: Currency = "EUR",
    zone: TimeZone = "UTC",
    quarantine: Quarantine = None,
    seed: Seed = 0,
    out: OutOrFolder = None,
) -> None:
    """Forecast every series of a table of sales, with intervals.

    Sold-out rows (quantity at or above `available`, or at --capacity) count as demand that was at least as high.

    Example: fairfare forecast sales.csv --horizon 8 --freq W --by product,segment --totals --out forecast.csv
    """
    from api.tabular import write_table
    from forecasting.drivers import driver_table
    from forecasting.table import forecast_table

    check_out(sales, out, totals=totals)
    if drivers is not None and sales.is_dir():
        raise InputError("--drivers needs all series at once: give one file, not a folder")
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
    source = Source(sales, future, mapping, currency, zone, quarantine)
    if out is not None and sales.is_dir():
        forecast_folder(source, out, task)
        return
    read, ahead = source.read(task)
    with bar("Forecasting") as done:
        table = forecast_table(read, task, future=ahead, totals=totals, progress=done)
    if drivers is not None:
        with bar("Explaining") as done:
            effects = driver_table(read, task, future=ahead, progress=done)
        write_table(effects, drivers)
    write_table(table, out)
