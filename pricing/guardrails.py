"""Which price may be allowed for an offer, and which proposal may be published.

Guarantees
----------
* A price that may be allowed is finite, on the ladder, inside [floor, ceiling] and the band around the usual price,
  inside every cap on moves, and not below its cost; each rail that forbids a price says so in words.
* NaN never passes: every check accepts what is inside, none rejects what is outside.
* An elasticity that is not identified, between -1 and 0, or absurd moves nothing: the price in force is held, and
  the reason says what evidence is missing.
* A proposal is published on nothing that is unknown: an offer without a listing or a price in force, sales or a model
  of unknown age are objections like those that are out of bounds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from pricing.book import Decision, Listing, Proposal, Verdict
from pricing.demand import Evidence, Identification
from pricing.model import ALL, Ladder, Offer
from pricing.policy import Mode, Policy

ABSURD = -10.0
"""An elasticity below this is taken for a fault of the data, not for a fact about buyers."""
DAY = timedelta(hours=24)
USUAL = timedelta(days=90)
"""How far back the usual price is taken from."""

Key = tuple[str, str]
"""(offer, channel)"""
Row = tuple[datetime, datetime | None, Decimal]
"""(valid from, valid until or None, price)"""


class Rail(StrEnum):
    """What can forbid a price or a publication (docs/guardrails.md)."""

    FINITE = "finite"
    LADDER = "ladder"
    ENDING = "ending"
    FLOOR = "floor"
    CEILING = "ceiling"
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


@dataclass(frozen=True, slots=True)
class InForce:
    """What is in force for an offer, and was of late.

    Attributes
    ----------
    price : now
    lowest, highest : of the prices in force within the last 24 hours, the present one among them
    lowest_lately, highest_lately : the same for `policy.cumulative_days`; None where no more is known than of the day
    usual : median over the last 90 days, weighted with time; None where it is not known
    before_emergency : the price in force at `policy.emergency_since`; None where it is not known
    coming : when a price that is scheduled takes effect; None if none is
    """

    price: Decimal
    lowest: Decimal
    highest: Decimal
    lowest_lately: Decimal | None = None
    highest_lately: Decimal | None = None
    usual: Decimal | None = None
    before_emergency: Decimal | None = None
    coming: datetime | None = None

    def __post_init__(self) -> None:
        if not self.lowest <= self.price <= self.highest:
            raise ValueError(f"price {self.price} lies outside its own range, {self.lowest} to {self.highest}")

    @classmethod
    def steady(cls, price: Decimal) -> "InForce":
        """A price that has not moved for a day; nothing is known of the time before."""
        return cls(price, price, price)

    @classmethod
    def over(cls, rows: Sequence[Row], now: datetime, policy: Policy) -> "InForce":
        """From the rows of the price book of one offer in one channel, back to `history_from`; in any order.

        Raises
        ------
        ValueError
            if none is in force now.
        """
        begun = sorted((row for row in rows if row[0] <= now), key=lambda row: row[0])
        current = [price for _, end, price in begun if end is None or now < end]
        if not current:
            raise ValueError(f"no price is in force at {now}")
        day, lately = _since(begun, now - DAY), _since(begun, now - timedelta(days=policy.cumulative_days))
        return cls(
            price=current[-1],
            lowest=min(day),
            highest=max(day),
            lowest_lately=min(lately),
            highest_lately=max(lately),
            usual=_median(begun, now - USUAL, now),
            before_emergency=_at(begun, policy.emergency_since, now),
            coming=min((start for start, _, _ in rows if start > now), default=None),
        )


def history_from(now: datetime, policy: Policy) -> datetime:
    """From when on `InForce.over` must know the prices in force."""
    start = now - max(DAY, timedelta(days=policy.cumulative_days), USUAL)
    return start if policy.emergency_since is None else min(start, policy.emergency_since)


def _since(begun: Iterable[Row], start: datetime) -> list[Decimal]:
    """Prices that were in force at some instant after `start`."""
    return [price for _, end, price in begun if end is None or end > start]


def _median(begun: Iterable[Row], start: datetime, now: datetime) -> Decimal | None:
    """The price below or at which an offer was sold for half of the time; None if it has just come on sale."""
    spent: dict[Decimal, timedelta] = {}
    for begin, end, price in begun:
        time = min(end or now, now) - max(begin, start)
        if time > timedelta(0):
            spent[price] = spent.get(price, timedelta(0)) + time
    passed, whole = timedelta(0), sum(spent.values(), timedelta(0))
    for price in sorted(spent):
        passed += spent[price]
        if 2 * passed >= whole:
            return price
    return None


def _at(begun: Sequence[Row], instant: datetime | None, now: datetime) -> Decimal | None:
    """The price in force at an instant that has passed, or the first one after; `begun` is in order."""
    if instant is None or instant > now:
        return None
    return next((price for _, end, price in begun if end is None or end > instant), None)


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


def _evidence(asked: _Asked) -> str | None:
    why = asked.evidence and distrust(asked.evidence)
    return f"held: {why}" if why else None


def _coming(asked: _Asked) -> str | None:
    if (coming := asked.in_force.coming) is None:
        return None
    return f"held: a price that takes effect at {coming:%Y-%m-%d %H:%M} UTC is scheduled; cancel it first"


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
    if policy.mode is not Mode.EMERGENCY or asked.price < asked.in_force.price:
        return None
    if before is None:
        fine = asked.price <= asked.in_force.price
        return None if fine else "rises in an emergency, and the price before it is not known"
    fine = asked.price <= (1 + policy.emergency_cap) * before
    return None if fine else f"more than {policy.emergency_cap:.0%} above {before}, its price before the emergency"


RAILS: Mapping[Rail, Callable[[_Asked], str | None]] = {
    Rail.EVIDENCE: _evidence,
    Rail.COMING: _coming,
    Rail.LADDER: _ladder,
    Rail.ENDING: _ending,
    Rail.FLOOR: _floor,
    Rail.CEILING: _ceiling,
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


def candidates(offer: Offer, in_force: InForce, evidence: Evidence, policy: Policy) -> Ladder:
    """The prices the optimizer may choose from: every allowed step, and keeping the price in force.

    Where the price in force lies outside the owner's bounds and an allowed step inside exists, keeping it is no choice.
    """
    allowed = [price for price in offer.ladder if not refusals(price, offer, in_force, evidence, policy)]
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


def stale(sales_until: datetime | None, fitted_at: datetime | None, policy: Policy, now: datetime) -> list[Refusal]:
    """What is too old to move prices on; what is unknown, or dated ahead of the clock, is."""
    return [
        *_too_old(Rail.SALES_AGE, "the newest sales are", sales_until, policy.sales_age_days, now),
        *_too_old(Rail.FIT_AGE, "the model was fitted", fitted_at, policy.fit_age_days, now),
    ]


def _too_old(rail: Rail, what: str, since: datetime | None, most: int, now: datetime) -> Iterator[Refusal]:
    if since is None:
        yield Refusal(rail, f"{what} of an unknown date")
    elif not -DAY <= now - since <= timedelta(days=most):
        yield Refusal(rail, f"{what} of {since:%Y-%m-%d}, and at most {most} days are allowed")


def objections(
    proposal: Proposal,
    listings: Mapping[Key, Listing],
    in_force: Mapping[Key, InForce],
    policy: Policy,
    *,
    now: datetime,
    large: bool,
    at: datetime | None = None,
) -> list[str]:
    """Every reason, in words, why a proposal may not be published now; empty if it may.

    Parameters
    ----------
    listings, in_force : of every offer in the book, whether or not the proposal moves it
    large : whether whoever approved it had seen that it moves more of the catalogue than `policy.breaker`
    at : when its prices take effect; now if None
    """
    moves = [decision for decision in proposal.decisions if decision.verdict is Verdict.MOVE]
    found = ["nothing is published in mode shadow"] if policy.mode is Mode.SHADOW else []
    if any(decision.set_by is None for decision in moves):
        made = proposal.provenance
        found += [refusal.reason for refusal in stale(made.sales_until, made.fitted_at, policy, now)]
    found += [text for decision in moves for text in _against(decision, listings, in_force, policy, at or now)]
    if moves and not large and (tripped := _breaker(moves, listings, in_force, policy, now)):
        found.append(tripped)
    return found


def _against(
    decision: Decision,
    listings: Mapping[Key, Listing],
    in_force: Mapping[Key, InForce],
    policy: Policy,
    at: datetime,
) -> list[str]:
    """What forbids one move."""
    name = decision.offer if decision.channel == ALL else f"{decision.offer} ({decision.channel})"
    listing, known = listings.get(decision.key), in_force.get(decision.key)
    if listing is None:
        return [f"{name} is not listed, so its floor and ceiling are not known"]
    if known is None:
        return [f"{name} has no price in force to start from"]
    found = []
    if decision.currency != listing.offer.currency:
        found.append(f"is in {decision.currency}, its listing in {listing.offer.currency}")
    if listing.sold_until is not None and not at < listing.sold_until:
        found.append(f"is sold until {listing.sold_until:%Y-%m-%d %H:%M} UTC only")
    evidence = decision.evidence if decision.set_by is None else None
    found += broken(decision.allowed, listing.offer, known, evidence, policy)
    return [f"{name}: {reason}" for reason in found]


def _breaker(
    moves: Sequence[Decision],
    listings: Mapping[Key, Listing],
    in_force: Mapping[Key, InForce],
    policy: Policy,
    now: datetime,
) -> str | None:
    """Why a person must have seen how much of the catalogue moves; None if that is little."""
    on_sale = {key for key, listing in listings.items() if listing.sold_until is None or now < listing.sold_until}
    lately = {key for key, known in in_force.items() if known.lowest < known.highest or known.coming is not None}
    moved = len(on_sale & (lately | {decision.key for decision in moves}))
    if moved <= policy.breaker_least or moved <= policy.breaker * len(on_sale):
        return None
    return (
        f"with it {moved} of {len(on_sale)} offers on sale would have moved within 24 hours, more than "
        f"{policy.breaker:.0%}; someone who has seen that must approve it as a large change"
    )
