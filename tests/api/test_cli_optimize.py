"""`fairfare optimize` reads a file, writes a file, and exits as it promises."""

import copy
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from optimization.method import Method
from tests.api.documents.test_problem_json import DOCUMENT

main = importlib.import_module("api.cli.main")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call the command as the shell would; returns the exit code."""
    monkeypatch.setattr(main, "COMMANDS", ("optimize", "forecast"))

    def call(*words: object) -> int:
        monkeypatch.setattr("sys.argv", ["fairfare", "optimize", *map(str, words)])
        try:
            main.main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return call


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    """A problem that has an answer."""
    document = copy.deepcopy(DOCUMENT)
    document["rules"] = document["rules"][:1]
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("method", list(Method))
def test_the_same_file_twice_gives_the_same_bytes(run: Any, problem: Path, tmp_path: Path, method: Method) -> None:
    """Whatever the method; and every method finds the same objective."""
    outs = [tmp_path / "one.json", tmp_path / "two.json"]
    for out in outs:
        assert run(problem, "--out", out, "--method", method) == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    plan = json.loads(outs[0].read_text())
    assert plan["status"] == "optimal"
    assert plan["prices"] == {"adult": "12.50", "child": "7.50"}


def test_without_out_a_table_is_printed(run: Any, problem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Offer, price now, price, units; status, objective, bound and gap."""
    assert run(problem) == 0
    shown = capsys.readouterr().out
    for words in ("adult", "12.50", "70.2", "optimal", "margin", "bound", "gap"):
        assert words in shown


def test_an_infeasible_problem_is_a_result(run: Any, problem: Path, tmp_path: Path) -> None:
    """Exit 0, no prices, and what cannot hold together."""
    document = json.loads(problem.read_text())
    document["rules"] = [{"type": "min_units", "offers": ["adult", "child"], "units": 140}]
    problem.write_text(json.dumps(document))
    out = tmp_path / "plan.json"
    assert run(problem, "--out", out) == 0
    plan = json.loads(out.read_text())
    assert plan["status"] == "infeasible"
    assert plan["prices"] == {}
    assert plan["objective"] is None
    assert plan["conflict"] == ["adult and child together sell at least 140 units", "room holds 115 units"]


def test_bad_input_lists_every_fault_and_writes_nothing(
    run: Any, problem: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, each fault with file and place."""
    document = json.loads(problem.read_text())
    document["offers"][1]["demand"][0] = float("nan")
    document["rules"][0]["lower"] = "dog"
    problem.write_text(json.dumps(document))
    out = tmp_path / "plan.json"
    assert run(problem, "--out", out) == 2
    shown = capsys.readouterr().err
    assert f"{problem}, column offers[1].demand[0]: this is not a finite number" in shown
    assert f"{problem}, column rules[0].lower: there is no offer dog" in shown
    assert not out.exists()


def test_of_many_lines_the_first_and_the_last_are_shown(
    run: Any, problem: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is in the way takes no more than a screen, and what is said of resources is not what is left out."""
    offers = [
        {"id": f"o{n}", "ladder": ["10", "12"], "demand": [5, 5], "current_price": "10", "unit_cost": "0"}
        for n in range(50)
    ]
    rules = [{"type": "max_change", "offers": "*", "fraction": 0.1}]
    room = {"id": "room", "capacity": 250, "uses": {offer["id"]: 1 for offer in offers}}
    document = {"currency": "EUR", "objective": "revenue", "offers": offers, "rules": rules, "resources": [room]}
    problem.write_text(json.dumps(document))
    assert run(problem) == 0
    lines = capsys.readouterr().out.partition("In the way:\n")[2].splitlines()
    assert len(lines) == 21
    assert lines[10] == "  and 31 more; --out writes them all"
    assert lines[-1].startswith("  room: 250.0 of 250 are used")


@pytest.mark.parametrize(
    "words",
    [["--time-limit", "0"], ["--time-limit", "nan"], ["--method", "magic"], ["--out", "plan.csv"], ["--colour", "red"]],
)
def test_unusable_arguments_exit_2(run: Any, problem: Path, words: list[str]) -> None:
    """A limit is a positive number, a method a known one, a plan a .json file."""
    assert run(problem, *words) == 2


def test_a_missing_file_and_one_that_is_no_text_exit_2(run: Any, tmp_path: Path) -> None:
    """Nothing is guessed."""
    assert run(tmp_path / "nowhere.json") == 2
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00{")
    assert run(binary) == 2


def test_the_schemas_are_printed_without_a_problem(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """As one JSON document."""
    assert run("--schema") == 0
    assert set(json.loads(capsys.readouterr().out)) == {"problem", "choice_problem", "path_problem", "plan"}
