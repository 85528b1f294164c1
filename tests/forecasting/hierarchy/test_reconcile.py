"""Reconciled forecasts agree, stay within bounds, and are those of the textbook."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from forecasting.evaluate import coverage, wape
from forecasting.fleet import Task
from forecasting.hierarchy.reconcile import (
    Errors,
    errors_of,
    minimum_trace,
    reconciled,
    shrinkage_of,
    within_bounds,
)
from forecasting.model import Forecast, Vector
from forecasting.table import forecast_table
from tests.real_data import real_data

SUMS = csr_array(np.array([[1.0, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]]))
"""Four series, two groups, everything."""


def drawn(seed: int, *, m: int = 7, h: int = 5, folds: int = 3) -> tuple[Vector, list[Vector]]:
    """Base means that do not agree, and past errors that go together."""
    rng = np.random.default_rng(seed)
    parts = rng.gamma(2.0, 10.0, (4, h))
    mean = np.vstack([parts, SUMS @ parts]) * rng.lognormal(0, 0.2, (m, h))
    shared = rng.normal(size=(folds, h))
    return mean, [mean.mean(axis=1)[j] * (0.1 * shared + 0.1 * rng.normal(size=(folds, h))) for j in range(m)]


def forecasts(mean: Vector) -> list[Forecast]:
    """With bounds a third away."""
    return [Forecast(row, row / 1.5, row * 1.5) for row in mean]


def test_minimum_trace_is_the_textbooks() -> None:
    """S (S' W^-1 S)^-1 S' W^-1 y with a dense W (Wickramasuriya et al. 2019, theorem 1), to 1e-8."""
    mean, past = drawn(1)
    errors = errors_of(past, mean.mean(axis=1), 4)
    covariance = errors.shrinkage * np.diag(errors.variance) + (1 - errors.shrinkage) * errors.past @ errors.past.T
    summing, inverse = np.vstack([np.eye(4), SUMS.toarray()]), np.linalg.inv(covariance)
    expected = summing @ np.linalg.solve(summing.T @ inverse @ summing, summing.T @ inverse @ mean)
    assert 0 < errors.shrinkage < 1
    assert minimum_trace(mean, SUMS, errors) == pytest.approx(expected, rel=1e-8)


def test_shrinkage_is_schaefers_and_strimmers() -> None:
    """Each error on its own: the sum of the variances of the correlations over that of their squares."""
    rng = np.random.default_rng(2)
    scaled, t = rng.normal(size=(6, 40)) + 0.7 * rng.normal(size=40), 40
    products = scaled[:, None, :] * scaled[None, :, :]
    spread = t / (t - 1) * np.sum((products - products.mean(axis=2, keepdims=True)) ** 2, axis=2) / t**2
    apart = ~np.eye(6, dtype=bool)
    expected = spread[apart].sum() / (products.mean(axis=2)[apart] ** 2).sum()
    assert shrinkage_of(scaled, np.arange(t)) == pytest.approx(expected)
    assert shrinkage_of(scaled, np.zeros(t, dtype=np.int64)) == 1.0


def test_errors_that_go_together_say_less() -> None:
    """The same errors seen four times each, in blocks of four, are shrunk as if seen once."""
    scaled = np.random.default_rng(3).normal(size=(6, 12))
    once = shrinkage_of(scaled, np.arange(12))
    assert shrinkage_of(np.repeat(scaled, 4, axis=1), np.repeat(np.arange(12), 4)) == pytest.approx(once)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([0, 1, 3]), st.floats(0.5, 3.0))
def test_totals_are_sums_and_no_series_leaves_its_bounds(seed: int, folds: int, room: float) -> None:
    """With three past origins, one, or none known."""
    mean, past = drawn(seed)
    past = [np.where(np.arange(3)[:, None] < folds, errors, np.nan) for errors in past]
    limit = np.maximum(mean[:4], room * mean[:4].mean())
    made = reconciled(forecasts(mean), past, SUMS, limit)
    means, uppers = np.stack([f.mean for f in made]), np.stack([f.upper for f in made])
    assert means[4:] == pytest.approx(SUMS @ means[:4], rel=1e-9)
    assert np.all(means >= 0)
    assert np.all(uppers[:4] <= limit + 1e-9)
    assert np.all(uppers[4:] <= SUMS @ uppers[:4] + 1e-9)


def test_a_series_that_would_turn_negative_is_zero_and_the_others_make_up_for_it() -> None:
    """Totals far below the series: the small series stops at zero, and the rest still add up to about the totals."""
    mean = np.array([[1.0], [100], [100], [100], [50], [100], [150]])
    errors = Errors(np.array([100.0, 100, 100, 100, 1e-3, 1e-3, 1e-3]), np.zeros((7, 1)), 1.0)
    assert minimum_trace(mean, SUMS, errors)[0, 0] < 0
    made = within_bounds(mean, SUMS, errors, np.full((4, 1), np.inf))
    assert made[:, 0] == pytest.approx([0, 50, 50, 50, 50, 100, 150], abs=0.1)


def test_what_never_sells_stays_at_zero() -> None:
    """Nothing expected, never wrong: no share in what totals ask for."""
    mean, past = drawn(4)
    mean[0], past[0] = 0.0, np.zeros((3, 5))
    made = reconciled(forecasts(mean), past, SUMS, np.full((4, 5), np.inf))
    assert not made[0].upper.any()


def test_the_forecast_of_a_total_that_was_right_counts_more() -> None:
    """Series forecast badly and a total forecast well: the total moves towards its own; else it does not."""
    mean = np.array([[10.0], [10], [10], [10], [20], [20], [60]])
    signs = np.array([[1, 1, 1], [1, -1, 1], [-1, 1, 1], [-1, -1, 1], [1, 1, -1], [-1, 1, -1], [1, -1, -1]])

    def total(series_error: float, total_error: float) -> float:
        past = [size * row[:, None] for size, row in zip([series_error] * 6 + [total_error], signs, strict=True)]
        return float(reconciled(forecasts(mean), past, SUMS, np.full((4, 1), np.inf))[-1].mean[0])

    assert 43 < total(9.0, 0.5) < 60
    assert total(0.5, 9.0) == pytest.approx(40, abs=1)


def test_intervals_of_totals_are_narrower_than_sums_of_ends() -> None:
    """Base forecasts that say so keep it."""
    mean, past = drawn(5)
    base = [Forecast(row, row * 0.5, row * 1.5) for row in mean[:4]]
    base += [Forecast(row, row * 0.8, row * 1.2) for row in mean[4:]]
    made = reconciled(base, past, SUMS, np.full((4, 5), np.inf))
    assert np.all(made[-1].upper - made[-1].lower < 0.8 * sum(f.upper - f.lower for f in made[:4]))


def test_thousands_of_series_need_no_dense_matrix() -> None:
    """Six thousand series under 1,031 totals."""
    rng = np.random.default_rng(6)
    groups = np.array([np.arange(6000) % 1000, 1000 + np.arange(6000) // 200, np.full(6000, 1030)])
    sums = csr_array((np.ones(18000), (groups.ravel(), np.tile(np.arange(6000), 3))), shape=(1031, 6000))
    parts = rng.gamma(2.0, 5.0, (6000, 2))
    mean = np.vstack([parts, sums @ parts * rng.normal(1, 0.1, (1031, 2))])
    past = list(rng.normal(size=(7031, 3, 2)) * np.sqrt(mean.mean(axis=1))[:, None, None])
    made = np.stack([f.mean for f in reconciled(forecasts(mean), past, sums, np.full((6000, 2), np.inf))])
    assert made[6000:] == pytest.approx(sums @ made[:6000], rel=1e-9)


@cache
def kept() -> pd.DataFrame:
    """Kept arrivals of the shared hotel, a row each, by market segment."""
    rows = pd.read_parquet(real_data("hotel_resort_h1/hotel_resort_h1.parquet"))
    rows = rows[rows["IsCanceled"] == 0]
    parts = (rows["ArrivalDateYear"], rows["ArrivalDateMonth"].str.strip(), rows["ArrivalDateDayOfMonth"])
    arrival = pd.to_datetime(parts[0].astype(str) + parts[1] + parts[2].astype(str), format="%Y%B%d")
    return pd.DataFrame({"date": arrival, "segment": rows["MarketSegment"].str.strip(), "quantity": 1.0})


@pytest.mark.real_data
@pytest.mark.parametrize(("freq", "horizon", "first"), [("D", 28, "2016-06-30"), ("W", 8, "2016-07-03")])
def test_totals_of_a_real_hotel_are_not_worse_than_its_segments_alone(freq: str, horizon: int, first: str) -> None:
    """Origins every six weeks of a year: segments within 2 % of alone, the total within 5 % of their sum, covered."""
    alone, agreed = [], []
    for as_of in pd.date_range(first, "2017-07-06", freq="42D"):
        task = Task(horizon=horizon, freq=freq, by=("segment",), as_of=as_of)
        alone.append(forecast_table(kept(), task).assign(as_of=as_of))
        agreed.append(forecast_table(kept(), task, totals=True).assign(as_of=as_of))
    parts, every = pd.concat(alone), pd.concat(agreed)
    rule = {"D": "D", "W": "W-MON"}[freq]
    came = kept().groupby(["segment", pd.Grouper(key="date", freq=rule, label="left", closed="left")])["quantity"].sum()
    total, segments = every[every["segment"] == "all"], every[every["segment"] != "all"]

    def actual(table: pd.DataFrame) -> Vector:
        index = pd.MultiIndex.from_frame(table[["segment", "date"]])
        return came.reindex(index).fillna(0.0).to_numpy()

    arrived = parts.assign(came=actual(parts)).groupby(["as_of", "date"])[["came", "mean"]].sum()
    truth = arrived["came"].to_numpy()
    assert wape(truth, total["mean"].to_numpy()) < 1.05 * wape(truth, arrived["mean"].to_numpy())
    assert wape(actual(segments), segments["mean"].to_numpy()) < 1.02 * wape(actual(parts), parts["mean"].to_numpy())
    assert 0.75 <= coverage(truth, total["lower"].to_numpy(), total["upper"].to_numpy()) <= 0.9
