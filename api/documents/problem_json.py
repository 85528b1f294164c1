"""Pricing problems and plans as JSON.

Guarantees
----------
* What is not exactly a problem is refused: unknown or repeated keys, NaN, infinity, numbers too large, text for a
  number, negative demand, lists of unequal length, names that do not exist.
* Every finding is reported at once, with its place in the document as the column: `offers[3].demand[2]`.
* A plan's prices are strings; the same plan gives the same bytes.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from decimal import Decimal
from math import ceil
from typing import Any, TypeVar

import numpy as np

from api.documents.choice_json import ChoiceProblemJson, choice_problem
from api.documents.path_json import DatedPath, PathProblemJson, dated_path
from api.documents.problem_models import LoosenedJson, PlanJson, ProblemJson, RelaxationJson, UsedJson
from api.documents.rule_models import TAGS
from api.strict_json import Strict, currency_of, parse, validated
from pricing.choice_problem import ChoiceProblem
from pricing.errors import InputError
from pricing.plan import Plan
from pricing.problem import Objective, Problem

ModelT = TypeVar("ModelT", bound=Strict)
ReadT = TypeVar("ReadT")


def read_problem(text: str, *, file: str | None = None) -> Problem:
    """Read a problem.

    Raises
    ------
    InputError
        with every finding.
    """
    raw = parse(text, file=file)
    return _read(ProblemJson, raw, _problem, file)


def read_any(text: str, *, file: str | None = None) -> Problem | ChoiceProblem | DatedPath:
    """Read a problem of any kind: with `choice` buyers choose among the offers, with `path` there are periods.

    Raises
    ------
    InputError
        with every finding.
    """
    raw = parse(text, file=file)
    if "choice" in raw:
        return _read(ChoiceProblemJson, raw, choice_problem, file)
    if "path" in raw:
        return _read(PathProblemJson, raw, dated_path, file)
    return _read(ProblemJson, raw, _problem, file)


def _read(kind: type[ModelT], raw: dict[str, Any], build: Callable[[ModelT], ReadT], file: str | None) -> ReadT:
    model = validated(kind, raw, file=file, context=_context(raw), groups=("offers", "resources"), tags=TAGS)
    with naming(file):
        return build(model)


@contextmanager
def naming(file: str | None) -> Iterator[None]:
    """Let the findings about a problem name its file."""
    try:
        yield
    except InputError as error:
        raise InputError([replace(found, file=file) for found in error.findings]) from None


def write_plan(plan: Plan, currency: str, *, path: Mapping[str, Mapping[str, Decimal]] | None = None) -> str:
    """A plan as JSON; `path` are its prices by offer and period, if it has periods."""
    report = plan.report
    model = PlanJson(
        status=report.status,
        objective=report.objective,
        bound=report.bound,
        gap=report.gap,
        reason=report.reason,
        seconds=ceil(report.seconds),
        method=report.method,
        currency=currency,
        prices={offer: str(price) for offer, price in plan.prices.items()},
        expected_units=dict(plan.expected_units),
        resources=[
            UsedJson(id=r.id, used=r.used, capacity=r.capacity, shadow_price=r.shadow_price) for r in plan.resources
        ],
        binding=list(plan.binding),
        conflict=list(plan.conflict),
        total_prices={offer: str(price) for offer, price in plan.total_prices.items()},
        blame=plan.blame,
        relaxation=[
            RelaxationJson(words=r.words, changes=[LoosenedJson(**asdict(change)) for change in r.changes])
            for r in plan.relaxation
        ],
        path={offer: {period: str(p) for period, p in prices.items()} for offer, prices in (path or {}).items()},
    )
    return json.dumps(model.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def schemas() -> dict[str, Any]:
    """JSON Schemas of a problem of each kind, and of a plan."""
    return {
        "problem": ProblemJson.model_json_schema(),
        "choice_problem": ChoiceProblemJson.model_json_schema(),
        "path_problem": PathProblemJson.model_json_schema(),
        "plan": PlanJson.model_json_schema(),
    }


def _context(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What amounts and names are checked against, as far as the document says it."""
    path = raw.get("path")
    return {
        "currency": currency_of(raw),
        "offers": _ids(raw.get("offers")),
        "resources": _ids(raw.get("resources")),
        "periods": _ids(path.get("periods")) if isinstance(path, dict) else {},
    }


def _ids(entries: object) -> dict[str, None]:
    found = [entry.get("id") for entry in (entries if isinstance(entries, list) else []) if isinstance(entry, dict)]
    return dict.fromkeys(name for name in found if isinstance(name, str))


def _problem(model: ProblemJson) -> Problem:
    return Problem(
        model.currency,
        Objective(model.objective),
        tuple(offer.choice(model.currency, np.array(offer.rows(), dtype=np.float64)) for offer in model.offers),
        tuple(resource.shared() for resource in model.resources),
        tuple(rule.rule() for rule in model.rules),
        model.risk.risk(),
    )
