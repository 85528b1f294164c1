"""What a fit expects day by day, as data that is kept beside it: sales are held against it without fitting again.

Guarantees
----------
* Over all days of an expectation, what is expected is what prices were decided on.
* The level of a forecast is never taken to be surer than `LEAST_SPREAD`.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from forecasting.pace import Pace
from pricing.learning import Expectation

LEAST_SPREAD = 0.1
"""No forecast of a horizon is trusted to better than 10 %; a fit that is so much off still prices well."""
MOST_SPREAD = 1.5
QUANTILE = 1.2816
"""Standard deviations from the mean to the ends of an 80 % interval of a normal distribution."""

Paces = Mapping[tuple[str, str, str], Pace]
"""By event, product and segment."""


def expectations(demand: pd.DataFrame, elasticities: pd.DataFrame, paces: Paces) -> tuple[Expectation, ...]:
    """Join demand over the horizon, price response and pace; what has no price, mean or pace is left out."""
    rows = elasticities[["product", "segment", "elasticity", "se"]].itertuples(index=False, name=None)
    response = {(str(product), str(segment)): (float(slope), float(se)) for product, segment, slope, se in rows}
    return tuple(_expectations(demand, response, paces))


def _expectations(
    demand: pd.DataFrame, response: Mapping[tuple[str, str], tuple[float, float]], paces: Paces
) -> Iterator[Expectation]:
    columns = ["event", "product", "segment", "channel", "mean", "lower", "upper", "reference"]
    for event, product, segment, channel, mean, lower, upper, reference in demand[columns].itertuples(index=False):
        pace = paces.get((event, product, segment))
        usable = np.isfinite([mean, lower, upper]).all() and mean > 0 and 0 < reference < np.inf
        if pace is None or not usable:
            continue
        slope, se = response[product, segment]
        yield Expectation(
            event=event,
            product=product,
            segment=segment,
            channel=channel,
            mean=float(mean),
            spread=_spread(float(mean), float(upper - lower), pace),
            reference=float(reference),
            elasticity=slope,
            se=se,
            noise=pace.noise,
            first=pace.first.date(),
            shares=tuple(float(share) for share in pace.shares.round(9)),
        )


def _spread(mean: float, width: float, pace: Pace) -> float:
    """Standard deviation of the log of the level: of the interval's width, what chance and noise do not explain."""
    chance = 1 / mean + pace.noise * float((pace.shares**2).sum())
    variance = (width / (2 * QUANTILE * mean)) ** 2 - chance
    return min(float(np.sqrt(np.log1p(max(variance, LEAST_SPREAD**2)))), MOST_SPREAD)
