"""A file in which buyers choose is read exactly or refused, and priced by the command."""

import copy
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from api.documents.problem_json import read_any, schemas
from optimization.choice import ChoiceOptimizer
from pricing.choice_problem import ChoiceProblem
from pricing.errors import InputError
from pricing.plan import Status
from pricing.problem import Order
from tests.real_data import ROOT

main = importlib.import_module("api.cli.main")

DOCUMENT: dict[str, Any] = {
    "currency": "EUR",
    "objective": "margin",
    "offers": [
        {"id": "stalls", "ladder": ["40.00", "50.00", "60.00", "70.00"], "unit_cost": "5.00", "ceiling": "65.00"},
        {"id": "circle", "ladder": ["25.00", "30.00", "35.00", "40.00"], "unit_cost": "5.00"},
        {"id": "balcony", "ladder": ["15.00", "20.00", "25.00"], "unit_cost": "5.00", "current_price": "20.00"},
    ],
    "choice": {
        "segments": [
            {
                "id": "fans",
                "buyers": 300,
                "utility": {"stalls": 4.0, "circle": 2.5, "balcony": 1.5},
                "sensitivity": 0.05,
            },
            {
                "id": "tourists",
                "buyers": 150,
                "outside": 1.0,
                "utility": {"stalls": 3, "circle": 3.0, "balcony": 2.5},
                "sensitivity": {"stalls": 0.06, "circle": 0.08, "balcony": 0.1},
            },
        ],
        "nests": {"seated": {"offers": ["stalls", "circle"], "gamma": 0.7}},
    },
    "resources": [{"id": "hall", "capacity": 320, "uses": {"stalls": 1, "circle": 1, "balcony": 1}}],
    "rules": [{"type": "order", "lower": "circle", "upper": "stalls", "min_gap": "10.00"}],
}


def changed(place: tuple[Any, ...], value: object) -> str:
    """The document with one value changed."""
    document = copy.deepcopy(DOCUMENT)
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return json.dumps(document)


def test_every_key_is_read() -> None:
    """Segments, utilities, sensitivities, nests, bounds and rules arrive as they stand."""
    case = read_any(json.dumps(DOCUMENT))
    assert isinstance(case, ChoiceProblem)
    demand = case.demand
    assert [len(ladder) for ladder in demand.ladders] == [3, 4, 3]
    assert demand.segments == ("fans", "tourists")
    assert demand.buyers.tolist() == [[300.0, 150.0]]
    assert demand.utility.tolist() == [[[4.0, 2.5, 1.5], [3.0, 3.0, 2.5]]]
    assert demand.sensitivity.tolist() == [[[0.05, 0.05, 0.05], [0.06, 0.08, 0.1]]]
    assert demand.outside.tolist() == [[0.0, 1.0]]
    assert demand.nests[0] == demand.nests[1] != demand.nests[2]
    assert demand.gamma.tolist() == [[0.7, 1.0]]
    assert [type(rule) for rule in case.base.rules] == [Order]


@pytest.mark.parametrize(
    ("place", "value", "where", "reason"),
    [
        (("choice", "segments"), [], "choice.segments", "this is empty"),
        (("choice", "segments", 0, "utility"), {"stalls": 1.0}, "choice.segments[0].utility", "circle, balcony"),
        (("choice", "segments", 0, "sensitivity"), 0, "choice.segments[0].sensitivity", "must be above 0"),
        (("choice", "segments", 1, "sensitivity"), {"stalls": 1}, "choice.segments[1].sensitivity", "circle, balcony"),
        (("choice", "segments", 1, "id"), "fans", "choice", "a segment appears twice"),
        (("choice", "segments", 0, "buyers"), -1, "choice.segments[0].buyers", "must be at least 0"),
        (("choice", "segments", 0, "outside"), float("nan"), "choice.segments[0].outside", "finite"),
        (("choice", "nests", "seated", "gamma"), 1.5, "choice.nests.seated.gamma", "must be at most 1"),
        (("choice", "nests", "seated", "offers"), ["box"], "choice.nests.seated.offers[0]", "there is no offer box"),
        (("choice", "nests", "b"), {"offers": ["circle"], "gamma": 1}, "choice", "circle is in more than one nest"),
        (("offers", 0, "demand"), [1, 2, 3, 4], "offers[0].demand", "there is no such key"),
        (("risk",), {"measure": "cvar"}, "risk", "there is no such key"),
        (("path",), {}, "path", "there is no such key"),
    ],
)
def test_what_is_not_a_choice_problem_is_refused(
    place: tuple[Any, ...], value: object, where: str, reason: str
) -> None:
    """Each fault at its place in the document."""
    with pytest.raises(InputError) as caught:
        read_any(changed(place, value), file="p.json")
    found = caught.value.findings
    assert any((entry.column or "").startswith(where) and reason in entry.reason for entry in found), found


def test_the_command_prices_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enumeration and program write the same prices, in order, inside the hall; other methods are refused."""
    monkeypatch.setattr(main, "COMMANDS", ("optimize",))
    problem, written = tmp_path / "p.json", []
    problem.write_text(json.dumps(DOCUMENT))
    for method, code in (("auto", 0), ("exhaustive", 0), ("milp", 0), ("lagrangian", 2)):
        out = tmp_path / f"{method}.json"
        monkeypatch.setattr("sys.argv", ["fairfare", "optimize", str(problem), "--out", str(out), "--method", method])
        with pytest.raises(SystemExit) as end:
            main.main()
        assert (end.value.code or 0) == code
        if code == 0:
            written.append(json.loads(out.read_text()))
    assert [plan["status"] for plan in written] == ["optimal"] * 3
    assert written[0]["prices"] == written[1]["prices"] == written[2]["prices"]
    assert written[0]["objective"] == pytest.approx(written[2]["objective"])
    assert sum(written[0]["expected_units"].values()) <= 320 * (1 + 1e-6)
    assert float(written[0]["prices"]["stalls"]) >= float(written[0]["prices"]["circle"]) + 10


def test_the_example_of_the_page_has_an_answer() -> None:
    """What the documentation shows is read and priced."""
    page = (ROOT / "docs" / "optimization" / "choice.md").read_text(encoding="utf-8")
    case = read_any(page.split("```json")[1].split("```")[0])
    assert isinstance(case, ChoiceProblem)
    assert ChoiceOptimizer().solve(case, time_limit=30).report.status is Status.OPTIMAL


def test_the_schema_closes_out_unknown_keys() -> None:
    """What is documented is what is read."""
    schema = schemas()["choice_problem"]
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(DOCUMENT)


def test_of_one_number_or_one_each_only_what_was_meant_is_found_wrong() -> None:
    """A sensitivity that is out of bounds is one finding, at its place, in words."""
    for value, place in ((-0.05, ""), ({"stalls": -1}, ".stalls")):
        with pytest.raises(InputError) as caught:
            read_any(changed(("choice", "segments", 0, "sensitivity"), value), file="p.json")
        found = [(entry.column, entry.reason) for entry in caught.value.findings]
        assert found == [(f"choice.segments[0].sensitivity{place}", "this must be above 0")]
