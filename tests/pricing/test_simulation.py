"""The simulated season is the same each time, never sells what is not there, and keeps its truth apart."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from pricing.simulation import SALE_DAYS, Season, booking_share, simulate

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


def test_calendar_prices_move_for_reasons_of_their_own_and_the_vip_price_does_not(season: Season) -> None:
    """The trap is there: over past events, the VIP price goes with the crowd, and the stalls price does not."""
    sales = season.sales[season.sales["event"] != "all"]
    first = sales.groupby("event")["date"].transform("min")
    whole = sales[sales.groupby("event")["date"].transform("nunique") == SALE_DAYS]
    assert len(whole) < len(sales), "some events are still on sale"
    usual = whole.merge(season.events[["event", "venue"]], on="event")
    usual["relative"] = usual["price"] / usual.groupby(["product", "segment", "venue"])["price"].transform("mean")
    crowd = usual.groupby("event")["quantity"].sum() / usual.groupby("event")["available"].max()
    rate = {
        product: rows.groupby("event")["relative"].mean().corr(crowd)
        for product, rows in usual[usual["segment"] == "adult"].groupby("product")
    }
    assert rate["VIP"] > 0.5 > rate["Stalls"]
    assert first.notna().all()


def test_booking_shares_are_shares() -> None:
    """They add up to one sale."""
    assert booking_share().sum() == pytest.approx(1.0)
    assert (booking_share() > 0).all()
