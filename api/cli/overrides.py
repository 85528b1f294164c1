"""`fairfare overrides list | set | end`: a floor, a ceiling or a fixed price that a person sets for a time."""

from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.main import app
from pricing.errors import InputError, RefusedError
from pricing.model import ALL

if TYPE_CHECKING:
    from api.store.overrides import Overrides
    from api.workspace import Workspace

Folder = Annotated[Path, typer.Option("--workspace", help="Folder of the workspace.", file_okay=False)]
By = Annotated[str, typer.Option("--by", help="Who takes this step; your login name if not given.")]
Until = Annotated[
    datetime, typer.Option(help="When it ends, with its zone: 2026-12-05T19:30+01:00.", parser=datetime.fromisoformat)
]

overrides = typer.Typer(help="Bounds that people set on a price for a time.", no_args_is_help=True)
app.add_typer(overrides, name="overrides")


@overrides.command(name="list")
def show(workspace: Folder = Path()) -> None:
    """List the overrides that stand, each with its number.

    Example: fairfare overrides list --workspace season
    """
    from api.clock import utc_now

    for each in _overrides(_open(workspace)).standing(utc_now()):
        channel = "" if each.channel == ALL else f" ({each.channel})"
        typer.echo(f"{each.number:>4}  {each.offer}{channel}: {each}")


@overrides.command(name="set")
def set_(
    offer: Annotated[str, typer.Argument(help="The offer, as it is named in the table of offers.")],
    kind: Annotated[str, typer.Argument(help="floor, ceiling or fixed; take the mildest that does.")],
    amount: Annotated[str, typer.Argument(help="The price, written with a point: 44.00.")],
    *,
    until: Until,
    reason: Annotated[str, typer.Option(help="Why; kept in the log.")],
    channel: Annotated[str, typer.Option(help="The channel, where the offer has several.")] = ALL,
    workspace: Folder = Path(),
    by: By = "",
) -> None:
    """Bound the price of one offer until an instant; no price moves by it.

    Example: fairfare overrides set mug ceiling 9.50 --until 2026-12-05T19:30+01:00 --reason "printed in the programme"
    """
    from api.clock import utc_now
    from pricing.money import parse_amount
    from pricing.overrides import Kind, Override

    place = _open(workspace)
    if (listing := place.book.listings().get((offer, channel))) is None:
        raise RefusedError(f"there is no offer {offer} in channel {channel}")
    currency = listing.offer.currency
    try:
        wanted = Override(
            offer=offer,
            channel=channel,
            kind=Kind(kind),
            amount=parse_amount(amount, currency),
            currency=currency,
            until=until.astimezone(UTC) if until.tzinfo else until,
            reason=reason,
            by=by or getuser(),
            at=utc_now(),
        )
    except ValueError as error:
        raise InputError(str(error)) from None
    made = _overrides(place).set(wanted, policy=place.settings.policy, law=place.settings.law)
    typer.echo(f"{offer}: {wanted}. No price has changed.")
    if made is not None:
        typer.echo(f"Proposal {made.id} keeps it and takes the place of the one that waited; someone else approves it.")


@overrides.command()
def end(
    number: Annotated[int, typer.Argument(help="As `fairfare overrides list` prints it.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the log.")] = "ended early",
    workspace: Folder = Path(),
    by: By = "",
) -> None:
    """End an override before its time; the owner's own bounds hold again.

    Example: fairfare overrides end 3 --reason "the partner withdrew"
    """
    from api.clock import utc_now

    ended = _overrides(_open(workspace)).end(number, by=by or getuser(), now=utc_now(), reason=reason)
    typer.echo(f"{ended.offer}: ended is the {ended}. No price has changed.")


def _open(folder: Path) -> "Workspace":
    from api.workspace import Workspace

    return Workspace.open(folder)


def _overrides(place: "Workspace") -> "Overrides":
    from api.store.database import open_database
    from api.store.log import ANCHOR_NAME
    from api.store.migrations import require_current
    from api.store.overrides import Overrides

    engine = open_database(place.database)
    require_current(engine)
    return Overrides(engine, place.root / ANCHOR_NAME)
