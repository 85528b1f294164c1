"""`fairfare keys create | list | revoke`: who may use the API, and for what."""

from collections.abc import Sequence
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.main import app
from pricing.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from api.store.keys import KeyRecord

Workspace = Annotated[Path, typer.Option("--workspace", help="Folder of the workspace.", file_okay=False)]
By = Annotated[str, typer.Option("--by", help="Who takes this step; your login name if not given.")]

keys = typer.Typer(help="Keys that let programs use the API.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.command()
def create(
    scope: Annotated[str, typer.Option(help="What the key allows, separated by commas: prices:read, admin, ...")],
    workspace: Workspace = Path(),
    name: Annotated[str, typer.Option("--name", help="Whose key it is; your login name if not given.")] = "",
    by: By = "",
) -> None:
    """Make a key; the last line printed is the key, and it is shown only now.

    What is done with a key is done by its holder: nobody approves what they proposed, whichever key they use.

    Example: fairfare keys create --scope prices:read --name shop
    """
    from api.clock import utc_now
    from api.store.keys import create_key, parse_scopes
    from api.store.log import ANCHOR_NAME

    scopes, holder = parse_scopes(scope), name or getuser()
    anchor = workspace / ANCHOR_NAME
    key = create_key(database(workspace), scopes, holder=holder, by=by or getuser(), now=utc_now(), anchor=anchor)
    typer.echo(f"{holder} may use it for {', '.join(sorted(scopes))}. Keep it: only its hash is stored.")
    typer.echo(key)


@keys.command(name="list")
def show(workspace: Workspace = Path()) -> None:
    """List every key ever made: its number, holder and scopes, never the key.

    Example: fairfare keys list --workspace season
    """
    from api.store.keys import list_keys

    for line in _lines(list_keys(database(workspace))):
        typer.echo(line)


@keys.command()
def revoke(
    number: Annotated[int, typer.Argument(help="Number of the key, as `fairfare keys list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    workspace: Workspace = Path(),
    by: By = "",
) -> None:
    """Let a key open nothing any more; servers follow within about two seconds.

    Example: fairfare keys revoke 3 --reason "the shop was sold"
    """
    from api.clock import utc_now
    from api.store.keys import revoke_key
    from api.store.log import ANCHOR_NAME

    anchor = workspace / ANCHOR_NAME
    revoke_key(database(workspace), number, by=by or getuser(), now=utc_now(), reason=reason, anchor=anchor)
    typer.echo(f"Key {number} is revoked.")


def database(workspace: Path) -> "Engine":
    """The price book's database, which must be there."""
    from api.location import database_of
    from api.store.database import open_database

    place = database_of(workspace)
    if isinstance(place, Path) and not place.is_file():
        raise InputError(f"{workspace} has no price book yet: run `fairfare init` in it first")
    return open_database(place)


def _lines(records: "Sequence[KeyRecord]") -> list[str]:
    """A table: number, holder, scopes, when made, whether revoked."""
    rows = [("number", "holder", "scopes", "made (UTC)", "revoked (UTC)")]
    for record in records:
        revoked = "" if record.revoked_at is None else f"{record.revoked_at:%Y-%m-%d %H:%M}"
        scopes = ",".join(sorted(record.scopes))
        rows.append((str(record.number), record.holder, scopes, f"{record.created_at:%Y-%m-%d %H:%M}", revoked))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
