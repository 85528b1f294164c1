"""What engine, guard rails and price book wrote, said again in the reader's language.

Guarantees
----------
* A text is said again whole or shown as it was written, marked as English; never a mixture.
* Names and amounts in it stay what they are; figures are written as the reader writes them.

Reasons are written once, in English, and kept: in proposals, in fits, in the log. Each template they are written from
stands in `api.pages.sentences`, and in the catalogue; a text that fits one is said again with what stands in its holes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from flask_babel import get_locale, gettext

from api.pages.sentences import SENTENCES

HOLE = re.compile(r"%\((\w+)\)s")
NUMBER = re.compile(r"(?<![\w.,:-])([-+−]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(\s?%)?(?![\w:-]|[.,]\d)")
"""A figure as English text has it; digits within names, dates and times are none."""
FIGURE = r"[-+−]?[\d.,]*\d"
SPLITS = ("; ", ", or ")
"""What parts of a list are joined by."""
LONGEST = 2000
"""Characters of a text beyond which it is not looked at."""


@dataclass(frozen=True, slots=True)
class Said:
    """A text, and its language if that is not the page's."""

    text: str
    lang: str = ""


@dataclass(frozen=True, slots=True)
class _Template:
    """A sentence with holes; `why...` hold sentences, `n...` figures, others what stays as it is."""

    text: str
    pattern: re.Pattern[str]
    longest: str
    """Its longest piece without a hole, which a text that fits it contains."""

    @classmethod
    def of(cls, text: str) -> "_Template":
        parts = HOLE.split(text.replace("%%", "%"))
        pattern = "".join(_hole(part) if i % 2 else re.escape(part) for i, part in enumerate(parts))
        return cls(text, re.compile(pattern, re.DOTALL), max(parts[::2], key=len))


def _hole(name: str) -> str:
    return f"(?P<{name}>{FIGURE if _is_number(name) else '.+?'})"


def _is_number(name: str) -> bool:
    return name.startswith("n")


TEMPLATES = sorted(map(_Template.of, SENTENCES), key=lambda each: -len(HOLE.sub("", each.text)))
"""Those that say most first: what fits two is taken for the more particular."""


def retold(text: str) -> Said:
    """A text of the engine as the reader reads it."""
    locale = get_locale()
    if locale.language == "en":
        return Said(text)
    found = _retold(text, str(locale)) if len(text) <= LONGEST else None
    return Said(text, "en") if found is None else Said(found)


@lru_cache(maxsize=8192)
def _retold(text: str, locale: str) -> str | None:
    """The text in the reader's language; None if nobody knows it."""
    for template in TEMPLATES:
        if template.longest in text and (match := template.pattern.fullmatch(text)):
            values = {name: _value(name, value, locale) for name, value in match.groupdict().items()}
            if all(value is not None for value in values.values()):
                return _filled(gettext(template.text), values)
    return _in_parts(text, locale)


def _value(name: str, value: str, locale: str) -> str | None:
    if name.startswith("why"):
        return _retold(value, locale)
    return figures(value) if _is_number(name) else value


def _filled(text: str, values: Mapping[str, str | None]) -> str:
    return HOLE.sub(lambda hole: str(values[hole[1]]), text).replace("%%", "%")


def _in_parts(text: str, locale: str) -> str | None:
    """Several sentences, or a list of them, each by itself."""
    for first, between, rest in _cuts(text):
        if (one := _retold(first, locale)) and (other := _retold(rest, locale)):
            return f"{one}{between}{other}"
    return None


def _cuts(text: str) -> Iterator[tuple[str, str, str]]:
    for found in re.finditer(r"(?<=[.!?]) ", text):
        yield text[: found.start()], " ", text[found.end() :]
    for split in SPLITS:
        first, found_, rest = text.partition(split)
        if found_:
            yield first, gettext(", or ") if split == ", or " else split, rest


def figures(text: str) -> str:
    """Figures of an English text as the reader writes them."""
    symbols = get_locale().number_symbols["latn"]

    def written(found: re.Match[str]) -> str:
        sign, whole, decimals, percent = found.groups()
        point = "" if decimals is None else symbols["decimal"] + decimals[1:]
        return f"{sign.replace('-', '−')}{whole.replace(',', symbols['group'])}{point}{percent or ''}"

    return NUMBER.sub(written, text)
