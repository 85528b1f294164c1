"""One row per group, whatever its data are like; real tables come out as published."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from forecasting.elasticity.shrinkage import GENERAL, BelowZero
from forecasting.elasticity.table import COLUMNS, Method, elasticity_table
from pricing.errors import InputError
from tests.forecasting.elasticity.markets import market
from tests.real_data import real_data


def shop(seed: int = 0) -> pd.DataFrame:
    """Eight products with elasticities from -2.7 to -1.3, one at a constant price, one that never sold, one row."""
    rng = np.random.default_rng(seed)
    good = [market(rng, truth=-2.7 + 0.2 * k, product=f"p{k}", persistence=0.4) for k in range(8)]
    constant = market(rng, product="constant").assign(price=5.0)
    unsold = market(rng, product="unsold").assign(quantity=0.0)
    return pd.concat([*good, constant, unsold, market(rng, product="single").head(1)], ignore_index=True)


def test_every_group_has_one_row_with_every_column() -> None:
    """Good and bad groups alike; numbers are finite, intervals hold their elasticity."""
    table = elasticity_table(shop())
    assert list(table.columns) == ["product", *COLUMNS]
    assert sorted(table["product"]) == sorted(shop()["product"].unique())
    assert np.isfinite(table[["elasticity", "se", "lower", "upper"]]).all(axis=None)
    assert (table["lower"] < table["elasticity"]).all()
    assert (table["elasticity"] < table["upper"]).all()
    assert (table["reason"].str.len() > 20).all()


def test_a_group_that_is_not_identified_carries_the_prior_of_the_others() -> None:
    """Its mean is near the others' and its width is that of a group not yet seen."""
    table = elasticity_table(shop()).set_index("product")
    refused = table[table["status"] == "not-identified"]
    assert {"constant", "unsold", "single"} <= set(refused.index)
    assert refused["elasticity"].to_numpy() == pytest.approx(-2.0, abs=0.3)
    assert (refused["upper"] < 0).all()
    assert (refused["se"] > table.loc[table["status"] == "identified", "se"].max()).all()


def test_the_truth_lies_in_the_pooled_intervals() -> None:
    """Eight products in four shops: at least nine of ten intervals hold the truth."""
    inside = []
    for seed in range(4):
        table = elasticity_table(shop(seed)).set_index("product")
        inside += [table["lower"][f"p{k}"] <= -2.7 + 0.2 * k <= table["upper"][f"p{k}"] for k in range(8)]
    assert np.mean(inside) >= 0.85


def test_the_order_of_rows_and_columns_changes_nothing() -> None:
    """Nor does estimating twice."""
    sales = shop()
    shuffled = sales.sample(frac=1, random_state=1)[sales.columns[::-1]]
    assert_frame_equal(elasticity_table(sales), elasticity_table(shuffled), rtol=1e-6)
    assert_frame_equal(elasticity_table(sales), elasticity_table(sales), check_exact=True)


def test_the_unit_of_money_changes_nothing() -> None:
    """Cents instead of euros: prices come out of the logarithm as a constant."""
    sales = shop().round({"price": 2})
    cents = elasticity_table(sales.assign(price=100 * sales["price"]))
    assert_frame_equal(elasticity_table(sales), cents, rtol=1e-5)


def test_sold_out_rows_are_taken_as_censored() -> None:
    """The method says so, and the slope is nearer the truth than with the stock ignored."""
    sales = market(np.random.default_rng(0), weeks=80)
    stock = sales.groupby("channel")["quantity"].transform(lambda q: q.quantile(0.75)).clip(lower=1)
    rationed = sales.assign(quantity=np.minimum(sales["quantity"], stock), available=stock)
    taken, ignored = elasticity_table(rationed), elasticity_table(rationed.drop(columns="available"))
    assert taken["method"].iloc[0].startswith("censored-nb2")
    assert abs(taken["raw_elasticity"].iloc[0] + 2) < abs(ignored["raw_elasticity"].iloc[0] + 2)
    logs = elasticity_table(rationed, method="log-log")
    assert logs["status"].iloc[0] != "identified"


def test_one_number_that_holds_for_no_buyer_is_not_called_identified() -> None:
    """Large outlets at -4 and small ones at -1: counting units says one thing, counting rows another."""
    rng = np.random.default_rng(1)
    kinds = [market(rng, truth=slope, outlets=12, level=level) for slope, level in ((-4.0, 7.0), (-1.0, 3.5))]
    kinds[1]["channel"] += " small"
    mixed = elasticity_table(pd.concat(kinds, ignore_index=True)).iloc[0]
    assert mixed["status"] == "weak"
    assert "what counts" in mixed["reason"]
    alone = [elasticity_table(kind).iloc[0]["status"] for kind in kinds]
    assert alone == ["identified", "identified"]


def test_buyers_who_are_alike_raise_no_doubt_about_the_method() -> None:
    """On panels with one slope and counts high enough for logs, both ways of counting agree in 23 of 25 or more."""
    doubted = [
        "what counts" in elasticity_table(market(np.random.default_rng(seed), level=4.0))["reason"].iloc[0]
        for seed in range(25)
    ]
    assert sum(doubted) <= 2


def instrumented() -> pd.DataFrame:
    """A cost that moves the price, demand that moves it too; truth -2."""
    rng = np.random.default_rng(0)
    sales = market(rng, level=4, shock=0.0)
    shock, cost = rng.normal(0, 0.3, len(sales)), rng.normal(0, 0.3, len(sales))
    price = 1 + cost + 0.6 * shock
    quantity = rng.poisson(np.exp(4 - 2 * (price - 1) + shock)).astype(float)
    return sales.assign(price=np.exp(price), quantity=quantity, cost=cost, noise=rng.normal(size=len(sales)))


@pytest.mark.parametrize(("method", "name"), [("ppml", "ppml-iv"), ("log-log", "log-log-iv")])
def test_instruments_cure_with_effects_and_controls(method: Method, name: str) -> None:
    """In units unless logs are asked for; a further control that means nothing changes little."""
    options = {"instruments": ["cost"], "effects": ["channel", "week"], "controls": ["noise"]}
    row = elasticity_table(instrumented(), **options, method=method).iloc[0]  # type: ignore[arg-type]
    assert row["method"] == f"{name}; effects: channel, week"
    assert row["raw_elasticity"] == pytest.approx(-2, abs=0.15)
    assert row["status"] == "identified"
    assert elasticity_table(instrumented())["raw_elasticity"].iloc[0] > -1.7


def test_a_weak_instrument_gives_no_number() -> None:
    """The reason names the numbers that fit; the elasticity is the general prior."""
    row, general = elasticity_table(instrumented(), instruments=["noise"]).iloc[0], BelowZero(GENERAL.mean, GENERAL.sd)
    assert row["status"] == "not-identified"
    assert np.isnan(row["raw_elasticity"])
    assert (row["elasticity"], row["se"]) == (general.mean, general.sd)
    assert "hardly move the price" in row["reason"]


def test_sold_out_rows_count_with_instruments_too() -> None:
    """As censored."""
    sales = instrumented()
    stock = sales.groupby("channel")["quantity"].transform(lambda q: q.quantile(0.75)).clip(lower=1)
    rationed = sales.assign(quantity=np.minimum(sales["quantity"], stock), available=stock)
    row = elasticity_table(rationed, instruments=["cost"]).iloc[0]
    assert row["method"].startswith("censored-nb2-iv")
    assert row["raw_elasticity"] == pytest.approx(-2, abs=0.3)


def scanner(name: str) -> pd.DataFrame:
    """Monthly sales per product and outlet."""
    names = {"time": "date", "prodID": "product", "retID": "channel", "prices": "price", "quantities": "quantity"}
    rows = pd.read_csv(real_data(f"polish_scanner/{name}.csv"), dtype={"prodID": str, "retID": str})
    return rows.rename(columns=names).assign(date=lambda r: pd.to_datetime(r["date"]), segment="all", event="all")


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "slope"), [("milk", -1.34), ("sugar", -3.58)])
def test_milk_and_sugar_have_their_reference_elasticity(name: str, slope: float) -> None:
    """One slope for the category, in logs, effects of product in outlet and of month."""
    table = elasticity_table(scanner(name), by=["segment"], effects=["product:channel", "month"], method="log-log")
    assert table["raw_elasticity"].iloc[0] == pytest.approx(slope, abs=0.006)
    assert table["status"].iloc[0] == "identified"


@pytest.mark.real_data
def test_broadway_is_not_identified_because_price_followed_demand() -> None:
    """The slope with show and week effects is positive; show by show nothing is identified either."""
    rows = pd.read_csv(real_data("broadway_to_2011/broadway_1990_2011.csv.gz"), parse_dates=["date"])
    sales = rows.rename(columns={"show": "product", "attendance": "quantity", "avg_price": "price"}).assign(
        segment="all"
    )
    table = elasticity_table(sales, by=["segment"], effects=["product", "week"])
    general = BelowZero(GENERAL.mean, GENERAL.sd)
    assert table["raw_elasticity"].iloc[0] > 0.2
    assert table["status"].iloc[0] == "not-identified"
    assert "Price followed demand" in table["reason"].iloc[0]
    assert (table["elasticity"].iloc[0], table["se"].iloc[0]) == (general.mean, general.sd)
    assert set(elasticity_table(sales)["status"]) == {"not-identified"}


def test_a_table_without_a_single_price_has_a_reason_for_each_group() -> None:
    """Everything was given away."""
    rows = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=3, freq="W"), "product": list("aab")})
    found = elasticity_table(rows.assign(quantity=3.0, price=0.0))
    assert set(found["status"]) == {"not-identified"}
    assert found["reason"].str.contains("No unit was sold at a known price").all()
    assert found["reason"].str.contains("none has a price above 0").all()


def test_rows_left_out_for_want_of_a_price_are_counted_in_the_reason() -> None:
    """Of the group they are in."""
    sales = pd.concat([market(np.random.default_rng(k), product=name) for k, name in enumerate(("milk", "tea"))])
    sales = sales.reset_index(drop=True)
    sales.loc[[3, 5, 8], "price"] = [0.0, np.nan, 0.0]
    reasons = elasticity_table(sales).set_index("product")["reason"]
    assert "3 rows have no price above 0 and were left out." in reasons["milk"]
    assert "left out" not in reasons["tea"]


@pytest.mark.parametrize("instruments", [[], ["cost"]])
@pytest.mark.parametrize("method", ["ppml", "log-log"])
def test_sales_that_follow_the_price_without_an_error_do_not_end_the_table(
    method: Method, instruments: list[str]
) -> None:
    """With instruments or without they are refused for it."""
    rng = np.random.default_rng(0)
    sales = market(rng).assign(quantity=lambda rows: 1e3 * rows["price"] ** -2)
    sales["cost"] = sales["price"] * np.exp(rng.normal(0, 0.1, len(sales)))
    [row] = elasticity_table(sales, method=method, instruments=instruments).to_dict("records")
    assert (row["status"], "without any error" in row["reason"]) == ("not-identified", True)


def test_sales_that_never_changed_do_not_end_the_table() -> None:
    """With a varying price, of a group alone and beside another; the number is that of the groups' prior."""
    sales = pd.concat([market(np.random.default_rng(k), product=name) for k, name in enumerate(("milk", "tea"))])
    sales.loc[sales["product"] == "milk", "quantity"] = 5.0
    for table in (elasticity_table(sales), elasticity_table(sales[sales["product"] == "milk"])):
        assert table["status"].iloc[0] == "not-identified"
        assert np.isnan(table["raw_elasticity"].iloc[0])
        assert table["upper"].iloc[0] < 0 < table["se"].iloc[0]


@pytest.mark.parametrize("value", ["x", 1.0])
def test_instruments_that_never_change_are_refused_by_name(value: str | float) -> None:
    """Beside a good one too; one is not left out in silence."""
    sales = market(np.random.default_rng(0)).assign(cost=lambda rows: rows["price"], still=value)
    with pytest.raises(InputError, match=r"one value throughout.*--instruments") as refused:
        elasticity_table(sales, instruments=["cost", "still"])
    assert [finding.column for finding in refused.value.findings] == ["still"]


def drifting(seed: int) -> pd.DataFrame:
    """Prices follow a cost in money that wanders off, and the shock of their week; truth -2."""
    rng = np.random.default_rng(seed)
    outlet, week = (index.ravel() for index in np.indices((8, 156)))
    cost, shock = np.cumsum(rng.normal(0, 0.05, (8, 156)), axis=1), rng.normal(0, 0.2, (8, 156))
    for t in range(1, 156):
        shock[:, t] += 0.7 * shock[:, t - 1]
    move = cost + 0.3 * shock + rng.normal(0, 0.1, (8, 156))
    return pd.DataFrame(
        {
            "date": pd.Timestamp("2022-01-03") + pd.to_timedelta(7 * week, unit="D"),
            "product": "tea",
            "channel": [f"outlet {k}" for k in outlet],
            "price": 10 * np.exp(move).ravel(),
            "quantity": rng.poisson(np.exp(3.5 - 2 * move + shock)).ravel().astype(float),
            "cost": 10 * np.exp(cost).ravel(),
        }
    )


def test_an_instrument_in_money_that_drifts_cures_feedback_in_units_too() -> None:
    """It enters in logs, as the price does; shifted below 0 it cannot, and units and logs contradict each other."""
    found = [elasticity_table(drifting(seed), instruments=["cost"]).iloc[0] for seed in range(6)]
    assert np.mean([row["raw_elasticity"] for row in found]) == pytest.approx(-2, abs=0.06)
    assert sum(row["lower"] <= -2 <= row["upper"] for row in found) >= 5
    below = [drifting(seed).assign(cost=lambda rows: rows["cost"] - 100) for seed in range(6)]
    shifted = [elasticity_table(sales, instruments=["cost"]).iloc[0] for sales in below]
    told = [row["status"] != "identified" or row["lower"] <= -2 <= row["upper"] for row in shifted]
    assert sum(told) >= 5
    assert any("in units" in row["reason"] for row in shifted)
