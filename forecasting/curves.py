"""The seam: a forecast at the reference price and an elasticity become a demand curve over each offer's ladder.

Guarantees
----------
* At the reference price a curve has the forecast's mean and interval; elsewhere it follows the elasticity.
* No draw rises with the price: elasticities are drawn from the distribution below 0 that has the table's mean and error
  (and so its interval), also where it is not identified.
* The same seed gives the same curves, and an offer's draws do not depend on which other offers are asked for.
* Offers of one product and segment share their elasticity draws: one group of buyers, one unknown.
* Offers of one event share what makes it do well or badly: where forecasts err less together than that, the range of
  their sum is too wide rather than too narrow. Different events, and goods, err apart.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import gammaincinv, ndtri

from forecasting.elasticity.shrinkage import GENERAL, BelowZero
from forecasting.elasticity.within import Vector
from pricing.demand import DemandCurves, Evidence, Identification, constant_elasticity
from pricing.model import ALL, Offer
from pricing.money import as_floats

_KEYS = ("product", "segment", "event", "channel")
_SMALLEST_SHAPE = 0.3
"""Gamma draws are not made wider than this shape (coefficient of variation 1.8)."""


@dataclass(frozen=True, slots=True)
class BaseDemand:
    """What an offer would sell at its reference price over the horizon.

    Attributes
    ----------
    mean, lower, upper : forecast and its interval [units over the horizon]
    level : probability that the interval holds
    reference : price the forecast is made at [currency]
    model : what made the forecast
    """

    mean: float
    lower: float
    upper: float
    reference: float
    model: str
    level: float = 0.8

    def __post_init__(self) -> None:
        if not 0 <= self.lower <= self.upper < np.inf:
            raise ValueError(f"base demand: {self.lower} to {self.upper} is not an interval of units")
        if not 0 <= self.mean < np.inf:
            raise ValueError(f"base demand: {self.mean} is not a number of units")
        if not (0 < self.reference < np.inf and 0 < self.level < 1):
            raise ValueError(f"base demand: reference price {self.reference} or level {self.level} is out of range")


def demand_curves(
    offers: Sequence[Offer],
    base: Mapping[str, BaseDemand],
    elasticities: pd.DataFrame,
    *,
    draws: int,
    rng: np.random.Generator,
    version: str,
) -> DemandCurves:
    """Demand at every step of every offer's ladder.

    Parameters
    ----------
    base : offer id -> forecast at its reference price
    elasticities : what `forecasting.elasticity.table.elasticity_table` gave; a group it lacks gets the general prior
    draws : number of draws from the posterior
    rng : gives one number, from which every offer's own stream is made
    version : names the fit; it appears in each offer's evidence

    Returns
    -------
    curves in the order of `offers`
    """
    root = int(rng.integers(2**63))
    known, by = _by_key(elasticities)
    units = np.zeros((draws, len(offers), max((len(offer.ladder) for offer in offers), default=0)))
    evidence = []
    for i, offer in enumerate(offers):
        group = tuple(str(getattr(offer, name)) for name in by)
        told = known.get(group, _UNKNOWN)
        forecast = base[offer.id]
        fortune = ("event", offer.event) if offer.event != ALL else ("base", offer.id)
        level = _base_draws(forecast, _stream(root, *fortune).random(draws))
        buyers = _stream(root, "elasticity", *(group if group in known else offer.key))
        slope = BelowZero.with_moments(told.elasticity, told.se).quantile(buyers.random(draws))
        prices = as_floats(offer.ladder)
        units[:, i, : len(prices)] = constant_elasticity(level, slope, forecast.reference, prices.tolist())
        evidence.append(
            Evidence(told.status, told.elasticity, told.se, told.reason, f"{forecast.model}, fit {version}")
        )
    return DemandCurves(tuple(o.id for o in offers), tuple(o.ladder for o in offers), units, tuple(evidence))


@dataclass(frozen=True, slots=True)
class _Told:
    status: Identification
    elasticity: float
    se: float
    reason: str


_GENERAL = BelowZero(GENERAL.mean, GENERAL.sd)

_UNKNOWN = _Told(
    Identification.NOT_IDENTIFIED,
    _GENERAL.mean,
    _GENERAL.sd,
    "There are no past sales of this product to these buyers to learn from.",
)


def _by_key(table: pd.DataFrame) -> tuple[dict[tuple[str, ...], _Told], tuple[str, ...]]:
    """Rows of the table by the values of the columns an offer has too."""
    by = tuple(name for name in _KEYS if name in table)
    rows = table[[*by, "status", "elasticity", "se", "reason"]].itertuples(index=False, name=None)
    known = {
        tuple(str(value) for value in row[: len(by)]): _Told(
            Identification(row[-4]), float(row[-3]), float(row[-2]), str(row[-1])
        )
        for row in rows
    }
    return known, by


def _stream(root: int, *names: str) -> np.random.Generator:
    """A stream of random numbers that depends on the root and these names only."""
    text = "\x1f".join(f"{len(name)}:{name}" for name in names)
    digest = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")
    return np.random.default_rng(np.random.SeedSequence((root, digest)))


def _base_draws(base: BaseDemand, u: Vector) -> Vector:
    """Gamma draws with the forecast's mean, and its interval's width where a gamma can have it [units]."""
    if not (base.mean > 0 and base.upper > base.lower):
        return np.full(len(u), base.mean)
    tails = np.array([(1 - base.level) / 2, (1 + base.level) / 2])
    relative = (base.upper - base.lower) / base.mean
    shape = max((2 * ndtri(tails[1]) / relative) ** 2, _SMALLEST_SHAPE)
    for _ in range(8):  # the width is nearly proportional to 1 / sqrt(shape), so this settles quickly
        low, high = gammaincinv(shape, tails) / shape
        shape = max(shape * float(((high - low) / relative) ** 2), _SMALLEST_SHAPE)
    return base.mean * gammaincinv(shape, u) / shape
