"""What the API says about each price, encoded once per version of the book.

Guarantees
----------
* An answer is made from the book alone, in one transaction: prices, explanations and keys belong to one version.
* Money is a string with its currency. What the law of its market wants beside a price stands there (`api.beside`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, func, select

from api.beside import Past, beside, event_of
from api.served.snapshot import Content, Entry, Snapshot
from api.store.checks import Key
from api.store.keys import live_keys
from api.store.past import earlier_prices, inputs_of
from api.store.queries import (
    all_publications,
    coming,
    decisions_in_effect,
    in_force,
    latest_version,
    moment,
    price_numbered,
)
from api.store.tables import keys, revocations, secrets
from pricing.book import Change, Decision, PriceInForce, Proposal, Publication
from pricing.law import NO_LAW, Law

Mark = tuple[int, int, int]
Decided = Mapping[Key, tuple[Proposal, Decision]]

SET_BY = {
    Change.IMPORT: "The price was in force before Fairfare was asked; nothing has been decided about it yet.",
    Change.ROLLBACK: "A publication was taken back; this is the price that was in force before it.",
}


def mark_of(db: Connection) -> Mark:
    """What has changed if anything that is served has: the version, the newest key, and how many are revoked."""
    newest, revoked = select(func.max(keys.c.number)), select(func.count()).select_from(revocations)
    return latest_version(db), db.scalar(newest) or 0, db.scalar(revoked) or 0


def take(db: Connection, *, now: datetime, law: Law = NO_LAW) -> Snapshot:
    """The latest version of the book, ready to be served: prices in force, and those that begin later.

    Parameters
    ----------
    law : of the markets, which says what stands beside a price
    """
    made, at = all_publications(db), moment(db, now)
    entries = _entries(db, made, list(_explained(db, made, at)), law)
    known = {
        hashed: (key.holder, tuple(sorted(scope.value for scope in key.scopes)))
        for hashed, key in live_keys(db).items()
    }
    secret = db.scalars(select(secrets.c.value).where(secrets.c.name == "quotes")).one()
    entries.sort(key=lambda entry: (*entry.key, entry.valid_from))
    return Snapshot.of(Content(latest_version(db), now, known, secret, tuple(entries)), at)


def entry_of(db: Connection, number: int, *, law: Law) -> Entry | None:
    """One price of the book as it was served, whether or not it still is in force; None if there is none."""
    if (price := price_numbered(db, number)) is None:
        return None
    made = all_publications(db)
    decided = decisions_in_effect(db, made, [price.key], price.valid_from)
    return _entries(db, made, [(price, decided)], law)[0]


def _entries(
    db: Connection, made: Mapping[int, Publication], explained: Sequence[tuple[PriceInForce, Decided]], law: Law
) -> list[Entry]:
    pasts = _pasts(db, made, explained, law)
    return [
        _entry(price, made, decided, beside(price, past, law))
        for (price, decided), past in zip(explained, pasts, strict=True)
    ]


def _explained(db: Connection, made: Mapping[int, Publication], at: datetime) -> Iterator[tuple[PriceInForce, Decided]]:
    """Prices in force at an instant and those that come later, each with what explains it then."""
    by_instant: dict[datetime, list[PriceInForce]] = {at: list(in_force(db, at))}
    for price in coming(db, at):
        by_instant.setdefault(price.valid_from, []).append(price)
    for instant, prices in by_instant.items():
        decided = decisions_in_effect(db, made, [price.key for price in prices], instant)
        yield from ((price, decided) for price in prices)


def _pasts(
    db: Connection, made: Mapping[int, Publication], explained: Sequence[tuple[PriceInForce, Decided]], law: Law
) -> Iterator[Past]:
    """How each price came about, as far as the law asks."""
    priced = [price for price, _ in explained]
    days = {price.number: law.market(price.channel).reference_days(event_of(price)) for price in priced}
    inputs = inputs_of(db, made, priced)
    before = earlier_prices(db, [price for price in priced if days[price.number]], days=max(days.values(), default=0))
    same: dict[Key, list[PriceInForce]] = {}
    for price in priced:
        same.setdefault(price.key, []).append(price)
    for price, decided in explained:
        latest = decided[price.key][0].provenance.inputs if price.key in decided else ()
        later = [other for other in same[price.key] if other.valid_from > price.valid_from]
        yield Past(before.get(price.key, ()), later, inputs.get(price.number or 0, frozenset()) | {*latest})


def _entry(
    price: PriceInForce, made: Mapping[int, Publication], decided: Decided, stands_beside: dict[str, Any]
) -> Entry:
    proposal, decision = decided.get(price.key, (None, None))
    encode = msgspec.json.encode
    return Entry(
        price.number or 0,  # what is in the book has one
        price.offer,
        price.channel,
        price.terms["product"] or "",
        price.terms["segment"] or "",
        price.terms["event"] or "",
        price.valid_from,
        price.valid_until,
        msgspec.Raw(encode(_answer(price, stands_beside))),
        msgspec.Raw(encode(_explanation(price, made[price.version].change, proposal, decision))),
    )


def _link(price: PriceInForce) -> str:
    return f"/v1/prices/{quote(price.offer, safe='')}/explanation?channel={quote(price.channel, safe='')}"


def _answer(price: PriceInForce, stands_beside: dict[str, Any]) -> dict[str, Any]:
    return {
        "offer": price.offer,
        "channel": price.channel,
        "total_price": stands_beside["total_price"],  # first of the amounts: it is the one to show
        "price": f"{price.price:f}",
        "currency": price.currency,
        "version": price.version,
        "valid_from": price.valid_from,
        "valid_until": price.valid_until,
        **price.terms,
        **stands_beside,
        "explanation": _link(price),
    }


def _explanation(
    price: PriceInForce, change: Change, proposal: Proposal | None, decision: Decision | None
) -> dict[str, Any]:
    known = [] if change is Change.PUBLISH else [SET_BY[change]]
    answer: dict[str, Any] = {
        "offer": price.offer,
        "channel": price.channel,
        "price": f"{price.price:f}",
        "currency": price.currency,
        "version": price.version,
        "set_by": change,
        "verdict": None,
        "reasons": known,
        "evidence": None,
        "now": None,
        "then": None,
        "loss_probability": None,
        "gain": None,
        "shadow_price": None,
        "binding": [],
        "acted": [],
        "lower": None,
        "higher": None,
        "one_step_more": None,
        "weaker_response": None,
        "provenance": None,
        "decided_at": None,
    }
    if proposal is None or decision is None:
        return answer
    return answer | {
        "verdict": decision.verdict,
        "reasons": [*(known if change is Change.ROLLBACK else []), *decision.reasons],
        "evidence": asdict(decision.evidence),
        "now": decision.now,
        "then": decision.then,
        "loss_probability": decision.gain.loss_probability,
        "gain": decision.gain,
        "shadow_price": decision.shadow_price,
        **{field.name: getattr(decision.explanation, field.name) for field in fields(decision.explanation)},
        "provenance": proposal.provenance,
        "decided_at": proposal.proposed_at,
    }
