"""Reactions to other products' prices are found where they are, and none where there is none."""

import numpy as np
import pandas as pd
import pytest

from forecasting.elasticity.cross import CROSS_SD, MOST, cross_table
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
