"""`fairfare sync` and `fairfare shops`: shops and a workspace brought together."""

import getpass
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from api.cli.main import app
from api.clock import utc_now
from pricing.errors import Finding, InputError

if TYPE_CHECKING:
    from api.shops.model import Plan, Report
    from api.shops.offers import Offers
    from api.shops.shop import Shop
    from api.workspace import Workspace

group = typer.Typer(help="Look at a shop, take what was changed there by hand for right, and put prices back.")
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

    A price that somebody changed in the shop is told and left alone. After a kill, run it again.

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
        doors = [stack.enter_context(_opened(place, name)) for name in names]  # once: each keeps to its limit
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
    with _opened(workspace, shop) as door:
        found = door.shop.read_prices()
    _print_csv(
        ("place", "name", "price", "currency"),
        [{"place": p.place, "name": p.name, "price": p.price, "currency": p.currency} for p in found],
    )


@group.command()
def stock(shop: Name, workspace: Folder = Path()) -> None:
    """List what a shop can still sell, and how many wait for more: CSV with id, name, size, available, waiting, places.

    Example: fairfare shops stock tickets --workspace season
    """
    with _opened(workspace, shop) as door:
        found = door.shop.pull_inventory()
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
    """Take what somebody wrote in the shop for right; the next push may change it again.

    Example: fairfare shops accept tickets gala/item/3 --workspace season
    """
    with _opened(workspace, shop) as door:
        taken = door.shop.accept(place, by=by or getpass.getuser(), now=utc_now())
    for each in taken:
        typer.echo(f"{shop}: {each.place} {each.name}: {each.found} instead of {each.ours}")
    if missing := sorted(set(place) - {each.place for each in taken}):
        raise InputError([Finding("nobody changed the price of this place", file=each) for each in missing])


@group.command()
def rollback(
    shop: Name,
    decision: Annotated[str, typer.Argument(metavar="DECISION", help='As it was pushed: "version 7".')],
    workspace: Folder = Path(),
) -> None:
    """Put back what stood in a shop before a decision was pushed; what is no longer ours is left alone.

    Example: fairfare shops rollback tickets "version 7" --workspace season
    """
    with _opened(workspace, shop) as door:
        report = door.shop.rollback(decision, now=utc_now())
    _tell_report(shop, report)
    if not report.whole:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Door:
    """A shop that is spoken to, with its table of offers and its folder."""

    name: str
    shop: "Shop"
    folder: Path

    @property
    def offers(self) -> "Offers":
        from api.shops.offers import Offers

        return Offers.read(self.folder / "offers.csv")


@contextmanager
def _opened(workspace: "Path | Workspace", name: str) -> Iterator[_Door]:
    from api.shops.opening import folder_of, opened
    from api.workspace import Workspace

    place = Workspace.open(workspace) if isinstance(workspace, Path) else workspace
    found = [each for each in place.settings.shops if each.name == name]
    if not found:
        known = ", ".join(each.name for each in place.settings.shops) or "none"
        raise InputError(f"there is no shop {name} in the settings, which name: {known}")
    with opened(found[0], place.settings, place.root, os.environ) as shop:
        yield _Door(name, shop, folder_of(place.root, name))


def _round(place: "Workspace", doors: list[_Door], *, dry: bool, price: bool, patient: bool) -> bool:
    """Pull from each shop, price, push to each; whether all is as it was to be.

    Parameters
    ----------
    patient : whether a shop that is down is tried again in the next round
    """
    from api.cli.workspace import price as propose

    done = [_tried(door, lambda door: _pull(place, door), patient=patient) for door in doors]
    if price and not dry:
        propose(place.root)
    done += [_tried(door, lambda door: _push(place, door, dry=dry), patient=patient) for door in doors]
    return all(done)


def _tried(door: _Door, step: Callable[[_Door], bool], *, patient: bool) -> bool:
    from api.shops.errors import ShopError

    try:
        return step(door)
    except ShopError as error:
        if error.permanent or not patient:
            raise
        log.warning("a shop did not answer; it is tried again", shop=door.name, reason=str(error))
        return False


def _pull(place: "Workspace", door: _Door) -> bool:
    from api.store.database import open_database
    from api.syncing import pull

    engine = open_database(place.database)
    pulled = pull(door.shop, door.offers, engine, door.folder, name=door.name, now=utc_now())
    typer.echo(f"{door.name}: {pulled.new:,} sales are new, {pulled.known:,} were known")
    for reason in pulled.refused:
        typer.echo(f"{door.name}: not recorded: {reason}", err=True)
    for unmapped in pulled.unmapped:
        typer.echo(f"{door.name}: sold at {unmapped}, which offers.csv does not name", err=True)
    return not pulled.refused


def _push(place: "Workspace", door: _Door, *, dry: bool) -> bool:
    from api.syncing import push

    pushed = push(door.shop, door.offers, place.book, now=utc_now(), dry=dry)
    _tell_plan(door.name, pushed.plan)
    if pushed.frozen:
        typer.echo(f"{door.name}: prices are frozen, so nothing is pushed", err=True)
    if pushed.report is not None:
        _tell_report(door.name, pushed.report)
    for check in pushed.checks:
        for problem in check.problems:
            typer.echo(f"{door.name}: {check.place}: {problem}", err=True)
    return pushed.whole


def _tell_plan(name: str, plan: "Plan") -> None:
    """Each difference on a line."""
    for step in plan.steps:
        lowest = "" if step.lowest is None else f", lowest of 30 days {step.lowest}"
        bounds = f"floor {step.floor}, ceiling {step.ceiling}{lowest}"
        typer.echo(f"{name}: {step.place} {step.name}: {step.shown} -> {step.after} {step.currency} ({bounds})")
    for drift in plan.drifted:
        said = f"somebody changed {drift.ours} to {drift.found}; it is left alone"
        typer.echo(f"{name}: {drift.place} {drift.name}: {said}", err=True)
    typer.echo(f"{name}: {len(plan.steps):,} prices differ, {len(plan.kept):,} do not")


def _tell_report(name: str, report: "Report") -> None:
    """How many were written, and why others were not."""
    for result in report.results:
        if result.reason:
            typer.echo(f"{name}: {result.place}: {result.outcome}: {result.reason}", err=True)
    counts = Counter(result.outcome.value for result in report.results)
    typer.echo(f"{name}: {report.decision}: " + ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items()))
