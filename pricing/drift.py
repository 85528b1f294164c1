"""Whether sales still fit what was expected of them, asked every day without crying wolf.

Guarantees
----------
* If demand is as the fit draws it, the chance that the evidence ever reaches 1 / alpha is at most alpha, however often
  one looks and whenever one stops (Ville's inequality).
* Nothing is concluded from days on which nothing was expected.

The evidence is a ratio of likelihoods. Its denominator is what the fit says: means per day, drawn from its posterior,
and negative binomial counts around them. Its numerator says the same until a day nobody knows, and from then on means
that are larger or smaller by a factor nobody knows; both are averaged over with weights that add up to 1. Such a
mixture is a test martingale if the denominator is true (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021; the
mixture over the day of change is Shiryaev's 1963).
"""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

SEASON = 90
"""A change is looked for on each of so many days from the start [days]."""
FROM_THE_START = 0.5
"""Weight on a fit that was off from its first day; the rest is spread evenly over the days that follow."""
SHIFTS = (0.3, 0.5, 0.65, 0.8, 1.25, 1.55, 2.0, 3.3)
"""Factors by which demand may have changed, all equally likely."""


def evidence(sold: Vector, means: Matrix, noise: Vector) -> Vector:
    """Log of how much better "something changed" explains the sales up to each day than "all is as drawn".

    Parameters
    ----------
    sold : (days,) [units]
    means : (draws, days) expected units in each draw from the posterior [units]
    noise : (days,) squared coefficient of variation of a day's demand around its mean, above 0

    Returns
    -------
    (days,) natural logs
    """
    as_drawn = np.cumsum(_log_likelihood(sold, means, noise), axis=1)
    changed = np.stack([_log_likelihood(sold, factor * means, noise) for factor in SHIFTS])
    before = np.concatenate([np.zeros((len(means), 1)), as_drawn[:, :-1]], axis=1)
    found, weights = np.full(changed.shape[:2], -np.inf), _weights(len(sold))
    answer = np.empty(len(sold))
    for day, weight in enumerate(weights):
        began_today = np.log(weight) + before[:, day] if weight > 0 else np.full(len(means), -np.inf)
        found = np.logaddexp(found, began_today) + changed[:, :, day]
        ratio = _log_mean(found) - _log_mean(as_drawn[:, day])
        answer[day] = np.logaddexp(ratio, np.log(max(1 - weights[: day + 1].sum(), 1e-300)))
    return answer


def _weights(days: int) -> Vector:
    """(days,) prior weight of a change on each day."""
    weights = np.zeros(max(days, SEASON))
    weights[:SEASON] = (1 - FROM_THE_START) / (SEASON - 1)
    weights[0] = FROM_THE_START
    return weights[:days]


def _log_likelihood(sold: Vector, means: Matrix, noise: Vector) -> Matrix:
    """Negative binomial, without the terms that do not depend on the mean; alike for all where nothing is expected."""
    size, known = 1 / noise, np.where(means > 0, means, 1.0)
    return np.asarray(sold * np.log(known / (size + known)) - size * np.log1p(known / size))


def _log_mean(logs: Matrix) -> float:
    top = logs.max()
    return float(top + np.log(np.exp(logs - top).mean()))
