"""Choice tables are read as they are, wide or long, and everything wrong is said at once."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.choice.choices import Choices
from forecasting.choice.layout import Layout
from forecasting.choice.reading import read_choices
from pricing.errors import Finding, InputError
from tests.forecasting.choice.markets import choices, long, wide

NAMES = {"bus": "bus", "rail": "rail", "car": "car"}
WIDE = Layout(NAMES, ("price",), attributes=("time",), available="av")
LONG = Layout(NAMES, ("price",), "chosen", attributes=("time",), situation="trip", alternative="mode")


def same(one: Choices, other: Choices) -> bool:
    """Whether two are the same choices."""
    return (
        one.alternatives == other.alternatives
        and np.array_equal(one.chosen, other.chosen)
        and np.array_equal(one.available, other.available)
        and all(np.allclose(one.values[name], other.values[name]) for name in one.values)
    )


def findings(frame: pd.DataFrame, layout: Layout) -> list[Finding]:
    """What is wrong."""
    with pytest.raises(InputError) as refused:
        read_choices(frame, layout, file="trips.csv")
    return list(refused.value.findings)


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """As a CSV is loaded: every cell text, a missing one blank."""
    return frame.astype(object).where(frame.notna(), "").astype(str)


@pytest.mark.parametrize("loaded", [pd.DataFrame.copy, as_text])
def test_wide_and_long_are_the_same_choices(loaded: Any) -> None:
    """Numbers or text, blanks where an alternative was not available."""
    made = choices(np.random.default_rng(0), n=50)
    assert same(read_choices(loaded(wide(made)), WIDE)[0], made)
    assert same(read_choices(loaded(long(made)), LONG)[0], made)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("sign", [".", "_", "-", ":", " ", ""])
def test_columns_are_found_by_what_they_share(sign: str, order: tuple[int, int]) -> None:
    """price.bus, bus_price and alike; or by how the table writes the alternative."""
    frame = pd.DataFrame({"choice": ["1", "2"]}, index=[2, 3])
    for name, cost in (("bus", 1.0), ("2", 3.0)):
        pair = ("price", name)
        frame[f"{pair[order[0]]}{sign}{pair[order[1]]}"] = cost
    read, _ = read_choices(frame, Layout({"bus": "1", "rail": "2"}, ("price",)))
    assert read.values["price"].tolist() == [[1.0, 3.0], [1.0, 3.0]]
    assert read.chosen.tolist() == [0, 1]


def test_prices_may_be_one_column_per_alternative() -> None:
    """In the order of the alternatives."""
    frame = pd.DataFrame({"choice": ["a", "b"], "x": [1, 2], "y": [3, 4]}, index=[2, 3])
    read, _ = read_choices(frame, Layout({"a": "a", "b": "b"}, ("x", "y")))
    assert read.values["price"].tolist() == [[1, 3], [2, 4]]


def test_labels_do_not_mind_decimals() -> None:
    """1, 1.0 and "1" are one label; but names that a table writes otherwise are not."""
    frame = pd.DataFrame({"choice": [1.0, 2.0, 1.0], "p.a": 1, "p.b": 2}, index=[2, 3, 4])
    assert read_choices(frame, Layout({"a": "1", "b": "2.0"}, ("p",)))[0].chosen.tolist() == [0, 1, 0]
    assert len(findings(frame.assign(choice="a"), Layout({"a": "1", "b": "2"}, ("p",)))) == 3


def test_the_outside_option_needs_neither_columns_nor_rows() -> None:
    """A blank or named choice, or no row taken; always available, with price and attributes 0."""
    frame = pd.DataFrame({"choice": ["a", "", "none"], "p.a": [1, 2, 3], "p.b": [2, 2, 2]}, index=[2, 3, 4])
    read, _ = read_choices(frame, Layout({"a": "a", "b": "b"}, ("p",), outside="none"))
    assert read.alternatives == ("none", "a", "b")
    assert read.chosen.tolist() == [1, 0, 0]
    rows = pd.DataFrame(
        {"s": [1, 1, 2], "alternative": list("aba"), "choice": [0, 1, 0], "p": [1, 2, 3]}, index=[2, 3, 4]
    )
    read, _ = read_choices(rows, Layout({"a": "a", "b": "b"}, ("p",), situation="s", outside="none"))
    assert read.chosen.tolist() == [2, 0]
    assert read.available.tolist() == [[True, True, True], [True, True, False]]
    assert read.values["p"].tolist() == [[0, 1, 2], [0, 3, 0]]


def test_only_the_rows_asked_for_are_used() -> None:
    """Rows with other values may be as wrong as they like."""
    frame = wide(choices(np.random.default_rng(1), n=20)).assign(year=[1999] * 5 + [2000] * 15)
    frame.loc[2, "choice"] = "unknown"
    assert len(read_choices(frame, Layout(NAMES, ("price",), available="av", where={"year": ("2000",)}))[0]) == 15
    assert "no row is left" in str(findings(frame, Layout(NAMES, ("price",), where={"year": ("1800",)}))[0])


def test_what_only_some_alternatives_have_is_said() -> None:
    """An attribute or availability without a column for one alternative."""
    frame = wide(choices(np.random.default_rng(2), n=20, absent=0.0)).drop(columns=["time.car", "av.car"])
    read, notes = read_choices(frame, WIDE)
    assert np.all(read.values["time"][:, 2] == 0)
    assert notes == ("car: no column av, so always available.", "car: no column time, counted as 0.")


def test_every_cell_that_is_wrong_is_named_with_row_and_column() -> None:
    """All at once."""
    frame = as_text(wide(choices(np.random.default_rng(3), n=20, absent=0.0)).assign(who="x", w="1"))
    frame.loc[2, "choice"] = "boat"
    frame.loc[3, ["choice", "av.bus", "price.bus"]] = ["bus", "0", ""]
    frame.loc[4, "price.rail"] = "-1"
    frame.loc[5, "time.car"] = "inf"
    frame.loc[6, "av.car"] = "maybe"
    frame.loc[7, "who"] = ""
    frame.loc[8, "w"] = "0"
    frame.loc[9, "price.car"] = "12,5"
    layout = Layout(NAMES, ("price",), attributes=("time",), available="av", person="who", weights="w")
    said = [(f.file, f.row, f.column) for f in findings(frame, layout)]
    expected = ["choice", "choice", "price.rail", "time.car", "av.car", "who", "w", "price.car"]
    assert said == [("trips.csv", row, column) for row, column in enumerate(expected, start=2)]


def test_every_row_of_a_long_table_that_is_wrong_is_named() -> None:
    """Unknown alternatives, one twice, none or two taken, a buyer who changes."""
    rows = [(1, "bus", 1), (1, "boat", 0), (2, "bus", 1), (2, "bus", 0), (3, "bus", 0), (4, "bus", 1), (4, "rail", 1)]
    frame = pd.DataFrame(rows, columns=["trip", "mode", "chosen"]).assign(price=1.0, kind=list("aaaaaab"))
    frame.index = pd.RangeIndex(2, 9)
    layout = Layout(NAMES, ("price",), "chosen", segment="kind", situation="trip", alternative="mode")
    said = {(f.row, f.column) for f in findings(frame, layout)}
    assert {(3, "mode"), (5, "mode"), (6, "chosen"), (8, "kind")} < said
    assert any("more than one row" in f.reason for f in findings(frame, layout))


def test_every_column_and_option_that_does_not_fit_is_named() -> None:
    """Before any cell is read."""
    frame = wide(choices(np.random.default_rng(4), n=5))
    layout = Layout(
        {"bus": "bus", "tram": "bus"},
        ("price",),
        "taken",
        ("comfort", "price"),
        ("comfort",),
        "there",
        "who",
        "w",
        "kind",
    )
    said = "\n".join(map(str, findings(frame, layout)))
    for word in ("taken", "written alike", "both in", "cannot be an attribute", "there", "who", "w", "kind"):
        assert word in said
