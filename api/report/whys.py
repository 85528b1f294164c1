"""Why a price is what it is, beyond its reasons: what it rests on, and what else could have been done.

Guarantees
----------
* Every figure stands in the decision; nothing is worked out here.
* What is held without evidence says what it rests on, and gives no figures for other prices.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from api.report.numbers import decimal, difference, price, typeset, units, whole
from pricing.book import Decision
from pricing.outcome import Alternative, Gain, Otherwise


@dataclass(frozen=True, slots=True)
class Step:
    """A neighbouring step of the ladder, as written.

    Attributes
    ----------
    gain, between : against today's price, and its 80 % range
    """

    price: str
    units: str
    revenue: str
    margin: str
    gain: str
    between: str
    why_not: str


@dataclass(frozen=True, slots=True)
class Whys:
    """What a price rests on, and what else could have been done.

    Attributes
    ----------
    sentences : what is expected at today's price, what was in the way, and what would be if one thing were different
    steps : the neighbouring steps, the cheaper first
    model : what the demand was worked out by
    """

    sentences: tuple[str, ...]
    steps: tuple[Step, ...]
    model: str

    @property
    def costs(self) -> bool:
        """Whether margins are other than revenues, so that they are worth a column."""
        return any(step.margin != step.revenue for step in self.steps)


def whys(decision: Decision) -> Whys:
    """Of one decision."""
    why = decision.explanation
    steps = tuple(_step(side, decision.currency) for side in (why.lower, why.higher) if side)
    return Whys(tuple(map(typeset, _sentences(decision))), steps, typeset(decision.evidence.model))


def _sentences(decision: Decision) -> Iterator[str]:
    told, why = decision.evidence, decision.explanation
    yield (
        f"At today's price: {units(decision.now.units)} units (80% range {units(decision.now.units_low)} to "
        f"{units(decision.now.units_high)}). Elasticity {decimal(told.elasticity)}, standard error {decimal(told.se)}, "
        f"{told.status}."
    )
    if why.binding:
        yield f"In the way: {'; '.join(why.binding)}."
    if why.one_step_more:
        yield f"If the cap let it go one step further: {_otherwise(why.one_step_more, decision)}"
    if why.weaker_response:
        yield f"If buyers minded the price 20% less: {_otherwise(why.weaker_response, decision)}"


def _step(other: Alternative, currency: str) -> Step:
    then = other.outcome
    return Step(
        price=price(then.price, currency),
        units=units(then.units),
        revenue=whole(then.revenue, currency),
        margin=whole(other.margin, currency),
        gain=difference(other.gain.expected, currency),
        between=_range(other.gain, currency),
        why_not=typeset(f"Not chosen: it {other.why_not}."),
    )


def _otherwise(case: Otherwise, decision: Decision) -> str:
    if case.reason:
        return f"the price would be held, because {case.reason}."
    same = case.price == decision.allowed
    which = "the same price" if same else price(case.price, decision.currency)
    gain = f"{difference(case.gain.expected, decision.currency)} ({_range(case.gain, decision.currency)})"
    return f"{which}, {gain}."


def _range(gain: Gain, currency: str) -> str:
    return " to ".join(difference(end, currency) for end in (gain.low, gain.high))
