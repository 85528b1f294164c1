"""Every text of the desk is there in German, and numbers are written as the reader writes them."""

import itertools
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import api.pages
from api.pages.language import FOLDER, catalogue
from api.pages.numbers import Numbers
from tests.api.pages.conftest import Office

PAGES = Path(api.pages.__file__).parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.i18n", "newstyle_gettext": "true", "encoding": "utf-8"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "lazy_gettext": None}
HOLES = re.compile(r"%\((\w+)\)[sd]")


def used() -> set[str | tuple[str, ...]]:
    """Every text that code and templates ask for."""
    found = extract_from_dir(str(PAGES), method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS)
    return {message for _, _, message, _, _ in found}


def german() -> Catalog:
    """The German catalogue."""
    with (FOLDER / "de.po").open("rb") as file:
        return read_po(file, locale="de")


def texts(told: object) -> tuple[str, ...]:
    """One text, or singular and plural."""
    return tuple(map(str, told)) if isinstance(told, tuple | list) else (str(told),)


def test_no_text_is_untranslated_and_no_translation_unused() -> None:
    """What the pages say and what the catalogue holds are the same texts."""
    known = {message.id: texts(message.string) for message in german() if message.id}
    assert used() - known.keys() == set()
    assert known.keys() - used() == set()
    assert [key for key, translated in known.items() if not all(translated)] == []


def test_a_translation_has_the_holes_of_its_text() -> None:
    """Nothing that is filled in gets lost, or is asked for and not there."""
    for message in german():
        one, other = texts(message.id), texts(message.string)
        holes = {name for text in one for name in HOLES.findall(text)}
        for english, text in itertools.zip_longest(one, other, fillvalue=one[-1]):
            assert set(HOLES.findall(text)) <= holes, text
            assert set(HOLES.findall(text)) >= set(HOLES.findall(english)) - {"num"}, text


def test_german_has_its_own_plural() -> None:
    """Compiled from the file as it is."""
    texts = catalogue("de")
    assert texts.ngettext("one price", "%(num)d prices", 1) == "ein Preis"
    assert texts.ngettext("one price", "%(num)d prices", 2) == "%(num)d Preise"


@pytest.mark.parametrize(
    ("asked", "cookie", "said", "lang"),
    [
        ("de", None, "Übersicht", "de-DE"),
        ("de-AT,en;q=0.5", None, "Übersicht", "de-AT"),
        ("fr, en-US;q=0.8", None, "Overview", "en-US"),
        ("xx", None, "Overview", "en-GB"),
        ("en-US", "de", "Übersicht", "de-DE"),
        ("de", "en", "Overview", "en-GB"),
        ("de-'><script>", None, "Übersicht", "de-DE"),
    ],
)
def test_a_reader_gets_their_language(office: Office, asked: str, cookie: str | None, said: str, lang: str) -> None:
    """What they chose, else what their browser asks for, else English; money as in their region."""
    person = office.signed_in("Vera")
    if cookie:
        person.client.set_cookie("language", cookie, path="/desk")
    page = person.get("/desk/", **{"Accept-Language": asked}).text
    assert f'<html lang="{lang}"' in page
    assert f"<title>{said} · Fairfare</title>" in page


def test_choosing_a_language_lasts(office: Office) -> None:
    """And an unknown one is refused."""
    person = office.signed_in("Vera")
    assert person.send("/desk/language", language="de").status_code == 303
    assert "Übersicht" in person.get("/desk/", **{"Accept-Language": "en"}).text
    assert person.send("/desk/language", language="xx").status_code == 422


CASES = {
    "en_GB": "€1,234.50 | €1,235 | +€403 | −€42 | €0 | 13% | +7.1% | −1.38 | Sat, 12 Dec 2026 | 20:30",
    "de_DE": "1.234,50 € | 1.235 € | +403 € | −42 € | 0 € | 13 % | +7,1 % | −1,38 | Sa., 12. Dez. 2026 | 20:30",
    "en_US": "€1,234.50 | €1,235 | +€403 | −€42 | €0 | 13% | +7.1% | −1.38 | Sat, Dec 12, 2026 | 20:30",
}


@pytest.mark.parametrize("name", list(CASES))
def test_numbers_are_written_as_in_the_readers_region(name: str) -> None:
    """Signs, separators, symbols, and the zone of the workspace."""
    n = Numbers(Locale.parse(name), ZoneInfo("Europe/Berlin"))
    at = datetime(2026, 12, 12, 19, 30, tzinfo=UTC)
    written = [
        n.price(Decimal("1234.5"), "EUR"),
        n.whole(1234.6, "EUR"),
        n.difference(403.2, "EUR"),
        n.difference(-42, "EUR"),
        n.difference(-0.3, "EUR"),
        n.percent(0.13),
        n.change(0.0712),
        n.decimal(-1.384),
        n.day(at),
        n.clock(at),
    ]
    assert " | ".join(written).replace("\xa0", " ").replace("\u2060", "") == CASES[name]
