"""Which price may be allowed for an offer, given what is in force and what is known.

Guarantees
----------
* A price that may be allowed is finite, on the ladder, inside [floor, ceiling] and the band around the usual price,
  inside every cap on moves, and not below its cost; each rail that forbids a price says so in words.
* An override that a person set forbids whatever does not keep it, and is named with its reason and its end.
* NaN never passes: every check accepts what is inside, none rejects what is outside.
* An elasticity that is not identified, between -1 and 0, or absurd moves nothing: the price in force is held, and
  the reason says what evidence is missing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from pricing.demand import Evidence, Identification
from pricing.guardrails.in_force import InForce
from pricing.model import Ladder, Offer
from pricing.overrides import broken_by
from pricing.policy import Mode, Policy

ABSURD = -10.0
"""An elasticity below this is taken for a fault of the data, not for a fact about buyers."""


class Rail(StrEnum):
    """What can forbid a price or a publication (docs/guardrails.md)."""

    FINITE = "finite"
    LADDER = "ladder"
    ENDING = "ending"
    FLOOR = "floor"
    CEILING = "ceiling"
    OVERRIDE = "override"
    STEP = "step"
    WEAK_STEP = "weak-step"
    DAILY_CAP = "daily-cap"
    CUMULATIVE_CAP = "cumulative-cap"
    BAND = "band"
    UNIT_COST = "unit-cost"
    MARGIN = "margin"
    EVIDENCE = "evidence"
    COMING = "coming"
    DISCOUNT_ONLY = "discount-only"
    EMERGENCY = "emergency"
    SALES_AGE = "sales-age"
    FIT_AGE = "fit-age"
    PROOF = "proof"
    CONFIDENCE = "confidence"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rail that forbids something, and what it says."""

    rail: Rail
    reason: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """A price somebody would like; `evidence` is None where a person sets it."""

    price: Decimal
    offer: Offer
    in_force: InForce
    evidence: Evidence | None
    policy: Policy


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


def scheduled(in_force: InForce) -> str | None:
    """Why the price must not be moved before one that is scheduled; None if none is."""
    if in_force.coming is None:
        return None
    when = f"{in_force.coming:%Y-%m-%d %H:%M} UTC"
    return f"a price that takes effect at {when} is scheduled; cancel it first: fairfare rollback VERSION"


def _evidence(asked: _Asked) -> str | None:
    why = None if asked.evidence is None else distrust(asked.evidence)
    return None if why is None else f"held: {why}"


def _coming(asked: _Asked) -> str | None:
    why = scheduled(asked.in_force)
    return None if why is None else f"held: {why}"


def _ladder(asked: _Asked) -> str | None:
    return None if asked.price in asked.offer.ladder else "not a step of the ladder"


def _ending(asked: _Asked) -> str | None:
    endings = asked.policy.endings
    fine = not endings or f"{asked.price:f}".endswith(endings)
    return None if fine else f"does not end in {' or '.join(endings)}"


def _floor(asked: _Asked) -> str | None:
    return None if asked.price >= asked.offer.floor else f"below its floor of {asked.offer.floor}"


def _ceiling(asked: _Asked) -> str | None:
    return None if asked.price <= asked.offer.ceiling else f"above its ceiling of {asked.offer.ceiling}"


def _override(asked: _Asked) -> str | None:
    broken_one = broken_by(asked.price, asked.in_force.overrides)
    return None if broken_one is None else broken_one.says(asked.price)


def _moved(asked: _Asked, step: Decimal) -> str | None:
    fine = abs(asked.price - asked.in_force.price) <= step * asked.in_force.price
    return None if fine else f"moves more than {step:.0%} in one run"


def _step(asked: _Asked) -> str | None:
    return None if _is_weak(asked) else _moved(asked, asked.policy.step)


def _weak_step(asked: _Asked) -> str | None:
    return _moved(asked, asked.policy.weak_step) if _is_weak(asked) else None


def _is_weak(asked: _Asked) -> bool:
    return asked.evidence is not None and asked.evidence.status is Identification.WEAK


def _capped(price: Decimal, cap: Decimal, lowest: Decimal, highest: Decimal) -> bool:
    return (1 - cap) * highest <= price <= (1 + cap) * lowest


def _daily_cap(asked: _Asked) -> str | None:
    cap, known = asked.policy.daily_cap, asked.in_force
    return None if _capped(asked.price, cap, known.lowest, known.highest) else f"moves more than {cap:.0%} in a day"


def _cumulative_cap(asked: _Asked) -> str | None:
    policy, known = asked.policy, asked.in_force
    lowest, highest = known.lowest_lately or known.lowest, known.highest_lately or known.highest
    fine = _capped(asked.price, policy.cumulative_cap, lowest, highest)
    return None if fine else f"moves more than {policy.cumulative_cap:.0%} in {policy.cumulative_days} days"


def _band(asked: _Asked) -> str | None:
    usual, band = asked.in_force.usual, asked.policy.band
    fine = usual is None or usual / band <= asked.price <= usual * band
    return None if fine else f"further than a factor of {band} from its usual price of {usual}"


def _unit_cost(asked: _Asked) -> str | None:
    cost = asked.offer.unit_cost
    return None if asked.price >= cost else f"below its unit cost of {cost}"


def _margin(asked: _Asked) -> str | None:
    least = asked.policy.min_margin
    fine = least is None or asked.price - asked.offer.unit_cost >= least * asked.price
    return None if fine else f"leaves less than {least:.0%} margin"


def _discount_only(asked: _Asked) -> str | None:
    fine = asked.policy.mode is not Mode.DISCOUNT_ONLY or asked.price <= asked.in_force.price
    return None if fine else "rises, and only discounts are allowed (mode discount-only)"


def _emergency(asked: _Asked) -> str | None:
    policy, before = asked.policy, asked.in_force.before_emergency
    if policy.mode is not Mode.EMERGENCY or asked.price <= asked.in_force.price:
        return None
    if before is None:
        return "rises in an emergency, and the price before it is not known"
    fine = asked.price <= (1 + policy.emergency_cap) * before
    return None if fine else f"more than {policy.emergency_cap:.0%} above {before}, its price before the emergency"


RAILS: Mapping[Rail, Callable[[_Asked], str | None]] = {
    Rail.EVIDENCE: _evidence,
    Rail.COMING: _coming,
    Rail.LADDER: _ladder,
    Rail.ENDING: _ending,
    Rail.FLOOR: _floor,
    Rail.CEILING: _ceiling,
    Rail.OVERRIDE: _override,
    Rail.STEP: _step,
    Rail.WEAK_STEP: _weak_step,
    Rail.DAILY_CAP: _daily_cap,
    Rail.CUMULATIVE_CAP: _cumulative_cap,
    Rail.BAND: _band,
    Rail.UNIT_COST: _unit_cost,
    Rail.MARGIN: _margin,
    Rail.DISCOUNT_ONLY: _discount_only,
    Rail.EMERGENCY: _emergency,
}
"""What each rail says against a finite price; None if it has nothing to say."""


def refusals(
    price: Decimal, offer: Offer, in_force: InForce, evidence: Evidence | None, policy: Policy
) -> tuple[Refusal, ...]:
    """The rails that forbid moving to this price; empty if it may be allowed.

    Parameters
    ----------
    evidence : what the move rests on; None where a person sets the price, and answers for it
    """
    if not price.is_finite():
        return (Refusal(Rail.FINITE, "not a number"),)
    asked = _Asked(price, offer, in_force, evidence, policy)
    return tuple(Refusal(rail, said) for rail, says in RAILS.items() if (said := says(asked)) is not None)


def broken(
    price: Decimal, offer: Offer, in_force: InForce, evidence: Evidence | None, policy: Policy
) -> tuple[str, ...]:
    """What the rails say that forbid moving to this price, as `refusals`."""
    return tuple(refusal.reason for refusal in refusals(price, offer, in_force, evidence, policy))


@dataclass(frozen=True, slots=True)
class Choices:
    """What the optimizer may choose from for an offer.

    Attributes
    ----------
    ladder : every allowed step, and keeping the price in force; where that lies outside the owner's bounds, or breaks
        an override, and an allowed step inside exists, keeping it is no choice
    acted : the rails that took a step away which the others would have left, each with what it says of the first such
    """

    ladder: Ladder
    acted: tuple[Refusal, ...] = ()

    @classmethod
    def of(cls, offer: Offer, in_force: InForce, evidence: Evidence, policy: Policy) -> "Choices":
        """Ask every rail about every step.

        Where the evidence allows no step that mends a broken override, the nearest that a person may set is taken.
        """
        asked = {price: refusals(price, offer, in_force, evidence, policy) for price in offer.ladder}
        allowed = {price for price, refused in asked.items() if not refused}
        if in_force.demanded and not allowed:
            allowed = set(nearest(offer, in_force, policy)[:1])
        if (offer.floor <= in_force.price <= offer.ceiling and not in_force.demanded) or not allowed:
            allowed.add(in_force.price)
        others = [refused for price, refused in asked.items() if refused and price != in_force.price]
        return cls(Ladder(tuple(sorted(allowed))), tuple(_smallest(others)))


def _smallest(refused: Iterable[tuple[Refusal, ...]]) -> Iterator[Refusal]:
    """The refusals in sets that hold no other set: without these rails their step would have been within reach."""
    sets = {frozenset(refusal.rail for refusal in each): each for each in refused}
    said = {
        refusal.rail: refusal
        for rails, each in reversed(sets.items())
        if not any(other < rails for other in sets)
        for refusal in each
    }
    return (said[rail] for rail in Rail if rail in said)


def nearest(offer: Offer, in_force: InForce, policy: Policy) -> list[Decimal]:
    """The steps that a person may set, the nearest to the price in force first."""
    allowed = [price for price in offer.ladder if not refusals(price, offer, in_force, None, policy)]
    return sorted(allowed, key=lambda price: abs(price - in_force.price))


def candidates(offer: Offer, in_force: InForce, evidence: Evidence, policy: Policy) -> Ladder:
    """The prices the optimizer may choose from, as `Choices.ladder`."""
    return Choices.of(offer, in_force, evidence, policy).ladder


LADDER_ENDS = "the end of its ladder"
"""What `what_stopped` says where no guard rail is to blame."""


def what_stopped(price: Decimal, offer: Offer, in_force: InForce, evidence: Evidence, policy: Policy) -> str | None:
    """The rule that forbids one ladder step further in the direction of the move, or None."""
    up = price > in_force.price
    further = [step for step in offer.ladder if (step > price if up else step < price)]
    if price == in_force.price:
        return None
    if not further:
        return LADDER_ENDS
    reasons = broken(min(further) if up else max(further), offer, in_force, evidence, policy)
    return reasons[0] if reasons else None
