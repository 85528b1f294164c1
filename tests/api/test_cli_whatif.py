"""`fairfare whatif` answers from what the last fit left, and lists everything it cannot assume."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from api.clock import utc_now
from api.workspace import Workspace
from optimization import HighsOptimizer
from tests.api.test_workspace import OFFERS, SALES, Bring

main = importlib.import_module("api.cli.main")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, place: Workspace, bring: Bring) -> Any:
    """Call the command on a workspace with a fit as the shell would; returns the exit code."""
    now = utc_now()
    place.ingest("sales", bring(SALES, "s.csv"), by="me", now=now)
    place.ingest("offers", bring(OFFERS, "o.csv"), by="me", now=now)
    place.fit(now=now, progress=lambda *_: None)
    monkeypatch.setattr(main, "COMMANDS", ("whatif", "workspace"))

    def call(*words: object) -> int:
        monkeypatch.setattr("sys.argv", ["fairfare", "whatif", "--workspace", str(place.root), *map(str, words)])
        try:
            main.main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return call


def test_it_prints_what_changes_and_the_whole(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Prices, units, revenue and gain of what changes, with the doubt; then everything together."""
    assert run("--price", "milk=1.60", "--demand", "*=2") == 0
    shown = capsys.readouterr().out
    for words in ("milk", "1.60", "Not to be relied on", "units", "revenue", "margin", "difference", "of 20 outcomes"):
        assert words in shown


@pytest.mark.parametrize("ending", ["json", "csv", "parquet"])
def test_the_same_question_twice_gives_the_same_bytes(run: Any, tmp_path: Path, ending: str) -> None:
    """Whole files, whatever the ending."""
    outs = [tmp_path / f"{name}.{ending}" for name in ("one", "two")]
    assert [run("--capacity=x=1", "--out", outs[0]), outs[0].exists()] == [2, False]
    for out in outs:
        assert run("--elasticity", "milk=-1.5", "--price", "milk=1.55", "--out", out) == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    if ending == "json":
        rows = json.loads(outs[0].read_text())
        assert [row["offer"] for row in rows] == ["milk", "all offers"]
        assert rows[0]["units_then"] < rows[0]["units_now"]


def test_all_problems_are_listed_and_nothing_is_printed(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no number, what is named twice, what does not exist, what lies beyond the ladder."""
    bad = (
        "--price=milk=9",
        "--price=milk=8",
        "--price=cheese=1",
        "--demand=milk",
        "--demand=*=often",
        "--elasticity=milk=nan",
    )
    assert run(*bad) == 2
    told = capsys.readouterr()
    assert told.out == ""
    for words in ("beyond its ladder", "names milk twice", "no offer cheese", "is not NAME=NUMBER", "'often'", "nan"):
        assert words in told.err


def test_without_a_fit_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is no workspace is refused."""
    monkeypatch.setattr(main, "COMMANDS", ("whatif",))
    monkeypatch.setattr("sys.argv", ["fairfare", "whatif", "--workspace", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == 2
    assert "fairfare init" in capsys.readouterr().err


def test_it_needs_no_proposal_but_takes_one_over(run: Any, place: Workspace) -> None:
    """After pricing, too, the answer is there."""
    place.price(HighsOptimizer(), by="engine", now=utc_now())
    assert run() == 0
