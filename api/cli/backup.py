"""`fairfare backup`, `fairfare restore` and `fairfare upgrade`."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.main import app

Folder = Annotated[Path, typer.Option("--workspace", file_okay=False, help="Folder of the workspace.")]
Archive = Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="The backup, one file.")]


@app.command()
def backup(file: Archive, workspace: Folder = Path()) -> None:
    """Write a workspace into one file: settings, history, fits, price book and log; others may go on working.

    Example: fairfare backup season.backup --workspace season
    """
    from api.backup import back_up
    from api.clock import utc_now

    made = back_up(workspace, file, now=utc_now())
    typer.echo(f"{file} holds {len(made.files)} files. It holds secrets too: keep it where only you can read it.")


@app.command()
def restore(
    file: Archive,
    workspace: Annotated[Path, typer.Option("--workspace", help="Folder to make; must not exist, or be empty.")],
    database: Annotated[
        str | None,
        typer.Option(help="postgresql://USER@HOST/NAME, empty: for a price book that was on PostgreSQL elsewhere."),
    ] = None,
) -> None:
    """Make a workspace from a backup, after every checksum and the log were verified.

    Example: fairfare restore season.backup --workspace season-again
    """
    from api.backup import restore as bring_back
    from api.clock import utc_now

    made = bring_back(file, workspace, now=utc_now(), database=database)
    typer.echo(f"{workspace} is as it was at {made.about['taken_at']}. Next: fairfare doctor --workspace {workspace}")


@app.command()
def upgrade(workspace: Folder = Path()) -> None:
    """Bring the price book's database up to date with this version of Fairfare; a database file is copied before.

    Example: fairfare upgrade --workspace season
    """
    from api.backup import bring_up_to_date

    done = bring_up_to_date(workspace)
    if done.before == done.after:
        typer.echo(f"The database is at revision {done.after} already.")
        return
    kept = f"; {done.copy} is the one before" if done.copy else ""
    typer.echo(f"The database was at revision {done.before}, it is at {done.after} now{kept}.")
