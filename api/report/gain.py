"""What a proposal is expected to gain, with its risk, from the decisions alone.

Guarantees
----------
* Amounts of two currencies are never added.
* Risk is not understated by adding up: groups of offers are summed as if they all erred together.

A decision carries its group's mean gain and the share of posterior draws in which the group earns less. The normal
distribution with that mean and that share below zero gives the 80 % interval. Offers of one resource are a group;
their gains cannot be told apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from pricing.book import Decision, Verdict

_NORMAL = NormalDist()
Z80 = _NORMAL.inv_cdf(0.9)
LEAST_LOSS = 0.0025
"""No loss in any draw is read as one in 400, so that risk is never written as nothing."""


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

    @property
    def of_twenty(self) -> int:
        """Of 20 equally likely outcomes, how many earn less."""
        return round(20 * self.worse)

    @property
    def risk(self) -> str:
        """The same in words; what rounds to none is not written as none."""
        return f"{self.of_twenty} of 20" if self.of_twenty else "fewer than 1 of 20"


def gains(decisions: Sequence[Decision], resource_of: Mapping[str, str | None]) -> tuple[Gain, ...]:
    """One gain per currency in which a price moves.

    Parameters
    ----------
    resource_of : offer id -> the resource it draws on
    """
    groups: dict[tuple[str, str], list[Decision]] = {}
    for decision in decisions:
        resource = resource_of.get(decision.offer)
        name = f"resource {resource}" if resource else f"offer {decision.key}"
        groups.setdefault((decision.currency, name), []).append(decision)
    moving = {key: group for key, group in groups.items() if any(d.verdict is Verdict.MOVE for d in group)}
    currencies = sorted({currency for currency, _ in moving})
    return tuple(
        _total(currency, [group for (of, _), group in moving.items() if of == currency]) for currency in currencies
    )


def _total(currency: str, groups: Sequence[Sequence[Decision]]) -> Gain:
    mean = sum(_mean(group) for group in groups)
    spread = sum(_spread(group) for group in groups)
    worse = _NORMAL.cdf(-mean / spread) if spread > 0 else float(mean < 0)
    return Gain(currency, mean, mean - Z80 * spread, mean + Z80 * spread, worse)


def _mean(group: Sequence[Decision]) -> float:
    return sum(decision.gain for decision in group)


def _spread(group: Sequence[Decision]) -> float:
    """Standard deviation of the group's gain [currency]."""
    mean, loss = _mean(group), max(LEAST_LOSS, *(decision.loss_probability for decision in group))
    if mean > 0 and loss < 0.5:
        return mean / _NORMAL.inv_cdf(1 - loss)
    # Mean and chance of loss point different ways (a skewed posterior): the widest reading.
    return sum(d.then.revenue_high - d.then.revenue_low + d.now.revenue_high - d.now.revenue_low for d in group) / (
        2 * Z80
    )
