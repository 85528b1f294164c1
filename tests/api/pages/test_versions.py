"""Taking prices back: what is confirmed is what was shown."""

import re
from datetime import timedelta

from tests.api.pages.conftest import Office, Person
from tests.api.store.book_kit import IDS, POLICY, decision


def published(office: Office, **when: str) -> Person:
    """An approver who has put a price in force, or scheduled it, as version 2."""
    person = office.signed_in("Petra")
    office.desk.propose()
    assert person.send("/desk/proposals/p1/approve", **({"when": "now"} | when)).status_code == 303
    return person


def shown(person: Person, version: int = 2) -> dict[str, str]:
    """What the form on a version's page carries."""
    page = person.get(f"/desk/versions/{version}").text
    return dict(re.findall(r'name="(latest|begun)" value="(\d+)"', page))


def test_a_rollback_says_what_it_changes_and_does_that(office: Office) -> None:
    """The page names the price now and then; one step restores it, under the person's name."""
    person = published(office)
    page = person.get("/desk/versions/2").text
    assert re.findall(r"€1\d\.00", page) == ["€11.00", "€10.00"]
    assert "Rolling it back changes one price at once" in page
    sent = person.send("/desk/versions/2/take-back", next="/desk/versions/2", **shown(person))
    assert (sent.status_code, sent.headers["Location"]) == (303, "/desk/versions/2?done=undone")
    assert office.desk.price() == "10.00"
    assert office.desk.book.entries()[-1].by == "Petra"
    again = person.get("/desk/versions/2").text
    assert "Version 3 took it back." in again
    assert "take-back" not in again
    assert "take-back" not in person.get("/desk/versions/1").text


def test_scheduled_prices_are_cancelled(office: Office) -> None:
    """No price on sale changes; what was to begin does not."""
    tonight = office.desk.now.replace(hour=23, minute=0)
    person = published(office, when="later", at=f"{tonight:%Y-%m-%dT%H:%M}")
    page = person.get("/desk/versions/2").text
    assert "no price on sale changes" in page
    assert "What a rollback changes" not in page
    sent = person.send("/desk/versions/2/take-back", **shown(person))
    assert sent.headers["Location"] == "/desk/?done=cancelled"
    assert office.desk.book.coming(office.desk.now) == ()
    assert office.desk.price() == "10.00"
    assert "These prices have not changed since they came on sale." in person.get("/desk/events/friday").text


def test_what_was_not_shown_is_not_done(office: Office) -> None:
    """Another version came, the prices began, or nothing was looked at: nothing happens."""
    person = published(office)
    seen = shown(person)
    office.desk.propose(decision("hamlet-child"), name="p2")
    person.send("/desk/proposals/p2/approve", when="now")
    for form in (seen, {}, {"latest": "3"}, {"latest": "3", "begun": "0"}):
        assert person.send("/desk/versions/2/take-back", **form).status_code == 409
    assert office.desk.book.version() == 3
    assert "these 2 prices" in person.get("/desk/versions/2").text


def test_a_stop_is_named_instead_of_a_button(office: Office) -> None:
    """And a viewer gets no button either."""
    person = published(office)
    assert "take-back" not in office.signed_in("Vera").get("/desk/versions/2").text
    office.desk.book.freeze(by="Ada", now=office.desk.now, reason="wrong stock")
    page = person.get("/desk/versions/2").text
    assert "take-back" not in page
    assert "prices are frozen" in page
    assert person.get("/desk/versions/99").status_code == 404
    assert person.get("/desk/versions/x").status_code == 404


def test_what_goes_with_a_rollback_is_named_before(office: Office) -> None:
    """Later versions that stand, and no others."""
    person = published(office)
    assert "No later version is undone with it" in person.get("/desk/versions/2").text
    office.desk.propose(decision(IDS[1], "12.00"), name="p2")
    person.send("/desk/proposals/p2/approve", when="now")
    assert "Version 3, which followed, is undone with it" in person.get("/desk/versions/2").text
    office.desk.book.rollback(3, by="bob", now=office.desk.now, policy=POLICY)
    assert "No later version is undone with it" in person.get("/desk/versions/2").text


def test_a_stop_names_what_it_takes_back(office: Office) -> None:
    """Before it is pressed, while it lasts, and as it is lifted."""
    person = published(office, when="later", at=f"{office.desk.now + timedelta(hours=5):%Y-%m-%dT%H:%M}")
    assert "One scheduled price is taken back for good, with version 2." in person.get("/desk/").text
    person.send("/desk/stop", reason="a wrong table")
    assert 'href="/desk/versions/2">Version 2</a>' in person.get("/desk/events").text
    lifting = office.signed_in("Ada").get("/desk/rules").text
    assert "Version 2 was to begin later and was taken back; it does not come back." in lifting
    office.desk.book.unfreeze(by="Ada", now=office.desk.now, reason="corrected")
    assert "was taken back" not in office.signed_in("Ada").get("/desk/rules").text
