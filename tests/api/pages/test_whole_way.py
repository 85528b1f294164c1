"""The whole way, as two people go it: from an empty folder to prices that are published, taken back and stopped."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pytest
from typer.testing import CliRunner

from api.cli import keys, users, workspace  # noqa: F401  # they add their commands
from api.cli.main import app
from api.clock import utc_now
from pricing.simulation import simulate
from tests.api.pages.conftest import PASSWORD
from tests.api.pages.windows import DRAWN, opened
from tests.api.report.test_in_browser import until
from tests.api.test_serve import ask, serving

PATIENCE = 90_000
"""For a job, of whatever runs tests [ms]."""
FILES = {"sales": {"price": "Xq"}, "events": {}, "resources": {}, "offers": {}}
"""What the owner brings, in the order that is asked for; with columns that nobody could guess."""


@dataclass
class Place:
    """A workspace that was just made, and is served by its own command; the owner's files; a key that reads prices."""

    url: str
    files: Path
    key: str

    def price(self, offer: str) -> str:
        """What the shop is told."""
        return str(ask(self.url, f"/v1/prices/{quote(offer, safe='')}", self.key)["price"])


def run(*arguments: str, said: str = "") -> str:
    """Give a command, and what it asks for; returns what it prints."""
    done = CliRunner().invoke(app, arguments, input=said)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """`fairfare init`, two people, a key; a season whose newest day is yesterday; `fairfare serve` with its worker."""
    folder, files = tmp_path / "season", tmp_path / "files"
    run("init", str(folder))
    run("users", "add", "Ada", "--role", "admin", "--workspace", str(folder), said=PASSWORD)
    run("users", "add", "Bob", "--role", "approver", "--workspace", str(folder), said=PASSWORD)
    key = run("keys", "create", "--scope", "prices:read", "--name", "shop", "--workspace", str(folder)).split()[-1]
    files.mkdir()
    season = simulate(now=utc_now(), rng=np.random.default_rng(7))
    for kind, columns in FILES.items():
        getattr(season, kind).rename(columns=columns).to_csv(files / f"{kind}.csv", index=False)
    with serving(folder) as url:
        yield Place(url, files, key)


def bring(page: Any, file: Path, columns: dict[str, str]) -> None:
    """Upload a file where it is asked for, name the columns that are not recognised, and see it taken in."""
    page.set_input_files(".leg.here input[type=file]", file)
    page.wait_for_url("**/desk/uploads/*")
    for column, source in columns.items():
        page.select_option(f"[name='column.{column}']", source)
    page.click("form#map .btns .pri")
    page.click(".head a.pri")  # to the next step, once the job is done


def approve(page: Any, address: str, *, at: str = "") -> tuple[str, str, str]:
    """Approve all that is recommended for an event; gives the ticket, audience and price of the first change."""
    page.goto(address)
    page.click(".bar-approve .pri")
    ticket, audience = page.locator(".trail tbody tr:first-child .c-name :is(b, span)").all_inner_texts()
    price = page.inner_text(".trail tbody tr:first-child .c-st b").removeprefix("€")
    if at:
        page.fill("[name=at]", at)
    if page.is_visible("[name=large]"):
        page.check("[name=large]")
    page.click("#approving .pri")
    page.wait_for_selector(".notice, .said")
    return ticket, audience, price


def look(page: Any, address: str) -> None:
    """Open an event and ask what if; the figures follow the slider."""
    page.goto(address)
    until(page, DRAWN)
    before = page.inner_text("#wi-out")
    page.focus("#wi")
    page.keyboard.press("ArrowRight")
    until(page, f"document.getElementById('wi-out').innerText !== {before!r}")


def fix_a_price(page: Any) -> None:
    """Override the first price of an event for a week."""
    page.click("[data-override] >> nth=0")
    page.check("#override [value=fixed]")
    page.press("#override [name=amount]", "ArrowDown")  # a step beside what is recommended
    page.fill("#override [name=until]", f"{utc_now() + timedelta(days=7):%Y-%m-%d}")
    page.fill("#override [name=reason]", "printed on the posters")
    page.click("#override footer .pri")
    page.wait_for_selector(".override")
    assert "printed on the posters" in page.inner_text(".override >> nth=0")


def test_two_people_go_the_whole_way(browser: Any, place: Place) -> None:
    """Upload, map, ingest, fit, look, what-if, override, approve, schedule, publish, read, roll back, stop."""
    ada, bob = opened(browser, locale="en-IE"), opened(browser, locale="en-IE")
    for window in (ada, bob):
        window.page.set_default_timeout(PATIENCE)
    page = ada.page
    ada.sign_in(place.url, "Ada")
    for kind, columns in FILES.items():
        bring(page, place.files / f"{kind}.csv", columns)
    page.click("form[action='/desk/start'] .pri")
    page.wait_for_url(lambda url: "/desk/start" not in url)

    page.goto(f"{place.url}/desk/")
    first, second, *_ = page.eval_on_selector_all(
        "#att a[href*='/desk/events/']", "found => [...new Set(found.map((it) => it.href))]"
    )
    look(page, first)
    fix_a_price(page)
    assert ada.said == []
    approve(page, first)
    assert "someone else must approve it" in page.inner_text("main")  # one of these prices is hers

    page = bob.page
    bob.sign_in(place.url, "Bob")
    approve(page, first, at=f"{utc_now() + timedelta(days=1):%Y-%m-%d}T12:00")
    assert "scheduled" in page.inner_text(".notice")
    ticket, audience, price = approve(page, second)
    assert "in force" in page.inner_text(".notice")
    offer = f"{unquote(second.split('/')[-1])} / {ticket} / {audience}"
    assert place.price(offer) == price

    page.goto(f"{place.url}/desk/versions")
    page.click(".trail tbody tr:first-child a")
    page.click("[data-open=take-back]")
    page.click("dialog#take-back footer .stop")
    page.wait_for_selector(".notice")
    assert place.price(offer) != price

    page.click(".rails [data-open=stop]")
    page.fill("dialog#stop [name=reason]", "a wrong table of stock")
    page.click("dialog#stop footer .stop")
    page.wait_for_selector(".rails.emerg")
    page.goto(f"{place.url}/desk/versions")
    page.click(".trail tbody tr:first-child a")
    assert "a wrong table of stock" in page.inner_text(".rails")
    assert page.locator("[data-open=take-back]").count() == 0
    assert place.price(offer) != price
    assert bob.said == []
