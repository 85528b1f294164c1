"""`fairfare webhooks`: whoever is to know is told of prices that changed."""

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.main import app

if TYPE_CHECKING:
    from api.store.log import Entry
    from api.webhooks import Delivery, Outbox


@app.command()
def webhooks(
    workspace: Annotated[Path, typer.Option("--workspace", help="Folder of the workspace.", file_okay=False)] = Path(),
    every: Annotated[float | None, typer.Option(min=1, help="Again after so many seconds, until interrupted.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Send once more what was given up after a day.")] = False,
) -> None:
    """Tell every endpoint in the settings (`webhooks`) of the prices that changed since it was last told.

    A worker does so by itself, the one of `fairfare serve` too; this is for a workspace that has none.

    Example: fairfare webhooks --workspace season --every 5
    """
    from api.clock import utc_now
    from api.location import database_of
    from api.settings import FILE, read_settings
    from api.store.book import PriceBook
    from api.store.database import open_existing
    from api.webhooks import opened_outbox

    settings = read_settings(workspace / FILE)
    book = PriceBook(open_existing(database_of(workspace)))

    def entries(after: int) -> "Sequence[Entry]":
        return book.entries(after=after)

    with ExitStack() as stack:
        outboxes = [
            stack.enter_context(opened_outbox(hook, settings, workspace, os.environ)) for hook in settings.webhooks
        ]
        while True:
            for box in outboxes:
                if dead:
                    _tell(box, box.revive(entries, now=utc_now()))
                _tell(box, box.deliver(entries, now=utc_now()), quiet=every is not None)
            if every is None:
                break
            time.sleep(every)


def _tell(box: "Outbox", found: "Delivery", *, quiet: bool = False) -> None:
    again = "" if found.again is None else f"; one waits until {found.again:%Y-%m-%d %H:%M:%S} UTC"
    numbers = ", ".join(str(each.number) for each in found.dead)
    dead = f"; given up: entries {numbers} of the log" if numbers else ""
    if found.sent or not quiet:
        typer.echo(f"{box.endpoint.name}: {found.sent} sent{again}{dead}")
