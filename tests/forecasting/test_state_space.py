"""statsmodels' models say what they said when they were published, and nothing impossible."""

import subprocess
import sys

import numpy as np
import pytest

from forecasting.grid import Frequency, Grid
from forecasting.model import Model, NotFittedError
from forecasting.state_space import (
    Columns,
    Ets,
    EtsFit,
    LogScale,
    Sarimax,
    StateSpaceFit,
    UnobservedComponents,
    _fitted,
    season_of,
)
from tests.forecasting.air_passengers import HELD_OUT, PASSENGERS, passengers, percentage_error
from tests.forecasting.examples import SHAPES, future, history, seasonal

MONTHS = Grid(Frequency.MS)
MODELS: list[Model] = [Ets(), UnobservedComponents(), Sarimax()]


def test_the_airline_model_is_that_of_box_and_jenkins() -> None:
    """Moving averages -.4018 and -.5569 in logs, log-likelihood 244.70."""
    fit = Sarimax().fit(passengers())
    assert isinstance(fit, StateSpaceFit)
    assert fit.result.params[:2] == pytest.approx([-0.4018, -0.5569], abs=5e-4)
    assert fit.result.llf == pytest.approx(244.70, abs=0.01)


def test_the_airline_model_two_years_ahead() -> None:
    """A mean absolute percentage error of 8.52 %, where repeating the last year is off by 15.52 %."""
    past = passengers(144 - HELD_OUT)
    mean = Sarimax().fit(past).forecast(future(past, HELD_OUT), level=0.8, seed=0).mean
    assert percentage_error(mean) == pytest.approx(8.52, abs=0.01)
    assert percentage_error(np.tile(PASSENGERS[108:120], 2)) == pytest.approx(15.52, abs=0.01)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_monthly_season_goes_on(model: Model) -> None:
    """Passengers of the last year: closer than repeating the year before, and mostly inside the interval."""
    past = passengers(132)
    said = model.fit(past).forecast(future(past, 12), level=0.9, seed=0)
    actual = PASSENGERS[132:]
    assert np.abs(said.mean - actual).mean() < 0.6 * np.abs(PASSENGERS[120:132] - actual).mean()
    assert np.mean((said.lower <= actual) & (actual <= said.upper)) >= 0.75


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_gaps_are_filtered_over(model: Model) -> None:
    """A tenth of the months unknown, the last one too: the forecast moves by less than 10 %."""
    sales = PASSENGERS[:96].copy()
    sales[[5, 17, 30, 44, 45, 61, 70, 82, 95]] = np.nan
    gaps = history(sales, grid=MONTHS, start=passengers().start)
    means = [
        model.fit(past).forecast(future(past, 12), level=0.8, seed=0).mean.sum() for past in (gaps, passengers(96))
    ]
    assert means[0] == pytest.approx(means[1], rel=0.1)


def test_a_regressor_known_ahead_counts() -> None:
    """Sales that halve at twice the price are foreseen halved; weeks have a season of waves."""
    rng = np.random.default_rng(4)
    price = np.where(rng.random(120) < 0.3, 20.0, 10.0)
    past = history(seasonal(120, level=400.0) * (10 / price), price=price)
    for model in (Sarimax(), UnobservedComponents()):
        fit = model.fit(past)
        dear, cheap = (fit.forecast(future(past, 4, price=p), level=0.8, seed=0).mean for p in (20.0, 10.0))
        assert cheap / dear == pytest.approx([2.0] * 4, rel=0.15)


def test_long_seasons_are_waves_and_short_ones_states() -> None:
    """Weeks: six pairs of waves and no state; months: the reverse; less than two seasons: neither."""
    weeks, months, short = history(seasonal(160)), passengers(), passengers(20)
    assert [season_of(past) for past in (weeks, months, short)] == [1, 12, 1]
    columns = Columns.of(weeks, 1).matrix(weeks)
    assert columns is not None
    assert columns.shape == (160, 12)
    assert Columns.of(months, 12).matrix(months) is None


def test_a_history_that_never_varied_stays_as_it_is() -> None:
    """No likelihood is searched for it."""
    past = SHAPES["constant"]
    for model in MODELS:
        assert model.fit(past).forecast(future(past), level=0.8, seed=0).mean.tolist() == [12.0] * 6


def test_smoothing_takes_the_form_that_explains_best() -> None:
    """A season in the passengers, none in noise."""
    noise = history(np.random.default_rng(0).normal(100, 5, 60), grid=MONTHS)
    for past, seasonal_form in ((passengers(), True), (noise, False)):
        fit = Ets().fit(past)
        assert isinstance(fit, EtsFit)
        assert fit.result.model.has_seasonal is seasonal_form


def test_logs_are_turned_back_as_they_were_taken() -> None:
    """Where all is positive, without an offset; zeros have one; what is not a number is none."""
    limit = np.full(3, 1e6)
    for sales in (np.array([1.0, 5.0, 200.0]), np.array([0.0, 5.0, 200.0])):
        scale = LogScale.of(history(sales))
        assert scale.leave(scale.enter(sales), limit) == pytest.approx(sales, abs=1e-9)
    assert scale.leave(np.array([np.nan, np.inf, -np.inf]), limit) == pytest.approx([0, 1e6, 0], abs=1e-6)


def test_a_numerical_failure_is_a_refusal() -> None:
    """The choice then falls back to another model."""

    def singular(*_: object) -> object:
        raise np.linalg.LinAlgError("singular")

    with pytest.raises(NotFittedError, match="airline could not be fitted: singular"):
        _fitted("airline", passengers(), 12, singular)  # type: ignore[arg-type]


def test_importing_the_models_does_not_load_the_library_behind_them() -> None:
    """Time series models of statsmodels are loaded where one is fitted."""
    code = "import sys, forecasting.select; sys.exit('statsmodels.tsa.statespace.sarimax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
