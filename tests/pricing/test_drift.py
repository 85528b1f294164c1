"""The test of drift asks every day, rarely cries wolf, and finds what has changed."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pricing.drift import SEASON, evidence

Vector = NDArray[np.float64]
BAR = np.log(20.0)
DRAWS = 200


def season(  # noqa: PLR0917  # what a season is
    rng: np.random.Generator,
    daily: float,
    spread: float,
    noise: float,
    shift: float = 1.0,
    at: int = 0,
    days: int = SEASON,
) -> Vector:
    """(days,) log evidence of a season whose level is drawn as the fit says, and changes once."""
    means = np.exp(spread * rng.standard_normal((DRAWS, 1)) - spread**2 / 2) * np.full((1, days), daily)
    level = np.exp(spread * rng.standard_normal() - spread**2 / 2)
    truth = level * daily * np.where(np.arange(days) >= at, shift, 1.0)
    sold = rng.poisson(truth * rng.gamma(1 / noise, noise, days)).astype(np.float64)
    return evidence(sold, means, np.full(days, noise))


def first(logs: Vector) -> float:
    """Day of the alarm; infinite if there was none."""
    over = np.flatnonzero(logs >= BAR)
    return float(over[0]) if len(over) else np.inf


@pytest.mark.parametrize(("daily", "spread", "noise"), [(2.0, 0.3, 0.1), (40.0, 0.1, 0.05), (4000.0, 0.1, 0.02)])
def test_a_season_that_is_as_expected_is_quiet(daily: float, spread: float, noise: float) -> None:
    """90 daily looks, few sales or many: at most 5 % of seasons ever reach the bar."""
    rng = np.random.default_rng(3)
    alarms = [first(season(rng, daily, spread, noise)) < np.inf for _ in range(100)]
    assert np.mean(alarms) <= 0.05


def test_a_change_of_40_percent_is_found_within_weeks_and_of_20_percent_more_slowly() -> None:
    """Median days from the change to the alarm, at 100 units a day."""
    rng = np.random.default_rng(4)
    delay = {
        shift: float(np.median([first(season(rng, 100.0, 0.1, 0.03, shift, 20)) - 20 for _ in range(25)]))
        for shift in (0.6, 1.4, 0.8)
    }
    assert delay[0.6] <= 7
    assert delay[1.4] <= 10
    assert delay[0.6] < delay[0.8] <= 60


def test_evidence_is_a_martingale_if_all_is_as_drawn() -> None:
    """Its mean over many seasons is 1 on every day: that is what makes the bar hold.

    Only the first days: later the mean hangs on a few seasons, and no number of them is enough to see it.
    """
    rng = np.random.default_rng(5)
    ratios = np.exp([season(rng, 10.0, 0.2, 0.1, days=2) for _ in range(1000)])
    assert ratios.mean(axis=0) == pytest.approx(1.0, abs=0.15)


def test_days_on_which_nothing_is_expected_tell_nothing() -> None:
    """After the horizon evidence stays as it was, whatever is sold."""
    means = np.concatenate([np.full((5, 10), 8.0), np.zeros((5, 10))], axis=1)
    sold = np.concatenate([np.full(10, 2.0), np.full(10, 500.0)])
    logs = evidence(sold, means, np.full(20, 0.1))
    assert np.isfinite(logs).all()
    assert logs[10:] == pytest.approx(logs[9], abs=1e-9)


def test_a_season_longer_than_expected_ends_well() -> None:
    """Beyond the last day on which a change may begin the test goes on."""
    means, days = np.full((5, 2 * SEASON), 30.0), 2 * SEASON
    logs = evidence(np.full(days, 30.0), means, np.full(days, 0.05))
    assert np.isfinite(logs).all()
    assert logs[-1] < 0
