"""The count regression recovers what made the counts, and does not break where others do."""

import numpy as np
import pytest

from forecasting.count_model import CountModel, _exponential_average, carried, overdispersion
from forecasting.grid import Frequency, Grid
from tests.forecasting.examples import future, history

WEEKS = np.arange(208)


def priced(elasticity: float, *, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Counts and prices with a season and a known elasticity."""
    rng = np.random.default_rng(seed)
    price = 10 * np.exp(0.2 * rng.normal(size=WEEKS.size))
    mean = 60 * np.exp(0.3 * np.sin(2 * np.pi * WEEKS / 52.18)) * (price / 10) ** elasticity
    return rng.poisson(mean).astype(float), price


def test_it_recovers_the_elasticity_counts_were_made_with() -> None:
    """-1.8 within 0.1, from four years of weeks."""
    sales, price = priced(-1.8)
    fit = CountModel().fit(history(sales, price=price))
    assert fit.effects[-1] == pytest.approx(-1.8, abs=0.1)


def test_a_lower_price_ahead_raises_the_forecast() -> None:
    """A fifth off sells about (0.8) ** -1.8 as much."""
    sales, price = priced(-1.8)
    past = history(sales, price=price)
    usual, cut = (CountModel().fit(past).forecast(future(past, price=p), level=0.8, seed=0).mean for p in (10.0, 8.0))
    assert cut / usual == pytest.approx(0.8**-1.8, rel=0.05)


def test_a_price_that_follows_demand_is_left_out() -> None:
    """Where dearer weeks sold more, a forecast must not rise with the price."""
    sales, price = priced(+1.0)
    past = history(sales, price=price)
    usual, dear = (CountModel().fit(past).forecast(future(past, price=p), level=0.8, seed=0).mean for p in (10.0, 20.0))
    assert np.array_equal(usual, dear)


def test_it_recovers_a_season() -> None:
    """Four years of a yearly wave: the next half year is forecast within 5 % of its mean."""
    rng = np.random.default_rng(0)
    mean = 300 * np.exp(0.4 * np.sin(2 * np.pi * np.arange(234) / 52.18))
    past = history(rng.poisson(mean[:208]).astype(float))
    said = CountModel().fit(past).forecast(future(past, 26), level=0.8, seed=0).mean
    assert np.abs(said / mean[208:] - 1).mean() < 0.05


def test_growth_levels_off() -> None:
    """A series that grew e-fold a year is not forecast to do so for ten years more."""
    sales = np.exp(np.linspace(3, 6, 156)).round()
    past = history(sales)
    said = CountModel().fit(past).forecast(future(past, 520), level=0.8, seed=0).mean
    assert said.max() < 2 * sales[-1]


def test_columns_that_say_the_same_do_not_break_it() -> None:
    """Two equal regressors share their effect."""
    sales, price = priced(-1.8)
    past = history(sales, price=price)
    twice = type(past)(
        past.grid,
        past.start,
        past.sales,
        past.censored,
        past.capacity,
        ("a", "b"),
        np.repeat(past.regressors, 2, axis=1),
    )
    effects = CountModel().fit(twice).effects[-2:]
    assert effects[0] == pytest.approx(effects[1], abs=1e-3)


def test_intervals_hold_what_they_promise() -> None:
    """80 % intervals hold about 80 % of simulated futures, for counts more variable than a Poisson's."""
    inside = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        sales = rng.poisson(30 * rng.gamma(10, 0.1, 112)).astype(float)
        past = history(sales[:104])
        said = CountModel().fit(past).forecast(future(past, 8), level=0.8, seed=0)
        inside += list((said.lower <= sales[104:]) & (sales[104:] <= said.upper))
    assert 0.74 < np.mean(inside) < 0.9


def test_overdispersion_is_found_where_it_is() -> None:
    """Poisson counts have none; gamma-mixed ones have the dispersion they were made with."""
    rng = np.random.default_rng(1)
    mean = rng.uniform(5, 60, 800)
    slope, significant = overdispersion(rng.poisson(mean * rng.gamma(4, 0.25, 800)).astype(float), mean)
    assert significant
    assert slope == pytest.approx(0.25, abs=0.06)
    assert overdispersion(rng.poisson(mean).astype(float), mean)[0] < 0.01


def test_a_level_that_lasts_is_carried_forward_whole() -> None:
    """A step up half a history ago is carried; noise around zero is not, and neither rises with the horizon."""
    step = np.r_[np.zeros(60), np.full(60, 0.5)] + 0.01 * np.random.default_rng(0).normal(size=120)
    momentum, noise = carried(step, _exponential_average(step, 0.3))
    assert momentum[0] == pytest.approx(0.5, abs=0.1)
    assert np.all(np.diff(np.abs(momentum)) <= 1e-12)
    assert np.all(np.diff(noise) >= 0)


def test_weekdays_are_learned_from_days() -> None:
    """Closed on Sundays is forecast as next to nothing on Sundays."""
    days = np.arange(140)
    sales = np.where(days % 7 == 3, 0.0, 20.0)
    past = history(sales, grid=Grid(Frequency.D), start=0)
    said = CountModel().fit(past).forecast(future(past, 14), level=0.8, seed=0).mean
    closed = future(past, 14).periods % 7 == 3
    assert said[closed].max() < 2
    assert said[~closed] == pytest.approx(20, rel=0.1)


@pytest.mark.parametrize(("level", "dispersion"), [(0.5, 0.0), (2.0, 1.0), (20.0, 1.0)])
def test_counts_that_vary_widely_are_forecast_at_their_mean(level: float, dispersion: float) -> None:
    """Without bias on average, though half of the periods lie well below: expected units are a mean, not a median."""
    means = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        sales = rng.poisson(level * (rng.gamma(1 / dispersion, dispersion, 60) if dispersion else np.ones(60)))
        past = history(sales.astype(float))
        said = CountModel().fit(past).forecast(future(past), level=0.8, seed=0)
        means.append(said.mean.mean() / max(float(sales.mean()), 1e-9))
    assert np.mean(means) == pytest.approx(1.0, abs=0.06)
