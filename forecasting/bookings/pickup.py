"""Pickup regression: what an event still sells from a lead on, from its traits and the units on hand.

Guarantees
----------
* The prediction is finite, however few events there are: features are shrunk to the weighted mean.
* What the regression missed lately is carried on to dates nearby, and dies away with distance.
"""

import numpy as np

from forecasting.bookings.history import Vector

RIDGE = 4.0
"""Each standardized feature is shrunk as if this many (effective) events had shown no effect of it."""
FARTHEST = 3.0
"""An event further from the mean than this many standard deviations is taken to be this far."""
ENOUGH_NEAR = 4.0
"""Events at the same date whose common miss would be believed by half."""


def ridge_pickup(
    design: Vector, on_hand: Vector, pickup: Vector, weights: Vector, own: tuple[Vector, Vector]
) -> tuple[Vector, Vector]:
    """Weighted ridge regression of pickup, for every group at once.

    Parameters
    ----------
    design : (n, k) traits of past events
    on_hand : (n, G) units they had on hand at this lead
    pickup : (n, G) units they still sold, net
    weights : (n,) what each counts
    own : (k,) traits and (G,) units on hand of the event to forecast

    Returns
    -------
    (G,) expected pickup, and (n, G) what past events picked up beyond what the regression says of them [units]
    """
    share = weights / weights.sum()
    penalty = RIDGE * float((share**2).sum())  # one over the effective number of events
    x, at = _standardized(design, own[0][None, :], share)
    stock, own_stock = _standardized(on_hand, own[1][None, :], share)
    mean = share @ pickup
    weighted = x * share[:, None]
    gram = np.zeros((x.shape[1] + 1, x.shape[1] + 1))
    gram[:-1, :-1] = weighted.T @ x
    cross, moments = weighted.T @ stock, weighted.T @ (pickup - mean)
    square, covariance = share @ stock**2, share @ (stock * (pickup - mean))
    out, missed = np.empty(mean.size), np.empty_like(pickup)
    for group in range(mean.size):
        gram[:-1, -1] = gram[-1, :-1] = cross[:, group]
        gram[-1, -1] = square[group]
        slopes = np.linalg.solve(gram + penalty * np.eye(gram.shape[0]), [*moments[:, group], covariance[group]])
        out[group] = mean[group] + np.append(at[0], own_stock[0, group]) @ slopes
        missed[:, group] = pickup[:, group] - mean[group] - x @ slopes[:-1] - stock[:, group] * slopes[-1]
    return out, missed


def carried(missed: Vector, near: Vector) -> Vector:
    """(G,) what of (n, G) misses of past events is to be expected again, given how near they are, (n,) up to 1 each.

    The mean, as if `ENOUGH_NEAR` more events at the same date had been foreseen exactly.
    """
    return np.asarray(near @ missed / (near.sum() + ENOUGH_NEAR))


def _standardized(values: Vector, own: Vector, share: Vector) -> tuple[Vector, Vector]:
    """Past values and the event's own, centred and scaled by the past ones; a constant becomes 0."""
    centre = share @ values
    spread = np.sqrt(share @ (values - centre) ** 2)
    scale = np.where(spread > 1e-9, spread, np.inf)
    return (values - centre) / scale, np.clip((own - centre) / scale, -FARTHEST, FARTHEST)
