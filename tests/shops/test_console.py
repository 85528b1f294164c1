"""What a page of the docs shows of a console and of clicks is held to it."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.api.chromium import chromium
from tests.shops import clicks
from tests.shops.console import Shell, Typed, typed

BLOCK = """$ cat > a.txt <<'END'
$ no command
END
$ cat a.txt
whatever
$ cd .. && pwd
"""
PRICED = "gala 35.00 →    38.50      94     3,636     +180  -272\nProposal 20261122-141232-de9301 of 2026-11-22 14:12"
PAGE = """<form onsubmit="document.title = [...new FormData(this)].join(); return false">
<p><label for=a>Name:</label> <input id=a name=a></p><p><button type=button>Add</button></p>
<div class=row><label>Orders</label> <label><input type=radio name=b value=1> View all</label></div>
<div class=row><strong>Ticket</strong> <button type=button onclick="document.title += 'x'">+</button></div>
<div hidden><button type=button>Gone</button></div></form>"""


def test_commands_are_typed_into_one_shell_with_what_they_are_fed(tmp_path: Path) -> None:
    """A line that looks like a command within what is fed is none, and the folder that one changes is the next's."""
    (tmp_path / "in").mkdir()
    with Shell(tmp_path / "in", os.environ) as shell:
        printed = [shell.run(step.command) for step in typed(BLOCK)]
        assert [each.strip() for each in printed] == ["", "$ no command", str(tmp_path)]
        assert shell.run("read -r TOKEN", "s3cret\n").strip() == ""
        assert shell.run('echo "$TOKEN"').strip() == "s3cret"


@pytest.mark.parametrize(
    ("printed", "same"),
    [
        (PRICED.replace("14:12", "09:30").replace("de9301", "aaaaaa"), True),
        (PRICED.replace("3,636", "3,700").replace("      94 ", " 101\n"), True),
        (PRICED.replace("38.50", "38.00"), False),
        (PRICED.replace("gala", "ball"), False),
    ],
    ids=["another day", "another expectation", "another price", "another offer"],
)
def test_a_price_that_differs_is_told_and_a_day_that_differs_is_not(printed: str, *, same: bool) -> None:
    """Instants, ids and expectations are of the day; prices and words are what the page promises."""
    step = Typed("fairfare price", PRICED)
    assert (step.plain(printed) == step.plain(PRICED)) == same


def test_figures_that_nobody_foresees_are_compared() -> None:
    """How many sales are new is no expectation."""
    step = Typed("fairfare sync tickets", "tickets: 2 sales are new")
    assert step.plain("tickets: 3 sales are new") != step.plain(step.printed)


@pytest.fixture(scope="module")
def page() -> Any:
    """A form in a browser."""
    with chromium() as browser:
        found = browser.new_page()
        found.set_content(PAGE)
        yield found


def test_clicks_are_made_as_they_are_written(page: Any) -> None:
    """Entered in the field of a label, chosen at one, and clicked near what was touched last."""
    clicks.make(page, "**Name** `Gala`, **Orders** `View all`, at **Ticket** **+**, **+**")
    assert page.input_value("#a") == "Gala"
    assert page.is_checked("[name=b]")
    assert page.title() == "xx"


@pytest.mark.parametrize("text", ["**Gone**", "**Names** `Gala`", "**Orders** `View and change`"])
def test_what_is_not_shown_so_fails(page: Any, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A label that the shop no longer has, or a choice that it does not offer, is a fault of the page of the docs."""
    monkeypatch.setattr(clicks, "LONGEST", 0.1)
    with pytest.raises(AssertionError):
        clicks.make(page, text)
