"""A person sees exactly what an approval would change, and decides about all of it, an event, or all but exceptions."""

import re
from dataclasses import replace

import pytest

from api.settings import FILE
from api.store.log import verify
from pricing.book import Listing, Standing
from pricing.outcome import Gain, TotalGain
from tests.api.pages.conftest import Office, Person
from tests.api.store.book_kit import IDS, NOW, OFFERS, decision, price_list, proposal

SATURDAY = tuple(replace(offer, id=f"faust-{offer.segment}", event="saturday") for offer in OFFERS)
ALL = (*IDS, *(offer.id for offer in SATURDAY))


@pytest.fixture
def person(office: Office) -> Person:
    """Petra, who may approve a proposal of ann's about two events with three prices each."""
    desk = office.desk
    desk.book.import_offers([Listing(offer) for offer in SATURDAY], by="ann", now=desk.now)
    both = tuple(TotalGain("EUR", event, Gain(40.0, 10.0, 70.0, 0.1)) for event in ("friday", "saturday"))
    made = proposal(*map(decision, ALL), base=desk.book.version(), at=desk.now)
    desk.book.propose(replace(made, gains=(TotalGain("EUR", None, Gain(80.0, 20.0, 140.0, 0.04)), *both)))
    desk.follower.refresh()
    return office.signed_in("Petra")


def said(text: str) -> str:
    """The words of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).replace("\u2060", "").split())


def places(text: str) -> list[str]:
    """What is ticked on a page."""
    return re.findall(r'name="pick" value="(\d+)" checked', text)


def test_everything_is_chosen_until_it_is_unticked(person: Person) -> None:
    """The bar says how many are approved and how many are left, and what is not known of a part."""
    page = person.get("/desk/proposals/p1")
    assert sorted(places(page.text)) == ["0", "1", "2", "3", "4", "5"]
    assert "Approve 6 changes" in said(page.text)
    bar = said(person.get("/desk/proposals/p1/bar?seen=0.1.2.3.4.5&pick=1&pick=2&pick=3&pick=4&pick=5").text)
    assert "5 of 6 chosen" in bar
    assert "not known: ranges cannot be added up" in bar
    assert "Approve 5, leave 1 waiting" in bar


def test_an_event_alone_is_approved_with_what_was_recorded_of_it(office: Office, person: Person) -> None:
    """Its page says what it gains; the other event's prices stay waiting, and can be approved afterwards."""
    text = said(person.get("/desk/events/friday").text)
    assert "3 of 3 chosen +€40 expected, 80% range +€10 to +€70; 2 of 20 outcomes earn less." in text
    assert "3 other changes of the proposal stay waiting" in text
    shown = person.get("/desk/proposals/p1/approve?event=friday")
    assert "Approve 3 changes · friday" in said(shown.text)
    assert "saturday" not in shown.text
    assert person.send("/desk/proposals/p1/approve", event="friday", when="now").status_code == 303
    prices = price_list(office.desk.book)
    assert [prices[offer] for offer in ALL] == ["11.00"] * 3 + ["10.00"] * 3
    rest = office.desk.book.latest_proposal()
    assert rest is not None
    assert office.desk.book.standing(rest.id, now=NOW) is Standing.OPEN
    assert "In force" in person.get("/desk/events/friday").text
    assert "3 of 3 chosen" in said(person.get("/desk/events/saturday").text)
    assert person.send(f"/desk/proposals/{rest.id}/approve", when="now").status_code == 303
    assert set(price_list(office.desk.book).values()) == {"11.00"}
    assert verify(office.desk.engine, None) == ()


def test_where_no_price_moves_nothing_is_to_be_unticked(office: Office, person: Person) -> None:
    """Nor said to be chosen."""
    office.desk.propose(decision(price="10.00"), name="kept")
    page = person.get("/desk/proposals/kept").text
    assert ("No price moves in it." in page, "All changes are chosen" in page) == (True, False)


def test_what_was_unticked_stays_waiting(office: Office, person: Person) -> None:
    """Over all events, by exception; later for the rest."""
    form = {"seen": "0.1.2.3.4.5", "when": "later", "at": "2026-03-04T09:00"}
    sent = person.client.post(
        "/desk/proposals/p1/approve",
        data={"token": person.token, "next": "/desk/", "pick": ["0", "2", "3", "4"], **form},
        headers={"Origin": "http://localhost"},
    )
    assert sent.status_code == 303
    assert [price.offer for price in office.desk.book.coming(office.desk.now)] == sorted(
        ALL[place] for place in (0, 2, 3, 4)
    )
    rest = office.desk.book.latest_proposal()
    assert rest is not None
    assert {each.offer for each in rest.decisions} == {ALL[1], ALL[5]}


def test_at_once_with_a_time_filled_in_is_asked_again(office: Office, person: Person) -> None:
    """Which of the two was meant is not guessed: no price moves."""
    sent = person.send("/desk/proposals/p1/approve", when="now", at="2026-03-04T09:00")
    assert (sent.status_code, set(price_list(office.desk.book).values())) == (422, {"10.00"})
    assert "Choose one of the two" in sent.text


def test_an_event_is_rejected_alone(office: Office, person: Person) -> None:
    """Its prices stay for good, the others wait."""
    assert person.send("/desk/proposals/p1/reject", event="saturday", reason="not yet").status_code == 303
    rest = office.desk.book.latest_proposal()
    assert rest is not None
    assert {each.offer for each in rest.decisions} == set(IDS)
    assert "was not put in force" in person.get("/desk/events/saturday").text
    assert set(price_list(office.desk.book).values()) == {"10.00"}


def test_what_publication_would_refuse_is_said_before_anyone_approves(office: Office, person: Person) -> None:
    """A child's price that would rise above the adult's left behind; nothing happens if it is approved anyway."""
    with (office.desk.root / FILE).open("a") as file:
        file.write('segment_order = [["child", "adult"]]\n')
    assert "would be refused" not in person.get("/desk/proposals/p1/approve").text
    without_adult = "seen=0&event=friday"
    shown = person.get(f"/desk/proposals/p1/approve?{without_adult}")
    assert "It would be refused as things are" in shown.text
    assert "hamlet-child at 11.00 would cost more than hamlet-adult at 10.00" in shown.text
    assert "Leave this change waiting too" in shown.text
    refused = person.send("/desk/proposals/p1/approve", event="friday", seen="0", when="now")
    assert refused.status_code == 409
    assert office.desk.book.standing("p1", now=NOW) is Standing.OPEN
    assert len(office.desk.book.proposals()) == 1


def test_whoever_may_not_approve_a_price_is_told_before_and_may_leave_it(office: Office, person: Person) -> None:
    """Their own, set by hand or by an override."""
    mine = replace(decision(ALL[0]), set_by="Petra")
    office.desk.book.propose(proposal(mine, decision(ALL[1]), name="p2", base=2, at=office.desk.now))
    shown = person.get("/desk/proposals/p2/approve")
    assert "Petra set the price of hamlet-adult: someone else must approve it" in shown.text
    without = re.search(r'href="([^"]+)">Leave this change waiting too', shown.text)
    assert without is not None
    shown = person.get(without[1].replace("&amp;", "&"))
    assert "must approve" not in shown.text
    left = shown.text.split('name="left" value="')[1].split('"')[0]
    assert person.send("/desk/proposals/p2/approve", left=left, when="now").status_code == 303
    assert (price_list(office.desk.book)[ALL[0]], price_list(office.desk.book)[ALL[1]]) == ("10.00", "11.00")


def test_a_proposer_is_told_that_someone_else_approves(office: Office, person: Person) -> None:
    """Leaving some of it out would not help."""
    mine = replace(decision(ALL[0]), set_by="Petra")
    office.desk.book.propose(proposal(mine, decision(ALL[1]), name="p2", base=2, at=office.desk.now, by="Petra"))
    shown = person.get("/desk/proposals/p2/approve").text
    assert "Petra proposed p2: someone else must approve it" in shown
    assert "Leave this change waiting too" not in shown


def test_nothing_chosen_is_nothing_approved(office: Office, person: Person) -> None:
    """The page says so, and the proposal stays as it was."""
    assert person.send("/desk/proposals/p1/approve", seen="0.1.2.3.4.5", when="now").status_code == 422
    assert office.desk.book.standing("p1", now=NOW) is Standing.OPEN


@pytest.mark.parametrize("address", ["approve?event=nobody", "bar?event=nobody"])
def test_an_event_it_decides_nothing_about_is_not_there(person: Person, address: str) -> None:
    """No page speaks of what is not."""
    assert person.get(f"/desk/proposals/p1/{address}").status_code == 404


def test_filters_and_steps_about_all_that_matches(person: Person) -> None:
    """An event's changes are left waiting at once, and the filter stays in the address of the next page."""
    page = person.get("/desk/proposals/p1?event=saturday&do=leave")
    assert places(page.text) == []
    code = re.search(r'name="left" value="([\w-]+)"', page.text)
    assert code is not None
    every = person.get(f"/desk/proposals/p1?left={code[1]}")
    assert places(every.text) == ["0", "1", "2"]
    assert "Approve 3, leave 3 waiting" in said(every.text)


def test_a_cancel_leads_nowhere_else(person: Person) -> None:
    """An address of another site is not followed."""
    page = person.get("/desk/proposals/p1/approve?back=https://elsewhere.example/")
    assert 'href="https://elsewhere' not in page.text
    assert 'name="next" value="https://elsewhere' not in page.text


def test_a_cancel_keeps_what_was_chosen(person: Person) -> None:
    """Nobody unticks forty prices twice."""
    page = person.get("/desk/proposals/p1/approve?seen=0.1&pick=1&back=/desk/proposals/p1%3Fleft=x")
    back = re.search(r'href="([^"]+)">Cancel', page.text[page.text.index('id="approving"') :])
    assert back is not None
    assert sorted(places(person.get(back[1]).text)) == ["1", "2", "3", "4", "5"]


def test_an_old_proposal_shows_what_it_decided(person: Person) -> None:
    """Its own prices, not those of today; nothing can be ticked."""
    person.send("/desk/proposals/p1/approve", when="now")
    page = person.get("/desk/proposals/p1")
    assert places(page.text) == []
    assert said(page.text).count("€11.00 +10.0%") == 6
