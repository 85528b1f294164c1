"""What a proposal is expected to gain, with its risk, as it was worked out when it was made.

Guarantees
----------
* Amounts of two currencies are never added.
* A range is that of the sum over joint draws of all demand, not a sum of ranges; no risk is ever written as nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pricing.outcome import TotalGain, in_twenty


@dataclass(frozen=True, slots=True)
class Gain:
    """Expected difference, in what is maximised, between recommended prices and those in force.

    Attributes
    ----------
    expected, low, high : mean and 80 % interval [currency over the horizon]
    worse : probability of earning less
    """

    currency: str
    expected: float
    low: float
    high: float
    worse: float

    @classmethod
    def of(cls, total: TotalGain) -> Self:
        """One of a proposal's gains."""
        gain = total.gain
        return cls(total.currency, gain.expected, gain.low, gain.high, gain.loss_probability)

    @property
    def of_twenty(self) -> int:
        """Of 20 equally likely outcomes, how many earn less."""
        return round(20 * self.worse)

    @property
    def risk(self) -> str:
        """The same in words."""
        return in_twenty(self.worse)


def gains(totals: Sequence[TotalGain], event: str | None) -> tuple[Gain, ...]:
    """One gain per currency in which a price moves: of an event's offers, or of all (None)."""
    return tuple(Gain.of(total) for total in totals if total.event == event)
