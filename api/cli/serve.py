"""`fairfare serve` and `fairfare keys create`."""

import functools
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.main import app
from pricing.errors import InputError, UnavailableError

Workspace = Annotated[Path, typer.Option("--workspace", help="Folder of the workspace.", file_okay=False)]

THREADS = 4
"""Threads of a worker that answer requests; more would only wait for one another."""

keys = typer.Typer(help="Keys that let programs use the API.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@app.command()
def serve(
    workspace: Workspace = Path(),
    host: Annotated[
        str, typer.Option(help="Address to listen on; the default is reachable from here only.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer requests.")] = 1,
) -> None:
    """Serve the prices in force until interrupted; starts and goes on serving when the database is down.

    Example: fairfare serve --workspace season --port 8000
    """
    _check(workspace)
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

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
    server.serve(target_loader=functools.partial(_load, workspace.resolve()), wrap_loader=False)


@keys.command()
def create(
    scope: Annotated[str, typer.Option(help="What the key allows, separated by commas: prices:read, admin, ...")],
    workspace: Workspace = Path(),
) -> None:
    """Make a key; the last line printed is the key, and it is shown only now.

    Example: fairfare keys create --scope prices:read
    """
    from getpass import getuser

    from api.clock import utc_now
    from api.location import database_of
    from api.store.database import open_database
    from api.store.keys import create_key, parse_scopes

    scopes = parse_scopes(scope)
    place = database_of(workspace)
    if isinstance(place, Path) and not place.is_file():
        raise InputError(f"{workspace} has no price book yet: run `fairfare init` in it first")
    key = create_key(open_database(place), scopes, holder=getuser(), by=getuser(), now=utc_now())
    typer.echo(f"Allows {', '.join(sorted(scopes))}. Keep it: only its hash is stored.")
    typer.echo(key)


def _load(workspace: Path) -> Callable[..., Any]:
    from api.app import serving_app

    return serving_app(workspace)


def _check(workspace: Path) -> None:
    from api.snapshot import SNAPSHOT_NAME
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
