"""Goods are listed by stake, counted where not listed, and drawn in the forecast's own periods."""

import pandas as pd
import pytest

from api.report import goods
from api.report.goods import by_period, goods_view
from api.report.rows import Priced
from api.report.season import SeasonView
from pricing.book import Verdict
from tests.api.report.season import decision, offer

DAYS = pd.DataFrame({"date": pd.date_range("2026-09-01", "2026-11-22"), "quantity": 1.0, "available": 9.0})


@pytest.mark.parametrize(("freq", "expected"), [("D", 1), ("W-MON", 7), ("MS", 31)], ids=["days", "weeks", "months"])
def test_history_is_summed_in_whole_periods_of_the_forecast(freq: str, expected: int) -> None:
    """A unit a day makes seven a week, and an October has 31 days; nothing half-seen is drawn."""
    ahead = pd.Series(pd.date_range("2026-11-01" if freq == "MS" else "2026-11-23", periods=4, freq=freq))
    past = by_period(DAYS, ahead)
    assert past["quantity"].iloc[-1] == expected
    assert past.index[0] >= DAYS["date"].iloc[0]
    assert past.index[-1] < ahead.iloc[0]


def test_a_period_with_a_sold_out_day_is_marked() -> None:
    """Demand there was higher than sales."""
    rows = DAYS.assign(available=[1.0 if day.day == 15 and day.month == 11 else 9.0 for day in DAYS["date"]])
    past = by_period(rows, pd.Series(pd.date_range("2026-11-23", periods=4, freq="W-MON")))
    assert past.index[past["gone"].astype(bool)].tolist() == [pd.Timestamp("2026-11-09")]


def test_one_period_ahead_is_enough_to_draw() -> None:
    """Its length is then a day."""
    past = by_period(DAYS.drop(columns="available"), pd.Series([pd.Timestamp("2026-11-23")]))
    assert past["quantity"].iloc[-1] == 1.0
    assert not past["gone"].any()


def test_moves_come_first_by_stake_and_the_unlisted_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of fine products are one number."""
    monkeypatch.setattr(goods, "MOST_GOODS", 2)
    offers = [offer(name) for name in "abc"]
    kept = decision("c", gain=0, verdict=Verdict.KEEP)
    priced = Priced.of(offers, [kept, decision("a", gain=5), decision("b", gain=-50)], {}, {}, ())
    sales = pd.DataFrame({"event": [], "product": [], "segment": [], "date": [], "quantity": []})
    empty = pd.DataFrame({"product": [], "segment": [], "date": pd.DatetimeIndex([])})
    view = goods_view(priced, sales, empty)
    assert ([row.product for row in view.rows], view.unlisted, view.charts) == (["b", "a"], 1, ())


def test_each_product_with_a_forecast_has_a_chart(view: SeasonView) -> None:
    """In weeks, as it was forecast."""
    assert len(view.goods.charts) == 5
    assert view.goods.period == "week"
