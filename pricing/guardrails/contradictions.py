"""Which override cannot be kept, so that nobody sets one that leaves a price stuck or breaks another rule.

Guarantees
----------
* An override only tightens the owner's bounds, leaves a price that every other rail allows within one step, and ends
  before the sale does.
* It contradicts no other override of the offer, no price that is scheduled, and no declared order beside the overrides
  of other offers; each contradiction is named.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from pricing.book import Listing, PriceInForce
from pricing.guardrails.in_force import InForce
from pricing.guardrails.publication import Key, declared
from pricing.guardrails.rails import Rail, refusals
from pricing.model import Offer
from pricing.overrides import Kind, Override, broken_by
from pricing.policy import Policy

PASSING = frozenset({Rail.COMING, Rail.DAILY_CAP, Rail.SALES_AGE, Rail.FIT_AGE})
"""Rails that forbid a price today and not tomorrow."""


def contradictions(
    wanted: Override,
    listings: Mapping[Key, Listing],
    in_force: Mapping[Key, InForce],
    coming: Mapping[Key, PriceInForce],
    policy: Policy,
) -> Iterator[str]:
    """Every reason, in words, why an override may not be set; none if it may.

    Parameters
    ----------
    listings, in_force, coming : of every offer in the book; `in_force` without the override that `wanted` replaces
    """
    listing, known = listings.get(wanted.key), in_force.get(wanted.key)
    if listing is None or known is None:
        yield f"there is no offer {wanted.offer} in channel {wanted.channel}"
        return
    yield from [*_about_offer(wanted, listing)] or _about_price(wanted, listing.offer, known, policy)
    later = coming.get(wanted.key)
    if later is not None and later.valid_from < wanted.until and (said := wanted.says(later.price)):
        begins = f"{later.valid_from:%Y-%m-%d %H:%M} UTC"
        yield f"{later.price:f} begins at {begins}, {said}; cancel it first: fairfare rollback {later.version}"
    yield from _about_orders(wanted, listings, in_force, policy)


def _about_offer(wanted: Override, listing: Listing) -> Iterator[str]:
    offer, amount = listing.offer, wanted.amount
    if wanted.currency != offer.currency:
        yield f"it is in {wanted.currency}, the offer in {offer.currency}"
    if not offer.floor <= amount <= offer.ceiling:
        yield f"{amount:f} is outside {offer.floor:f} to {offer.ceiling:f}; an override only tightens these bounds"
    if wanted.kind is Kind.FIXED and amount not in offer.ladder:
        yield f"{amount:f} is no step of the price ladder"
    if listing.sold_until is not None and wanted.until > listing.sold_until:
        yield f"its sale ends at {listing.sold_until:%Y-%m-%d %H:%M} UTC, so an override ends by then"


def _about_price(wanted: Override, offer: Offer, known: InForce, policy: Policy) -> Iterator[str]:
    """The price in force would have to change, and no allowed one would be left to change to."""
    both = replace(known, overrides=(*known.overrides, wanted))
    nearby = sorted(offer.ladder, key=lambda price: abs(price - wanted.amount))
    against = [[r for r in refusals(p, offer, both, None, policy) if r.rail not in PASSING] for p in nearby]
    if both.demanded and all(against):
        said = "; ".join(refusal.reason for refusal in against[0])
        yield f"it leaves no price to move to from {known.price:f}: {nearby[0]:f} is refused ({said})"


def _about_orders(
    wanted: Override, listings: Mapping[Key, Listing], in_force: Mapping[Key, InForce], policy: Policy
) -> Iterator[str]:
    """Orders for which the overrides of two offers leave no pair of prices."""
    set_so_far = {key: known.overrides for key, known in in_force.items()}
    overrides = set_so_far | {wanted.key: (*set_so_far[wanted.key], wanted)}
    on_sale = [each.offer for each in listings.values() if each.sold_until is None or wanted.at < each.sold_until]
    for lower, upper in declared(on_sale, policy):
        low, high = (lower.id, lower.channel), (upper.id, upper.channel)
        least, most = _left(lower, overrides.get(low, ())), _left(upper, overrides.get(high, ()))
        if wanted.key in {low, high} and least and most and min(least) > max(most):
            other = set_so_far.get(high if wanted.key == low else low, ())
            beside = "".join(f"; there is a {each}" for each in other)
            yield f"{lower.id} would cost more than {upper.id}, against their order{beside}"


def without_price(offer: Offer, overrides: Sequence[Override]) -> list[str]:
    """What forbids describing an offer so that its overrides leave no price within its bounds, in words."""
    if not overrides or _left(offer, overrides):
        return []
    return [
        f"offer {offer.id}: {offer.floor} to {offer.ceiling} leaves no price beside the {overrides[0]}; end it first"
    ]


def _left(offer: Offer, overrides: Iterable[Override]) -> list[Decimal]:
    """Steps of the ladder that the owner's bounds and these overrides leave."""
    return [p for p in offer.ladder.within(offer.floor, offer.ceiling) if broken_by(p, overrides) is None]
