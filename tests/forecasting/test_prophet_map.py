"""The direct point estimate is Prophet's: the same model, never a lower posterior, nearly the same forecast."""

import numpy as np
import pytest

from forecasting.grid import Frequency, Grid
from forecasting.model import History, NotFittedError, Vector
from forecasting.posterior import Estimates, log_posterior
from forecasting.prophet_map import ProphetMap, specified, together
from forecasting.prophet_map import _Part as Part
from forecasting.prophet_model import ProphetFit, ProphetModel
from tests.forecasting.examples import future, history

GRIDS = (
    (Grid(Frequency.D), 18_000, 500),
    (Grid(Frequency.D), 17_500, 90),
    (Grid(Frequency.W, 3), 1_800, 180),
    (Grid(Frequency.W, 3), 1_800, 40),
    (Grid(Frequency.MS), 480, 72),
)


def varied(seed: int) -> History:
    """A series with trend, a break, season, noise and, by turns, a price, gaps, zeros, or a capacity."""
    rng = np.random.default_rng(seed)
    grid, start, n = GRIDS[seed % len(GRIDS)]
    time = np.arange(n)
    log = rng.normal(3, 1.5) + rng.normal(0, 0.6) * time / n + 0.5 * rng.normal() * np.maximum(time / n - 0.6, 0)
    log += 0.4 * rng.random() * np.sin(2 * np.pi * time / grid.frequency.year)
    log += 0.3 * rng.random() * (np.arange(n) % 7 == 2) * (grid.frequency is Frequency.D)
    price = 10 * np.exp(0.2 * rng.normal(size=n)) if seed % 3 == 0 else None
    if price is not None:
        log -= 1.5 * np.log(price / 10)
    sales = rng.negative_binomial(8, 8 / (8 + np.exp(log))).astype(np.float64)
    capacity = float(np.quantile(sales, 0.9)) + 1 if seed % 4 == 1 else np.inf
    sales = np.minimum(sales, capacity)
    if seed % 7 == 2:
        sales[rng.random(n) < 0.1] = np.nan
    return history(sales, price=price, capacity=capacity, grid=grid, start=start)


def stan(fit: ProphetFit, effects: int, steps: int) -> Estimates:
    """What Prophet's own optimizer found, in our order."""
    params = {name: np.ravel(value) for name, value in fit.prophet.params.items()}
    trend = [params["m"], params["k"]] if steps else [params["m"]]
    ordered = np.concatenate([*trend, params["beta"][: effects - len(trend) - steps], params["delta"][:steps]])
    return Estimates(ordered[None], params["sigma_obs"])


def posterior(part: Part, found: Estimates) -> float:
    """Prophet's log posterior of some estimates, from the residuals themselves."""
    squares = np.sum((part.values - part.columns @ found.effects[0]) ** 2)
    return float(log_posterior(together([part], part.specification.changes.size), np.array([squares]), found)[0])


@pytest.fixture(scope="module")
def compared() -> list[tuple[float, float, Vector, Vector]]:
    """Of 50 series: our posterior, Stan's, our forecast, and Prophet's."""
    found = []
    for seed in range(50):
        past = varied(seed)
        part, direct, library = Part.of(0, past, "US"), ProphetMap("US").fit(past), ProphetModel("US").fit(past)
        theirs = stan(library, part.moment.size, part.specification.changes.size)
        ours = Estimates(direct.effects[None], np.array([direct.sigma]))
        said = [fit.forecast(future(past, 12), level=0.8, seed=0).mean for fit in (direct, library)]
        found.append((posterior(part, ours), posterior(part, theirs), said[0], said[1]))
    return found


def test_the_posterior_is_never_below_that_of_prophets_own_optimizer(
    compared: list[tuple[float, float, Vector, Vector]],
) -> None:
    """On each of 50 varied series, evaluated by the same function; and not by another model: within a few units."""
    gains = np.array([ours - theirs for ours, theirs, _, _ in compared])
    assert gains.min() >= -1e-6
    assert np.median(gains) < 0.5


@pytest.mark.parametrize("seed", [0, 1, 4, 9])
def test_the_posterior_is_the_one_stan_computes(seed: int) -> None:
    """At Stan's own estimates our function gives the number Stan reports: priors, noise and all."""
    past = varied(seed)
    part, library = Part.of(0, past, "US"), ProphetModel("US").fit(past)
    theirs = stan(library, part.moment.size, part.specification.changes.size)
    reported = float(library.prophet.stan_fit.optimized_params_dict["lp__"])
    assert posterior(part, theirs) == pytest.approx(reported, rel=1e-4, abs=0.01)


def test_forecasts_are_close_to_prophets(compared: list[tuple[float, float, Vector, Vector]]) -> None:
    """Sums of absolute differences over sums of forecasts: 1 % in the middle, 10 % at most in 9 of 10 series."""
    apart = np.array([np.abs(ours - theirs).sum() / theirs.sum() for _, _, ours, theirs in compared])
    assert np.median(apart) < 0.01
    assert np.quantile(apart, 0.9) < 0.1


def test_many_series_at_once_are_each_as_alone() -> None:
    """Among series of other lengths and columns, and one too short: the same digits, in order."""
    every = [varied(seed) for seed in (0, 5, 10, 1)] + [history([3.0] * 4)]
    *fits, short = ProphetMap().fit_all(every)
    assert isinstance(short, NotFittedError)
    for past, fit in zip(every, fits, strict=False):
        assert not isinstance(fit, NotFittedError)
        alone = ProphetMap().fit(past).forecast(future(past), level=0.8, seed=0)
        assert np.array_equal(alone.mean, fit.forecast(future(past), level=0.8, seed=0).mean)


def test_intervals_are_about_as_wide_as_prophets() -> None:
    """The normal distribution of the same variance instead of 300 draws: within a tenth."""
    past = varied(2)
    direct, library = (
        m.fit(past).forecast(future(past, 26), level=0.8, seed=0) for m in (ProphetMap(), ProphetModel())
    )
    assert (direct.upper - direct.lower).mean() == pytest.approx((library.upper - library.lower).mean(), rel=0.1)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # pandas' of Prophet's own code
def test_columns_are_those_prophet_makes() -> None:
    """Trend changes, standardised regressors, seasons and holidays: Prophet's own matrices, number for number."""
    past = varied(0)
    specification, values = specified(past, "US")
    prophet = ProphetModel("US").fit(past).prophet
    made, priors, _, _ = prophet.make_all_seasonality_features(prophet.history)
    ours = specification.matrix(past.periods, past.regressors)
    steps = specification.changes.size
    assert ours[:, 2:-steps] == pytest.approx(made.to_numpy(), abs=1e-9)
    assert specification.precision[2:-steps] ** -0.5 == pytest.approx(priors)
    assert specification.changes == pytest.approx(prophet.changepoints_t)
    assert together([Part.of(0, past, "US")], steps).tau == prophet.changepoint_prior_scale
    assert values == pytest.approx(prophet.history["y_scaled"].to_numpy())
