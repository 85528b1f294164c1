"""`fairfare network`: what to sell on a network of resources, and what a unit of each resource is worth.

Guarantees
----------
* The answer is written whole or not at all.
* A solve that is not proven prints and writes its status, and nothing to act on.
"""

from typing import TYPE_CHECKING, Annotated

import structlog
from rich.console import Console
from rich.table import Table

from api.cli.main import app
from api.cli.options import AnswerOut, ProblemFile, TimeLimit, schema_option
from pricing.money import minor_digits
from pricing.plan import Report

if TYPE_CHECKING:
    from api.documents.network_json import NetworkFile
    from optimization.network import Allocation, Offering
    from optimization.network.values import Vector

MOST_ROWS = 200


@app.command()
def network(
    file: ProblemFile,
    out: AnswerOut = None,
    time_limit: TimeLimit = 60.0,
    _schema: Annotated[bool, schema_option("api.documents.network_models")] = False,
) -> None:
    """Say how much of each product to sell, or which sets to offer where buyers choose, and each resource's bid price.

    Accept a request if its fare is at least the sum of the bid prices of what it uses.

    Example: fairfare network legs.json --out answer.json
    """
    from api.documents.network_json import read_network, write_answer
    from api.strict_json import read_text
    from api.tabular import write_whole
    from optimization.network import IndependentDemand, allocate, best_offering

    read = read_network(read_text(file), file=str(file))
    answer: Allocation | Offering
    with Console(stderr=True).status(f"Solving a network of {len(read.problem.network.products)} products"):
        if isinstance(read.problem, IndependentDemand):
            answer = allocate(read.problem, time_limit=time_limit)
        else:
            answer = best_offering(read.problem, time_limit=time_limit)
    report = answer.report
    structlog.get_logger().info("network solved", status=report.status, method=report.method, seconds=report.seconds)
    if out is not None:
        write_whole(write_answer(read, answer).encode(), out)
    _show(read, answer, tables=out is None)


def _show(read: "NetworkFile", answer: "Allocation | Offering", *, tables: bool) -> None:
    from optimization.network import Offering

    console = Console(highlight=False, markup=False, soft_wrap=True)
    if tables and answer.units is not None and answer.bid_prices is not None:
        if isinstance(answer, Offering):
            _print(console, _sets(answer), len(answer.offered or ()), "sets")
        _print(console, _products(read, answer.units, answer.bid_prices), len(answer.units), "products")
        _print(console, _resources(read, answer.units, answer.bid_prices), len(answer.bid_prices), "resources")
    console.print(_summary(answer.report, read.currency))


def _print(console: Console, table: Table, rows: int, kind: str) -> None:
    for column in table.columns[1:]:
        column.justify = "right"
    console.print(table)
    if (hidden := rows - MOST_ROWS) > 0:
        console.print(f"and {hidden} more {kind}; --out writes them all")


def _sets(answer: "Offering") -> Table:
    table = Table("offer together", "periods")
    for offered in (answer.offered or ())[:MOST_ROWS]:
        table.add_row(", ".join(offered.products) or "nothing", f"{offered.periods:.2f}")
    return table


def _products(read: "NetworkFile", units: "Vector", bid_prices: "Vector") -> Table:
    network = read.problem.network
    table = Table("product", f"fare [{read.currency}]", f"its resources are worth [{read.currency}]", "sell")
    worth, digits = network.uses.T @ bid_prices, minor_digits(read.currency)
    for j, name in enumerate(network.products[:MOST_ROWS]):
        money = (f"{amount:.{digits}f}" for amount in (network.fare[j], worth[j]))
        table.add_row(name, *money, f"{units[j]:.2f}")
    return table


def _resources(read: "NetworkFile", units: "Vector", bid_prices: "Vector") -> Table:
    network = read.problem.network
    table = Table("resource", "capacity", "used", f"bid price [{read.currency}]")
    used, digits = network.uses @ units, minor_digits(read.currency)
    for r, name in enumerate(network.resources[:MOST_ROWS]):
        table.add_row(name, f"{network.capacity[r]:g}", f"{used[r]:.2f}", f"{bid_prices[r]:.{digits}f}")
    return table


def _summary(report: Report, currency: str) -> str:
    words, digits = [f"{report.status} ({report.method}, {report.seconds:.2f} s)"], minor_digits(currency)
    if report.objective is not None and report.gap is not None:
        words += [f"revenue {report.objective:.{digits}f} {currency}", f"gap {report.gap:.1e}"]
    if report.bound is not None:
        words.append(f"bound {report.bound:.{digits}f} {currency}")
    return ", ".join(words)
