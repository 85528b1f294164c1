"""Pricing problems and plans as JSON.

Guarantees
----------
* What is not exactly a problem is refused: unknown or repeated keys, NaN, infinity, numbers too large, text for a
  number, negative demand, lists of unequal length, names that do not exist.
* Every finding is reported at once, with its place in the document as the column: `offers[3].demand[2]`.
* An amount is read as written, never through binary fractions; a plan's prices are strings.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from math import ceil
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from pricing.errors import Finding, InputError
from pricing.model import Ladder
from pricing.money import CURRENCIES, check_currency, parse_amount
from pricing.plan import Plan, Status
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


def _around(info: ValidationInfo) -> dict[str, Any]:
    """What `_context` found in the whole document."""
    return info.context or {}


def _amount(value: object, info: ValidationInfo) -> Decimal:
    """An amount of the problem's currency; a JSON number counts as its shortest spelling."""
    written = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else "nothing"
    if written in {"nothing", "nan", "inf", "-inf"}:
        raise ValueError(f'{value} is not an amount: write a string, such as "12.50"')
    text = Decimal(written) if isinstance(value, float) else written
    amount = parse_amount(text, _around(info)["currency"])
    if amount < 0:
        raise ValueError(f"{value} is negative")
    return amount


def _share(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError("a fraction is a number from 0 up, such as 0.2")
    return Decimal(repr(value))


def _known(name: str, info: ValidationInfo) -> str:
    if name not in _around(info)["offers"]:
        raise ValueError(f"there is no offer {name}")
    return name


def _names(value: object, info: ValidationInfo) -> list[str]:
    everything: Iterable[str] = _around(info)["offers"]
    if value == "*":
        return list(everything)
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise ValueError('write a list of offers, or "*" for all')
    if missing := [name for name in value if name not in everything]:
        raise ValueError(f"there is no offer {', '.join(missing)}")
    return value


_PATTERN = r"^[0-9]+(\.[0-9]+)?$"
Amount = Annotated[
    Decimal,
    PlainValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _PATTERN}, {"type": "number", "minimum": 0}]}),
]
Share = Annotated[Decimal, PlainValidator(_share), WithJsonSchema({"type": "number", "minimum": 0})]
Units = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]
Offered = Annotated[str, AfterValidator(_known)]
OfferList = Annotated[list[Offered], Field(min_length=1)]
SomeOrAll = Annotated[
    list[str],
    PlainValidator(_names),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"const": "*"}]}),
]
Currency = Annotated[str, AfterValidator(check_currency)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class OfferJson(_Strict):
    """One offer: its ladder, rising, and the units demanded at each step, known or as draws."""

    id: Name
    ladder: Annotated[list[Amount], Field(min_length=1)]
    demand: list[Units] | None = None
    demand_draws: Annotated[list[list[Units]], Field(min_length=1)] | None = None
    unit_cost: Amount = Decimal(0)
    current_price: Amount | None = None

    @model_validator(mode="after")
    def _shapes(self) -> Self:
        Ladder(tuple(self.ladder))
        if (self.demand is None) == (self.demand_draws is None):
            raise ValueError("give either demand or demand_draws")
        if self.current_price is not None and self.current_price <= 0:
            raise ValueError("the current price is not positive")
        lengths = {len(row) for row in self.rows()}
        if lengths != {len(self.ladder)}:
            raise ValueError(f"demand has {sorted(lengths)} numbers, the ladder {len(self.ladder)} steps")
        return self

    def rows(self) -> list[list[float]]:
        """Demand as draws."""
        return self.demand_draws or [self.demand or []]


class ResourceJson(_Strict):
    """What offers share, how much each takes per unit sold, and the loss per unit beyond the capacity, if allowed."""

    id: Name
    capacity: Units
    uses: dict[Offered, Units]
    spill: Amount | None = None


class OrderJson(_Strict):
    """`upper` costs at least `min_gap` more than `lower`."""

    type: Literal["order"]
    lower: Offered
    upper: Offered
    min_gap: Amount = Decimal(0)

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.lower == self.upper:
            raise ValueError(f"{self.lower} cannot be ordered against itself")
        return self


class MaxChangeJson(_Strict):
    """Prices move at most `fraction` of the current ones."""

    type: Literal["max_change"]
    offers: SomeOrAll
    fraction: Share


class SamePriceJson(_Strict):
    """All these offers cost the same."""

    type: Literal["same_price"]
    offers: OfferList


class MinMarginJson(_Strict):
    """Of each price at least `fraction` is left after the unit cost."""

    type: Literal["min_margin"]
    fraction: Annotated[Share, Field(lt=1), WithJsonSchema({"type": "number", "minimum": 0, "exclusiveMaximum": 1})]


class MinUnitsJson(_Strict):
    """These offers together sell at least `units` in expectation."""

    type: Literal["min_units"]
    offers: OfferList
    units: Units


class RiskJson(_Strict):
    """Maximise the mean over draws, or the mean of the worst share `alpha` of them."""

    measure: Literal["mean", "cvar"] = "mean"
    alpha: Annotated[float, Field(gt=0, le=1)] = 0.2


RuleJson = Annotated[
    OrderJson | MaxChangeJson | SamePriceJson | MinMarginJson | MinUnitsJson, Field(discriminator="type")
]


class ProblemJson(_Strict):
    """Choose one ladder step per offer; amounts in major units of `currency`."""

    currency: Currency
    objective: Literal["revenue", "margin"]
    offers: Annotated[list[OfferJson], Field(min_length=1)]
    resources: list[ResourceJson] = []
    rules: list[RuleJson] = []
    risk: RiskJson = RiskJson()


class UsedJson(_Strict):
    """Expected use of a resource, and what one more unit of it would earn in the linear relaxation."""

    id: str
    used: float
    capacity: float
    shadow_price: Annotated[float, Field(ge=0)]


class PlanJson(_Strict):
    """One price per offer, or an account of why there is none.

    `objective`, `bound` and `gap` are null where there are no prices. `seconds` is the wall time in whole seconds,
    rounded up, so that a problem solved within one gives the same bytes each time.
    """

    status: Status
    objective: float | None
    bound: float | None
    gap: Annotated[float, Field(ge=0)] | None
    seconds: int
    method: str
    currency: Currency
    prices: dict[str, Annotated[str, Field(pattern=_PATTERN)]]
    expected_units: dict[str, float]
    resources: list[UsedJson]
    binding: list[str]
    conflict: list[str]


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
    names = [name for name, _ in pairs]
    repeats = _Repeats(found)
    repeats.keys_twice = tuple(sorted({name for name in names if names.count(name) > 1}))
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
