"""How a product's sales react to the prices of the others.

Guarantees
----------
* Reactions to other products' prices are drawn towards 0 (ridge): with little evidence the answer is "none", with its
  width; the own reaction is drawn to what is known of demand in general.
* More products than `MOST` are refused: each pair is a number to learn.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from forecasting.elasticity.cells import Panel, panels
from forecasting.elasticity.panel import informative
from forecasting.elasticity.shrinkage import GENERAL
from forecasting.elasticity.within import Codes, Vector, codes_of, demean
from pricing.errors import Finding, InputError

MOST = 40
"""Products that may be crossed with each other."""

CROSS_SD = 0.5
"""Standard deviation of the prior of a cross elasticity, around 0."""

_ITERATIONS = 50


@dataclass(frozen=True, slots=True, eq=False)
class _Market:
    """Log prices of all products on all dates, the last known one carried on; (dates, products)."""

    products: tuple[str, ...]
    prices: pd.DataFrame = field(repr=False)

    @classmethod
    def of(cls, sales: pd.DataFrame) -> "_Market":
        usable = sales[(sales["price"] > 0) & (sales["quantity"] > 0)]
        dated = usable.assign(
            day=pd.DatetimeIndex(usable["date"]).normalize(), paid=usable["price"] * usable["quantity"]
        )
        sums = dated.groupby(["day", "product"], observed=True)[["paid", "quantity"]].sum()
        wide = (sums["paid"] / sums["quantity"]).unstack("product").sort_index().ffill().bfill()
        return cls(tuple(str(name) for name in wide.columns), wide.map(np.log))


def cross_table(sales: pd.DataFrame) -> pd.DataFrame:
    """Own and cross elasticities of every pair of products.

    Per product a Poisson regression of its units per date on the log price of every product, with month of the year,
    weekday and trend; normal priors on the slopes, N(0, `CROSS_SD`^2) across and `GENERAL` own; errors are those of the
    posterior's normal approximation, scaled by the dispersion.

    Returns
    -------
    product, on_price_of, elasticity, se

    Raises
    ------
    InputError
        if there are more than `MOST` products.
    """
    if (count := sales["product"].nunique()) > MOST:
        raise InputError(
            Finding(f"--cross takes at most {MOST} products, here are {count}: bring one category at a time")
        )
    market = _Market.of(sales)
    alone = sales.assign(segment="all", event="all", channel="all")
    rows = [
        frame
        for panel in panels(alone, by=["product"])
        if len(panel) and (frame := _reactions(panel, market)) is not None
    ]
    columns = ["product", "on_price_of", "elasticity", "se"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def _reactions(panel: Panel, market: _Market) -> pd.DataFrame | None:
    """One product's slopes on all prices; None if it sold nothing."""
    kept = informative(panel.quantity, panel.factors)
    if not kept.any():
        return None
    prices = market.prices.loc[panel.days[kept]].to_numpy(np.float64)
    own = np.array([name == panel.key[0] for name in market.products])
    factors = [codes_of(factor[kept]) for factor in panel.factors]
    slopes, errors = _ridge(panel.quantity[kept], np.column_stack([prices, panel.others[kept]]), factors, own)
    return pd.DataFrame({"product": panel.key[0], "on_price_of": market.products, "elasticity": slopes, "se": errors})


def _ridge(y: Vector, x: Vector, factors: list[Codes], own: Vector) -> tuple[Vector, Vector]:
    """Posterior mode and error of the slopes on the first len(own) columns of x; the others have no prior."""
    count, extra = len(own), x.shape[1] - len(own)
    centre = np.append(np.where(own, GENERAL.mean, 0.0), np.zeros(extra))
    tightness = np.append(np.where(own, GENERAL.sd, CROSS_SD) ** -2.0, np.full(extra, 1e-6))
    eta, slopes, scale = np.log((y + y.mean()) / 2), centre, 1.0
    curvature = np.diag(tightness)
    for _ in range(_ITERATIONS):
        mu = np.exp(np.clip(eta, -40.0, 40.0))
        z = eta + y / mu - 1
        free = demean(np.column_stack([z, x]), factors, mu)
        curvature = free[:, 1:].T @ (mu[:, None] * free[:, 1:]) / scale + np.diag(tightness)
        last, slopes = (
            slopes,
            np.linalg.solve(curvature, free[:, 1:].T @ (mu * free[:, 0]) / scale + tightness * centre),
        )
        eta = z - free[:, 0] + free[:, 1:] @ slopes
        fitted = np.exp(np.clip(eta, -40.0, 40.0))
        scale = max(float(np.mean((y - fitted) ** 2 / fitted)), 1.0)
        if np.max(np.abs(slopes - last)) < 1e-8:
            break
    return slopes[:count], np.sqrt(np.diag(np.linalg.inv(curvature)))[:count]
