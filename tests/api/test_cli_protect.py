"""`fairfare protect` reads a file, writes a file, and exits as it promises."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.documents.test_protect_json import DOCUMENT, without
from tests.real_data import ROOT

main = importlib.import_module("api.cli.main")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call the command as the shell would; returns the exit code."""
    monkeypatch.setattr(main, "COMMANDS", ("optimize", "protect"))
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words: object) -> int:
        monkeypatch.setattr("sys.argv", ["fairfare", "protect", *map(str, words)])
        try:
            main.main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return call


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    """A problem with classes, overbooking and a season."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(DOCUMENT))
    return path


def test_the_same_file_twice_gives_the_same_bytes(run: Any, problem: Path, tmp_path: Path) -> None:
    """With the parts that were asked for."""
    outs = [tmp_path / "one.json", tmp_path / "two.json"]
    for out in outs:
        assert run(problem, "--out", out) == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    found = json.loads(outs[0].read_text())
    assert found["protection"]["classes"] == ["Y", "B", "M", "Q"]
    assert len(found["dynamic"]["prices"]) == 30


def test_without_out_tables_are_printed(run: Any, problem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Limits with what they earn, levels, prices by units left; and what it comes to, in words."""
    assert run(problem) == 0
    shown = capsys.readouterr().out
    for words in (
        "Booking limits",
        "Protection levels",
        "53.27",
        "optimal",
        "119 left",
        "pay at the mean fare",
        "changing it",
    ):
        assert words in shown


def test_what_partitions_and_hindsight_earn_is_printed(
    run: Any, problem: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where units are not overbooked."""
    problem.write_text(json.dumps(without("overbooking", "dynamic")))
    assert run(problem) == 0
    shown = capsys.readouterr().out
    assert "each class alone, units earn 85952.55 USD" in shown
    assert "knew demand beforehand would earn 95401.22 USD" in shown


def test_money_has_the_decimals_of_its_currency(run: Any, problem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No yen is halved."""
    yen = [{**entry, "fare": round(float(entry["fare"]))} for entry in DOCUMENT["classes"]]
    curve = {"ladder": [300, 500], "periods": 3, "arrivals": 8, "probability": [0.3, 0.2]}
    problem.write_text(json.dumps({"currency": "JPY", "capacity": 119, "classes": yen, "dynamic": curve}))
    assert run(problem) == 0
    shown = capsys.readouterr().out
    assert "units earn 85953 JPY; who knew demand beforehand would earn 95401 JPY." in shown
    assert "89458" in shown
    assert "500 JPY throughout earns 2400 JPY" in shown


def test_with_out_only_the_words_are_printed(
    run: Any, problem: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tables are in the file."""
    assert run(problem, "--out", tmp_path / "out.json") == 0
    shown = capsys.readouterr().out
    assert "pay at the mean fare" in shown
    assert "Booking limits" not in shown


@pytest.mark.parametrize("columns", ["40", "80", "300"])
def test_no_number_is_cut(run: Any, problem: Path, monkeypatch: Any, capsys: Any, columns: str) -> None:
    """However narrow the terminal, it is wrapped."""
    monkeypatch.setenv("COLUMNS", columns)
    assert run(problem) == 0
    assert "…" not in capsys.readouterr().out


def test_bad_input_lists_every_finding_and_writes_nothing(
    run: Any, problem: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, each finding with file and place."""
    document = json.loads(problem.read_text())
    document["classes"][1]["sd"] = -3
    document["dynamic"]["arrivals"] = float("nan")
    problem.write_text(json.dumps(document))
    assert run(problem, "--out", tmp_path / "out.json") == 2
    shown = capsys.readouterr().err
    assert f"{problem}, column classes[1].sd: " in shown
    assert f"{problem}, column dynamic.arrivals: this is not a finite number" in shown
    assert not (tmp_path / "out.json").exists()


def test_unusable_arguments_exit_2(run: Any, problem: Path, tmp_path: Path) -> None:
    """An answer is a .json file, and not the problem itself."""
    assert run(problem, "--out", tmp_path / "out.csv") == 2
    assert run(problem, "--out", problem) == 2
    assert run(tmp_path / "nowhere.json") == 2


def test_the_schemas_are_printed_without_a_problem(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """As one JSON document."""
    assert run("--schema") == 0
    assert set(json.loads(capsys.readouterr().out)) == {"problem", "answer"}


def test_the_example_of_the_documentation_is_answered(run: Any, tmp_path: Path) -> None:
    """All three questions of the page."""
    page = (ROOT / "docs" / "optimization" / "single-leg.md").read_text(encoding="utf-8")
    problem, out = tmp_path / "problem.json", tmp_path / "answer.json"
    problem.write_text(page.split("```json\n")[1].split("```")[0])
    assert run(problem, "--out", out) == 0
    assert all(json.loads(out.read_text())[part] for part in ("protection", "overbooking", "dynamic"))
