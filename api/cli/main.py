"""Puts the commands together and turns errors into exit codes.

Guarantees
----------
* 0 on success; 2 on unusable arguments or input (every finding printed) or a step the price book refuses; 1 on our
  own failure.
* No command writes over a file it was given to read.
"""

import importlib
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from typer.core import TyperCommand

from api.logs import configure
from pricing.errors import FairfareError, Finding, InputError, RefusedError, listed


class _Command(TyperCommand):
    """A command that refuses one file in two of its places."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # typer's own class, which it keeps private
        """Run, unless a file is named twice."""
        named: dict[Path, list[str]] = defaultdict(list)
        for parameter in self.params:
            if isinstance(path := ctx.params.get(parameter.name or ""), Path):
                named[path.resolve()].append(
                    parameter.opts[0] if parameter.param_type_name == "option" else "the input"
                )
        if found := [
            Finding(f"{' and '.join(places)} are the same file", str(path))
            for path, places in named.items()
            if len(places) > 1
        ]:
            raise InputError(found)
        return super().invoke(ctx)


app = typer.Typer(
    name="fairfare",
    help="Forecast demand, estimate price response, and price with reasons and proof.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command = partial(app.command, cls=_Command)  # type: ignore[method-assign]  # every command, whoever declares it

COMMANDS = (
    "forecast",
    "backtest",
    "bookings",
    "elasticity",
    "choice",
    "optimize",
    "protect",
    "network",
    "workspace",
    "whatif",
    "demo",
    "serve",
    "keys",
    "users",
    "overrides",
    "feed",
    "outcomes",
    "worker",
    "shops",
    "webhooks",
    "jobs",
    "backup",
    "doctor",
)
"""Modules of this package; importing one adds its commands to `app`."""


@app.callback()
def _options(
    *,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log to standard error as JSON, one object a line.")
    ] = False,
) -> None:
    configure(as_json=log_json)


def main() -> None:
    """Run the command line."""
    for name in COMMANDS:
        importlib.import_module(f"api.cli.{name}")
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        app()
    except InputError as error:
        for line in listed(error.findings):
            errors.print(line, style="red")
        sys.exit(2)
    except RefusedError as error:
        errors.print(str(error), style="red")
        sys.exit(2)
    except FairfareError as error:
        errors.print(str(error), style="red")
        sys.exit(1)
