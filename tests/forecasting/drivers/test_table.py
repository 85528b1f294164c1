"""The table of drivers is whole, honest and repeatable."""

import numpy as np
import pandas as pd
import pytest

from forecasting.drivers import driver_table
from forecasting.drivers.table import UNSURE
from forecasting.fleet import Task
from tests.forecasting.drivers.market import market
from tests.real_data import real_data

COLUMNS = ["product", "driver", "effect", "lower", "upper", "per", "units", "lower_units", "upper_units", "n", "reason"]


def rows_of(seeds: list[int], **kinds: float) -> pd.DataFrame:
    """Weekly sales of several markets, as a user brings them."""
    parts = []
    for seed in seeds:
        past = market(seed, **kinds).history  # type: ignore[arg-type]  # weeks is not among them
        price, promotion, temperature = past.regressors.T
        part = pd.DataFrame({"date": past.dates, "quantity": past.sales, "price": np.exp(price)})
        parts.append(part.assign(product=f"p{seed}", promotion=promotion, temperature=temperature))
    return pd.concat(parts, ignore_index=True).assign(date=lambda table: pd.to_datetime(table["date"]))


@pytest.fixture(scope="module")
def sales() -> pd.DataFrame:
    """Four products."""
    return rows_of([1, 2, 3, 4])


@pytest.fixture(scope="module")
def future(sales: pd.DataFrame) -> pd.DataFrame:
    """Names what is known ahead."""
    weeks = sales["date"].max() + pd.to_timedelta([7, 14], unit="D")
    return pd.DataFrame({"date": weeks, "price": 10.0, "promotion": 0.0, "temperature": 15.0})


@pytest.fixture(scope="module")
def table(sales: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
    """What is told."""
    return driver_table(sales, Task(horizon=2, country="US"), future=future)


def test_every_series_and_all_together_have_a_row_per_driver(table: pd.DataFrame) -> None:
    """With bounds in order, and blank only where a reason says why."""
    assert list(table.columns) == COLUMNS
    assert table["product"].unique().tolist() == ["p1", "p2", "p3", "p4", "all"]
    assert not table.duplicated(["product", "driver"]).any()
    assert {"price", "promotion", "temperature", "Christmas Day"} <= set(table["driver"])
    told = table.dropna(subset="effect")
    assert ((told["lower"] <= told["effect"]) & (told["effect"] <= told["upper"]) & (told["lower"] >= -100)).all()
    assert table.loc[table["effect"].isna(), "reason"].str.contains("too few|told apart|never|followed").all()
    assert (table["reason"] != "").all()


def test_all_together_are_surer_than_one_and_hold_the_truth(table: pd.DataFrame) -> None:
    """A promotion's 42 %, in percent and in units of the usual level."""
    rows = table[table["driver"] == "promotion"].set_index("product")
    pooled = rows.loc["all"]
    assert pooled["lower"] <= 100 * np.expm1(0.35) <= pooled["upper"]
    assert pooled["upper"] - pooled["lower"] < (rows["upper"] - rows["lower"]).drop("all").min()
    usual = rows["units"] / rows["effect"] * 100
    assert usual.drop("all").between(30, 70).all()


def test_series_that_err_together_are_no_surer_for_being_many() -> None:
    """The same product under five names: the interval of all is that of one, not half of it."""
    one = rows_of([5])
    five = pd.concat([one.assign(product=f"copy {k}") for k in range(5)], ignore_index=True)
    found = driver_table(five, Task(horizon=2, country="US")).dropna(subset="effect")
    widths = (found["upper"] - found["lower"]).groupby(found["product"] == "all").mean()
    assert widths[True] == pytest.approx(widths[False], rel=0.1)


def test_a_price_that_followed_demand_is_no_effect(sales: pd.DataFrame) -> None:
    """Dearer weeks sold more: blank, and it says where to look."""
    dear = sales.assign(price=sales["price"].mean() * (sales["quantity"] + 5) ** 0.5)
    found = driver_table(dear, Task(horizon=2)).set_index("driver").loc["price"]
    assert found["effect"].isna().all()
    assert found["reason"].str.contains("price followed demand").all()


def test_the_price_over_all_series_is_not_of_those_alone_whose_price_looks_right() -> None:
    """A price nobody minds: some slopes come out negative by chance, their mean with the others' does not."""
    rng = np.random.default_rng(7)
    indifferent = rows_of(list(range(20, 32)))
    indifferent["price"] = rng.uniform(8, 12, len(indifferent)).round(2)
    indifferent["quantity"] = rng.poisson(40, len(indifferent))
    found = driver_table(indifferent, Task(horizon=2)).set_index("product").loc["all"]
    assert found["reason"] in ("price followed demand: not an effect; see fairfare elasticity", UNSURE)


def test_what_was_seen_twice_is_too_few_to_tell(sales: pd.DataFrame, future: pd.DataFrame) -> None:
    """A promotion of two weeks, and one that never was."""
    first = sales["date"].isin(sales["date"].drop_duplicates().nsmallest(22).nlargest(2))
    rare = sales.assign(promotion=np.where(first & (sales["product"] == "p1"), 1.0, 0.0))
    found = driver_table(rare, Task(horizon=2), future=future).set_index(["product", "driver"])["reason"]
    assert found["p1", "promotion"] == "seen in only 2 periods: too few to tell"
    assert found["p2", "promotion"] == "never changed"


def test_rows_after_as_of_tell_nothing(sales: pd.DataFrame) -> None:
    """A planted future changes nothing, and the same table twice is the same bytes."""
    day = sales["date"].drop_duplicates().iloc[-20]
    planted = sales.assign(quantity=sales["quantity"].where(sales["date"] <= day, 1e6))
    task = Task(horizon=2, country="US", as_of=day)
    assert driver_table(sales, task).to_csv() == driver_table(planted, task).to_csv()


def test_the_end_of_a_product_is_no_effect(sales: pd.DataFrame) -> None:
    """Half a year of silence after it closed: told as it was before."""
    later = sales[sales["product"] == "p2"].assign(date=lambda t: t["date"] + pd.Timedelta(weeks=30), product="later")
    closed = sales[sales["product"] == "p1"]
    once, again = (driver_table(rows, Task(horizon=2)) for rows in (closed, pd.concat([closed, later])))
    assert again[again["product"] == "p1"].reset_index(drop=True).equals(once)


@pytest.mark.real_data
def test_christmas_sells_and_the_price_followed_demand_on_broadway() -> None:
    """Long-running shows from 2004: the weeks of Christmas and New Year sell more, that of Labor Day less."""
    raw = pd.read_csv(real_data("broadway_to_2011/broadway_1990_2011.csv.gz"))
    rows = raw.rename(columns={"show": "product", "attendance": "quantity", "avg_price": "price"})
    rows = rows[["date", "product", "quantity", "price"]].assign(date=pd.to_datetime(rows["date"]))
    rows = rows[rows["date"] >= "2004"]
    largest = rows.groupby("product")["quantity"].sum().nlargest(4).index
    found = driver_table(rows[rows["product"].isin(largest)], Task(horizon=4, country="US"))
    pooled = found[found["product"] == "all"].set_index("driver")
    assert pooled["lower"][["New Year's Day", "Washington's Birthday"]].min() > 0
    assert pooled["effect"]["Christmas Day"] > 5
    assert pooled["upper"]["Labor Day"] < 0
    assert "price followed demand" in pooled["reason"]["price"]
