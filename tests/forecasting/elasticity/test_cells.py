"""Sales become cells by the rules the module states."""

import numpy as np
import pandas as pd
import pytest

from forecasting.elasticity.cells import Panel, panels
from pricing.errors import InputError
from tests.forecasting.elasticity.markets import market


def table(rows: list[tuple[str, str, float, float]]) -> pd.DataFrame:
    """Sales of these dates, products, prices and units."""
    frame = pd.DataFrame(rows, columns=["date", "product", "price", "quantity"])
    return frame.assign(date=pd.to_datetime(frame["date"], format="ISO8601"), segment="all", event="all", channel="all")


def only(sales: pd.DataFrame, *, effects: list[str] | None = None, controls: tuple[str, ...] = ()) -> Panel:
    """The panel of a table with one product."""
    [panel] = panels(sales, by=["product"], effects=effects, controls=controls)
    return panel


def test_a_cell_sums_units_and_weighs_prices_by_them() -> None:
    """Three at 10 and one at 14 on one day; the hour does not matter; a return is taken off."""
    panel = only(
        table(
            [
                ("2025-01-01 09:00", "a", 10, 3),
                ("2025-01-01 17:30", "a", 14, 1),
                ("2025-01-02", "a", 10, 5),
                ("2025-01-02", "a", 10, -2),
            ]
        )
    )
    assert panel.quantity.tolist() == [4, 3]
    assert np.exp(panel.price) == pytest.approx([11, 10])
    assert panel.prices == 2
    assert panel.mixed == 0.5


def test_more_returns_than_sales_count_as_nothing_sold() -> None:
    """Demand is never negative."""
    assert only(table([("2025-01-01", "a", 10, 1), ("2025-01-01", "a", 10, -4)])).quantity.tolist() == [0]


def test_a_cell_is_sold_out_if_any_of_its_rows_was() -> None:
    """Quantity at or above what was available."""
    sales = table([("2025-01-01", "a", 10, 3), ("2025-01-02", "a", 10, 3)]).assign(available=[3.0, 9.0])
    assert only(sales).sold_out.tolist() == [True, False]


def test_rows_without_a_positive_price_are_left_out_but_their_group_is_not() -> None:
    """A free sample tells nothing of the price; the group still has its row."""
    found = list(panels(table([("2025-01-01", "a", 0, 3), ("2025-01-01", "b", 9, 3)]), by=["product"]))
    assert [(panel.key, len(panel)) for panel in found] == [(("a",), 0), (("b",), 1)]


def test_effects_by_default_follow_the_shape_of_the_data() -> None:
    """Several outlets share dates: the date. One series: month of the year and a trend. Daily: the weekday too."""
    assert only(market(np.random.default_rng(0))).effects == ("product:channel", "date")
    one = market(np.random.default_rng(0), outlets=1)
    assert only(one).effects == ("product", "month-of-year", "trend")
    daily = one.assign(date=pd.date_range("2024-01-01", periods=len(one)))
    assert only(daily).effects == ("product", "month-of-year", "weekday", "trend")


def test_a_single_series_does_not_lose_its_price_to_the_calendar() -> None:
    """Week effects on weekly rows would absorb everything; month effects on weekly rows do not."""
    one = market(np.random.default_rng(0), outlets=1)
    assert only(one, effects=["product", "week"]).effects == ("product", "month-of-year", "trend")
    assert only(one, effects=["product", "month"]).effects == ("product", "month")


def test_month_means_year_and_month() -> None:
    """Two Januaries are two levels, of month of the year one."""
    sales = market(np.random.default_rng(0), weeks=60)
    months = sales["date"].dt.to_period("M").nunique()
    assert len(np.unique(only(sales, effects=["channel", "month"]).factors[1])) == months
    assert len(np.unique(only(sales, effects=["channel", "month-of-year"]).factors[1])) == 12


def test_controls_are_numbers_or_dummies() -> None:
    """A text of three levels makes two columns."""
    sales = market(np.random.default_rng(0))
    sales["rain"], sales["sky"] = 1.5, np.resize(["blue", "grey", "black"], len(sales))
    assert only(sales, controls=("rain", "sky")).others.shape == (len(sales), 3)


def test_errors_cluster_by_unit_or_by_stretches_of_few_units() -> None:
    """Twelve outlets are twelve clusters; one series of 60 weeks is eight stretches."""
    assert only(market(np.random.default_rng(0))).clusters.max() == 11
    assert only(market(np.random.default_rng(0), outlets=1)).clusters.max() == 7


def test_every_missing_column_is_named_at_once() -> None:
    """Group, control, effect and price."""
    sales = market(np.random.default_rng(0)).drop(columns="price")
    with pytest.raises(InputError) as caught:
        list(panels(sales, by=["shelf"], controls=["rain"], effects=["moon"]))
    assert {finding.column for finding in caught.value.findings} == {"shelf", "rain", "moon", "price"}


def test_price_and_quantity_cannot_explain_themselves() -> None:
    """As a group, an effect or a control; that the price is no instrument the estimate says itself."""
    sales = market(np.random.default_rng(0))
    with pytest.raises(InputError) as caught:
        list(panels(sales, by=["price"], controls=["quantity"], effects=["product:price"], instruments=["quantity"]))
    assert [finding.column for finding in caught.value.findings] == ["quantity", "price", "price", "quantity"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_regressors_without_a_number_in_some_row_are_named(value: float) -> None:
    """Missing or infinite."""
    sales = market(np.random.default_rng(0)).assign(rain=1.0, cost=2.0)
    sales.loc[3, ["rain", "cost"]] = value
    with pytest.raises(InputError) as caught:
        list(panels(sales, by=["product"], controls=["rain"], instruments=["cost"]))
    assert [finding.column for finding in caught.value.findings] == ["rain", "cost"]
