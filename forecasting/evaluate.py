"""Losses of a forecast, as pure functions of actual and forecast arrays of equal shape.

Guarantees
----------
* A loss of a perfect forecast is 0 (coverage: 1); a loss that would divide by zero is NaN, never an error.
* Lower is better, save for coverage and bias, whose aims are the level and zero.
"""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator > 0 else float("nan")


def wape(actual: Vector, mean: Vector) -> float:
    """Sum of absolute errors over the sum of actuals (weighted absolute percentage error)."""
    return _ratio(np.abs(actual - mean).sum(), np.abs(actual).sum())


def bias(actual: Vector, mean: Vector) -> float:
    """Sum of forecasts over the sum of actuals, less one; positive means forecasts are too high."""
    return _ratio((mean - actual).sum(), np.abs(actual).sum())


def naive_scale(history: Vector, season: int, power: int = 1) -> float:
    """Mean absolute (power 1) or squared (power 2) in-sample error of the seasonal-naive forecast.

    NaNs are passed over; a history not longer than a season is scaled by its last-value errors.
    """
    lag = season if history.size > season else 1
    errors = history[lag:] - history[:-lag]
    errors = errors[np.isfinite(errors)]
    return float(np.mean(np.abs(errors) ** power)) if errors.size else float("nan")


def mase(actual: Vector, mean: Vector, history: Vector, season: int) -> float:
    """Mean absolute error over that of the in-sample seasonal-naive forecast (Hyndman and Koehler 2006)."""
    return _ratio(float(np.abs(actual - mean).mean()), naive_scale(history, season))


def rmsse(actual: Vector, mean: Vector, history: Vector) -> float:
    """Root mean squared error over that of the in-sample last-value forecast (Makridakis et al. 2022)."""
    return float(np.sqrt(_ratio(float(np.square(actual - mean).mean()), naive_scale(history, 1, power=2))))


def pinball(actual: Vector, lower: Vector, upper: Vector, level: float) -> float:
    """Mean pinball loss of the two bounds, taken as the quantiles (1 - level) / 2 and (1 + level) / 2 [units]."""
    losses = [quantile_loss(actual, bound, q) for bound, q in ((lower, (1 - level) / 2), (upper, (1 + level) / 2))]
    return float(np.mean(losses))


def quantile_loss(actual: Vector, quantile: Vector, q: float) -> float:
    """Mean pinball loss of one quantile [units] (Koenker and Bassett 1978)."""
    error = actual - quantile
    return float(np.maximum(q * error, (q - 1) * error).mean())


def coverage(actual: Vector, lower: Vector, upper: Vector) -> float:
    """Share of the actuals inside [lower, upper]."""
    return float(((lower <= actual) & (actual <= upper)).mean())
