"""Fleets of series that share a calendar, with known truth."""

import numpy as np

from forecasting.grid import Frequency, Grid
from forecasting.model import History, Vector
from tests.forecasting.examples import history

WEEKS = Grid(Frequency.W, 3)
START = 1800


def wave(periods: "np.ndarray[tuple[int], np.dtype[np.int64]]", size: float = 0.3) -> Vector:
    """Season of the year in log sales."""
    angle = 2 * np.pi * WEEKS.label(periods).astype(np.int64) / 365.25
    return np.asarray(size * np.sin(angle), dtype=np.float64)


def fleet(
    count: int = 12, weeks: int = 208, *, noise: float = 0.05, seed: int = 0, opening: float = 0.0
) -> list[History]:
    """Series that end together and share a season, of different levels, lengths and amplitudes.

    With `opening`, sales start that much higher (in logs) and fall to their level over some ten weeks.
    """
    rng = np.random.default_rng(seed)
    every = []
    for place in range(count):
        n = weeks if place % 3 == 0 else int(rng.integers(weeks // 4, weeks))
        periods = np.arange(START + weeks - n, START + weeks)
        log = rng.normal(6, 1) + rng.normal(1, 0.15) * wave(periods) + noise * rng.normal(size=n)
        log += opening * np.exp(-np.arange(n) / 10)
        every.append(history(np.exp(log), grid=WEEKS, start=int(periods[0])))
    return every
