"""How far outlooks were off: past events foreseen again at the same leads, and what that says of coming ones.

Guarantees
----------
* Errors are of finished events, each foreseen as of a day before its start with what was known on that day.
* `0 <= lower <= mean <= upper`, and none above the places there are.

Errors are divided by the spread expected of bookings that come and go one by one, and of a pickup that is a share more
or less than foreseen, so that busy and quiet dates can share them. Quantiles are those of split conformal prediction
with weights: errors of like events, of the same season, and recent ones made with a year to learn from, count more
(Barber et al. 2023).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forecasting.bookings.combine import Outlook, outlook
from forecasting.bookings.history import Bookings, Vector
from forecasting.bookings.similar import YEAR, Traits

Progress = Callable[[int, int], None]
"""Called with work done and work in all."""

LEADS = np.unique(np.expm1(np.linspace(0, np.log1p(730), 28)).astype(np.int64))
"""Leads at which past events are foreseen again; always the same, so that one coming event says nothing of another."""
NEAREST = 3
"""How many of these say how far off a forecast at a lead is."""
EVENTS, SPAN = 64, 800
"""Events foreseen again at each lead, and days back from the last one."""
WARM_UP = 5
"""The first finished events only teach."""
ENOUGH = 100
"""Errors that make a quantile; the next lead lends what is missing."""
FEW = 8
"""With fewer errors than this, a guess takes their place."""
GUESS = np.linspace(-2.5, 2.5, 41)
"""Scaled errors assumed where too few events could be foreseen again: wide, so as not to claim what is not known."""
BARELY = 0.1
"""A whole number that a bound misses by no more than this is inside."""
COMMON = 0.3
"""Share by which all bookings still to come are more or less at once: what does not average out in a busy event."""
YOUNG = 0.1
"""What a recent error counts that was made with less than a year to learn from, beside one made later.

One of the same season counts in full all the same: it knows best how steady that season is."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Scaled errors of outlooks of finished events.

    Attributes
    ----------
    event, lead : (n,) which event was foreseen, and how many days before it started
    scaled : (n, G) final units less expected ones, over the scale
    """

    event: NDArray[np.int64]
    lead: NDArray[np.int64]
    scaled: Vector

    def near(self, lead: int) -> NDArray[np.int64]:
        """Which errors are of the leads nearest to this one: as many as make a quantile."""
        chosen = np.zeros(self.lead.size, bool)
        for near in nearest_leads(lead):
            if chosen.sum() < ENOUGH:
                chosen |= self.lead == near
        return np.flatnonzero(chosen)


@dataclass(frozen=True, eq=False)
class Bank:
    """Errors that may happen again, in rising order, and what share each has in all; each (n,)."""

    error: Vector
    share: Vector

    @classmethod
    def of(cls, error: Vector, weight: Vector) -> Self:
        """Sort errors."""
        order = np.argsort(error, kind="stable")
        return cls(error[order], weight[order] / weight.sum())

    def quantiles(self, level: float) -> Vector:
        """(2,) bounds that hold `level` of new errors; one more error than was seen is allowed for on either side."""
        number = 1.0 / float((self.share**2).sum())
        tail = max((1 - level) / 2 * (number + 1) - 0.5, 0.0) / number
        return np.interp([tail, 1 - tail], np.cumsum(self.share) - 0.5 * self.share, self.error)


def nearest_leads(lead: int) -> NDArray[np.int64]:
    """(NEAREST,) leads at which errors are taken for a lead, nearest first."""
    return LEADS[np.argsort(np.abs(np.log1p(LEADS) - np.log1p(lead)), kind="stable")[:NEAREST]]


def banks(found: Errors, traits: Traits, event: int, lead: int, day: int) -> list[Bank]:
    """One bank per group for a coming event: errors at like leads, those of like and recent events counting more."""
    near = found.near(lead)
    if near.size < FEW:
        return [Bank.of(GUESS, np.ones(GUESS.size))] * found.scaled.shape[1]
    past = found.event[near]
    history = traits.start[past] - found.lead[near] - traits.start[0]
    trust = np.where(history < YEAR, YOUNG, 1.0)
    half_life = traits.half_life(int(past.max()) + 1)
    weight = np.sqrt(traits.weights(event, past, day, half_life=half_life, trust=trust))
    return [Bank.of(error, weight) for error in found.scaled[near].T]


def scale(foreseen: Outlook) -> Vector:
    """(G,) what errors are measured in [units]."""
    common = COMMON * (foreseen.mean - foreseen.on_hand)
    return np.asarray(np.sqrt(1.0 + foreseen.variance + common**2))


def errors(bookings: Bookings, traits: Traits, leads: Sequence[int], progress: Progress | None = None) -> Errors:
    """Foresee finished events again, as of about `leads` days before they started."""
    wanted_leads = sorted({int(near) for lead in set(leads) for near in nearest_leads(lead)})
    work = [(event, lead) for lead in wanted_leads for event in _sample(bookings, lead)]
    found = np.zeros((len(work), len(bookings.keys)))
    for i, (event, lead) in enumerate(work):
        day = int(bookings.start[event]) - lead
        foreseen = outlook(bookings, traits, event, day)
        wanted = bookings.final[event] + bookings.unmet[event, :, bookings.lead_of(event, day)]
        found[i] = (wanted - foreseen.mean) / scale(foreseen)
        if progress:
            progress(i + 1, len(work))
    of, leads_of = (np.array([item[part] for item in work], np.int64) for part in (0, 1))
    return Errors(of, leads_of, found)


def _sample(bookings: Bookings, lead: int) -> list[int]:
    """Finished events to foresee again, spread over the recent past; enough must have been over by then."""
    over = bookings.finished(bookings.today)
    start = bookings.start[:over]
    if not over:
        return []
    known = np.searchsorted(start, start - lead, side="right") >= WARM_UP
    usable = np.flatnonzero(known & (start > start[-1] - SPAN))
    return (
        [int(i) for i in usable[np.unique(np.linspace(0, usable.size - 1, EVENTS).astype(int))]] if usable.size else []
    )


def bounds(
    foreseen: Outlook, found: Sequence[Bank], room: Vector, level: float, *, counts: bool
) -> tuple[Vector, Vector, Vector]:
    """Mean, lower and upper final units of each group, between 0 and the room there is.

    Parameters
    ----------
    found : errors that may happen again, one bank per group
    room : (G,) most that can be sold [units]
    counts : whether units are whole, so that bounds are too
    """
    rows = [
        _bounded(float(m), float(s), bank, float(most), level, counts=counts)
        for m, s, bank, most in zip(foreseen.mean, scale(foreseen), found, room, strict=True)
    ]
    mean, lower, upper = np.array(rows).T
    return mean, lower, upper


def _bounded(
    mean: float, spread: float, bank: Bank, room: float, level: float, *, counts: bool
) -> tuple[float, float, float]:
    """Expected units once demand is cut at the room, and the bounds."""
    limits = mean + spread * bank.quantiles(level)
    outcomes = mean + spread * (bank.error - bank.share @ bank.error)
    over = bank.share @ np.maximum(outcomes - room, 0.0) if np.isfinite(room) else 0.0
    expected = min(max(mean - float(over), 0.0), room)
    if counts:  # rounding to the nearest would let in half a unit on either side
        limits = np.array([np.ceil(limits[0] - BARELY), np.floor(limits[1] + BARELY)])
    lower, upper = np.clip(limits, 0.0, room) + 0.0  # no negative zero
    return expected, min(float(lower), expected), max(float(upper), expected)
