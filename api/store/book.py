"""The price book: the one door through which a price gets into force.

Guarantees
----------
* Exactly one price is in force per offer, channel and instant; a publication changes all its prices at once or none.
* What is published was approved by someone other than its proposer, has not expired, and was decided against the
  version that is still in force. Its prices are finite, inside [floor, ceiling] and on their ladder: checked again.
* Nothing recorded is edited: a rollback is a new version that restores the prices before the one it undoes.
* While prices are frozen nothing changes, across restarts, until a person lifts the freeze.
* A step that is refused leaves the book as it was and says why.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, Engine, bindparam, func, insert, select, update

from api.store.checks import disagreement, faults
from api.store.database import reading, writing
from api.store.queries import (
    all_publications,
    between,
    decode,
    find_proposal,
    freeze_reason,
    history_of,
    in_force,
    known_proposal,
    latest_version,
    standing_of,
)
from api.store.tables import freezes, prices, proposals, publications, reviews
from pricing.book import Change, Decision, PriceInForce, Proposal, Publication, Standing, Verdict
from pricing.errors import RefusedError
from pricing.model import Offer
from pricing.money import parse_amount

TICK = timedelta(microseconds=1)


class PriceBook:
    """The price book of one workspace; every step is one transaction. All instants are aware; people are named."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def propose(self, proposal: Proposal) -> None:
        """Record a proposal made against the version in force."""
        body = _encode(proposal)
        with writing(self._engine) as db:
            if find_proposal(db, proposal.id) is not None:
                raise RefusedError(f"there already is a proposal {proposal.id}")
            if proposal.base_version != (current := latest_version(db)):
                raise RefusedError(_stale(proposal, current))
            row = {"id": proposal.id, "proposed_by": _person(proposal.proposed_by), "body": body}
            db.execute(insert(proposals).values(row))

    def proposal(self, proposal_id: str) -> Proposal:
        """One proposal, as it was proposed."""
        with reading(self._engine) as db:
            return known_proposal(db, proposal_id)

    def proposals(self) -> tuple[Proposal, ...]:
        """All proposals, the oldest first."""
        with reading(self._engine) as db:
            return tuple(decode(body) for body in db.scalars(select(proposals.c.body).order_by(proposals.c.number)))

    def latest_proposal(self) -> Proposal | None:
        """The proposal made last."""
        with reading(self._engine) as db:
            body = db.scalar(select(proposals.c.body).order_by(proposals.c.number.desc()).limit(1))
        return None if body is None else decode(body)

    def standing(self, proposal_id: str, *, now: datetime) -> Standing:
        """How far a proposal has come."""
        with reading(self._engine) as db:
            return standing_of(db, known_proposal(db, proposal_id), now)

    def approve(self, proposal_id: str, *, by: str, now: datetime) -> None:
        """Allow a proposal to be published; its proposer may not."""
        self._review(proposal_id, Standing.APPROVED, by=by, now=now)

    def reject(self, proposal_id: str, *, by: str, now: datetime) -> None:
        """Close a proposal for good."""
        self._review(proposal_id, Standing.REJECTED, by=by, now=now)

    def _review(self, proposal_id: str, verdict: Standing, *, by: str, now: datetime) -> None:
        with writing(self._engine) as db:
            proposal = known_proposal(db, proposal_id)
            _require(db, proposal, Standing.OPEN, now)
            if verdict is Standing.APPROVED and _same_person(by, proposal.proposed_by):
                raise RefusedError(f"{by} proposed {proposal_id}: someone else must approve it")
            row = {"proposal": proposal_id, "verdict": verdict.value, "by": _person(by), "at": now}
            db.execute(insert(reviews).values(row))

    def import_offers(self, offers: Iterable[Offer], *, by: str, now: datetime) -> int:
        """Record prices that are already in force outside; returns the version.

        An offer whose price the book knows keeps it; one that disagrees with the book is refused, because a price in
        force changes through a proposal only.
        """
        with writing(self._engine) as db:
            known = {price.key: price for price in in_force(db)}
            listed = {(offer.id, offer.channel): offer for offer in offers}
            if wrong := [text for key, offer in listed.items() for text in disagreement(offer, known.get(key))]:
                raise RefusedError("; ".join(wrong))
            new = [offer for key, offer in listed.items() if key not in known]
            if not new:
                return latest_version(db)
            made = _append(db, Change.IMPORT, by=by, now=now)
            _open(db, made, [_first_price(offer, made) for offer in new])
            return made.version

    def publish(self, proposal_id: str, *, by: str, now: datetime) -> int:
        """Put an approved proposal's prices in force, all at once; returns the new version."""
        with writing(self._engine) as db:
            proposal = known_proposal(db, proposal_id)
            _require(db, proposal, Standing.APPROVED, now)
            before = {price.key: price for price in in_force(db)}
            if wrong := [text for decision in proposal.decisions for text in faults(decision, before)]:
                raise RefusedError(f"proposal {proposal_id} may not be published: {'; '.join(wrong)}")
            made = _append(db, Change.PUBLISH, by=by, now=now, proposal=proposal_id)
            moved = [decision for decision in proposal.decisions if decision.verdict is Verdict.MOVE]
            _replace(db, made, [_moved(before[decision.key], decision, made) for decision in moved])
            return made.version

    def rollback(self, version: int, *, by: str, now: datetime) -> int:
        """Restore the prices that were in force before a publication, as a new version; returns that version.

        Publications that followed the one undone are undone with it. Offers that came on sale since keep their price.
        """
        with writing(self._engine) as db:
            undone = all_publications(db).get(version)
            if undone is None or undone.change is Change.IMPORT:
                raise RefusedError(f"version {version} is not a publication that can be rolled back")
            made = _append(db, Change.ROLLBACK, by=by, now=now, undone=version)
            current = {price.key: price for price in in_force(db)}
            earlier = in_force(db, undone.at - TICK)
            _replace(db, made, [_again(price, made) for price in earlier if _differs(price, current[price.key])])
            return made.version

    def price_at(self, offer: str, channel: str, at: datetime) -> PriceInForce | None:
        """The price of an offer in a channel at an instant; None if it was not on sale."""
        with reading(self._engine) as db:
            found = in_force(db, at, prices.c.offer == offer, prices.c.channel == channel)
        return found[0] if found else None

    def prices_in_force(self, at: datetime | None = None) -> tuple[PriceInForce, ...]:
        """All prices in force at an instant, or those of the latest version; sorted by offer and channel."""
        with reading(self._engine) as db:
            return in_force(db, at)

    def prices_between(self, start: datetime, end: datetime) -> tuple[PriceInForce, ...]:
        """All prices that were in force at some instant from `start` to `end`; sorted by offer and channel."""
        with reading(self._engine) as db:
            return between(db, start, end)

    def history(self, offer: str) -> tuple[PriceInForce, ...]:
        """All prices an offer ever had, the oldest first."""
        with reading(self._engine) as db:
            return history_of(db, offer)

    def version(self) -> int:
        """Number of the latest publication; 0 for an empty book."""
        with reading(self._engine) as db:
            return latest_version(db)

    def publications(self) -> tuple[Publication, ...]:
        """All versions, the oldest first."""
        with reading(self._engine) as db:
            return tuple(all_publications(db).values())

    def freeze(self, *, by: str, now: datetime, reason: str) -> None:
        """Refuse every change of a price from now on."""
        self._set_frozen(True, by=by, now=now, reason=reason)

    def unfreeze(self, *, by: str, now: datetime, reason: str) -> None:
        """Lift the freeze."""
        self._set_frozen(False, by=by, now=now, reason=reason)

    def _set_frozen(self, frozen: bool, *, by: str, now: datetime, reason: str) -> None:
        with writing(self._engine) as db:
            row = {"frozen": int(frozen), "by": _person(by), "at": now, "reason": reason}
            db.execute(insert(freezes).values(row))

    def frozen(self) -> bool:
        """Whether prices are frozen."""
        with reading(self._engine) as db:
            return freeze_reason(db) is not None


def _person(name: str) -> str:
    if not name.strip():
        raise RefusedError("say who takes this step")
    return name.strip()


def _same_person(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _encode(proposal: Proposal) -> str:
    text = msgspec.json.encode(proposal).decode()
    try:
        if decode(text) == proposal:
            return text
    except (msgspec.ValidationError, ArithmeticError):
        pass
    raise RefusedError(f"proposal {proposal.id} cannot be recorded exactly: a number in it is missing or not finite")


def _require(db: Connection, proposal: Proposal, needed: Standing, now: datetime) -> None:
    reasons = {
        Standing.OPEN: "is not approved",
        Standing.APPROVED: "is approved already",
        Standing.REJECTED: "was rejected",
        Standing.PUBLISHED: "was published already",
        Standing.EXPIRED: f"expired at {proposal.expires_at:%Y-%m-%d %H:%M} UTC; propose again",
    }
    if (standing := standing_of(db, proposal, now)) is Standing.STALE:
        raise RefusedError(_stale(proposal, latest_version(db)))
    if standing is not needed:
        raise RefusedError(f"proposal {proposal.id} {reasons[standing]}")


def _stale(proposal: Proposal, current: int) -> str:
    return (
        f"proposal {proposal.id} is stale: it was made against version {proposal.base_version} of the price book, "
        f"which is at {current}; propose again"
    )


def _append(
    db: Connection, change: Change, *, by: str, now: datetime, proposal: str | None = None, undone: int | None = None
) -> Publication:
    """Begin a new version; a clock that went back dates it just after the one before, so that order is kept."""
    if frozen := freeze_reason(db):
        raise RefusedError(frozen)
    version, last = latest_version(db), db.scalar(select(func.max(publications.c.at)))
    at = now if last is None else max(now, last + TICK)
    made = Publication(version + 1, change, proposal, undone, _person(by), at)
    db.execute(insert(publications).values(dataclasses.asdict(made)))
    return made


def _replace(db: Connection, made: Publication, opened: Sequence[PriceInForce]) -> None:
    same = (prices.c.offer == bindparam("_offer"), prices.c.channel == bindparam("_channel"))
    close = update(prices).where(*same, prices.c.valid_until.is_(None)).values(valid_until=made.at)
    if opened:
        db.execute(close, [{"_offer": price.offer, "_channel": price.channel} for price in opened])
    _open(db, made, opened)


def _open(db: Connection, made: Publication, opened: Sequence[PriceInForce]) -> None:
    rows = [
        {
            "offer": price.offer,
            "channel": price.channel,
            "currency": price.currency,
            "price": price.price,
            "version": made.version,
            "valid_from": made.at,
            "terms": msgspec.json.encode(price.terms, order="sorted").decode(),
        }
        for price in opened
    ]
    if rows:
        db.execute(insert(prices), rows)


def _first_price(offer: Offer, made: Publication) -> PriceInForce:
    terms = {
        "product": offer.product,
        "segment": offer.segment,
        "event": offer.event,
        "list_price": None if offer.list_price is None else f"{offer.list_price:f}",
    }
    price = parse_amount(offer.current_price, offer.currency)
    return PriceInForce(offer.id, offer.channel, price, offer.currency, made.version, made.at, None, terms)


def _moved(before: PriceInForce, decision: Decision, made: Publication) -> PriceInForce:
    price = parse_amount(decision.allowed, decision.currency)
    return PriceInForce(before.offer, before.channel, price, before.currency, made.version, made.at, None, before.terms)


def _again(price: PriceInForce, made: Publication) -> PriceInForce:
    return PriceInForce(
        price.offer, price.channel, price.price, price.currency, made.version, made.at, None, price.terms
    )


def _differs(one: PriceInForce, other: PriceInForce) -> bool:
    return (one.price, one.currency, one.terms) != (other.price, other.currency, other.terms)
