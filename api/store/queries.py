"""What the price book's tables say, within a transaction that the caller holds."""

import functools
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from api.store.checks import Key
from api.store.tables import freezes, listings, overrides, parts, prices, proposals, publications, reviews
from pricing.book import Change, Decision, Listing, PriceInForce, Proposal, Publication, Standing
from pricing.errors import RefusedError
from pricing.overrides import Kind, Override


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
    if db.scalar(select(parts.c.proposal).where(parts.c.whole == proposal.id).limit(1)):
        return Standing.SPLIT
    if not now < proposal.expires_at:
        return Standing.EXPIRED
    if _overtaken(db, proposal):
        return Standing.STALE
    return Standing.APPROVED if verdict else Standing.OPEN


def _overtaken(db: Connection, proposal: Proposal) -> bool:
    """Whether the book moved on since a proposal was made, other than by parts of what it is a part of.

    These decide about other offers, and in the same solve: the prices they set are those that were expected.
    """
    later = latest_version(db) - proposal.base_version
    if later == 0:
        return False
    origin = select(parts.c.origin).where(parts.c.proposal == proposal.id).scalar_subquery()
    siblings = select(parts.c.proposal).where(parts.c.origin == origin)
    theirs = select(func.count()).where(
        publications.c.version > proposal.base_version, publications.c.proposal.in_(siblings)
    )
    return db.scalar(theirs) != later


def origin_of(db: Connection, proposal_id: str) -> str | None:
    """The proposal that was split first, of which this one is a part; None if it is no part."""
    return db.scalar(select(parts.c.origin).where(parts.c.proposal == proposal_id))


def latest_version(db: Connection) -> int:
    """Number of the latest publication; 0 for an empty book."""
    return db.scalar(select(func.max(publications.c.version))) or 0


def all_publications(db: Connection) -> dict[int, Publication]:
    """Every publication by its version, the oldest first."""
    rows = db.execute(select(publications).order_by(publications.c.version))
    return {row.version: _publication(row) for row in rows}


def _publication(row: Row[Any]) -> Publication:
    begins = row.effective_at or row.at
    return Publication(row.version, Change(row.change), row.proposal, row.undone, row.by, row.at, begins)


def moment(db: Connection, now: datetime) -> datetime:
    """What counts as now: a clock that went back does not bring back prices from before the latest publication."""
    last = db.scalar(select(func.max(publications.c.at)))
    return now if last is None else max(now, last)


def freeze_reason(db: Connection) -> str | None:
    """Why prices are frozen; None if they are not."""
    row = db.execute(select(freezes).order_by(freezes.c.number.desc()).limit(1)).first()
    if row is None or not row.frozen:
        return None
    return f"prices are frozen since {row.at:%Y-%m-%d %H:%M} UTC by {row.by} ({row.reason}); unfreeze them first"


def in_force(db: Connection, at: datetime, *where: ColumnElement[bool]) -> tuple[PriceInForce, ...]:
    """Prices in force at an instant; sorted by offer and channel."""
    return _found(db, prices.c.valid_from <= at, _ends_after(at), *where)


def coming(db: Connection, at: datetime) -> tuple[PriceInForce, ...]:
    """Prices that begin after an instant."""
    return _found(db, prices.c.valid_from > at)


def price_numbered(db: Connection, number: int) -> PriceInForce | None:
    """One price, by its number in the book."""
    found = _found(db, prices.c.number == number)
    return found[0] if found else None


def between(db: Connection, start: datetime, end: datetime, *where: ColumnElement[bool]) -> tuple[PriceInForce, ...]:
    """All prices in force at some instant from `start` to `end`."""
    return _found(db, prices.c.valid_from <= end, _ends_after(start), *where)


def set_before(db: Connection, version: int, *, until: datetime) -> dict[Key, PriceInForce]:
    """The price that versions before this one put in force last, of each offer and channel, as far as it has begun."""
    found = _found(db, prices.c.version < version, prices.c.valid_from <= until)
    return {price.key: price for price in found}  # the latest of each comes last


def set_by(db: Connection, versions: Collection[int]) -> set[Key]:
    """Offers and channels whose price one of these versions set."""
    return {price.key for price in _found(db, prices.c.version.in_(versions))}


def _ends_after(at: datetime) -> ColumnElement[bool]:
    return or_(prices.c.valid_until.is_(None), prices.c.valid_until > at)


def history_of(db: Connection, offer: str) -> tuple[PriceInForce, ...]:
    """Every price an offer ever had, channel by channel, the oldest first."""
    return _found(db, prices.c.offer == offer)


def _found(db: Connection, *where: ColumnElement[bool]) -> tuple[PriceInForce, ...]:
    """Prices by offer, channel and time; sorted here, as a database sorts text by the customs of its country."""
    rows = db.execute(select(prices).where(prices.c.voided.is_(None), *where))
    return tuple(sorted(map(_price, rows), key=lambda price: (*price.key, price.valid_from)))


def _price(row: Row[Any]) -> PriceInForce:
    terms = msgspec.json.decode(row.terms, type=dict[str, str | None])
    return PriceInForce(
        row.offer, row.channel, row.price, row.currency, row.version, row.valid_from, row.valid_until, terms, row.number
    )


def listing_of(db: Connection) -> dict[Key, Listing]:
    """What every offer is, as its owner last described it."""
    latest = select(func.max(listings.c.number)).group_by(listings.c.offer, listings.c.channel)
    rows = db.execute(select(listings).where(listings.c.number.in_(latest)))
    return {(row.offer, row.channel): _listing(row.body) for row in rows}


@functools.lru_cache(maxsize=20_000)
def _listing(body: str) -> Listing:
    """A listing from its JSON; asked for again and again, as it rarely changes."""
    return msgspec.json.decode(body, type=Listing)


def last_overrides(db: Connection) -> tuple[Override, ...]:
    """The override of each offer, channel and kind that was set last, whether or not it stands; none that was ended."""
    latest = select(func.max(overrides.c.number)).group_by(overrides.c.offer, overrides.c.channel, overrides.c.kind)
    rows = db.execute(select(overrides).where(overrides.c.number.in_(latest), overrides.c.amount.is_not(None)))
    return tuple(sorted(map(_override, rows), key=lambda each: (*each.key, list(Kind).index(each.kind))))


def _override(row: Row[Any]) -> Override:
    return Override(
        offer=row.offer,
        channel=row.channel,
        kind=Kind(row.kind),
        amount=row.amount,
        currency=row.currency,
        until=row.until,
        reason=row.reason,
        by=row.by,
        at=row.at,
        number=row.number,
    )


def standing_overrides(db: Connection, at: datetime) -> dict[Key, tuple[Override, ...]]:
    """Overrides that stand at an instant, by offer and channel; those that ended by then bind nobody."""
    found: dict[Key, tuple[Override, ...]] = {}
    for each in last_overrides(db):
        if at < each.until:
            found[each.key] = (*found.get(each.key, ()), each)
    return found


def took_back_alone(made: Mapping[int, Publication], rollback: Publication) -> bool:
    """Whether a rollback took back one scheduled publication only, because its prices had not begun."""
    return rollback.undone is not None and made[rollback.undone].effective_at > rollback.at


def decisions_in_effect(
    db: Connection, made: Mapping[int, Publication], wanted: Collection[Key], at: datetime
) -> dict[Key, tuple[Proposal, Decision]]:
    """The published decision that explains the price of each offer and channel at an instant, with its proposal.

    It is the latest that has begun and that no rollback has undone. A decision to keep a price explains it as much as
    the one that moved it did.
    """
    missing, found = set(wanted), dict[Key, tuple[Proposal, Decision]]()
    begun = [publication for publication in still_standing(made) if publication.effective_at <= at]
    for publication in sorted(begun, key=lambda publication: publication.effective_at, reverse=True):
        if not missing:
            break
        if publication.proposal is not None:
            proposal = known_proposal(db, publication.proposal)
            found |= {decision.key: (proposal, decision) for decision in proposal.decisions if decision.key in missing}
            missing -= found.keys()
    return found


def still_standing(made: Mapping[int, Publication]) -> Iterator[Publication]:
    """Publications that no rollback has undone, the latest first."""
    version, alone = max(made, default=0), set[int | None]()
    while version:
        publication = made[version]
        if publication.undone is None:
            if version not in alone:
                yield publication
            version -= 1
        elif took_back_alone(made, publication):
            alone.add(publication.undone)
            version -= 1
        else:
            version = publication.undone - 1
