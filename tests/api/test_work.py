"""A job tells how far it has come, and whatever goes wrong with it."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import uploads
from api.jobs import Task, Told
from api.store.runs import ON_REQUEST, STAGES, Kind
from api.work import MOST, WORK, Steps, do, placed
from api.workspace import Workspace
from pricing.errors import Finding
from tests.api.test_workspace import NOW, OFFERS, SALES, Bring

STEP = st.tuples(st.sampled_from([*STAGES[Kind.FIT], "something else"]), st.integers(0, 20), st.integers(0, 10))


def task(kind: Kind, **arguments: str) -> Task:
    """A job of some kind, asked for by ann."""
    return Task(kind, "ann", NOW, arguments)


@given(st.lists(STEP, max_size=20))
def test_progress_is_a_share_that_never_goes_back(steps: list[tuple[str, int, int]]) -> None:
    """Whatever a flow tells of its stages."""
    told: list[Told] = []
    tell = Steps(STAGES[Kind.FIT], told.append)
    for step in steps:
        tell(*step)
    shares = [line.progress for line in told]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)
    assert [line.stage for line in told] == [stage for stage, _, _ in steps]


def test_progress_counts_the_stages_that_are_done() -> None:
    """Half of the third of four stages is five eighths."""
    told: list[Told] = []
    Steps(("a", "b", "c", "d"), told.append)("c", 3, 6)
    assert told[0].progress == 5 / 8


def test_every_stage_of_a_job_is_known(place: Workspace, bring: Bring) -> None:
    """So that its progress is."""
    place.ingest("sales", bring(SALES, "sales.csv"), by="me", now=NOW)
    place.ingest("offers", bring(OFFERS, "offers.csv"), by="me", now=NOW)
    for kind in ON_REQUEST:
        told: list[Told] = []
        do(task(kind), place.root, say=told.append)
        assert {line.stage for line in told[:-1]} <= set(STAGES[kind])
        assert told[0].stage == STAGES[kind][0]
        assert told[-1].result is not None


def uploaded(place: Workspace, text: str) -> str:
    """The id of a file of sales that is to be taken in."""
    made = uploads.receive(place.root, [text.encode()], name="week 46.csv", by="ann", now=NOW, most=10**7)
    mapping = {name: name for name in made.sample.header}
    uploads.keep(place.root, msgspec.structs.replace(made, kind="sales", mapping=mapping))
    return made.id


def test_a_file_is_taken_in_by_whoever_asked(place: Workspace) -> None:
    """Its stages are known too."""
    told: list[Told] = []
    do(task(Kind.INGEST, upload=uploaded(place, SALES)), place.root, say=told.append)
    assert [line.stage for line in told[:-1]] == list(STAGES[Kind.INGEST])
    assert told[-1].result is not None
    assert told[-1].result["rows"] == len(SALES.splitlines()) - 1


def test_what_is_wrong_with_a_file_keeps_its_place_and_an_end(place: Workspace) -> None:
    """Some of each kind, and how many there are; the file is called as its owner calls it."""
    wrong = "\n".join(f"2026-01-01,Mug,{'x' * (i % 3)}1,-" for i in range(3000))
    told: list[Told] = []
    do(
        task(Kind.INGEST, upload=uploaded(place, f"date,product,quantity,price\n{wrong}\n")),
        place.root,
        say=told.append,
    )
    failed = told[-1]
    assert failed.found == 5000
    assert len(failed.findings) == 40
    first = {"file": "week 46.csv", "row": 2, "column": "price", "reason": "not a number: '-'"}
    assert first in failed.findings
    assert failed.problems is not None
    assert "and 2,995 more rows" in " ".join(failed.problems)
    assert len(msgspec.json.encode(failed)) < 10_000


def test_places_have_an_end_whatever_is_wrong() -> None:
    """Also where no two are alike."""
    told = placed([Finding(f"reason {i}", "a.csv", row=i) for i in range(1000)])
    assert [each["row"] for each in told] == list(range(MOST))
    assert placed([Finding("it is not there")]) == ()


def test_a_job_that_cannot_be_done_fails_with_the_reason(place: Workspace) -> None:
    """In the words of the command line; a workspace that is none has its own."""
    told: list[Told] = []
    for kind, root in ((Kind.PRICE, place.root), (Kind.REPORT, place.root), (Kind.FIT, place.root / "nowhere")):
        do(task(kind), root, say=told.append)
    assert [line.problems for line in told if line.problems] == [
        ("there are no sales yet; add them with: fairfare ingest sales FILE",),
        ("there is no proposal yet; ask for a run of kind price first",),
        (f"{place.root / 'nowhere' / 'fairfare.toml'}: this is not a workspace; make one with: fairfare init",),
    ]


def test_a_failure_of_ours_says_nothing_of_the_inside(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log does."""

    def fail(*_: Any) -> dict[str, Any]:
        raise ZeroDivisionError("inner")

    monkeypatch.setattr("api.work.WORK", {**WORK, Kind.FIT: fail})
    told: list[Told] = []
    do(task(Kind.FIT), place.root, say=told.append)
    assert told == [Told(problems=("We failed to do it; the worker's log says how.",))]


@contextlib.contextmanager
def working(place: Workspace, work: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process that does a job, which is some code of ours."""
    code = (
        "import os, time; from api import work; from api.store.runs import Kind\n"
        f"work.WORK = {{Kind.FIT: lambda *_: {work}}}\n"
        "work.main()"
    )
    given = msgspec.json.encode(task(Kind.FIT)).decode()
    words, pipe = [sys.executable, "-c", code, str(place.root), given], subprocess.PIPE
    options: dict[str, Any] = {"stdin": pipe, "stdout": pipe, "stderr": pipe, "start_new_session": True}
    with subprocess.Popen(words, cwd=Path(__file__).parents[2], **options) as process:
        yield process


def test_only_what_the_job_tells_goes_to_standard_output(place: Workspace) -> None:
    """Whatever libraries print, also below Python."""
    with working(place, "print('noise') or os.write(1, b'noise\\n') and {}") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        out, noise = process.stdout.read(), process.stderr.read()
    assert [msgspec.json.decode(line, type=Told) for line in out.splitlines()] == [Told(result={})]
    assert noise.count(b"noise") == 2
    assert process.returncode == 0


def test_it_ends_with_its_worker(place: Workspace) -> None:
    """Also in the middle of a stage that tells nothing."""
    with working(place, "os.write(2, b'begun\\n') and time.sleep(100)") as process:
        assert process.stdin is not None
        assert process.stderr is not None
        assert process.stderr.readline() == b"begun\n"
        process.stdin.close()
        assert process.wait(20) == 1
