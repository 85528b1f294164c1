"""Series to forecast: shapes that have broken forecasts before."""

import numpy as np
import pandas as pd

from forecasting.grid import Frequency, Grid
from forecasting.model import Future, History, Vector

GRID = Grid(Frequency.W, 3)


def history(
    sales: Vector | list[float],
    *,
    capacity: float = np.inf,
    censored: Vector | None = None,
    price: Vector | None = None,
    grid: Grid = GRID,
    start: int = 1800,
) -> History:
    """A history on a weekly grid, with a log price if one is given."""
    values = np.asarray(sales, dtype=np.float64)
    return History(
        grid,
        start,
        values,
        np.zeros(values.size) if censored is None else censored,
        np.full(values.size, capacity),
        () if price is None else ("price",),
        np.empty((0, 0)) if price is None else np.log(price)[:, None],
    )


def future(past: History, horizon: int = 6, *, price: float | None = None) -> Future:
    """The coming periods, at the last capacity, and at a given or the last price."""
    regressors = np.tile(past.regressors[-1:], (horizon, 1)) if past.names else np.empty((0, 0))
    if price is not None:
        regressors[:] = np.log(price)
    return Future(past.following(horizon), regressors, np.full(horizon, past.capacity[-1]))


def seasonal(n: int, *, level: float = 40.0, seed: int = 3) -> Vector:
    """Counts with a yearly season."""
    rng = np.random.default_rng(seed)
    return rng.poisson(level * np.exp(0.4 * np.sin(2 * np.pi * np.arange(n) / 52.18))).astype(np.float64)


def gappy(n: int = 120) -> Vector:
    """A seasonal series with unknown stretches, one of them at the end."""
    sales = seasonal(n)
    sales[[5, 6, 40, n - 1]] = np.nan
    return sales


SHAPES: dict[str, History] = {
    "one point": history([7.0]),
    "two points": history([7.0, 3.0]),
    "three points": history([7.0, 3.0, 5.0]),
    "constant": history([12.0] * 120),
    "all zeros": history([0.0] * 120),
    "zeros, then one sale": history([0.0] * 119 + [1.0]),
    "sales, then zeros": history([50.0] * 90 + [0.0] * 30),
    "gaps": history(gappy()),
    "seasonal": history(seasonal(160)),
    "growing tenfold": history(np.exp(np.linspace(2, 4.3, 120)).round()),
    "huge": history(seasonal(120) * 1e8),
    "at capacity": history(
        np.minimum(seasonal(120), 45.0), capacity=45.0, censored=(seasonal(120) >= 45).astype(np.float64)
    ),
    "not counts": history(seasonal(120) * 0.137),
    "months sold only in summer": history(
        np.tile([0, 0, 0, 0, 0, 9.0, 12, 7, 0, 0, 0, 0], 4), grid=Grid(Frequency.MS), start=500
    ),
    "with price": history(seasonal(120), price=np.where(np.arange(120) % 5 == 0, 8.0, 10.0)),
    "days": history(seasonal(200) * np.tile([1, 1, 1, 1, 2, 3, 0], 29)[:200], grid=Grid(Frequency.D), start=18_000),
}


def sales_rows(series: dict[str, Vector], *, start: str = "2019-01-06", freq: str = "W-SUN") -> pd.DataFrame:
    """One row per product and period."""
    parts = [
        pd.DataFrame(
            {"date": pd.date_range(start, periods=len(values), freq=freq), "product": name, "quantity": values}
        )
        for name, values in series.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(segment="all", event="all", channel="all", currency="EUR")
