"""Protection problems as JSON: read, worked out, and answered.

Guarantees
----------
* What is not exactly a problem is refused, every finding at once with its place: `classes[1].fare`.
* Without overbooking everyone comes, and no limit exceeds the capacity.
* The same problem gives the same bytes.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from api.documents.protect_models import (
    ARRIVALS,
    AnswerJson,
    BookingsJson,
    BracketJson,
    ClosedFormJson,
    ControlJson,
    DynamicJson,
    OverbookingJson,
    PartitionJson,
    PricesJson,
    ProtectionJson,
    ProtectJson,
    SinglePriceJson,
)
from api.strict_json import currency_of, parse, validated
from optimization.dynamic import NOTHING, Season, Worth, worth
from optimization.exponential import Dwindling
from optimization.overbooking import (
    Shows,
    controls,
    effective_capacity,
    for_certain,
    service_limit,
    value_limit,
)
from optimization.single_leg import FareClasses, hindsight, partitioned
from pricing.errors import Finding, InputError
from pricing.money import as_floats, minor_digits

ENOUGH = 0.01
"""Gain of changing prices below which one price is called enough [share]."""


@dataclass(frozen=True, slots=True)
class Protect:
    """A problem: the document as it was read, and what it says."""

    document: ProtectJson
    classes: FareClasses | None
    shows: Shows | None
    season: Season | None


def read_protect(text: str, *, file: str | None = None) -> Protect:
    """Read a problem.

    Raises
    ------
    InputError
        with every finding.
    """
    raw = parse(text, file=file)
    context = {"currency": currency_of(raw)}
    model = validated(ProtectJson, raw, file=file, context=context, groups=("classes",), tags=ARRIVALS)
    findings: list[Finding] = []
    classes = _made(lambda: _classes(model), "", findings)
    shows = _made(lambda: _shows(model.overbooking), "overbooking.", findings)
    season = _made(lambda: _season(model), "dynamic.", findings)
    if classes is not None and shows is not None:
        dearest, comes = float(classes.fare[0]), shows
        _made(lambda: value_limit(dearest, comes, model.capacity), "overbooking.", findings)
    if findings:
        raise InputError([Finding(found.reason, file=file, column=found.column) for found in findings])
    return Protect(model, classes, shows, season)


_PLACES = {"overbooking.show_up": "overbooking"}
"""What is made of several keys of the document stands at what holds them."""

MadeT = TypeVar("MadeT")


def _made(make: Callable[[], MadeT], place: str, findings: list[Finding]) -> MadeT | None:
    """What `make` makes; where it refuses, its findings are added, with their place in the document."""
    try:
        return make()
    except InputError as error:
        columns = ((found.reason, f"{place}{found.column}") for found in error.findings)
        findings += [Finding(reason, column=_PLACES.get(column, column)) for reason, column in columns]
        return None


def _classes(model: ProtectJson) -> FareClasses | None:
    if model.classes is None:
        return None
    mean, sd = (np.array([getattr(entry, name) for entry in model.classes]) for name in ("mean", "sd"))
    return FareClasses(as_floats(entry.fare for entry in model.classes), mean, sd)


def _shows(model: OverbookingJson | None) -> Shows | None:
    if model is None:
        return None
    show_up = (1 - model.cancellation) * (1 - model.no_show)
    return Shows(show_up, float(model.denied_cost), model.cancellation * model.refund)


def _season(model: ProtectJson) -> Season | None:
    if model.dynamic is None:
        return None
    ladder = as_floats(model.dynamic.ladder)
    arrivals = np.broadcast_to(np.array(model.dynamic.arrivals), (model.dynamic.count(),))
    return Season(ladder, arrivals[None, :, None] * _chances(model.dynamic, ladder), model.capacity)


def _chances(model: DynamicJson, ladder: np.ndarray) -> np.ndarray:
    """Chance of buying, (draws, periods or 1, prices)."""
    if model.exponential is not None:
        return np.exp(-np.array(model.exponential.draws())[:, None, None] * ladder)
    rows = np.array(model.rows())
    return rows[None] if model.probability_by_period is not None else rows[:, None]


def answer(problem: Protect) -> AnswerJson:
    """Work out all that was asked for."""
    document, shows, model = problem.document, problem.shows, problem.document.dynamic
    return AnswerJson(
        currency=document.currency,
        capacity=document.capacity,
        protection=None if problem.classes is None else _protection(problem, problem.classes),
        overbooking=None if problem.classes is None or shows is None else _bookings(problem, problem.classes, shows),
        dynamic=None if model is None or problem.season is None else _prices(problem, model, problem.season),
    )


def write_answer(found: AnswerJson) -> str:
    """An answer as JSON."""
    return json.dumps(found.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def schemas() -> dict[str, Any]:
    """JSON Schemas of a problem and of an answer."""
    return {"problem": ProtectJson.model_json_schema(), "answer": AnswerJson.model_json_schema()}


def _protection(problem: Protect, classes: FareClasses) -> ProtectionJson:
    document, certain = problem.document, problem.shows is None
    shows = problem.shows or for_certain(classes)
    rules = controls(classes, shows, document.capacity, _service(problem))
    units, revenue = partitioned(classes, document.capacity)
    return ProtectionJson(
        classes=[entry.id for entry in document.classes or []],
        controls=[
            ControlJson(rule=rule, levels=found.levels.tolist(), limits=found.limits.tolist(), revenue=found.revenue)
            for rule, found in rules.items()
        ],
        partitioned=PartitionJson(units=units.tolist(), revenue=revenue) if certain else None,
        hindsight=hindsight(classes, document.capacity) if certain else None,
    )


def _service(problem: Protect) -> int | None:
    """The limit that the tolerance sets, if there is one."""
    model = problem.document.overbooking
    if problem.shows is None or model is None or model.tolerance is None:
        return None
    return service_limit(problem.shows, problem.document.capacity, model.tolerance)


def _bookings(problem: Protect, classes: FareClasses, shows: Shows) -> BookingsJson:
    capacity, service = problem.document.capacity, _service(problem)
    value = effective_capacity(classes, shows, capacity)
    most = value if service is None else min(value, service)
    return BookingsJson(
        show_up=shows.show_up,
        value_limit=value,
        service_limit=service,
        turned_away_chance=shows.turned_away(most, capacity),
        turned_away_units=float(shows.denied(most, capacity)[-1]),
    )


def _prices(problem: Protect, model: DynamicJson, season: Season) -> PricesJson:
    found, names = worth(season), [str(price) for price in model.ladder]
    single, loses = names[found.fixed_step], None
    if found.dynamic is not None and found.dynamic.size > 1:
        loses = float(np.mean(found.dynamic < found.fixed * (1 - 1e-12)))
    return PricesJson(
        words=_words(found, single, problem.document.currency),
        fixed=SinglePriceJson(price=single, revenue=float(found.fixed.mean())),
        revenue=None if found.dynamic is None else float(found.dynamic.mean()),
        gain=found.gain,
        most_gain=found.most_gain,
        loss_probability=loses,
        closed_form=_closed_form(model, season),
        prices=None if found.rule is None else [_brackets(row, names) for row in found.rule.step],
    )


def _closed_form(model: DynamicJson, season: Season) -> ClosedFormJson | None:
    if model.exponential is None or model.exponential.a is None:
        return None
    buyers = float(np.broadcast_to(np.array(model.arrivals), (model.count(),)).sum())
    case = Dwindling(season.stock, buyers / np.e, model.exponential.a)  # at the price 1/a one in e buys
    return ClosedFormJson(price_now=float(case.price()[-1]), revenue=float(case.value()[-1]))


def _brackets(steps: np.ndarray, names: list[str]) -> list[BracketJson]:
    """Prices of one period, each with the fewest units left that it is for."""
    starts = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist()]
    return [BracketJson(units_from=first + 1, price=names[steps[first]]) for first in starts]


def _words(found: Worth, price: str, currency: str) -> str:
    """Whether one price is enough."""
    revenue = float(found.fixed.mean())
    if revenue <= NOTHING:
        return "Nobody is expected to buy at any of these prices."
    single = f"{price} {currency} throughout earns {revenue:.{minor_digits(currency)}f} {currency} in expectation"
    if found.gain is None:
        most = f"no way of changing it earns more than {found.most_gain:.1%} more"
        return f"The season is too large to work out a price for every period and stock. One price, {single}; {most}."
    if found.gain < ENOUGH:
        change = f"{abs(found.gain):.1%} {'less' if found.gain <= -0.0005 else 'more'}"
        return f"One price is enough: {single}; changing it with stock and time earns {change}."
    return f"Changing the price with stock and time earns {found.gain:.1%} more than the best single one: {single}."
