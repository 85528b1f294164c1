"""docs/shops/pretix-example.md, walked from top to bottom: what it says to type, to click, and what comes of it.

The commands are typed as they stand, and the clicks made in Chromium in pretix's own pages. Installing pretix and
making its tables takes two minutes and is not done each time: the environment is that of the other tests, and the
tables are kept as pretix's `migrate` left them.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.api.chromium import chromium
from tests.real_data import ROOT
from tests.shops import clicks
from tests.shops.console import Shell, Typed, typed
from tests.shops.pretix_kit import LOCK
from tests.shops.processes import Server, cache, environment, kept_port, making, variables

pytestmark = pytest.mark.shops("pretix, the worked example")

PAGE = (ROOT / "docs" / "shops" / "pretix-example.md").read_text(encoding="utf-8")
PART = re.compile(r"^```console\n(?P<console>.*?)^```|^\d+\. (?P<clicks>[^\n]*)", re.MULTILINE | re.DOTALL)
"""Commands, or a numbered line of clicks."""
PORT, ORDER = "8345", "AS79N"
"""As the page has them."""
DAY = re.compile(r"The gala begins on (\d{4}-\d\d-\d\d)")
SECRET = re.compile(r"secret: ([a-z0-9]{64})")
ORDERED = re.compile(r"/order/([A-Z0-9]{5})/")


def migrated(python: Path) -> Path:
    """The data of a pretix that was just installed; made once for each version of it."""
    folder = cache() / f"pretix-empty-{python.parent.parent.name}"
    with making(folder):
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "data").mkdir(parents=True)
            (folder / "pretix.cfg").write_text("[pretix]\nurl=http://127.0.0.1\n")
            made = [str(python), "-W", "ignore", "-B", "-m", "pretix", "migrate", "--verbosity", "0"]
            subprocess.run(made, cwd=folder, env=variables({}), check=True)
            (folder / "made").touch()
    return folder / "data"


@dataclass(slots=True)
class Walk:
    """Someone who does what the page says.

    Attributes
    ----------
    served : what answers once the shop is up
    now : what the page calls otherwise, because it is another each time
    """

    folder: Path
    shell: Shell
    owner: Any
    buyer: Any
    port: int
    served: ExitStack
    now: dict[str, str] = field(default_factory=dict)
    secret: str = ""

    def said(self, text: str) -> str:
        """What the page says, as it is this time."""
        for written, this in self.now.items():
            text = text.replace(written, this)
        return text

    def type(self, step: Typed) -> str:
        """Type a command; what it printed."""
        command = self.said(step.command)
        if command.endswith(" &"):
            self._serve(command.removesuffix(" &"))
            return ""
        printed = self.shell.run(command, f"{self.secret}\n" if command.startswith("read ") else "")
        if (begins := DAY.search(printed)) and (written := DAY.search(PAGE)):
            self.now[written[1]] = begins[1]
        return printed

    def _serve(self, command: str) -> None:
        address = f"http://127.0.0.1:{self.port}/"
        server = Server(["/bin/bash", "-c", command], address, {}, self.folder, self.folder / "server.log")
        self.served.callback(server.kill)
        server.start()

    def window(self, line: str) -> Any:
        """The window that a line of clicks is about."""
        return self.buyer if "private window" in line else self.owner

    def click(self, line: str) -> None:
        """Make the clicks of a line, in the window it names."""
        page = self.window(line)
        clicks.make(page, self.said(line))
        if shown := SECRET.search(page.inner_text("body")):
            self.secret = shown[1]
        if ordered := ORDERED.search(page.url):
            self.now[ORDER] = ordered[1]


@contextmanager
def walking(folder: Path) -> Iterator[Walk]:
    """Someone at the begin of the page: pretix is installed, its tables are made, and there is no event in it."""
    python = environment(LOCK)
    shutil.copytree(migrated(python), folder / "data")
    (folder / "pretix").symlink_to(python.parent.parent)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with ExitStack() as served, kept_port() as port, chromium() as browser:
        shell = served.enter_context(Shell(folder, variables({"PATH": path})))
        owner, buyer = (browser.new_context(locale="en-GB").new_page() for _ in range(2))
        yield Walk(folder, shell, owner, buyer, port, served, {PORT: str(port)})


def test_the_page_is_true(tmp_path: Path) -> None:
    """From an empty pretix to a buyer who paid the price that Fairfare set: what is printed is what it says."""
    with walking(tmp_path) as walk:
        for part in PART.finditer(PAGE):
            if part["clicks"] is not None:
                walk.click(part["clicks"])
            for step in typed(part["console"] or ""):
                assert step.plain(walk.type(step)) == step.plain(walk.said(step.printed)), step.command
        assert {"€38.50", "€77.00"} <= set(walk.buyer.inner_text("main").split())
        walk.click(f"In a private window, open `http://127.0.0.1:{PORT}/hosts/gala/`")
        assert {"€35.00", "€29.00"} <= set(walk.buyer.inner_text("main").split())
