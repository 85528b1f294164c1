"""`fairfare forecast FOLDER`: many series, part by part."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from api.cli.options import parse_out
from api.cli.series import Source, bar
from pricing.errors import Finding, InputError

if TYPE_CHECKING:
    from forecasting.fleet import Task


def check_out(sales: Path, out: Path | None, *, totals: bool) -> None:
    """A file of sales gives a file, a folder of sales a folder; refused before any work."""
    if not sales.is_dir():
        if out is not None:
            parse_out(out)
    elif out is None or out.suffix:
        raise InputError(Finding("is a folder: name another one for its forecasts (--out FOLDER)", str(sales)))
    elif totals:
        raise InputError("--totals needs all series at once: give one file, not a folder")


def forecast_folder(source: Source, out: Path, task: "Task") -> None:
    """Forecast a folder's parts into another folder, and say how many were done already."""
    from api.parts import Reading, fit_folder

    if source.quarantine is not None:
        raise InputError(
            "--quarantine goes with one file; a part that cannot be used says why, the others are forecast"
        )
    reading = Reading(
        mapping=source.mapping or {}, currency=source.currency, time_zone=source.zone, future=source.future
    )
    with bar("Forecasting parts") as done:
        parts = fit_folder(source.sales, out, task, reading=reading, progress=done)
    kept = sum(part.kept for part in parts)
    typer.echo(f"Parts in {out}: {len(parts):,}, done before: {kept:,}", err=True)
