"""`fairfare sync` and `fairfare shops`: shops and a workspace brought together."""

import getpass
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from api.cli.main import app
from api.clock import utc_now
from pricing.errors import FairfareError, Finding, InputError, printable

if TYPE_CHECKING:
    from api.shops.model import Check, Plan, Report
    from api.syncing import Door
    from api.workspace import Workspace

group = typer.Typer(
    help="Look at a shop, take what was changed there by hand for right, and put prices back.", no_args_is_help=True
)
app.add_typer(group, name="shops")
log = structlog.get_logger()

Folder = Annotated[Path, typer.Option("--workspace", file_okay=False, help="Folder of the workspace.")]
Name = Annotated[str, typer.Argument(metavar="SHOP", help="Its name in the settings.")]


@app.command()
def sync(  # noqa: PLR0917  # options of a command are keywords to its user
    shop: Annotated[str | None, typer.Argument(metavar="[SHOP]", help="Its name; all of them if not given.")] = None,
    workspace: Folder = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Pull, and only say what a push would change.")] = False,
    price: Annotated[
        bool, typer.Option("--price", help="Propose prices in between, as `fairfare price` does.")
    ] = False,
    every: Annotated[float | None, typer.Option(min=1, help="Again after so many seconds, until interrupted.")] = None,
    listen: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="With --every: again at once when a webhook posts to this port."),
    ] = None,
) -> None:
    """Pull what was sold, push prices that are in force, and look at them as a buyer does.

    A price that somebody changed in the shop is told and left alone. After a kill, run it again. A worker, the one of
    `fairfare serve` too, does this by itself for shops whose settings say `sync_seconds`.

    Example: fairfare sync --workspace season --dry-run
    """
    from api.shops.bell import REST, hung
    from api.workspace import Workspace

    if listen is not None and every is None:
        raise typer.BadParameter("--listen needs --every: a webhook that got lost is made up for then")
    place = Workspace.open(workspace)
    names = [shop] if shop is not None else [each.name for each in place.settings.shops]
    if not names:
        raise InputError("there are no shops in the settings; see docs/shops")
    with ExitStack() as stack:
        doors = [stack.enter_context(_entered(place, name)) for name in names]  # once: each keeps to its limit
        rung = threading.Event() if listen is None else stack.enter_context(hung(listen))
        while True:
            rung.clear()
            whole = _round(place, doors, dry=dry_run, price=price, patient=every is not None)
            if every is None:
                break
            time.sleep(min(every, REST))
            rung.wait(every - REST)
    if not whole:
        raise typer.Exit(1)


@group.command()
def places(shop: Name, workspace: Folder = Path()) -> None:
    """List the places of a shop with their prices, to map offers to: CSV with place, name, price, currency.

    Example: fairfare shops places tickets --workspace season
    """
    from api.syncing import look

    with _entered(workspace, shop) as door:
        found = look(door, now=utc_now()).places
    _print_csv(
        ("place", "name", "price", "currency"),
        [{"place": p.place, "name": p.name, "price": p.price, "currency": p.currency} for p in found],
    )


@group.command()
def stock(shop: Name, workspace: Folder = Path()) -> None:
    """List what a shop can still sell, and how many wait for more: CSV with id, name, size, available, waiting, places.

    Example: fairfare shops stock tickets --workspace season
    """
    from api.syncing import look

    with _entered(workspace, shop) as door:
        found = look(door, now=utc_now()).stock
    _print_csv(
        ("id", "name", "size", "available", "waiting", "places"),
        [
            {
                "id": s.id,
                "name": s.name,
                "size": s.size,
                "available": s.available,
                "waiting": s.waiting,
                "places": " ".join(s.places),
            }
            for s in found
        ],
    )


def _print_csv(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    from api.spreadsheet import as_csv

    typer.echo(as_csv(columns, rows), nl=False)


@group.command()
def accept(
    shop: Name,
    place: Annotated[list[str], typer.Argument(metavar="PLACE...", help="Where somebody changed a price.")],
    workspace: Folder = Path(),
    by: Annotated[str, typer.Option("--by", help="Who takes this step; your login name if not given.")] = "",
) -> None:
    """Take what somebody wrote in the shop, or a rollback put back, for right; the next push may change it again.

    Example: fairfare shops accept tickets gala/item/3 --workspace season
    """
    from api.syncing import accept as accepted

    with _entered(workspace, shop) as door:
        taken = accepted(door, place, by=by or getpass.getuser(), now=utc_now())
    for each in taken:
        instead = "" if each.found == each.ours else f" instead of {each.ours}"
        _say(f"{shop}: {each.place} {each.name}: {each.found}{instead}")
    if missing := sorted(set(place) - {each.place for each in taken}):
        raise InputError([Finding("nobody changed the price of this place", file=each) for each in missing])


@group.command()
def rollback(
    shop: Name,
    decision: Annotated[str, typer.Argument(metavar="DECISION", help='As it was pushed: "version 7".')],
    workspace: Folder = Path(),
    by: Annotated[str, typer.Option("--by", help="Who takes this step; your login name if not given.")] = "",
) -> None:
    """Put back what stood in a shop before a decision was pushed; what is no longer ours is left alone.

    What was taken back is not pushed again until a later price is in force, or you accept the place.

    Example: fairfare shops rollback tickets "version 7" --workspace season
    """
    from api.syncing import rollback as rolled_back

    with _entered(workspace, shop) as door:
        report, checks = rolled_back(door, decision, by=by or getpass.getuser(), now=utc_now())
    _tell_report(shop, report)
    _tell_checks(shop, checks)
    if not report.whole or any(check.problems for check in checks):
        raise typer.Exit(1)


@group.command()
def verify(shop: Name, workspace: Folder = Path()) -> None:
    """Look at every place that has a price in force, as whoever runs the shop and as a buyer.

    Example: fairfare shops verify tickets --workspace season
    """
    from api.store.database import open_database
    from api.syncing import verify as verified
    from api.workspace import Workspace

    place = Workspace.open(workspace)
    with _entered(place, shop) as door:
        checks = verified(door, open_database(place.database), now=utc_now())
    _tell_checks(shop, checks)
    wrong = sum(bool(check.problems) for check in checks)
    right = _told(len(checks) - wrong, "price is as decided", "prices are as decided")
    _say(f"{shop}: {right}, {_told(wrong, 'is not', 'are not')}")
    if wrong:
        raise typer.Exit(1)


def _say(line: str, *, err: bool = False) -> None:
    """Print a line; what a shop calls its places steers no terminal."""
    typer.echo(printable(line), err=err)


@contextmanager
def _entered(workspace: "Path | Workspace", name: str) -> Iterator["Door"]:
    from api.syncing import entered
    from api.workspace import Workspace

    place = Workspace.open(workspace) if isinstance(workspace, Path) else workspace
    with entered(place.root, place.settings, name, os.environ, now=utc_now()) as door:
        yield door


def _round(place: "Workspace", doors: "list[Door]", *, dry: bool, price: bool, patient: bool) -> bool:
    """Pull from each shop, price, push to each; whether all is as it was to be.

    Parameters
    ----------
    patient : whether a shop that is down, or refuses, is tried again in the next round and keeps no other from its own
    """
    from api.cli.workspace import price as propose

    done = [_tried(door, lambda door: _pull(place, door), patient=patient) for door in doors]
    if price and not dry:
        propose(place.root)
    done += [_tried(door, lambda door: _push(place, door, dry=dry), patient=patient) for door in doors]
    return all(done)


def _tried(door: "Door", step: "Callable[[Door], bool]", *, patient: bool) -> bool:
    from api.shops.journal import BusyError

    try:
        return step(door)
    except FairfareError as error:
        if not patient:
            raise
        if not isinstance(
            error, BusyError
        ):  # somebody else's push is no trouble: it does what this one would have done
            log.warning("nothing could be done at a shop; it is tried again", shop=door.name, reason=str(error))
        return False


def _pull(place: "Workspace", door: "Door") -> bool:
    from api.store.database import open_database
    from api.syncing import pull

    pulled = pull(door, open_database(place.database), now=utc_now())
    new, known = _told(pulled.new, "sale is new", "sales are new"), _told(pulled.known, "was known", "were known")
    _say(f"{door.name}: {new}, {known}")
    for reason in pulled.refused:
        _say(f"{door.name}: not recorded: {reason}", err=True)
    for unmapped in pulled.unmapped:
        _say(f"{door.name}: sold at {unmapped}, which offers.csv does not name", err=True)
    if pulled.stock:
        _say(f"{door.name}: {pulled.stock}", err=True)
    return not pulled.refused


def _push(place: "Workspace", door: "Door", *, dry: bool) -> bool:
    from api.store.database import open_database
    from api.syncing import FROZEN, SYNC, compare, push

    engine = open_database(place.database)
    pushed = compare(door, engine, now=utc_now()) if dry else push(door, engine, by=SYNC, now=utc_now())
    _tell_plan(door.name, pushed.plan)
    if pushed.frozen and not dry:
        _say(f"{door.name}: {FROZEN}", err=True)
    if pushed.report is not None:
        _tell_report(door.name, pushed.report)
    _tell_checks(door.name, pushed.checks)
    return pushed.whole


def _told(count: int, one: str, many: str) -> str:
    """A count and what is counted."""
    return f"{count:,} {one if count == 1 else many}"


def _tell_checks(name: str, checks: "Sequence[Check]") -> None:
    """What is not as it was to be."""
    for check in checks:
        for problem in check.problems:
            _say(f"{name}: {check.place}: {problem}", err=True)


def _tell_plan(name: str, plan: "Plan") -> None:
    """Each difference on a line."""
    for step in plan.steps:
        lowest = "" if step.lowest is None else f", lowest of 30 days {step.lowest}"
        bounds = f"floor {step.floor}, ceiling {step.ceiling}{lowest}"
        _say(f"{name}: {step.place} {step.name}: {step.shown} -> {step.after} {step.currency} ({bounds})")
    for drift in plan.drifted:
        said = f"somebody changed {drift.ours} to {drift.found}; it is left alone"
        _say(f"{name}: {drift.place} {drift.name}: {said}", err=True)
    for held in plan.held:
        said = f"{held.decision} was rolled back here; it is left alone until a later price, or until you accept it"
        _say(f"{name}: {held.place} {held.name}: {said}", err=True)
    for refused in plan.refused:
        _say(f"{name}: {refused.place}: not priced: {refused.reason}", err=True)
    differ, kept = _told(len(plan.steps), "price differs", "prices differ"), _told(len(plan.kept), "does not", "do not")
    _say(f"{name}: {differ}, {kept}")


def _tell_report(name: str, report: "Report") -> None:
    """How many were written, and why others were not."""
    for result in report.results:
        if result.reason:
            _say(f"{name}: {result.place}: {result.outcome}: {result.reason}", err=True)
    counts = Counter(result.outcome.value for result in report.results)
    _say(f"{name}: {report.decision}: " + ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items()))
