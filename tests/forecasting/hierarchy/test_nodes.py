"""Totals are the sums of their series, each once."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.hierarchy.nodes import hierarchy_of, totals_of
from forecasting.model import History
from forecasting.series import Panel, Request, panel_of
from pricing.errors import InputError
from tests.forecasting.examples import sales_rows

KEYS: list[tuple[str, ...]] = [("e1", "adult"), ("e1", "child"), ("e2", "adult")]


def named(keys: list[tuple[str, ...]]) -> dict[tuple[str, ...], list[int]]:
    """Every row of a total, with the series it holds."""
    made = hierarchy_of(keys, [f"c{j}" for j in range(len(keys[0]))])
    parts = made.sums.toarray()
    n = len(keys)
    return {
        key: [int(node)] if node < n else np.flatnonzero(parts[node - n]).tolist()
        for key, node in zip(made.keys, made.nodes, strict=True)
    }


def test_every_total_over_the_columns_has_one_row() -> None:
    """By event, by segment, and of everything; an event with one segment is that series."""
    assert named(KEYS) == {
        ("all", "adult"): [0, 2],
        ("all", "child"): [1],
        ("e1", "all"): [0, 1],
        ("e2", "all"): [2],
        ("all", "all"): [0, 1, 2],
    }


def test_nested_columns_give_no_total_twice() -> None:
    """An event has one venue: totals by venue and of everything, none by event, none twice."""
    keys: list[tuple[str, ...]] = [("arena", "e1"), ("arena", "e2"), ("club", "e3")]
    assert named(keys) == {("arena", "all"): [0, 1], ("club", "all"): [2], ("all", "all"): [0, 1, 2]}
    assert named([("e1", "all"), ("e2", "all")]) == {("all", "all"): [0, 1]}


def test_one_series_has_no_total() -> None:
    """It is its own."""
    assert named([("a",)]) == {}


def test_a_series_called_what_a_total_would_be_is_refused() -> None:
    """With the value to rename."""
    with pytest.raises(InputError, match="rename the value"):
        hierarchy_of([("all",), ("web",)], ["segment"])


@given(st.sets(st.tuples(*[st.sampled_from("xyz")] * 3), min_size=1, max_size=12).map(sorted))
def test_totals_hold_exactly_the_series_they_name(keys: list[tuple[str, ...]]) -> None:
    """Whatever the columns' values; no two rows have the same name, and none repeats a series' name."""
    for key, parts in named(keys).items():
        assert parts == [j for j, own in enumerate(keys) if all(k in ("all", o) for k, o in zip(key, own, strict=True))]
    assert not set(named(keys)) & set(keys)


def grand_total(rows: pd.DataFrame, *, ahead: pd.DataFrame | None = None, capacity: str | None = None) -> History:
    """History of the sum of everything."""
    panel = panel_of(rows, Request(("product",), 2, capacity=capacity), ahead)
    (history,), _ = totals_of(panel, hierarchy_of(panel.keys, panel.by))
    return history


def test_a_totals_history_is_the_sum_of_its_series() -> None:
    """A series that began later, one that was closed for a week, and a week in which all were."""
    rows = sales_rows({"a": np.full(30, 20.0), "b": np.full(30, 50.0)})
    rows = rows[(rows["product"] == "a") | (rows["date"] >= "2019-02-03")]
    closed = (rows["product"] == "a") & (rows["date"] == "2019-03-03") | (rows["date"] == "2019-03-10")
    history = grand_total(rows[~closed])
    assert history.sales[:10] == pytest.approx([20, 20, 20, 20, 70, 70, 70, 70, 50, np.nan], nan_ok=True)
    assert (history.sales[10:] == 70).all()
    assert history.integer


def test_a_totals_price_does_not_move_when_buyers_change_to_dearer_goods() -> None:
    """An index of prices that stayed, though the mean price paid rose."""
    rows = sales_rows({"a": np.linspace(60, 10, 30).round(), "b": np.linspace(10, 60, 30).round()})
    rows["price"] = np.where(rows["product"] == "a", 5.0, 20.0)
    history = grand_total(rows)
    assert np.ptp(history.regressors[:, 0]) == pytest.approx(0, abs=1e-9)


def test_a_totals_regressors_follow_those_of_its_series() -> None:
    """A price cut of one of two equal goods counts half, in the past and to come."""
    rows = sales_rows({"a": np.full(30, 20.0), "b": np.full(30, 20.0)}).assign(price=8.0)
    rows.loc[(rows["product"] == "a") & (rows["date"] < "2019-02-03"), "price"] = 4.0
    ahead = pd.DataFrame({"date": pd.date_range("2019-08-04", periods=2, freq="W"), "product": "a", "price": 4.0})
    panel: Panel = panel_of(rows, Request(("product",), 2), ahead)
    (history,), (future,) = totals_of(panel, hierarchy_of(panel.keys, panel.by))
    index = np.log(8) - np.log(2) / 2
    assert history.regressors[[0, -1], 0] == pytest.approx([index, np.log(8)])
    assert future.regressors[:, 0] == pytest.approx([index, index])


def test_sold_out_sales_are_demand_only_where_nothing_caps_the_forecast() -> None:
    """What sells out under a capacity goes on doing so in the total; without one, the total was censored too."""
    rows = sales_rows({"a": np.full(30, 20.0), "b": np.full(30, 60.0)}).assign(available=[20.0] * 30 + [99.0] * 30)
    assert grand_total(rows).censored == pytest.approx(np.full(30, 0.25))
    assert not grand_total(rows.assign(seats=rows["available"]), capacity="seats").censored.any()
