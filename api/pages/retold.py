"""What engine, guard rails and price book wrote, said again in the reader's language.

Guarantees
----------
* A text is said again whole or shown as it was written, marked as English; never a mixture.
* Names and amounts in it stay what they are; figures are written as the reader writes them.

Reasons are written once, in English, and kept: in proposals, in fits, in the log. Each template they are written from
stands in `api.pages.sentences`, and in the catalogue; a text that fits one is said again with what stands in its holes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from babel.dates import format_skeleton
from flask_babel import get_locale, gettext

from api.pages.numbers import MINUS
from api.pages.sentences import SENTENCES

HOLE = re.compile(r"%\((\w+)\)s")
CHANNEL = re.compile(r" \(%\(channel\d?\)s\)")
"""Not written of an offer that is sold alike in every channel."""
DAY, FILE = r"\d{4}-\d{2}-\d{2}", r"[^:\n]{1,80}?\.\w{1,8}|sales|events|offers|resources|calendar|future"
FIGURE = r"[-+−]?[\d.,]*\d"
NUMBER = re.compile(r"([-+]?)([\d,]+)(\.\d+)?")
KINDS = {"n": FIGURE, "day": DAY, "file": FILE}
"""What may stand in a hole, by the letters its name begins with (a figure may follow); anything else by default."""
BREAKS = re.compile(r"(?<=[.!?]) |; |, or ")
"""Between sentences, and between what a list of them holds."""
LONGEST, MOST_BREAKS = 1500, 30
"""Characters and breaks beyond which a text is not looked at."""


@dataclass(frozen=True, slots=True)
class Said:
    """A text, and its language if that is not the page's."""

    text: str
    lang: str = ""


@dataclass(frozen=True, slots=True)
class _Template:
    """A sentence with holes.

    Attributes
    ----------
    bare : whether it is said of offers without a channel
    longest : its longest piece without a hole, which a text that fits it contains
    """

    text: str
    bare: bool
    pattern: re.Pattern[str]
    longest: str

    @classmethod
    def of(cls, text: str, *, bare: bool = False) -> "_Template":
        written = CHANNEL.sub("", text) if bare else text
        parts = HOLE.split(written.replace("%%", "%"))
        pattern = "".join(_hole(part) if i % 2 else re.escape(part) for i, part in enumerate(parts))
        return cls(text, bare, re.compile(pattern, re.DOTALL), max(parts[::2], key=len))

    def filled(self, values: Mapping[str, str | None]) -> str:
        """It in the reader's language, with these in its holes."""
        said = gettext(self.text)
        parts = HOLE.split((CHANNEL.sub("", said) if self.bare else said).replace("%%", "%"))
        return "".join(str(values[part]) if i % 2 else part for i, part in enumerate(parts))


def _hole(name: str) -> str:
    return f"(?P<{name}>{KINDS.get(name.rstrip('0123456789'), '.+?')})"


TEMPLATES = sorted(
    (*map(_Template.of, SENTENCES), *(_Template.of(text, bare=True) for text in SENTENCES if CHANNEL.search(text))),
    key=lambda each: (each.bare, -len(HOLE.sub("", each.text))),
)
"""Those that say most first: what fits two is taken for the more particular. Those without a channel come last, as the
name of an offer may be anything."""


def retold(text: str) -> Said:
    """A text of the engine as the reader reads it."""
    locale = get_locale()
    if locale.language == "en":
        return Said(text)
    short = len(text) <= LONGEST and len(BREAKS.findall(text)) <= MOST_BREAKS
    found = _retold(text, str(locale)) if short else None
    return Said(text, "en") if found is None else Said(found)


@lru_cache(maxsize=8192)
def _retold(text: str, locale: str) -> str | None:
    """The text in the reader's language; None if nobody knows it."""
    whole = _whole(text, locale)
    if whole is not None:
        return whole
    for cut in BREAKS.finditer(text):
        first, rest = _whole(text[: cut.start()], locale), text[cut.end() :]
        if first is not None and (other := _retold(rest, locale)) is not None:
            between = gettext(", or ") if cut[0] == ", or " else cut[0]
            return f"{first}{between}{other}"
    return None


def _whole(text: str, locale: str) -> str | None:
    """A text that fits one template."""
    for template in TEMPLATES:
        if template.longest in text and (match := template.pattern.fullmatch(text)):
            values = {name: _value(name, value, locale) for name, value in match.groupdict().items()}
            if None not in values.values():
                return template.filled(values)
    return None


def _value(name: str, value: str, locale: str) -> str | None:
    """What stands in a hole, for the reader; None where it is a sentence that nobody knows."""
    match name.rstrip("0123456789"):
        case "why":
            return _retold(value, locale) or _within(value, locale)
        case "n":
            return figure(value)
        case "day":
            return _day(value)
        case "any":
            return gettext(" or ").join(value.split(" or "))
    return value


def _day(value: str) -> str:
    try:
        return str(format_skeleton("yMMMd", date.fromisoformat(value), locale=get_locale()))
    except ValueError:  # such as 2026-02-30
        return value


def _within(value: str, locale: str) -> str | None:
    """A sentence that lost its full stop as it was put into another."""
    found = _retold(f"{value}.", locale)
    return None if found is None else found.removesuffix(".")


def figure(text: str) -> str:
    """A figure of an English text as the reader writes it."""
    symbols = get_locale().number_symbols["latn"]

    def written(found: re.Match[str]) -> str:
        sign, whole, decimals = found.groups()
        point = "" if decimals is None else symbols["decimal"] + decimals[1:]
        return f"{sign.replace('-', MINUS)}{whole.replace(',', symbols['group'])}{point}"

    return NUMBER.sub(written, text)
