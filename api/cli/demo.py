"""`fairfare demo`: a simulated season with known truth, through the whole flow."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.cli.main import app
from api.cli.options import stages
from api.clock import utc_now
from pricing.book import Verdict

if TYPE_CHECKING:
    from api.rehearsal import Rehearsal
    from pricing.book import Proposal

MANAGER = "demo manager"
"""Who approves in the demo: the engine proposes, and nobody approves their own proposal."""
SHOWN = 18
"""Rows of the price table that fit a screen; the report has them all."""


@app.command()
def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to put the demo's workspace.")] = Path("demo"),
    serve: Annotated[bool, typer.Option("--serve", help="Serve the prices when done.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another seed plays another season.")] = 7,
) -> None:
    """Simulate a season whose truth is known, price it, publish it, and report on it.

    Example: fairfare demo season --serve
    """
    from api.cli.workspace import show
    from api.rehearsal import rehearse

    console = Console(highlight=False)
    began = time.perf_counter()
    with stages() as report_stage:
        done = rehearse(folder, now=utc_now(), seed=seed, manager=MANAGER, progress=report_stage)
    show(done.proposal, rows=SHOWN)
    console.print(_truth_beside_estimate(done))
    console.print(
        f"Version {done.version} of the price book is in force, {time.perf_counter() - began:.0f} s after the start.\n"
        f"Report    {(folder / 'report.html').resolve().as_uri()}\n"
        f"Serve     fairfare serve --workspace {folder}\n"
        f"Desk      fairfare users add NAME --role admin --workspace {folder}, then /desk/ of that address: "
        f"{_moves(done.waiting)} further changes wait there\n"
        f"A key     fairfare keys create --scope prices:read --workspace {folder}",
        soft_wrap=True,
    )
    if serve:
        from api.cli.serve import serve as start

        start(context, workspace=folder)


def _moves(proposal: "Proposal") -> int:
    return sum(decision.verdict is Verdict.MOVE for decision in proposal.decisions)


def _truth_beside_estimate(done: "Rehearsal") -> Table:
    """What the engine believes of each audience, beside what the simulator knows."""
    from api.fitting import load_fit

    table = Table(title="Price response: truth and estimate", box=None, pad_edge=False, title_justify="left")
    for name in ("product", "segment", "truth", "estimate", "95 % interval", "status"):
        table.add_column(name, justify="left" if name in {"product", "segment", "status"} else "right")
    columns = ["product", "segment", "elasticity", "lower", "upper", "status"]
    rows = load_fit(done.workspace.fits).elasticities[columns].itertuples(index=False, name=None)
    for product, segment, estimate, lower, upper, status in rows:
        truth = done.season.elasticity[product, segment]
        interval = f"{lower:.2f} to {upper:.2f}"
        table.add_row(product, segment, f"{truth:.2f}", f"{estimate:.2f}", interval, status)
    return table
