"""Reactions to other products' prices are found where they are, and none where there is none."""

import numpy as np
import pandas as pd
import pytest

from forecasting.elasticity.cross import COLUMNS, CROSS_SD, MOST, cross_table
from pricing.errors import InputError


def three_products() -> pd.DataFrame:
    """Tea and coffee take buyers from each other (.8); salt stands alone; own elasticities -2."""
    rng = np.random.default_rng(0)
    dates = pd.date_range("2023-01-02", periods=200, freq="7D")
    prices = {name: rng.normal(1, 0.2, 200) for name in ("tea", "coffee", "salt")}
    other = {"tea": "coffee", "coffee": "tea"}
    rows = []
    for name, price in prices.items():
        pull = 0.8 * (prices[other[name]] - 1) if name in other else 0.0
        units = rng.poisson(np.exp(4 - 2 * (price - 1) + pull)).astype(float)
        rows.append(pd.DataFrame({"date": dates, "product": name, "price": np.exp(price), "quantity": units}))
    return pd.concat(rows, ignore_index=True)


def test_own_and_cross_reactions_are_recovered() -> None:
    """Within three standard errors, zeros included."""
    table = cross_table(three_products()).set_index(["product", "on_price_of"])
    truth = {("tea", "tea"): -2.0, ("tea", "coffee"): 0.8, ("coffee", "tea"): 0.8, ("tea", "salt"): 0.0}
    for pair, value in truth.items():
        assert table["elasticity"][pair] == pytest.approx(value, abs=3 * table["se"][pair] + 0.03)
    assert len(table) == 9


def test_with_little_evidence_the_answer_is_none_with_its_width() -> None:
    """Prices that hardly moved: every cross reaction stays at 0, as unsure as before."""
    sales = three_products()
    still = sales.assign(price=np.exp(1 + 0.001 * (np.log(sales["price"].to_numpy()) - 1)))
    table = cross_table(still).query("product != on_price_of")
    assert table["elasticity"].to_numpy() == pytest.approx(0, abs=0.05)
    assert table["se"].to_numpy() == pytest.approx(CROSS_SD, abs=0.02)


def test_too_many_products_are_refused() -> None:
    """Each pair is a number to learn."""
    sales = three_products()
    many = pd.concat([sales.assign(product=f"p{k}") for k in range(MOST + 1)])
    with pytest.raises(InputError, match="at most"):
        cross_table(many)


def outlets(rng: np.random.Generator, truth: np.ndarray, *, weeks: int = 104, persistence: float = 0.0) -> pd.DataFrame:
    """Weekly sales of each product (rows of `truth`) in ten outlets that price for themselves, about seven units."""
    k, shape = len(truth), (10, weeks)
    moves, season, frames = rng.normal(0, 0.15, (k, *shape)), rng.normal(0, 0.2, weeks), []
    outlet, week = (index.ravel() for index in np.indices(shape))
    for i in range(k):
        shock = rng.normal(0, 0.25, shape)
        for t in range(1, weeks):
            shock[:, t] = persistence * shock[:, t - 1] + np.sqrt(1 - persistence**2) * shock[:, t]
        units = rng.poisson(np.exp(2 + season + np.tensordot(truth[i], moves, 1) + shock))
        columns = {"product": f"p{i}", "channel": [f"o{o}" for o in outlet], "price": np.exp(moves[i]).ravel()}
        date = pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * week, unit="D")
        frames.append(pd.DataFrame({"date": date, **columns, "quantity": units.ravel().astype(float)}))
    return pd.concat(frames, ignore_index=True)


def test_intervals_of_outlets_cover_and_no_relation_is_named_wrongly() -> None:
    """Substitutes, complements and strangers, shocks that persist: five markets of four products."""
    truth = np.array([[-2.5, 0.6, 0.0, -0.4], [0.6, -2.0, 0.3, 0.0], [0.0, 0.3, -1.6, 0.0], [-0.4, 0.0, 0.0, -3.0]])
    tables = [cross_table(outlets(np.random.default_rng(s), truth, persistence=0.6)) for s in range(5)]
    found = pd.concat([table.assign(truth=truth.ravel()) for table in tables])
    assert list(tables[0].columns) == list(COLUMNS)
    assert found["truth"].between(found["lower"], found["upper"]).mean() >= 0.88
    assert (found["elasticity"] - found["truth"]).mean() == pytest.approx(0, abs=0.03)
    named = found[found["product"] != found["on_price_of"]]
    assert not ((named["relation"] == "substitute") & (named["truth"] < 0)).any()
    assert not ((named["relation"] == "complement") & (named["truth"] > 0)).any()
    assert (named.loc[named["truth"].abs() > 0.35, "relation"] != "no clear effect").mean() > 0.9


def test_a_pair_tells_of_each_other_where_only_one_price_moves() -> None:
    """Tea's price stands still, so that coffee's reaction to it is known only from tea's reaction to coffee's."""
    sales = outlets(np.random.default_rng(0), np.array([[-2.0, 0.8], [0.8, -2.0]]))
    still = sales.assign(price=np.where(sales["product"] == "p0", 1.0, sales["price"]))
    found = cross_table(still).set_index(["product", "on_price_of"])["elasticity"]
    assert found["p0", "p1"] == pytest.approx(0.8, abs=0.3)
    assert 0.3 < found["p1", "p0"] < found["p0", "p1"] * 1.2


def test_groups_are_not_crossed_with_each_other() -> None:
    """Drinks with drinks; a column that is not there is said."""
    sales = three_products()
    grouped = sales.assign(kind=np.where(sales["product"] == "salt", "spice", "drink"))
    table = cross_table(grouped, within="kind")
    pairs = set(zip(table["product"], table["on_price_of"], strict=True))
    assert pairs == {*((a, b) for a in ("tea", "coffee") for b in ("tea", "coffee")), ("salt", "salt")}
    with pytest.raises(InputError, match="no such column"):
        cross_table(sales, within="kind")


def test_gaps_and_outlets_of_one_product_only_do_not_stop_it() -> None:
    """Rows missing at random, outlets numbered, a product that is sold in one of them only."""
    rng = np.random.default_rng(1)
    sales = outlets(rng, np.diag([-2.0, -2.0, -1.5]), weeks=60)
    sales["channel"] = sales["channel"].str[1:].astype(int) + 5
    sales = sales[(sales["product"] != "p2") | (sales["channel"] == 11)]
    sparse = sales[rng.random(len(sales)) < 0.7]
    table = cross_table(sparse[sparse["quantity"] > 0])
    assert len(table) == 9
    assert np.isfinite(table["elasticity"]).all()
    assert table.query("relation == 'own'")["elasticity"].to_numpy() == pytest.approx(-2, abs=1)
