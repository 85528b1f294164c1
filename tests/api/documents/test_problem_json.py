"""A problem file is read exactly or refused, with every fault at its place."""

import copy
import json
from decimal import Decimal
from typing import Any

import pytest

from api.documents.problem_json import read_problem, schemas, write_plan
from optimization.solve import HighsOptimizer
from pricing.errors import InputError
from pricing.problem import (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    Measure,
    MinMargin,
    MinUnits,
    MostChanges,
    Objective,
    Order,
    Risk,
    SamePrice,
    SellThrough,
)

DOCUMENT: dict[str, Any] = {
    "currency": "EUR",
    "objective": "margin",
    "offers": [
        {
            "id": "adult",
            "ladder": ["10.00", "12.50", "15"],
            "demand_draws": [[100, 80, 50], [90, 60.5, 40]],
            "unit_cost": "1.10",
            "current_price": "12.50",
            "recent_prices": ["12.00", 11],
            "fee": {"amount": "0.50", "share": 0.05},
        },
        {"id": "child", "ladder": ["5.00", 7.5, 10], "demand": [60, 40, 30], "floor": "5.00", "ceiling": "12.00"},
    ],
    "resources": [
        {"id": "room", "capacity": 115, "uses": {"adult": 1, "child": 1}},
        {"id": "cloak", "capacity": 50, "uses": {"adult": 0.5}, "spill": "0.20"},
    ],
    "rules": [
        {"type": "order", "lower": "child", "upper": "adult", "min_gap": "2.50"},
        {"type": "max_change", "offers": "*", "fraction": 0.2},
        {"type": "same_price", "offers": ["adult", "child"]},
        {"type": "min_margin", "fraction": 0.1},
        {"type": "min_units", "offers": ["child"], "units": 3},
        {"type": "daily_change", "offers": ["adult"], "fraction": 0.5},
        {"type": "ending", "offers": "*", "endings": [".00", "2.50"]},
        {"type": "max_spread", "offers": ["adult", "child"], "amount": "5.00"},
        {"type": "max_spread", "offers": ["adult", "child"], "fraction": 0.3},
        {"type": "most_changes", "offers": "*", "count": 1},
        {"type": "average_margin", "fraction": 0.2},
        {"type": "sell_through", "resource": "room", "share": 0.8},
    ],
    "risk": {"measure": "cvar", "alpha": 0.25},
}


def places(text: str) -> list[str | None]:
    """Where the faults of a document are."""
    with pytest.raises(InputError) as caught:
        read_problem(text, file="p.json")
    assert all(finding.file == "p.json" for finding in caught.value.findings)
    return [finding.column for finding in caught.value.findings]


def changed(path: tuple[str | int, ...], value: object) -> str:
    """The document with another value at one place."""
    document = copy.deepcopy(DOCUMENT)
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(document)


def test_every_part_is_read() -> None:
    """Amounts exactly as written, fractions too; "*" is every offer."""
    case = read_problem(json.dumps(DOCUMENT))
    adult, child = case.offers
    assert (case.currency, case.objective, case.risk) == ("EUR", Objective.MARGIN, Risk(Measure.CVAR, 0.25))
    assert adult.demand.tolist() == [[100, 80, 50], [90, 60.5, 40]]
    assert (adult.unit_cost, adult.current_price) == (Decimal("1.10"), Decimal("12.50"))
    assert [str(price) for price in child.ladder] == ["5.00", "7.50", "10.00"]
    assert (child.unit_cost, child.current_price) == (Decimal(0), None)
    assert case.resources[1].spill == Decimal("0.20")
    assert case.rules == (
        Order("child", "adult", Decimal("2.50")),
        MaxChange(("adult", "child"), Decimal("0.2")),
        SamePrice(("adult", "child")),
        MinMargin(Decimal("0.1")),
        MinUnits(("child",), 3.0),
        DailyChange(("adult",), Decimal("0.5")),
        Ending(("adult", "child"), (".00", "2.50")),
        MaxSpread(("adult", "child"), Decimal("5.00")),
        MaxSpread(("adult", "child"), None, Decimal("0.3")),
        MostChanges(("adult", "child"), 1),
        AverageMargin(("adult", "child"), Decimal("0.2")),
        SellThrough("room", 0.8),
    )


def test_a_fee_is_rounded_to_cents_and_comes_on_top() -> None:
    """12.50 and half a euro and 5 % (62.5 cents, half up) is 13.63; without a fee the total is the price."""
    adult, child = read_problem(json.dumps(DOCUMENT)).offers
    assert adult.totals == (Decimal("11.00"), Decimal("13.63"), Decimal("16.25"))
    assert adult.recent == (Decimal("12.00"), Decimal(11))
    assert not child.totals
    assert child.paid == child.ladder.prices


def test_steps_outside_floor_and_ceiling_are_not_taken() -> None:
    """Neither the price nor its demand is left."""
    document = copy.deepcopy(DOCUMENT)
    document["offers"][0] |= {"floor": "10.50", "ceiling": "14"}
    adult = read_problem(json.dumps(document)).offers[0]
    assert adult.ladder.prices == (Decimal("12.50"),)
    assert adult.demand.tolist() == [[80], [60.5]]
    assert len(adult.totals) == 1


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("extra",), 1, "extra"),
        (("currency",), "AAA", "currency"),
        (("objective",), "profit", "objective"),
        (("offers",), [], "offers"),
        (("offers", 1, "colour"), "red", "offers[1].colour"),
        (("offers", 1, "demand"), [60, 40], "offers[1]"),
        (("offers", 1, "demand", 2), -1, "offers[1].demand[2]"),
        (("offers", 1, "demand", 2), True, "offers[1].demand[2]"),
        (("offers", 1, "demand", 2), "30", "offers[1].demand[2]"),
        (("offers", 1, "demand", 2), None, "offers[1].demand[2]"),
        (("offers", 1, "demand", 2), float("nan"), "offers[1].demand[2]"),
        (("offers", 1, "demand", 2), float("-inf"), "offers[1].demand[2]"),
        (("offers", 1, "demand", 2), 10**400, "offers[1].demand[2]"),
        (("offers", 1, "demand"), None, "offers[1]"),
        (("offers", 0, "demand_draws", 1), [1, 2], "offers[0]"),
        (("offers", 0, "ladder", 1), "12,50", "offers[0].ladder[1]"),
        (("offers", 0, "ladder", 1), "12.505", "offers[0].ladder[1]"),
        (("offers", 0, "ladder", 1), float("nan"), "offers[0].ladder[1]"),
        (("offers", 0, "ladder"), ["12", "10", "15"], "offers[0]"),
        (("offers", 0, "ladder"), ["0", "10", "15"], "offers[0]"),
        (("offers", 0, "unit_cost"), "-1", "offers[0].unit_cost"),
        (("offers", 0, "current_price"), 0, "offers[0]"),
        (("offers", 1, "id"), "adult", "offers[1].id"),
        (("offers", 1, "id"), "\ud800", "offers[1].id"),
        (("resources", 0, "capacity"), -1, "resources[0].capacity"),
        (("resources", 0, "uses", "dog"), 1, "resources[0].uses.dog"),
        (("resources", 1, "id"), "room", "resources[1].id"),
        (("rules", 0, "type"), "ordr", "rules[0]"),
        (("rules", 0, "upper"), "dog", "rules[0].upper"),
        (("rules", 0, "upper"), "child", "rules[0]"),
        (("rules", 0, "min_gap"), "-1", "rules[0].min_gap"),
        (("rules", 1, "fraction"), -0.1, "rules[1].fraction"),
        (("rules", 1, "fraction"), float("inf"), "rules[1].fraction"),
        (("rules", 1, "offers"), "adult", "rules[1].offers"),
        (("rules", 1, "offers"), ["dog"], "rules[1].offers"),
        (("rules", 2, "offers"), [], "rules[2].offers"),
        (("rules", 3, "fraction"), 1, "rules[3].fraction"),
        (("rules", 4, "units"), float("nan"), "rules[4].units"),
        (("offers", 0, "recent_prices", 1), -1, "offers[0].recent_prices[1]"),
        (("offers", 0, "recent_prices", 1), 0, "offers[0]"),
        (("offers", 0, "fee", "share"), -0.1, "offers[0].fee.share"),
        (("offers", 0, "fee", "amount"), "0.505", "offers[0].fee.amount"),
        (("offers", 0, "fee"), "0.50", "offers[0].fee"),
        (("offers", 1, "floor"), "10.01", "offers[1]"),
        (("offers", 1, "ceiling"), "4.99", "offers[1]"),
        (("rules", 4, "offers"), ["child", "child"], "rules[4]"),
        (("rules", 5, "fraction"), "0.5", "rules[5].fraction"),
        (("rules", 6, "endings"), [], "rules[6].endings"),
        (("rules", 6, "endings"), [".9"], "rules[6]"),
        (("rules", 6, "endings", 0), 0.99, "rules[6].endings[0]"),
        (("rules", 7, "amount"), "-5", "rules[7].amount"),
        (("rules", 7, "fraction"), 0.1, "rules[7]"),
        (("rules", 8, "fraction"), None, "rules[8]"),
        (("rules", 9, "count"), -1, "rules[9].count"),
        (("rules", 9, "count"), 1.5, "rules[9].count"),
        (("rules", 10, "fraction"), 1, "rules[10].fraction"),
        (("rules", 10, "offers"), ["dog"], "rules[10].offers"),
        (("rules", 11, "resource"), "hall", "rules[11].resource"),
        (("rules", 11, "share"), 1.1, "rules[11].share"),
        (("risk", "alpha"), 0, "risk.alpha"),
    ],
)
def test_what_is_wrong_is_refused_at_its_place(path: tuple[str | int, ...], value: object, place: str) -> None:
    """Each fault alone."""
    assert place in places(changed(path, value))


def test_every_fault_is_reported_at_once() -> None:
    """Three parts of the document, three findings."""
    document = copy.deepcopy(DOCUMENT)
    document["offers"][0]["demand_draws"][0][1] = -3
    document["rules"][0]["lower"] = "dog"
    document["resources"][0]["capacity"] = "many"
    found = places(json.dumps(document))
    assert found == ["offers[0].demand_draws[0][1]", "resources[0].capacity", "rules[0].lower"]


def test_a_key_that_stands_twice_is_refused() -> None:
    """At any depth, even with the same value."""
    text = json.dumps(DOCUMENT).replace('"capacity": 115', '"capacity": 115, "capacity": 115')
    assert places(text) == ["resources[0].capacity"]


def test_a_number_too_large_is_refused() -> None:
    """1e400 is infinity to a parser that does not look."""
    assert places(json.dumps(DOCUMENT).replace("60.5", "1e400")) == ["offers[0].demand_draws[1][1]"]


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "[" * 100_000, "\ufeff{}", '{"a": ' + "9" * 5_000 + "}", "nul\0"])
def test_what_is_no_problem_at_all_is_refused(text: str) -> None:
    """One finding that says so."""
    assert len(places(text)) == 1


def test_an_amount_is_read_as_written() -> None:
    """0.1 + 0.2 has no place here: 10.10 is ten and a tenth, as text or as a number."""
    ladder = read_problem(changed(("offers", 1, "ladder"), ["10.10", 10.3, 11])).offers[1].ladder
    assert ladder.prices == (Decimal("10.10"), Decimal("10.30"), Decimal(11))


def test_a_plan_is_written_with_every_key() -> None:
    """Prices are strings; the time is whole seconds."""
    case = read_problem(changed(("rules",), []))
    written = json.loads(write_plan(HighsOptimizer().solve(case, time_limit=9), "EUR"))
    assert written["status"] == "optimal"
    assert set(written["prices"].values()) <= {"5.00", "7.50", "10.00", "12.50", "15.00"}
    assert written["seconds"] == 1
    assert written["conflict"] == []
    assert (written["blame"], written["relaxation"]) == (None, [])
    assert set(written["total_prices"]) == {"adult"}
    assert [entry["id"] for entry in written["resources"]] == ["room", "cloak"]


def test_the_schemas_describe_both_documents() -> None:
    """Unknown keys are closed out; what a plan holds is what is written."""
    problem, plan = schemas()["problem"], schemas()["plan"]
    assert problem["additionalProperties"] is False
    assert set(problem["properties"]) == set(DOCUMENT)
    assert {"status", "objective", "bound", "gap", "seconds", "prices", "expected_units"} <= set(plan["required"])
