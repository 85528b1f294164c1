"""What an event will have sold when it starts: a mean of three methods, from what was known on one day.

Guarantees
----------
* Only what was known by the end of that day is used: events over by then, bookings and cancellations up to then.
* Where a method has nothing to learn from it is left out, and the name of the model says which were used.
"""

from dataclasses import dataclass

import numpy as np

from forecasting.bookings.history import Bookings, Vector
from forecasting.bookings.ladder import ladder
from forecasting.bookings.pickup import carried, ridge_pickup
from forecasting.bookings.similar import Traits, similar_pickup

COMBINATION, COLD_START, LADDER = "combination", "similar events", "chain ladder"
PARTS = np.array([1.0, 1.0, 4.0]) / 6
"""What the chain ladder, similar events and the regression count in the mean."""
ENOUGH_PAST = 3
"""Finished events from which pickups are regressed; with fewer only the chain ladder is used, once a sale has begun."""


@dataclass(frozen=True, eq=False)
class Outlook:
    """Final net units of one event as foreseen on one day.

    Attributes
    ----------
    mean : (G,) expected, were there no end of places [units]
    variance : (G,) variance of the final units, did bookings come and go one by one [units^2]
    on_hand : (G,) net units on that day [units]
    model : how it was made
    parts : what each method expects, (G,) each; `mean` is a mean of these, and of what was missed lately [units]
    """

    mean: Vector
    variance: Vector
    on_hand: Vector
    model: str
    parts: tuple[Vector, ...] = ()


def outlook(bookings: Bookings, traits: Traits, event: int, day: int) -> Outlook:
    """Foresee one event from the end of `day`."""
    lead = bookings.lead_of(event, day)
    over, started = bookings.finished(day), bookings.finished(day + lead)
    life = traits.half_life(over)
    on_hand = bookings.on_hand[event, :, lead]
    rates = traits.weights(event, slice(0, max(started, 1)), day, half_life=life)
    end, variance = ladder(bookings, event, day, weights=rates, size=traits.size)
    cold = bookings.first[event] >= day
    if over < (1 if cold else ENOUGH_PAST):
        return Outlook(end, variance, on_hand, LADDER)
    past = slice(0, over)
    size = traits.size[past, None]
    known = bookings.on_hand[past]
    stock = known[:, :, lead] / size
    pickup = (known[:, :, 0] + bookings.unmet[past, :, lead]) / size - stock
    own = float(traits.size[event])
    nearest = traits.nearest(event, past, day, half_life=life)
    alike = on_hand + own * similar_pickup(pickup, nearest)
    if cold:
        return Outlook((end + alike) / 2, variance, on_hand, COLD_START, (end, alike))
    ridge, missed = ridge_pickup(traits.design[past], stock, pickup, rates[past], (traits.design[event], on_hand / own))
    parts = (end, alike, on_hand + own * ridge)
    mean = PARTS @ np.array(parts) + own * carried(missed, traits.nearby(event, past))
    return Outlook(mean, variance, on_hand, COMBINATION, parts)
