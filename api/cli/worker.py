"""`fairfare worker`: does the jobs that are asked for and those that are due."""

import os
import signal
import socket
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from api.cli.companion import LOOK
from api.cli.main import app


@app.command()
def worker(
    workspace: Annotated[Path, typer.Option("--workspace", help="Folder of the workspace.", file_okay=False)] = Path(),
    once: Annotated[bool, typer.Option("--once", help="Do what is asked for now, then end.")] = False,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Do the jobs that are asked for, and those that are due by the `schedule`, one at a time, until interrupted.

    Shops whose settings say `sync_seconds` are brought in step, and endpoints under `webhooks` told, meanwhile.
    Several workers may stand by; one that ends or is killed is replaced by another, which begins its job anew.
    `fairfare serve` has one of its own.

    Example: fairfare worker --workspace season
    """
    from api.clock import utc_now
    from api.in_step import Home, kept_in_step
    from api.jobs import Worker
    from api.location import database_of
    from api.settings import FILE, read_settings
    from api.store.database import open_existing

    read_settings(workspace / FILE)
    stopped = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stopped.set())
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent, stopped), daemon=True).start()
    if not once:
        typer.echo(f"Waiting for runs of {workspace.resolve().name} (Ctrl-C stops)")
    name = f"{socket.gethostname()}:{os.getpid()}"
    engine = open_existing(database_of(workspace))
    home = Home(workspace.resolve(), engine, os.environ, utc_now)
    with nullcontext() if once else kept_in_step(home):
        Worker(engine, home.root, name=name, now=utc_now, stopped=stopped).work(once=once)


def _end_with(parent: int, stopped: threading.Event) -> None:
    """Stop once the process that started this one is gone: even killed, it leaves no worker behind."""
    while os.getppid() == parent and not stopped.wait(LOOK):
        pass
    stopped.set()
