"""`fairfare export-feed`."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.main import app
from api.served.feeds import Form
from pricing.errors import UnavailableError


@app.command("export-feed")
def export_feed(
    form: Annotated[Form, typer.Argument(help="Which feed; the same as GET /v1/feeds/FORM serves.")],
    workspace: Annotated[Path, typer.Option("--workspace", help="Folder of the workspace.", file_okay=False)] = Path(),
    channel: Annotated[
        str | None, typer.Option(help="Where it is sold; without it all channels, or the one price an offer has.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; without it the feed is printed.")] = None,
) -> None:
    """Write every price in force as a feed: for Google, Meta, search engines (JSON-LD), or as JSON or CSV.

    Example: fairfare export-feed google.xml --workspace season --out feed.xml
    """
    from api.atomic import write_bytes
    from api.clock import SteadyClock
    from api.location import database_of, settings_of
    from api.served.feeds import feed
    from api.served.follower import Follower
    from api.served.snapshot import SNAPSHOT_NAME

    law = settings_of(workspace).law
    follower = Follower(database_of(workspace), workspace / SNAPSHOT_NAME, clock=SteadyClock(), law=law)
    follower.refresh()  # the last good prices if the database is down, which the log says
    if (view := follower.current()).empty:
        raise UnavailableError(f"{workspace} has no price book that can be reached, and no snapshot of one")
    body = feed(form, view, channel)
    if out is None:
        typer.echo(body)
        return
    write_bytes(body, out)
    typer.echo(f"Wrote {out}: version {view.snapshot.content.version} of the price book.")
