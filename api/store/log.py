"""The log: every step ever taken, each entry chained to the one before by its hash.

Guarantees
----------
* An entry is written in the transaction of the step it records: there is none without the other.
* An entry's hash is the SHA-256 of the hash before it and of everything the entry says; an entry that was edited,
  removed or put in between breaks the chain.
* The anchor, a text file outside the database, gets number and hash of each entry once it is committed. It tells what
  a chain cannot: that its tail was cut, or that all of it was written anew.
* Replaying the log gives every price the book holds, with its instants. The log also tells what was proposed, who
  approved or rejected it, what is offered and when prices were frozen.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Engine, Select, Table, insert, select
from sqlalchemy import Row as RowOf

from api.store.database import after_commit, reading
from api.store.tables import freezes, listings, log, overrides, parts, prices, proposals, reviews
from pricing.book import PriceInForce

ANCHOR_NAME = "log.anchor"
BEGINNING = "0" * 64
"""What the first entry is chained to."""
CUT_SHORT = re.compile(r"[0-9]*( [0-9a-f]{0,63})?", re.ASCII)
"""A line of the anchor that was never written to its end: it tells nothing."""

VERDICTS = {"approved": "approve", "rejected": "reject"}
"""What a review's verdict is called in the log."""

logger = structlog.get_logger()
Row = dict[str, Any]
Rows = dict[tuple[str, str, str], list[Row]]
"""The prices of each offer, channel and currency, in the order they were set."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One step: what was done (`action`) to what (`subject`), by whom, and what came of it (`body`, JSON)."""

    number: int
    at: datetime
    by: str
    action: str
    subject: str
    body: str
    hash: str


def append(
    db: Connection, action: str, subject: str, body: Mapping[str, Any], *, by: str, now: datetime, anchor: Path | None
) -> None:
    """Record a step within its transaction; the anchor follows when it is committed."""
    last = db.execute(select(log.c.number, log.c.hash).order_by(log.c.number.desc()).limit(1)).first()
    number, before = (last.number + 1, last.hash) if last else (1, BEGINNING)
    text = msgspec.json.encode(body, order="sorted").decode()
    made = _chained(before, Entry(number, now, by, action, subject, text, hash=""))
    db.execute(insert(log).values(asdict(made)))
    if anchor is not None:
        after_commit(db, lambda: _advance(anchor, made))


def entries(db: Connection, *, after: int = 0, limit: int | None = None) -> Iterator[Entry]:
    """Entries in their order, beyond a number."""
    rows = db.execute(select(log).where(log.c.number > after).order_by(log.c.number).limit(limit))
    return (Entry(*row) for row in rows)


def _chained(before: str, entry: Entry) -> Entry:
    """The entry with its hash, whatever hash it came with."""
    said = [entry.number, instant(entry.at), entry.by, entry.action, entry.subject, entry.body]
    return replace(entry, hash=hashlib.sha256(before.encode() + msgspec.json.encode(said)).hexdigest())


def _advance(anchor: Path, entry: Entry) -> None:
    """Add a line; one write of a few bytes at the end of a file, whoever else adds one."""
    line = f"{entry.number} {entry.hash}\n".encode()
    try:
        file = os.open(anchor, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(file).st_size
            cut_short = size > 0 and os.pread(file, 1, size - 1) != b"\n"  # by a kill or a full disk
            os.write(file, b"\n" + line if cut_short else line)
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:  # the step is committed: it must not look as if it had failed
        logger.warning("the anchor of the log could not be written", path=str(anchor), reason=str(error))


def verify(engine: Engine, anchor: Path | None) -> tuple[str, ...]:
    """What is wrong with the log, its anchor, and the book beside it; empty if nothing is.

    Raises
    ------
    UnavailableError
        if the database does not answer.
    """
    with reading(engine) as db:
        chain = tuple(entries(db))
        held = _held(db)
        bodies = {row.id: row.body for row in db.execute(select(proposals.c.id, proposals.c.body))}
        listed = [(row.offer, row.channel, digest(row.body)) for row in db.execute(_in_order(listings))]
        freezing = [("freeze" if row.frozen else "unfreeze", row.by) for row in db.execute(_in_order(freezes))]
        overridden = [(about_override(row), row.by) for row in db.execute(_in_order(overrides))]
        reviewed = {row.proposal: (VERDICTS[row.verdict], row.by) for row in db.execute(select(reviews))}
        split = {row.proposal: row.whole for row in db.execute(select(parts))}
    return (
        *_breaks(chain),
        *_adrift(chain, anchor),
        *_edited(chain, bodies),
        *_unlisted(chain, listed),
        *_unreviewed(chain, reviewed),
        *_misplaced(chain, split),
        *_unfrozen(chain, freezing),
        *_overridden(chain, overridden),
        *_differences(replay(chain), held),
    )


def _in_order(table: Table) -> Select[Any]:
    return select(table).order_by(table.c.number)


def _breaks(chain: Sequence[Entry]) -> Iterator[str]:
    before, expected = BEGINNING, 1
    for entry in chain:
        if entry.number != expected:
            yield f"the log goes from entry {expected - 1} to {entry.number}"
        if entry != _chained(before, entry):
            yield f"entry {entry.number} of the log is not what was written"
        before, expected = entry.hash, entry.number + 1


def _adrift(chain: Sequence[Entry], anchor: Path | None) -> Iterator[str]:
    if anchor is None:
        return
    if not anchor.exists() and any(entry.action != "adopt" for entry in chain):
        yield f"the anchor {anchor.name} is gone: nothing else tells that the log was cut short or written anew"
    known = {entry.number: entry.hash for entry in chain}
    text = anchor.read_text(encoding="ascii", errors="replace") if anchor.exists() else ""
    for line in text.splitlines():
        number, _, hashed = line.partition(" ")
        if CUT_SHORT.fullmatch(line):
            continue
        if not number.isdecimal():
            yield f"the anchor {anchor.name} holds what is no entry: {line[:40]!r}"
        elif int(number) not in known:
            yield f"entry {number} of the log is gone; the anchor {anchor.name} knows it"
        elif known[int(number)] != hashed:
            yield f"entry {number} of the log is another than the anchor {anchor.name} knows"


def _edited(chain: Sequence[Entry], bodies: Mapping[str, str]) -> Iterator[str]:
    """Proposals that are not what was proposed."""
    for name, hashed in _proposed(chain):
        if digest(bodies.get(name, "")) != hashed:
            yield f"proposal {name} is not what was proposed"


def _proposed(chain: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    """Every proposal that was made, with the digest of its body."""
    for entry in chain:
        if entry.action in {"propose", "override"}:
            yield entry.subject, msgspec.json.decode(entry.body)["sha256"]
        elif entry.action == "split":
            yield from msgspec.json.decode(entry.body)["parts"].items()


def _unlisted(chain: Sequence[Entry], listed: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Descriptions of offers, with their bounds, that are not what was imported."""
    told = [
        (row["offer"], row["channel"], row["sha256"])
        for entry in chain
        for row in msgspec.json.decode(entry.body).get("listings", ())
    ]
    for said, found in zip_longest(told, listed):
        if said != found:
            yield f"what is offered as {(said or found)[0]} is not what was imported"


def _unreviewed(chain: Sequence[Entry], held: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """Proposals that others approved or rejected than the log tells, or nobody did."""
    told = {entry.subject: (entry.action, entry.by) for entry in chain if entry.action in {"approve", "reject"}}
    for name, _ in _proposed(chain):
        if told.get(name) != held.get(name):
            yield f"who approved or rejected proposal {name} is not what the log tells"


def _misplaced(chain: Sequence[Entry], held: Mapping[str, str]) -> Iterator[str]:
    """Proposals that are a part of another one than the log tells; an override of a part stands for it."""
    told: dict[str, str] = {}
    for entry in chain:
        body = msgspec.json.decode(entry.body)
        if entry.action == "split":
            told |= dict.fromkeys(body["parts"], entry.subject)
        elif entry.action == "override" and body.get("instead_of") in told:
            told[entry.subject] = told[body["instead_of"]]
    for name in sorted({*told, *held}):
        if told.get(name) != held.get(name):
            yield f"what proposal {name} is a part of is not what the log tells"


def _unfrozen(chain: Sequence[Entry], held: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Freezes that are not those of the log; a book that is older than logs may hold some from before it."""
    told = [(entry.action, entry.by) for entry in chain if entry.action in {"freeze", "unfreeze"}]
    older = len(held) - len(told) if chain and chain[0].action == "adopt" else 0
    if list(held[max(older, 0) :]) != told:
        yield "what froze prices is not what the log tells"


def about_override(row: RowOf[Any]) -> Row:
    """An override, or its end, as the log tells it."""
    return {
        "offer": row.offer,
        "channel": row.channel,
        "kind": row.kind,
        "amount": None if row.amount is None else f"{row.amount:f}",
        "currency": row.currency,
        "until": instant(row.until),
        "reason": row.reason,
    }


def _overridden(chain: Sequence[Entry], held: Sequence[tuple[Row, str]]) -> Iterator[str]:
    """Overrides that are not what the log tells."""
    told = [
        (msgspec.json.decode(entry.body), entry.by)
        for entry in chain
        if entry.action in {"set-override", "end-override"}
    ]
    for said, found in zip_longest(told, held):
        if said != found:
            yield f"an override of {(said or found)[0]['offer']} is not what the log tells"


def digest(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def replay(chain: Sequence[Entry]) -> Rows:
    """Every price the steps of the log lead to."""
    rows: Rows = {}
    for entry in chain:
        body = msgspec.json.decode(entry.body)
        if entry.action == "adopt":
            for row in body["prices"]:
                rows.setdefault(_key(row), []).append(row)
            continue
        for price in body.get("prices", ()):
            of_offer = rows.setdefault(_key(price), [])
            new = {**price, "valid_until": None, "voided": None}
            for row in of_offer:
                _give_way(row, new)
            of_offer.append(new)
    return rows


def _give_way(row: Row, new: Row) -> None:
    """A price that has not begun when another begins is taken back, one in force then ends."""
    if row["voided"] is None and row["valid_from"] >= new["valid_from"]:
        row["voided"] = new["version"]
    elif row["voided"] is None and (row["valid_until"] is None or row["valid_until"] > new["valid_from"]):
        row["valid_until"] = new["valid_from"]


def told(price: PriceInForce) -> Row:
    """A price as the log tells it."""
    return {
        "offer": price.offer,
        "channel": price.channel,
        "currency": price.currency,
        "price": f"{price.price:f}",
        "version": price.version,
        "valid_from": instant(price.valid_from),
        "terms": price.terms,
    }


def instant(at: datetime) -> str:
    """An instant as text of a fixed length, so that texts are in the order of time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def adopt(db: Connection) -> None:
    """Begin the log of a book that is older than logs, with all prices it holds; dated like the last of them."""
    held = [row for rows in _held(db).values() for row in rows]
    if held and next(entries(db, limit=1), None) is None:
        last = datetime.fromisoformat(max(row["valid_from"] for row in held))
        append(db, "adopt", "book", {"prices": held}, by="upgrade", now=last, anchor=None)


def _held(db: Connection) -> Rows:
    rows: Rows = {}
    for row in db.execute(select(prices).order_by(prices.c.number)):
        price = PriceInForce(
            row.offer,
            row.channel,
            row.price,
            row.currency,
            row.version,
            row.valid_from,
            row.valid_until,
            msgspec.json.decode(row.terms),
        )
        until = None if price.valid_until is None else instant(price.valid_until)
        rows.setdefault((row.offer, row.channel, row.currency), []).append(
            {**told(price), "valid_until": until, "voided": row.voided}
        )
    return rows


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["offer"], row["channel"], row["currency"]


def _differences(expected: Rows, held: Rows) -> Iterator[str]:
    for key in sorted({*expected, *held}):
        name = " ".join(key)
        one, other = expected.get(key, []), held.get(key, [])
        if len(one) != len(other):
            yield f"the book holds {len(other)} prices of {name}, the log tells of {len(one)}"
        for said, found in zip(one, other, strict=False):
            if said != found:
                yield f"the price of {name} from {found['valid_from']} is not what the log tells"
