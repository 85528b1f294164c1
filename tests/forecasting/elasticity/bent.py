"""Small markets whose demand has a known shape."""

import numpy as np
import pandas as pd

from forecasting.elasticity.cells import Panel, panels
from forecasting.elasticity.shapes import Shape
from forecasting.elasticity.within import Vector


def bent_market(
    rng: np.random.Generator,
    shape: Shape,
    *,
    truth: float = -2.0,
    outlets: int = 12,
    weeks: int = 104,
    product: str = "tea",
    level: float = 3.0,
    noise: float = 0.2,
    shock: float = 0.25,
) -> pd.DataFrame:
    """Weekly sales of one product around a price of 3, where `truth` is the elasticity."""
    price = rng.normal(0, noise, (outlets, weeks))
    relative = np.exp(price - price.mean(axis=1, keepdims=True))
    response = shape.log(relative.ravel(), truth).reshape(relative.shape)
    season, shocks = rng.normal(0, 0.2, weeks), rng.normal(0, shock, (outlets, weeks))
    mean = np.exp(level + rng.normal(0, 0.4, (outlets, 1)) + season + response + shocks)
    outlet, week = (index.ravel() for index in np.indices((outlets, weeks)))
    return pd.DataFrame(
        {
            "date": pd.Timestamp("2023-01-02") + pd.to_timedelta(7 * week, unit="D"),
            "product": product,
            "segment": "all",
            "event": "all",
            "channel": [f"outlet {k:02d}" for k in outlet],
            "price": 3 * relative.ravel(),
            "quantity": rng.poisson(mean).ravel().astype(float),
        }
    )


def panel_of(rng: np.random.Generator, shape: Shape) -> tuple[Panel, Vector]:
    """The panel of such a market, and its prices over the usual one."""
    panel = next(iter(panels(bent_market(rng, shape), by=["product"])))
    usual = np.bincount(panel.unit, panel.price) / np.bincount(panel.unit)
    return panel, np.exp(panel.price - usual[panel.unit])
