"""The desk in a real browser, on a season that went through the whole flow."""

import itertools
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from api.app import create_app
from api.clock import SteadyClock, utc_now
from api.rehearsal import rehearse
from api.served.follower import Follower
from api.served.snapshot import SNAPSHOT_NAME
from api.store.keys import Scope, create_key
from api.store.users import Role, Users
from optimization import HighsOptimizer
from pricing.model import ALL
from tests.api.pages.conftest import PASSWORD, QUICK
from tests.api.report.test_in_browser import CHROMIUM, FLAGS, until
from tests.api.store.book_kit import place_in

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SIZES = {"1440": (1440, 900), "390": (390, 844)}
LANGUAGES = {"en": "en-GB", "de": "de-DE"}
ALL_WAYS = [*itertools.product(SIZES, LANGUAGES, ("light", "dark"))]
PAIRS = [("1440", "en", "light"), ("1440", "de", "dark"), ("390", "de", "light"), ("390", "en", "dark")]
WAYS = ALL_WAYS if os.environ.get("FAIRFARE_SOAK") else PAIRS
"""Every two of width, language and theme meet; with FAIRFARE_SOAK set, all three."""
DRAWN = "[...document.querySelectorAll('.chart')].every((it) => it.querySelector('.main-svg path'))"


@dataclass
class Shop:
    """A season on sale, its second proposal waiting, served at `url`; `key` reads prices."""

    app: Flask
    url: str
    key: str
    proposal: str
    moved: dict[str, str]
    event: str
    offer: str


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Simulated, ingested, fitted, published; then priced again."""
    root = tmp_path_factory.mktemp("shop") / "season"
    now = utc_now()
    place = rehearse(root, now=now, seed=7, manager="manager", progress=lambda *_: None).workspace
    proposal = place.price(HighsOptimizer(), by="engine", now=now + timedelta(seconds=1))
    moved = {each.offer: str(each.allowed) for each in proposal.decisions if each.allowed != each.in_force}
    engine = place.book._engine
    Users(engine, hasher=QUICK).add("Petra", Role.APPROVER, PASSWORD, by="test", now=now)
    key = create_key(engine, [Scope.PRICES_READ], holder="shop", by="test", now=now)
    follower = Follower(place_in(root), root / SNAPSHOT_NAME, clock=SteadyClock())
    follower.refresh()
    app = create_app(follower, root=root, now=follower.now, refresh=follower.refresh)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    gains = {total.event: total.gain.expected for total in proposal.gains if total.event not in {None, ALL}}
    event = max(gains, key=lambda name: gains[name]) or ""
    offer = next(name for name in moved if name.startswith(f"{event} / "))
    url = f"http://127.0.0.1:{server.server_port}"
    yield Shop(app, url, key, proposal.id, moved, event, offer)
    server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; without it the tests are skipped, except in continuous integration, where they fail."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium on the path, and CI=true: pages must be tried in a browser")
        pytest.skip("no Chromium on the path (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@dataclass
class Window:
    """A page of the browser, and what it said on the console."""

    page: Any
    said: list[str]


def signed_in(browser: Any, shop: Shop, **options: Any) -> Window:
    """A window in which Petra has signed in."""
    page, said = browser.new_context(**options).new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{shop.url}/desk/")
    page.fill("[name=name]", "Petra")
    page.fill("[name=password]", PASSWORD)
    page.click("main button.pri")
    page.wait_for_selector(".rails")
    return Window(page, said)


def paths(shop: Shop) -> dict[str, str]:
    """Every page."""
    return {
        "overview": "/desk/",
        "events": "/desk/events",
        "no event": "/desk/events?q=zzz",
        "event": f"/desk/events/{shop.event}",
        "products": "/desk/products",
        "response": "/desk/response",
        "no response": "/desk/response?status=weak",
        "no product": "/desk/products?q=zzz&state=held",
        "product": "/desk/products/Shop / Mug",
        "product held": "/desk/products/Shop / Tote bag",
        "proposal": f"/desk/proposals/{shop.proposal}",
        "history": "/desk/history",
        "chain": "/desk/history/check",
        "versions": "/desk/versions",
        "version": "/desk/versions/2",
        "jobs": "/desk/jobs",
        "rules": "/desk/rules",
        "offer": f"/desk/offers/{shop.offer}/history",
    }


def faults(page: Any) -> list[str]:
    """What axe finds against WCAG A and AA."""
    page.evaluate(AXE)
    found = page.evaluate("(rules) => axe.run(document, { runOnly: rules })", RULES)
    return [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


@pytest.mark.parametrize(("size", "language", "scheme"), WAYS)
def test_every_page_is_accessible_fits_and_is_silent(
    browser: Any, shop: Shop, size: str, language: str, scheme: str
) -> None:
    """In both themes, widths and languages: nothing for axe, no horizontal overflow, no word on the console."""
    width, height = SIZES[size]
    options = {"viewport": {"width": width, "height": height}, "locale": LANGUAGES[language], "color_scheme": scheme}
    door = browser.new_context(**options).new_page()
    door.goto(f"{shop.url}/desk/sign-in")
    assert faults(door) == []
    window = signed_in(browser, shop, **options)
    for name, path in paths(shop).items():
        window.page.goto(shop.url + path)
        until(window.page, DRAWN)
        assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert faults(window.page) == [], name
        assert window.said == [], name
    window.page.goto(f"{shop.url}/desk/")
    window.page.click(".rails [data-open=stop]")
    assert faults(window.page) == []


def test_the_slider_moves_figures_and_curves_at_once(browser: Any, shop: Shop) -> None:
    """Nothing is sent: every position is worked out already."""
    window = signed_in(browser, shop)
    page = window.page
    page.goto(f"{shop.url}/desk/events/{shop.event}")
    until(page, DRAWN)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    before = page.inner_text("#wi-out")
    took = page.evaluate(
        """async () => {
            const times = [], slider = document.getElementById("wi");
            for (const value of [-9, 4, -2, 7, 1]) {
                slider.value = value;
                const start = performance.now();
                slider.dispatchEvent(new Event("input"));
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                times.push(performance.now() - start);
            }
            return times.sort((a, b) => a - b)[2];
        }"""
    )
    assert page.inner_text("#wi-by").replace("\u2060", "") == "+1%"
    assert page.inner_text("#wi-out") != before
    assert asked == []
    assert took < 500  # whatever runs tests may be busy


def test_keys_lead_through_the_page(browser: Any, shop: Shop) -> None:
    """Skip link, attention list, search, dialog: without a mouse."""
    page = signed_in(browser, shop).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('li').matches('#att li:nth-child(2)')")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.type("zzz")
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/events?q=zzz")
    page.focus("[data-open=stop]")
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('dialog#stop').open")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.open") == "stop"


def test_the_theme_is_remembered(browser: Any, shop: Shop) -> None:
    """The toggle wins over the system, on the next page too, and the chart follows."""
    page = signed_in(browser, shop, color_scheme="light").page
    page.goto(f"{shop.url}/desk/events/{shop.event}")
    until(page, DRAWN)
    ink = "getComputedStyle(document.querySelector('#curve .xtick text')).fill"
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background), page.evaluate(ink)
    page.click("#theme")
    assert page.evaluate(background) != light[0]
    until(page, f"{ink} !== '{light[1]}'")
    page.goto(f"{shop.url}/desk/")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_from_signing_in_to_a_published_price(browser: Any, shop: Shop) -> None:
    """Sign in, see what needs attention, look at the event, approve; the price is read over HTTP."""
    page = signed_in(browser, shop).page
    client, auth = shop.app.test_client(), {"Authorization": f"Bearer {shop.key}"}
    address = f"/v1/prices/{shop.offer.replace(' ', '%20').replace('/', '%2F')}"
    before = client.get(address, headers=auth).get_json()
    page.click(f"#att a:has-text('{shop.event},')")
    page.wait_for_url("**/desk/events/**")
    page.click("[data-open=approve]")
    if page.is_visible("[name=large]"):
        page.check("[name=large]")
    page.click("dialog#approve footer .pri")
    page.wait_for_selector(".notice")
    after = client.get(address, headers=auth).get_json()
    assert (after["price"], after["version"]) == (shop.moved[shop.offer], before["version"] + 1)
    assert before["price"] != after["price"]
    page.goto(f"{shop.url}/desk/history")
    assert page.inner_text(".trail tbody tr:first-child .c-name") == "Petra"
