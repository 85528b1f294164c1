"""`fairfare doctor`."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.main import app


@app.command()
def doctor(
    workspace: Annotated[Path, typer.Option("--workspace", file_okay=False, help="Folder of the workspace.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON list, for a program.")] = False,
) -> None:
    """Look at every part of a workspace, a line each: what is wrong, and what to do; 0 if it is sound, else 1.

    Example: fairfare doctor --workspace season
    """
    import msgspec

    from api.clock import utc_now
    from api.doctor import Health, examine

    colors = {Health.SOUND: "green", Health.MIND: "yellow", Health.WRONG: "red"}
    checks = examine(workspace, now=utc_now())
    if as_json:
        typer.echo(msgspec.json.encode(checks))
    for check in () if as_json else checks:
        typer.echo(f"{typer.style(f'{check.health:5}', fg=colors[check.health])} {check.part}: {check.found}")
    if any(check.health is Health.WRONG for check in checks):
        raise typer.Exit(1)
