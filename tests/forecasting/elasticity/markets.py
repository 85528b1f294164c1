"""Small markets whose price elasticity is known."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def market(
    rng: np.random.Generator,
    *,
    truth: float = -2.0,
    outlets: int = 12,
    weeks: int = 60,
    product: str = "tea",
    reaction: float = 0.0,
    persistence: float = 0.0,
    shock: float = 0.25,
    level: float = 2.0,
    noise: float = 0.15,
) -> pd.DataFrame:
    """Weekly sales of one product in several outlets.

    Parameters
    ----------
    reaction : of log price to the demand shock of the week before
    persistence : autocorrelation of the demand shock
    shock : its standard deviation
    noise : standard deviation of the price's own variation
    """
    shocks = _autoregressive(rng, outlets, weeks, persistence, shock)
    known = np.column_stack([np.zeros(outlets), shocks[:, :-1]])
    price = 1.0 + rng.normal(0, 0.2, (outlets, 1)) + reaction * known + rng.normal(0, noise, (outlets, weeks))
    season = rng.normal(0, 0.2, weeks)
    mean = np.exp(level + rng.normal(0, 0.4, (outlets, 1)) + season + truth * (price - 1.0) + shocks)
    outlet, week = (index.ravel() for index in np.indices((outlets, weeks)))
    return pd.DataFrame(
        {
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * week, unit="D"),
            "product": product,
            "segment": "all",
            "event": "all",
            "channel": [f"outlet {k:02d}" for k in outlet],
            "price": np.exp(price).ravel(),
            "quantity": rng.poisson(mean).ravel().astype(float),
        }
    )


def _autoregressive(
    rng: np.random.Generator, rows: int, steps: int, persistence: float, sd: float
) -> NDArray[np.float64]:
    out = np.zeros((rows, steps))
    out[:, 0] = rng.normal(0, sd, rows)
    for t in range(1, steps):
        out[:, t] = persistence * out[:, t - 1] + np.sqrt(1 - persistence**2) * rng.normal(0, sd, rows)
    return out
