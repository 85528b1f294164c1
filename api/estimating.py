"""From a fit to what is told of it over HTTP (`api.estimates`).

Guarantees
----------
* Over all its days a forecast is the one that prices were decided on.
* The interval of a day holds what can be known of its sales: how sure the level is, what days differ by, and chance in
  counting.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime

import msgspec
import numpy as np
import pandas as pd

from api.estimates import Estimates, Response, Series
from api.goods import LEVEL, count_interval
from pricing.learning import Expectation, Key


def estimates_of(
    version: str,
    fitted_at: datetime | None,
    elasticities: pd.DataFrame,
    demand: pd.DataFrame,
    expected: Sequence[Expectation],
) -> Estimates:
    """What a fit says.

    Parameters
    ----------
    elasticities, demand, expected : as `api.fitting.Fit` has them
    """
    columns = ["event", "product", "segment", "channel", "model"]
    models = {tuple(row[:4]): str(row[4]) for row in demand[columns].itertuples(index=False, name=None)}
    series = [_series(each, models) for each in expected]
    responses = [_response(row) for row in elasticities[list(Response.__struct_fields__)].to_dict("records")]
    return Estimates(
        version,
        fitted_at,
        LEVEL,
        tuple(sorted(series, key=lambda each: each.key)),
        tuple(sorted(responses, key=lambda each: each.key)),
    )


def _series(expected: Expectation, models: Mapping[Key, str]) -> Series:
    """Sales of day d have mean m = mean * share[d] and variance m + m ** 2 * (e ** spread ** 2 * (1 + noise) - 1)."""
    mean = expected.mean * np.asarray(expected.shares)
    excess = np.exp(expected.spread**2) * (1 + expected.noise) - 1
    low, high = count_interval(np.maximum(mean, 1e-9), np.maximum(mean + excess * mean**2, 1e-9))
    return Series(
        *expected.key,
        models[expected.key],
        expected.reference,
        expected.first,
        *(tuple(each.round(4).tolist()) for each in (mean, np.minimum(low, mean), np.maximum(high, mean))),
    )


def _response(row: Mapping[Hashable, object]) -> Response:
    """A number that is none is told as such; JSON has no NaN."""
    known = {
        name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in row.items()
    }
    return msgspec.convert(known, Response)
