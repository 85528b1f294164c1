"""Booking limits above capacity, for buyers who cancel or do not come.

Guarantees
----------
* Costs are exact for binomial shows: every booking comes with the same chance, whatever its class, independently.
* `value_limit` is the last booking that earns at least what it is expected to cost; `service_limit` the last one with
  which turning anyone away is as rare as wanted.
* With every booking coming and a high cost, limits are those of `optimization.single_leg`.

Bookings are counted from the first sale to the last; who cancels on the way counts as one who does not come. That is
the static model of Talluri and van Ryzin (2004), sections 4.2 and 4.4: its limits are safe, and a little low where many
cancel early enough to be sold again; solve again as cancellations arrive.
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from optimization.single_leg import (
    Control,
    Counts,
    FareClasses,
    Vector,
    booking_limits,
    emsr_a,
    emsr_b,
    expected_revenue,
    optimal,
)
from pricing.errors import Finding, InputError

MOST_BOOKINGS = 200_000
"""Beyond this many a chance of coming so low is rather a mistake."""


@dataclass(frozen=True, slots=True)
class Shows:
    """Who comes, and what it costs when more come than fit.

    Attributes
    ----------
    show_up : chance that a booking comes [share]
    denied_cost : of turning one away who came: compensation, another ticket, goodwill [currency]
    refunded : share of its fare that a booking gets back in expectation, because it may be cancelled [share]

    Raises
    ------
    InputError
        with every finding.
    """

    show_up: float
    denied_cost: float
    refunded: float = 0.0

    def __post_init__(self) -> None:
        rules = {
            "show_up": (0 < self.show_up <= 1, "a chance of coming is above 0 and at most 1"),
            "denied_cost": (0 < self.denied_cost < np.inf, "turning someone away costs a positive amount"),
            "refunded": (0 <= self.refunded < 1, "the share refunded is from 0 up and below 1"),
        }
        if found := [Finding(reason, column=name) for name, (kept, reason) in rules.items() if not kept]:
            raise InputError(found)

    def denied(self, bookings: int, capacity: int) -> Vector:
        """Expected units turned away with 0..bookings booked [units].

        One more booking adds q P(Z(y - 1) >= capacity): it comes, and the others who come fill the place
        (Talluri and van Ryzin 2004, section 4.2).

        Returns
        -------
        (bookings + 1,) rising and convex
        """
        full = binom.sf(capacity - 1, np.arange(bookings), self.show_up)
        return np.concatenate([[0.0], self.show_up * np.cumsum(full)])

    def turned_away(self, bookings: int, capacity: int) -> float:
        """Chance that anyone is turned away [share]."""
        return float(binom.sf(capacity, bookings, self.show_up))


def value_limit(fare: float, shows: Shows, capacity: int) -> int:
    """Most bookings of which the last earns at least its expected cost [units].

    fare (1 - refunded) >= denied_cost q P(Z(y - 1) >= capacity), Littlewood's rule for bookings: the right side rises
    with y (Talluri and van Ryzin 2004, section 4.2).

    Parameters
    ----------
    fare : of the bookings between which there is no other choice [currency]

    Raises
    ------
    InputError
        where a booking that is turned away still earns more than it costs, so that no limit holds.
    """
    net, worst = fare * (1 - shows.refunded), shows.denied_cost * shows.show_up
    if net >= worst:
        reason = f"turning away costs {worst:.2f} a booking in expectation, less than a fare of {net:.2f} earns: no "
        raise InputError(
            Finding(f"{reason}limit would hold; count goodwill and the way home too", column="denied_cost")
        )
    bookings = range(capacity, _enough(shows, capacity))
    return capacity + bisect_left(
        bookings, x=True, key=lambda y: bool(worst * binom.sf(capacity - 1, y, shows.show_up) > net)
    )


def service_limit(shows: Shows, capacity: int, tolerance: float) -> int:
    """Most bookings with which anyone is turned away at most with this chance, P(Z(y) > capacity) <= tolerance [units].

    The service level of the first type of Talluri and van Ryzin (2004), section 4.2; `tolerance` is below 1.
    """
    bookings = range(capacity + 1, _enough(shows, capacity))
    return capacity + bisect_left(bookings, x=True, key=lambda y: shows.turned_away(y, capacity) > tolerance)


def _enough(shows: Shows, capacity: int) -> int:
    """A number of bookings of which practically always more come than fit."""
    mean = capacity + 10 * np.sqrt(capacity) + 50
    if mean / shows.show_up > MOST_BOOKINGS:
        reason = f"with a chance of coming of {shows.show_up:g} a capacity of {capacity} would be booked"
        raise InputError(Finding(f"{reason} more than {MOST_BOOKINGS:,} times", column="show_up"))
    return int(mean / shows.show_up)


def ends(shows: Shows, capacity: int, most: int) -> Vector:
    """What 0..most bookings not taken are worth: the cost that the taken ones do not have [currency].

    This is what `single_leg` needs to limit bookings instead of units: minus the cost of turning away those of
    `most - x` bookings who come and do not fit, concave in x.

    Returns
    -------
    (most + 1,)
    """
    return -shows.denied_cost * shows.denied(most, capacity)[::-1]


def net_revenue(classes: FareClasses, limits: Counts, shows: Shows, capacity: int) -> float:
    """What nested booking limits earn after refunds and the cost of turning away, exactly [currency].

    Parameters
    ----------
    limits : (n,) never rising; they may exceed the capacity [units]
    """
    return expected_revenue(classes.scaled(1 - shows.refunded), limits, ends(shows, capacity, int(limits[0])))


def optimal_limits(classes: FareClasses, shows: Shows, capacity: int, most: int | None = None) -> Control:
    """The booking limits that earn most, protection and overbooking decided together.

    The dynamic program of `single_leg.optimal` on bookings, ended by the cost of turning away instead of by zero
    (Talluri and van Ryzin 2004, section 4.4, with all cancellations at the end).

    Parameters
    ----------
    most : a limit that no number of bookings may exceed, from `service_limit`; by default only their value counts
    """
    seats = value_limit(float(classes.fare[0]), shows, capacity)
    seats = seats if most is None else min(seats, most)
    return optimal(classes.scaled(1 - shows.refunded), ends(shows, capacity, seats))


def effective_capacity(classes: FareClasses, shows: Shows, capacity: int) -> int:
    """Bookings to plan protection levels with: the value limit at the mean fare, weighted by demand [units]."""
    return value_limit(float(np.average(classes.fare, weights=classes.mean)), shows, capacity)


def for_certain(classes: FareClasses) -> Shows:
    """Everyone comes, and turning away costs more than any fare: no booking limit exceeds the capacity."""
    return Shows(1.0, 2 * float(classes.fare[0]))


def controls(classes: FareClasses, shows: Shows, capacity: int, most: int | None = None) -> dict[str, Control]:
    """Every rule for limits, with what it earns.

    `first-come` keeps nothing back, `littlewood` is for two classes, then `emsr-a`, `emsr-b` and `optimal`. All but the
    last protect units of the effective capacity.

    Parameters
    ----------
    most : a limit that no number of bookings may exceed, from `service_limit`
    """
    effective = effective_capacity(classes, shows, capacity)
    effective = effective if most is None else min(effective, most)
    littlewood = {"littlewood": emsr_b(classes)} if classes.size == 2 else {}
    nothing = {"first-come": np.zeros(classes.size - 1)}
    levels = nothing | littlewood | {"emsr-a": emsr_a(classes), "emsr-b": emsr_b(classes)}
    found = {rule: _control(classes, kept, effective, shows, capacity) for rule, kept in levels.items()}
    return found | {"optimal": optimal_limits(classes, shows, capacity, most)}


def _control(classes: FareClasses, levels: Vector, effective: int, shows: Shows, capacity: int) -> Control:
    limits = booking_limits(levels, effective)
    return Control(levels, limits, net_revenue(classes, limits, shows, capacity))
