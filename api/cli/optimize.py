"""`fairfare optimize`: the best prices of a problem file.

Guarantees
----------
* A problem without an answer is a result: exit 0, status "infeasible", and the rules that cannot hold together.
* The plan is written whole or not at all.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import structlog
import typer
from rich.console import Console
from rich.table import Table

from api.cli.main import app
from api.cli.options import AnswerOut, ProblemFile, TimeLimit, schema_option
from optimization.method import Method
from pricing.plan import Blame, Plan
from pricing.problem import Problem

if TYPE_CHECKING:
    from api.documents.path_json import DatedPath
    from pricing.choice_problem import ChoiceProblem

MOST_ROWS = 200
MOST_LINES = 20


@app.command()
def optimize(
    problem: ProblemFile,
    out: AnswerOut = None,
    time_limit: TimeLimit = 60.0,
    method: Annotated[Method, typer.Option(help="How to solve.")] = Method.AUTO,
    _schema: Annotated[bool, schema_option("api.documents.problem_json")] = False,
) -> None:
    """Choose one price per offer, under shared resources and rules, with proof.

    A problem that no prices can solve is an answer like any other: the command succeeds (exit code 0), and a script
    reads "infeasible" as the status in the JSON.

    Example: fairfare optimize problem.json --out plan.json --time-limit 30
    """
    from api.documents.problem_json import naming, read_any, write_plan
    from api.strict_json import read_text
    from api.tabular import write_whole

    read = read_any(read_text(problem), file=str(problem))
    with Console(stderr=True).status("Choosing prices"), naming(str(problem)):
        asked, plan, path = _solved(read, method, time_limit)
    report = plan.report
    structlog.get_logger().info("optimized", status=report.status, method=report.method, seconds=report.seconds)
    if out is not None:
        write_whole(write_plan(plan, asked.currency, path=path).encode(), out)
    _show(asked, plan, prices=out is None)


def _solved(
    read: "Problem | ChoiceProblem | DatedPath", method: Method, time_limit: float
) -> "tuple[Problem, Plan, Mapping[str, Mapping[str, Decimal]]]":
    """The problem in terms of its plan's offers, the plan, and its prices by offer and period if it has periods."""
    from api.documents.path_json import DatedPath
    from optimization.choice import ChoiceOptimizer
    from optimization.path import best_path, ladder_problem
    from optimization.solve import HighsOptimizer
    from pricing.choice_problem import ChoiceProblem

    match read:
        case ChoiceProblem():
            return read.base, ChoiceOptimizer(method).solve(read, time_limit=time_limit), {}
        case DatedPath(path, now):
            found = best_path(path, now=now, optimizer=HighsOptimizer(method), time_limit=time_limit)
            return ladder_problem(path, now), found.plan, found.prices
    return read, HighsOptimizer(method).solve(read, time_limit=time_limit), {}


def _show(problem: Problem, plan: Plan, *, prices: bool) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if prices and plan.prices:
        console.print(_table(problem, plan))
        if (hidden := len(problem.offers) - MOST_ROWS) > 0:
            console.print(f"and {hidden} more offers; --out writes them all")
    console.print(_summary(problem, plan))
    conflict = "Cannot hold together" + ("" if plan.blame is Blame.SMALLEST else f" ({plan.blame})")
    help_words = [relaxation.words for relaxation in plan.relaxation]
    would_help = "Any one of these would help" if len(help_words) > 1 else "This would help"
    sections = (("In the way", plan.binding), (conflict, plan.conflict), (would_help, help_words))
    for title, lines in sections:
        if lines and (prices or title != "In the way"):
            console.print(f"{title}:")
            for line in _shortened(lines):
                console.print(f"  {line}")


def _shortened(lines: Sequence[str]) -> Sequence[str]:
    """The first and the last lines, among them what is said of resources, where there are many."""
    if len(lines) <= MOST_LINES:
        return lines
    half = MOST_LINES // 2
    return [*lines[:half], f"and {len(lines) - MOST_LINES:,} more; --out writes them all", *lines[-half:]]


def _table(problem: Problem, plan: Plan) -> Table:
    columns = ["now", "price", "total"] if plan.total_prices else ["now", "price"]
    table = Table("offer", *(f"{name} [{problem.currency}]" for name in columns), "units")
    for column in table.columns[1:]:
        column.justify = "right"
    for offer in problem.offers[:MOST_ROWS]:
        now = "" if offer.current_price is None else str(offer.current_price)
        price = plan.prices[offer.id]
        shown = [now, str(price), str(plan.total_prices.get(offer.id, price))][: len(columns)]
        table.add_row(offer.id, *shown, f"{plan.expected_units[offer.id]:.1f}")
    return table


def _summary(problem: Problem, plan: Plan) -> str:
    report = plan.report
    words = [f"{report.status} ({report.method}, {report.seconds:.2f} s)"]
    if report.objective is not None and report.bound is not None and report.gap is not None:
        words.append(f"{problem.objective} {report.objective:.2f} {problem.currency}")
        words.append(f"bound {report.bound:.2f} {problem.currency}")
        words.append(f"gap {report.gap:.1e}")
    if report.reason:
        words.append(report.reason)
    return ", ".join(words)
