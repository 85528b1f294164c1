"""Whatever a thing is called, a page is made of the same elements."""

from urllib.parse import quote

import pytest

from tests.api.pages.conftest import Person
from tests.api.pages.markup import PAYLOADS, PLAIN, Made, named
from tests.api.pages.test_pages import READ

PAGES = [
    *(path for path in READ if "friday" not in path and "hamlet" not in path),
    "/desk/history?action=freeze",
    "/desk/events?page=2",
    "/desk/products?page=2",
    "/desk/users",
    "/desk/shops/till",
    "/desk/shops/till?q=a",
    "/desk/connect",
    "/desk/versions/3",
]
EACH = ["/desk/events/{}", "/desk/products/{}%20", "/desk/offers/{}/history"]
"""Pages there are one of for each name."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Ada, at the desk where everything is called by a payload."""
    return named(tmp_path_factory.mktemp("hostile"), PAYLOADS).signed_in("Ada")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Ada, at the same desk with plain names."""
    return named(tmp_path_factory.mktemp("plain"), PLAIN).signed_in("Ada")


def made(person: Person, path: str) -> Made:
    """A page that is there, taken apart; no link of it leaves the desk."""
    sent = person.get(path)
    assert sent.status_code == 200, path
    page = Made(sent.text)
    assert [link for link in page.links if not link.startswith(("/desk/", "#"))] == []
    return page


def test_the_payloads_are_fifty_and_differ() -> None:
    """What is proved is proved of each."""
    assert len({*PAYLOADS}) == 50


@pytest.mark.parametrize("path", PAGES)
def test_names_change_no_element_of_a_page(hostile: Person, plain: Person, path: str) -> None:
    """Nor any attribute; in lists of events, products, people, reasons, jobs and price responses."""
    ordered = set if path == "/desk/users" else list  # fewer people can be called by a payload
    assert ordered(made(hostile, path).elements) == ordered(made(plain, path).elements)


@pytest.mark.parametrize("path", EACH)
def test_the_page_of_each_name_is_made_alike_and_says_it(hostile: Person, plain: Person, path: str) -> None:
    """As text, letter by letter."""
    expected = made(plain, path.format(quote(PLAIN[0], safe=""))).elements
    for payload in PAYLOADS:
        page = made(hostile, path.format(quote(payload, safe="")))
        assert page.elements == expected, payload
        assert any(payload in text for text in page.texts), payload


@pytest.mark.parametrize("path", ["/desk/events?q={}", "/desk/products?q={}", "/desk/sign-in?next={}", "/desk/{}"])
def test_what_is_asked_for_is_no_markup_either(hostile: Person, plain: Person, path: str) -> None:
    """Searched for, or in the address of a page that is not there."""
    expected = {*Made(plain.get(path.format("a")).text).elements}
    for payload in PAYLOADS:
        assert {*Made(hostile.get(path.format(quote(payload, safe=""))).text).elements} <= expected, payload
