"""Shops on the desk: what is asked for is done by a worker, and nothing else is."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from api.settings import FILE, read_settings
from api.shops.journal import Journal
from api.shops.offers import Offers
from api.shops.status import LastPull, LastPush, note
from api.store.runs import Kind, State, ask, claim, finish, newest
from tests.api.pages.conftest import Office, Person
from tests.api.pages.shop_kit import TILL, connected, done, eventful, mapped, prices_in, till
from tests.api.store.book_kit import IDS, decision, publish

PAGE = f"/desk/shops/{TILL}"
RISE = [decision(offer, "11.00") for offer in IDS]


@pytest.fixture
def folder(office: Office) -> Path:
    """A shop that is connected; all its prices are 10.00."""
    connected(office.desk.root)
    return till(office.desk.root)


def digest(person: Person) -> str:
    """What the button of a push carries."""
    return person.get(PAGE).text.split('name="digest" value="')[1].split('"')[0]


def compared(office: Office, person: Person) -> str:
    """The digest of a comparison made now."""
    assert person.send(f"{PAGE}/ask", step="compare").status_code == 303
    done(office.desk)
    return digest(person)


def test_a_shop_is_looked_at_mapped_priced_looked_at_again_and_rolled_back(office: Office, folder: Path) -> None:
    """Each step by a job in the name of who asked; the prices in the shop change at the push, and back."""
    anton, petra = office.signed_in("Anton"), office.signed_in("Petra")
    assert "was not tested yet" in anton.get("/desk/shops").text
    leads = anton.send(f"{PAGE}/ask", step="look")
    assert leads.headers["Location"] == f"{PAGE}#connection"
    page = anton.get(PAGE).text
    assert ("data-job=" in page, "<noscript>" in page) == (True, True)
    done(office.desk)
    assert "4 prices were seen" in anton.get(PAGE).text
    assert anton.get(PAGE).text.count("Guessed: check") == 3

    rows = {f"place.{i}": str(i + 1) for i in range(3)} | {f"offer.{i}": offer for i, offer in enumerate(IDS)}
    assert anton.send(f"{PAGE}/map", **rows).headers["Location"] == "/desk/?done=shop-mapped"
    assert anton.get(PAGE).text.count(">Named</span>") == 3

    publish(office.desk.book, *RISE, at=office.desk.now)
    shown = compared(office, petra)
    assert prices_in(folder) == dict.fromkeys("1239", "10.00")
    assert petra.send(f"{PAGE}/push", digest=shown).headers["Location"] == f"{PAGE}#push"
    done(office.desk)
    assert prices_in(folder) == dict.fromkeys("123", "11.00") | {"9": "10.00"}
    assert "All of it stands" in petra.get(PAGE).text
    assert {entry.sent.by for entry in Journal(office.desk.root / "shops/till/journal.jsonl").entries()} == {"Petra"}
    assert "One shop is in step." in petra.get("/desk/shops").text

    anton.send(f"{PAGE}/ask", step="verify")
    done(office.desk)
    assert "All 3 prices stand as decided." in anton.get(PAGE).text
    petra.send(f"{PAGE}/rollback", decision="version 2")
    done(office.desk)
    assert prices_in(folder) == dict.fromkeys("1239", "10.00")
    anton.send(f"{PAGE}/ask", step="compare")
    done(office.desk)
    anton.send(f"{PAGE}/ask", step="verify")
    done(office.desk)
    page = anton.get(PAGE).text
    assert ("3 places are held" in page, "3 places keep what a rollback put back." in page) == (True, True)
    assert "not as they should be" not in page
    assert 'data-open="push-it"' not in petra.get(PAGE).text


def test_what_was_not_shown_is_not_pushed(office: Office, folder: Path) -> None:
    """The price book moved on after the comparison: nothing is written, and the page says why."""
    mapped(office.desk.root)
    petra = office.signed_in("Petra")
    publish(office.desk.book, *RISE, at=office.desk.now)
    shown = compared(office, petra)
    office.desk.machine.wait(timedelta(minutes=1))
    publish(office.desk.book, *[decision(each, "12.00", now="11.00") for each in IDS], name="p2", at=office.desk.now)
    petra.send(f"{PAGE}/push", digest=shown)
    done(office.desk)
    assert prices_in(folder)["1"] == "10.00"
    assert "no longer what was shown" in petra.get(PAGE).text
    assert petra.send(f"{PAGE}/push").status_code == 422


def test_a_price_changed_by_hand_is_taken_for_right_by_who_may_approve(office: Office, folder: Path) -> None:
    """Until then it is left alone; the overview asks for a person."""
    mapped(office.desk.root)
    petra = office.signed_in("Petra")
    publish(office.desk.book, *RISE, at=office.desk.now)
    petra.send(f"{PAGE}/push", digest=compared(office, petra))
    done(office.desk)
    file = folder / "prices.csv"
    file.write_text(file.read_text().replace("1,Hamlet adult,11.00", "1,Hamlet adult,7.77"))
    assert petra.send(f"{PAGE}/ask", step="compare").status_code == 303
    done(office.desk)
    page = petra.get(PAGE).text
    assert "One price was changed by hand" in page
    assert "€7.77" in page
    assert "One price was changed by hand in till." in petra.get("/desk/").text
    assert petra.send(f"{PAGE}/accept").status_code == 422
    petra.send(f"{PAGE}/accept", place="1")
    done(office.desk)
    assert prices_in(folder)["1"] == "7.77"
    petra.send(f"{PAGE}/push", digest=compared(office, petra))
    done(office.desk)
    assert prices_in(folder)["1"] == "11.00"


def test_one_thing_is_asked_of_a_shop_at_a_time(office: Office, folder: Path) -> None:
    """Of a job that waits one is told; nothing is asked twice."""
    assert folder.exists()
    anton = office.signed_in("Anton")
    anton.send(f"{PAGE}/ask", step="look")
    again = anton.send(f"{PAGE}/ask", step="look")
    assert (again.status_code, "under way with this shop already" in again.text) == (409, True)
    assert len(newest(office.desk.engine, before=None, limit=9, kind=Kind.SHOP)) == 1


def test_looking_at_pages_asks_nothing_of_a_shop(office: Office, folder: Path) -> None:
    """Its folder may be gone; a step that is no step, and a shop that is none, are not taken."""
    (folder / "prices.csv").unlink()
    vera, petra = office.signed_in("Vera"), office.signed_in("Petra")
    assert [vera.get(path).status_code for path in ("/desk/shops", PAGE, "/desk/", "/desk/shops/none")] == [
        *[200] * 3,
        404,
    ]
    assert [petra.send(f"{PAGE}/ask", step=step).status_code for step in ("push", "rollback", "zzz")] == [422] * 3
    assert petra.send("/desk/shops/none/ask", step="look").status_code == 404
    assert newest(office.desk.engine, before=None, limit=9) == ()


def test_a_shop_that_does_not_do_it_is_told_in_plain_words(office: Office, folder: Path) -> None:
    """On its page, in the list and on the overview, for whoever looks."""
    (folder / "prices.csv").unlink()
    anton = office.signed_in("Anton")
    anton.send(f"{PAGE}/ask", step="look")
    done(office.desk)
    page = anton.get(PAGE).text
    assert "The last test failed" in page
    assert "prices.csv cannot be read: No such file or directory" in page
    assert str(folder) not in page
    german = anton.get(PAGE, **{"Accept-Language": "de"}).text
    assert "prices.csv ist nicht zu lesen: Die Datei gibt es nicht" in german
    assert "till refuses what it is asked for." in anton.get("/desk/shops").text
    office.desk.propose()
    first = anton.get("/desk/").text.split('id="att"')[1].split("</li>")[0]
    assert "till refuses what it is asked for." in first, "before any proposal"


def test_a_table_that_cannot_be_saved_is_shown_again_as_it_was_filled_in(office: Office, folder: Path) -> None:
    """With everything that is wrong with it; what was saved before stays."""
    mapped(office.desk.root)
    anton = office.signed_in("Anton")
    anton.send(f"{PAGE}/ask", step="look")
    done(office.desk)
    file = office.desk.root / "shops" / TILL / "offers.csv"
    before = file.read_bytes()
    sent = anton.send(
        f"{PAGE}/map", **{"place.0": "9", "offer.0": "nothing", "place.1": "1", "offer.1": "none", "was.1": IDS[0]}
    )
    assert (sent.status_code, sent.text.count("there is no offer no")) == (422, 2)
    assert "<option selected>nothing</option>" in sent.text
    assert file.read_bytes() == before
    assert folder.exists()


def test_an_old_page_undoes_nothing_that_was_saved_since(office: Office, folder: Path) -> None:
    """A row that was left as it was says nothing; where both chose, whoever is later is told and may save again."""
    mapped(office.desk.root)
    anton, petra = office.signed_in("Anton"), office.signed_in("Petra")
    shown = {"place.0": "1", "was.0": IDS[0], "place.1": "9", "offer.1": ""}
    petra.send(f"{PAGE}/map", **shown | {"offer.0": IDS[0], "offer.1": IDS[2]})
    assert anton.send(f"{PAGE}/map", **shown | {"offer.0": IDS[1]}).status_code == 303
    file = office.desk.root / "shops" / TILL / "offers.csv"
    assert dict(Offers.read(file).at) == dict(zip("1239", [(IDS[i], "all") for i in (1, 1, 2, 2)], strict=True))
    late = petra.send(f"{PAGE}/map", **shown | {"offer.0": IDS[2]})
    assert (late.status_code, "somebody else has saved something else" in late.text) == (422, True)
    assert petra.send(f"{PAGE}/map", **shown | {"offer.0": IDS[2], "was.0": IDS[1]}).status_code == 303
    assert (Offers.read(file).at["1"][0], folder.exists()) == (IDS[2], True)


def test_a_comparison_that_time_has_passed_by_is_not_offered(office: Office, folder: Path) -> None:
    """Where prices were published or offers changed since: the page says so, and what to do."""
    mapped(office.desk.root)
    petra = office.signed_in("Petra")
    publish(office.desk.book, *RISE, at=office.desk.now)
    compared(office, petra)
    assert "Out of date" not in petra.get(PAGE).text
    petra.send(f"{PAGE}/map", **{"place.0": "1", "offer.0": IDS[1], "was.0": IDS[0]})
    assert ("Out of date" in petra.get(PAGE).text, 'data-open="push-it"' in petra.get(PAGE).text) == (True, False)
    compared(office, petra)
    office.desk.machine.wait(timedelta(minutes=1))
    publish(office.desk.book, *[decision(each, "12.00", now="11.00") for each in IDS], name="p2", at=office.desk.now)
    assert "Out of date" in petra.get(PAGE).text
    compared(office, petra)
    assert 'data-open="push-it"' in petra.get(PAGE).text
    note(folder_of(office), pushed=LastPush(office.desk.now + timedelta(seconds=5), "version 3", True))
    page = petra.get(PAGE).text
    assert ("Out of date" in page, "pushed outside these pages" in page, folder.exists()) == (True, True, True)


def folder_of(office: Office) -> Path:
    """Where what is known of the shop is kept."""
    return office.desk.root / "shops" / TILL


def test_an_admin_has_a_shop_brought_in_step_by_itself(office: Office, folder: Path) -> None:
    """Once offers are named; the page says how often, when last, and that nobody seems to do it."""
    ada, settings = office.signed_in("Ada"), office.desk.root / FILE
    assert 'data-open="by-itself"' not in ada.get(PAGE).text
    assert ada.send(f"{PAGE}/by-itself", seconds="60").status_code == 409
    mapped(office.desk.root)
    assert "only when someone asks" in ada.get(PAGE).text
    for wrong in ("0", "86401", "1.5", "-1", "x", "9" * 30):
        assert ada.send(f"{PAGE}/by-itself", seconds=wrong).status_code == 422
    before = settings.read_bytes()
    sent = ada.send(f"{PAGE}/by-itself", seconds="60")
    assert sent.headers["Location"] == f"{PAGE}?done=shop-by-itself"
    assert [shop.sync_seconds for shop in read_settings(settings).shops] == [60]
    assert "by itself every 60 seconds, from the worker" in ada.get(PAGE).text
    note(folder_of(office), pulled=LastPull(office.desk.now, 1))
    page = ada.get(PAGE).text
    assert ("every 60 seconds, last at" in page, "Is a worker running?" in page) == (True, False)
    office.desk.machine.wait(timedelta(minutes=5))
    assert "Is a worker running?" in ada.get(PAGE).text
    assert ada.send(f"{PAGE}/by-itself").headers["Location"] == f"{PAGE}?done=shop-asked"
    assert (settings.read_bytes(), folder.exists()) == (before, True)


def test_stock_is_shown_as_it_was_told_last(office: Office, folder: Path) -> None:
    """A pull tells it as well as a look does, and comes more often."""
    anton = office.signed_in("Anton")
    anton.send(f"{PAGE}/map", **{"place.0": "1", "offer.0": IDS[0]})
    for step, left in (("look", 431), ("pull", 429)):
        (folder / "stock.csv").write_text(f"place,available\n1,{left}\n")
        anton.send(f"{PAGE}/ask", step=step)
        office.desk.machine.wait(timedelta(minutes=2))
        done(office.desk)
        shown = anton.get(PAGE).text
        assert [f">{number}<" in shown for number in (431, 429)] == [left == 431, left == 429]


def test_stock_that_was_not_reckoned_with_is_told(office: Office, folder: Path) -> None:
    """As the last job that proposed prices had it, of this shop alone."""
    ask(office.desk.engine, Kind.PRICE, by="x", now=office.desk.now)
    claimed = claim(office.desk.engine, "worker", now=office.desk.now)
    assert claimed is not None
    mine = "till: Stalls has 5, hall 20 left; other offers draw on hall too, so only that is reckoned with."
    others = [mine.replace("till:", "my-till:"), "What door had left is of 2026-01-01 09:00 UTC, too old to be told."]
    told = {"unused": [mine, *others]}
    finish(office.desk.engine, claimed, State.DONE, told, now=office.desk.now)
    person = office.signed_in("Vera")
    page = person.get(PAGE).text
    assert [text in page for text in (mine, "What door had", "my-till")] == [True, False, False]
    assert "daher wird nur damit gerechnet" in person.get(PAGE, **{"Accept-Language": "de"}).text
    assert folder.exists()


def test_what_failed_before_a_shop_was_connected_anew_is_not_told_of_it(office: Office, folder: Path) -> None:
    """Neither by its page nor by its state; its journal stays."""
    (folder / "prices.csv").unlink()
    anton, ada = office.signed_in("Anton"), office.signed_in("Ada")
    anton.send(f"{PAGE}/ask", step="look")
    done(office.desk)
    assert "The last test failed" in anton.get(PAGE).text
    ada.send(f"{PAGE}/disconnect")
    ada.send("/desk/connect", system="folder", name=TILL, address="exchange")
    since = (office.desk.now + timedelta(seconds=1)).timestamp()
    os.utime(folder_of(office) / "shop.json", (since, since))
    page = anton.get(PAGE).text
    assert ("The last test failed" in page, "Refuses" in page) == (False, False)


def test_a_shop_may_be_called_what_a_page_is(office: Office) -> None:
    """Its own page is found under its name."""
    for name in ("connect", "by-itself"):
        connected(office.desk.root, name, address=name)
        assert f"<h1>{name}</h1>" in office.signed_in("Vera").get(f"/desk/shops/{name}").text


def test_all_changes_of_a_dry_run_are_given_as_a_table(office: Office, folder: Path) -> None:
    """Of which a page shows the largest only."""
    mapped(office.desk.root)
    vera = office.signed_in("Vera")
    assert vera.get(f"{PAGE}/changes.csv").status_code == 404
    publish(office.desk.book, *RISE, at=office.desk.now)
    compared(office, office.signed_in("Petra"))
    sent = vera.get(f"{PAGE}/changes.csv")
    assert sent.text.splitlines()[1] == "1,Hamlet adult,hamlet-adult,all,EUR,10.00,11.00,10.00,12.00,10.00"
    assert folder.exists()


@pytest.mark.parametrize(("name", "seen"), [("Vera", 0), ("Anton", 0), ("Petra", 3), ("Ada", 4)])
def test_nobody_is_offered_what_they_may_not_do(office: Office, folder: Path, name: str, seen: int) -> None:
    """Those who may approve push, roll back and take for right; an admin also disconnects."""
    eventful(office.desk, ["one", "two"])
    page = office.signed_in(name).get(PAGE).text
    dialogs = sum(page.count(f'action="{PAGE}/{step}"') for step in ("push", "rollback", "accept", "disconnect"))
    assert (dialogs, folder.exists()) == (seen, True)
    assert (f'action="{PAGE}/ask"' in page) == (name != "Vera")


def test_a_disconnected_shop_leaves_the_settings_and_keeps_its_journal(office: Office, folder: Path) -> None:
    """Its page is gone; what was written to it is not."""
    eventful(office.desk, ["one"])
    ada = office.signed_in("Ada")
    assert ada.send(f"{PAGE}/disconnect").headers["Location"] == "/desk/shops?done=shop-disconnected"
    assert ada.get(PAGE).status_code == 404
    assert read_settings(office.desk.root / FILE).shops == ()
    assert (office.desk.root / "shops" / TILL / "journal.jsonl").exists()
    assert folder.exists()


def test_everything_about_a_shop_is_told_in_german_too(office: Office, folder: Path) -> None:
    """With amounts as they are written there."""
    assert folder.exists()
    eventful(office.desk, ["Parkett", "Rang"])
    page = office.signed_in("Ada").get(PAGE, **{"Accept-Language": "de"}).text
    assert "Probelauf: was eine Übertragung ändern würde" in page
    assert "11,00\u00a0€" in page
    assert "2 Preise wurden von Hand geändert" in page
