"""In a real browser: from an empty desk to what is in use, by drag and drop, by the keyboard, and without a script."""

import os
from pathlib import Path
from typing import Any

import pytest

from api.clock import utc_now
from api.jobs import Task, Told
from api.store.database import open_database
from api.store.runs import Kind, State, claim, finish, newest
from api.work import do
from api.workspace import Workspace
from tests.api.pages.test_in_browser import bare
from tests.api.pages.windows import Window, faults, opened
from tests.api.report.test_in_browser import until

SALES = "Verkaufsdatum;Kartenart;Anzahl;Einzelpreis\n16.10.2025;Parkett;3;12,90\n17.10.2025;Parkett;viele;12,90\n"
OFFERS = "offer,product,floor,ceiling,current_price,ladder\na,Parkett,9.90,16.90,12.90,9.9:16.9:0.5\n"
DROP = """([form, name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    const how = { dataTransfer: data, bubbles: true, cancelable: true };
    for (const kind of ["dragenter", "dragover", "drop"])
        document.querySelector(form).dispatchEvent(new DragEvent(kind, how));
}"""
BOTH = [({"width": 390, "height": 844}, "dark", "de-DE"), ({"width": 1440, "height": 900}, "light", "en-GB")]
WAYS = BOTH if os.environ.get("FAIRFARE_SOAK") else BOTH[:1]
"""The way of the phone; with FAIRFARE_SOAK set, that of the desk too."""


def work(root: Path) -> Kind:
    """Do what was asked for first, as a worker does."""
    engine, told = open_database(Workspace.open(root).database), list[Told]()
    run = claim(engine, "w1", now=utc_now())
    assert run is not None
    do(Task(run.kind, run.by, utc_now(), run.arguments), root, say=told.append)
    made = told[-1]
    state = State.DONE if made.result is not None else State.FAILED
    finish(engine, run, state, made.result or {"problems": list(made.problems or ())}, now=utc_now())
    return run.kind


def well(window: Window) -> None:
    """The page is accessible, fits, and said nothing on the console."""
    page = window.page
    page.evaluate("document.querySelectorAll('main details').forEach((it) => { it.open = true; })")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert window.said == []


@pytest.mark.parametrize(("viewport", "scheme", "locale"), WAYS)
def test_from_an_empty_desk_to_the_first_recommendation(
    browser: Any, tmp_path: Path, viewport: dict[str, int], scheme: str, locale: str
) -> None:
    """A file with a flaw is mended by leaving its row out; the other is dropped; then both jobs are asked for."""
    window = opened(browser, viewport=viewport, color_scheme=scheme, locale=locale)
    page, root = window.page, tmp_path / "shop"
    with bare(root) as url:
        window.sign_in(url, "Ada")
        assert page.url == f"{url}/desk/start"
        well(window)
        page.set_input_files(
            "#file-sales", {"name": "Mai.csv", "mimeType": "text/csv", "buffer": SALES.encode("cp1252")}
        )
        page.wait_for_url("**/uploads/*")
        assert page.input_value("[name='column.price']") == "Einzelpreis"
        well(window)
        page.select_option("[name='column.segment']", "Kartenart")
        assert page.inner_text("tr:has([name='column.segment']) [data-cells]:not(option)") == "Parkett"
        page.select_option("[name='column.segment']", "")
        page.click("#map > .btns .pri")
        page.wait_for_selector("[data-job]")
        well(window)
        assert work(root) is Kind.INGEST
        page.wait_for_selector(".badcell")
        assert page.inner_text(".bads .badcell") == "viele"
        well(window)
        page.click("button[name=aside]")
        page.wait_for_selector("[data-job]")
        work(root)
        page.wait_for_selector("#read")
        well(window)
        page.click("main .head .pri")
        page.wait_for_url("**/start")
        page.evaluate(DROP, [".drop:has(#file-offers)", "<b>Angebot.csv", OFFERS])
        page.wait_for_url("**/uploads/*")
        page.keyboard.press("Tab")
        page.focus("#map > .btns .pri")
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-job]")
        work(root)
        page.wait_for_selector("#read")
        page.goto(f"{url}/desk/start")
        page.click("form[action='/desk/start'] .pri")
        until(page, "document.querySelectorAll('[data-job]').length === 2")
        well(window)
        runs = newest(open_database(Workspace.open(root).database), before=None, limit=2)
        assert [run.kind for run in runs] == [Kind.PRICE, Kind.FIT]
        page.context.close()


def test_a_file_is_brought_without_a_script_too(browser: Any, tmp_path: Path) -> None:
    """One that is too large or no table is told on a page, or beside the place it was dropped on."""
    root = tmp_path / "shop"
    with bare(root) as url:
        (root / "fairfare.toml").write_text("[uploads]\nmax_mb = 1\n")
        plain = opened(browser, java_script_enabled=False).page
        Window(plain, []).sign_in(url, "Ada")
        plain.goto(f"{url}/desk/uploads")
        plain.set_input_files("#file-any", {"name": "Mai.csv", "mimeType": "text/csv", "buffer": SALES.encode()})
        plain.click(".drop .btn")
        plain.wait_for_url("**/uploads/*")
        assert plain.input_value("[name='column.price']") == "Einzelpreis"
        window = opened(browser)
        window.sign_in(url, "Ada")
        window.page.goto(f"{url}/desk/uploads")
        for name, data, said in (
            ("a.xlsx", b"PK\x03\x04", "CSV UTF-8"),
            ("b.csv", b"x" * 1_100_000, "larger than 1 MB"),
        ):
            window.page.set_input_files("#file-any", {"name": name, "mimeType": "text/csv", "buffer": data})
            until(window.page, f"document.querySelector('.wrong').textContent.includes('{said}')")
        assert faults(window.page) == []
        for each in (plain, window.page):
            each.context.close()
