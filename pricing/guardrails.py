"""Which price may be allowed for an offer, given what is in force and what is known.

Guarantees
----------
* A price that may be allowed is finite, on the ladder, inside [floor, ceiling], and inside the step and daily caps.
* NaN never passes: every check accepts what is inside, none rejects what is outside.
* An elasticity that is not identified, between -1 and 0, or absurd moves nothing: the price in force is held, and
  the reason says what evidence is missing.
"""

from dataclasses import dataclass
from decimal import Decimal

from pricing.demand import Evidence, Identification
from pricing.model import Ladder, Offer
from pricing.policy import Policy

ABSURD = -10.0
"""An elasticity below this is taken for a fault of the data, not for a fact about buyers."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What is in force for an offer.

    Attributes
    ----------
    price : now
    lowest, highest : of the prices in force within the last 24 hours, the present one among them
    """

    price: Decimal
    lowest: Decimal
    highest: Decimal

    def __post_init__(self) -> None:
        if not self.lowest <= self.price <= self.highest:
            raise ValueError(f"price {self.price} lies outside its own range, {self.lowest} to {self.highest}")

    @classmethod
    def steady(cls, price: Decimal) -> "InForce":
        """A price that has not moved for a day."""
        return cls(price, price, price)


def distrust(evidence: Evidence) -> str | None:
    """Why the price must not be moved on this evidence; None if it may be."""
    if evidence.status is Identification.NOT_IDENTIFIED:
        return evidence.reason
    if ABSURD <= evidence.elasticity <= -1:
        return None
    if -1 < evidence.elasticity < 0:
        return (
            f"buyers seem to mind the price so little (elasticity {evidence.elasticity:.2f}) that ever higher prices "
            "would look better; sales at higher prices are missing to tell where that ends"
        )
    return f"an elasticity of {evidence.elasticity:.2f} is not how buyers react; check the prices and units uploaded"


def broken(price: Decimal, offer: Offer, in_force: InForce, evidence: Evidence, policy: Policy) -> tuple[str, ...]:
    """The rules that forbid moving to this price, in words; empty if it may be allowed."""
    if not price.is_finite():
        return ("not a number",)
    step = policy.weak_step if evidence.status is Identification.WEAK else policy.step
    rules = {
        f"held: {distrust(evidence)}": distrust(evidence) is None,
        "not a step of the ladder": price in offer.ladder,
        f"does not end in {' or '.join(policy.endings)}": not policy.endings or f"{price:f}".endswith(policy.endings),
        f"outside floor {offer.floor} and ceiling {offer.ceiling}": offer.floor <= price <= offer.ceiling,
        f"moves more than {step:.0%} in one run": abs(price - in_force.price) <= step * in_force.price,
        f"moves more than {policy.daily_cap:.0%} in a day": (1 - policy.daily_cap) * in_force.highest
        <= price
        <= (1 + policy.daily_cap) * in_force.lowest,
        f"below its unit cost of {offer.unit_cost}": price >= offer.unit_cost,
        f"leaves less than {policy.min_margin or 0:.0%} margin": policy.min_margin is None
        or price - offer.unit_cost >= policy.min_margin * price,
    }
    return tuple(reason for reason, kept in rules.items() if not kept)


def candidates(offer: Offer, in_force: InForce, evidence: Evidence, policy: Policy) -> Ladder:
    """The prices the optimizer may choose from: every allowed step, and keeping the price in force.

    Where the price in force lies outside the owner's bounds and an allowed step inside exists, keeping it is no choice.
    """
    allowed = [price for price in offer.ladder if not broken(price, offer, in_force, evidence, policy)]
    if offer.floor <= in_force.price <= offer.ceiling or not allowed:
        allowed.append(in_force.price)
    return Ladder(tuple(sorted(set(allowed))))


def what_stopped(price: Decimal, offer: Offer, in_force: InForce, evidence: Evidence, policy: Policy) -> str | None:
    """The rule that forbids one ladder step further in the direction of the move, or None."""
    up = price > in_force.price
    further = [step for step in offer.ladder if (step > price if up else step < price)]
    if price == in_force.price:
        return None
    if not further:
        return "the end of its ladder"
    reasons = broken(min(further) if up else max(further), offer, in_force, evidence, policy)
    return reasons[0] if reasons else None
