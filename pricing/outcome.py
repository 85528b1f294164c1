"""What is expected at a price, what a change of prices gains, and what else could have been done: values.

Guarantees
----------
* An interval and a probability are read off joint draws; nothing is assumed about their shape, and nothing is cut off.
* What is held without evidence has no alternatives: figures nobody can vouch for are not given.
* No risk is ever written as nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

ENDS = (0.1, 0.9)
"""Quantiles between which an 80 % interval lies."""


def of_twenty(probability: float) -> int:
    """How many of 20 equally likely outcomes."""
    return round(20 * probability)


def in_twenty(probability: float) -> str:
    """The same in words; what rounds to none is not written as none."""
    return f"{of_twenty(probability)} of 20" if of_twenty(probability) else "fewer than 1 of 20"


@dataclass(frozen=True, slots=True)
class Span:
    """A mean over draws and its 80 % interval."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, draws: Vector) -> Self:
        """Of (draws,) values."""
        low, high = np.quantile(draws, ENDS)
        return cls(float(draws.mean()), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is expected over the horizon at one price; intervals are 80 % unless said otherwise.

    Attributes
    ----------
    units, units_low, units_high : [units], not above what the resource can still serve
    revenue, revenue_low, revenue_high : [currency]
    """

    price: Decimal
    units: float
    units_low: float
    units_high: float
    revenue: float
    revenue_low: float
    revenue_high: float

    @classmethod
    def of(cls, price: Decimal, units: Vector) -> Self:
        """Of (draws,) units sold at a price."""
        sold, each = Span.of(units), float(price)
        return cls(price, sold.mean, sold.low, sold.high, each * sold.mean, each * sold.low, each * sold.high)


@dataclass(frozen=True, slots=True)
class Gain:
    """What one choice of prices earns more than another, in what is maximised, over joint draws of demand.

    Attributes
    ----------
    expected, low, high : mean and 80 % interval [currency over the horizon]
    loss_probability : share of draws in which it earns less
    """

    expected: float
    low: float
    high: float
    loss_probability: float

    @classmethod
    def of(cls, difference: Vector) -> Self:
        """Of (draws,) differences [currency]."""
        span = Span.of(difference)
        return cls(span.mean, span.low, span.high, float((difference < 0).mean()))

    @property
    def less(self) -> int:
        """Of 20 equally likely outcomes, how many earn less."""
        return of_twenty(self.loss_probability)

    @property
    def risk(self) -> str:
        """Of 20 equally likely outcomes, how many earn less, in words."""
        return in_twenty(self.loss_probability)


@dataclass(frozen=True, slots=True)
class TotalGain:
    """What all moves of a proposal gain together, in one currency: those of an event, or all (`event` is None)."""

    currency: str
    event: str | None
    gain: Gain


def total_gains(changes: Iterable[tuple[str, str, Vector]]) -> Iterator[TotalGain]:
    """What all moves gain together, draw by draw: by currency over all, then by event.

    Parameters
    ----------
    changes : (currency, event, (draws,) what the moves of its offers change [currency])
    """
    known = list(changes)
    for currency in sorted({currency for currency, _, _ in known}):
        own = [(event, change) for of, event, change in known if of == currency]
        yield TotalGain(currency, None, Gain.of(np.sum([change for _, change in own], axis=0)))
        for event in sorted({event for event, _ in own}):
            yield TotalGain(currency, event, Gain.of(np.sum([each for of, each in own if of == event], axis=0)))


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another price for an offer, every other price being as proposed.

    Attributes
    ----------
    margin : expected units times price less unit cost [currency over the horizon]
    gain : over keeping the price in force
    why_not : why it was not chosen, in words
    """

    outcome: Outcome
    margin: float
    gain: Gain
    why_not: str


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What would be decided for an offer if one thing were different, every other price being as proposed.

    Attributes
    ----------
    price : best then
    gain : over keeping the price in force, if things were so
    reason : why the price must be held then, in words; empty if it need not
    """

    price: Decimal
    gain: Gain
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an offer has its price, as data; demand, evidence and shadow price stand in the decision itself.

    Attributes
    ----------
    acted : names of the guard rails that took away a price within reach, or held the price (docs/guardrails.md)
    binding : the rules and resources that stand in the way, in words
    lower, higher : the neighbouring steps of the ladder; None at its end, or where the evidence allows no figures
    one_step_more : if the cap that stopped the price let it go one step further; None if none stopped it
    weaker_response : if the elasticity were 20 % weaker; None where the evidence allows no figures
    """

    binding: tuple[str, ...] = ()
    lower: Alternative | None = None
    higher: Alternative | None = None
    one_step_more: Otherwise | None = None
    weaker_response: Otherwise | None = None
    acted: tuple[str, ...] = ()


UNEXPLAINED = Explanation()
"""Where nothing more is known than what the decision says."""
