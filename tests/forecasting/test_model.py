"""What every demand model promises, asked of every model there is."""

import importlib
import pkgutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import forecasting
from forecasting.baseline import Naive
from forecasting.model import Forecast, History, Model, NotFittedError, require
from forecasting.select import models
from tests.forecasting.examples import SHAPES, future, history, seasonal


def is_protocol(value: type) -> bool:
    """Whether a class only says what others have."""
    return bool(getattr(value, "_is_protocol", False))


def found() -> dict[str, Model]:
    """Every class of the package that is a model."""
    every: dict[str, Model] = {}
    for module in pkgutil.iter_modules(forecasting.__path__, "forecasting."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and value.__module__ == module.name and not is_protocol(value):
                made = value() if all(hasattr(value, part) for part in ("fit", "name", "minimum")) else None
                if isinstance(made, Model):
                    every[made.name] = made
    return every


MODELS = found()
CASES = [
    pytest.param(model, past, id=f"{model.name}-{shape}") for model in MODELS.values() for shape, past in SHAPES.items()
]


def test_every_model_can_be_chosen() -> None:
    """No model of the package is left out of the choice, or of these tests."""
    assert set(MODELS) == set(models())
    assert len(MODELS) >= 5


@pytest.mark.parametrize(("model", "past"), CASES)
def test_a_forecast_is_whole_inside_its_interval_and_its_capacity(model: Model, past: History) -> None:
    """Whatever the series: the right length, finite, 0 <= lower <= mean <= upper <= capacity; or too short."""
    ahead = future(past)
    if past.known.sum() < model.minimum:
        with pytest.raises(NotFittedError, match="needs"):
            model.fit(past)
        return
    try:
        said = model.fit(past).forecast(ahead, level=0.8, seed=1)
    except NotFittedError:
        assert past.sales.size < past.grid.frequency.season  # a seasonal model without a season
        return
    for part in (said.mean, said.lower, said.upper):
        assert part.shape == (6,)
        assert np.all(np.isfinite(part))
    assert np.all((said.lower >= 0) & (said.lower <= said.mean) & (said.mean <= said.upper))
    assert np.all(said.upper <= ahead.capacity)
    assert np.all(said.upper <= 4 * max(np.nanmax(past.sales), 1.0))


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_same_seed_gives_the_same_forecast(model: Model) -> None:
    """Fitted and forecast twice, with other random draws in between, every number is the same."""
    past = SHAPES["with price"]
    once = model.fit(past).forecast(future(past), level=0.8, seed=4)
    np.random.normal(size=7)  # noqa: NPY002  # moves the global state, which Prophet draws from
    again = model.fit(past).forecast(future(past), level=0.8, seed=4)
    assert np.array_equal(once.mean, again.mean)
    assert np.array_equal(once.lower, again.lower)
    assert np.array_equal(once.upper, again.upper)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_wider_level_gives_a_wider_interval(model: Model) -> None:
    """95 % intervals hold 50 % ones."""
    past = history(seasonal(140))
    fit = model.fit(past)
    narrow, wide = (fit.forecast(future(past), level=level, seed=0) for level in (0.5, 0.95))
    assert np.all(narrow.lower >= wide.lower)
    assert np.all(narrow.upper <= wide.upper)
    assert np.any(narrow.upper < wide.upper)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_ten_times_the_sales_are_about_ten_times_the_forecast(model: Model) -> None:
    """The unit sales are counted in does not matter much."""
    past = seasonal(140, level=400.0)
    small, large = (
        model.fit(history(past * scale)).forecast(future(history(past)), level=0.8, seed=0).mean for scale in (1, 10)
    )
    assert large == pytest.approx(10 * small, rel=0.05)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_steady_series_is_forecast_where_it_is(model: Model) -> None:
    """The forecast of noise around 40 is near 40."""
    sales = np.random.default_rng(1).poisson(40, 140).astype(np.float64)
    said = model.fit(history(sales)).forecast(future(history(sales)), level=0.8, seed=0)
    assert said.mean.mean() == pytest.approx(40, rel=0.25)


def test_the_minimum_counts_known_periods_only() -> None:
    """Periods without known sales do not make a series long enough."""
    with pytest.raises(NotFittedError, match="needs 8 periods with known sales, not 3"):
        require(models()["count"], history([1, np.nan, np.nan, 4, np.nan, np.nan, np.nan, np.nan, 9]))
    require(Naive(), history([np.nan, 4.0]))


@pytest.mark.parametrize(
    ("mean", "lower", "upper"),
    [(5.0, 6.0, 7.0), (5.0, 1.0, 4.0), (np.nan, 0.0, 9.0), (1.0, -1.0, 2.0), (1.0, 0.0, np.inf)],
)
def test_an_impossible_forecast_cannot_be_built(mean: float, lower: float, upper: float) -> None:
    """Outside its interval, missing, negative or infinite: refused, not passed on."""
    with pytest.raises(ValueError, match="forecast"):
        Forecast(np.array([mean]), np.array([lower]), np.array([upper]))


def test_an_impossible_history_cannot_be_built() -> None:
    """Nothing known, negative sales: refused."""
    with pytest.raises(ValueError, match="no period with known sales"):
        history([np.nan, np.nan])
    with pytest.raises(ValueError, match="negative sales"):
        history([1.0, -1.0])


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=30), st.floats(-1e9, 1e9))
def test_a_coming_regressor_counts_near_the_range_seen_only(seen: list[float], coming: float) -> None:
    """Cut half the range's width beyond either end of it, in the future and at past origins; what was seen counts."""
    log = np.array(seen)
    past = history(np.arange(float(log.size)), price=np.exp(log))
    low, high = past.regressors.min(), past.regressors.max()
    reached = past.reach(np.array([[coming]]))[0, 0]
    assert low - (high - low) / 2 <= reached <= high + (high - low) / 2
    assert np.array_equal(past.reach(past.regressors), past.regressors)
    assert past.ahead(1, 1).regressors == past.regressors[0]


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("price", [1e-9, 1e6])
def test_an_absurd_price_does_not_explode_a_forecast(model: Model, price: float) -> None:
    """Given away or out of this world: what a price half beyond the range seen would do, at most."""
    past = SHAPES["with price"]
    ahead = future(past, price=price)
    said = model.fit(past).forecast(replace(ahead, regressors=past.reach(ahead.regressors)), level=0.8, seed=0)
    assert np.all(said.upper < 2.5 * past.sales.max())
    assert np.all(said.mean > 0.2 * past.level)


def test_importing_the_choice_does_not_load_prophet() -> None:
    """A second is saved wherever Prophet is not used."""
    code = "import sys, forecasting.table; sys.exit('prophet' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
