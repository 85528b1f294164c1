"""First use: an empty desk leads from a file to the first recommendation."""

from pathlib import Path

import pytest

from api import uploads
from api.store.runs import Kind, State, claim, finish, newest
from tests.api.desk import Desk
from tests.api.pages.conftest import Office
from tests.api.pages.test_uploads import bring, columns, ended
from tests.api.store.book_kit import new_book


def is_there(office: Office, *tables: str) -> None:
    """Let these tables be in the workspace."""
    for table in tables:
        file = office.desk.root / "history" / ("sales/a.parquet" if table == "sales" else f"{table}.parquet")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A desk on which nothing was ever on sale."""
    monkeypatch.setattr("tests.api.desk.book_with_prices", new_book)
    return Office(Desk(tmp_path))


def test_an_empty_desk_opens_on_its_first_step(empty: Office) -> None:
    """It says what a file looks like, and gives a template; a viewer sees it and brings nothing."""
    for name, may in (("Anton", True), ("Vera", False)):
        person = empty.signed_in(name)
        assert person.get("/desk/").headers["Location"] == "/desk/start"
        page = person.get("/desk/start").text
        assert "From your sales to a first recommendation" in page
        assert page.count('aria-current="step"') == 1
        assert "/desk/templates/sales.csv" in page
        assert ('type="file"' in page) == may
    assert empty.signed_in("Anton").send("/desk/start").status_code == 409


def test_each_step_is_ticked_when_its_table_is_there(empty: Office) -> None:
    """However it came; a file that waits is named; shops need no events."""
    person = empty.signed_in("Anton")
    is_there(empty, "sales")
    page = person.get("/desk/start").text
    assert "Good. Next: Events" in page
    address = bring(person).headers["Location"]
    assert "Go on with Mai.csv" in person.get("/desk/start").text
    person.send(address, **columns())
    (made,) = uploads.newest(empty.desk.root)
    uploads.settle(empty.desk.root, made, {})
    ended(empty, State.DONE, {"rows": 1, "total": 1, "aside": 0, "already_there": False})
    assert "Go on with" not in person.get("/desk/start").text
    assert "/desk/start" in person.get(address).text
    is_there(empty, "offers")
    assert "Ready for the first recommendation" in person.get("/desk/start").text


def test_learning_and_pricing_are_asked_for_together_and_followed(empty: Office) -> None:
    """Once, in their order; what failed is said and may be tried again; in the end the proposal is shown."""
    person, engine = empty.signed_in("Anton"), empty.desk.engine
    is_there(empty, "sales", "offers")
    for _ in range(2):
        assert person.send("/desk/start").headers["Location"] == "/desk/start"
    runs = newest(engine, before=None, limit=9)
    assert [run.kind for run in runs] == [Kind.PRICE, Kind.FIT]
    page = person.get("/desk/start").text
    assert all(f'data-job="/desk/jobs/{run.id}/progress"' in page for run in runs)
    ended(empty, State.FAILED, {"problems": ["there are no sales yet"]})
    ended(empty, State.FAILED, {"problems": ["there is no fit"]})
    page = person.get("/desk/start").text
    assert "there are no sales yet" in page
    assert "Try again" in page
    person.send("/desk/start")
    ended(empty, State.DONE, {})
    run = claim(engine, "w1", now=empty.desk.now)
    assert run is not None
    finish(engine, run, State.DONE, {"proposal": "p1"}, now=empty.desk.now)
    assert person.get("/desk/start").headers["Location"] == "/desk/proposals/p1"


def test_a_desk_with_prices_opens_on_its_overview(office: Office) -> None:
    """It points to the first use until something was proposed."""
    person = office.signed_in("Vera")
    assert "Go on with getting started" in person.get("/desk/").text
    office.desk.propose()
    assert "getting started" not in person.get("/desk/").text
