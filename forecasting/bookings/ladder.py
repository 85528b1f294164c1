"""Chain ladder of bookings: what is on hand survives with cancellation hazards, and new bookings come, lead by lead.

Guarantees
----------
* The units expected are finite and at least 0; those on hand never fall below 0 on the way.
* Running events teach the leads they have passed; one that has not sold yet is not on sale, unless events are small.

On hand at the end of lead d: x[d] = x[d + 1] (1 - c[d]) + b[d], with cancellation hazard c and new bookings b, so that
x[0] = x[h] S(h) + sum over d < h of b[d] S(d), with S(d) the product over k < d of 1 - c[k] (Mack 1993 has the chain
ladder of multiplicative development; new bookings here do not grow with those on hand). Were bookings independent,
those on hand would stay like the heads of x[h] coins that fall so with S(h), and new ones would be a Poisson count.
"""

from functools import partial

import numpy as np

from forecasting.bookings.history import Bookings, Vector

HAZARD_PRIOR = 20.0
"""A cell's hazard counts as many units as this at the hazard of all cells."""


def ladder(bookings: Bookings, event: int, day: int, *, weights: Vector, size: Vector) -> tuple[Vector, Vector]:
    """Expected final units of one event, and their variance, by group.

    Parameters
    ----------
    event, day : which event, foreseen from the end of which day
    weights : (n,) what each of the first n events counts
    size : (E,) what units are divided by

    Returns
    -------
    (G,) final net units [units], and (G,) their variance, did bookings come and go one by one [units^2]
    """
    n, lead = weights.size, bookings.lead_of(event, day)
    fresh, hazard = _rates(bookings, day, lead, weights, size[:n])
    stay = np.cumprod(np.hstack([np.ones((hazard.shape[0], 1)), 1 - hazard]), axis=1)
    have = np.maximum(bookings.cells_on_hand[event, :, lead], 0.0)
    new = fresh * size[event]
    kept = (new * stay[:, :-1]).sum(axis=1)
    end = have * stay[:, -1] + kept
    variance = have * stay[:, -1] * (1 - stay[:, -1]) + kept
    return _by_group(bookings, end), _by_group(bookings, variance)


def _by_group(bookings: Bookings, cells: Vector) -> Vector:
    return np.bincount(bookings.group, cells, len(bookings.keys)).astype(np.float64)


def _rates(bookings: Bookings, day: int, lead: int, weights: Vector, size: Vector) -> tuple[Vector, Vector]:
    """(C, lead) new bookings of an event of size 1, and cancellation hazards, at leads 0 ... lead - 1."""
    over = bookings.finished(day)
    running = bookings.start[over : weights.size, None]
    on_sale = bookings.small | (bookings.first[over : weights.size, None] <= day)
    passed = weights[over:, None] * on_sale * (np.arange(lead)[None, :] >= running - day)
    seen = weights[:over].sum() + passed.sum(axis=0)
    total = partial(_total, weights=weights[:over], passed=passed, cells=len(bookings.group))
    fresh = _filled(total(bookings.wanted, scale=1.0 / size), seen)
    lost, at_risk = _spread(total(bookings.gone)), _spread(total(bookings.at_risk))
    common = lost.sum(axis=0) / np.maximum(at_risk.sum(axis=0), 1e-9)
    # As if so many units of an average event had been lost like those of all cells.
    strength = HAZARD_PRIOR * seen / (over + np.broadcast_to(on_sale, running.shape).sum())
    hazard = (lost + strength * common) / np.maximum(at_risk + strength, 1e-9)
    return fresh, np.clip(hazard, 0.0, 1.0)


def _total(by_lead: Vector, *, weights: Vector, passed: Vector, cells: int, scale: Vector | None = None) -> Vector:
    """(C, lead) weighted sum over finished events, and over running ones at the leads they have passed."""
    over, n, lead = weights.size, weights.size + len(passed), passed.shape[1]
    if scale is not None:
        weights, passed = weights * scale[:over], passed * scale[over:n, None]
    total = (weights @ by_lead[:over, : lead * cells]).reshape(lead, cells)
    total += np.einsum("ed,edc->dc", passed, by_lead[over:n, : lead * cells].reshape(len(passed), lead, cells))
    return np.asarray(total.T)


def _filled(total: Vector, seen: Vector) -> Vector:
    """Means by lead; a lead that no event has passed yet takes the mean of all that were."""
    known = seen > 1e-9
    if not known.any():
        return np.zeros_like(total)
    mean = total.sum(axis=1, keepdims=True) / seen.sum()
    return np.where(known, total / np.where(known, seen, 1.0), mean)


def _spread(values: Vector) -> Vector:
    """Sums over neighbouring leads, wider further out, where hazards are small and change slowly."""
    lead = np.arange(values.shape[-1])
    width = lead // 5
    low, high = np.maximum(lead - width, 0), np.minimum(lead + width + 1, lead.size)
    sums = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    return np.asarray((sums[..., high] - sums[..., low]) / (high - low))
