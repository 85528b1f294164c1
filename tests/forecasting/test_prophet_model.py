"""Prophet stays inside zero and capacity, stays quiet, and leaves no trace."""

import logging

import numpy as np
import pytest

from forecasting.prophet_model import ProphetModel, Scale
from tests.forecasting.examples import future, history, seasonal


@pytest.mark.parametrize("odds", [False, True])
def test_entering_and_leaving_the_scale_gives_the_sales_back(odds: bool) -> None:
    """No sales and a full house included."""
    scale, sales, capacity = Scale(2.0, odds), np.array([0.0, 1.0, 55.0, 80.0]), np.full(4, 80.0)
    assert scale.leave(scale.enter(sales, capacity), capacity) == pytest.approx(sales, abs=1e-9)


def test_a_forecast_near_capacity_bends_below_it() -> None:
    """Growth towards a full hall stops at the hall, mean and bounds."""
    sales = 100 / (1 + np.exp(-np.linspace(-2, 4, 120)))
    past = history(sales.round(), capacity=100.0)
    said = ProphetModel().fit(past).forecast(future(past, 26), level=0.95, seed=0)
    assert said.upper.max() <= 100
    assert said.mean.min() > 90


def test_it_follows_a_season() -> None:
    """The next half year of a yearly wave is forecast within a tenth."""
    truth = 300 * np.exp(0.4 * np.sin(2 * np.pi * np.arange(234) / 52.18))
    past = history(np.random.default_rng(0).poisson(truth[:208]).astype(float))
    said = ProphetModel().fit(past).forecast(future(past, 26), level=0.8, seed=0)
    assert np.abs(said.mean / truth[208:] - 1).mean() < 0.1


def test_a_lower_price_ahead_raises_the_forecast() -> None:
    """Log price is a regressor."""
    rng = np.random.default_rng(3)
    price = 10 * np.exp(0.2 * rng.normal(size=156))
    past = history(rng.poisson(80 * (price / 10) ** -1.5).astype(float), price=price)
    fit = ProphetModel().fit(past)
    usual, cut = (fit.forecast(future(past, price=p), level=0.8, seed=0).mean.mean() for p in (10.0, 8.0))
    assert cut / usual == pytest.approx(0.8**-1.5, rel=0.1)


def test_nothing_is_printed_and_random_state_and_logs_stay(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither Stan nor Prophet says a word; numpy's global state and the loggers are as before."""
    np.random.seed(7)  # noqa: NPY002  # the state Prophet would disturb
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    past = history(seasonal(70))
    ProphetModel("US").fit(past).forecast(future(past), level=0.8, seed=0)
    assert capfd.readouterr() == ("", "")
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002
    assert not logging.getLogger("cmdstanpy").disabled


@pytest.mark.parametrize("capacity", [200.0, 1_000.0, 5_000.0])
def test_a_capacity_far_above_the_sales_changes_nothing(capacity: float) -> None:
    """Where a hundred a week are sold, a hundred are forecast, however many seats there are."""
    past = history(np.random.default_rng(1).poisson(100, 104).astype(float), capacity=capacity)
    said = ProphetModel().fit(past).forecast(future(past, 8), level=0.8, seed=0)
    assert said.mean.mean() == pytest.approx(100, rel=0.1)
