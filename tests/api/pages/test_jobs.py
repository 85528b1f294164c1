"""Jobs on the desk: asked for by whoever may, told as their worker tells them."""

from datetime import timedelta

import pytest

from api.store.runs import ON_REQUEST, Kind, State, ask, claim, finish, newest, report
from tests.api.pages.conftest import Office


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
    assert told["log"][-1].endswith("fitting price response")
    finish(engine, run, State.FAILED, {"problems": ["<img src=x> is missing"]}, now=now)
    assert not person.get(f"/desk/jobs/{run.id}/progress").json["open"]  # type: ignore[index]  # it is there
    page = person.get(f"/desk/jobs/{run.id}").text
    assert "&lt;img src=x&gt; is missing" in page
    assert "No price has changed by it." in page


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
