"""The ridge regression recovers what made the sales, for each series of a fleet as for one alone."""

import dataclasses

import numpy as np
import pytest

from forecasting import prophet_map, ridge
from forecasting.count_model import _exponential_average
from forecasting.count_model import carried as carried_one
from forecasting.grid import Frequency, Grid
from forecasting.model import History, NotFittedError
from forecasting.ridge import HORIZONS, Ridge, carried
from tests.forecasting.examples import future, history, seasonal

DAYS = Grid(Frequency.D)


def daily(seed: int, *, elasticity: float = -1.5, n: int = 730, gaps: bool = False) -> History:
    """Two years of days with trend, season, weekdays and a price."""
    rng = np.random.default_rng(seed)
    time = np.arange(n)
    price = 10 * np.exp(0.15 * rng.normal(size=n))
    log = 4 + 0.2 * time / n + 0.3 * np.sin(2 * np.pi * time / 365.25) + 0.3 * (time % 7 == 2)
    sales = rng.poisson(np.exp(log) * (price / 10) ** elasticity).astype(np.float64)
    if gaps:
        sales[rng.random(n) < 0.1] = np.nan
    return history(sales, price=price, grid=DAYS, start=18_000)


def test_a_fleet_is_fitted_as_each_series_alone() -> None:
    """With gaps or without, among others of the same and of other periods: the same digits, in order."""
    every = [daily(1), daily(2, gaps=True), daily(3), daily(4, n=400), history([2.0] * 3), history(seasonal(90))]
    for past, fit in zip(every, Ridge("US").fit_all(every), strict=True):
        if past.sales.size == 3:
            assert isinstance(fit, NotFittedError)
            continue
        assert not isinstance(fit, NotFittedError)
        alone = Ridge("US").fit(past).forecast(future(past), level=0.8, seed=0)
        among = fit.forecast(future(past), level=0.8, seed=0)
        assert np.array_equal(alone.mean, among.mean)
        assert np.array_equal(alone.upper, among.upper)


@pytest.mark.parametrize("gaps", [False, True])
def test_it_recovers_the_elasticity_sales_were_made_with(gaps: bool) -> None:
    """-1.5 within 0.1, from two years of days, also where one in ten is not known."""
    fit = Ridge().fit(daily(5, gaps=gaps))
    assert fit.effects[-1] == pytest.approx(-1.5, abs=0.1)


def test_a_price_that_follows_demand_is_left_out() -> None:
    """A positive slope is not a price response: the forecast does not move with the price."""
    fit = Ridge().fit(daily(6, elasticity=1.0))
    assert fit.effects[-1] == pytest.approx(0.0, abs=1e-6)


def test_it_follows_a_season_and_its_total() -> None:
    """The next half year of a yearly wave is forecast within a tenth, without bias."""
    truth = 300 * np.exp(0.4 * np.sin(2 * np.pi * np.arange(234) / 52.18))
    past = history(np.random.default_rng(0).poisson(truth[:208]).astype(float))
    said = Ridge().fit(past).forecast(future(past, 26), level=0.8, seed=0)
    assert np.abs(said.mean / truth[208:] - 1).mean() < 0.1
    assert said.mean.sum() == pytest.approx(truth[208:].sum(), rel=0.05)


def test_growth_levels_off() -> None:
    """Sales that grew tenfold do not grow tenfold again, however far ahead, and no forecast is negative."""
    sales = np.exp(np.linspace(2, 4.3, 120)).round()
    for values in (sales, sales[::-1].copy()):
        past = history(values)
        said = Ridge().fit(past).forecast(future(past, 400), level=0.95, seed=0)
        assert said.mean.max() < 2 * sales.max()
        assert said.lower.min() >= 0


def test_zeros_among_the_sales_do_not_drag_the_mean_down() -> None:
    """Near half the weeks without a sale: twenty forecasts lie at the truth within a fifth."""
    said = []
    for seed in range(20):
        past = history(np.random.default_rng(seed).poisson(0.8, 150).astype(np.float64))
        said.append(Ridge().fit(past).forecast(future(past, 20), level=0.8, seed=0).mean.mean())
    assert np.mean(said) == pytest.approx(0.8, rel=0.2)


def test_what_is_carried_forward_is_what_the_count_regression_carries() -> None:
    """At each horizon that is measured the weight and the noise lie near those of the one-series computation."""
    residual = np.random.default_rng(3).normal(size=200).cumsum() * 0.05
    residual[17] = np.nan
    momentum, noise = carried(residual[None], _exponential_average(residual, 0.3)[None])
    single, left = carried_one(residual, _exponential_average(residual, 0.3))
    for place, ahead in enumerate(HORIZONS):
        assert momentum[0, place] == pytest.approx(single[ahead - 1], rel=0.15, abs=0.02)
        assert noise[0, place] == pytest.approx(left[ahead - 1], rel=0.15)


def test_shared_columns_cannot_be_written_to() -> None:
    """What one series did to them would reach the next."""
    past = daily(7)
    design = Ridge().fit(past).design
    seasons = prophet_map._seasons(DAYS, 6, True, 18_000, 700)
    for columns in (design.calendar.columns(past.periods)[0], ridge._columns(design, 18_000, 730), seasons):
        with pytest.raises(ValueError, match="read-only"):
            columns[0, 0] = 1.0
    with pytest.raises(ValueError, match="not consecutive"):
        design.calendar.columns(past.periods[[0, 2]])
    assert dataclasses.replace(design, n=10).matrix(past.periods[:3]).shape[0] == 3
