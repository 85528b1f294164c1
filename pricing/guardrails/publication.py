"""Which proposal may be published, and which approves itself.

Guarantees
----------
* Every move is held against every rail once more, by what is listed and in force when it is published.
* Nothing unknown passes: an offer without a listing or a price in force, sales or a model of unknown age are objections
  like those that are out of bounds.
* What approves itself rests on identified evidence, moves little, and leaves most of the catalogue alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from pricing.book import Decision, Listing, Proposal, Verdict
from pricing.demand import Identification
from pricing.guardrails.in_force import DAY, InForce
from pricing.guardrails.rails import Rail, Refusal, broken
from pricing.model import ALL, Offer
from pricing.policy import Mode, Policy

Key = tuple[str, str]
"""(offer, channel)"""

SHADOW = "in mode shadow prices are decided and recorded, never published"


def stale(sales_until: datetime | None, fitted_at: datetime | None, policy: Policy, now: datetime) -> list[Refusal]:
    """What is too old to move prices on; what is unknown, or dated ahead of the clock, is."""
    return [
        *_too_old(Rail.SALES_AGE, "the newest sales are", sales_until, policy.sales_age_days, now),
        *_too_old(Rail.FIT_AGE, "the model is", fitted_at, policy.fit_age_days, now),
    ]


def _too_old(rail: Rail, what: str, since: datetime | None, most: int, now: datetime) -> Iterator[Refusal]:
    if since is None:
        yield Refusal(rail, f"{what} of unknown age")
    elif not now - since <= timedelta(days=most):
        yield Refusal(rail, f"{what} from {since:%Y-%m-%d}, more than {most} days ago")
    elif now - since < -DAY:
        yield Refusal(rail, f"{what} from {since:%Y-%m-%d}, ahead of the clock")


def declared(offers: Iterable[Offer], policy: Policy) -> list[tuple[Offer, Offer]]:
    """Pairs of which the first never costs more: of segments of one product, and of products for one segment."""
    groups: dict[tuple[str, str, str, str], list[Offer]] = {}
    for offer in offers:
        groups.setdefault((offer.event, offer.channel, offer.product, offer.segment), []).append(offer)
    pairs = []
    for (event, channel, product, segment), above in groups.items():
        below = [(product, lower) for lower, upper in policy.segment_order if upper == segment]
        below += [(lower, segment) for lower, upper in policy.product_order if upper == product]
        cheaper = [offer for key in below for offer in groups.get((event, channel, *key), [])]
        pairs += [(lower, upper) for lower in cheaper for upper in above]
    return pairs


@dataclass(frozen=True, slots=True)
class _Book:
    """What is known when a proposal is published: every offer in the book, and the owner's policy.

    Attributes
    ----------
    at : when the proposal's prices take effect
    """

    listings: Mapping[Key, Listing]
    in_force: Mapping[Key, InForce]
    policy: Policy
    at: datetime

    def on_sale(self) -> dict[Key, Offer]:
        """Offers that are sold when the prices take effect."""
        return {
            key: listing.offer
            for key, listing in self.listings.items()
            if listing.sold_until is None or self.at < listing.sold_until
        }


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
    book, moves = _Book(listings, in_force, policy, at or now), _moves(proposal)
    found = [SHADOW] if policy.mode is Mode.SHADOW else []
    if any(decision.set_by is None for decision in moves):
        found += _too_old_now_or_then(proposal, book, now)
    found += [text for decision in moves for text in _against(decision, book)]
    found += _disordered(moves, book)
    return found if large else [*found, *_tripped(moves, book)]


def _too_old_now_or_then(proposal: Proposal, book: _Book, now: datetime) -> list[str]:
    """What a proposal was made from that is too old, or will be when its prices begin."""
    dated = proposal.provenance.sales_until, proposal.provenance.fitted_at
    found = [refusal.reason for refusal in stale(*dated, book.policy, now)]
    return found or [f"when its prices begin, {refusal.reason}" for refusal in stale(*dated, book.policy, book.at)]


def _moves(proposal: Proposal) -> list[Decision]:
    return [decision for decision in proposal.decisions if decision.verdict is Verdict.MOVE]


def _name(offer: str, channel: str) -> str:
    return offer if channel == ALL else f"{offer} ({channel})"


def _against(decision: Decision, book: _Book) -> list[str]:
    """What forbids one move."""
    name = _name(*decision.key)
    listing, known = book.listings.get(decision.key), book.in_force.get(decision.key)
    if listing is None:
        return [f"{name} is not listed, so its floor and ceiling are not known"]
    if known is None:
        return [f"{name} has no price in force to start from"]
    found = []
    if decision.currency != listing.offer.currency:
        found.append(f"is in {decision.currency}, its listing in {listing.offer.currency}")
    if listing.sold_until is not None and not book.at < listing.sold_until:
        found.append(f"is on sale until {listing.sold_until:%Y-%m-%d %H:%M} UTC only")
    if decision.override is not None and decision.override not in {each.number for each in known.overrides}:
        found.append(f"the override of {decision.set_by} that asked for it stands no longer")
    evidence = decision.evidence if decision.set_by is None else None
    found += broken(decision.allowed, listing.offer, known, evidence, book.policy)
    return [f"{name}: {reason}" for reason in found]


def above(prices: Mapping[Key, Decimal], offers: Iterable[Offer], policy: Policy) -> Iterator[tuple[Key, Key, Decimal]]:
    """Declared pairs of which both have a price: by how much the first costs more than the second."""
    for lower, upper in declared(offers, policy):
        low, high = (lower.id, lower.channel), (upper.id, upper.channel)
        if {low, high} <= prices.keys():
            yield low, high, prices[low] - prices[high]


def dearer(low: Key, high: Key, prices: Mapping[Key, Decimal]) -> str:
    """That a declared order is broken, in words."""
    return f"{_name(*low)} at {prices[low]} would cost more than {_name(*high)} at {prices[high]}"


def _disordered(moves: Sequence[Decision], book: _Book) -> Iterator[str]:
    """Declared orders that the moves would break, or break further."""
    before = {key: known.price for key, known in book.in_force.items()}
    moved = {decision.key: decision.allowed for decision in moves if decision.allowed.is_finite()}
    after = {key: moved.get(key, price) for key, price in before.items()}
    for low, high, gap in above(after, book.on_sale().values(), book.policy):
        if {low, high} & moved.keys():
            if gap > max(Decimal(0), before[low] - before[high]):
                yield dearer(low, high, after)
            if waiting := [key for key in (low, high) if book.in_force[key].coming is not None and key not in moved]:
                yield f"{_name(*waiting[0])}, whose price is tied to a moving one by an order, has a price scheduled"


def _tripped(moves: Sequence[Decision], book: _Book) -> Iterator[str]:
    """The breaker: more of the catalogue would have moved within 24 hours than may without a person who saw that."""
    on_sale, policy = book.on_sale().keys(), book.policy
    lately = {key for key, known in book.in_force.items() if known.lowest < known.highest or known.coming is not None}
    count = len(on_sale & (lately | {decision.key for decision in moves}))
    if moves and not (count <= policy.breaker_least or count <= policy.breaker * len(on_sale)):
        yield (
            f"with it {count} of {len(on_sale)} offers on sale would have moved within 24 hours, more than "
            f"{policy.breaker:.0%}; whoever approves it must say that they have seen that it is large"
        )


def no_approval(
    proposal: Proposal,
    listings: Mapping[Key, Listing],
    in_force: Mapping[Key, InForce],
    policy: Policy,
    *,
    now: datetime,
    large: bool,
) -> str | None:
    """Why a person may not approve a proposal like this; None if they may. Parameters as in `objections`.

    Whatever else forbids to publish it is said then, as it may have changed by that time.
    """
    if policy.mode is Mode.SHADOW:
        return SHADOW
    return None if large else next(_tripped(_moves(proposal), _Book(listings, in_force, policy, now)), None)


def may_approve_itself(
    proposal: Proposal,
    listings: Mapping[Key, Listing],
    in_force: Mapping[Key, InForce],
    policy: Policy,
    *,
    now: datetime,
) -> list[str]:
    """Why a proposal waits for a person; empty if the policy approves it. Parameters as in `objections`."""
    if policy.mode is not Mode.AUTOMATIC:
        return [f"in mode {policy.mode} a person approves"]
    moves = _moves(proposal)
    found = objections(proposal, listings, in_force, policy, now=now, large=False)
    found += [f"{_name(*move.key)}: {text}" for move in moves for text in _unsure(move, policy)]
    return found if moves else ["no price moves"]


def _unsure(move: Decision, policy: Policy) -> Iterator[str]:
    """Why one move needs a person, though no rail forbids it."""
    if move.set_by is not None:
        yield f"{move.set_by} set its price"
    elif move.evidence.status is not Identification.IDENTIFIED:
        yield f"the evidence is {move.evidence.status}"
    most = policy.automatic_step * move.in_force
    if not (move.allowed.is_finite() and abs(move.allowed - move.in_force) <= most):
        yield f"moves more than the {policy.automatic_step:.0%} that approve themselves"
