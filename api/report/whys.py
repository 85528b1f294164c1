"""Why a price is what it is, beyond its reasons: what it rests on, and what else could have been done, in sentences.

Guarantees
----------
* Every figure stands in the decision; nothing is worked out here.
* What is held without evidence says what it rests on, and gives no figures for other prices.
"""

from collections.abc import Iterator

from api.report.numbers import decimal, difference, price, typeset, units, whole
from pricing.book import Decision
from pricing.outcome import Alternative, Gain, Otherwise


def whys(decision: Decision) -> tuple[str, ...]:
    """One sentence each, what the price rests on first."""
    return tuple(map(typeset, _sentences(decision)))


def _sentences(decision: Decision) -> Iterator[str]:
    told, why, currency = decision.evidence, decision.explanation, decision.currency
    yield (
        f"Demand at today's price: {units(decision.now.units)} units (80% range {units(decision.now.units_low)} to "
        f"{units(decision.now.units_high)}), from: {told.model}. Elasticity {decimal(told.elasticity)}, standard error "
        f"{decimal(told.se)}, {told.status}."
    )
    if why.binding:
        yield f"In the way: {'; '.join(why.binding)}."
    yield from (_alternative(side, currency) for side in (why.lower, why.higher) if side)
    if why.one_step_more:
        yield f"If the cap let it go one step further: {_otherwise(why.one_step_more, decision)}"
    if why.weaker_response:
        yield f"If buyers minded the price 20% less: {_otherwise(why.weaker_response, decision)}"


def _alternative(other: Alternative, currency: str) -> str:
    then = other.outcome
    return (
        f"At {price(then.price, currency)}: {units(then.units)} units, {whole(then.revenue, currency)} revenue, "
        f"{whole(other.margin, currency)} margin, {_gain(other.gain, currency)} against today's price. "
        f"Not chosen: it {other.why_not}."
    )


def _otherwise(case: Otherwise, decision: Decision) -> str:
    if case.reason:
        return f"the price would be held, because {case.reason}."
    if case.price == decision.allowed:
        return f"the same price, {_gain(case.gain, decision.currency)}."
    return f"{price(case.price, decision.currency)}, {_gain(case.gain, decision.currency)}."


def _gain(gain: Gain, currency: str) -> str:
    low, high = (difference(end, currency) for end in (gain.low, gain.high))
    return f"{difference(gain.expected, currency)} (80% {low} to {high})"
