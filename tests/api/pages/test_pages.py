"""What every page keeps, whatever stands on it."""

import gzip
import re
from datetime import timedelta
from decimal import Decimal

import pytest

from api.bookings import Bookings
from api.pages.assets import FOREVER, PLOTLY, read_assets
from api.shops.status import LastPull, note
from tests.api.pages.conftest import Office, Person
from tests.api.store.book_kit import decision

READ = (
    "/desk/",
    "/desk/events",
    "/desk/events?q=zz",
    "/desk/events/friday",
    "/desk/products",
    "/desk/products?q=zz",
    "/desk/response",
    "/desk/report",
    "/desk/proposals/p1",
    "/desk/proposals/p1/approve",
    "/desk/history",
    "/desk/history?action=propose",
    "/desk/history/check",
    "/desk/versions",
    "/desk/versions/1",
    "/desk/uploads",
    "/desk/start",
    "/desk/jobs",
    "/desk/rules",
    "/desk/shops",
    "/desk/offers/hamlet-adult/history",
)
"""Every page, with something on it."""


@pytest.mark.parametrize("path", READ)
def test_a_page_is_shown_to_viewers_only_when_signed_in(office: Office, path: str) -> None:
    """With a title, one first heading, and the strip of guard rails; without a script or style of its own in it."""
    office.desk.propose()
    assert office.desk.app.test_client().get(path).status_code == 303
    sent = office.signed_in("Vera").get(path)
    assert sent.status_code == 200
    assert sent.text.count("<h1") == 1
    assert 'class="rails' in sent.text
    assert " style=" not in sent.text
    assert re.findall(r"<script(?![^>]*(src=\"/desk/static|application/json))", sent.text) == []
    assert re.findall(r"(?:src|href)=\"(?!/desk|#)[^\"]*\"", sent.text) == []


def test_a_browser_may_load_nothing_from_elsewhere(office: Office) -> None:
    """Nor may another site frame a page, or a proxy keep it."""
    headers = office.signed_in("Vera").get("/desk/").headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", sorted(read_assets()))
def test_an_asset_is_named_by_its_content_and_kept_for_good(office: Office, name: str) -> None:
    """Compressed where the browser reads that, the same bytes in any case; another hash is another address."""
    asset, client = read_assets()[name], office.desk.app.test_client()
    address = f"/desk/static/{asset.hash}/{name}"
    plain, packed = client.get(address), client.get(address, headers={"Accept-Encoding": "gzip"})
    assert plain.data == gzip.decompress(packed.data) == asset.data
    assert plain.headers["Cache-Control"] == packed.headers["Cache-Control"] == FOREVER
    assert packed.headers["Content-Encoding"] == "gzip"
    assert client.get(f"/desk/static/{'0' * 16}/{name}").status_code == 404
    assert name != PLOTLY or len(packed.data) < 0.4 * len(plain.data)


@pytest.mark.parametrize("path", ["../desk.py", "..%2Fdesk.py", "nothing.css"])
def test_nothing_but_assets_is_given(office: Office, path: str) -> None:
    """Whatever the address says."""
    assert office.desk.app.test_client().get(f"/desk/static/{'0' * 16}/{path}").status_code in {303, 404}


def test_what_goes_wrong_is_told_on_a_page(office: Office) -> None:
    """In the reader's language; of our own failure nothing of the inside is said."""
    person = office.signed_in("Petra")
    assert "There is no such page" in person.get("/desk/nowhere").text
    assert person.get("/desk/events/nothing").status_code == 404
    assert person.get("/desk/proposals/nothing").status_code == 404
    office.desk.propose(by="petra")
    refused = person.send("/desk/proposals/p1/approve", when="now")
    assert (refused.status_code, "someone else must approve it" in refused.text) == (409, True)
    assert 'name="next" value="/desk/"' in refused.text  # where another language leads
    office.desk.root.joinpath("fairfare.toml").write_text("nonsense")
    assert person.get("/desk/").status_code == 503
    assert "fairfare.toml" not in person.get("/desk/").text
    assert "fairfare.toml: not readable as TOML" in office.signed_in("Ada").get("/desk/").text  # who may mend it
    office.desk.root.joinpath("prices.db").unlink()
    gone = person.get("/desk/events", **{"Accept-Language": "de"})
    assert (gone.status_code, "nicht zu lesen" in gone.text) == (503, True)
    assert "prices.db" not in gone.text


def test_sales_are_not_called_old_where_every_shop_was_asked_for_them(office: Office) -> None:
    """Nobody bought for days, which is no reason to bring files; a shop that was not asked for days may have sold."""
    root, now, page = office.desk.root, office.desk.now, office.signed_in("Vera")
    Bookings(now, now - timedelta(days=5), ()).save(root)
    assert "Sales are not up to date" in page.get("/desk/").text
    with (root / "fairfare.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[shops]]\nname = "till"\nsystem = "folder"\naddress = "till"\n')
    assert "Sales are not up to date" in page.get("/desk/").text
    (root / "shops" / "till").mkdir(parents=True)
    for days, old in ((0, False), (4, True)):
        note(root / "shops" / "till", pulled=LastPull(now - timedelta(days=days), 0))
        assert ("Sales are not up to date" in page.get("/desk/").text) is old


def test_approving_puts_prices_in_force_under_the_persons_name(office: Office) -> None:
    """Both steps, or neither; and the overview and the served price say so at once."""
    person = office.signed_in("Petra")
    office.desk.propose()
    assert "1 ready" in person.get("/desk/events").text
    sent = person.send("/desk/proposals/p1/approve", when="now")
    assert (sent.status_code, sent.headers["Location"]) == (303, "/desk/?done=published")
    assert office.desk.price() == "11.00"
    assert "The prices are in force." in person.get("/desk/?done=published").text
    assert {entry.by for entry in office.desk.book.entries() if entry.action in {"approve", "publish"}} == {"Petra"}
    office.desk.book.freeze(by="x", now=office.desk.now, reason="x")
    office.desk.propose(decision("hamlet-child"), name="p2")
    assert person.send("/desk/proposals/p2/approve", when="now").status_code == 409
    assert office.desk.book.standing("p2", now=office.desk.now) == "open"


@pytest.mark.parametrize("page", ["/desk/overrides/new?offer=hamlet-adult&channel=all", "/desk/events?q=fri&done=x"])
def test_a_step_leads_back_to_the_page_as_it_was_asked_for(office: Office, page: str) -> None:
    """With all that its address says; what was done before is not said again."""
    person = office.signed_in("Petra")
    leads = person.send("/desk/stop", reason="wrong stock file", next=page).headers["Location"]
    assert leads == f"{page.removesuffix('&done=x')}&done=frozen"
    assert "All changes are stopped. Prices on sale stay as they are." in person.get(leads).text


def test_after_a_decision_nothing_is_left_out_of_what_comes_next(office: Office) -> None:
    """What was left out of a proposal that is decided means nothing in another."""
    person = office.signed_in("Petra")
    office.desk.propose()
    sent = person.send("/desk/proposals/p1/approve", when="now", next="/desk/events/friday?left=eJxjYAAAAAIAAQ")
    assert sent.headers["Location"] == "/desk/events/friday?done=published"


def test_prices_can_begin_later(office: Office) -> None:
    """In the zone of the workspace; a time that is none, or past, changes nothing."""
    person = office.signed_in("Petra")
    office.desk.propose()
    for at in ("", "soon", "2020-01-01T10:00"):
        assert person.send("/desk/proposals/p1/approve", when="later", at=at).status_code in {409, 422}
    tonight = office.desk.now.replace(hour=23, minute=0)
    assert person.send("/desk/proposals/p1/approve", when="later", at=f"{tonight:%Y-%m-%dT%H:%M}").status_code == 303
    assert [price.price for price in office.desk.book.coming(office.desk.now)] == [Decimal("11.00")]
    assert "from" in person.get("/desk/events/friday").text


def test_all_changes_are_stopped_and_go_on(office: Office) -> None:
    """The strip says who stopped them and why, on every page; only an admin may lift it."""
    approver, admin = office.signed_in("Petra"), office.signed_in("Ada")
    approver.send("/desk/stop", reason="wrong stock file")
    for path in READ[:2]:
        assert "wrong stock file" in approver.get(path).text
    assert 'data-open="lift"' not in approver.get("/desk/").text
    assert 'data-open="lift"' in admin.get("/desk/").text
    since = since_of(admin)
    assert admin.send("/desk/lift", reason="corrected", since=since).headers["Location"] == "/desk/?done=unfrozen"
    assert not office.desk.book.frozen()


def since_of(admin: Person) -> str:
    """The stop that the form to lift it is about."""
    return admin.get("/desk/").text.split('name="since" value="')[1].split('"')[0]


def test_a_stop_that_nobody_saw_is_not_lifted(office: Office) -> None:
    """All was stopped anew, for another reason, while a page still showed the first stop."""
    admin = office.signed_in("Ada")
    office.desk.book.freeze(by="Petra", now=office.desk.now, reason="wrong stock file")
    since = since_of(admin)
    office.desk.book.unfreeze(by="Anna", now=office.desk.now, reason="corrected")
    office.desk.machine.wait(timedelta(minutes=1))
    office.desk.book.freeze(by="Petra", now=office.desk.now, reason="prices of another year")
    assert admin.send("/desk/lift", reason="corrected", since=since).status_code == 409
    assert office.desk.book.frozen()


def test_a_price_that_changed_twice_is_one_that_changed(office: Office) -> None:
    """Of those on sale, on the overview."""
    person = office.signed_in("Petra")
    for name, now, price in (("p1", "10.00", "11.00"), ("p2", "11.00", "12.00")):
        office.desk.propose(decision(price=price, now=now), name=name)
        assert person.send(f"/desk/proposals/{name}/approve", when="now").status_code == 303
    said = re.sub(r"<[^>]+>", " ", person.get("/desk/").text)
    assert re.search(r"Prices changed, last 7 days\s+1\s+of 3 on sale", said)


def test_what_was_approved_elsewhere_is_put_in_force_here(office: Office) -> None:
    """On the command line, say; nobody approves it once more."""
    person = office.signed_in("Petra")
    office.desk.propose()
    office.desk.book.approve("p1", by="bob", now=office.desk.now)
    assert "would be refused" not in person.get("/desk/proposals/p1/approve").text
    assert person.send("/desk/proposals/p1/approve", when="now").status_code == 303
    assert office.desk.price() == "11.00"
    assert [entry.by for entry in office.desk.book.entries() if entry.action == "approve"] == ["bob"]


def test_what_waits_no_longer_is_not_there_to_approve(office: Office) -> None:
    """An old link leads to what became of it."""
    person = office.signed_in("Petra")
    office.desk.propose()
    office.desk.book.reject("p1", by="bob", now=office.desk.now)
    assert person.get("/desk/proposals/p1/approve").headers["Location"] == "/desk/proposals/p1"


def test_what_is_only_said_needs_nobody(office: Office) -> None:
    """That no proposal waits is no task; a proposal is one."""
    person = office.signed_in("Vera")
    before = person.get("/desk/").text
    assert "Nothing needs you." in before
    assert "No proposal waits for you" in before
    office.desk.propose()
    assert "One thing needs you." in person.get("/desk/").text


def test_after_a_proposal_that_lapsed_one_is_led_to_the_next(office: Office) -> None:
    """Where new prices are proposed."""
    office.desk.propose()
    office.desk.book.reject("p1", by="bob", now=office.desk.now)
    page = office.signed_in("Vera").get("/desk/").text
    assert "Propose anew" in page
    assert "See what changed" not in page


def test_what_waits_without_a_known_gain_is_not_said_to_be_missing(office: Office) -> None:
    """On the overview and on the page of its event."""
    office.desk.propose()
    for path in ("/desk/", "/desk/events/friday"):
        text = office.signed_in("Vera").get(path).text
        assert "no price change waits" not in text
        assert text.count("not known of these together") == 2


def test_who_may_not_approve_is_shown_what_would_change_and_no_button(office: Office) -> None:
    """The page says who decides."""
    office.desk.propose()
    text = office.signed_in("Anton").get("/desk/proposals/p1/approve").text
    assert "An approver decides." in text
    assert '<button class="btn pri">' not in text
