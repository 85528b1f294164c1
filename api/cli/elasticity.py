"""`fairfare elasticity`: how strongly buyers react to price, and whether the data can tell.

Guarantees
----------
* Unusable arguments or input exit with 2, every problem listed, and no file is written.
* The same file twice gives the same bytes, but for the minute a report was made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
from pricing.errors import Finding, InputError

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.elasticity.basis import Basis

Names = Sequence[str]


class Scale(StrEnum):
    """What is explained: units, or their logarithm."""

    UNITS = "ppml"
    LOGS = "log-log"


_PRINTED = ("elasticity", "lower", "upper", "status", "reason")
"""What fits a terminal; a file has every column."""

Controls = Annotated[
    Names,
    typer.Option(
        "--controls",
        parser=parse_names,
        metavar="COLUMN,...",
        help="Further columns that move demand (numbers or text).",
    ),
]
Effects = Annotated[
    Names | None,
    typer.Option(
        "--effects",
        parser=parse_names,
        metavar="NAME,...",
        help="Columns, or date, week, month, quarter, year, weekday, month-of-year; a:b is one effect per pair. "
        "Without it: the unit sold, and the date where several share it, else season and trend.",
    ),
]
Instruments = Annotated[
    Names,
    typer.Option(
        "--instruments", parser=parse_names, metavar="COLUMN,...", help="Columns that move the price but not demand."
    ),
]
Method = Annotated[
    Scale,
    typer.Option(
        "--method",
        help="ppml: units, so that each unit counts alike and none sold counts too; log-log: least squares in "
        "logarithms, so that each row with a sale counts alike.",
    ),
]
Cross = Annotated[bool, typer.Option("--cross", help="Also estimate reactions to other products' prices.")]
Within = Annotated[
    str | None,
    typer.Option(
        "--cross-within", metavar="COLUMN", help="Only cross products that have the same value here (implies --cross)."
    ),
]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write a report with charts to FILE.html.")
]
Tests = Annotated[
    Path | None,
    typer.Option(
        "--tests",
        parser=parse_out,
        metavar="FILE",
        help="Write to FILE (.csv, .parquet or .json) a price test for each group that is not identified: prices, "
        "weeks, what it would tell and cost.",
    ),
]
Shapes = Annotated[
    Path | None,
    typer.Option(
        "--shapes",
        parser=parse_out,
        metavar="FILE",
        help="Compare four shapes of demand on later dates and write to FILE (.csv, .parquet or .json) the error and "
        "the sign of each, per group and over all.",
    ),
]


@dataclass(frozen=True, slots=True)
class _Asked:
    """How to estimate."""

    by: Names
    effects: Names | None
    controls: Names
    instruments: Names
    method: Scale

    def table(self, rows: "pd.DataFrame") -> "tuple[pd.DataFrame, list[Basis]]":
        """The elasticities, and what each rests on."""
        from forecasting.elasticity.table import elasticity_table

        basis: list[Basis] = []
        groups = len(rows[list(self.by)].drop_duplicates()) if set(self.by) <= set(rows) else None
        with progress("Estimating", total=groups) as done:
            table = elasticity_table(
                rows,
                by=self.by,
                controls=self.controls,
                effects=self.effects,
                instruments=self.instruments,
                method="ppml" if self.method is Scale.UNITS else "log-log",
                progress=done,
                witness=basis.append,
            )
        return table, basis

    def shapes(self, rows: "pd.DataFrame") -> "pd.DataFrame":
        """Shapes compared on later dates."""
        from forecasting.elasticity.comparison import shapes_table

        with progress("Comparing shapes") as done:
            return shapes_table(rows, by=self.by, controls=self.controls, effects=self.effects, progress=done)

    @property
    def said(self) -> tuple[tuple[str, str], ...]:
        """The options in words, for the report."""
        named = {
            "Groups": self.by,
            "Effects": self.effects or ("chosen by the data, see each group",),
            "Controls": self.controls,
            "Instruments": self.instruments,
            "Method": (self.method,),
        }
        return tuple((name, ", ".join(values)) for name, values in named.items() if values)


@app.command()
def elasticity(
    sales: SalesFile,
    *,
    by: By = ("product",),
    controls: Controls = (),
    effects: Effects = None,
    instruments: Instruments = (),
    method: Method = Scale.UNITS,
    cross: Cross = False,
    cross_within: Within = None,
    mapping: Map = None,
    out: Out = None,
    report: Report = None,
    tests: Tests = None,
    shapes: Shapes = None,
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

    check_report(report)
    _check_folders(out, tests, shapes)
    rows = read_table(
        sales, "sales", mapping=mapping, needed=("price",), currency=currency, time_zone=zone, quarantine=quarantine
    )
    asked = _Asked(by, effects, controls, instruments, method)
    crossed = cross_table(rows, within=cross_within) if cross or cross_within else None
    table, basis = asked.table(rows)
    tried = proposals(rows, table, by=by) if tests or report else None
    compared = asked.shapes(rows) if shapes else None
    source = (("Sales", f"{sales.name}, {len(rows):,} rows"), *asked.said)
    page = _page(rows, table, basis, source, tests=tried, shapes=compared, cross=crossed) if report else None
    write_table(table if out else table[[*by, *_PRINTED]].round(2), out)
    if crossed is not None:
        write_table(crossed, out and out.with_suffix(f".cross{out.suffix}"))
    for made, path in ((tried, tests), (compared, shapes)):
        if made is not None and path is not None:
            write_table(made, path)
    if page is not None and report is not None:
        write_whole(page.encode(), report)


def _check_folders(*paths: Path | None) -> None:
    """Refuse, before any work, tables that have no folder to be in."""
    missing = [path for path in paths if path is not None and not path.parent.is_dir()]
    if missing:
        raise InputError([Finding("there is no such folder", str(path.parent)) for path in missing])


def _page(
    rows: "pd.DataFrame",
    table: "pd.DataFrame",
    basis: "list[Basis]",
    source: tuple[tuple[str, str], ...],
    **tables: "pd.DataFrame | None",
) -> str:
    from api.clock import utc_now
    from api.report import Findings, elasticity_report

    currency = str(rows["currency"].iloc[0]) if "currency" in rows and len(rows) else ""
    first, last = (rows["date"].min(), rows["date"].max()) if len(rows) else (None, None)
    return elasticity_report(Findings(table, basis, currency, first, last, source, **tables), now=utc_now())
