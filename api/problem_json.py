"""Pricing problems and plans as JSON.

Guarantees
----------
* What is not exactly a problem is refused: unknown or repeated keys, NaN, infinity, numbers too large, text for a
  number, negative demand, lists of unequal length, names that do not exist.
* Every finding is reported at once, with its place in the document as the column: `offers[3].demand[2]`.
* A plan's prices are strings; the same plan gives the same bytes.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

import numpy as np
from pydantic import ValidationError

from api.problem_models import (
    MaxChangeJson,
    MinMarginJson,
    MinUnitsJson,
    OfferJson,
    OrderJson,
    PlanJson,
    ProblemJson,
    SamePriceJson,
    UsedJson,
)
from pricing.errors import Finding, InputError
from pricing.model import Ladder
from pricing.money import CURRENCIES
from pricing.plan import Plan
from pricing.problem import (
    Choice,
    MaxChange,
    Measure,
    MinMargin,
    MinUnits,
    Objective,
    Order,
    Problem,
    Risk,
    Rule,
    SamePrice,
    Shared,
)


def read_problem(text: str, *, file: str | None = None) -> Problem:
    """Read a problem.

    Raises
    ------
    InputError
        with every finding.
    """
    raw = _parse(text, file)
    findings = [*_repeated(raw, ""), *_twice(raw)]
    model: ProblemJson | None = None
    try:
        model = ProblemJson.model_validate(raw, context=_context(raw))
    except ValidationError as error:
        findings += [(_place(entry["loc"]), _reason(entry)) for entry in error.errors(include_url=False)]
    if findings or model is None:
        raise InputError([Finding(reason, file=file, column=place) for place, reason in findings])
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
    )
    return json.dumps(model.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def schemas() -> dict[str, Any]:
    """JSON Schemas of a problem and of a plan."""
    return {"problem": ProblemJson.model_json_schema(), "plan": PlanJson.model_json_schema()}


class _Repeats(dict[str, Any]):
    """An object of the document in which a key stood more than once."""

    keys_twice: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeats = _Repeats(found)
    repeats.keys_twice = tuple(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    return repeats


def _parse(text: str, file: str | None) -> dict[str, Any]:
    try:
        raw = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise InputError(Finding("this is nested too deeply to be a problem", file=file)) from None
    except ValueError as error:
        raise InputError(Finding(f"this is not JSON: {error}", file=file)) from None
    if not isinstance(raw, dict):
        raise InputError(Finding("a problem is a JSON object", file=file))
    return raw


def _context(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What amounts and names are checked against, as far as the document says it."""
    currency, offers = raw.get("currency"), raw.get("offers")
    entries = offers if isinstance(offers, list) else []
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    return {
        "currency": currency if isinstance(currency, str) and currency in CURRENCIES else "KWD",  # most decimals
        "offers": dict.fromkeys(name for name in ids if isinstance(name, str)),
    }


def _repeated(value: object, place: str) -> Iterator[tuple[str, str]]:
    """Keys that stand twice, anywhere in the document."""
    if isinstance(value, dict):
        twice = value.keys_twice if isinstance(value, _Repeats) else ()
        yield from ((f"{place}.{name}".lstrip("."), "this key stands more than once") for name in twice)
        for name, inner in value.items():
            yield from _repeated(inner, f"{place}.{name}".lstrip("."))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            if isinstance(inner, dict | list):
                yield from _repeated(inner, f"{place}[{n}]")


def _twice(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Offers and resources whose id was taken before."""
    for group in ("offers", "resources"):
        seen: set[str] = set()
        entries = raw.get(group)
        for n, entry in enumerate(entries if isinstance(entries, list) else []):
            name = entry.get("id") if isinstance(entry, dict) else None
            if isinstance(name, str) and name in seen:
                yield f"{group}[{n}].id", f"{name} appears twice"
            elif isinstance(name, str):
                seen.add(name)


_TAGS = frozenset({"order", "max_change", "same_price", "min_margin", "min_units"})


def _place(location: tuple[int | str, ...]) -> str:
    """`("rules", 0, "order", "lower")` as `rules[0].lower`."""
    parts = [part for n, part in enumerate(location) if not (n == 2 and location[0] == "rules" and part in _TAGS)]
    parts = [part for part in parts if part != "[key]"]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")


def _reason(entry: Mapping[str, Any]) -> str:
    words = {
        "extra_forbidden": "there is no such key",
        "missing": "this is missing",
        "finite_number": "this is not a finite number",
    }
    return words.get(entry["type"], str(entry["msg"]).removeprefix("Value error, "))


def _problem(model: ProblemJson) -> Problem:
    return Problem(
        model.currency,
        Objective(model.objective),
        tuple(_choice(offer) for offer in model.offers),
        tuple(Shared(r.id, float(r.capacity), r.uses, r.spill) for r in model.resources),
        tuple(_rule(rule) for rule in model.rules),
        Risk(Measure(model.risk.measure), model.risk.alpha),
    )


def _choice(offer: OfferJson) -> Choice:
    demand = np.array(offer.rows(), dtype=np.float64)
    return Choice(offer.id, Ladder(tuple(offer.ladder)), demand, offer.unit_cost, offer.current_price)


def _rule(rule: OrderJson | MaxChangeJson | SamePriceJson | MinMarginJson | MinUnitsJson) -> Rule:
    match rule:
        case OrderJson():
            return Order(rule.lower, rule.upper, rule.min_gap)
        case MaxChangeJson():
            return MaxChange(tuple(rule.offers), rule.fraction)
        case SamePriceJson():
            return SamePrice(tuple(rule.offers))
        case MinMarginJson():
            return MinMargin(rule.fraction)
        case MinUnitsJson():
            return MinUnits(tuple(rule.offers), rule.units)
