"""Options that several commands share, each declared once: its flag, its parser, its help.

Guarantees
----------
* The same option is called, read and explained alike in every command; what cannot be read exits 2.
* Progress is drawn on a terminal only (standard error), so that output and logs stay clean.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from typer.models import OptionInfo

from pricing.errors import Finding, InputError
from pricing.money import check_currency

ENDINGS = (".csv", ".parquet", ".json")


def parse_map(text: str | Mapping[str, str]) -> Mapping[str, str]:
    """Read `name=Their Column,...`; a column whose name has a comma is put in double quotes."""
    if not isinstance(text, str):
        return text
    named: dict[str, str] = {}
    for part in _parts(text):
        name, equals, column = (piece.strip() for piece in part.partition("="))
        if not (name and equals and column):
            raise typer.BadParameter(f"{part!r} is not name=Column; write for example product=Description,price=Price")
        if name in named:
            raise typer.BadParameter(f"{name} is mapped twice")
        named[name] = column
    return named


def parse_names(text: str | Sequence[str]) -> Sequence[str]:
    """Read `a,b,c` as names, in the order given."""
    names = tuple(_parts(text)) if isinstance(text, str) else tuple(text)
    if not all(names) or len(set(names)) != len(names):
        raise typer.BadParameter(f"{text!r} has an empty or repeated name")
    return names


def parse_date(text: str | date) -> date:
    """Read 2025-04-03."""
    try:
        return text if isinstance(text, date) else date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write year, month, day: 2025-04-03") from None


def parse_instant(text: str | datetime) -> datetime:
    """An instant, as `2026-04-03T09:00+02:00`."""
    try:
        instant = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not an instant such as 2026-04-03T09:00+02:00") from None
    if instant.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no time zone: write 2026-04-03T09:00+02:00")
    return instant.astimezone(UTC)


def parse_out(text: str | Path) -> Path:
    """Read a path whose ending says how to write."""
    path = Path(text)
    if path.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(f"{path.name!r} must end in {', '.join(ENDINGS)}")
    return path


def parse_out_or_folder(text: str | Path) -> Path:
    """Read a path as `parse_out` does, or a folder's, which has no ending."""
    return parse_out(text) if Path(text).suffix else Path(text)


def parse_zone(text: str) -> str:
    """Read an IANA time zone."""
    try:
        return str(ZoneInfo(text))
    except (KeyError, ValueError, OSError):  # unknown, malformed, a folder of zones
        raise typer.BadParameter(f"{text!r} is not a time zone; write for example Europe/Berlin or UTC") from None


def parse_currency(text: str) -> str:
    """Read an ISO 4217 code."""
    try:
        return check_currency(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _parts(text: str) -> list[str]:
    """Split at commas that are not inside double quotes, and drop the quotes."""
    parts, quoted = [""], False
    for sign in text:
        if sign == '"':
            quoted = not quoted
        elif sign == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def check_json(out: Path | None) -> Path | None:
    """Refuse an output that is not called .json."""
    if out is not None and out.suffix.lower() != ".json":
        raise typer.BadParameter(f"{out} must end in .json")
    return out


def check_seconds(value: float) -> float:
    """Refuse a time that is not positive and finite."""
    if not 0 < value < float("inf"):
        raise typer.BadParameter(f"{value} is not a time in seconds")
    return value


def schema_option(module: str) -> OptionInfo:
    """`--schema`, which prints what `schemas` of a module gives, and stops; the module is loaded only then."""

    def show(wanted: bool) -> None:  # typer calls it with the flag
        if not wanted:
            return
        typer.echo(json.dumps(import_module(module).schemas(), indent=2))
        raise typer.Exit

    words = "Print the JSON Schemas of problem and answer, and stop."
    option: OptionInfo = typer.Option("--schema", help=words, is_eager=True, callback=show)
    return option


def check_report(report: Path | None) -> None:
    """Refuse, before any work, a report that cannot be written."""
    if report is not None and report.suffix.lower() not in {".html", ".htm"}:
        raise InputError(Finding("a report must end in .html", str(report)))
    if report is not None and not report.parent.is_dir():
        raise InputError(Finding("there is no such folder", str(report.parent)))


SalesFile = Annotated[Path, typer.Argument(metavar="SALES", help="Sales, .csv or .parquet (docs/tables.md).")]
SalesFileOrFolder = Annotated[
    Path,
    typer.Argument(
        metavar="SALES",
        help="Sales, .csv or .parquet (docs/tables.md), or a folder of Parquet files, each with whole series: forecast "
        "file by file into the folder --out, those that are done already left alone.",
    ),
]
Map = Annotated[
    Mapping[str, str] | None,
    typer.Option(
        "--map",
        parser=parse_map,
        metavar="NAME=COLUMN,...",
        help="What your columns are called here, for example date=InvoiceDate,price=UnitPrice.",
    ),
]
By = Annotated[
    Sequence[str],
    typer.Option("--by", parser=parse_names, metavar="COLUMN,...", help="Columns that tell one series from another."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        parser=parse_out,
        metavar="FILE",
        help="Write the result to FILE (.csv, .parquet or .json); without it a table is printed.",
    ),
]
OutOrFolder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        parser=parse_out_or_folder,
        metavar="FILE",
        help="Write the result to FILE (.csv, .parquet or .json); without it a table is printed. For a folder of sales "
        "another folder.",
    ),
]
ProblemFile = Annotated[
    Path, typer.Argument(help="The problem, as JSON.", metavar="FILE.json", exists=True, dir_okay=False)
]
AnswerOut = Annotated[
    Path | None,
    typer.Option("--out", help="Where to write the answer (.json); without it, tables.", callback=check_json),
]
TimeLimit = Annotated[float, typer.Option("--time-limit", help="Seconds to search.", callback=check_seconds)]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed on the same file gives the same result.")]
AsOf = Annotated[
    date | None,
    typer.Option("--as-of", parser=parse_date, metavar="DATE", help="Use nothing dated later than DATE (2025-04-03)."),
]
Quarantine = Annotated[
    Path | None,
    typer.Option(
        "--quarantine",
        metavar="FILE",
        help="Write rows that cannot be used to FILE (CSV), with reasons, and go on with the others.",
    ),
]
TimeZone = Annotated[
    str,
    typer.Option(
        "--time-zone", parser=parse_zone, metavar="ZONE", help="Zone in which timestamps are told, like Europe/Berlin."
    ),
]
Currency = Annotated[
    str,
    typer.Option(
        "--currency",
        parser=parse_currency,
        metavar="CODE",
        help="ISO 4217 code where the table has no currency column.",
    ),
]
"""Give these their defaults in the command: `by: By = ("product",)`, `seed: Seed = 0`, `zone: TimeZone = "UTC"`."""


@contextmanager
def progress(description: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal while the block runs; call what it yields with the number of steps just done.

    Examples
    --------
    >>> with progress("fitting", total=2) as done:
    ...     done(1)
    ...     done(1)
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task(description, total=total)

        def done(steps: int) -> None:
            bars.advance(task, steps)

        yield done


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Show the stages of a long flow on a terminal; call what it yields with the stage, steps done and steps in all."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task("", total=None)

        def report(stage: str, done: int, total: int) -> None:
            bars.update(task, description=stage, completed=done, total=total or None)

        yield report
