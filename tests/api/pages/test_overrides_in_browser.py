"""The dialog of an override in a browser: by keyboard, with what comes of it said as it is filled in."""

from pathlib import Path
from typing import Any

from api.store.overrides import Overrides
from tests.api.desk import Desk
from tests.api.pages.conftest import Office
from tests.api.pages.windows import faults, opened, served
from tests.api.store.book_kit import decision


def test_an_override_is_set_by_keyboard_and_its_dialog_is_accessible(browser: Any, tmp_path: Path) -> None:
    """The mildest form first; what happens next changes with each choice; focus goes into the dialog and comes back."""
    office = Office(Desk(tmp_path))
    office.desk.propose(decision(price="12.00"))
    window = opened(browser, viewport={"width": 390, "height": 844}, locale="en-GB")
    page = window.page
    with served(office.desk.app) as url:
        window.sign_in(url, "Petra")
        page.goto(f"{url}/desk/events/friday")
        opener = page.locator("[data-override]").first
        opener.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("#override[open]")
        assert page.evaluate("document.activeElement.closest('dialog').id") == "override"
        assert page.is_checked("#override [value=floor]")
        assert "Nothing changes now: €12.00 keeps it." in page.inner_text("[data-effect]")
        assert faults(page, "#override") == []
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.keyboard.press("Escape")
        assert opener.evaluate("it => it === document.activeElement")
        page.keyboard.press("Enter")
        page.check("#override [value=ceiling]")
        page.select_option("#override select", "11.00")
        said = page.inner_text("[data-effect]")
        assert "the price becomes €11.00 instead of €12.00; someone else approves it." in said
        assert "What it costs is not known" in said
        page.fill("#override [name=reason]", "promised")
        page.keyboard.press("Enter")
        page.wait_for_selector(".notice[role=status]")
        assert "Override: ceiling €11.00 until" in page.inner_text("main")
        page.context.close()
    assert [each.by for each in Overrides(office.desk.engine).last()] == ["Petra"]
    assert window.said == []
