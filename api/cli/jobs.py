"""`fairfare jobs list | ask | log | cancel`: what a worker does in the background."""

from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.keys import By, Workspace, database
from api.cli.main import app
from pricing.errors import InputError, RefusedError

if TYPE_CHECKING:
    from api.store.runs import Run

Id = Annotated[str, typer.Argument(help="Id of the job, as `fairfare jobs list` shows it.")]

jobs = typer.Typer(help="Jobs that a worker does in the background.", no_args_is_help=True)
app.add_typer(jobs, name="jobs")


@jobs.command(name="list")
def show(
    workspace: Workspace = Path(),
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
) -> None:
    """List jobs, the newest first: id, kind, state, how far it has come, who asked for it.

    Example: fairfare jobs list --workspace season
    """
    from api.store.runs import newest

    for run in newest(database(workspace), before=None, limit=limit):
        typer.echo(_line(run))


@jobs.command()
def ask(
    kind: Annotated[str, typer.Argument(help="fit, price or report.")],
    workspace: Workspace = Path(),
    by: By = "",
) -> None:
    """Have something done by a worker (`fairfare worker`, or the one beside `fairfare serve`); prints the job's id.

    Example: fairfare jobs ask fit --workspace season
    """
    from api.clock import utc_now
    from api.store import runs

    if kind not in runs.ON_REQUEST:
        raise InputError(f"no such job: {kind}; there are {', '.join(runs.ON_REQUEST)}")
    typer.echo(runs.ask(database(workspace), runs.Kind(kind), by=by or getuser(), now=utc_now()).id)


@jobs.command()
def log(job: Id, workspace: Workspace = Path()) -> None:
    """Tell what happened to a job, the oldest first, and what came of it.

    Example: fairfare jobs log 20261122-081857-e856ff02
    """
    import msgspec

    from api.store.runs import find

    if (run := find(database(workspace), job)) is None:
        raise RefusedError(f"there is no run {job}")
    typer.echo(_line(run))
    for line in run.log:
        typer.echo(line)
    if run.result is not None:
        typer.echo(msgspec.json.format(msgspec.json.encode(run.result)).decode())


@jobs.command()
def cancel(job: Id, workspace: Workspace = Path(), by: By = "") -> None:
    """Take a job that waits from the queue, or have its worker stop it within seconds.

    Example: fairfare jobs cancel 20261122-081857-e856ff02
    """
    from api.clock import utc_now
    from api.store import runs

    run = runs.cancel(database(workspace), job, by=by or getuser(), now=utc_now())
    typer.echo(f"Run {run.id} is {'being stopped' if run.open else run.state.value}.")


def _line(run: "Run") -> str:
    """A job on one line; of one that runs, also what is being done, and which attempt it is if not the first."""
    share = f"{run.progress:4.0%}" if run.open else "    "
    further = f", attempt {run.attempt}" if run.attempt > 1 else ""
    stage = f"  ({run.stage}{further})" if run.open else ""
    return f"{run.id}  {run.kind.value:<6}  {run.state.value:<9}  {share}  {run.by}{stage}"
