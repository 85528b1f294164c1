"""Puts the commands together and turns errors into exit codes.

Guarantees
----------
* 0 on success; 2 on unusable arguments or input (every finding printed) or a step the price book refuses; 1 on our
  own failure.
"""

import importlib
import sys
from typing import Annotated

import typer
from rich.console import Console

from api.logs import configure
from pricing.errors import FairfareError, InputError, RefusedError, listed

app = typer.Typer(
    name="fairfare",
    help="Forecast demand, estimate price response, and price with reasons and proof.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS = ("forecast", "backtest", "bookings", "elasticity", "choice", "optimize", "workspace", "demo", "serve")
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
