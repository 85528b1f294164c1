"""`fairfare jobs`, as a user runs it: asked for, listed, told of, cancelled."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.cli.main import main
from api.clock import utc_now
from api.settings import default_text
from api.store.database import open_database
from api.store.runs import State, claim, find, finish, report
from api.workspace import Workspace

Jobs = Callable[..., tuple[int, str]]


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace.create(tmp_path / "season", default_text())


@pytest.fixture
def engine(place: Workspace) -> Engine:
    """Its database."""
    return open_database(place.database)


@pytest.fixture
def jobs(place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Jobs:
    """Run `fairfare jobs` to its end: how it ended, and what it said."""

    def run(*arguments: str, folder: Path = place.root) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["fairfare", "jobs", *arguments, "--workspace", str(folder)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


def test_a_job_is_asked_for_listed_and_told_of(jobs: Jobs, engine: Engine) -> None:
    """Its id is printed; what is listed is what its worker said."""
    _, said = jobs("ask", "fit", "--by", "ann")
    job = said.strip()
    assert find(engine, job) is not None
    taken = claim(engine, "w1", now=utc_now())
    assert taken is not None
    report(engine, taken, stage="fitting forecasts", progress=0.6, now=utc_now())
    assert jobs("list") == (0, f"{job}  fit     running     60%  ann  (fitting forecasts)\n")
    finish(engine, taken, State.DONE, {"model_version": "f1"}, now=utc_now())
    ended, told = jobs("log", job)
    assert ended == 0
    assert "asked for by ann" in told
    assert '"model_version": "f1"' in told


def test_a_job_is_cancelled_once(jobs: Jobs) -> None:
    """The second time it is over already."""
    job = jobs("ask", "price")[1].strip()
    assert jobs("cancel", job) == (0, f"Run {job} is cancelled.\n")
    assert jobs("cancel", job) == (2, f"run {job} is cancelled already\n")


@pytest.mark.parametrize("wrong", [("ask", "ingest"), ("ask", "rm"), ("log", "nope"), ("cancel", "nope")])
def test_what_there_is_not_is_said(jobs: Jobs, wrong: tuple[str, str]) -> None:
    """And nothing is asked for."""
    ended, said = jobs(*wrong)
    assert ended == 2
    assert wrong[1] in said
    assert jobs("list") == (0, "")


def test_a_folder_that_is_no_workspace_is_said(jobs: Jobs, tmp_path: Path) -> None:
    """No database is made there."""
    assert jobs("list", folder=tmp_path / "nowhere")[0] == 2
    assert not (tmp_path / "nowhere").exists()
