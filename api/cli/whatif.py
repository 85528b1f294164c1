"""`fairfare whatif`: what other prices, capacities, demand or elasticities would bring, at once."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from api.cli.main import app
from api.cli.options import Out
from pricing.errors import Finding, InputError

if TYPE_CHECKING:
    import pandas as pd

    from api.stage import Stage
    from pricing.whatif import AllThen, OfferThen, WhatIf

Number = TypeVar("Number", float, Decimal)
Given = list[str] | None


@app.command()
def whatif(  # noqa: PLR0917  # options of a command are keywords to its user
    workspace: Annotated[Path, typer.Option("--workspace", file_okay=False, help="Folder of the workspace.")] = Path(),
    price: Annotated[
        Given, typer.Option("--price", metavar="OFFER=PRICE", help="Another price, within the offer's ladder.")
    ] = None,
    capacity: Annotated[
        Given, typer.Option("--capacity", metavar="RESOURCE=N", help="Another number of units left to sell.")
    ] = None,
    demand: Annotated[
        Given,
        typer.Option("--demand", metavar="NAME=FACTOR", help="Other demand for an offer, an event, or * (everything)."),
    ] = None,
    elasticity: Annotated[
        Given,
        typer.Option(
            "--elasticity",
            metavar="OFFER=NUMBER",
            help="Buyers who react otherwise: 0.8 is 20 % weaker than estimated, -1.5 is that elasticity.",
        ),
    ] = None,
    out: Out = None,
) -> None:
    """Say what would be sold and earned if something were different; nothing is changed.

    Each option may be given several times. Figures are means over the draws of the last fit, with 80 % ranges.

    Example: fairfare whatif --workspace season --price "Night 31 / Stalls / adult=45" --demand "*=0.9"
    """
    from api.clock import utc_now
    from api.stage import load_stage

    now = utc_now()
    stage = load_stage(workspace, now=now)
    if stage is None:
        from api.workspace import Workspace

        stage = Workspace.open(workspace).stage(now=now)
    answer = _answer(stage, price, capacity, demand, elasticity)
    if out is None:
        _show(answer)
        return
    from api.tabular import write_table

    write_table(_table(answer), out)


def _answer(stage: "Stage", price: Given, capacity: Given, demand: Given, elasticity: Given) -> "WhatIf":
    from pricing.whatif import Change, faults, what_if

    findings: list[str] = []
    change = Change(
        prices=_read(price, "--price", Decimal, findings),
        capacity=_read(capacity, "--capacity", float, findings),
        demand=_read(demand, "--demand", float, findings),
        elasticity=_read(elasticity, "--elasticity", float, findings),
    )
    findings += (text for _, text in faults(stage.market, stage.curves, change))
    if findings:
        raise InputError([Finding(text) for text in findings])
    return what_if(stage.market, stage.curves, change, stage.objective)


def _read(given: Given, flag: str, number: Callable[[str], Number], findings: list[str]) -> Mapping[str, Number]:
    """Read `NAME=NUMBER`s; a name may hold equals signs, the number comes after the last."""
    read: dict[str, Number] = {}
    for text in given or ():
        name, equals, value = (part.strip() for part in text.rpartition("="))
        try:
            if not equals or name in read:
                findings.append(f"{flag}: {text!r} {f'names {name} twice' if equals else 'is not NAME=NUMBER'}")
                continue
            read[name] = number(value)
        except (ValueError, InvalidOperation):
            findings.append(f"{flag}: {value!r} is not a number")
    return read


def _show(answer: "WhatIf") -> None:
    console = Console(highlight=False)
    changed = [told for told in answer.offers if told.then != told.now or told.price_then != told.price_now]
    width = max((len(told.offer) for told in changed), default=0)
    if changed:
        heading = ("price now", "then", "units now", "then", "revenue now", "then", "gain")
        console.print(
            f"{'':<{width}} " + " ".join(f"{text:>11}" for text in heading) + "  80% range", style="dim", soft_wrap=True
        )
    for told in changed:
        prices, now, then, gain = (told.price_now, told.price_then), told.now, told.then, told.gain
        figures = [*map(str, prices), *(f"{n:,.0f}" for n in (now.units.mean, then.units.mean))]
        figures += [f"{n:,.0f}" for n in (now.revenue.mean, then.revenue.mean)] + [f"{gain.expected:+,.0f}"]
        line = f"[bold]{escape(told.offer):<{width}}[/bold] " + " ".join(f"{text:>11}" for text in figures)
        console.print(f"{line}  {gain.low:+,.0f} to {gain.high:+,.0f}", soft_wrap=True)
        if told.doubt:
            console.print(f"    Not to be relied on: {escape(told.doubt)}", style="yellow", soft_wrap=True)
    for total in answer.totals:
        count = sum(told.currency == total.currency for told in answer.offers)
        console.print(f"[bold]All {count} offers[/bold], {total.currency}, mean and 80% range:")
        for name in ("units", "revenue", "margin"):
            spans = [getattr(amounts, name) for amounts in (total.now, total.then)]
            said = [f"{span.mean:,.0f} ({span.low:,.0f} to {span.high:,.0f})" for span in spans]
            console.print(f"  {name:<8} {said[0]} now, {said[1]} then", soft_wrap=True)
        gain = total.gain
        console.print(
            f"  difference {gain.expected:+,.0f} ({gain.low:+,.0f} to {gain.high:+,.0f}); less than now in "
            f"{gain.risk} outcomes",
            soft_wrap=True,
        )


def _table(answer: "WhatIf") -> "pd.DataFrame":
    """A row per offer, then one per currency for all offers together."""
    import pandas as pd

    rows = [
        {"offer": told.offer, "currency": told.currency, "price_now": told.price_now, "price_then": told.price_then}
        | _figures(told)
        | {"doubt": told.doubt}
        for told in answer.offers
    ]
    rows += [
        {"offer": "all offers", "currency": total.currency, "price_now": None, "price_then": None}
        | _figures(total)
        | {"doubt": ""}
        for total in answer.totals
    ]
    return pd.DataFrame(rows)


def _figures(told: "OfferThen | AllThen") -> dict[str, object]:
    figures: dict[str, object] = {}
    for name in ("units", "revenue", "margin"):
        for when in ("now", "then"):
            span = getattr(getattr(told, when), name)
            figures |= {f"{name}_{when}": span.mean, f"{name}_{when}_low": span.low, f"{name}_{when}_high": span.high}
    gain = told.gain
    return figures | {
        "gain": gain.expected,
        "gain_low": gain.low,
        "gain_high": gain.high,
        "loss_probability": gain.loss_probability,
    }
