"""How often the alarm of `pricing.drift` is false, and how long it takes to find a change, on simulated seasons.

    python benchmarks/drift.py [SEASONS]

A season has 90 daily looks. The level of demand is drawn as the fit draws it (standard deviation of its log: `spread`),
days differ by `noise` beyond chance. False alarms: share of seasons without a change in which the evidence ever reached
20. Delay: median days from a change on day 20 to the alarm ("-": not found in most seasons), and share found.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from forecasting.pace import overdispersion
from pricing.drift import SEASON, evidence

Vector = NDArray[np.float64]
BAR, DRAWS, CHANGE = np.log(20.0), 400, 20
SHIFTS = (0.8, 1.2, 0.6, 1.4)
CASES = (
    (3.0, 0.1, 0.02),
    (3.0, 0.3, 0.1),
    (20.0, 0.1, 0.02),
    (20.0, 0.1, 0.1),
    (200.0, 0.1, 0.02),
    (2000.0, 0.1, 0.01),
)
"""Mean units a day, spread, noise."""


def first_alarm(
    rng: np.random.Generator, case: tuple[float, float, float], shift: float, *, together: float = 0.0, past: int = 0
) -> float:
    """Day of the alarm in one season; infinite if there is none.

    Parameters
    ----------
    together : autocorrelation of what neighbouring days differ by
    past : days before the season from which the noise is measured as a fit does it; 0: it is known
    """
    daily, spread, noise = case
    means = np.exp(spread * rng.standard_normal((DRAWS, 1)) - spread**2 / 2) * np.full((1, SEASON), daily)
    level = np.exp(spread * rng.standard_normal() - spread**2 / 2)
    fortunes = _fortunes(rng, past + SEASON, noise, together)
    if past:
        seen = rng.poisson(daily * fortunes[:past]).astype(np.float64)
        noise = overdispersion(seen, np.full(past, daily), np.arange(past) // 7)
    truth = level * daily * np.where(np.arange(SEASON) >= CHANGE, shift, 1.0)
    sold = rng.poisson(truth * fortunes[past:]).astype(np.float64)
    over = np.flatnonzero(evidence(sold, means, np.full(SEASON, noise)) >= BAR)
    return float(over[0]) if len(over) else np.inf


def _fortunes(rng: np.random.Generator, days: int, noise: float, together: float) -> Vector:
    """(days,) what each day is better or worse than its mean."""
    if not together:
        return rng.gamma(1 / noise, noise, days)
    spread, fortune = np.sqrt(np.log1p(noise)), np.empty(days)
    fortune[0] = rng.standard_normal()
    for day in range(1, days):
        fortune[day] = together * fortune[day - 1] + np.sqrt(1 - together**2) * rng.standard_normal()
    return np.asarray(np.exp(spread * fortune - spread**2 / 2))


def main() -> None:
    """Print the table."""
    seasons = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print(f"{'units':>6} {'spread':>6} {'noise':>6} {'false':>7}" + "".join(f"{f'{s - 1:+.0%}':>14}" for s in SHIFTS))
    for number, case in enumerate(CASES):
        rng = np.random.default_rng(number)
        false = np.mean([np.isfinite(first_alarm(rng, case, 1.0)) for _ in range(seasons)])
        cells = []
        for shift in SHIFTS:
            days = np.array([first_alarm(rng, case, shift) for _ in range(seasons // 3)])
            median = np.median(days[days >= CHANGE]) - CHANGE
            cells.append(f"{'-' if np.isinf(median) else f'{median:.0f}'} ({np.isfinite(days).mean():.0%})")
        print(f"{case[0]:>6.0f} {case[1]:>6} {case[2]:>6} {false:>7.1%}" + "".join(f"{cell:>14}" for cell in cells))
    print("days that err together (20 units a day, spread 0.1, noise 0.1): false alarms")
    for together in (0.3, 0.6):
        rates = []
        for past in (0, 400):
            rng = np.random.default_rng(100)
            alarms = [first_alarm(rng, CASES[3], 1.0, together=together, past=past) for _ in range(seasons)]
            rates.append(f"{np.isfinite(alarms).mean():.1%}")
        print(f"  by {together}: {rates[0]} if that is ignored, {rates[1]} with the noise measured over 400 days")


if __name__ == "__main__":
    main()
