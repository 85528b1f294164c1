"""Rows become regular series without inventing or losing sales, and without looking ahead."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.grid import Frequency
from forecasting.model import History
from forecasting.series import Panel, Request, panel_of
from pricing.errors import InputError
from tests.forecasting.examples import sales_rows


def panel(rows: pd.DataFrame, future: pd.DataFrame | None = None, **asked: Any) -> Panel:
    """The series of some rows, by product."""
    return panel_of(rows, Request(**{"by": ("product",), "horizon": 2, **asked}), future)


def only(rows: pd.DataFrame, **asked: Any) -> History:
    """The history of the one series there is."""
    (history,) = panel(rows, **asked).histories
    return history


def rows_on(days: list[str], quantity: list[float], **columns: Any) -> pd.DataFrame:
    """Rows of one product."""
    return pd.DataFrame({"date": pd.to_datetime(days), "product": "a", "quantity": quantity, **columns})


@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 9), st.sampled_from("ab")), min_size=1, max_size=60))
@settings(max_examples=40, deadline=None)  # pandas is slow where the machine is busy
def test_no_sale_is_lost_or_made_up(sales: list[tuple[int, int, str]]) -> None:
    """Daily totals add up to the rows, whatever the days, the repeats and the order."""
    rows = pd.DataFrame(sales, columns=["day", "quantity", "product"])
    rows["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rows["day"], unit="D")
    found = panel(rows, frequency=Frequency.D)
    for (product,), history in zip(found.keys, found.histories, strict=True):
        assert np.nansum(history.sales) == rows.loc[rows["product"] == product, "quantity"].sum()
        assert history.following(1)[0] == found.grid.period(rows["date"].to_numpy()).max() + 1


def test_a_period_without_a_row_is_zero_sold() -> None:
    """Few units a week: a week without a row sold nothing."""
    history = only(rows_on(["2024-01-07", "2024-01-14", "2024-02-04"], [3, 2, 4]))
    assert history.sales.tolist() == [3, 2, 0, 0, 4]


def test_a_gap_in_a_series_that_never_sells_little_is_unknown() -> None:
    """Hundreds every week, then a week without a row: closed, not zero; over a month of silence at the end is zero."""
    weeks = pd.date_range("2023-01-01", periods=60, freq="W-SUN")
    always = pd.DataFrame({"date": weeks, "product": "other", "quantity": 50.0})
    gap = pd.DataFrame({"date": weeks.delete([30]), "product": "gap", "quantity": 500.0})
    late = pd.DataFrame({"date": weeks[:-2], "product": "late", "quantity": 500.0})
    ended = pd.DataFrame({"date": weeks[:-5], "product": "ended", "quantity": 500.0})
    found = panel(pd.concat([always, gap, late, ended]))
    sales = {key[0]: history.sales for key, history in zip(found.keys, found.histories, strict=True)}
    assert np.flatnonzero(np.isnan(sales["gap"])).tolist() == [30]
    assert np.isnan(sales["late"][-2:]).all()
    assert sales["ended"][-5:].tolist() == [0.0] * 5
    assert {values.size for values in sales.values()} == {60}


def test_returns_beyond_sales_leave_zero() -> None:
    """A period is never negative."""
    assert only(rows_on(["2024-01-07", "2024-01-07", "2024-01-14"], [2, -5, 4])).sales.tolist() == [0, 4]


def test_a_month_that_is_not_over_is_not_taken_for_a_whole_one() -> None:
    """Daily sales up to the 12th: the month is forecast, not learned from; up to the 30th it is whole."""
    days = pd.date_range("2024-01-01", "2024-05-12")
    rows = pd.DataFrame({"date": days, "product": "a", "quantity": 1.0})
    found = panel(rows, frequency=Frequency.MS)
    assert found.histories[0].sales.tolist() == [31, 29, 31, 30]
    assert str(found.grid.label(found.futures[0].periods)[0]) == "2024-05-01"
    assert only(rows[rows["date"] <= "2024-04-30"], frequency=Frequency.MS).sales.tolist() == [31, 29, 31, 30]


def test_the_first_month_is_left_out_where_sales_start_inside_it() -> None:
    """Daily sales from the 20th on."""
    rows = pd.DataFrame({"date": pd.date_range("2024-01-20", "2024-05-31"), "product": "a", "quantity": 1.0})
    assert only(rows, frequency=Frequency.MS).sales.tolist() == [29, 31, 30, 31]


def test_as_of_ends_the_period_it_is_the_last_day_of() -> None:
    """Nothing sold on the last days of the month does not make it partial once it is over."""
    rows = pd.DataFrame({"date": pd.date_range("2024-01-01", "2024-04-20"), "product": "a", "quantity": 1.0})
    assert only(rows, frequency=Frequency.MS).sales.tolist() == [31, 29, 31]
    as_of = pd.Timestamp("2024-04-30")
    assert only(rows, frequency=Frequency.MS, as_of=as_of).sales.tolist() == [31, 29, 31, 20]


def test_a_product_that_began_in_a_period_not_over_still_has_a_series() -> None:
    """One row per series, none missing: its first days stand for a period."""
    old = pd.DataFrame({"date": pd.date_range("2024-01-01", "2024-05-12"), "product": "old", "quantity": 1.0})
    new = pd.DataFrame({"date": pd.to_datetime(["2024-05-09"]), "product": "new", "quantity": 6.0})
    found = panel(pd.concat([old, new]), frequency=Frequency.MS)
    assert found.keys == (("new",), ("old",))
    assert found.histories[0].sales.tolist() == [6.0]
    assert found.futures[0].periods.tolist() == found.futures[1].periods.tolist()


def test_nothing_after_as_of_moves_the_series() -> None:
    """Rows planted later, off the weekly rhythm, change neither frequency nor numbers; the day itself counts whole."""
    rows = sales_rows({"a": np.arange(1.0, 31.0)})
    planted = rows_on(["2019-07-30", "2019-08-01"], [1e6, 1e6])
    asked = {"as_of": pd.Timestamp("2019-07-28")}
    clean, dirty = only(rows, **asked), only(pd.concat([rows, planted]), **asked)
    assert clean.grid == dirty.grid
    assert np.array_equal(clean.sales, dirty.sales)
    late_that_day = rows_on(["2019-07-28 23:30"], [5.0])
    assert only(pd.concat([rows, late_that_day]), **asked).sales[-1] == 35


def test_revenue_is_price_times_quantity_and_price_a_weighted_mean() -> None:
    """Two prices in one period."""
    rows = rows_on(["2024-01-07", "2024-01-07", "2024-01-14"], [1, 3, 2], price=[10.0, 20.0, 5.0])
    assert only(rows, target="revenue").sales.tolist() == [70, 10]
    assert np.exp(only(rows).regressors[:, 0]) == pytest.approx([17.5, 5.0])


def test_rows_at_the_stock_are_sold_out() -> None:
    """By `available` or by the capacity column; the rows of one cell repeat its stock."""
    rows = rows_on(["2024-01-07"] * 2 + ["2024-01-14", "2024-01-21"], [30, 20, 10, 60], hall=[50.0, 50, 50, 60])
    history = only(rows, capacity="hall")
    assert history.censored.tolist() == [1, 0, 1]
    assert history.capacity.tolist() == [50, 50, 60]
    available = rows_on(["2024-01-07", "2024-01-14"], [5, 4], available=[5.0, np.nan])
    assert only(available).censored.tolist() == [1, 0]
    assert np.isinf(only(available).capacity).all()


def test_stocks_of_several_cells_add_up_and_censor_by_their_share() -> None:
    """A sold-out stand of 40 and a half-full one of 100: 40 of 90 sold were sold out."""
    rows = rows_on(
        ["2024-01-07"] * 2 + ["2024-01-14"] * 2, [40, 50, 1, 1], segment=["x", "y"] * 2, seats=[40.0, 100] * 2
    )
    history = only(rows, capacity="seats")
    assert history.capacity.tolist() == [140, 140]
    assert history.censored.tolist() == [40 / 90, 0]


def test_known_coming_values_are_used_and_the_last_price_carried_forward() -> None:
    """A price given for one of two weeks stays for the next; a promotion not given is none."""
    rows = rows_on(
        ["2024-01-07", "2024-01-14", "2024-01-21"], [3, 2, 4], price=[9.0, 8.0, 7.0], promotion=["", "leaflet", ""]
    )
    ahead = rows_on(["2024-01-28"], [0], price=[6.5], promotion=["1"]).drop(columns="quantity")
    found = panel(rows, ahead, horizon=2)
    assert found.histories[0].names == ("price", "promotion")
    assert found.histories[0].regressors[:, 1].tolist() == [0, 1, 0]
    assert np.exp(found.futures[0].regressors[:, 0]) == pytest.approx([6.5, 6.5])
    assert found.futures[0].regressors[:, 1].tolist() == [1, 0]
    without = panel(rows, horizon=2)
    assert without.histories[0].names == without.histories[0].carried == ("price",)
    assert np.exp(without.futures[0].regressors[:, 0]) == pytest.approx([7, 7])


def test_coming_values_hold_for_the_series_they_name() -> None:
    """A price for one product leaves the other's as it was."""
    rows = sales_rows({"a": np.ones(5), "b": np.ones(5)}).assign(price=[9.0, 4.0, 9.0, 4.0, 9.0] * 2)
    ahead = pd.DataFrame({"date": pd.to_datetime(["2019-02-10"]), "product": "b", "price": 4.0})
    prices = [np.exp(f.regressors[:, 0]).tolist() for f in panel(rows, ahead, horizon=1).futures]
    assert prices == [[pytest.approx(9)], [pytest.approx(4)]]


def test_coming_values_far_outside_the_range_seen_are_cut() -> None:
    """Prices seen from 4 to 9: a free ticket counts as 4 / 1.5, one at a million as 9 x 1.5."""
    rows = sales_rows({"a": np.ones(3)}).assign(price=[4.0, 9.0, 9.0])
    ahead = pd.DataFrame({"date": pd.to_datetime(["2019-01-27", "2019-02-03"]), "price": [0.0, 1e6]})
    (found,) = panel(rows, ahead, horizon=2).futures
    assert np.exp(found.regressors[:, 0]) == pytest.approx([4 / 1.5, 9 * 1.5])


def test_what_cannot_be_done_is_refused_with_every_reason() -> None:
    """Columns that are not there, all at once; a horizon of nothing; revenue under a cap of units."""
    rows = sales_rows({"a": np.ones(4)})
    with pytest.raises(InputError) as refused:
        panel(rows, by=("shop",), capacity="seats")
    assert [finding.column for finding in refused.value.findings] == ["shop", "seats"]
    with pytest.raises(InputError, match=r"horizon is 0[^$]*capacity caps units"):
        Request(("product",), 0, target="revenue", capacity="seats")
    with pytest.raises(InputError, match="no sales to forecast from up to 2001-01-01"):
        panel(rows, as_of=pd.Timestamp("2001-01-01"))


def test_a_weekday_that_never_sold_is_closed_and_other_gaps_are_unknown() -> None:
    """A shop that never sells on Saturdays sold none there; a strike on a Tuesday is not known."""
    days = pd.date_range("2023-01-02", periods=70)
    rows = pd.DataFrame({"date": days, "product": "a", "quantity": 50.0})
    rows = rows[(rows["date"].dt.day_of_week != 5) & (rows["date"] != "2023-02-07")]
    (past,) = panel_of(rows, Request(("product",), 3, Frequency.D)).histories
    assert np.all(past.sales[5::7] == 0)
    assert np.isnan(past.sales[36])
    assert np.isnan(past.sales).sum() == 1


def test_months_do_not_tell_of_weeks() -> None:
    """A month's sales would be taken for those of the week its first day is in."""
    rows = pd.DataFrame({"date": pd.date_range("2020-01-01", periods=20, freq="MS"), "product": "a", "quantity": 450.0})
    with pytest.raises(InputError, match="dated by months"):
        panel_of(rows, Request(("product",), 3, Frequency.W))
