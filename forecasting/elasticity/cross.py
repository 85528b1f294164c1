"""How a product's sales react to the prices of the others.

Guarantees
----------
* Reactions to other products' prices are drawn towards 0 (a normal prior): with little evidence the answer is "none",
  with its width; the own reaction is drawn to what is known of demand in general. So own reactions outweigh the others
  unless the sales insist.
* What the prices of two products do to each other's sales is expected to be alike in money, as it is where buyers
  choose freely (Slutsky) and spend little of their income here; sales that say otherwise are believed.
* A relation is named only where the 95 % interval excludes 0.
* More products than `MOST` in a group are refused: each pair is a number to learn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from forecasting.elasticity.cells import Panel, panels
from forecasting.elasticity.panel import Mask, informative
from forecasting.elasticity.shrinkage import GENERAL
from forecasting.elasticity.within import Codes, Vector, codes_of, demean
from pricing.errors import Finding, InputError

MOST = 40
"""Products that may be crossed with each other."""
CROSS_SD = 0.5
"""Standard deviation of the prior of a cross elasticity, around 0, between two products of equal revenue."""
SYMMETRY = 0.8
"""Prior correlation of the two cross elasticities of a pair, each weighted by the revenue of its own product."""
LOPSIDED = 3.0
"""Revenues count as no further apart than the square of this, lest the prior knows too much of small products."""
COLUMNS = ("product", "on_price_of", "elasticity", "se", "lower", "upper", "relation")

_ITERATIONS = 50


@dataclass(frozen=True, slots=True, eq=False)
class _Market:
    """Log prices of all products, the last known one carried on; (dates of an outlet, products)."""

    products: tuple[str, ...]
    revenue: Vector = field(repr=False)
    prices: pd.DataFrame = field(repr=False)

    @classmethod
    def of(cls, sales: pd.DataFrame) -> "_Market":
        """Mean price paid per outlet and date; the posted one where nothing was sold.

        A product an outlet never had stands at its mean over the others: a constant, which tells nothing.
        """
        rows = sales[(sales["price"] > 0) & np.isfinite(sales["quantity"])]
        weight = rows["quantity"].clip(lower=1e-9)
        names, day = rows["product"].astype(str), pd.DatetimeIndex(rows["date"]).normalize()
        dated = pd.DataFrame(
            {"outlet": rows["channel"].astype(str), "day": day, "name": names, "paid": rows["price"] * weight}
        ).assign(weight=weight)
        sums = dated.groupby(["outlet", "day", "name"], observed=True)[["paid", "weight"]].sum()
        wide = (sums["paid"] / sums["weight"]).map(np.log).unstack("name").sort_index()
        carried = wide.groupby(level="outlet").ffill().groupby(level="outlet").bfill()
        prices = carried.fillna(carried.mean())
        paid = dated.groupby("name", observed=True)["paid"].sum()
        return cls(tuple(prices.columns), paid[prices.columns].to_numpy(np.float64), prices)

    def at(self, panel: Panel, outlets: Sequence[str], kept: Mask) -> Vector:
        """(m, products) log prices where and when the kept cells of a panel were."""
        index = pd.MultiIndex.from_arrays([np.array(outlets, dtype=object)[panel.unit], panel.days])[kept]
        if not index.isin(self.prices.index).all():  # dates on which an outlet sold nothing at all
            wider = self.prices.reindex(self.prices.index.union(index)).groupby(level=0)
            return wider.ffill().groupby(level=0).bfill().loc[index].to_numpy(np.float64)
        return self.prices.loc[index].to_numpy(np.float64)


def cross_table(sales: pd.DataFrame, *, within: str | None = None) -> pd.DataFrame:
    """Own and cross elasticities of every pair of products.

    Per product a Poisson regression of its units on the log price of every product, per outlet (`channel`) and date,
    with effects as in `forecasting.elasticity.cells.panels`. Errors allow for what rows of a cluster have in common,
    on the average over the slopes. All products' slopes together have a normal prior: own ones `GENERAL`, cross ones
    N(0, `CROSS_SD`^2), e_ij sqrt(R_i / R_j) and e_ji sqrt(R_j / R_i) correlated by `SYMMETRY`, R being revenues. That
    is Slutsky symmetry with income effects left out: R_i e_ij = R_j e_ji (Deaton and Muellbauer 1980, section 2.2).

    Parameters
    ----------
    within : column that groups products; only those of one group are crossed. None: all are one group

    Returns
    -------
    `COLUMNS`; relation is own, substitute, complement or no clear effect

    Raises
    ------
    InputError
        if there is no such column, or a group has more than `MOST` products.
    """
    if within is not None and within not in sales:
        raise InputError(Finding("no such column in the table", column=within))
    groups = [sales] if within is None else [rows for _, rows in sales.groupby(within, sort=True, observed=True)]
    if (count := max((rows["product"].nunique() for rows in groups), default=0)) > MOST:
        raise InputError(
            Finding(f"--cross takes at most {MOST} products, here are {count}: bring one category at a time")
        )
    tables = [table for rows in groups if len(table := _together(rows))]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """What one product's sales tell of its slopes: precision (k, k), and precision times the slopes (k,)."""

    product: str
    precision: Vector
    pull: Vector


def _together(sales: pd.DataFrame) -> pd.DataFrame:
    """The table of one group of products."""
    alone = sales.assign(
        segment="all", event="all", channel=sales.get("channel", pd.Series("all", sales.index)).astype(str)
    )
    market = _Market.of(alone)
    told = [
        found
        for panel in panels(alone, by=["product"])
        if len(panel) and (found := _told(panel, market, _outlets(alone, panel))) is not None
    ]
    if not told:
        return pd.DataFrame(columns=list(COLUMNS))
    centre, tightness = _prior(market, [one.product for one in told])
    k = len(market.products)
    precision, pull = tightness.copy(), tightness @ centre
    for i, one in enumerate(told):
        at = slice(i * k, (i + 1) * k)
        precision[at, at] += one.precision
        pull[at] += one.pull
    slopes = np.linalg.solve(precision, pull).astype(np.float64)
    spread = np.sqrt(np.diag(np.linalg.inv(precision))).astype(np.float64)
    return _as_table([one.product for one in told], market.products, slopes, spread)


def _outlets(sales: pd.DataFrame, panel: Panel) -> list[str]:
    """Names of the panel's units, in their order."""
    usable = sales[
        (sales["product"].astype(str) == panel.key[0]) & (sales["price"] > 0) & np.isfinite(sales["quantity"])
    ]
    return sorted(usable["channel"].astype(str).unique())


def _as_table(reacting: list[str], products: tuple[str, ...], slope: Vector, se: Vector) -> pd.DataFrame:
    pairs = pd.MultiIndex.from_product([reacting, products], names=["product", "on_price_of"]).to_frame(index=False)
    lower, upper = slope - 1.959964 * se, slope + 1.959964 * se
    relation = np.select([lower > 0, upper < 0], ["substitute", "complement"], "no clear effect")
    own = (pairs["product"] == pairs["on_price_of"]).to_numpy()
    return pairs.assign(elasticity=slope, se=se, lower=lower, upper=upper, relation=np.where(own, "own", relation))


def _prior(market: _Market, reacting: list[str]) -> tuple[Vector, Vector]:
    """Mean and precision of all slopes together, product by product, those of each in the order of the market."""
    k = len(market.products)
    position = {name: i for i, name in enumerate(market.products)}
    ratio = np.sqrt(market.revenue[None, :] / np.maximum(market.revenue[:, None], 1e-300))
    scale = CROSS_SD * np.clip(ratio, 1 / LOPSIDED, LOPSIDED)
    centre, covariance = np.zeros(len(reacting) * k), np.zeros((len(reacting) * k,) * 2)
    place = {name: n * k for n, name in enumerate(reacting)}
    for name, start in place.items():
        i = position[name]
        sd = np.where(np.arange(k) == i, GENERAL.sd, scale[i])
        covariance[start : start + k, start : start + k] = np.diag(sd**2)
        centre[start + i] = GENERAL.mean
        for other, there in place.items():
            if other != name:
                j = position[other]
                covariance[start + j, there + i] = SYMMETRY * scale[i, j] * scale[j, i]
    tightness = np.linalg.inv(covariance).astype(np.float64)
    return centre, tightness


def _told(panel: Panel, market: _Market, outlets: Sequence[str]) -> _Told | None:
    """What one product's sales say of its slopes on all prices; None if it sold nothing."""
    kept = informative(panel.quantity, panel.factors)
    if not kept.any():
        return None
    own = np.array([name == panel.key[0] for name in market.products])
    factors = [codes_of(factor[kept]) for factor in panel.factors]
    x = np.column_stack([market.at(panel, outlets, kept), panel.others[kept]])
    precision, pull = _likelihood(panel.quantity[kept], x, factors, own, codes_of(panel.clusters[kept]))
    return _Told(panel.key[0], precision, pull)


def _likelihood(y: Vector, x: Vector, factors: list[Codes], own: Vector, clusters: Codes) -> tuple[Vector, Vector]:
    """Precision of the slopes on the first len(own) columns and its product with them, around the posterior's mode."""
    count, extra = len(own), x.shape[1] - len(own)
    centre = np.append(np.where(own, GENERAL.mean, 0.0), np.zeros(extra))
    tightness = np.diag(np.append(np.where(own, GENERAL.sd, CROSS_SD) ** -2.0, np.full(extra, 1e-6)))
    eta, slopes, scale = np.log((y + y.mean()) / 2), centre, 1.0
    for _ in range(_ITERATIONS):
        mu = np.exp(np.clip(eta, -40.0, 40.0))
        z = eta + y / mu - 1
        free = demean(np.column_stack([z, x]), factors, mu)
        told = free[:, 1:].T @ (mu[:, None] * free[:, 1:])
        last, slopes = (
            slopes,
            np.linalg.solve(told / scale + tightness, free[:, 1:].T @ (mu * free[:, 0]) / scale + tightness @ centre),
        )
        residual = free[:, 0] - free[:, 1:] @ slopes
        eta = z - residual
        fitted = np.exp(np.clip(eta, -40.0, 40.0))
        scale = max(float(np.mean((y - fitted) ** 2 / fitted)), 1.0)
        if np.max(np.abs(slopes - last)) < 1e-8:
            break
    pull = free[:, 1:].T @ (mu * free[:, 0])
    noise = max(scale, _noise(free[:, 1:] * (mu * residual)[:, None], told, tightness, clusters))
    # What is beside the prices is integrated out.
    rest = told[count:, count:] + noise * tightness[count:, count:]
    share = told[:count, count:] @ np.linalg.inv(rest) if extra else np.zeros((count, 0))
    precision = told[:count, :count] - share @ told[count:, :count]
    return precision / noise, (pull[:count] - share @ pull[count:]) / noise


def _noise(scores: Vector, told: Vector, tightness: Vector, clusters: Codes) -> float:
    """How much larger the slopes' variance is than if sales erred as a Poisson does, on the average over slopes.

    The mean design effect of clustered scores (Rao and Scott 1981), widened as Student's t of their number is.
    """
    groups = int(clusters.max(initial=-1)) + 1
    if groups < 2:
        return 1.0
    sums = np.column_stack([np.bincount(clusters, column) for column in scores.T])
    inverse = np.linalg.inv(told + tightness)
    ratio = np.trace(inverse @ (sums.T @ sums)) / np.trace(inverse @ told)
    wide = float(stdtrit(groups - 1, 0.975)) / 1.959964
    return float(ratio) * groups / (groups - 1) * wide**2
