"""Protection levels of one resource: how much of it to keep back for buyers who pay more.

Guarantees
----------
* Levels never fall from one class to the next, limits never rise; with two classes EMSR-a and EMSR-b are Littlewood's
  rule.
* What limits earn is exact for the demand that is assumed (rounded normals, classes that book one after the other from
  the cheapest on), and no limits earn more than `optimal`'s.
* Fares and demand that cannot be nested are refused, every finding with its place.

Sources: Littlewood (1972); Belobaba (1987, 1992); Talluri and van Ryzin (2004), sections 2.2 and 2.2.4.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.signal import convolve
from scipy.special import ndtr, ndtri

from pricing.errors import Finding, InputError

Vector = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class FareClasses:
    """Nested fare classes, dearest first, with the demand still to come.

    Attributes
    ----------
    fare : (n,) price of a unit [currency], falling strictly
    mean, sd : (n,) of normal demand, independent between classes [units]

    Raises
    ------
    InputError
        with every finding; usually classes are not sorted from dear to cheap, or two cost the same and are one.
    """

    fare: Vector
    mean: Vector
    sd: Vector

    def __post_init__(self) -> None:
        if not self.fare.shape == self.mean.shape == self.sd.shape == (self.fare.size,) or not self.fare.size:
            raise InputError(Finding("fare, mean and sd are not lists of the same length", column="classes"))
        if found := [Finding(reason, column=f"classes[{n}].{name}") for n, name, reason in self._faults()]:
            raise InputError(found)

    def _faults(self) -> Iterator[tuple[int, str, str]]:
        for n, (fare, mean, sd) in enumerate(zip(self.fare, self.mean, self.sd, strict=True)):
            if not 0 < fare < np.inf:
                yield n, "fare", "a fare is a positive number"
            if n and fare >= self.fare[n - 1]:
                yield n, "fare", "this is not below the fare before it: sort classes from dear to cheap, merge equals"
            if not 0 < mean < np.inf:
                yield n, "mean", "mean demand is a positive number: leave out a class that nobody asks for"
            if not 0 <= sd < np.inf:
                yield n, "sd", "a standard deviation is a number from 0 up"

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self.fare.size)

    def at_least(self, most: int) -> Vector:
        """Chances that 0..most units or more of each class are asked for, normals rounded to whole units.

        Returns
        -------
        (n, most + 1)
        """
        beyond = self.mean[:, None] + 0.5 - np.arange(most + 1)
        chance = ndtr(beyond / np.maximum(self.sd, 1e-9)[:, None])  # demand without spread is a step
        chance[:, 0] = 1.0
        return chance

    def scaled(self, share: float) -> Self:
        """The same classes, of whose fares only a share is kept."""
        return type(self)(self.fare * share, self.mean, self.sd)


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """Who may still book.

    Attributes
    ----------
    levels : (n - 1,) level j: units kept for classes 0..j against class j + 1 [units]
    limits : (n,) a class may book while fewer units than this are booked in all [units]
    revenue : what the limits earn in expectation [currency]
    """

    levels: Vector
    limits: Counts
    revenue: float


@dataclass(frozen=True, slots=True)
class RevenueOpportunity:
    """What a departure could have earned, and did: knowing demand, without any limit, with the limits it had.

    Attributes
    ----------
    perfect, none, realised : [currency]
    """

    perfect: float
    none: float
    realised: float

    @property
    def share(self) -> float:
        """How much of what control could have added it did add; 1 where there was nothing to add."""
        possible = self.perfect - self.none
        return (self.realised - self.none) / possible if possible > 0 else 1.0


def littlewood(high: float, low: float, mean: float, sd: float) -> float:
    """Units to keep for a fare of `high` against one of `low` [units].

    One more is kept while it earns more in expectation than the low fare, P(D > y) high > low (Littlewood 1972).
    """
    return max(0.0, float(mean - sd * ndtri(low / high)))


def emsr_a(classes: FareClasses) -> Vector:
    """EMSR-a levels: each class above is protected on its own, and the parts are added (Belobaba 1987).

    Returns
    -------
    (n - 1,) [units]
    """
    fare, mean, sd = classes.fare, classes.mean, classes.sd
    return np.array([sum(map(littlewood, fare[:j], repeat(fare[j]), mean[:j], sd[:j])) for j in range(1, classes.size)])


def emsr_b(classes: FareClasses) -> Vector:
    """EMSR-b levels: the classes above are one, at their mean fare weighted by demand (Belobaba 1992).

    Returns
    -------
    (n - 1,) [units]
    """
    mean, sd = np.cumsum(classes.mean), np.sqrt(np.cumsum(classes.sd**2))
    fare = np.cumsum(classes.fare * classes.mean) / mean
    levels = [littlewood(fare[j], low, mean[j], sd[j]) for j, low in enumerate(classes.fare[1:])]
    return np.maximum.accumulate(np.array(levels))


def booking_limits(levels: Vector, capacity: int) -> Counts:
    """Limits that whole units allow: each level rounded to the nearest.

    Nearest is Littlewood's answer for rounded normals, because they are at least k where the normal is k - 1/2 or more.

    Returns
    -------
    (n,) never rising [units]
    """
    kept = np.floor(np.concatenate([[0.0], levels]) + 0.5)
    return np.maximum(capacity - kept, 0).astype(np.int64)


def expected_revenue(classes: FareClasses, limits: Counts, left: Vector) -> float:
    """What limits earn in expectation, when the cheapest class books first and the dearest last.

    Parameters
    ----------
    classes : what is asked for
    limits : (n,) never rising, at most the number of units [units]
    left : (units + 1,) what 0..units are worth that are left in the end; zeros where they perish [currency]
    """
    at_least, value = classes.at_least(left.size - 1), left
    for j in range(classes.size):
        value = _before(value, classes.fare[j], at_least[j], left.size - 1 - int(limits[j]))
    return float(value[-1])


def optimal(classes: FareClasses, left: Vector) -> Control:
    """The limits that earn most: a unit is kept while it is worth more later than the fare (dynamic programming).

    V_j(x) = E max over u <= min(D_j, x) of fare_j u + V_{j-1}(x - u); the best u leaves y_j units, the number of x
    with V_{j-1}(x) - V_{j-1}(x - 1) > fare_j, because V_{j-1} is concave (Talluri and van Ryzin 2004, section 2.2.2).

    Parameters
    ----------
    classes : what is asked for
    left : (units + 1,) concave: what 0..units are worth that are left in the end [currency]
    """
    at_least, value, kept = classes.at_least(left.size - 1), left, []
    for j in range(classes.size):
        kept.append(int(np.count_nonzero(np.diff(value) > classes.fare[j])))
        value = _before(value, classes.fare[j], at_least[j], kept[-1])
    levels = np.array(kept)
    return Control(levels[1:].astype(np.float64), (left.size - 1 - levels).astype(np.int64), float(value[-1]))


def _before(after: Vector, fare: float, at_least: Vector, kept: int) -> Vector:
    """Value of 0..units before a class books, from their value after it, when it must leave `kept` of them."""
    room = after.size - 1 - kept
    reached = at_least[1 : room + 1]
    asked = np.trim_zeros(-np.diff(at_least[: room + 1]), "b")
    partly = convolve(asked, after[kept + 1 :])[:room] if asked.size and room else np.zeros(room)
    return np.concatenate([after[: kept + 1], fare * np.cumsum(reached) + partly + reached * after[kept]])


def partitioned(classes: FareClasses, capacity: int) -> tuple[Counts, float]:
    """Units set aside for each class alone, and what they earn: each goes where it earns most, fare_j P(D_j >= k).

    Returns
    -------
    (n,) units, and their revenue [currency]; the distance to `optimal` is what nesting is worth
    """
    worth = classes.fare[:, None] * classes.at_least(capacity)[:, 1:]
    best = np.argsort(-worth, axis=None, kind="stable")[:capacity]
    return np.bincount(best // max(capacity, 1), minlength=classes.size), float(worth.flat[best].sum())


def hindsight(classes: FareClasses, capacity: int) -> float:
    """What someone earns in expectation who knows demand before selling [currency]: no limits reach it.

    The dearest first, sum over j of (fare_j - fare_{j+1}) E min(D_0 + ... + D_j, capacity).
    """
    drops = classes.fare - np.append(classes.fare[1:], 0.0)
    total, earned = np.ones(1), 0.0
    for drop, at_least in zip(drops, classes.at_least(capacity), strict=True):
        total = convolve(total, -np.diff(at_least))[:capacity]
        earned += drop * float(np.sum(1 - np.cumsum(total)))
    return earned


def opportunity(fare: Vector, demand: Vector, limits: Vector) -> RevenueOpportunity:
    """Perfect, uncontrolled and realised revenue of one departure whose demand is known now (Smith et al. 1992).

    Parameters
    ----------
    fare : (n,) dearest first [currency]
    demand : (n,) what each class asked for, the cheapest first in time [units]
    limits : (n,) nested booking limits; the first is the capacity [units]
    """
    dear_first = np.diff(np.minimum(np.cumsum(demand), limits[0]), prepend=0.0)
    uncontrolled = _booked(demand, np.full_like(limits, limits[0]))
    return RevenueOpportunity(
        float(fare @ dear_first), float(fare @ uncontrolled), float(fare @ _booked(demand, limits))
    )


def _booked(demand: Vector, limits: Vector) -> Vector:
    """Units each class books, the cheapest first."""
    booked, taken = np.zeros_like(demand), 0.0
    for j in range(demand.size - 1, -1, -1):
        booked[j] = max(0.0, min(demand[j], limits[j] - taken))
        taken += booked[j]
    return booked
