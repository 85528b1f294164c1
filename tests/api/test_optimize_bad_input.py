"""Bad or odd problems through the command: refused with the reason and its place, or solved."""

import copy
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

main = importlib.import_module("api.cli.main")

DOCUMENT: dict[str, Any] = {
    "currency": "EUR",
    "objective": "revenue",
    "offers": [{"id": name, "ladder": ["10", "12", "14"], "demand": [9, 8, 5]} for name in "abc"],
    "resources": [{"id": "room", "capacity": 30, "uses": {"a": 1, "b": 1, "c": 1}}],
}
CIRCLE = [{"type": "order", "lower": low, "upper": high} for low, high in ("ab", "bc", "ca")]


@pytest.fixture
def optimize(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run the command on a document; the exit code and the plan."""
    monkeypatch.setattr(main, "COMMANDS", ("optimize", "forecast"))

    def call(document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        problem, out = tmp_path / "problem.json", tmp_path / "plan.json"
        problem.write_text(json.dumps(document))
        monkeypatch.setattr("sys.argv", ["fairfare", "optimize", str(problem), "--out", str(out)])
        code: str | int | None = 0
        try:
            main.main()
        except SystemExit as end:
            code = end.code
        return int(code or 0), json.loads(out.read_text()) if out.exists() else {}

    return call


def changed(*, offer: dict[str, Any] | None = None, room: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    """The document with other values for its first offer, its room, or at the top."""
    document = copy.deepcopy(DOCUMENT)
    document["offers"][0].update(offer or {})
    document["resources"][0].update(room or {})
    return document | rest


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (changed(offer={"ladder": [], "demand": []}), "column offers[0].ladder: this is empty"),
        (changed(offer={"ladder": ["10", "10", "14"]}), "column offers[0]: the steps of a ladder rise strictly"),
        (
            changed(offer={"floor": "14", "ceiling": "10"}),
            "column offers[0]: the floor 14.00 is above the ceiling 10.00",
        ),
        (
            changed(offer={"floor": "12.50", "ceiling": "13"}),
            "column offers[0]: no step of the ladder lies between floor 12.50 and ceiling 13.00",
        ),
        (
            changed(rules=[{"type": "order", "lower": "a", "upper": "x"}]),
            "column rules[0].upper: there is no offer x",
        ),
        (
            changed(rules=[{"type": "sell_through", "resource": "hall", "share": 0.5}]),
            "column rules[0].resource: there is no resource hall",
        ),
        (
            changed(rules=[{"type": "ending", "offers": "*", "endings": ["99"]}]),
            "column rules[0]: ending '99' is not written with 2 decimals, such as '.99'",
        ),
        (changed(room={"capacity": -5}), "column resources[0].capacity: this must be at least 0"),
        (changed(room={"capacity": float("nan")}), "column resources[0].capacity: this is not a finite number"),
        (changed(room={"capacity": float("inf")}), "column resources[0].capacity: this is not a finite number"),
        (changed(offer={"demand": [float("nan"), 8, 5]}), "column offers[0].demand[0]: this is not a finite number"),
        (changed(offer={"demand": [float("inf"), 8, 5]}), "column offers[0].demand[0]: this is not a finite number"),
        (
            changed(offer={"fee": {"share": 1e300}}),
            "column offers[0]: a fee of the share 1E+300 is too large for an amount",
        ),
        (
            changed(offer={"fee": {"amount": "99999999999999999999999999.99"}}),
            "column offers[0]: '100000000000000000000000009.99' is too large for an amount",
        ),
        (
            changed(offer={"demand": [1e300, 8, 5]}),
            "offer a: demand is above 9e+15 units, too many to count one by one",
        ),
    ],
)
def test_what_cannot_be_solved_is_refused_with_a_reason(
    optimize: Any, capsys: pytest.CaptureFixture[str], document: dict[str, Any], words: str
) -> None:
    """Exit 2, the place, and nothing written."""
    assert optimize(document) == (2, {})
    assert words in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("document", "prices"),
    [
        (changed(offer={"ladder": ["10"], "demand": [5]}), ["10.00", "12.00", "12.00"]),
        (changed(offer={"demand": [5, 8, 9]}), ["14.00", "12.00", "12.00"]),
        (changed(rules=CIRCLE), ["12.00", "12.00", "12.00"]),
        (changed(room={"capacity": 0, "spill": "20"}), ["14.00", "14.00", "14.00"]),
        (
            changed(offers=[offer | {"demand": [1e12, 9e11, 5e11]} for offer in DOCUMENT["offers"]], resources=[]),
            ["12.00", "12.00", "12.00"],
        ),
        (changed(offer={"demand": [0, 0, 0]}), ["10.00", "12.00", "12.00"]),
        (changed(offer={"demand": [1e-300, 0, 0]}), ["10.00", "12.00", "12.00"]),
    ],
)
def test_what_is_only_odd_is_solved(optimize: Any, document: dict[str, Any], prices: list[str]) -> None:
    """One step, demand that rises with the price, a circle of orders without gaps, no room, too much or no demand."""
    code, plan = optimize(document)
    assert (code, plan["status"]) == (0, "optimal")
    assert list(plan["prices"].values()) == prices


@pytest.mark.parametrize(
    ("document", "conflict", "needed"),
    [
        (changed(room={"capacity": 0}), ["room holds 0 units"], [15.0]),
        (
            changed(rules=[rule | {"min_gap": "1.00"} for rule in CIRCLE]),
            [
                "b costs at least 1.00 EUR more than a",
                "a costs at least 1.00 EUR more than c",
                "c costs at least 1.00 EUR more than b",
            ],
            [-4.0, -4.0, -4.0],
        ),
        (
            changed(offer={"demand": [0, 0, 0]}, rules=[{"type": "min_units", "offers": ["a"], "units": 1}]),
            ["a sells at least 1 units"],
            [0.0],
        ),
    ],
)
def test_what_has_no_answer_is_said_with_what_would_help(
    optimize: Any, document: dict[str, Any], conflict: list[str], needed: list[float]
) -> None:
    """No room at all, a circle of orders with gaps, units from no demand: the fewest rules, and the least change."""
    code, plan = optimize(document)
    assert (code, plan["status"], plan["blame"], plan["prices"]) == (0, "infeasible", "smallest", {})
    assert plan["conflict"] == conflict
    assert [relaxation["changes"][0]["needed"] for relaxation in plan["relaxation"]] == needed
