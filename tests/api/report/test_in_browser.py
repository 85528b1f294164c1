"""Reports in a real browser: they draw, fit the screen, and say nothing on the console."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.report import backtest_report, elasticity_report
from forecasting.backtest import backtest
from forecasting.fleet import Task
from tests.api.chromium import chromium
from tests.api.report.responses import Shop
from tests.api.report.season import NOW
from tests.forecasting.examples import sales_rows, seasonal

SIZES = {
    "desktop": {"width": 1440, "height": 900},
    "tablet": {"width": 820, "height": 1100},
    "phone": {"width": 390, "height": 844},
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for all reports."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def files(shop: Shop, page: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every report on disk."""
    folder = tmp_path_factory.mktemp("reports")
    rows = sales_rows({f"show number {k}": seasonal(130, level=10.0 ** (k + 1), seed=k) for k in range(3)})
    made = {
        "season": page,
        "elasticity": elasticity_report(shop.found, now=NOW),
        "backtest": backtest_report(backtest(rows, Task(horizon=13, model="ridge"), folds=2)),
    }
    for name, text in made.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


def until(page: Any, expression: str) -> None:
    """Wait for a condition; the page's own policy forbids Playwright's waiting, which evaluates text."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"it never came true: {expression}")


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("report", ["season", "elasticity", "backtest"])
def test_a_report_draws_and_fits_without_a_word_on_the_console(
    browser: Any, files: dict[str, Path], report: str, size: str
) -> None:
    """No error, no request, no horizontal overflow; what is open is drawn, and what is opened draws."""
    page = browser.new_page(viewport=SIZES[size])
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(files[report].as_uri())
    page.wait_for_selector(".chart .main-svg", state="attached")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(UNDRAWN) == 0
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    until(page, "[...document.querySelectorAll('.chart')].every((it) => it.querySelector('.main-svg'))")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.close()


UNDRAWN = """[...document.querySelectorAll('.chart')]
    .filter((it) => it.checkVisibility() && !it.querySelector('.main-svg path')).length"""


def test_colours_follow_the_readers_scheme(browser: Any, files: dict[str, Path]) -> None:
    """Dark is drawn dark: the ink of a chart changes with the scheme, without a reload."""
    page = browser.new_page(color_scheme="light")
    page.goto(files["season"].as_uri())
    page.wait_for_selector(".chart .main-svg", state="attached")
    ink = "document.querySelector('.chart .scatterlayer .trace:last-of-type path').style.fill"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    until(page, f"{ink} !== '{light}'")
    page.close()


def test_a_link_in_the_summary_opens_its_event(browser: Any, files: dict[str, Path]) -> None:
    """From the table of events to the closed details below."""
    page = browser.new_page()
    page.goto(files["season"].as_uri())
    last = page.locator(".ov .rl").last
    target = last.get_attribute("href")
    assert not page.evaluate(f"document.querySelector('{target}').open")
    last.click()
    until(page, f"document.querySelector('{target}').open")
    page.close()


def test_paper_shows_everything_in_light(browser: Any, files: dict[str, Path]) -> None:
    """Before printing, every event is open and drawn, and colours are those of paper."""
    page = browser.new_page(color_scheme="dark")
    page.goto(files["season"].as_uri())
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    until(page, "[...document.querySelectorAll('.chart')].every((it) => it.querySelector('.main-svg'))")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(23, 32, 30)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelectorAll('details.panel[open]').length") == 1
    page.close()


def test_paper_shows_diagnostics_and_every_picture_of_price_response(browser: Any, files: dict[str, Path]) -> None:
    """Nothing on paper is behind a click, and afterwards the page is as it was."""
    page = browser.new_page()
    page.goto(files["elasticity"].as_uri())
    closed = "document.querySelectorAll('details:not([open]):not(.numbers)').length"
    before = page.evaluate(closed)
    assert before > 5
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(closed) == 0
    until(page, "[...document.querySelectorAll('.chart')].every((it) => it.querySelector('.main-svg'))")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(closed) == before
    page.close()
