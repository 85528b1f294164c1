"""Series with known effects of a price, promotions, a temperature and holidays, under noise that lasts."""

from dataclasses import dataclass, replace

import numpy as np

from forecasting.drivers.columns import Driver, drivers_of
from forecasting.grid import Frequency, Grid
from forecasting.model import History

ELASTICITY = -1.5
TRUTH = {"promotion": 0.35, "temperature": 0.02, "Christmas Day": 0.5, "Thanksgiving Day": -0.3}
NAMES = ("price", "promotion", "temperature")


@dataclass(frozen=True, eq=False)
class Market:
    """Weekly sales, and what moved them."""

    history: History
    drivers: list[Driver]

    def truth(self, driver: Driver) -> float:
        """Share of sales that a step of the driver adds."""
        slope = ELASTICITY if driver.name == "price" else TRUTH.get(driver.name, 0.0)
        return float(np.expm1(driver.step * slope))


def market(seed: int, *, weeks: int = 156, level: float = 50.0, last: float = 0.5, noise: float = 0.25) -> Market:
    """Draw sales with a season and an autocorrelated shock; prices hold for four weeks, promotions for two."""
    rng, time = np.random.default_rng(seed), np.arange(weeks)
    shock = np.empty(weeks)
    shock[0] = rng.normal()
    for week in range(1, weeks):
        shock[week] = last * shock[week - 1] + np.sqrt(1 - last**2) * rng.normal()
    promotion = np.zeros(weeks)
    for begin in rng.choice(weeks - 3, max(weeks // 25, 3), replace=False):
        promotion[begin : begin + 2] = 1
    price = np.log(10) + 0.12 * np.repeat(rng.normal(size=weeks // 4 + 1), 4)[:weeks]
    wave = 2 * np.pi * time / Frequency.W.year
    temperature = 15 + 8 * np.sin(wave + 1) + 5 * np.convolve(rng.normal(size=weeks + 2), np.ones(3) / 3, "valid")
    regressors = np.column_stack([price, promotion, temperature])
    unsold = History(
        Grid(Frequency.W, 3), 2400, np.ones(weeks), np.zeros(weeks), np.full(weeks, np.inf), NAMES, regressors
    )
    drivers = drivers_of(unsold, "US", ends=False)
    log = np.log(level) + 0.3 * np.sin(wave) + ELASTICITY * (price - price.mean()) + noise * shock - noise**2 / 2
    log = log + sum(TRUTH.get(d.name, 0.0) * d.values for d in drivers) - TRUTH["temperature"] * temperature.mean()
    return Market(replace(unsold, sales=rng.poisson(np.exp(log)).astype(np.float64)), drivers)
