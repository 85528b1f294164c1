"""How a horizon's demand spreads over its days, and how much days differ, found again from simulated sales."""

import numpy as np
import pandas as pd
import pytest

from forecasting.booking_curve import booking_pace
from forecasting.pace import LEAST_NOISE, UNKNOWN_NOISE, Vector, goods_pace, overdispersion
from pricing.simulation import SALE_DAYS, booking_share

TODAY = pd.Timestamp("2026-11-21")
WEEKDAY = np.array([0.6, 0.8, 0.9, 1.0, 1.2, 1.6, 0.9])
NOISE = 0.1


def shop(*, price: float | None = 10.0, noise: float = NOISE, days: int = 400) -> pd.DataFrame:
    """Daily sales of one product, 30 a day by weekday; the price moves weekly unless it is given."""
    rng = np.random.default_rng(0)
    dates = pd.date_range(end=TODAY - pd.Timedelta(days=1), periods=days)
    moved = 10 * np.exp(np.repeat(rng.normal(0, 0.2, days // 7 + 1), 7)[:days])
    paid = np.full(days, price) if price else moved
    mean = 30 * WEEKDAY[dates.day_of_week] * (paid / 10) ** -2.0
    return pd.DataFrame(
        {
            "date": dates,
            "product": "mug",
            "segment": "all",
            "quantity": rng.poisson(mean * rng.gamma(1 / noise, noise, days)).astype(float),
            "price": paid,
        }
    )


def weeks(count: int = 5) -> pd.DataFrame:
    """A forecast by week, from the week that has begun on."""
    dates = pd.date_range("2026-11-16", periods=count, freq="7D")
    return pd.DataFrame({"date": dates, "product": "mug", "segment": "all", "mean": 210.0})


def pace(sales: pd.DataFrame, forecast: pd.DataFrame | None = None) -> tuple[np.ndarray, float]:
    """Shares and noise of the one product."""
    planned = weeks() if forecast is None else forecast
    found = goods_pace(sales, planned, {("mug", "all"): -2.0}, today=TODAY, days=28)
    return found["mug", "all"].shares, found["mug", "all"].noise


def test_shares_follow_the_week() -> None:
    """A forecast by week is told by day as the weekdays sell; 28 days add up to 1."""
    shares, _ = pace(shop())
    assert shares.sum() == pytest.approx(1.0)
    truth = WEEKDAY[pd.date_range(TODAY, periods=28).day_of_week]
    assert shares == pytest.approx(truth / truth.sum(), rel=0.2)


def test_shares_follow_the_forecast_from_period_to_period() -> None:
    """A week forecast twice as high has twice the share; beyond the last period its rate goes on."""
    forecast = weeks(3).assign(mean=[210.0, 420.0, 210.0])
    shares, _ = pace(shop(), forecast)
    first, second = shares[2:9].sum(), shares[9:16].sum()
    assert first == pytest.approx(2 * second, rel=0.01)
    assert shares[16:23].sum() == pytest.approx(second, rel=0.01)


@pytest.mark.parametrize("price", [10.0, None])
def test_noise_is_found_whether_prices_moved_or_not(price: float | None) -> None:
    """What the price explains is not noise."""
    assert pace(shop(price=price))[1] == pytest.approx(NOISE, abs=0.04)


def test_sales_by_month_do_not_tell_how_days_differ() -> None:
    """Days are then taken to be even, and far from sure."""
    months = pd.DataFrame(
        {
            "date": pd.date_range("2025-01-01", periods=22, freq="MS"),
            "product": "mug",
            "segment": "all",
            "quantity": 900.0,
            "price": 10.0,
        }
    )
    forecast = pd.DataFrame({"date": [TODAY.replace(day=1)], "product": "mug", "segment": "all", "mean": 900.0})
    shares, noise = pace(months, forecast)
    assert shares == pytest.approx(1 / 28)
    assert noise == UNKNOWN_NOISE


def test_a_forecast_of_nothing_spreads_evenly() -> None:
    """There is no shape to follow."""
    assert pace(shop(), weeks().assign(mean=0.0))[0].sum() == pytest.approx(1.0)


def counts(rng: np.random.Generator, mean: Vector) -> Vector:
    """Chance in counting."""
    return rng.poisson(mean).astype(np.float64)


def test_noise_of_independent_days_is_found() -> None:
    """0.2 from 2,000 days; and never less than the least that is believed."""
    rng = np.random.default_rng(1)
    mean = rng.uniform(20, 60, 2000)
    week = np.arange(2000) // 7
    assert overdispersion(counts(rng, mean * rng.gamma(5, 0.2, 2000)), mean, week) == pytest.approx(0.2, abs=0.06)
    assert overdispersion(mean, mean, week) == LEAST_NOISE


def test_days_that_err_together_count_for_more() -> None:
    """A week's common fortune: its noise is counted as if every day had seven times as much."""
    rng = np.random.default_rng(2)
    mean = np.full(2800, 50.0)
    week = np.arange(2800) // 7
    common = rng.gamma(10, 0.1, 400)[week]
    assert overdispersion(counts(rng, mean * common), mean, week) == pytest.approx(0.7, abs=0.15)


def test_the_pace_of_an_event_is_how_events_fill_up() -> None:
    """From 30 past events: the shares of what is still to come, day by day, as they truly are."""
    rng, truth = np.random.default_rng(3), booking_share()
    starts = {f"e{n}": TODAY + pd.Timedelta(days=offset) for n, offset in enumerate([*range(-90, -60), 20])}
    rows = []
    for name, start in starts.items():
        for lead in range(SALE_DAYS, 0, -1):
            day = start - pd.Timedelta(days=lead)
            sold = float(rng.poisson(2000 * truth[SALE_DAYS - lead]))
            rows.append({"date": day, "product": "stalls", "segment": "adult", "event": name, "quantity": sold})
    sales = pd.DataFrame(rows).assign(price=20.0)
    events = pd.DataFrame(
        {
            "event": list(starts),
            "starts_at": [start.tz_localize("UTC") + pd.Timedelta("19h") for start in starts.values()],
        }
    )
    found = booking_pace(sales, events, {("stalls", "adult"): -1.5}, today=TODAY)
    assert list(found) == [("e30", "stalls", "adult")]
    made = found["e30", "stalls", "adult"]
    assert made.first == TODAY
    assert made.shares == pytest.approx(truth[-20:] / truth[-20:].sum(), rel=0.1)
    assert made.noise < 0.03
