"""What the price book's tables say, within a transaction that the caller holds."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from api.store.checks import Key
from api.store.tables import freezes, prices, proposals, publications, reviews
from pricing.book import Change, Decision, PriceInForce, Proposal, Publication, Standing
from pricing.errors import RefusedError


def find_proposal(db: Connection, proposal_id: str) -> Proposal | None:
    """A proposal, if there is one of that id."""
    body = db.scalar(select(proposals.c.body).where(proposals.c.id == proposal_id))
    return None if body is None else decode(body)


def known_proposal(db: Connection, proposal_id: str) -> Proposal:
    """A proposal that must be there (RefusedError if it is not)."""
    if (proposal := find_proposal(db, proposal_id)) is None:
        raise RefusedError(f"there is no proposal {proposal_id}")
    return proposal


def decode(body: str) -> Proposal:
    """Read a proposal back from its JSON, also from before decisions had a `gain`."""
    try:
        return msgspec.json.decode(body, type=Proposal)
    except msgspec.ValidationError:
        raw = msgspec.json.decode(body)
    for decision in raw["decisions"]:
        if "loss_probability" in decision:
            decision["gain"] = _widest(decision, decision.pop("loss_probability"))
    return msgspec.convert(raw, Proposal)


def _widest(decision: Mapping[str, Any], loss_probability: float) -> dict[str, float]:
    """A gain of which only the ends of both outcomes are known: the widest reading."""
    cost = float(decision["unit_cost"])

    def margin(when: str, end: str) -> float:
        outcome = decision[when]
        return float(outcome[f"revenue{end}"]) - cost * float(outcome[f"units{end}"])

    return {
        "expected": margin("then", "") - margin("now", ""),
        "low": margin("then", "_low") - margin("now", "_high"),
        "high": margin("then", "_high") - margin("now", "_low"),
        "loss_probability": loss_probability,
    }


def standing_of(db: Connection, proposal: Proposal, now: datetime) -> Standing:
    """How far a proposal has come."""
    if db.scalar(select(publications.c.version).where(publications.c.proposal == proposal.id)):
        return Standing.PUBLISHED
    verdict = db.scalar(select(reviews.c.verdict).where(reviews.c.proposal == proposal.id))
    if verdict == Standing.REJECTED:
        return Standing.REJECTED
    if not now < proposal.expires_at:
        return Standing.EXPIRED
    if proposal.base_version != latest_version(db):
        return Standing.STALE
    return Standing.APPROVED if verdict else Standing.OPEN


def latest_version(db: Connection) -> int:
    """Number of the latest publication; 0 for an empty book."""
    return db.scalar(select(func.max(publications.c.version))) or 0


def all_publications(db: Connection) -> dict[int, Publication]:
    """Every publication by its version, the oldest first."""
    rows = db.execute(select(publications).order_by(publications.c.version))
    return {row.version: _publication(row) for row in rows}


def _publication(row: Row[Any]) -> Publication:
    return Publication(row.version, Change(row.change), row.proposal, row.undone, row.by, row.at)


def freeze_reason(db: Connection) -> str | None:
    """Why prices are frozen; None if they are not."""
    row = db.execute(select(freezes).order_by(freezes.c.number.desc()).limit(1)).first()
    if row is None or not row.frozen:
        return None
    return f"prices are frozen since {row.at:%Y-%m-%d %H:%M} UTC by {row.by} ({row.reason}); unfreeze them first"


def in_force(db: Connection, at: datetime | None = None, *where: ColumnElement[bool]) -> tuple[PriceInForce, ...]:
    """Prices in force at an instant, or those of the latest version; sorted by offer and channel."""
    if at is None:
        instant: ColumnElement[bool] = prices.c.valid_until.is_(None)
    else:
        instant = and_(prices.c.valid_from <= at, or_(prices.c.valid_until.is_(None), prices.c.valid_until > at))
    return _sorted(_price(row) for row in db.execute(select(prices).where(instant, *where)))


def between(db: Connection, start: datetime, end: datetime) -> tuple[PriceInForce, ...]:
    """All prices in force at some instant from `start` to `end`."""
    still = or_(prices.c.valid_until.is_(None), prices.c.valid_until > start)
    return _sorted(_price(row) for row in db.execute(select(prices).where(prices.c.valid_from <= end, still)))


def history_of(db: Connection, offer: str) -> tuple[PriceInForce, ...]:
    """Every price an offer ever had, channel by channel, the oldest first."""
    return _sorted(_price(row) for row in db.execute(select(prices).where(prices.c.offer == offer)))


def _sorted(found: Iterable[PriceInForce]) -> tuple[PriceInForce, ...]:
    """By offer, channel and time; here, as a database sorts text by the customs of its country."""
    return tuple(sorted(found, key=lambda price: (*price.key, price.valid_from)))


def _price(row: Row[Any]) -> PriceInForce:
    terms = msgspec.json.decode(row.terms, type=dict[str, str | None])
    return PriceInForce(
        row.offer, row.channel, row.price, row.currency, row.version, row.valid_from, row.valid_until, terms
    )


def decisions_in_effect(
    db: Connection, made: Mapping[int, Publication], wanted: Collection[Key]
) -> dict[Key, tuple[Proposal, Decision]]:
    """The latest published decision on each offer and channel that no rollback has undone, with its proposal.

    A decision to keep a price explains it as much as the one that moved it did.
    """
    missing, found, version = set(wanted), dict[Key, tuple[Proposal, Decision]](), max(made, default=0)
    while version and missing:
        publication = made[version]
        if publication.proposal is not None:
            proposal = known_proposal(db, publication.proposal)
            found |= {decision.key: (proposal, decision) for decision in proposal.decisions if decision.key in missing}
            missing -= found.keys()
        version = (publication.undone or version) - 1
    return found
