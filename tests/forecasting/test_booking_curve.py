"""Demand still to come for an event is forecast from how such events fill up, without look-ahead."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forecasting.booking_curve import COLD_START, WARM, remaining_demand
from pricing.model import ALL
from pricing.simulation import Season, simulate

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
TODAY = pd.Timestamp(NOW.date())


def forecast(season: Season, sales: pd.DataFrame | None = None) -> pd.DataFrame:
    """Remaining demand of a simulated season, with the true mean at the same price beside it."""
    rows = season.sales if sales is None else sales
    made = remaining_demand(rows[rows["event"] != ALL], season.events, season.elasticity, today=TODAY)
    offer = made["event"] + " / " + made["product"] + " / " + made["segment"]
    truth = pd.DataFrame([season.appetite[name] for name in offer], columns=["units", "price"], index=made.index)
    slope = [season.elasticity[key] for key in zip(made["product"], made["segment"], strict=True)]
    return made.assign(truth=truth["units"] * (made["reference"] / truth["price"]) ** np.array(slope))


@pytest.fixture(scope="module")
def seasons() -> list[Season]:
    """Several seasons."""
    return [simulate(now=NOW, rng=np.random.default_rng(seed)) for seed in range(12)]


def test_intervals_cover_as_often_as_they_say(seasons: list[Season]) -> None:
    """80 % intervals hold the sales to come in 75 to 85 % of the cases, and the mean is right on the whole."""
    made = pd.concat([forecast(season) for season in seasons], ignore_index=True)
    sold = np.random.default_rng(0).poisson(made["truth"])
    covered = ((sold >= made["lower"]) & (sold <= made["upper"])).mean()
    assert 0.75 <= covered <= 0.85
    assert made["mean"].sum() / made["truth"].sum() == pytest.approx(1.0, abs=0.05)


def test_the_curve_beats_the_rule_of_thumb(seasons: list[Season]) -> None:
    """Errors are well below those of 'as many as the average past event still sold'."""
    made = pd.concat([forecast(season) for season in seasons])
    ours = (made["mean"] - made["truth"]).abs().sum()
    naive = (made.groupby(["product", "segment"])["truth"].transform("mean") - made["truth"]).abs().sum()
    assert ours < 0.5 * naive, "even against the true average, which nobody knows"


def test_a_row_of_the_future_changes_nothing(seasons: list[Season]) -> None:
    """A sale dated today or later, however large, is not read."""
    season = seasons[0]
    planted = season.sales.iloc[[-1]].assign(date=TODAY, quantity=10_000, event=season.events["event"].iloc[-1])
    pd.testing.assert_frame_equal(forecast(season), forecast(season, pd.concat([season.sales, planted])))


def test_an_event_without_sales_borrows_from_similar_ones_and_says_so(seasons: list[Season]) -> None:
    """Cold start: wider, and named as such."""
    season, name = seasons[0], seasons[0].events["event"].iloc[-1]
    cold = forecast(season, season.sales[season.sales["event"] != name])
    warm = forecast(season)
    cold, warm = cold[cold["event"] == name], warm[warm["event"] == name]
    assert set(cold["model"]) == {COLD_START}
    assert set(warm["model"]) == {WARM}
    assert ((cold["upper"] - cold["lower"]) / cold["mean"]).mean() > (
        (warm["upper"] - warm["lower"]) / warm["mean"]
    ).mean()


def test_without_a_finished_event_nothing_is_made_up(seasons: list[Season]) -> None:
    """How a kind of ticket fills up is unknown until one event of the kind is over."""
    season = seasons[0]
    coming = season.events[season.events["starts_at"] > pd.Timestamp(NOW)]["event"]
    made = remaining_demand(
        season.sales[season.sales["event"].isin(coming)], season.events, season.elasticity, today=TODAY
    )
    assert made.empty


def test_sold_out_days_are_not_days_without_demand() -> None:
    """An event that sold out half-way is expected to have drawn more than it sold."""
    opening = [pd.Timestamp("2026-01-01") + pd.Timedelta(days=30 * (i + 1)) for i in range(9)]
    events = pd.DataFrame({"event": [f"e{i}" for i in range(9)], "venue": "hall"})
    events["starts_at"] = pd.DatetimeIndex(opening, tz="UTC")
    rng = np.random.default_rng(0)
    rows: list[tuple[object, ...]] = []
    for number, start in enumerate(opening):
        left = 1_000 if number == 7 else 100
        for lead in range(20, 0, -1):
            units = min(int(rng.poisson(10)), left)
            rows.append((start - pd.Timedelta(days=lead), "seat", ALL, f"e{number}", float(units), 20.0, float(left)))
            left -= units
    columns = ["date", "product", "segment", "event", "quantity", "price", "available"]
    sales = pd.DataFrame(rows, columns=columns)
    before = opening[-1] - pd.Timedelta(days=20)
    made = remaining_demand(sales[sales["event"] != "e8"], events, {("seat", ALL): -1.0}, today=before)
    assert made.set_index("event")["mean"]["e8"] == pytest.approx(200, rel=0.15)
