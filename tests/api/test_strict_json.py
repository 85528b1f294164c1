"""A document is read exactly or refused, with every finding at its place."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from api.strict_json import Amount, Currency, Name, Strict, Units, currency_of, parse, read_text, validated
from pricing.errors import InputError


class Red(Strict):
    """One kind of entry."""

    type: Literal["red"]
    id: Name
    price: Amount


class Blue(Strict):
    """Another kind."""

    type: Literal["blue"]
    id: Name
    units: Units


class Document(Strict):
    """A currency and entries of two kinds."""

    currency: Currency
    entries: list[Annotated[Red | Blue, Field(discriminator="type")]]


def read(text: str) -> Document:
    """The document, with the context that amounts need."""
    raw = parse(text, file="d.json")
    context = {"currency": currency_of(raw)}
    return validated(Document, raw, file="d.json", context=context, groups=("entries",), tags=("red", "blue"))


def test_amounts_are_read_as_written() -> None:
    """0.1 is a tenth, and has its currency's decimals."""
    case = read('{"currency": "EUR", "entries": [{"type": "red", "id": "a", "price": 0.1}]}')
    entry = case.entries[0]
    assert isinstance(entry, Red)
    assert (entry.price, str(entry.price)) == (Decimal("0.1"), "0.10")


def test_every_finding_is_named_with_its_place() -> None:
    """Unknown and repeated keys, repeated ids, text for a number, NaN: all at once, without the kind of an entry."""
    text = """{"currency": "EUR", "currency": "EUR", "extra": 1, "entries": [
        {"type": "red", "id": "a", "price": "1.234"}, {"type": "blue", "id": "a", "units": "7"},
        {"type": "blue", "id": "b", "units": NaN}]}"""
    with pytest.raises(InputError) as caught:
        read(text)
    assert [finding.column for finding in caught.value.findings] == [
        "currency",
        "entries[1].id",
        "entries[0].price",
        "entries[1].units",
        "entries[2].units",
        "extra",
    ]
    assert {finding.file for finding in caught.value.findings} == {"d.json"}


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000, '"a"'])
def test_what_is_no_object_is_refused(text: str) -> None:
    """Whatever stands in the file."""
    with pytest.raises(InputError):
        parse(text, file=None)


def test_an_unknown_currency_leaves_amounts_the_most_decimals() -> None:
    """So that the currency is the only finding."""
    assert (currency_of({"currency": "EUR"}), currency_of({"currency": 3}), currency_of({})) == ("EUR", "KWD", "KWD")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """UTF-8 is read, anything else is not guessed at."""
    (tmp_path / "a.json").write_bytes("é".encode())
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00{")
    assert read_text(tmp_path / "a.json") == "é"
    with pytest.raises(InputError, match=r"b\.json: this is not UTF-8"):
        read_text(tmp_path / "b.json")


@pytest.mark.parametrize("name", ["", "\x1b[31mred", "two\nlines", "\x00"])
def test_names_do_not_steer_a_terminal(name: str) -> None:
    """They are printed as they stand."""
    document = {"currency": "EUR", "entries": [{"type": "blue", "id": name, "units": 1}]}
    with pytest.raises(InputError, match=r"entries\[0\]\.id"):
        read(json.dumps(document))
