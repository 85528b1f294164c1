"""`fairfare serve`."""

import functools
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.companion import running
from api.cli.main import app
from pricing.errors import InputError, UnavailableError

if TYPE_CHECKING:
    from api.clock import SteadyClock
    from api.settings import Settings

Workspace = Annotated[Path, typer.Option("--workspace", help="Folder of the workspace.", file_okay=False)]

TURN = 0.0005
"""How long a thread that reads a new version of the book may keep requests waiting at a time [seconds]."""
THREADS = 16
"""Threads of a worker that answer requests: those that wait for the database or a sender leave others to answer."""


@app.command()
def serve(
    context: typer.Context,
    workspace: Workspace = Path(),
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; the default is reachable from here only.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer requests.")] = 1,
    worker: Annotated[
        bool, typer.Option(help="Also do the jobs that are asked for, and what else `fairfare worker` does.")
    ] = True,
) -> None:
    """Serve the prices in force and the desk until interrupted; goes on serving when the database is down.

    Jobs are done in a process of their own, which also keeps shops in step (`sync_seconds` in the settings) and tells
    webhooks; with --no-worker all that waits for `fairfare worker`.

    Example: fairfare serve --workspace season --port 8000
    """
    _check(workspace)
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    from api.clock import SteadyClock
    from api.location import settings_of

    port = _free_port(host, port)
    server = Server(
        "fairfare",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        websockets=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=5,
    )
    typer.echo(f"Serving the prices of {workspace.resolve().name} on http://{_in_url(host)}:{port}/ (Ctrl-C stops)")
    as_json = context.parent is not None and bool(context.parent.params.get("log_json"))
    served = workspace.resolve()
    with (
        tempfile.TemporaryDirectory(prefix="fairfare-metrics-") as figures,
        _worker(served, as_json=as_json) if worker else nullcontext(),
    ):
        loader = functools.partial(_load, served, settings_of(served), SteadyClock(), Path(figures), as_json)
        server.serve(target_loader=loader, wrap_loader=False)


def _load(
    workspace: Path, settings: "Settings", clock: "SteadyClock", figures: Path, as_json: bool
) -> Callable[..., Any]:
    """The application of one worker; all of a server's workers, the replaced ones too, go by the same clock and law."""
    from api.app import serving_app
    from api.logs import configure
    from api.served.metrics import Meter

    sys.setswitchinterval(TURN)
    configure(as_json=as_json)
    return serving_app(workspace, settings=settings, clock=clock, meter=Meter(figures))


def _worker(workspace: Path, *, as_json: bool) -> AbstractContextManager[None]:
    """A worker that ends with this process, whatever ends it; without settings nothing can be asked for."""
    from api.settings import FILE

    if not (workspace / FILE).exists():
        return nullcontext()
    options = ["--log-json"] if as_json else []
    told = ["worker", "--workspace", str(workspace), "--parent", str(os.getpid())]
    return running([sys.executable, "-c", "from api.cli import main; main()", *options, *told], name="worker")


def _check(workspace: Path) -> None:
    from api.served.snapshot import SNAPSHOT_NAME
    from api.store.database import DATABASE_NAME

    if not any((workspace / name).exists() for name in (DATABASE_NAME, SNAPSHOT_NAME, "fairfare.toml")):
        raise InputError(f"{workspace} is not a workspace: run `fairfare init` in it first")


def _free_port(host: str, port: int) -> int:
    """Say at once that a port is taken, rather than let each worker fail."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except OSError as error:
        raise UnavailableError(f"cannot listen on {host}, port {port}: {error.strerror or error}") from error


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
