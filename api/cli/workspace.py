"""The flow of a workspace: init, ingest, fit, price, review, approve, publish, and the ways back."""

import getpass
from collections import Counter
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from api.cli.main import app
from api.cli.options import Map, Quarantine, parse_instant, stages
from api.clock import utc_now
from pricing.book import Verdict
from pricing.errors import RefusedError
from pricing.policy import Mode

if TYPE_CHECKING:
    from api.store.book import PriceBook
    from api.workspace import Workspace
    from pricing.book import Decision, Proposal
    from pricing.outcome import TotalGain

Folder = Annotated[Path, typer.Option("--workspace", file_okay=False, help="Folder of the workspace.")]
By = Annotated[str, typer.Option("--by", help="Who takes this step; your login name if not given.")]
ProposalId = Annotated[str | None, typer.Argument(metavar="[PROPOSAL]", help="Its id; the latest if not given.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]

ENGINE = "engine"
"""Who proposes what the engine computes; a person approves it."""


class TableKind(StrEnum):
    """Tables a user brings (docs/tables.md)."""

    SALES = "sales"
    EVENTS = "events"
    OFFERS = "offers"
    RESOURCES = "resources"
    CALENDAR = "calendar"


def _me() -> str:
    return getpass.getuser()


def _open(folder: Path) -> "Workspace":
    from api.workspace import Workspace

    return Workspace.open(folder)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where; made if it does not exist.")] = Path(),
    currency: Annotated[str, typer.Option(help="ISO 4217 code of your prices.")] = "EUR",
    time_zone: Annotated[str, typer.Option(help="IANA zone in which your days begin.")] = "UTC",
    country: Annotated[str | None, typer.Option(help="ISO 3166 code whose public holidays count, like DE.")] = None,
    database: Annotated[
        str | None, typer.Option(help="postgresql://USER@HOST/NAME, for a price book that is not a file in the folder.")
    ] = None,
) -> None:
    """Make a workspace: a folder with settings, history and a price book.

    Example: fairfare init season --currency EUR --time-zone Europe/Berlin --country DE
    """
    from api.settings import default_text
    from api.workspace import Workspace

    text = default_text(currency=currency, time_zone=time_zone, country=country, database=database)
    Workspace.create(folder, text)
    typer.echo(f"{folder / 'fairfare.toml'} holds the settings. Next: fairfare ingest sales FILE --workspace {folder}")


@app.command()
def ingest(  # noqa: PLR0917  # options of a command are keywords to its user
    kind: Annotated[TableKind, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help=".csv or .parquet (docs/tables.md).")],
    mapping: Map = None,
    quarantine: Quarantine = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace sales of the same products and dates.")] = False,
    workspace: Folder = Path(),
    by: By = "",
) -> None:
    """Check a file and add it to the history; the same file twice changes nothing.

    Example: fairfare ingest sales export.csv --map date=Day,product=Ticket,quantity=Sold,price=Price
    """
    place, now = _open(workspace), utc_now()
    done = place.ingest(
        kind.value, file, by=by or _me(), now=now, mapping=mapping, quarantine=quarantine, replace=replace
    )
    news = "nothing new" if done.already_there else f"{_count(done.rows, 'row')} ingested"
    typer.echo(f"{file.name}: {news}; the history holds {_count(done.total, 'row')} of {kind.value}")
    if kind in {TableKind.OFFERS, TableKind.EVENTS}:
        _tell_begun(place, now)


def _tell_begun(place: "Workspace", now: datetime) -> None:
    if count := place.begun(now):
        told = "offer is not priced: its" if count == 1 else "offers are not priced: their"
        typer.echo(f"{count:,} {told} event has begun", err=True)


@app.command()
def fit(workspace: Folder = Path()) -> None:
    """Learn price response and demand from what was observed before today.

    Example: fairfare fit --workspace season
    """
    with stages() as report_stage:
        report_stage("reading the history", 0, 0)
        made = _open(workspace).fit(now=utc_now(), progress=report_stage)
    counts = made.elasticities["status"].value_counts()
    typer.echo(f"Fit {made.version}: " + ", ".join(f"{counts.get(s, 0)} {s}" for s in _STATUSES) + " price responses")


_STATUSES = ("identified", "weak", "not-identified")


@app.command()
def price(workspace: Folder = Path(), by: By = ENGINE) -> None:
    """Propose a price for every offer on sale, with the reason; in mode automatic, what needs nobody is published.

    Example: fairfare price --workspace season
    """
    from optimization import HighsOptimizer

    place, now = _open(workspace), utc_now()
    with Console(stderr=True).status("pricing"):
        proposal = place.price(HighsOptimizer(), by=by, now=now)
    show(proposal)
    _tell_begun(place, now)
    for text in place.available(now).unused:
        typer.echo(text, err=True)
    if place.settings.policy.mode is Mode.AUTOMATIC:
        try:
            version = place.approve_by_policy(proposal.id, now=utc_now())
        except RefusedError as error:
            typer.echo(f"It waits for a person: {error}.")
        else:
            typer.echo(f"The policy approved it: version {version} of the price book is in force.")


@app.command()
def review(proposal: ProposalId = None, workspace: Folder = Path()) -> None:
    """Show a proposal: prices now and proposed, what is expected, and why.

    Example: fairfare review --workspace season
    """
    book = _open(workspace).book
    found = _proposal(book, proposal)
    show(found)
    typer.echo(f"Proposal {found.id} is {book.standing(found.id, now=utc_now())}.")


@app.command()
def approve(
    proposal: ProposalId = None,
    workspace: Folder = Path(),
    by: By = "",
    large: Annotated[bool, typer.Option("--large", help="You have seen that it moves much of the catalogue.")] = False,
    only: Annotated[
        str | None, typer.Option("--only", metavar="EVENT", help="Its prices only; the rest stays waiting.")
    ] = None,
) -> None:
    """Allow a proposal to be published; whoever proposed it may not.

    Example: fairfare approve --workspace season --only "Night 29"
    """
    place = _open(workspace)
    found = _proposal(place.book, proposal)
    name = place.approve(found.id, by=by or _me(), now=utc_now(), large=large, event=only)
    which = "" if name == found.id else f"{name} "
    typer.echo(f"Approved {name}. Next: fairfare publish {which}--workspace {workspace}")


@app.command()
def publish(
    proposal: ProposalId = None,
    workspace: Folder = Path(),
    by: By = "",
    at: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_instant, metavar="INSTANT", help="When its prices begin, like 2026-04-03T09:00+02:00; or now."
        ),
    ] = None,
) -> None:
    """Put an approved proposal in force, all its prices at once, now or from an instant on.

    Example: fairfare publish --workspace season --at 2026-04-03T09:00+02:00
    """
    place = _open(workspace)
    found = _proposal(place.book, proposal)
    version = place.publish(found.id, by=by or _me(), now=utc_now(), at=at)
    when = "is in force" if at is None else f"will be in force from {at:%Y-%m-%d %H:%M} UTC on"
    typer.echo(f"Version {version} of the price book {when}.")


@app.command()
def rollback(
    version: Annotated[int, typer.Argument(help="Publication to take back.")],
    workspace: Folder = Path(),
    by: By = "",
) -> None:
    """Restore the prices that were in force before a publication.

    Example: fairfare rollback 2 --workspace season
    """
    place = _open(workspace)
    made = place.book.rollback(version, by=by or _me(), now=utc_now(), policy=place.settings.policy)
    place.refresh_snapshot(utc_now())
    typer.echo(f"Version {made} is in force: the prices before version {version}.")


@app.command()
def freeze(reason: Reason, workspace: Folder = Path(), by: By = "") -> None:
    """Stop all price changes until they are unfrozen.

    Example: fairfare freeze --reason "newsletter promises these prices" --workspace season
    """
    taken_back = _open(workspace).book.freeze(by=by or _me(), now=utc_now(), reason=reason)
    typer.echo("Prices are frozen.")
    for version in taken_back:
        typer.echo(f"Version {version} had not begun and is taken back for good; unfreezing does not bring it back.")


@app.command()
def unfreeze(reason: Reason, workspace: Folder = Path(), by: By = "") -> None:
    """Allow price changes again.

    Example: fairfare unfreeze --reason "promise ended" --workspace season
    """
    _open(workspace).book.unfreeze(by=by or _me(), now=utc_now(), reason=reason)
    typer.echo("Prices may change again.")


@app.command()
def report(
    out: Annotated[
        Path | None, typer.Option("--out", help="HTML file; report.html in the workspace if not given.")
    ] = None,
    workspace: Folder = Path(),
) -> None:
    """Write an HTML report of the latest proposal: demand, price response, prices, reasons and risk.

    Example: fairfare report --workspace season
    """
    place = _open(workspace)
    target = out or workspace / "report.html"
    place.write_report(_proposal(place.book, None), target, now=utc_now(), truth=None)
    typer.echo(f"Wrote {target}")


def _proposal(book: "PriceBook", wanted: str | None) -> "Proposal":
    found = book.proposal(wanted) if wanted else book.latest_proposal()
    if found is None:
        raise RefusedError("there is no proposal yet; make one with: fairfare price")
    return found


def show(proposal: "Proposal", *, rows: int | None = None) -> None:
    """Print the decisions: the prices that move, each with its reason, then those held and kept, by reason.

    Parameters
    ----------
    rows : at most so many moves; all of them if None
    """
    console = Console(highlight=False)
    moves = sorted(
        (d for d in proposal.decisions if d.verdict is Verdict.MOVE),
        key=lambda d: (-d.gain.expected, d.offer),
    )
    width = max((len(d.offer) for d in moves[:rows]), default=0)
    if moves:
        heading = f"{'':<{width}} {'now':>8} {'proposed':>10} {'units':>7} {'revenue':>9} {'gain':>8}  80% range"
        console.print(heading, style="dim")
    for decision in moves[:rows]:
        console.print(_line(decision, width), soft_wrap=True)
        console.print(Padding(" ".join(decision.reasons[:2]), (0, 0, 0, 4)), style="dim")
    if rows is not None and len(moves) > rows:
        console.print(f"and {len(moves) - rows} more moves; the report has them all", style="dim")
    for verdict in (Verdict.HELD, Verdict.KEEP):
        for reason, offers in _by_reason(proposal, verdict):
            console.print(f"{escape(offers[0])}{f' and {len(offers) - 1} more' if len(offers) > 1 else ''}")
            console.print(Padding(reason, (0, 0, 0, 4)), style="dim")
    for total in proposal.gains:
        if total.event is None:
            console.print(_together(total))
    counts = Counter(decision.verdict for decision in proposal.decisions)
    moving = _count(counts[Verdict.MOVE], "price")
    console.print(
        f"[bold]{moving} to move, {counts[Verdict.HELD]} held, {counts[Verdict.KEEP]} kept.[/bold] "
        f"Proposal {proposal.id}, against version {proposal.base_version}, expires "
        f"{proposal.expires_at:%Y-%m-%d %H:%M} UTC."
    )


def _line(decision: "Decision", width: int) -> str:
    then, gain = decision.then, decision.gain
    return (
        f"[bold]{escape(decision.offer):<{width}}[/bold] {decision.in_force:>8} → [bold]{decision.allowed:>8}[/bold]"
        f" {then.units:>7.0f} {then.revenue:>9,.0f} {gain.expected:>+8,.0f}  {gain.low:+,.0f} to {gain.high:+,.0f}"
    )


def _together(total: "TotalGain") -> str:
    gain = total.gain
    return (
        f"All moves together: [bold]{gain.expected:+,.0f} {total.currency}[/bold] (80% range {gain.low:+,.0f} to "
        f"{gain.high:+,.0f}); they earn less than today's prices in {gain.risk} outcomes."
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _by_reason(proposal: "Proposal", verdict: Verdict) -> list[tuple[str, list[str]]]:
    """Offers of one verdict, gathered by their first reason; the reason most offers share comes first."""
    gathered: dict[str, list[str]] = {}
    for decision in proposal.decisions:
        if decision.verdict is verdict:
            gathered.setdefault(decision.reasons[0], []).append(decision.offer)
    return sorted(gathered.items(), key=lambda item: -len(item[1]))
