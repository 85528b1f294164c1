"""What the API says about each price, encoded once per version of the book.

Guarantees
----------
* An answer is made from the book alone, in one transaction: prices, explanations and keys belong to one version.
* Money is a string with its currency. No personal data enters a price, so there is nothing to disclose beside it.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, func, select

from api.snapshot import Content, Entry, Snapshot
from api.store.checks import Key
from api.store.keys import key_hashes
from api.store.queries import all_publications, decisions_in_effect, in_force, latest_version
from api.store.tables import keys
from pricing.book import Change, Decision, PriceInForce, Proposal

Mark = tuple[int, int]
Decided = Mapping[Key, tuple[Proposal, Decision]]

SET_BY = {
    Change.IMPORT: "The price was in force before Fairfare was asked; nothing has been decided about it yet.",
    Change.ROLLBACK: "A publication was taken back; this is the price that was in force before it.",
}


def mark_of(db: Connection) -> Mark:
    """What has changed if anything that is served has: the version, and the number of the newest key."""
    return latest_version(db), db.scalar(select(func.max(keys.c.number))) or 0


def take(db: Connection, *, now: datetime) -> Snapshot:
    """The latest version of the book, ready to be served."""
    made, prices = all_publications(db), in_force(db)
    decided = decisions_in_effect(db, made, [price.key for price in prices])
    entries = tuple(_entry(price, made[price.version].change, decided) for price in prices)
    hashes = {hashed: tuple(sorted(scope.value for scope in scopes)) for hashed, scopes in key_hashes(db).items()}
    return Snapshot.of(Content(latest_version(db), now, hashes, entries))


def _entry(price: PriceInForce, change: Change, decided: Decided) -> Entry:
    proposal, decision = decided.get(price.key, (None, None))
    encode = msgspec.json.encode
    return Entry(
        price.offer,
        price.channel,
        price.terms["product"] or "",
        price.terms["segment"] or "",
        price.terms["event"] or "",
        msgspec.Raw(encode(_answer(price))),
        msgspec.Raw(encode(_explanation(price, change, proposal, decision))),
    )


def _link(price: PriceInForce) -> str:
    return f"/v1/prices/{quote(price.offer, safe='')}/explanation?channel={quote(price.channel, safe='')}"


def _answer(price: PriceInForce) -> dict[str, Any]:
    amount = f"{price.price:f}"
    return {
        "offer": price.offer,
        "channel": price.channel,
        "price": amount,
        "currency": price.currency,
        "total_price": amount,
        "version": price.version,
        "valid_from": price.valid_from,
        "valid_until": price.valid_until,
        **price.terms,
        "disclosures": [],
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
