"""Clicks as a page of the docs has them, made in a browser.

`open <address>` goes there; **Bold** is clicked; **Bold** `value` is entered or chosen at what is called Bold. Words
between them are for people.

Guarantees
----------
* What is called so is looked for near what was touched last and then further out, and must be visible: a label that the
  shop no longer shows fails the test.
* A page that a click leads to is there before the next click.
"""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from playwright.sync_api import Error

STEP = re.compile(r"[Oo]pen `(?P<address>http[^`]+)`|\*\*(?P<label>.+?)\*\*(?: `(?P<value>[^`]+)`)?")
LONGEST = 60.0
"""A page or a label that is not there by then will not come [seconds]."""
FIND = """
const shown = it => it.getClientRects().length > 0;
const clean = text => (text || "").replace(/\\s+/g, " ").trim().replace(/:$/, "");
const own = it => clean([...it.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join(" "));
const names = it => [it.innerText, (it.innerText || "").trim().split("\\n")[0], own(it), it.value].map(clean);
const wants = "a, button, input[type=submit], label, option, strong, h1, h2, h3, h4, h5, legend, th, td, div, span";
const called = (root, name) => {
    const found = [...root.querySelectorAll(wants)].filter(it => shown(it) && names(it).includes(name));
    const usable = found.filter(it => it.matches("a, button, input, label"));
    return (usable.length ? usable : found)[0];
};
const outwards = function* (it) { for (; it; it = it.parentElement) yield it; };
"""
CALLED = (
    f"([name, near]) => {{ {FIND}"
    """
    for (const root of outwards(near?.isConnected ? near : document.body)) {
        const found = called(root, name);
        if (found) return found;
    }
    return null;
}"""
)
"""What is called by a name: the nearest to what was touched last."""
AT = (
    f"([label, value]) => {{ {FIND}"
    """
    const all = "input:not([type=hidden], [type=submit]), textarea", chosen = "[type=checkbox], [type=radio]";
    if (label.control && shown(label.control) && !label.control.matches(chosen)) return [label.control];
    for (const root of outwards(label.parentElement)) {
        const choice = [...root.querySelectorAll("label")].find(it => it !== label && names(it).includes(value));
        if (choice) return [choice];
        const found = [...root.querySelectorAll(all)].filter(shown);
        if (found.length) return found.filter(it => !it.matches(chosen));
    }
    return [];
}"""
)
"""What is entered or chosen at a label: the choice of this value, or the fields next to it."""
LEADS_ELSEWHERE = """it => it.matches("button:not([type]), [type=submit]") && it.form !== null
    || it.matches("a") && !(it.getAttribute("href") ?? "#").startsWith("#")"""


def make(page: Any, text: str) -> None:
    """Make the clicks that a text asks for, one after another."""
    near = None
    for step in STEP.finditer(text):
        if step["address"] is not None:
            page.goto(step["address"])
        elif step["value"] is None:
            near = _click(page, step["label"], near)
        else:
            near = _enter(page, step["label"], step["value"], near)


def _called(page: Any, name: str, near: Any) -> Any:
    found = _until(lambda: page.evaluate_handle(CALLED, [name, near]).as_element())
    assert found is not None, f"nothing on {page.url} is called {name}:\n{page.inner_text('body')[:2000]}"
    return found


def _click(page: Any, name: str, near: Any) -> Any:
    found = _called(page, name, near)
    if not found.evaluate(LEADS_ELSEWHERE):
        found.click()
        return found
    page.evaluate("window.left = false")
    found.click()
    assert _until(lambda: page.evaluate("window.left === undefined && document.readyState === 'complete'")), name
    return None


def _until(made: Callable[[], Any]) -> Any:
    """What comes of it, once it is something; None after the longest."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        with suppress(Error):  # the page was left meanwhile
            if found := made():
                return found
        time.sleep(0.05)
    return None


def _enter(page: Any, name: str, value: str, near: Any) -> Any:
    label = _called(page, name, near)
    fields = page.evaluate_handle(AT, [label, value])
    found = [each.as_element() for each in fields.get_properties().values()]
    assert found, f"{name} on {page.url} has no {value}"
    if len(found) == 1 and found[0].evaluate("it => it.matches('label')"):
        found[0].click()
        return found[0]
    for field, part in zip(found, value.split() if len(found) > 1 else [value], strict=False):
        field.fill("")
        field.type(part)
        field.press("Tab")
    return found[0]
