"""What the steps of the price book are made of, within a transaction that the caller holds.

Guarantees
----------
* A version is dated after the one before, whatever the clock says.
* Where a price begins, the one in force ends, and what was to begin then or later is taken back.
* Every guard rail and every rule of law is asked within the transaction that publishes.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from api.store import log
from api.store.checks import Key, faults
from api.store.queries import (
    between,
    coming,
    decode,
    find_proposal,
    freeze_reason,
    in_force,
    latest_version,
    listing_of,
    set_before,
    set_by,
    standing_overrides,
    took_back_alone,
)
from api.store.tables import listings, prices, proposals, publications
from pricing import guardrails, law
from pricing.book import Change, Decision, Listing, PriceInForce, Proposal, Publication, Verdict
from pricing.errors import RefusedError
from pricing.guardrails import InForce
from pricing.guardrails.in_force import Row
from pricing.law import Law
from pricing.model import Offer
from pricing.money import parse_amount
from pricing.overrides import Override, broken_by
from pricing.policy import Mode, Policy

TICK = timedelta(microseconds=1)
PROGRAMS = frozenset({"engine", "automatic", "upgrade"})
"""Who proposes, who approves by the policy, and who begins the log of an older book."""


def someone(name: str) -> str:
    """Whom a key or an account is for (RefusedError for a name that the program itself acts under)."""
    if folded(name) in PROGRAMS:
        raise RefusedError(f"{name.strip()} is a name the program itself acts under; take another")
    return person(name)


def folded(name: str) -> str:
    """A name as names are compared."""
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()


def person(name: str) -> str:
    """Who takes a step (RefusedError if nobody is named)."""
    if not name.strip():
        raise RefusedError("say who takes this step")
    return name.strip()


def own_prices(by: str, proposal: Proposal) -> list[Decision]:
    """What moves in the name of whoever would approve it: by their override, or set by hand before others took over."""
    moves = (each for each in proposal.decisions if each.verdict is Verdict.MOVE)
    return [each for each in moves if each.set_by is not None and folded(by) == folded(each.set_by)]


def not_theirs(by: str, proposal: Proposal) -> str:
    """Why someone may not approve a proposal, whatever is in it; empty if they may."""
    if folded(by) == folded(proposal.proposed_by):
        return f"{by} proposed {proposal.id}: someone else must approve it"
    own = ", ".join(each.offer for each in own_prices(by, proposal))
    return f"{by} set the price of {own}: someone else must approve it" if own else ""


def dated(db: Connection, now: datetime) -> datetime:
    """When a version that is made now is made: after the one before, whatever the clock says."""
    last = db.scalar(select(func.max(publications.c.at)))
    return now if last is None else max(now, last + TICK)


def append_version(
    db: Connection,
    change: Change,
    *,
    by: str,
    now: datetime,
    proposal: str | None = None,
    undone: int | None = None,
    begins: datetime | None = None,
) -> Publication:
    """Begin a new version."""
    if frozen := freeze_reason(db):
        raise RefusedError(frozen)
    at = dated(db, now)
    made = Publication(latest_version(db) + 1, change, proposal, undone, person(by), at, max(at, begins or at))
    row = asdict(made) | {"effective_at": made.effective_at if begins else None}
    db.execute(insert(publications).values(row))
    return made


def forbids(
    db: Connection,
    proposal: Proposal,
    before: Mapping[Key, PriceInForce],
    rules: tuple[Policy, Law],
    *,
    now: datetime,
    begins: datetime,
    large: bool,
) -> list[str]:
    """Everything that forbids publishing, as things are now; `before` is in force when the new prices begin."""
    if wrong := [text for decision in proposal.decisions for text in faults(decision, before)]:
        return wrong
    policy, market_law = rules
    known, offered = prices_known(db, policy, begins), listing_of(db)
    return [
        *guardrails.objections(proposal, offered, known, policy, now=now, large=large, at=begins),
        *law.objections(proposal, offered, known, market_law, now=now, at=begins),
    ]


def prices_known(db: Connection, policy: Policy, at: datetime) -> dict[Key, InForce]:
    """What guard rails must know of every price in force at an instant."""
    rows: dict[Key, list[Row]] = {price.key: [] for price in in_force(db, at)}
    for price in (*between(db, guardrails.history_from(at, policy), at), *coming(db, at)):
        if price.key in rows:
            rows[price.key].append((price.valid_from, price.valid_until, price.price))
    set_by_people = standing_overrides(db, at)
    return {
        key: replace(InForce.over(of_offer, at, policy), overrides=set_by_people.get(key, ()))
        for key, of_offer in rows.items()
    }


def undoable(made: Mapping[int, Publication], version: int) -> Publication:
    """The publication of this version, if it can be taken back."""
    found = made.get(version)
    if found is None or found.change is Change.IMPORT:
        raise RefusedError(f"version {version} is not a publication that can be rolled back")
    if any(later.undone == version for later in made.values()):
        raise RefusedError(f"version {version} was rolled back already")
    if took_back_alone(made, found):
        raise RefusedError(f"version {version} took back prices that had not begun; propose them again")
    return found


def taken_back(db: Connection, undone: Publication, at: datetime) -> list[tuple[PriceInForce, PriceInForce]]:
    """What taking a publication back changes: each price in force then, and the earlier one that is put in its place.

    The earlier one may be the same price, which then stays where another one was to follow.
    """
    later = [undone.version] if undone.effective_at > at else range(undone.version, latest_version(db) + 1)
    current = {price.key: price for price in in_force(db, at)}
    earlier = set_before(db, undone.version, until=at)
    keys = sorted(set_by(db, later) & earlier.keys())
    return [(current[key], earlier[key]) for key in keys if differs(earlier[key], current[key])]


def outside(
    change: tuple[PriceInForce, PriceInForce],
    known: Mapping[Key, Listing],
    overrides: Mapping[Key, tuple[Override, ...]],
) -> Iterator[str]:
    """What forbids restoring a price, in words; one that stays is not asked."""
    current, price = change
    listing = known.get(price.key)
    if price.price == current.price or listing is None:
        return
    if not listing.offer.floor <= price.price <= listing.offer.ceiling:
        bounds = f"{listing.offer.floor} to {listing.offer.ceiling}"
        yield f"offer {price.offer} would cost {price.price}, outside its bounds {bounds}"
    if broken := broken_by(price.price, overrides.get(price.key, ())):
        yield f"offer {price.offer} would cost {price.price}, {broken.says(price.price)}"


@contextmanager
def orders_kept_later(db: Connection, version: int, policy: Policy, now: datetime) -> Iterator[None]:
    """Refuse to take a version back if prices that wait would then break a declared order, or break it further."""
    begins = sorted({price.valid_from for price in coming(db, dated(db, now))})
    before = [_gaps(db, at, policy) for at in begins]
    yield
    if wrong := [text for at, gaps in zip(begins, before, strict=True) for text in _wider(db, at, policy, gaps)]:
        raise RefusedError(f"version {version} may not be rolled back: {'; '.join(wrong)}")


def _gaps(db: Connection, at: datetime, policy: Policy) -> dict[tuple[Key, Key], Decimal]:
    on_sale = [each.offer for each in listing_of(db).values() if each.sold_until is None or at < each.sold_until]
    cost = {price.key: price.price for price in in_force(db, at)}
    return {(low, high): gap for low, high, gap in guardrails.above(cost, on_sale, policy)}


def _wider(db: Connection, at: datetime, policy: Policy, before: Mapping[tuple[Key, Key], Decimal]) -> Iterator[str]:
    """Orders that a price which begins at an instant breaks more than it did."""
    then = {price.key: price for price in in_force(db, at)}
    for (low, high), gap in _gaps(db, at, policy).items():
        last = max(then[low], then[high], key=lambda price: price.valid_from)
        if last.valid_from == at and gap > max(Decimal(0), before.get((low, high), Decimal(0))):
            said = guardrails.dearer(low, high, {key: then[key].price for key in (low, high)})
            yield f"from {at:%Y-%m-%d %H:%M} UTC on {said}; take version {last.version} back first"


def describe(db: Connection, listed: Mapping[Key, Listing], now: datetime) -> list[dict[str, str]]:
    """Record descriptions that are not as they were; returns what the log says of them."""
    known, rows = listing_of(db), list[dict[str, Any]]()
    for (offer, channel), listing in listed.items():
        if known.get((offer, channel)) != listing:
            body = msgspec.json.encode(listing, order="sorted").decode()
            rows.append({"offer": offer, "channel": channel, "body": body, "at": now})
    if rows:
        db.execute(insert(listings), rows)
    return [{"offer": row["offer"], "channel": row["channel"], "sha256": log.digest(row["body"])} for row in rows]


def replace_prices(db: Connection, made: Publication, opened: Sequence[PriceInForce]) -> list[log.Row]:
    """Let prices begin: what was to begin then or later is taken back, what is in force then ends."""
    if not opened:
        return []
    begins = made.effective_at
    same = (prices.c.offer == bindparam("_offer"), prices.c.channel == bindparam("_channel"), prices.c.voided.is_(None))
    void = update(prices).where(*same, prices.c.valid_from >= begins).values(voided=made.version)
    lasts = or_(prices.c.valid_until.is_(None), prices.c.valid_until > begins)
    close = update(prices).where(*same, prices.c.valid_from < begins, lasts).values(valid_until=begins)
    keys = [{"_offer": price.offer, "_channel": price.channel} for price in opened]
    db.execute(void, keys)
    db.execute(close, keys)
    return open_prices(db, opened)


def open_prices(db: Connection, opened: Sequence[PriceInForce]) -> list[log.Row]:
    """Add prices; returns what the log says of them."""
    rows = [
        {
            "offer": price.offer,
            "channel": price.channel,
            "currency": price.currency,
            "price": price.price,
            "version": price.version,
            "valid_from": price.valid_from,
            "terms": msgspec.json.encode(price.terms, order="sorted").decode(),
        }
        for price in opened
    ]
    db.execute(insert(prices), rows)
    return [log.told(price) for price in opened]


def first_price(offer: Offer, made: Publication) -> PriceInForce:
    """The price an offer comes with."""
    terms = {
        "product": offer.product,
        "segment": offer.segment,
        "event": offer.event,
        "list_price": None if offer.list_price is None else f"{offer.list_price:f}",
    }
    price = parse_amount(offer.current_price, offer.currency)
    return PriceInForce(offer.id, offer.channel, price, offer.currency, made.version, made.effective_at, None, terms)


def moved_price(before: PriceInForce, decision: Decision, made: Publication) -> PriceInForce:
    """The price a decision leads to."""
    return price_again(replace(before, price=parse_amount(decision.allowed, decision.currency)), made)


def price_again(price: PriceInForce, made: Publication) -> PriceInForce:
    """A price, beginning with another version."""
    return replace(price, version=made.version, valid_from=made.effective_at, valid_until=None, number=None)


def differs(earlier: PriceInForce, current: PriceInForce) -> bool:
    """Whether something has to be done for an earlier price to be in force, and to stay so."""
    same = (earlier.price, earlier.currency, earlier.terms) == (current.price, current.currency, current.terms)
    return not same or current.valid_until is not None


def because_of(
    db: Connection, made: Proposal, keys: AbstractSet[Key], rules: tuple[Policy, Law], now: datetime
) -> Iterator[str]:
    """What forbids to publish a proposal, and would not without its decisions about these offers."""
    at = dated(db, now)
    before = {price.key: price for price in in_force(db, at)}
    usable = [each for each in made.decisions if each.key in keys or not any(faults(each, before))]
    rest = [each for each in usable if each.key not in keys]
    whole, without = (
        forbids(db, replace(made, decisions=tuple(kept)), before, rules, now=at, begins=at, large=True)
        for kept in (usable, rest)
    )
    return (text for text in whole if text not in without)


def record(db: Connection, proposal: Proposal) -> str:
    """Add a proposal; returns the digest that the log keeps."""
    if find_proposal(db, proposal.id) is not None:
        raise RefusedError(f"there already is a proposal {proposal.id}")
    body = _encode(proposal)
    db.execute(insert(proposals).values(id=proposal.id, proposed_by=person(proposal.proposed_by), body=body))
    return log.digest(body)


def _encode(proposal: Proposal) -> str:
    text = msgspec.json.encode(proposal).decode()
    try:
        if decode(text) == proposal:
            return text
    except (msgspec.ValidationError, ArithmeticError):
        pass
    raise RefusedError(f"proposal {proposal.id} cannot be recorded exactly: a number in it is missing or not finite")


def foreseen(
    db: Connection, proposal: Proposal, rules: tuple[Policy, Law], *, now: datetime
) -> tuple[tuple[str, ...], str]:
    """What publishing a proposal at once would be refused for, as things are; and what its approver must have seen.

    That is how much it moves. Both are empty if nothing stands against it.
    """
    at, (policy, market_law) = dated(db, now), rules
    before = {price.key: price for price in in_force(db, at)}
    known, offered = prices_known(db, policy, at), listing_of(db)
    frozen = freeze_reason(db)
    found = [text for decision in proposal.decisions for text in faults(decision, before)] or [
        *guardrails.objections(proposal, offered, known, policy, now=at, large=True),
        *law.objections(proposal, offered, known, market_law, now=at),
    ]
    large = guardrails.no_approval(proposal, offered, known, policy, now=at, large=False)
    return (*([frozen] if frozen else []), *found), "" if policy.mode is Mode.SHADOW else large or ""
