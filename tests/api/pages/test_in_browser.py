"""The desk in a real browser, on a season that went through the whole flow."""

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from flask import Flask

from api.app import create_app
from api.clock import SteadyClock, utc_now
from api.rehearsal import rehearse
from api.served.follower import Follower
from api.served.snapshot import SNAPSHOT_NAME
from api.settings import default_text
from api.store.book import PriceBook
from api.store.keys import Scope, create_key
from api.store.runs import Kind, State, ask, claim, finish
from api.store.users import Role, Users
from api.workspace import Workspace
from optimization import HighsOptimizer
from pricing.model import ALL
from tests.api.pages.conftest import PASSWORD, QUICK
from tests.api.pages.markup import PAYLOADS, named
from tests.api.pages.shop_kit import connected, eventful
from tests.api.pages.test_markup import PAGES
from tests.api.pages.windows import DRAWN, Window, faults, opened, served
from tests.api.report.test_in_browser import until
from tests.api.store.book_kit import place_in

SOAK = os.environ.get("FAIRFARE_SOAK")
SIZES = {"1440": (1440, 900), "390": (390, 844)}
LANGUAGES = {"en": "en-GB", "de": "de-DE"}


class Way(NamedTuple):
    """How someone looks at the desk."""

    size: str
    language: str
    scheme: str

    @property
    def options(self) -> dict[str, Any]:
        """For a window."""
        width, height = SIZES[self.size]
        viewport = {"width": width, "height": height}
        return {"viewport": viewport, "locale": LANGUAGES[self.language], "color_scheme": self.scheme}

    def __str__(self) -> str:
        return "-".join(self)


PAIRS = [Way("1440", "en", "light"), Way("1440", "de", "dark"), Way("390", "de", "light"), Way("390", "en", "dark")]
WAYS = [*map(Way._make, itertools.product(SIZES, LANGUAGES, ("light", "dark")))] if SOAK else PAIRS
"""Every two of width, language and theme meet; with FAIRFARE_SOAK set, all three."""
OPENING = PAIRS[1:3]
"""In these, questions are opened too: both sizes and themes, and the longer words."""


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
    book: PriceBook
    job: str
    failed: str


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Simulated, ingested, fitted, published; then priced again. One job waits, one has failed."""
    root = tmp_path_factory.mktemp("shop") / "season"
    now = utc_now()
    place = rehearse(root, now=now, seed=7, manager="manager", progress=lambda *_: None).workspace
    proposal = place.price(HighsOptimizer(), by="engine", now=now + timedelta(seconds=1))
    moved = {each.offer: str(each.allowed) for each in proposal.decisions if each.allowed != each.in_force}
    engine = place.book._engine
    for name, role in {"Petra": Role.APPROVER, "Ada": Role.ADMIN}.items():
        Users(engine, hasher=QUICK).add(name, role, PASSWORD, by="test", now=now)
    key = create_key(engine, [Scope.PRICES_READ], holder="shop", by="test", now=now)
    follower = Follower(place_in(root), root / SNAPSHOT_NAME, clock=SteadyClock())
    follower.refresh()
    app = create_app(follower, root=root, now=follower.now, refresh=follower.refresh)
    connected(root)
    eventful(
        SimpleNamespace(root=root, engine=engine, now=now), ["Stalls, adult", "VIP at the very front, with a programme"]
    )
    failed = ask(engine, Kind.REPORT, by="Petra", now=now)
    if claimed := claim(engine, "worker", now=now):
        finish(engine, claimed, State.FAILED, {"problems": ["the disk is full"]}, now=now)
    job = ask(engine, Kind.FIT, by="Petra", now=now)
    gains = {total.event: total.gain.expected for total in proposal.gains if total.event not in {None, ALL}}
    event = max(gains, key=lambda name: gains[name]) or ""
    offer = next(name for name in moved if name.startswith(f"{event} / "))
    with served(app) as url:
        yield Shop(app, url, key, proposal.id, moved, event, offer, place.book, job.id, failed.id)


@contextmanager
def bare(root: Path) -> Iterator[str]:
    """The address of a desk before the first file."""
    place, now = Workspace.create(root, default_text(currency="EUR", time_zone="UTC", country=None)), utc_now()
    Users(place.book._engine, hasher=QUICK).add("Ada", Role.ADMIN, PASSWORD, by="test", now=now)
    follower = Follower(place_in(root), root / SNAPSHOT_NAME, clock=SteadyClock())
    follower.refresh()
    with served(create_app(follower, root=root, now=follower.now, refresh=follower.refresh)) as url:
        yield url


def signed_in(browser: Any, shop: Shop, name: str = "Petra", **options: Any) -> Window:
    """A window in which someone has signed in."""
    window = opened(browser, **options)
    window.sign_in(shop.url, name)
    return window


def paths(shop: Shop) -> dict[str, str]:
    """Every page."""
    return {
        "overview": "/desk/",
        "events": "/desk/events",
        "no event": "/desk/events?q=zzz",
        "event": f"/desk/events/{shop.event}",
        "products": "/desk/products",
        "response": "/desk/response",
        "group": "/desk/response/group?product=VIP&segment=adult",
        "no response": "/desk/response?status=weak",
        "no product": "/desk/products?q=zzz&state=held",
        "product": "/desk/products/Shop / Mug",
        "product held": "/desk/products/Shop / Tote bag",
        "proposal": f"/desk/proposals/{shop.proposal}",
        "approving": f"/desk/proposals/{shop.proposal}/approve?event={shop.event}",
        "history": "/desk/history",
        "chain": "/desk/history/check",
        "versions": "/desk/versions",
        "version": "/desk/versions/2",
        "jobs": "/desk/jobs",
        "job": f"/desk/jobs/{shop.job}",
        "job failed": f"/desk/jobs/{shop.failed}",
        "rules": "/desk/rules",
        "users": "/desk/users",
        "uploads": "/desk/uploads",
        "shops": "/desk/shops",
        "shop": "/desk/shops/till",
        "connect": "/desk/connect?system=pretix",
        "report": "/desk/report",
        "offer": f"/desk/offers/{shop.offer}/history",
    }


ASKED = {
    "stop",
    "lift",
    "reject",
    "override",
    "add",
    "role-",
    "disable-",
    "cancel",
    "push-it",
    "rollback-",
    "disconnect",
}
"""Questions that are looked at."""
OPEN_ALL = "document.querySelectorAll('main details').forEach((it) => { it.open = true; })"
DIALOGS = "[...document.querySelectorAll('dialog')].map((it) => it.id)"


def check(window: Window, url: str, where: str) -> None:
    """A page, all of it unfolded: nothing for axe, nothing beyond the edge, no word on the console."""
    window.page.goto(url)
    until(window.page, DRAWN)
    assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where
    window.page.evaluate(OPEN_ALL)
    assert faults(window.page) == [], where
    assert window.said == [], where


def check_dialogs(page: Any, known: set[str], where: str) -> None:
    """Each kind of question of a page that is new: nothing for axe, it has the focus, and Escape gives that back."""
    for name in page.evaluate(DIALOGS):
        kind = re.sub(r"\d+", "", name)
        openers = f"[data-open='{name}'], [data-{name}]"
        opener = page.locator(f":is({openers}):visible").first
        if kind in known or not opener.count():
            continue
        known.add(kind)
        opener.click()
        assert faults(page, f"#{name}") == [], f"{where}: {name}"
        assert page.evaluate("document.activeElement.closest('dialog').id") == name, where
        page.keyboard.press("Escape")
        assert page.evaluate("(all) => document.activeElement.matches(all)", openers), f"{where}: {name}"


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_page_is_accessible_fits_and_is_silent(browser: Any, shop: Shop, way: Way) -> None:
    """In both themes, widths and languages; also what is folded, questions, and what is said when all is stopped."""
    window = opened(browser, **way.options)
    page, known = window.page, set[str]()
    page.goto(f"{shop.url}/desk/sign-in")
    page.fill("[name=name]", "Xaver")  # of nobody: so many tries in Ada's name would have her wait
    page.fill("[name=password]", "not a password")
    page.click("main button.pri")
    page.wait_for_selector("[role=alert]")
    assert faults(page) == []
    window.sign_in(shop.url, "Ada")
    window.said.clear()  # Chromium tells of each answer that is an error
    for name, path in paths(shop).items():
        check(window, shop.url + path, name)
        if way in OPENING:
            check_dialogs(page, known, name)
    if way.size == "390":
        page.click(".more > summary")
        assert faults(page, ".more") == []
    shop.book.freeze(by="manager", now=utc_now(), reason="a wrong table of stock")
    check(window, f"{shop.url}/desk/", "stopped")
    check_dialogs(page, known, "stopped")
    shop.book.unfreeze(by="manager", now=utc_now(), reason="corrected")
    assert way not in OPENING or known >= ASKED
    page.goto(f"{shop.url}/desk/nowhere")
    assert faults(page) == []
    page.context.close()


@pytest.mark.parametrize("way", OPENING, ids=str)
def test_a_desk_before_the_first_file_is_too(browser: Any, tmp_path: Path, way: Way) -> None:
    """There is nothing yet, and each page says so."""
    window = opened(browser, **way.options)
    with bare(tmp_path / "bare") as url:
        window.sign_in(url, "Ada")
        for name in (
            "",
            "events",
            "products",
            "response",
            "history",
            "versions",
            "jobs",
            "uploads",
            "shops",
            "connect",
        ):
            check(window, f"{url}/desk/{name}", name)
        window.page.context.close()


def test_no_name_runs_in_a_browser(browser: Any, tmp_path: Path) -> None:
    """Nor tries to: the policy against it has nothing to forbid, on any page."""
    office = named(tmp_path, PAYLOADS)
    window = opened(browser)
    window.page.add_init_script(
        """window.alert = () => { throw new Error("it ran"); };
        document.addEventListener("securitypolicyviolation", (it) => console.log("forbidden: " + it.blockedURI));"""
    )
    with served(office.desk.app) as url:
        window.sign_in(url, "Ada")
        kinds = dict[str, str]()
        for path in (path for path in PAGES if "?" not in path):
            window.page.goto(url + path)
            assert window.page.locator("main img, iframe, object, embed").count() == 0
            for link in window.page.eval_on_selector_all("main tbody a", "found => found.map((it) => it.href)"):
                assert link.startswith(f"{url}/desk/")
                kinds.setdefault(link.removeprefix(url).split("/")[2], link)
        for link in kinds.values():
            window.page.goto(link)
            until(window.page, DRAWN)
        window.page.context.close()
    assert {"events", "products", "offers"} <= kinds.keys()
    assert window.said == []


def test_the_slider_moves_figures_and_curves_at_once(browser: Any, shop: Shop) -> None:
    """Nothing is sent: every position is worked out already."""
    window = signed_in(browser, shop)
    page = window.page
    page.goto(f"{shop.url}/desk/events/{shop.event}")
    until(page, DRAWN)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    before = page.inner_text("#wi-out")
    page.evaluate(
        """async () => {
            const slider = document.getElementById("wi");
            for (const value of [-9, 4, -2, 7, 1]) {
                slider.value = value;
                slider.dispatchEvent(new Event("input"));
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            }
        }"""
    )
    assert page.inner_text("#wi-by").replace("\u2060", "") == "+1%"
    assert page.inner_text("#wi-out") != before
    assert asked == []


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


SEEN = """() => {
    const it = document.activeElement, box = it.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const ring = (each) => getComputedStyle(each).outlineStyle !== "none";
    const ringed = it.type === "datetime-local" || ring(it) || ring(it.parentElement);
    return ringed && box.top >= 0 && box.bottom <= innerHeight && (it.contains(top) || it.matches("input[type=range]"));
}"""
"""Whether what has the focus has a ring (the browser draws one around parts of an instant itself), is within the
window, and lies beneath nothing."""


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until this has the focus; whatever has it on the way can be seen."""
    for _ in range(80):
        page.keyboard.press("Tab")
        assert page.evaluate(SEEN), page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
    pytest.fail(f"Tab does not lead to {selector}")


def test_prices_are_approved_by_keyboard_alone(browser: Any, shop: Shop) -> None:
    """From signing in to a price that is read over HTTP; what has the focus is always seen, and a question keeps it."""
    window = opened(browser, viewport={"width": 1440, "height": 700})
    page, keys = window.page, window.page.keyboard
    page.goto(f"{shop.url}/desk/")
    keys.type("Petra")
    tab_to(page, "[name=password]")
    keys.type(PASSWORD)
    keys.press("Enter")
    page.wait_for_selector(".rails")
    tab_to(page, ".skip")
    keys.press("Enter")
    tab_to(page, "main .rails [data-open=stop]")
    keys.press("j")
    keys.press("j")
    assert page.evaluate("document.activeElement.closest('li').matches('#att li:nth-child(2)')")
    keys.press("/")
    keys.type(shop.event)
    keys.press("Enter")
    page.wait_for_selector("h1 + .verdict a")
    keys.press("Tab")
    tab_to(page, "main tbody a")
    keys.press("Enter")
    page.wait_for_url("**/desk/events/**")
    until(page, DRAWN)
    tab_to(page, "#wi")
    said = page.inner_text("#wi-by")
    keys.press("ArrowRight")
    until(page, f"document.getElementById('wi-by').textContent !== '{said}'")
    tab_to(page, "[data-open=reject]")
    keys.press("Enter")
    for _ in range(30):
        keys.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('dialog[open]') !== null"
        )
    keys.press("Escape")
    assert page.evaluate("document.activeElement.dataset.open") == "reject"
    tab_to(page, ".bar-approve .pri")
    keys.press("Enter")
    page.wait_for_url("**/approve?*")
    if page.is_visible("[name=large]"):
        tab_to(page, "[name=large]")
        keys.press("Space")
    tab_to(page, "#approving .pri")
    keys.press("Enter")
    page.wait_for_selector(".notice")
    address = f"/v1/prices/{quote(shop.offer, safe='')}"
    told = shop.app.test_client().get(address, headers={"Authorization": f"Bearer {shop.key}"}).get_json()
    assert told["price"] == shop.moved[shop.offer]
    page.goto(f"{shop.url}/desk/history")
    assert page.inner_text(".trail tbody tr:first-child .c-name") == "Petra"
    assert window.said == []


def test_paper_shows_what_is_known_and_nothing_to_press(browser: Any, shop: Shop) -> None:
    """Ink on white, whatever the theme; charts are drawn anew for it."""
    page = signed_in(browser, shop, color_scheme="dark").page
    page.goto(f"{shop.url}/desk/events/{shop.event}")
    until(page, DRAWN)
    ink = "getComputedStyle(document.querySelector('#curve .xtick text')).fill"
    dark = page.evaluate(ink)
    page.emulate_media(media="print")
    until(page, f"{ink} !== '{dark}'")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for part in (".side", ".top", ".tabs", "main button", "#wi", "main select"):
        assert page.locator(f"{part}:visible").count() == 0, part
    for part in ("h1", ".verdict", ".rails", "#curve .main-svg >> nth=0", ".prices"):
        assert page.locator(part).is_visible(), part
