"""`fairfare elasticity`: how strongly buyers react to price, and whether the data can tell.

Guarantees
----------
* Unusable arguments or input exit with 2, every problem listed, and no file is written.
* The same file twice gives the same bytes.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.main import app
from api.cli.options import (
    By,
    Currency,
    Map,
    Out,
    Quarantine,
    SalesFile,
    Seed,
    TimeZone,
    check_report,
    parse_names,
    parse_out,
    progress,
)

if TYPE_CHECKING:
    import pandas as pd

Names = Sequence[str]


class Scale(StrEnum):
    """What is explained: units, or their logarithm."""

    UNITS = "ppml"
    LOGS = "log-log"


_PRINTED = ("elasticity", "lower", "upper", "status", "reason")
"""What fits a terminal; a file has every column."""


@app.command()
def elasticity(
    sales: SalesFile,
    *,
    by: By = ("product",),
    controls: Annotated[
        Names,
        typer.Option(
            "--controls",
            parser=parse_names,
            metavar="COLUMN,...",
            help="Further columns that move demand (numbers or text).",
        ),
    ] = (),
    effects: Annotated[
        Names | None,
        typer.Option(
            "--effects",
            parser=parse_names,
            metavar="NAME,...",
            help="Columns, or date, week, month, quarter, year, weekday, month-of-year; a:b is one effect per pair. "
            "Without it: the unit sold, and the date where several share it, else season and trend.",
        ),
    ] = None,
    instruments: Annotated[
        Names,
        typer.Option(
            "--instruments",
            parser=parse_names,
            metavar="COLUMN,...",
            help="Columns that move the price but not demand.",
        ),
    ] = (),
    method: Annotated[
        Scale,
        typer.Option(
            "--method",
            help="ppml: units, so that each unit counts alike and none sold counts too; log-log: least squares in "
            "logarithms, so that each row with a sale counts alike.",
        ),
    ] = Scale.UNITS,
    cross: Annotated[bool, typer.Option("--cross", help="Also estimate reactions to other products' prices.")] = False,
    mapping: Map = None,
    out: Out = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help="Write a report with charts to FILE.html.")
    ] = None,
    tests: Annotated[
        Path | None,
        typer.Option(
            "--tests",
            parser=parse_out,
            metavar="FILE",
            help="Write to FILE (.csv, .parquet or .json) a price test for each group that is not identified: prices, "
            "weeks, what it would tell and cost.",
        ),
    ] = None,
    seed: Seed = 0,  # noqa: ARG001  # nothing here is random; every command takes one
    quarantine: Quarantine = None,
    currency: Currency = "EUR",
    zone: TimeZone = "UTC",
) -> None:
    """Estimate how demand reacts to price, and say whether the data can tell.

    One row per group: the elasticity (per cent of units per per cent of price) with its 95 % interval after pooling
    across groups, and a status (identified, weak, not-identified) with the reason. A file (--out) has every
    column, a terminal those that fit.

    Example: fairfare elasticity sales.csv --by product,segment --map price=UnitPrice --out elasticity.csv
    """
    from api.tabular import read_table, write_table, write_whole
    from forecasting.elasticity.cross import cross_table
    from forecasting.elasticity.proposal import proposals
    from forecasting.elasticity.table import elasticity_table

    check_report(report)
    rows = read_table(
        sales, "sales", mapping=mapping, needed=("price",), currency=currency, time_zone=zone, quarantine=quarantine
    )
    crossed = cross_table(rows) if cross else None
    groups = len(rows[list(by)].drop_duplicates()) if set(by) <= set(rows) else None
    with progress("Estimating", total=groups) as done:
        table = elasticity_table(
            rows,
            by=by,
            controls=controls,
            effects=effects,
            instruments=instruments,
            method="ppml" if method is Scale.UNITS else "log-log",
            progress=done,
        )
    page = None if report is None else _page(table, rows)
    tried = None if tests is None else proposals(rows, table, by=by)
    write_table(table if out else table[[*by, *_PRINTED]].round(2), out)
    if crossed is not None:
        write_table(crossed, out and out.with_suffix(f".cross{out.suffix}"))
    if tried is not None:
        write_table(tried, tests)
    if report is not None and page is not None:
        write_whole(page.encode(), report)


def _page(table: "pd.DataFrame", rows: "pd.DataFrame") -> str:
    from api.clock import utc_now
    from api.report import elasticity_report

    return elasticity_report(table, rows, now=utc_now())
