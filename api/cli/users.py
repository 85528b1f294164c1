"""`fairfare users add | list | disable | password`: who may sign in at the desk, and what they may do there."""

import sys
from getpass import getpass, getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.main import app
from pricing.errors import InputError

if TYPE_CHECKING:
    from api.store.users import Users

Workspace = Annotated[Path, typer.Option("--workspace", help="Folder of the workspace.", file_okay=False)]
By = Annotated[str, typer.Option("--by", help="Who takes this step; your login name if not given.")]
Name = Annotated[str, typer.Argument(help="What the person is called; steps at the desk are recorded by this name.")]

users = typer.Typer(help="People who sign in at the price desk.", no_args_is_help=True)
app.add_typer(users, name="users")


@users.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option(help="viewer, analyst, approver or admin; each may do what those before may.")],
    workspace: Workspace = Path(),
    by: By = "",
) -> None:
    """Let a person sign in; asks for a password, or reads it from standard input.

    A viewer looks, an analyst proposes prices, an approver approves those of others, publishes and stops all changes,
    an admin also lifts a stop and changes users.

    Example: fairfare users add "Ann Example" --role approver
    """
    from api.clock import utc_now
    from api.store.users import Role

    if role not in set(Role):
        raise InputError(f"no such role: {role}; there are {', '.join(Role)}")
    made = _users(workspace).add(name, Role(role), _password(), by=by or getuser(), now=utc_now())
    typer.echo(f"{made.name} may sign in as {made.role}.")
    typer.echo(f"At /desk/ of the address that `fairfare serve --workspace {workspace}` prints.")


@users.command(name="list")
def show(workspace: Workspace = Path()) -> None:
    """List everyone who ever had an account.

    Example: fairfare users list --workspace season
    """
    for user in _users(workspace).list():
        disabled = "" if user.disabled_at is None else f"  disabled {user.disabled_at:%Y-%m-%d %H:%M} UTC"
        typer.echo(f"{user.role:<9} {user.name}{disabled}")


@users.command()
def disable(name: Name, workspace: Workspace = Path(), by: By = "") -> None:
    """Let a person sign in no more; whoever is signed in is signed out at once.

    Example: fairfare users disable "Ann Example"
    """
    from api.clock import utc_now

    _users(workspace).disable(name, by=by or getuser(), now=utc_now())
    typer.echo(f"{name} can sign in no more.")


@users.command()
def password(name: Name, workspace: Workspace = Path(), by: By = "") -> None:
    """Set another password; asks for it, or reads it from standard input. The person is signed out everywhere.

    Example: fairfare users password "Ann Example"
    """
    from api.clock import utc_now

    _users(workspace).set_password(name, _password(), by=by or getuser(), now=utc_now())
    typer.echo(f"{name} has another password.")


def _users(workspace: Path) -> "Users":
    from api.location import database_of
    from api.store.database import open_database
    from api.store.log import ANCHOR_NAME
    from api.store.migrations import require_current
    from api.store.users import Users

    place = database_of(workspace)
    if isinstance(place, Path) and not place.is_file():
        raise InputError(f"{workspace} has no price book yet: run `fairfare init` in it first")
    engine = open_database(place)
    require_current(engine)
    return Users(engine, workspace / ANCHOR_NAME)


def _password() -> str:
    """From a terminal, twice, unseen; or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    chosen = getpass("Password: ")
    if getpass("Again: ") != chosen:
        raise InputError("the two passwords differ")
    return chosen
