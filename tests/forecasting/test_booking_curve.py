"""Demand still to come for an event is forecast from how such events fill up, without look-ahead."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forecasting.booking_curve import COLD_START, WARM, civil_days, remaining_demand, with_silent_days
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


@pytest.mark.parametrize("silent", ["a row of zero", "no row"])
def test_sold_out_days_are_not_days_without_demand(silent: str) -> None:
    """An event that sold out half-way is expected to have drawn more than it sold, silence written down or not."""
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
    sales = sales if silent == "a row of zero" else sales[sales["quantity"] > 0]
    before = opening[-1] - pd.Timedelta(days=20)
    made = remaining_demand(sales[sales["event"] != "e8"], events, {("seat", ALL): -1.0}, today=before)
    assert made.set_index("event")["mean"]["e8"] == pytest.approx(200, rel=0.15)


def slow_nights(rng: np.random.Generator, ahead: int = 20) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Thirty events on sale for 40 days, .3 seats a day; the first is ahead of `TODAY`, the others are over."""
    rows: list[tuple[object, ...]] = []
    nights = [TODAY + pd.Timedelta(days=ahead if k == 0 else -7 * k) for k in range(30)]
    for number, night in enumerate(nights):
        days = pd.date_range(end=night - pd.Timedelta(days=1), periods=40)
        rows += [
            (day, "seat", ALL, f"e{number}", float(rng.poisson(0.3)), 20.0 + number % 3) for day in days if day < TODAY
        ]
    sales = pd.DataFrame(rows, columns=["date", "product", "segment", "event", "quantity", "price"])
    starts = pd.DatetimeIndex(nights, tz="UTC") + pd.Timedelta(hours=18)
    on_sale = pd.DatetimeIndex(nights, tz="UTC") - pd.Timedelta(days=40)
    events = {"event": [f"e{k}" for k in range(30)], "starts_at": starts, "venue": "hall", "on_sale_at": on_sale}
    return sales, pd.DataFrame(events)


def test_a_row_per_sale_tells_the_same_as_a_row_per_day() -> None:
    """Days without a sale count as such though nobody wrote them down; the truth, 6 more seats, is inside."""
    sales, events = slow_nights(np.random.default_rng(0))
    full, sold = (
        remaining_demand(rows, events, {("seat", ALL): -1.5}, today=TODAY)
        for rows in (sales, sales[sales["quantity"] > 0])
    )
    pd.testing.assert_frame_equal(full, sold, rtol=0.01)
    assert sold["lower"].item() <= 6 <= sold["upper"].item()


def test_where_the_start_of_sale_is_unknown_the_first_sale_stands_in() -> None:
    """Silent days are then made from the event's first sale on."""
    sales, events = slow_nights(np.random.default_rng(0))
    sold = sales[sales["quantity"] > 0]
    made = remaining_demand(sold, events.drop(columns="on_sale_at"), {("seat", ALL): -1.5}, today=TODAY)
    assert made["lower"].item() <= 6 <= made["upper"].item()


def test_a_silent_day_has_the_price_before_it_and_the_first_days_the_first_price() -> None:
    """One row per day on sale, up to the day before the event."""
    events = pd.DataFrame({"event": ["gala"], "starts_at": pd.to_datetime(["2026-03-08T20:00Z"])})
    events["on_sale_at"] = pd.to_datetime(["2026-03-01T09:00Z"])
    rows = [("2026-03-03", 1.0, 10.0), ("2026-03-05", 1.0, 12.0)]
    sales = pd.DataFrame(rows, columns=["date", "quantity", "price"]).assign(event="gala", product="seat", segment=ALL)
    sales["date"] = pd.to_datetime(sales["date"])
    made = with_silent_days(sales, events, today=TODAY, time_zone="UTC")
    assert made["date"].dt.day.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert made["quantity"].tolist() == [0, 0, 1, 0, 1, 0, 0]
    assert made["price"].tolist() == [10, 10, 10, 10, 12, 12, 12]


def test_free_tickets_say_nothing_of_demand_at_a_price() -> None:
    """A day on which all tickets were free is left out; it poisons no other day."""
    sales, events = slow_nights(np.random.default_rng(0))
    plain = remaining_demand(sales, events, {("seat", ALL): -1.5}, today=TODAY)
    sales.loc[100, ["quantity", "price"]] = [50.0, 0.0]
    free = remaining_demand(sales, events, {("seat", ALL): -1.5}, today=TODAY)
    assert free["mean"].item() == pytest.approx(plain["mean"].item(), rel=0.05)
    assert free["reference"].item() == pytest.approx(plain["reference"].item(), rel=0.01)


def test_an_evening_belongs_to_the_owners_day() -> None:
    """Friday, 20:00 in Los Angeles is Saturday in UTC; the sale ends on Thursday."""
    friday = pd.Series(pd.to_datetime(["2026-11-21T04:00Z"]))
    assert civil_days(friday, "America/Los_Angeles").dt.day_name().tolist() == ["Friday"]
    sales, events = slow_nights(np.random.default_rng(0), ahead=1)
    late = events.assign(starts_at=events["starts_at"] + pd.Timedelta(hours=10))
    late["on_sale_at"] += pd.Timedelta(hours=10)
    slopes = {("seat", ALL): -1.5}
    here = remaining_demand(sales, events, slopes, today=TODAY)
    there = remaining_demand(sales, late, slopes, today=TODAY, time_zone="America/Los_Angeles")
    pd.testing.assert_frame_equal(here, there)
    rows = {
        zone: len(with_silent_days(sales, late, today=TODAY, time_zone=zone)) for zone in ("America/Los_Angeles", "UTC")
    }
    assert rows["UTC"] == rows["America/Los_Angeles"] + 29, "a silent day more for each night that is over"
