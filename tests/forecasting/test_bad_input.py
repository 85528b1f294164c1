"""Whatever the table, a sensible forecast or a clear reason: never a crash, never a number that is none."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.cli.main import main
from forecasting.fleet import Task
from forecasting.grid import Frequency, Grid
from forecasting.model import Vector
from forecasting.table import forecast_table
from pricing.errors import InputError

HORIZON = 4
STEP = {"D": "D", "W": "7D", "MS": "MS", "QS": "QS", "YS": "YS"}


def rows(days: Any, quantity: Any, product: str = "a", **columns: Any) -> pd.DataFrame:
    """Rows of one product."""
    values = np.asarray(quantity, dtype=np.float64)
    return pd.DataFrame({"date": pd.to_datetime(days), "product": product, "quantity": values, **columns})


def weeks(n: int, start: str = "2020-01-05") -> pd.DatetimeIndex:
    """Sundays."""
    return pd.date_range(start, periods=n, freq="W-SUN")


def counts(n: int, mean: float = 9.0, seed: int = 0) -> Vector:
    """Poisson counts."""
    return np.random.default_rng(seed).poisson(mean, n).astype(np.float64)


def said(table: pd.DataFrame, **asked: Any) -> pd.DataFrame:
    """The forecast, after checking all that holds of any: whole, finite, in order, inside its interval."""
    task = Task(**{"horizon": HORIZON, **asked})
    found = forecast_table(table, task)
    assert len(found) == task.horizon * table["product"].nunique()
    bounds = found[["lower", "mean", "upper"]].to_numpy()
    assert np.all(np.isfinite(bounds))
    assert np.all(bounds >= 0)
    assert np.all(np.diff(bounds, axis=1) >= 0)
    for _, part in found.groupby("product"):
        assert part["date"].is_monotonic_increasing
        assert part["date"].is_unique
    assert np.all(found["model"].str.len() > 0)
    return found


def days_of(found: pd.DataFrame) -> list[str]:
    """Dates of the first series."""
    return [f"{day:%Y-%m-%d}" for day in found["date"][:HORIZON]]


@st.composite
def fleets(draw: st.DrawFn) -> tuple[pd.DataFrame, Task]:
    """Tables of one to three series of one frequency, as people keep them, and what is asked of them."""
    frequency = draw(st.sampled_from(list(STEP)))
    start = np.datetime64("1900-01-01") + np.timedelta64(draw(st.integers(0, 140_000)), "D")
    most = {"D": 60, "W": 60, "MS": 40, "QS": 20, "YS": 12}[frequency]
    dates = pd.date_range(start, periods=draw(st.integers(1, most)), freq=STEP[frequency], unit="s")
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parts = [_series(draw, rng, dates, name) for name in "abc"[: draw(st.integers(1, 3))]]
    table = pd.concat(parts).sample(frac=1.0, random_state=draw(st.integers(0, 9)))
    if draw(st.booleans()):
        table = pd.concat([table, table.sample(frac=0.3, random_state=1)])  # two rows on one date
    stocked = draw(st.sampled_from(["", "available", "seats"]))
    if stocked:
        table[stocked] = np.where(rng.random(len(table)) < 0.5, table["quantity"], np.nan)
    asked = draw(st.sampled_from([None, frequency]))
    country = draw(st.sampled_from([None, "US", "DE"]))
    capacity = "seats" if stocked == "seats" else None
    return table, Task(horizon=draw(st.integers(1, 6)), freq=asked, country=country, capacity=capacity)


def _series(draw: st.DrawFn, rng: np.random.Generator, dates: pd.DatetimeIndex, name: str) -> pd.DataFrame:
    """One series: any level, any pattern, begun late, ended early, with gaps and returns."""
    first = draw(st.integers(0, len(dates) - 1))
    last = draw(st.integers(first + 1, len(dates)))
    own = dates[first:last]
    level = draw(st.sampled_from([0.3, 5.0, 400.0, 1e12]))
    pattern = draw(st.sampled_from(["counts", "zeros", "constant", "step", "spike", "returns"]))
    sold = rng.poisson(min(level, 1e6), len(own)) * max(level / 1e6, 1.0)
    made = {
        "counts": sold,
        "zeros": np.zeros(len(own)),
        "constant": np.full(len(own), level),
        "step": sold * np.where(np.arange(len(own)) < len(own) // 2, 1, 20),
        "spike": sold * np.where(np.arange(len(own)) == len(own) // 2, 100, 1),
        "returns": sold * np.where(rng.random(len(own)) < 0.3, -1, 1),
    }[pattern]
    kept = rng.random(len(own)) > draw(st.sampled_from([0.0, 0.5]))
    kept[0] = True
    return pd.DataFrame({"date": own, "product": name, "quantity": made})[kept]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fleets())
def test_any_table_has_a_forecast_or_a_reason(case: tuple[pd.DataFrame, Task]) -> None:
    """Any frequency, century, level and pattern; gaps, duplicates, returns, sell-outs, late starts and early ends."""
    table, task = case
    found = forecast_table(table, task)
    bounds = found[["lower", "mean", "upper"]].to_numpy()
    assert len(found) == task.horizon * table["product"].nunique()
    assert np.all(np.isfinite(bounds) & (bounds >= 0))
    assert np.all(np.diff(bounds, axis=1) >= 0)
    zero = table.groupby("product")["quantity"].max() <= 0
    for product in zero[zero].index:
        assert np.all(found.loc[found["product"] == product, ["mean", "lower"]] == 0)
    most = BURSTS * table.groupby(["product", "date"])["quantity"].sum().max() * 31
    assert bounds.max() <= max(most, BURSTS * 31)


BURSTS = 20.0
"""No forecast is further above the largest sales than this; 31 days may fall in one month."""


@pytest.mark.parametrize("beside", [False, True])
def test_nothing_ever_sold_is_forecast_as_nothing(*, beside: bool) -> None:
    """A mean of exactly 0, alone or beside a series that sells; the interval of a series of zeros stays below one."""
    zeros = rows(weeks(60), np.zeros(60), "zeros")
    found = said(pd.concat([zeros, rows(weeks(60), counts(60), "b")]) if beside else zeros)
    none = found[found["product"] == "zeros"]
    assert np.all(none[["mean", "lower"]] == 0)
    assert np.all(none["upper"] < 1)


def test_only_returns_are_nothing_sold() -> None:
    """Units came back, none went out."""
    assert np.all(said(rows(weeks(60), -counts(60)))["mean"] == 0)


@pytest.mark.parametrize("quantity", [0.0, 5.0, 1e12])
def test_a_single_row_is_repeated(quantity: float) -> None:
    """One day's sales are all there is to go by."""
    found = said(rows(["2024-02-28"], [quantity]))
    assert days_of(found) == ["2024-02-29", "2024-03-01", "2024-03-02", "2024-03-03"]
    assert found["mean"].to_numpy() == pytest.approx(np.full(HORIZON, quantity))


def test_a_constant_stays() -> None:
    """Seven a week, for ever, within a narrow interval."""
    found = said(rows(weeks(60), np.full(60, 7.0)))
    assert found["mean"].to_numpy() == pytest.approx(np.full(HORIZON, 7.0), rel=0.01)
    assert np.all(found["upper"] - found["lower"] < 2)


def test_large_numbers_are_forecast_as_small_ones() -> None:
    """A million millions times the sales are about as many times the forecast."""
    small, large = (said(rows(weeks(60), counts(60, 900.0) * unit))["mean"] for unit in (1.0, 1e12))
    assert (large / 1e12).to_numpy() == pytest.approx(small.to_numpy(), rel=0.1)


def test_a_level_shift_is_followed() -> None:
    """From ten a week to sixty, forty weeks ago."""
    found = said(rows(weeks(120), np.r_[counts(80, 10.0), counts(40, 60.0)]))
    assert found["mean"].to_numpy() == pytest.approx(np.full(HORIZON, 60.0), rel=0.25)


def test_rows_in_any_order_and_any_split_say_the_same() -> None:
    """Unsorted, and two rows on one date for one of the sum."""
    whole = rows(weeks(60), 2 * counts(60))
    halves = pd.concat([rows(weeks(60), counts(60))] * 2).sample(frac=1.0, random_state=0)
    pd.testing.assert_frame_equal(said(whole), said(halves))


@pytest.mark.parametrize(
    ("freq", "coming"),
    [
        ("W-SUN", ["2024-01-07", "2024-01-14", "2024-01-21", "2024-01-28"]),
        ("W-WED", ["2024-01-03", "2024-01-10", "2024-01-17", "2024-01-24"]),
        ("MS", ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]),
        ("ME", ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]),
        ("QS-FEB", ["2024-02-01", "2024-05-01", "2024-08-01", "2024-11-01"]),
        ("QE", ["2024-01-01", "2024-04-01", "2024-07-01", "2024-10-01"]),
    ],
)
def test_coming_dates_follow_the_owners_own(freq: str, coming: list[str]) -> None:
    """Weeks keep their weekday, fiscal quarters their months; what is dated by its last day is named by its first."""
    past = pd.date_range("2016-01-01", "2023-12-31", freq=freq)
    assert days_of(said(rows(past, counts(past.size, 40.0)))) == coming


def test_months_of_different_length_are_months() -> None:
    """One unit a day: the 29 days of a leap February are one month, and no month is forecast as half of one."""
    days = pd.date_range("2020-01-01", "2024-02-29")
    found = said(rows(days, np.ones(days.size)), freq="MS")
    assert days_of(found) == ["2024-03-01", "2024-04-01", "2024-05-01", "2024-06-01"]
    assert found["mean"].between(28, 32).all()


@pytest.mark.parametrize("year", [1900, 1969, 2199, 2262, 2400])
def test_any_century_will_do(year: int) -> None:
    """Before 1970, past what nanoseconds can count, and beyond what anybody knows of holidays."""
    days = (np.datetime64(f"{year}-03-01") + np.arange(400)).astype("datetime64[s]")
    found = said(rows(days, counts(400)), country="US")
    assert found["date"].iloc[0] == pd.Timestamp(days[-1]) + pd.Timedelta(days=1)
    assert found["mean"].between(6, 12).all()


def test_late_starts_and_early_ends_share_the_coming_periods() -> None:
    """A series begun lately and one that ended: the same dates, nothing expected of what has ended."""
    all_along = rows(weeks(120), counts(120))
    late = rows(weeks(120)[-20:], counts(20, 30.0, 1), "late")
    ended = rows(weeks(120)[:60], counts(60, 90.0, 2), "ended")
    found = said(pd.concat([all_along, late, ended]))
    assert found.groupby("date").size().tolist() == [3] * HORIZON
    means = found.groupby("product")["mean"].mean()
    assert means["late"] == pytest.approx(30, rel=0.3)
    assert means["ended"] < 1


def test_mixed_frequencies_are_counted_in_the_shorter_periods() -> None:
    """Weekly and monthly rows in one table are days; asked for months, both are."""
    mixed = pd.concat(
        [rows(weeks(60), counts(60)), rows(pd.date_range("2020-01-01", periods=14, freq="MS"), counts(14, 90.0), "b")]
    )
    said(mixed)
    means = said(mixed, freq="MS").groupby("product")["mean"].mean()
    assert means["b"] == pytest.approx(90, rel=0.35)


def test_hopeless_prices_and_stocks_do_no_harm() -> None:
    """Everything free, a price nearly never known, no stock at all, and sold out all along."""
    said(rows(weeks(60), counts(60), price=0.0))
    said(rows(weeks(60), counts(60), price=np.where(np.arange(60) == 7, 5.0, np.nan)))
    assert np.all(said(rows(weeks(60), counts(60), available=0.0))["mean"] > 0)
    found = said(rows(weeks(60), np.full(60, 40.0), seats=40.0), capacity="seats")
    assert found["mean"].to_numpy() == pytest.approx(np.full(HORIZON, 40.0), rel=0.02)
    assert np.all(found["upper"] <= 40)


@pytest.mark.parametrize(
    ("quantity", "reason"),
    [(np.nan, "in 1 rows"), (np.inf, "in 1 rows"), (-np.inf, "in 1 rows"), (1e300, r"beyond 1e\+15")],
)
def test_what_is_no_quantity_is_refused(quantity: float, reason: str) -> None:
    """Not a number, infinite, or a slip of the pen: the column, and how many rows."""
    with pytest.raises(InputError, match=rf"column quantity: .*{reason}"):
        said(rows(weeks(60), np.r_[counts(59), quantity]))


def test_dates_that_are_none_are_refused() -> None:
    """A blank, text, or instants that depend on the place; every column at once."""
    table = rows(weeks(60), np.r_[counts(59), np.nan])
    table.loc[3, "date"] = pd.NaT
    with pytest.raises(InputError, match=r"column date: is missing in 1 rows\ncolumn quantity"):
        said(table)
    for dates in (table["date"].astype(str), table["date"].dt.tz_localize("UTC")):
        with pytest.raises(InputError, match="column date: holds no dates, or dates with a time zone"):
            said(table.assign(date=dates))
    with pytest.raises(InputError, match="no sales to forecast from"):
        said(rows([], []))


def test_the_hours_of_a_day_are_those_of_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hourly rows with zones over the change of the clocks: 23 on that Sunday in Berlin, 24 around it."""
    hours = pd.date_range("2024-03-20", "2024-04-10 23:00", freq="h", tz="Europe/Berlin")
    table = pd.DataFrame({"date": hours.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ"), "product": "a"})
    table.assign(quantity=100).to_csv(tmp_path / "hours.csv", index=False)
    arguments = ("--horizon", "4", "--time-zone", "Europe/Berlin", "--out", str(tmp_path / "out.csv"))
    monkeypatch.setattr(sys, "argv", ["fairfare", "forecast", str(tmp_path / "hours.csv"), *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, capsys.readouterr().err
    found = pd.read_csv(tmp_path / "out.csv")
    assert found["date"].tolist() == ["2024-04-11", "2024-04-12", "2024-04-13", "2024-04-14"]
    assert found["mean"].to_numpy() == pytest.approx(np.full(4, 2400.0), rel=0.02)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(Frequency)), st.integers(-40_000, 130_000), st.integers(1, 50))
def test_coming_periods_are_the_next_ones(frequency: Frequency, day: int, n: int) -> None:
    """Labels of consecutive periods are consecutive, in any year, leap days included."""
    grid = Grid(frequency)
    first = grid.period(np.array([day]).astype("datetime64[D]"))[0]
    labels = grid.label(np.arange(first, first + n))
    lengths = {"D": (1, 1), "W": (7, 7), "MS": (28, 31), "QS": (90, 92), "YS": (365, 366)}[frequency.value]
    assert np.all((np.diff(labels).astype(int) >= lengths[0]) & (np.diff(labels).astype(int) <= lengths[1]))
