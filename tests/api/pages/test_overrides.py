"""An override is set and ended at the desk, by whoever may, and seen wherever its price is."""

from datetime import timedelta
from decimal import Decimal

import pytest

from api.store.overrides import Overrides
from pricing.book import Listing
from pricing.overrides import Kind
from tests.api.pages.conftest import Office, Person
from tests.api.pages.markup import PAYLOADS
from tests.api.store.book_kit import IDS, NOW, OFFERS, decision

FORM = {
    "offer": IDS[0],
    "channel": "all",
    "kind": "ceiling",
    "amount": "11.00",
    "until": f"{NOW + timedelta(days=6):%Y-%m-%d}",
    "reason": "promised to a partner",
    "next": "/desk/events/friday",
}


def send(person: Person, **changed: str) -> tuple[int, str]:
    """Send the form; status, and where it leads or what is said."""
    sent = person.send("/desk/overrides", **(FORM | changed))
    return sent.status_code, sent.headers.get("Location", sent.text)


def test_it_stands_until_the_end_of_the_day_that_was_named(office: Office) -> None:
    """In the zone of the workspace, in the name of whoever is signed in; no price has changed."""
    person = office.signed_in("Petra")
    assert send(person) == (303, "/desk/events/friday?done=override-set")
    (found,) = Overrides(office.desk.engine).standing(office.desk.now)
    assert (found.by, found.kind, found.amount, found.reason) == (
        "Petra",
        Kind.CEILING,
        Decimal("11.00"),
        FORM["reason"],
    )
    assert f"{found.until:%Y-%m-%d %H:%M}" == f"{NOW + timedelta(days=7):%Y-%m-%d} 00:00"
    assert office.desk.price() == "10.00"


def test_it_is_seen_at_its_price_on_the_rules_and_the_overview(office: Office) -> None:
    """With its kind, price, last day, reason and who set it; to those who may not act too."""
    send(office.signed_in("Petra"))
    viewer = office.signed_in("Vera")
    page = viewer.get("/desk/events/friday").text
    assert "Override: ceiling €11.00 until 8 Mar" in page
    assert "Petra: “promised to a partner”" in page
    assert "/end" not in page
    assert "Change…" not in page
    for path in ("/desk/rules", "/desk/"):
        assert "promised to a partner" in viewer.get(path).text
    assert "Overrides that end within a week" in viewer.get("/desk/").text


def test_it_is_ended_in_one_click(office: Office) -> None:
    """And is gone from the pages; ending it again is refused."""
    person = office.signed_in("Petra")
    send(person)
    ended = person.send("/desk/overrides/1/end", next="/desk/rules")
    assert (ended.status_code, ended.headers["Location"]) == (303, "/desk/rules?done=override-ended")
    assert "promised to a partner" not in person.get("/desk/rules").text
    assert person.send("/desk/overrides/1/end").status_code == 409
    assert person.send("/desk/overrides/x/end").status_code == 404


def test_a_proposal_that_waits_and_breaks_it_is_replaced(office: Office) -> None:
    """The page says that someone else approves it, and whoever set the override cannot."""
    office.desk.propose(decision(price="12.00"))
    person = office.signed_in("Petra")
    assert send(person) == (303, "/desk/events/friday?done=override-waits")
    made = office.desk.book.latest_proposal()
    assert made is not None
    assert (made.proposed_by, made.decisions[0].allowed) == ("Petra", Decimal("11.00"))
    assert person.send(f"/desk/proposals/{made.id}/approve", when="now").status_code == 409


def test_a_price_that_stands_where_an_override_held_it_is_told_once_it_is_over(office: Office) -> None:
    """Until something is proposed anew."""
    person = office.signed_in("Petra")
    send(person, kind="fixed", amount="10.00", until=f"{NOW:%Y-%m-%d}")
    office.desk.machine.wait(timedelta(days=1))
    person = office.signed_in("Petra")
    assert "Override ended: hamlet-adult" in person.get("/desk/").text
    office.desk.propose(decision(IDS[1]))
    assert "Override ended" not in person.get("/desk/").text


@pytest.mark.parametrize("days", [1, 3])
def test_of_what_is_sold_no_more_no_override_is_told(office: Office, days: int) -> None:
    """Neither when it ends with the sale nor where the event began earlier than it was to."""
    ends = NOW + timedelta(days=days)
    office.desk.propose(decision(IDS[1]))
    office.desk.book.import_offers([Listing(offer, ends) for offer in OFFERS], by="ann", now=NOW)
    send(office.signed_in("Petra"), kind="fixed", amount="10.00", until=f"{ends:%Y-%m-%d}")
    office.desk.book.import_offers(
        [Listing(offer, NOW + timedelta(days=1)) for offer in OFFERS], by="ann", now=office.desk.now
    )
    office.desk.machine.wait(timedelta(days=1, hours=1))
    person = office.signed_in("Petra")
    for path in ("/desk/", "/desk/rules"):
        page = person.get(path)
        assert page.status_code == 200
        assert "promised to a partner" not in page.text


def test_a_price_in_force_that_breaks_it_is_said_to_be_mended_next(office: Office) -> None:
    """Nothing moves by itself."""
    person = office.signed_in("Petra")
    send(person, kind="floor")
    assert (
        "The price in force does not keep it; the next proposal mends that." in person.get("/desk/events/friday").text
    )


WRONG: list[tuple[dict[str, str], int, str]] = [
    ({"amount": "13.00"}, 409, "outside 10.00 to 12.00"),
    ({"amount": "eleven"}, 422, "not an amount"),
    ({"kind": "free"}, 422, "free"),
    ({"until": "some day"}, 422, "Say on which day the override ends."),
    ({"until": "9999-12-31"}, 422, "Say on which day the override ends."),
    ({"until": "2026-03-01"}, 422, "ends in the future"),
    ({"reason": " "}, 422, ""),
    ({"offer": "nobody"}, 404, ""),
]


def test_what_cannot_be_is_refused_and_nothing_stands(office: Office) -> None:
    """With the reason."""
    person = office.signed_in("Petra")
    for changed, status, said in WRONG:
        found = send(person, **changed)
        assert found[0] == status, changed
        assert said in found[1]
    assert Overrides(office.desk.engine).last() == ()


def test_the_form_is_a_page_too(office: Office) -> None:
    """For browsers without scripts: every step between the bounds, the mildest form chosen, for those who may."""
    path = f"/desk/overrides/new?offer={IDS[0]}&channel=all"
    text = office.signed_in("Petra").get(path).text
    assert [part.split('"')[0] for part in text.split('<option value="')[1:]] == ["10.00", "11.00", "12.00"]
    assert '<input type="radio" name="kind" value="floor" checked>' in text
    assert 'name="next" value="/desk/events/friday"' in text
    assert office.signed_in("Vera").get(path).status_code == 403
    assert office.signed_in("Petra").get("/desk/overrides/new?offer=nobody&channel=all").status_code == 404


def test_markup_in_a_reason_is_inert(office: Office) -> None:
    """Wherever it is shown."""
    person = office.signed_in("Petra")
    for payload in PAYLOADS[:5]:
        send(person, reason=payload)
        for path in ("/desk/events/friday", "/desk/rules", "/desk/"):
            assert payload not in person.get(path).text
