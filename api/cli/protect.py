"""`fairfare protect`: who may still buy of one resource, and at which price, as it runs out.

Guarantees
----------
* Every rule stands beside the best there is, with what it earns in expectation.
* Whether one price is enough is said in words.
* The answer is written whole or not at all.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from rich.console import Console
from rich.table import Table

from api.cli.main import app
from api.cli.options import AnswerOut, ProblemFile, schema_option
from pricing.money import minor_digits

if TYPE_CHECKING:
    from api.documents.protect_json import Protect
    from api.documents.protect_models import (
        AnswerJson,
        BookingsJson,
        BracketJson,
        ControlJson,
        PricesJson,
        ProtectionJson,
    )

MOST_ROWS = 15
"""Periods and levels of stock shown; --out writes them all."""


@app.command()
def protect(
    problem: ProblemFile,
    out: AnswerOut = None,
    _schema: Annotated[bool, schema_option("api.documents.protect_json")] = False,
) -> None:
    """Protect units of one resource for dearer classes, overbook it, or let its price follow stock and time.

    Example: fairfare protect flight.json --out limits.json
    """
    from api.documents.protect_json import answer, read_protect, write_answer
    from api.strict_json import read_text
    from api.tabular import write_whole

    read = read_protect(read_text(problem), file=str(problem))
    with Console(stderr=True).status("Working out limits and prices"):
        found = answer(read)
    if out is not None:
        write_whole(write_answer(found).encode(), out)
    _show(read, found, tables=out is None)


def _show(read: "Protect", found: "AnswerJson", *, tables: bool) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if found.protection is not None and tables:
        for table in _protection(read, found.protection):
            console.print(table)
        console.print(_beside(found.protection, found.currency))
    if found.overbooking is not None:
        console.print(_bookings(found.overbooking))
    if found.dynamic is not None and tables and found.dynamic.prices is not None:
        console.print(_prices(found.dynamic, found.dynamic.prices, found.capacity, found.currency))
    if found.dynamic is not None:
        console.print(found.dynamic.words)


def _protection(read: "Protect", found: "ProtectionJson") -> tuple[Table, Table]:
    """Limits of each class, with what they earn; and what is kept back for it and those above it."""

    def table(title: str, rules: list["ControlJson"], cell: Callable[["ControlJson", int], str]) -> Table:
        grid = Table(title=title)
        grid.add_column("class", overflow="fold")
        for name in ("fare", *(rule.rule for rule in rules)):
            grid.add_column(name, justify="right", overflow="fold")
        for n, entry in enumerate(read.document.classes or []):
            grid.add_row(entry.id, str(entry.fare), *(cell(rule, n) for rule in rules))
        return grid

    limits = table(
        f"Booking limits, and what they earn in expectation [{read.document.currency}]",
        found.controls,
        lambda rule, n: str(rule.limits[n]),
    )
    digits = minor_digits(read.document.currency)
    limits.add_section()
    limits.add_row("revenue", "", *(f"{rule.revenue:.{digits}f}" for rule in found.controls))
    levels = table(
        "Protection levels: units kept for the class and those above it",
        found.controls[1:],  # first come, first served keeps nothing
        lambda rule, n: f"{rule.levels[n]:.2f}" if n < len(rule.levels) else "",
    )
    return limits, levels


def _beside(found: "ProtectionJson", currency: str) -> str:
    """What revenue is to be held against, or what is taken off it."""
    if found.partitioned is None or found.hindsight is None:
        return "Revenue is after refunds and the cost of turning away."
    alone, known = (f"{amount:.{minor_digits(currency)}f}" for amount in (found.partitioned.revenue, found.hindsight))
    partly = f"Set aside for each class alone, units earn {alone} {currency}"
    return f"{partly}; who knew demand beforehand would earn {known} {currency}."


def _bookings(found: "BookingsJson") -> str:
    service = "" if found.service_limit is None else f", up to {found.service_limit} keep the tolerance"
    anyone = f"and anyone at all with a chance of {found.turned_away_chance:.1%}"
    turned = f"if all are made, {found.turned_away_units:.2f} are turned away on average, {anyone}"
    pays = f"Overbooking: up to {found.value_limit} bookings, cancelled ones counted too, pay at the mean fare{service}"
    return f"{pays}; {turned}."


def _prices(found: "PricesJson", prices: list[list["BracketJson"]], capacity: int, currency: str) -> Table:
    """Prices of some periods, at some numbers of units left."""
    left = _spread(capacity, 6)
    table = Table(title=f"Prices by units left [{currency}]", caption=f"The best single price is {found.fixed.price}.")
    for name in ("period", *(f"{units + 1} left" for units in left)):
        table.add_column(name, justify="right", overflow="fold")
    for period in _spread(len(prices), MOST_ROWS):
        table.add_row(str(period + 1), *(_price(prices[period], units + 1) for units in left))
    return table


def _price(brackets: list["BracketJson"], units: int) -> str:
    ends = [bracket.units_from for bracket in brackets[1:]]
    return next((low.price for low, end in zip(brackets, ends, strict=False) if units < end), brackets[-1].price)


def _spread(count: int, most: int) -> list[int]:
    """At most so many of 0..count - 1, evenly, with the first and the last."""
    if count <= most:
        return list(range(count))
    return sorted({round(n * (count - 1) / (most - 1)) for n in range(most)})
