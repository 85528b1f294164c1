"""`fairfare outcomes`: what was expected at the prices in force, and what was sold."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from api.cli.main import app
from api.cli.options import Out

if TYPE_CHECKING:
    import pandas as pd

    from api.outcomes import Outcomes
    from pricing.learning import OfferOutcome


@app.command()
def outcomes(
    workspace: Annotated[Path, typer.Option("--workspace", file_okay=False, help="Folder of the workspace.")] = Path(),
    out: Out = None,
) -> None:
    """Say how sales that came back over the API compare with what the fit expected, and whether demand has changed.

    Units and revenue of each offer since its price took effect, with 80 % ranges; nothing is fitted again.

    Example: fairfare outcomes --workspace season
    """
    from api.clock import utc_now
    from api.workspace import Workspace

    found = Workspace.open(workspace).outcomes(now=utc_now())
    if out is None:
        _show(found)
        return
    from api.tabular import write_table

    write_table(_table(found), out)


def _show(found: "Outcomes") -> None:
    console = Console(highlight=False)
    offers = found.learned.offers
    if offers:
        width = max(len(told.offer) for told in offers)
        heading = (
            f"{'':<{width}} {'since':>16} {'price':>8} {'expected':>9} {'80% range':>13} {'sold':>7} {'revenue':>10}"
        )
        console.print(heading, style="dim", soft_wrap=True)
        for told in offers:
            console.print(_line(told, width), soft_wrap=True)
    console.print(_summary(found))
    for alarm in found.learned.alarms:
        console.print(escape(alarm), style="yellow")


def _line(told: "OfferOutcome", width: int) -> str:
    units, revenue = told.units, told.revenue
    span = f"{units.expected.low:,.0f} to {units.expected.high:,.0f}"
    style = "bold" if units.expected.low <= units.realised <= units.expected.high else "bold yellow"
    return (
        f"{escape(told.offer):<{width}} {told.since:%Y-%m-%d %H:%M} {told.price:>8} {units.expected.mean:>9,.0f} "
        f"{span:>13} [{style}]{units.realised:>7,.0f}[/{style}] {revenue.realised:>10,.0f}"
    )


def _summary(found: "Outcomes") -> str:
    if found.beyond:
        return f"The horizon of fit {found.fit} has passed: it says nothing about today. Make another: fairfare fit"
    if found.since is None:
        return f"No sale has come back over the API since fit {found.fit}: there is nothing to compare."
    known = f"Fit {found.fit}, held against sales since {found.since:%Y-%m-%d %H:%M} UTC."
    unknown = f" It expects nothing of {len(found.unknown)} offers on sale." if found.unknown else ""
    return known + unknown + ("" if found.learned.alarms else " No sign that demand has changed.")


def _table(found: "Outcomes") -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for told in found.learned.offers:
        row = {"offer": told.offer, "channel": told.channel, "since": told.since, "price": told.price}
        for name, compared in (("units", told.units), ("revenue", told.revenue)):
            expected = compared.expected
            row |= {f"{name}_expected": expected.mean, f"{name}_lower": expected.low, f"{name}_upper": expected.high}
            row |= {f"{name}_realised": compared.realised}
        row |= {"residual": told.units.residual, "p_value": told.units.p_value}
        rows.append({**row, "units_at_another_price": told.otherwise, "alarm": told.alarm})
    columns = ["offer", "channel", "since", "price", "units_expected", "units_lower", "units_upper", "units_realised"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
