"""Languages of the pages: which one a reader gets, and its catalogue.

Guarantees
----------
* A catalogue is compiled from its `.po` file when it is first needed; no compiled file is kept.
* What a reader chose counts; else what their browser asks for; else English.
* Money and dates follow the reader's region (en-US, de-AT), where the browser names one for the language.
* A figure and its percent sign stay on one line, however the catalogue is written.
"""

import functools
import io
import re
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, request
from flask_babel import Babel, Domain, get_locale

LANGUAGES = {"en": "English", "de": "Deutsch"}
"""Languages by code, each by its own name; English is what the texts are written in."""
REGIONS = {"en": "en_GB", "de": "de_DE"}
"""Where the browser names none."""
COOKIE = "language"
FOLDER = Path(__file__).parent / "locale"


class _Catalogues(Domain):  # type: ignore[misc]  # flask-babel publishes no types
    """The texts in the language of the request."""

    def get_translations(self) -> NullTranslations:
        """Its catalogue."""
        return catalogue(get_locale().language)


class _Babel(Babel):  # type: ignore[misc]  # as above
    domain_instance = _Catalogues()


def install(app: Flask) -> None:
    """Let an application speak the reader's language."""
    _Babel(app, locale_selector=choose)


@functools.cache
def catalogue(language: str) -> NullTranslations:
    """The texts of a language."""
    path = FOLDER / f"{language}.po"
    if not path.exists():
        return NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        texts = read_po(file, locale=language)
    for message in texts:
        found = message.string or ""
        message.string = glued(found) if isinstance(found, str) else tuple(map(glued, found))
    write_mo(compiled, texts)
    compiled.seek(0)
    return Translations(compiled)


def glued(text: str) -> str:
    """A text with no-break spaces between figures, or holes for them, and percent signs: `95 %`."""
    return re.sub(r"(?<=\)s) (?=%%)|(?<=\d) (?=%(?!\())", "\u00a0", text)


def choose() -> str:
    """The locale of the request."""
    asked = [tag.replace("-", "_") for tag in request.accept_languages.values()]
    languages = (tag.partition("_")[0].lower() for tag in asked)
    chosen = request.cookies.get(COOKIE, "")
    language = chosen if chosen in LANGUAGES else next((each for each in languages if each in LANGUAGES), "en")
    regions = (tag for tag in asked if tag.lower().startswith(f"{language}_"))
    return next((tag for tag in regions if _known(tag)), REGIONS[language])


def _known(tag: str) -> bool:
    try:
        return Locale.parse(tag) is not None
    except (ValueError, UnknownLocaleError):
        return False
