"""What a series says of its own errors is measured at past origins, and widens with the horizon."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.damped_trend import DampedTrend
from forecasting.foreseen import ORIGINS, Noise, apart, origins
from forecasting.grid import Frequency, Grid
from forecasting.holt_winters import HoltWinters
from forecasting.model import History, NotFittedError, only
from forecasting.theta import Theta
from tests.forecasting.examples import future, history

MONTHS, QUARTERS = Grid(Frequency.MS), Grid(Frequency.QS)


@given(st.integers(3, 600), st.sampled_from([1, 4, 7, 12, 52]))
def test_origins_leave_something_to_learn_from(n: int, season: int) -> None:
    """Latest first, at least two periods before each and one after; half of a short history."""
    found = origins(n, season)
    assert 1 <= len(found) <= ORIGINS
    assert list(found) == sorted(set(found), reverse=True)
    assert min(found) >= max(2, min(season, n // 2))
    assert max(found) < n


def noise(errors: list[float], sales: float = 100.0, n: int = 48) -> Noise:
    """Of a steady history whose forecasts from its one origin were wrong by these factors."""
    past = history(np.full(n, sales), grid=MONTHS)
    return Noise.of(past, [sales * np.exp(np.array(errors))], [n - len(errors)])


def test_larger_errors_make_wider_bounds() -> None:
    """Errors twice as large, bounds about twice as far away in logs."""
    small, large = noise([0.1, -0.1, 0.1]), noise([0.2, -0.2, 0.2])
    assert large.deviation / small.deviation == pytest.approx(2, rel=0.15)


def test_fewer_seasons_make_wider_bounds() -> None:
    """The same errors after two seasons count for more than after ten."""
    assert noise([0.1, -0.1], n=24).deviation > 1.5 * noise([0.1, -0.1], n=120).deviation


def test_a_steady_series_of_counts_is_not_said_to_be_certain() -> None:
    """Constant counts of four could be fives; constant revenue could not."""
    counts = history(np.full(48, 4.0), grid=MONTHS)
    revenue = dataclasses.replace(counts, integer=False)
    for past, sure in ((counts, False), (revenue, True)):
        said = HoltWinters().fit(past).forecast(future(past, 6), level=0.8, seed=0)
        assert bool(np.all(said.upper - said.lower < 1e-6)) is sure


def simulated(n: int, grid: Grid, seed: int) -> History:
    """A level that drifts, a season and noise, in logs."""
    rng = np.random.default_rng(seed)
    season = grid.frequency.season
    level = 6 + rng.normal(0, 0.03, n).cumsum()
    pattern = np.resize(rng.normal(0, 0.25, season), n)
    return history(np.exp(level + pattern + rng.normal(0, 0.08, n)), grid=grid)


@pytest.mark.parametrize(("grid", "ahead"), [(MONTHS, 24), (QUARTERS, 8)], ids=["months", "quarters"])
def test_intervals_hold_about_what_they_say_at_every_part_of_the_horizon(grid: Grid, ahead: int) -> None:
    """80 % intervals of 120 simulated series of 4 to 9 years: 75 to 88 % in all, 65 to 94 % in each quarter."""
    rng = np.random.default_rng(0)
    whole = [simulated(int(rng.integers(4, 10)) * grid.frequency.season + ahead, grid, seed) for seed in range(120)]
    pasts = [past.head(past.sales.size - ahead) for past in whole]
    for model in (HoltWinters(), DampedTrend(), Theta()):
        held = []
        for past, full, fit in zip(pasts, whole, model.fit_all(pasts), strict=True):
            assert not isinstance(fit, NotFittedError)
            said = fit.forecast(future(past, ahead), level=0.8, seed=0)
            actual = full.sales[-ahead:]
            held.append((said.lower <= actual) & (actual <= said.upper))
        share = np.mean(held, axis=0).reshape(4, -1).mean(axis=1)
        assert 0.75 < share.mean() < 0.88, model.name
        assert np.all((share > 0.65) & (share < 0.94)), model.name


def test_histories_that_are_too_short_are_refused_in_their_place() -> None:
    """The others are fitted; alone, the reason is raised."""
    long, short = history([5.0] * 9), history([5.0])
    able, refused = apart(Theta(), [short, long, short])
    assert able == [long]
    assert [reason is None for reason in refused] == [False, True, False]
    found = Theta().fit_all([short, long])
    assert isinstance(found[0], NotFittedError)
    assert not isinstance(found[1], NotFittedError)
    with pytest.raises(NotFittedError, match="needs 3 periods"):
        only([found[0]])
