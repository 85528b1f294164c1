"""The report of price response: verdict first, no group left out, limits said."""

import numpy as np
import pandas as pd

from api.report import elasticity_report
from api.report.elasticity import MOST_PICTURES, elasticity_view, sales_at_each_price
from api.report.forest import MOST_LISTED
from tests.api.report.season import NOW, Case


def shop(slope: float = -2.0, prices: tuple[float, ...] = (8.0, 9.0, 10.0, 11.0)) -> pd.DataFrame:
    """Sales that follow a constant elasticity exactly, over two months of different level."""
    days = pd.date_range("2026-01-01", periods=56)
    price = np.resize(prices, len(days))
    level = np.where(days.month == 1, 50.0, 200.0)
    return pd.DataFrame({"date": days, "product": "mug", "price": price, "quantity": level * (price / 10) ** slope})


def test_the_verdict_counts_the_groups(case: Case) -> None:
    """Identified, weak, and those sales cannot tell."""
    view = elasticity_view(case.fit.elasticities, case.sales, now=NOW)
    assert (view.shares.identified, view.shares.weak, view.shares.not_identified) == (9, 0, 1)
    page = elasticity_report(case.fit.elasticities, case.sales, now=NOW)
    text = " ".join(page[page.index('<p class="verdict">') :][:600].split())
    assert "Of 10 groups, <b>9</b> have enough evidence" in text
    assert "The engine does not move prices in that one." in text


def test_every_group_is_in_the_forest_and_the_largest_are_drawn(case: Case) -> None:
    """Pictures are of those that sold most; what cannot be told says so in words."""
    view = elasticity_view(case.fit.elasticities, case.sales, now=NOW)
    sold = case.sales.groupby("product")["quantity"].sum()
    assert len(view.forest) == len(case.fit.elasticities)
    assert len(view.pictures) == MOST_PICTURES
    assert view.pictures[0].group.names[0] == sold.idxmax()


def test_what_sales_can_never_show_is_said(case: Case) -> None:
    """On every such page."""
    assert "What sales data can never show" in elasticity_report(case.fit.elasticities, case.sales, now=NOW)


def test_dots_compare_prices_within_a_month() -> None:
    """A dear January is not mistaken for a bad price: the dots lie on the curve though the level quadrupled."""
    seen = sales_at_each_price(shop())
    assert seen is not None
    ratio = seen.sales / seen.curve(-2.0, seen.prices)
    assert np.ptp(ratio) < 0.03


def test_sparse_rows_are_compared_over_a_longer_stretch() -> None:
    """One row a month says nothing within a month; within a year its prices differ."""
    monthly = shop().assign(date=pd.date_range("2015-01-01", periods=56, freq="MS"), quantity=5.0)
    seen = sales_at_each_price(monthly)
    assert seen is not None
    assert seen.within == "year"
    assert np.ptp(seen.prices) > 2


def test_many_prices_are_put_together() -> None:
    """A picture stays readable."""
    seen = sales_at_each_price(shop(prices=tuple(np.linspace(7, 13, 56))))
    assert seen is not None
    assert len(seen.prices) <= 14


def test_no_sale_at_a_price_draws_nothing() -> None:
    """A picture without a dot would say something about nothing."""
    assert sales_at_each_price(shop().assign(price=0.0)) is None
    assert sales_at_each_price(shop().assign(quantity=0.0)) is None


def test_any_by_columns_and_names_with_markup(case: Case) -> None:
    """One column or three; a name with markup stays a name."""
    one = case.fit.elasticities[case.fit.elasticities["segment"] == "all"].drop(columns="segment")
    assert "How buyers react to price" in elasticity_report(one, case.sales, now=NOW)
    name = "<script>alert(1)</script>"
    nasty = one.assign(product=name, reason=name).head(1)
    page = elasticity_report(nasty, case.sales.assign(product=name), now=NOW)
    assert "<script>alert" not in page


def test_thousands_of_groups_are_counted_and_the_best_known_listed(case: Case) -> None:
    """A page of thousands of rows helps nobody."""
    one = case.fit.elasticities.head(1)
    many = pd.concat([one.assign(product=f"p{k}") for k in range(MOST_LISTED + 20)])
    page = elasticity_report(many, case.sales, now=NOW)
    assert f"Of {MOST_LISTED + 20} groups" in page
    assert page.count('<td class="fp">') == MOST_LISTED
    assert "20 more groups are counted above" in page


def test_a_table_without_groups_is_a_page(case: Case) -> None:
    """Nothing was estimated, and that is said."""
    page = elasticity_report(case.fit.elasticities.iloc[:0], case.sales.iloc[:0], now=NOW)
    assert "Of 0 groups" in page
