"""What a table leaves out because nothing was sold counts; what it leaves out because nobody was there does not."""

import numpy as np
import pandas as pd
import pytest

from forecasting import series
from forecasting.elasticity import silence
from forecasting.elasticity.cells import panels
from forecasting.elasticity.table import elasticity_table


def sold_daily(rng: np.random.Generator, truth: float, mean: float, *, every: int = 7) -> pd.DataFrame:
    """Twelve units over 200 days, one row per day, the price changing every so many days."""
    days = 200
    parts = []
    for unit in range(12):
        price = 10 * np.exp(np.repeat(rng.normal(0, 0.2, days // every + 1), every)[:days])
        units = rng.poisson(mean * (price / 10) ** truth).astype(float)
        dates = pd.date_range("2024-01-01", periods=days)
        parts.append(pd.DataFrame({"date": dates, "event": f"e{unit}", "quantity": units, "price": price.round(2)}))
    return pd.concat(parts, ignore_index=True).assign(product="a", segment="all", channel="all")


def without_zeros(sales: pd.DataFrame) -> pd.DataFrame:
    """The same table as a list of sales."""
    return sales[sales["quantity"] > 0].reset_index(drop=True)


def added(sales: pd.DataFrame) -> int:
    """Cells beyond the rows there are."""
    [panel] = panels(sales, by=["product"])
    return len(panel) - len(sales)


@pytest.mark.parametrize(("truth", "mean"), [(-2.0, 1.0), (-3.5, 1.0), (-3.5, 0.5), (-2.5, 3.0), (-1.0, 1.0)])
def test_a_list_of_sales_gives_the_slope_of_the_full_table(truth: float, mean: float) -> None:
    """Near what a row per day gives, the truth inside most intervals (4 of 5 for those of 95 %)."""
    gaps, inside = [], []
    for seed in range(5):
        sales = sold_daily(np.random.default_rng(seed), truth, mean)
        full, listed = (elasticity_table(rows).iloc[0] for rows in (sales, without_zeros(sales)))
        gaps.append(listed["raw_elasticity"] - full["raw_elasticity"])
        inside.append(listed["lower"] <= truth <= listed["upper"])
    assert abs(np.mean(gaps)) < 0.07 * abs(truth)
    assert sum(inside) >= 4


def test_where_most_prices_of_silent_days_are_unknown_nothing_is_identified() -> None:
    """A sale in five days, the price changing weekly: the table says which rows would help."""
    sales = without_zeros(sold_daily(np.random.default_rng(0), -2.0, 0.2))
    found = elasticity_table(sales).iloc[0]
    assert found["status"] == "not-identified"
    assert "quantity of 0" in found["reason"]


def test_a_table_that_has_its_zeros_is_left_as_it_is() -> None:
    """Days missing from it are not known, whatever the reason."""
    sales = sold_daily(np.random.default_rng(0), -2.0, 1.0)
    assert added(sales.sample(frac=0.8, random_state=0)) == 0
    assert added(without_zeros(sales)) > 500


@pytest.mark.parametrize("mean", [5.0, 8.0, 40.0])
def test_closed_days_are_not_days_without_demand(mean: float) -> None:
    """Where zero is not credible a gap stays a gap; forecasts are made by the same rule."""
    assert silence.CREDIBLE_ZERO == series.CREDIBLE_ZERO
    sales = sold_daily(np.random.default_rng(0), -1.0, mean)
    assert added(without_zeros(sales.sample(frac=0.8, random_state=0))) == 0


def test_a_day_on_which_a_whole_busy_table_is_silent_is_no_day() -> None:
    """Sundays of a shop of many slow units."""
    rng = np.random.default_rng(0)
    parts = [sold_daily(rng, -1.0, 1.0) for _ in range(3)]
    many = pd.concat([part.assign(channel=f"till {k}") for k, part in enumerate(parts)], ignore_index=True)
    shop = without_zeros(many[many["date"].dt.day_of_week < 6])
    [panel] = panels(shop, by=["product"])
    assert len(panel) > len(shop)
    assert (panel.days.day_of_week < 6).all()


def test_silence_after_a_sell_out_is_not_lack_of_demand() -> None:
    """Nothing is added until the unit sells again."""
    sales = without_zeros(sold_daily(np.random.default_rng(0), -1.0, 0.5))
    rationed = sales.assign(available=sales["quantity"])
    assert added(rationed) == 0
    assert added(rationed.assign(available=100.0)) > 500


def test_added_days_lie_between_the_sales_of_a_unit_at_one_of_their_prices() -> None:
    """Never before the first nor after the last; on the weekday of a weekly table."""
    sales = sold_daily(np.random.default_rng(0), -1.0, 1.0)
    sales["date"] = pd.Timestamp("2020-01-01") + 7 * (sales["date"] - pd.Timestamp("2024-01-01"))
    sales = without_zeros(sales)
    [panel] = panels(sales, by=["product"])
    silent = panel.quantity == 0
    assert silent.any()
    assert set(panel.days.day_of_week) == {2}
    last = np.append(np.diff(panel.unit) > 0, True)
    first = np.append(True, last[:-1])
    assert not (silent & (first | last)).any()
    assert np.isin(np.round(np.exp(panel.price[silent]), 2), sales["price"].unique()).all()


def test_a_busy_unit_among_slow_ones_keeps_its_gaps() -> None:
    """Each unit is judged by its own sales."""
    sales = without_zeros(sold_daily(np.random.default_rng(0), -1.0, 1.0))
    busy = sold_daily(np.random.default_rng(1), -1.0, 40.0).query("event == 'e0'").assign(event="busy")
    [panel] = panels(pd.concat([sales, busy.iloc[::2]], ignore_index=True), by=["product"])
    cells = np.bincount(panel.unit)
    assert (cells == 100).sum() == 1, "the busy one has its own rows and no more"
    assert len(panel) > len(sales) + 500
