"""In a browser: what is ticked is counted by the server or not at all, and what changes something is sent once."""

from pathlib import Path
from typing import Any

from tests.api.desk import Desk
from tests.api.pages.conftest import PASSWORD, Office
from tests.api.pages.windows import opened, served
from tests.api.report.test_in_browser import until

PRESS = """() => {
    const prevented = [];
    addEventListener("submit", (event) => { prevented.push(event.defaultPrevented); event.preventDefault(); });
    const button = document.querySelector("button[name=kind]");
    button.click();
    button.click();
    return prevented;
}"""
"""Presses twice what asks for a job; tells of each press whether the page itself held it back."""


def test_a_tick_is_counted_or_it_is_said_that_it_was_not(browser: Any, tmp_path: Path) -> None:
    """Nor does a filter act as a keyboard passes it; nothing chosen cannot be approved; a job is asked for once."""
    office = Office(Desk(tmp_path))
    office.desk.propose()
    page = opened(browser, locale="en-GB").page
    with served(office.desk.app) as url:
        page.goto(f"{url}/desk/sign-in?next=/desk/events/friday")
        page.fill("[name=name]", "Petra")
        page.fill("[name=password]", PASSWORD)
        page.click("main button.pri")
        page.wait_for_selector("#bar")
        page.uncheck("[name=pick]")
        until(page, "document.querySelector('#bar b').textContent === '0 of 1 chosen'")
        assert page.is_disabled("#bar .pri")
        page.route("**/bar?*", lambda route: route.abort())
        page.check("[name=pick]")
        until(page, "document.querySelector('#bar').textContent.includes('was not counted anew')")
        page.goto(f"{url}/desk/proposals/p1")
        page.focus("select[name=change]")
        page.keyboard.press("ArrowDown")
        assert page.input_value("select[name=change]") == "up"
        assert page.url == f"{url}/desk/proposals/p1"
        page.keyboard.press("Enter")
        page.wait_for_url("**change=up**#list")
        page.goto(f"{url}/desk/proposals/p1/approve?seen=0")
        assert page.is_disabled("#approving .pri")
        page.goto(f"{url}/desk/jobs")
        assert page.evaluate(PRESS) == [False, True]
        page.context.close()
