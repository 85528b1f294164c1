"""What the tests in a browser share: a desk that is served, a window in which someone has signed in, and axe."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from tests.api.pages.conftest import PASSWORD

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],
}
DRAWN = "[...document.querySelectorAll('.chart')].every((it) => it.querySelector('.main-svg path'))"


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """An application on a free port of this machine, until the end of the block; yields its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Window:
    """A page of the browser, and what it said on the console."""

    page: Any
    said: list[str]

    def sign_in(self, url: str, name: str) -> None:
        """Fill in the form, as a person does."""
        self.page.goto(f"{url}/desk/sign-in")
        self.page.fill("[name=name]", name)
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("main button.pri")
        self.page.wait_for_selector(".rails")


def opened(browser: Any, **options: Any) -> Window:
    """A window of its own, with no cookie in it."""
    page, said = browser.new_context(**options).new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return Window(page, said)


def faults(page: Any, part: str = "html") -> list[str]:
    """What axe finds against WCAG A and AA in a part of the page."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE)
    found = page.evaluate("([part, rules]) => axe.run(part, rules)", [part, RULES])
    return [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]
