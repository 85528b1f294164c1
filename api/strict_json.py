"""JSON documents read exactly or refused, and the values they are made of.

Guarantees
----------
* Nothing is coerced: a number is a number, text is text; unknown and repeated keys, NaN and infinity are refused.
* An amount is read as written, never through binary fractions.
* Every finding is reported at once, with its place in the document as the column: `offers[3].demand[2]`.

Amounts are checked against the document's currency, which comes as the validation context: `currency`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)

from pricing.errors import Finding, InputError
from pricing.money import CURRENCIES, check_currency, parse_amount


class Strict(BaseModel):
    """An object of a document: its keys are all known, and nothing in it is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def around(info: ValidationInfo) -> dict[str, Any]:
    """What was found in the whole document before its parts were checked."""
    return info.context or {}


def _amount(value: object, info: ValidationInfo) -> Decimal:
    """An amount of the document's currency; a JSON number counts as its shortest spelling."""
    written = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else "nothing"
    if written in {"nothing", "nan", "inf", "-inf"}:
        raise ValueError(f'{value} is not an amount: write a string, such as "12.50"')
    text = Decimal(written) if isinstance(value, float) else written
    amount = parse_amount(text, around(info)["currency"])
    if amount < 0:
        raise ValueError(f"{value} is negative")
    return amount


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("a name has no line breaks, tabs or other signs that steer a terminal")
    return name


def _instant(value: object) -> datetime:
    """An instant as RFC 3339 writes it, in UTC."""
    if not isinstance(value, str) or INSTANT.fullmatch(value) is None:
        raise ValueError('this is not an instant with its zone, such as "2026-03-01T09:00:00Z"')
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such instant") from None


INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")
AMOUNT_PATTERN = r"^[0-9]+(\.[0-9]+)?$"
Amount = Annotated[
    Decimal,
    PlainValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": AMOUNT_PATTERN}, {"type": "number", "minimum": 0}]}),
]
Units = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1), AfterValidator(_printable)]
Line = Annotated[str, Field(min_length=1, max_length=500, pattern="^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$")]
"""Text that a person writes, on one line."""
Instant = Annotated[datetime, PlainValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
Currency = Annotated[str, AfterValidator(check_currency)]


def listed(values: Iterable[object]) -> str:
    """Values in words: `2, 3 and 5`."""
    *most, last = map(str, values)
    return f"{', '.join(most)} and {last}" if most else last


def read_text(path: Path) -> str:
    """The text of a file.

    Raises
    ------
    InputError
        if it is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(Finding(f"this is not UTF-8 text: {error.reason}", file=str(path))) from None


class _Repeats(dict[str, Any]):
    """An object of the document in which a key stood more than once."""

    keys_twice: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeats = _Repeats(found)
    repeats.keys_twice = tuple(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    return repeats


def parse(text: str, *, file: str | None, kind: str = "problem") -> dict[str, Any]:
    """A document that is one JSON object; `kind` says in a finding what it should have been.

    Raises
    ------
    InputError
        if it is not.
    """
    try:
        raw = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise InputError(Finding(f"this is nested too deeply to be a {kind}", file=file)) from None
    except ValueError as error:
        raise InputError(Finding(f"this is not JSON: {error}", file=file)) from None
    if not isinstance(raw, dict):
        raise InputError(Finding(f"a {kind} is a JSON object", file=file))
    return raw


def currency_of(raw: Mapping[str, Any]) -> str:
    """The document's currency, or one with the most decimals where it names none."""
    currency = raw.get("currency")
    return currency if isinstance(currency, str) and currency in CURRENCIES else "KWD"


ModelT = TypeVar("ModelT", bound=Strict)


def validated(
    model: type[ModelT],
    raw: Mapping[str, Any],
    *,
    file: str | None,
    context: Mapping[str, Any],
    groups: Iterable[str] = (),
    tags: Iterable[str] = (),
) -> ModelT:
    """Hold a document against its model.

    Parameters
    ----------
    model : what it must be
    raw : the document
    file : as the user named it
    context : what amounts and names are checked against; `currency` at least
    groups : keys of lists whose entries have an `id` that must not repeat
    tags : values that tell the kinds of an entry apart; they stand in pydantic's places, not in the document

    Raises
    ------
    InputError
        with every finding.
    """
    findings = [*_repeated(raw, ""), *(found for group in groups for found in _twice(raw.get(group), group))]
    read: ModelT | None = None
    try:
        read = model.model_validate(raw, context=dict(context))
    except ValidationError as error:
        kinds = frozenset(tags)
        found = [entry for entry in error.errors(include_url=False) if entry["type"] not in BESIDE_THE_POINT]
        findings += [(_place(entry["loc"], raw, kinds), in_words(entry)) for entry in found]
    if findings or read is None:
        raise InputError([Finding(reason, file=file, column=place or None) for place, reason in findings])
    return read


def _repeated(value: object, place: str) -> Iterator[tuple[str, str]]:
    """Keys that stand twice, anywhere in the document."""
    if isinstance(value, dict):
        twice = value.keys_twice if isinstance(value, _Repeats) else ()
        yield from ((f"{place}.{name}".lstrip("."), "this key stands more than once") for name in twice)
        for name, inner in value.items():
            yield from _repeated(inner, f"{place}.{name}".lstrip("."))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            if isinstance(inner, dict | list):
                yield from _repeated(inner, f"{place}[{n}]")


def _twice(entries: object, group: str) -> Iterator[tuple[str, str]]:
    """Entries whose id was taken before."""
    seen: set[str] = set()
    for n, entry in enumerate(entries if isinstance(entries, list) else []):
        name = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(name, str) and name in seen:
            yield f"{group}[{n}].id", f"{name} appears twice"
        elif isinstance(name, str):
            seen.add(name)


def _place(location: tuple[int | str, ...], raw: object, tags: frozenset[str]) -> str:
    """`("rules", 0, "order", "lower")` as `rules[0].lower`: of pydantic's place what stands in the document."""
    found, here = "", raw
    for n, part in enumerate(location):
        if isinstance(part, int):
            found += f"[{part}]"
            here = here[part] if isinstance(here, list) and part < len(here) else None
        elif part != "[key]" and not (n == 2 and part in tags) and _stands(here, part, last=n == len(location) - 1):
            found += f".{part}"
            here = here.get(part) if isinstance(here, dict) else None
    return found.lstrip(".")


def _stands(here: object, part: str, *, last: bool) -> bool:
    """Whether a name is one of the document's, or one it lacks."""
    return (part in here or last) if isinstance(here, dict) else isinstance(here, list) and part in here


_WORDS = {
    "bool_type": "this is neither true nor false",
    "datetime_from_date_parsing": "this is not an instant with its zone, such as 2026-03-01T09:00:00Z",
    "datetime_parsing": "this is not an instant with its zone, such as 2026-03-01T09:00:00Z",
    "dict_type": "this is not an object",
    "enum": "this must be {expected}",
    "extra_forbidden": "there is no such key",
    "finite_number": "this is not a finite number",
    "float_type": "this is not a number",
    "greater_than": "this must be above {gt:g}",
    "greater_than_equal": "this must be at least {ge:g}",
    "int_from_float": "this is not a whole number",
    "int_parsing": "this is not a whole number",
    "int_parsing_size": "this is not a whole number that can be",
    "int_type": "this is not a whole number",
    "less_than": "this must be below {lt:g}",
    "less_than_equal": "this must be at most {le:g}",
    "list_type": "this is not a list",
    "literal_error": "this must be {expected}",
    "missing": "this is missing",
    "model_type": "this is not an object",
    "string_pattern_mismatch": "this does not have the form {pattern}",
    "string_too_long": "this is longer than {max_length} signs",
    "string_too_short": "this is empty",
    "string_type": "this is not text",
    "string_unicode": "this is not text",
    "timezone_aware": "this has no time zone",
    "too_long": "this holds more than {max_length}",
    "too_short": "this is empty",
    "union_tag_invalid": "there is no type '{tag}'; the types are {expected_tags}",
    "union_tag_not_found": "the key type is missing",
}
"""What pydantic finds, in words."""


BESIDE_THE_POINT = frozenset({"none_required"})
"""What pydantic says of an optional value besides what is wrong with it."""


def in_words(entry: Mapping[str, Any]) -> str:
    """What pydantic found, in our words."""
    words = _WORDS.get(entry["type"])
    return str(entry["msg"]).removeprefix("Value error, ") if words is None else words.format(**entry.get("ctx", {}))
