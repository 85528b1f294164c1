"""`fairfare worker`: does what was asked for over HTTP."""

import os
import signal
import socket
import threading
from pathlib import Path
from typing import Annotated

import typer

from api.cli.main import app


@app.command()
def worker(
    workspace: Annotated[Path, typer.Option("--workspace", help="Folder of the workspace.", file_okay=False)] = Path(),
    once: Annotated[bool, typer.Option("--once", help="Do what is asked for now, then end.")] = False,
) -> None:
    """Do the runs that were asked for with POST /v1/runs, one at a time, until interrupted.

    Several workers may stand by; one that ends or is killed is replaced by another, which begins its run anew.

    Example: fairfare worker --workspace season
    """
    from api.clock import utc_now
    from api.jobs import Worker
    from api.location import database_of
    from api.settings import FILE, read_settings
    from api.store.database import open_existing

    read_settings(workspace / FILE)
    stopped = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stopped.set())
    if not once:
        typer.echo(f"Waiting for runs of {workspace.resolve().name} (Ctrl-C stops)")
    name = f"{socket.gethostname()}:{os.getpid()}"
    engine = open_existing(database_of(workspace))
    Worker(engine, workspace.resolve(), name=name, now=utc_now, stopped=stopped).work(once=once)
