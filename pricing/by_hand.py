"""A person's own price in the place of a proposed one.

Guarantees
----------
* It is on the offer's ladder and inside [floor, ceiling], or it is refused with the reason; keeping the price in force
  never is.
* The decision says whose price it is and why. What is expected of it is what the proposal knew of that price; of a
  price the proposal did not look at, it is carried over with the estimated elasticity, and the decision says so.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from pricing.book import Decision, Verdict
from pricing.outcome import UNEXPLAINED, Gain, Outcome

UPPER = 1.2815515655446004
"""Standard normal quantile at 0.9: an 80 % interval is as wide as two of them."""
NOTHING = Gain(0.0, 0.0, 0.0, 0.0)
"""What keeping the price in force gains over it."""


def by_hand(decision: Decision, price: Decimal, *, by: str, reason: str) -> Decision:
    """The decision with a price of one's own.

    Raises
    ------
    ValueError
        if the offer may not have that price.
    """
    keeps = price == decision.in_force
    if not (keeps or (price.is_finite() and decision.floor <= price <= decision.ceiling)):
        raise ValueError(f"{price} is outside {decision.floor} to {decision.ceiling}")
    if not (keeps or price in decision.ladder):
        raise ValueError(f"{price} is not a step of the ladder")
    then, gain, known = _expected(decision, price)
    return replace(
        decision,
        wanted=price,
        allowed=price,
        verdict=Verdict.KEEP if keeps else Verdict.MOVE,
        reasons=(f"{by} set this price: {reason}", *known),
        then=then,
        gain=gain,
        explanation=UNEXPLAINED,
        set_by=by,
        override=None,
    )


def _expected(decision: Decision, price: Decimal) -> tuple[Outcome, Gain, tuple[str, ...]]:
    for outcome, gain in _looked_at(decision):
        if outcome.price == price:
            return outcome, gain, ()
    then = _carried_over(decision, price)
    said = f"what is expected is carried over from {decision.in_force} with the elasticity {_elasticity(decision)}"
    return then, _widest(decision, then), (said,)


def _looked_at(decision: Decision) -> Iterator[tuple[Outcome, Gain]]:
    """Prices of which the proposal says what they lead to, and what they gain over the price in force."""
    yield decision.now, NOTHING
    yield decision.then, decision.gain
    for other in (decision.explanation.lower, decision.explanation.higher):
        if other is not None:
            yield other.outcome, other.gain


def _elasticity(decision: Decision) -> str:
    return f"{decision.evidence.elasticity:.2f}"


def _carried_over(decision: Decision, price: Decimal) -> Outcome:
    """Units in proportion to (price / price in force) ** elasticity; revenue at the new price."""
    now, each = decision.now, float(price)
    ratio = (each / float(decision.in_force)) ** decision.evidence.elasticity
    units = [ratio * value for value in (now.units, now.units_low, now.units_high)]
    return Outcome(price, *units, *(each * value for value in units))


def _widest(decision: Decision, then: Outcome) -> Gain:
    """The gain of which only both intervals are known: their ends taken to fall apart, and the odds to be normal."""
    cost, now = float(decision.unit_cost), decision.now
    expected = then.revenue - now.revenue - cost * (then.units - now.units)
    low = then.revenue_low - now.revenue_high - cost * (then.units_low - now.units_high)
    high = then.revenue_high - now.revenue_low - cost * (then.units_high - now.units_low)
    deviation = (high - low) / (2 * UPPER)
    loss = 0.5 * math.erfc(expected / (deviation * math.sqrt(2))) if deviation > 0 else float(expected < 0)
    return Gain(expected, low, high, loss)
