"""Jobs on the desk: asked for by whoever may, told as their worker tells them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from api import uploads
from api.pages.jobs import due_of
from api.settings import FILE, read_settings
from api.store.runs import (
    LEASE,
    ON_REQUEST,
    Kind,
    Run,
    State,
    ask,
    ask_when_due,
    claim,
    finish,
    give_back,
    newest,
    report,
)
from tests.api.pages.conftest import Office, Person


@pytest.mark.parametrize("kind", ON_REQUEST)
def test_an_analyst_has_something_done(office: Office, kind: Kind) -> None:
    """Under their own name; a kind that is none is refused."""
    person = office.signed_in("Anton")
    sent = person.send("/desk/jobs", kind=kind.value)
    (run,) = newest(office.desk.engine, before=None, limit=9)
    assert (sent.status_code, sent.headers["Location"]) == (303, f"/desk/jobs/{run.id}")
    assert (run.kind, run.by, run.state) == (kind, "Anton", State.ASKED)
    assert person.send("/desk/jobs", kind="rm").status_code == 422
    assert person.send("/desk/jobs", kind="ingest").status_code == 422
    assert 'value="fit"' not in office.signed_in("Vera").get("/desk/jobs").text


def test_progress_is_what_the_worker_said(office: Office) -> None:
    """Stage in the reader's language, share and log; a viewer may watch."""
    engine, now = office.desk.engine, office.desk.now
    ask(engine, Kind.FIT, by="Anton", now=now)
    run = claim(engine, "w1", now=now)
    assert run is not None
    report(engine, run, stage="fitting price response", progress=0.4, now=now)
    person = office.signed_in("Vera")
    told = person.get(f"/desk/jobs/{run.id}/progress", **{"Accept-Language": "de"}).json
    assert told is not None
    assert (told["open"], told["progress"], told["attempt"], told["unattended"]) == (True, 0.4, 1, False)
    assert told["stage"] == "lernt, wie Käufer auf Preise reagieren"
    assert (told["percent"].replace("\N{NO-BREAK SPACE}", " "), told["done"]) == ("40 %", 1)
    assert told["log"][-1]["text"] == "lernt, wie Käufer auf Preise reagieren"
    assert [line["text"] for line in told["log"][:2]] == ["verlangt von Anton", "Versuch 1, durch Worker w1"]
    assert all(line["lang"] == "" for line in told["log"])
    finish(engine, run, State.FAILED, {"problems": ["<img src=x> is missing"]}, now=now)
    assert not person.get(f"/desk/jobs/{run.id}/progress").json["open"]  # type: ignore[index]  # it is there
    page = person.get(f"/desk/jobs/{run.id}").text
    assert "&lt;img src=x&gt; is missing" in page
    assert "No price has changed by it." in page


def progress_of(person: Person, run: Run) -> dict[str, Any]:
    """What the page of a job asks for."""
    told = person.get(f"/desk/jobs/{run.id}/progress").json
    assert told is not None
    return dict(told)


def test_progress_goes_back_only_with_a_word(office: Office) -> None:
    """Through a lost worker, and one that gives its job back: each further beginning says that it is one."""
    engine, person = office.desk.engine, office.signed_in("Vera")
    run = ask(engine, Kind.FIT, by="Anton", now=office.desk.now)
    seen = [progress_of(person, run)]
    for name, share, ended in (("w1", 0.5, "lost"), ("w2", 0.7, "given back"), ("w3", 0.3, "")):
        taken = claim(engine, name, now=office.desk.now)
        assert taken is not None
        for said in (0.2, share, 0.1):
            report(engine, taken, stage="fitting forecasts", progress=said, now=office.desk.now)
            seen.append(progress_of(person, run))
        office.desk.machine.wait(LEASE)
        if ended == "given back":
            report(engine, taken, stage="fitting forecasts", progress=0.0, now=office.desk.now)
            give_back(engine, taken, now=office.desk.now)
            seen.append(progress_of(person, run))
    for before, after in pairwise(seen):
        assert after["progress"] >= before["progress"] or (after["again"] and after["again"] != before["again"])
    assert [told["attempt"] for told in seen] == [0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]
    assert not any(told["again"] for told in seen[:4])
    assert all(told["again"] for told in seen[4:])
    assert seen[-1]["again"] in person.get(f"/desk/jobs/{run.id}").text
    assert seen[-1]["again"].startswith("Attempt 3: a worker ended in the middle of it")


def test_what_came_of_a_job_leads_on(office: Office) -> None:
    """A proposal, the report, the file that was taken in; and where a file is wrong, each place."""
    engine, now, root = office.desk.engine, office.desk.now, office.desk.root
    office.desk.propose(name="p1")
    upload = uploads.receive(root, [b"a,b\n1,2\n"], name="<b>sales.csv", by="Anton", now=now, most=100)
    found = {"file": "<b>sales.csv", "row": 7, "column": "<i>price", "reason": "not a number: '<u>'"}
    priced = {"proposal": "p1", "decisions": {"move": 2, "keep": 0, "held": 1}}
    results: list[tuple[Kind, dict[str, Any], list[str]]] = [
        (Kind.PRICE, priced, ["/desk/proposals/p1", "2 prices to move"]),
        (Kind.REPORT, {"proposal": "p1", "file": "report.html"}, ["/desk/report"]),
        (Kind.FIT, {"model_version": "f1", "price_responses": {"weak": 3}}, ["3 weak"]),
        (
            Kind.INGEST,
            {"table": "sales", "rows": 7, "total": 9},
            [f"/desk/uploads/{upload.id}", "7 rows are in use", "&lt;b&gt;sales.csv"],
        ),
        (
            Kind.INGEST,
            {"problems": ["x"], "findings": [found], "found": 4000},
            ["1 of 4,000 places", "&lt;i&gt;price", "not a number: &#39;&lt;u&gt;&#39;"],
        ),
    ]
    person = office.signed_in("Vera")
    for kind, result, shown in results:
        ask(engine, kind, by="Anton", now=now, arguments={"upload": upload.id} if kind is Kind.INGEST else {})
        run = claim(engine, "w1", now=now)
        assert run is not None
        finish(engine, run, State.FAILED if "problems" in result else State.DONE, result, now=now)
        page = person.get(f"/desk/jobs/{run.id}").text
        assert [text for text in shown if text not in page] == []
    assert person.get("/desk/jobs").text.count('class="row"') == len(results)


def test_what_is_done_by_itself_is_told_with_its_next_time(office: Office) -> None:
    """In the owner's zone; nothing where nothing is."""
    person, file = office.signed_in("Vera"), office.desk.root / FILE
    assert "name a time for each in" in person.get("/desk/jobs").text
    before = file.read_text()
    file.write_text(f'time_zone = "Europe/Berlin"\n{before}[schedule]\nprice = "11:00"\nfit = "09:00"\n')
    assert office.desk.now == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    due = due_of(read_settings(file), office.desk.now)
    assert [(each.kind, each.at.isoformat()) for each in due] == [
        (Kind.PRICE, "2026-03-02T10:00:00+00:00"),
        (Kind.FIT, "2026-03-03T08:00:00+00:00"),
    ]
    page = person.get("/desk/jobs").text
    assert page.index("11:00") < page.index("next 2 Mar") < page.index("09:00") < page.index("next 3 Mar")
    ask_when_due(office.desk.engine, Kind.FIT, office.desk.now, now=office.desk.now)
    assert "asked for by the schedule" in person.get("/desk/jobs").text


def test_a_missing_worker_is_named(office: Office) -> None:
    """Not at once, and not while one is at another job."""
    engine, now = office.desk.engine, office.desk.now
    run, person = ask(engine, Kind.FIT, by="Anton", now=now), office.signed_in("Anton")
    address = f"/desk/jobs/{run.id}/progress"
    assert "No worker has been seen yet." in person.get("/desk/jobs").text
    assert person.get(address).json["unattended"] is False  # type: ignore[index]  # it is there
    office.desk.machine.wait(timedelta(seconds=20))
    assert person.get(address).json["unattended"] is True  # type: ignore[index]  # it is there
    assert 'id="alone">' in person.get("/desk/jobs").text
    claim(engine, "w1", now=office.desk.now)
    later = ask(engine, Kind.PRICE, by="Anton", now=now)
    assert person.get(f"/desk/jobs/{later.id}/progress").json["unattended"] is False  # type: ignore[index]  # it is there


def test_a_job_is_stopped(office: Office) -> None:
    """One that waits at once; one that has ended stays as it ended."""
    run, person = ask(office.desk.engine, Kind.FIT, by="x", now=office.desk.now), office.signed_in("Anton")
    assert person.send(f"/desk/jobs/{run.id}/cancel").headers["Location"] == "/desk/?done=job-cancelled"
    assert "It was stopped" in person.get(f"/desk/jobs/{run.id}").text
    assert person.send(f"/desk/jobs/{run.id}/cancel").status_code == 409
    assert person.get("/desk/jobs/nothing").status_code == 404
