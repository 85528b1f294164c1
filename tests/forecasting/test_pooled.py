"""What many series have in common is learned from all of them, and never from what came later."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.grid import Frequency, Grid
from forecasting.model import Fit, Forecast, History, NotFittedError, Vector
from forecasting.pooled import IrregularFit, Pooled, PooledFit
from forecasting.series import Request, panel_of
from tests.forecasting.examples import future, history
from tests.forecasting.fleets import START, WEEKS, fleet, wave
from tests.real_data import real_data


def said(fit: Fit | NotFittedError, past: History, horizon: int = 26, *, level: float = 0.8) -> Forecast:
    """Forecast of a fit there is."""
    assert not isinstance(fit, NotFittedError)
    return fit.forecast(future(past, horizon), level=level, seed=0)


def means(histories: list[History], horizon: int = 26, country: str | None = None) -> Vector:
    """(N, horizon) means."""
    fits = Pooled(country).fit_all(histories)
    return np.stack([said(fit, past, horizon).mean for fit, past in zip(fits, histories, strict=True)])


def test_nothing_after_an_origin_is_seen() -> None:
    """Heads fitted in one call with the whole series, and with series of another grid, are as heads alone."""
    every = fleet(8)
    heads = [past.head(past.sales.size - 13) for past in every if past.sales.size > 40]
    days = [history(np.full(90, 5.0), grid=Grid(Frequency.D), start=heads[0].following(1)[0] - 90)]
    alone, among = means(heads), means([*every, *days, *heads])[-len(heads) :]
    assert np.array_equal(alone, among)


def test_the_order_of_series_does_not_matter() -> None:
    """Backwards, the same numbers but for rounding."""
    every = fleet(8)
    assert means(every[::-1])[::-1] == pytest.approx(means(every), rel=1e-6)


def test_one_series_is_a_fleet_of_one() -> None:
    """`fit` is `fit_all` of one, and says why where it cannot."""
    past = fleet(1)[0]
    assert np.array_equal(said(Pooled().fit(past), past).mean, means([past])[0])
    with pytest.raises(NotFittedError, match="pooled needs 4 periods"):
        Pooled().fit(history([5.0, 6.0, 7.0]))


def test_a_new_series_has_the_season_of_the_others() -> None:
    """Eight weeks old, it is forecast to rise and fall as they did; alone it could not know."""
    every = fleet()
    periods = np.arange(START + 200, START + 234)
    truth = 500 * np.exp(wave(periods))
    new = history(truth[:8], grid=WEEKS, start=START + 200)
    assert np.abs(means([*every, new])[-1] / truth[8:] - 1).mean() < 0.06
    assert np.abs(means([new])[0] / truth[8:] - 1).mean() > 0.12


def test_a_new_series_decays_as_openings_did_before_it() -> None:
    """Where sales of every series fall by half in the first months, so are those of the newest forecast to fall."""
    every = fleet(24, opening=0.7)
    opened = 0.7 * np.exp(-np.arange(20) / 10)
    truth = 800 * np.exp(opened + wave(np.arange(START + 200, START + 220)))
    new = history(truth[:8], grid=WEEKS, start=START + 200)
    error = np.abs(means([*every, new], 12)[-1] - truth[8:]).mean()
    assert error < 0.6 * np.abs(truth[4:8].mean() - truth[8:]).mean()


def test_what_sold_nothing_or_ended_does_not_move_the_others() -> None:
    """Forecasts with and without series of zeros are the same, and an ended series is forecast to stay so."""
    every = fleet(9)
    ended = every[0].sales.copy()
    ended[-30:] = 0.0
    dead = [history([0.0] * 100, grid=WEEKS, start=START + 108), history(ended, grid=WEEKS, start=START)]
    fits = Pooled().fit_all([*every, *dead])
    assert means([*every, dead[0]])[:9] == pytest.approx(means(every), rel=1e-9)
    for fit, past in zip(fits[9:], dead, strict=True):
        assert isinstance(fit, IrregularFit)
        assert said(fit, past).mean.max() < 0.05 * max(past.level, 1)


def test_intervals_hold_what_they_say() -> None:
    """80 % of the outcomes of 60 series, near and far, within 75 to 87 in 100."""
    whole = fleet(60, 234, noise=0.1)
    pasts = [past.head(past.sales.size - 26) for past in whole]
    fits = Pooled().fit_all(pasts)
    held = np.array(
        [
            (forecast.lower <= past.sales[-26:]) & (past.sales[-26:] <= forecast.upper)
            for past, forecast in ((w, said(fit, p)) for w, p, fit in zip(whole, pasts, fits, strict=True))
        ]
    )
    for part in (slice(0, 4), slice(4, 13), slice(13, 26)):
        assert 0.75 <= held[:, part].mean() <= 0.87


def test_an_intermittent_series_is_forecast_at_its_mean() -> None:
    """Three weeks in four without a sale: the mean is right, and nothing is inside the interval."""
    rng = np.random.default_rng(3)
    pasts = [history(np.where(rng.random(208) < 0.25, 12.0, 0.0), grid=WEEKS, start=START) for _ in range(20)]
    fits = Pooled().fit_all(pasts)
    forecasts = [said(fit, past) for fit, past in zip(fits, pasts, strict=True)]
    assert all(isinstance(fit, IrregularFit) for fit in fits)
    assert np.mean([forecast.mean for forecast in forecasts]) == pytest.approx(3.0, rel=0.15)
    assert max(forecast.lower.max() for forecast in forecasts) == 0
    assert min(forecast.upper.min() for forecast in forecasts) > 5


def test_months_without_sales_stay_so() -> None:
    """What sells in three months of the year is forecast to sell in those."""
    past = history(np.tile([0, 0, 0, 0, 0, 9.0, 12, 9, 0, 0, 0, 0], 5), grid=Grid(Frequency.MS), start=600)
    mean = said(Pooled().fit(past), past, 12).mean
    assert mean[5:8].min() > 4 * np.delete(mean, [5, 6, 7]).max()


def test_days_of_the_week_are_a_series_own() -> None:
    """One series sells most on the day on which the others sell least."""
    rng = np.random.default_rng(0)
    days = np.arange(18_000, 18_400)
    shape = np.where(days % 7 == 2, 0.5, 1.0)
    every = [
        history(rng.poisson(300 * s).astype(float), grid=Grid(Frequency.D), start=18_000)
        for s in [shape] * 8 + [1 / shape]
    ]
    mean = means(every, 14)
    peak = (np.arange(18_400, 18_414) % 7) == 2
    assert mean[0, peak].mean() < 0.65 * mean[0, ~peak].mean()
    assert mean[-1, peak].mean() > 1.5 * mean[-1, ~peak].mean()


def test_bounds_widen_with_the_horizon_and_farther_than_was_learned() -> None:
    """Two years ahead is forecast, wider than half a year ahead, and finite."""
    rng = np.random.default_rng(5)
    past = history(np.exp(5 + np.cumsum(0.05 * rng.normal(size=260))), grid=WEEKS, start=START)
    forecast = said(Pooled().fit(past), past, 110)
    width = np.log(forecast.upper / forecast.lower)
    assert width[1] < width[24] < width[109]


def test_prices_are_not_used() -> None:
    """With any price the forecast is the same."""
    every = fleet(3)
    priced = [dataclasses.replace(p, names=("price",), regressors=np.ones((p.sales.size, 1))) for p in every]
    for plain, dear in zip(Pooled().fit_all(every), Pooled().fit_all(priced), strict=True):
        assert isinstance(plain, PooledFit)
        assert isinstance(dear, PooledFit)
        assert np.array_equal(plain.correction.slopes, dear.correction.slopes)


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_whatever_the_fleet_forecasts_are_whole(data: st.DataObject) -> None:
    """Gaps, zeros, jumps, ends, any length of a period: a forecast that can be built, or the reason why not."""
    frequency = data.draw(st.sampled_from(list(Frequency)))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    every = []
    for _ in range(data.draw(st.integers(1, 4))):
        n = data.draw(st.integers(1, 90))
        sales = rng.poisson(data.draw(st.sampled_from([0.2, 4.0, 1e9])), n).astype(np.float64)
        sales[rng.random(n) < data.draw(st.sampled_from([0.0, 0.4]))] = data.draw(st.sampled_from([np.nan, 0.0]))
        sales[n - data.draw(st.integers(0, n - 1)) - 1 :] *= data.draw(st.sampled_from([0.0, 1.0, 30.0]))
        sales[0] = 1.0
        every.append(
            history(sales, grid=Grid(frequency), start=900 - n, capacity=data.draw(st.sampled_from([np.inf, 3])))
        )
    for fit, past in zip(Pooled("US").fit_all(every), every, strict=True):
        if isinstance(fit, NotFittedError):
            assert past.known.sum() < 4
        else:
            assert np.all(said(fit, past, 30).upper <= past.capacity[-1])


def against_rules(sales: pd.DataFrame, origin: pd.Timestamp) -> Vector:
    """(5, shows, 26) absolute errors of the model and of four rules, NaN where a show did not play."""
    past = panel_of(sales, Request(("product",), 26, as_of=origin))
    weeks = pd.date_range(origin, periods=27, freq="7D")[1:]
    came = sales.pivot_table(index="product", columns="date", values="quantity").reindex(columns=weeks)
    errors = []
    for key, known, ahead, fit in zip(
        past.keys, past.histories, past.futures, Pooled("US").fit_all(past.histories), strict=True
    ):
        sold = came.loc[key[0]].to_numpy()
        if np.sum(known.sales > 0) < 60 or not np.any(known.sales[-4:] > 0):
            continue
        assert isinstance(fit, PooledFit)
        seen = pd.Series(known.sales).ffill().to_numpy()
        year = seen[-52:-26]
        rules = [seen[-1], year, seen[-8:].mean(), year * seen[-8:].mean() / seen[-60:-52].mean()]
        mean = fit.forecast(ahead, level=0.8, seed=0).mean
        errors.append([np.abs(np.where(sold > 0, sold - rule, np.nan)) for rule in (mean, *rules)])
    return np.array(errors).swapaxes(0, 1)


@pytest.mark.real_data
def test_it_beats_the_best_simple_rule_on_broadway() -> None:
    """Attendance from two origins: better 4, 13 and 26 weeks ahead than the best of four rules, chosen afterwards."""
    path = real_data("broadway_to_2011/broadway_1990_2011.csv.gz")
    rows = pd.read_csv(path, parse_dates=["date"], usecols=["date", "show", "attendance"])
    sales = rows.rename(columns={"show": "product", "attendance": "quantity"})
    days = pd.to_datetime(["2005-01-02", "2006-10-01"])
    errors = np.concatenate([against_rules(sales, day) for day in days], axis=1)
    for horizon in (4, 13, 26):
        own, *rules = np.nansum(errors[:, :, :horizon], axis=(1, 2))
        assert own < 0.9 * min(rules)
