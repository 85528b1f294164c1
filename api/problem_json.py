"""Pricing problems and plans as JSON.

Guarantees
----------
* What is not exactly a problem is refused: unknown or repeated keys, NaN, infinity, numbers too large, text for a
  number, negative demand, lists of unequal length, names that do not exist.
* Every finding is reported at once, with its place in the document as the column: `offers[3].demand[2]`.
* A plan's prices are strings; the same plan gives the same bytes.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from math import ceil
from typing import Any

import numpy as np

from api.problem_models import LoosenedJson, OfferJson, PlanJson, ProblemJson, RelaxationJson, UsedJson
from api.rule_models import TAGS
from api.strict_json import currency_of, parse, validated
from pricing.errors import Finding, InputError
from pricing.model import Ladder
from pricing.plan import Plan
from pricing.problem import Choice, Measure, Objective, Problem, Risk, Shared, with_fee


def read_problem(text: str, *, file: str | None = None) -> Problem:
    """Read a problem.

    Raises
    ------
    InputError
        with every finding.
    """
    raw = parse(text, file=file)
    model = validated(ProblemJson, raw, file=file, context=_context(raw), groups=("offers", "resources"), tags=TAGS)
    try:
        return _problem(model)
    except InputError as error:
        raise InputError([Finding(found.reason, file=file) for found in error.findings]) from None


def write_plan(plan: Plan, currency: str) -> str:
    """A plan as JSON."""
    report = plan.report
    model = PlanJson(
        status=report.status,
        objective=report.objective,
        bound=report.bound,
        gap=report.gap,
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
    )
    return json.dumps(model.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def schemas() -> dict[str, Any]:
    """JSON Schemas of a problem and of a plan."""
    return {"problem": ProblemJson.model_json_schema(), "plan": PlanJson.model_json_schema()}


def _context(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What amounts and names are checked against, as far as the document says it."""
    return {"currency": currency_of(raw), "offers": _ids(raw.get("offers")), "resources": _ids(raw.get("resources"))}


def _ids(entries: object) -> dict[str, None]:
    found = [entry.get("id") for entry in (entries if isinstance(entries, list) else []) if isinstance(entry, dict)]
    return dict.fromkeys(name for name in found if isinstance(name, str))


def _problem(model: ProblemJson) -> Problem:
    return Problem(
        model.currency,
        Objective(model.objective),
        tuple(_choice(offer, model.currency) for offer in model.offers),
        tuple(Shared(r.id, float(r.capacity), r.uses, r.spill) for r in model.resources),
        tuple(rule.rule() for rule in model.rules),
        Risk(Measure(model.risk.measure), model.risk.alpha),
    )


def _choice(offer: OfferJson, currency: str) -> Choice:
    inside = np.array(offer.inside())
    ladder = Ladder(tuple(price for price, kept in zip(offer.ladder, inside, strict=True) if kept))
    fee = offer.fee
    totals = with_fee(ladder, currency, amount=fee.amount, share=fee.share) if fee else ()
    return Choice(
        offer.id,
        ladder,
        np.array(offer.rows(), dtype=np.float64)[:, inside],
        offer.unit_cost,
        offer.current_price,
        tuple(offer.recent_prices),
        totals,
    )
