"""`fairfare webhooks`: whoever is to know is told of prices that changed."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.main import app

if TYPE_CHECKING:
    from api.settings import Settings
    from api.store.log import Entry
    from api.webhooks import Delivery, Outbox


@app.command()
def webhooks(
    workspace: Annotated[Path, typer.Option("--workspace", help="Folder of the workspace.", file_okay=False)] = Path(),
    every: Annotated[float | None, typer.Option(min=1, help="Again after so many seconds, until interrupted.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Send once more what was given up after a day.")] = False,
) -> None:
    """Tell every endpoint under [[webhooks]] of the prices that changed since it was last told.

    Example: fairfare webhooks --workspace season --every 5
    """
    from api.clock import utc_now
    from api.location import database_of
    from api.settings import FILE, read_settings
    from api.store.book import PriceBook
    from api.store.database import open_existing

    settings = read_settings(workspace / FILE)
    book = PriceBook(open_existing(database_of(workspace)))

    def entries(after: int) -> "Sequence[Entry]":
        return book.entries(after=after)

    with _outboxes(settings, workspace, os.environ) as outboxes:
        while True:
            for box in outboxes:
                if dead:
                    _tell(box, box.revive(entries, now=utc_now()))
                _tell(box, box.deliver(entries, now=utc_now()), quiet=every is not None)
            if every is None:
                break
            time.sleep(every)


@contextmanager
def _outboxes(settings: "Settings", root: Path, environment: Mapping[str, str]) -> "Iterator[Sequence[Outbox]]":
    """The outbox of each endpoint; connections are closed afterwards."""
    from api.shops.addresses import Guard, GuardedTransport
    from api.shops.credentials import secret_of
    from api.webhooks import Endpoint, Outbox

    guard = Guard(tuple(ip_network(each) for each in settings.allowed_networks))
    with GuardedTransport(guard) as transport:
        boxes = []
        for hook in settings.webhooks:
            named = f"webhook-{hook.name}"
            key = secret_of(named, environment=environment, file=root / "secrets" / named)
            path = root / "webhooks" / f"{hook.name}.json"
            boxes.append(Outbox(Endpoint(hook.name, hook.address, key), path, transport))
        yield boxes


def _tell(box: "Outbox", found: "Delivery", *, quiet: bool = False) -> None:
    again = "" if found.again is None else f"; one waits until {found.again:%Y-%m-%d %H:%M:%S} UTC"
    numbers = ", ".join(str(each.number) for each in found.dead)
    dead = f"; given up: entries {numbers} of the log" if numbers else ""
    if found.sent or not quiet:
        typer.echo(f"{box.endpoint.name}: {found.sent} sent{again}{dead}")
