"""The simulated season is the same each time, never sells what is not there, and keeps its truth apart."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from pricing.model import ALL
from pricing.simulation import Season, booking_share, simulate

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def season() -> Season:
    """One season."""
    return simulate(now=NOW, rng=np.random.default_rng(3))


def test_the_same_seed_gives_the_same_season(season: Season) -> None:
    """Row for row."""
    again = simulate(now=NOW, rng=np.random.default_rng(3))
    pd.testing.assert_frame_equal(season.sales, again.sales)
    pd.testing.assert_frame_equal(season.offers, again.offers)


def test_sales_end_yesterday_and_never_exceed_what_was_on_sale(season: Season) -> None:
    """A user's history holds nothing of today, and no room is oversold."""
    assert season.sales["date"].max() == pd.Timestamp(NOW.date()) - pd.Timedelta(days=1)
    assert (season.sales["quantity"] <= season.sales["available"]).all()
    assert (season.sales["quantity"] >= season.sales["available"]).any(), "some rows sold out"


def test_the_tables_do_not_tell_the_truth(season: Season) -> None:
    """No column of any table holds an elasticity or an appeal."""
    columns = {name for table in (season.sales, season.events, season.offers) for name in table.columns}
    assert not columns & {"elasticity", "appeal", "demand", "truth"}


def test_the_vip_price_follows_demand_and_the_others_do_not(season: Season) -> None:
    """The trap is there: within an event VIP tickets sell best when they are dear; the rest sell best when cheap."""
    sales = season.sales[season.sales["event"] != ALL]
    own = ["product", "segment", "event"]
    sales = sales.assign(lead=sales.groupby(own).cumcount())
    units = sales["quantity"] / sales.groupby(["product", "segment", "lead"])["quantity"].transform("mean").clip(
        lower=0.1
    )
    logs = pd.DataFrame({"price": np.log(sales["price"]), "units": units, "product": sales["product"]})
    logs[["price", "units"]] -= (
        logs.assign(event=sales["event"], segment=sales["segment"]).groupby(own)[["price", "units"]].transform("mean")
    )
    slope = {product: rows["price"].cov(rows["units"]) for product, rows in logs.groupby("product")}
    assert slope["VIP"] > 0 > slope["Stalls"]


def test_booking_shares_are_shares() -> None:
    """They add up to one sale."""
    assert booking_share().sum() == pytest.approx(1.0)
    assert (booking_share() > 0).all()
