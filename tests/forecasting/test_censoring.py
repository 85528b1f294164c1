"""Sold-out sales are a lower bound of demand; what lies beyond is estimated, not ignored."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from forecasting.censoring import demand_beyond, servable_all, unconstrained_all, with_demand
from forecasting.count_model import CountModel
from forecasting.grid import Frequency, Grid
from forecasting.model import History, Vector
from forecasting.ridge import Ridge
from tests.forecasting.examples import SHAPES, future, history

SEASONS = 32
GRIDS = {"weeks": Grid(Frequency.W, 3), "days": Grid(Frequency.D)}


def brute_force(sold: int, mean: float, dispersion: float) -> float:
    """E[D | D >= sold] by adding up probabilities."""
    count = np.arange(sold, sold + 5000)
    chance = nbinom.pmf(count, 1 / dispersion, 1 / (1 + dispersion * mean))
    return float((count * chance).sum() / chance.sum())


def mean_demand(grid: str, log_price: Vector) -> Vector:
    """Expected demand with trend, season, weekdays, and an elasticity of -1.8."""
    t = np.arange(log_price.size)
    year = {"weeks": 52.18, "days": 365.25}[grid]
    week = np.array([0, -0.2, -0.1, 0, 0.3, 0.5, 0.1])[t % 7] * (grid == "days")
    log = np.log(30) + 0.3 * np.sin(2 * np.pi * t / year) + 0.3 * t / t.size + week - 1.8 * log_price
    return np.asarray(np.exp(log), dtype=np.float64)


def stock(demand: Vector, share: float, rng: np.random.Generator, *, changing: bool) -> Vector:
    """Units on sale each period, so few that about `share` of the periods sell out."""
    shape = np.exp(0.3 * rng.normal(size=demand.size)) if changing else np.ones(demand.size)
    return np.maximum(np.round(np.quantile(demand / shape, 1 - share) * shape), 1.0)


def season(
    seed: int, grid: str, dispersion: float, share: float, *, changing: bool = False, priced: bool = False
) -> tuple[History, Vector]:
    """What sold, and the demand behind it."""
    rng = np.random.default_rng(seed)
    n = {"weeks": 156, "days": 400}[grid]
    log_price = 0.15 * rng.normal(size=n) * priced
    mean = mean_demand(grid, log_price)
    demand = rng.poisson(mean * (rng.gamma(1 / dispersion, dispersion, n) if dispersion else 1.0)).astype(float)
    limit = stock(demand, share, rng, changing=changing)
    price = 10 * np.exp(log_price) if priced else None
    out = (demand >= limit).astype(np.float64)
    return history(np.minimum(demand, limit), censored=out, price=price, grid=GRIDS[grid]), demand


def errors(cases: list[tuple[History, Vector]]) -> tuple[float, float, float]:
    """Relative errors of mean demand: sold-out periods ignored, dropped, and made good; means over seasons."""
    found = unconstrained_all([past for past, _ in cases])
    rows = [
        (past.sales.mean(), past.sales[past.censored == 0].mean(), made_good.sales.mean()) / demand.mean() - 1
        for (past, demand), made_good in zip(cases, found, strict=True)
    ]
    ignored, dropped, estimated = np.mean(rows, axis=0)
    return float(ignored), float(dropped), float(estimated)


@pytest.mark.parametrize("dispersion", [1e-4, 0.05, 0.8])
@pytest.mark.parametrize(("sold", "mean"), [(1, 0.8), (20, 12.0), (20, 20.0), (20, 45.0), (100, 90.0)])
def test_expected_demand_is_the_sum_over_the_tail(sold: int, mean: float, dispersion: float) -> None:
    """The closed form equals brute force."""
    expected = brute_force(sold, mean, dispersion)
    found = demand_beyond(np.array([float(sold)]), np.array([mean]), np.array([dispersion]))
    assert found[0] == pytest.approx(expected, rel=1e-6)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(1e-6, 1e5), st.floats(1e-6, 1e6)), min_size=1, max_size=20),
    st.sampled_from([1e-4, 0.3, 4.0]),
)
def test_demand_is_never_below_what_sold_nor_boundless(cases: list[tuple[float, float]], dispersion: float) -> None:
    """However unlikely the sell-out: finite, at least what sold, at most four times as much."""
    sold, mean = np.array(cases).T
    demand = demand_beyond(sold, mean, np.full(sold.size, dispersion))
    assert np.all((sold <= demand) & (demand <= 4 * sold))


@pytest.mark.parametrize("priced", [False, True])
@pytest.mark.parametrize("changing", [False, True])
@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
@pytest.mark.parametrize("dispersion", [0.0, 0.1, 0.5])
def test_mean_demand_is_recovered_within_five_percent(
    dispersion: float, share: float, *, changing: bool, priced: bool
) -> None:
    """Weeks, steady or wild, a few or most of them sold out, at a fixed or changing stock, with or without a price."""
    cases = [season(seed, "weeks", dispersion, share, changing=changing, priced=priced) for seed in range(SEASONS)]
    assert abs(errors(cases)[2]) < 0.05


@pytest.mark.parametrize("changing", [False, True])
@pytest.mark.parametrize("dispersion", [0.1, 0.5])
@pytest.mark.parametrize("grid", ["weeks", "days"])
def test_what_ignoring_and_dropping_miss_by_a_sixth_is_recovered(
    grid: str, dispersion: float, *, changing: bool
) -> None:
    """Where 60 % of the periods sold out, both easy ways are off by more than 15 %, the estimate by less than 5 %."""
    cases = [season(100 + seed, grid, dispersion, 0.6, changing=changing) for seed in range(SEASONS)]
    ignored, dropped, estimated = errors(cases)
    assert max(ignored, dropped) < -0.15
    assert abs(estimated) < 0.05


def test_a_price_tells_which_sold_out_weeks_were_wanted_most() -> None:
    """Demand behind sell-outs follows the price it sold at, without bias at low prices or at high ones."""
    ratios = []
    for seed in range(SEASONS):
        past, demand = season(seed, "weeks", 0.1, 0.6, priced=True)
        (found,) = unconstrained_all([past])
        cheap = past.regressors[:, 0] < np.median(past.regressors[:, 0])
        ratios.append([found.sales[part].sum() / demand[part].sum() for part in (cheap, ~cheap)])
    assert np.mean(ratios, axis=0) == pytest.approx([1.0, 1.0], abs=0.06)


def test_a_level_that_drifts_is_followed() -> None:
    """Demand that wanders by 4 % a week, sold out two weeks in five."""
    cases = []
    for seed in range(SEASONS):
        rng = np.random.default_rng(seed)
        demand = rng.poisson(40 * np.exp(np.cumsum(0.04 * rng.normal(size=208)))).astype(float)
        limit = stock(demand, 0.4, rng, changing=True)
        cases.append((history(np.minimum(demand, limit), censored=(demand >= limit).astype(float)), demand))
    assert abs(errors(cases)[2]) < 0.03


def test_only_what_sold_out_is_raised_and_by_its_share() -> None:
    """A period half of which sold out is raised half as much as a whole one; what is not known stays unknown."""
    sales = np.tile([20.0, 22.0, 18.0, 25.0, 20.0, 16.0], 10)
    sales[30] = np.nan
    whole, half = np.zeros(60), np.zeros(60)
    whole[9] = 1.0
    half[9] = 0.5
    (full,), (part,) = (unconstrained_all([history(sales, censored=share)]) for share in (whole, half))
    raised = [f.sales[9] - sales[9] for f in (full, part)]
    assert raised[1] == pytest.approx(raised[0] / 2, rel=0.15)
    others = np.arange(60) != 9
    assert np.array_equal(full.sales[others], sales[others], equal_nan=True)
    assert not full.censored.any()


def test_each_series_stands_for_itself() -> None:
    """Worked on alone or with others of other lengths, grids and regressors, a series' demand is the same, in order."""
    cases = [season(s, "weeks", 0.1, share)[0] for s, share in ((0, 0.2), (1, 0.6))]
    cases += [cases[0].head(100), season(2, "days", 0.1, 0.4)[0]]
    cases += [season(s, "weeks", 0.1, share, priced=True)[0] for s, share in ((3, 0.1), (4, 0.6), (5, 0.3), (6, 0.5))]
    for alone, together in zip(cases, unconstrained_all(cases), strict=True):
        assert together.sales == pytest.approx(unconstrained_all([alone])[0].sales, rel=1e-9)


@pytest.mark.parametrize("unit", [1e-3, 1e8])
def test_money_is_made_good_as_units_are(unit: float) -> None:
    """Revenue, in any currency: the demand behind it is that of units times the price, within a few percent."""
    past, demand = season(4, "weeks", 0.1, 0.4)
    (found,) = unconstrained_all([replace(past, sales=past.sales * unit, integer=False)])
    assert found.sales.mean() == pytest.approx(demand.mean() * unit, rel=0.05)


@pytest.mark.parametrize("shape", SHAPES)
def test_any_shape_stays_finite(shape: str) -> None:
    """Every fourth period of shapes that have broken forecasts sold out, or all of them."""
    past = SHAPES[shape]
    every = np.ones(past.sales.size)
    for censored in (every, every * (np.arange(every.size) % 4 == 0)):
        (found,) = unconstrained_all([replace(past, censored=censored)])
        assert np.array_equal(np.isfinite(found.sales), past.known)
        assert np.all((found.sales >= past.sales) & (found.sales <= 4 * past.sales) | ~past.known)


def test_where_all_sold_out_demand_is_not_taken_for_boundless() -> None:
    """Forty of forty, sixty weeks in a row: more than forty, but nothing says twice as many."""
    (found,) = unconstrained_all([history([40.0] * 60, censored=np.ones(60))])
    assert np.all((found.sales > 40) & (found.sales < 80))


def test_a_forecast_from_sold_out_weeks_is_of_demand() -> None:
    """The count regression forecasts above the stock that ran out, by as much as was wanted."""
    said: list[float] = []
    unaware: list[float] = []
    for seed in range(10):
        demand = np.random.default_rng(seed).poisson(50, 120).astype(float)
        past = history(np.minimum(demand, 48.0), censored=(demand >= 48).astype(np.float64))
        for seen, means in ((past, said), (replace(past, censored=np.zeros(120)), unaware)):
            means.append(CountModel().fit(seen).forecast(future(seen), level=0.8, seed=0).mean.mean())
    assert np.mean(unaware) < 47
    assert np.mean(said) == pytest.approx(50, rel=0.05)


def test_history_is_seen_with_the_stock_to_come() -> None:
    """At the stock of old it is what sold; at a larger one more, at a smaller one less; without limit it is demand."""
    past, demand = season(1, "weeks", 0.1, 0.4)
    limit = float(past.sales.max())
    same, more, less, free = servable_all([past] * 4, [limit, 1.3 * limit, 0.5 * limit, np.inf])
    assert np.array_equal(same.sales, past.sales)
    assert more.sales.mean() == pytest.approx(np.minimum(demand, 1.3 * limit).mean(), rel=0.05)
    assert np.array_equal(less.sales, np.minimum(demand, 0.5 * limit))
    assert np.array_equal(free.sales, unconstrained_all([past])[0].sales)


def test_sales_to_come_are_forecast_without_bias_where_stock_is_short() -> None:
    """Wild demand that sells out in two weeks of five: demand cut at the stock is over by a fifth, this is not."""
    said, sold = {"servable": 0.0, "demand": 0.0}, 0.0
    for seed in range(SEASONS):
        past, demand = season(seed, "weeks", 0.5, 0.4)
        limit = float(past.sales.max())
        limited = replace(past.head(148), capacity=np.full(148, limit))
        sold += float(np.minimum(demand[148:], limit).sum())
        (servable,), (unlimited,) = servable_all([limited], [limit]), unconstrained_all([limited])
        for name, seen in (("servable", servable), ("demand", unlimited)):
            said[name] += float(Ridge().fit(seen).forecast(future(seen, 8), level=0.8, seed=0).mean.sum())
    assert said["demand"] / sold > 1.15
    assert said["servable"] / sold == pytest.approx(1.0, abs=0.06)


def test_what_nothing_sold_out_of_or_too_short_is_left_alone() -> None:
    """Three sold-out weeks are too few to say how much more could have been sold."""
    short, open_all_along = history([5.0, 5.0, 5.0], censored=np.ones(3)), history([5.0] * 60)
    assert unconstrained_all([short, open_all_along]) == [short, open_all_along]
    assert not with_demand(short, short.sales).censored.any()
