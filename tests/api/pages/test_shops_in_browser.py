"""A shop, the whole way in a real browser: connected, tested, mapped, priced, looked at and rolled back."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.clock import utc_now
from api.settings import default_text
from api.store.users import Role, Users
from api.workspace import Workspace
from tests.api.pages.conftest import PASSWORD, QUICK
from tests.api.pages.shop_kit import prices_in, till
from tests.api.pages.windows import faults, opened
from tests.api.store.book_kit import IDS, LISTINGS, decision, publish
from tests.api.test_serve import serving

PATIENCE = 90_000
"""For a job, of whatever runs tests [ms]."""


@dataclass
class Place:
    """A workspace that is served by its own command, with its worker; and the folder of a shop in it."""

    url: str
    folder: Path


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Three prices that moved to 11.00; a shop in which they are 10.00, and nobody has connected it."""
    root = tmp_path / "season"
    made = Workspace.create(root, default_text(currency="EUR", time_zone="UTC", country=None))
    made.book.import_offers(LISTINGS, by="ann", now=utc_now())
    publish(made.book, *[decision(offer, "11.00") for offer in IDS], at=utc_now())
    Users(made.book._engine, hasher=QUICK).add("Ada", Role.ADMIN, PASSWORD, by="test", now=utc_now())
    folder = till(root)
    with serving(root) as url:
        yield Place(url, folder)


def ask(page: Any, button: str) -> None:
    """Press a button that has a job done, and wait until it is and the page says so."""
    with page.expect_navigation():
        page.click(button)
    page.wait_for_selector("[data-job]", state="detached")  # a quick worker may be done before the page is there


def test_a_shop_is_connected_priced_looked_at_and_rolled_back(browser: Any, place: Place) -> None:
    """By one person, without a command; on the way nothing for axe and no word on the console."""
    window = opened(browser, locale="en-IE", viewport={"width": 390, "height": 844}, color_scheme="dark")
    window.sign_in(place.url, "Ada")
    page = window.page
    page.set_default_timeout(PATIENCE)
    page.goto(f"{place.url}/desk/shops")
    page.click("text=Connect the first one")
    page.click(".kinds a[href*=folder]")
    page.fill("[name=name]", "till")
    page.fill("[name=address]", "exchange")
    page.click(".panel.form .pri")
    assert "The shop is connected" in page.inner_text(".notice[role=status]")

    ask(page, "[name=step][value=look]")
    assert "4 prices were seen" in page.inner_text("#connection")
    assert page.locator("#map .chip.warn").count() == 3
    page.click("#map .bar-approve .pri")
    assert "No price has changed" in page.inner_text(".notice[role=status]")
    ask(page, "[name=step][value=compare]")
    assert page.locator("#changes tbody tr").count() == 3
    assert prices_in(place.folder)["1"] == "10.00"

    page.click("[data-open=push-it]")
    ask(page, "#push-it footer .pri")
    assert prices_in(place.folder) == dict.fromkeys("123", "11.00") | {"9": "10.00"}
    assert "All of it stands" in page.inner_text("#push")
    ask(page, "[name=step][value=verify]")
    assert "All 3 prices stand as decided." in page.inner_text("#seen")

    page.click("[data-open^=rollback-]")
    ask(page, "dialog[open] footer .stop")
    assert prices_in(place.folder) == dict.fromkeys("1239", "10.00")
    assert page.locator("#journal tbody tr").count() == 2
    assert page.locator("[data-open^=rollback-]").count() == 0
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert window.said == []
    page.context.close()
