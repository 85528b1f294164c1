"""Where the book stands, read once for a page.

Guarantees
----------
* All of it is one moment of the book.
* The book is read once for each of its steps, however many pages show it: whatever changes it adds to its log, whose
  last hash tells whether anything did.
"""

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from flask import g
from sqlalchemy import Connection, select

from api.bookings import Bookings, load_bookings
from api.http.backend import Backend
from api.settings import Settings
from api.store.checks import Key
from api.store.database import reading
from api.store.queries import (
    all_publications,
    coming,
    decode,
    in_force,
    last_overrides,
    listing_of,
    moment,
    origin_of,
    standing_of,
)
from api.store.tables import freezes, log, proposals
from pricing.book import Change, Decision, Listing, PriceInForce, Proposal, Publication, Standing, Verdict
from pricing.model import ALL, Offer
from pricing.outcome import TotalGain
from pricing.overrides import Kind, Override

WAITING = (Standing.OPEN, Standing.APPROVED)
FIRST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stop:
    """All changes are stopped: since when, by whom and why, and which versions that takes back for good."""

    at: datetime
    by: str
    reason: str
    taken_back: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Book:
    """What a book holds after one of its steps.

    Attributes
    ----------
    listings : of all that ever was offered
    prices : in force at the step, or later
    decided : what was decided last, also in other parts of what the latest proposal is a part of
    memo : what pages worked out of it, by a name of theirs
    """

    listings: Mapping[Key, Listing]
    prices: tuple[PriceInForce, ...]
    stop: Stop | None
    last: Publication | None
    proposal: Proposal | None
    decided: Mapping[Key, Decision]
    memo: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Situation:
    """The book at one moment.

    Attributes
    ----------
    listings : what is on sale, by offer and channel
    prices, coming : in force now, and those that begin later
    stop : None if prices may change
    last : what changed prices last; None if nothing did
    proposal, standing : the one made last, and how far it has come
    decided : what was decided last of each price, also where that is in force or over
    bookings : how events fill up, as far as it was kept
    overrides : set last on what is on sale, by people; those that ended by themselves among them
    memo : what pages worked out of the book, kept until its next step
    """

    now: datetime
    settings: Settings
    listings: Mapping[Key, Listing]
    prices: Mapping[Key, PriceInForce]
    coming: tuple[PriceInForce, ...]
    stop: Stop | None
    last: Publication | None
    proposal: Proposal | None
    standing: Standing | None
    decided: Mapping[Key, Decision]
    bookings: Bookings | None
    overrides: tuple[Override, ...] = ()
    memo: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def overridden(self) -> Mapping[Key, tuple[Override, ...]]:
        """Overrides that stand, by offer and channel."""
        found: dict[Key, tuple[Override, ...]] = {}
        for each in self.overrides:
            if self.now < each.until:
                found[each.key] = (*found.get(each.key, ()), each)
        return found

    @property
    def pinned(self) -> frozenset[str]:
        """Offers whose price an override fixes."""
        return frozenset(each.offer for each in self.overrides if each.kind is Kind.FIXED and self.now < each.until)

    @property
    def waiting(self) -> Proposal | None:
        """The proposal that somebody has to decide about."""
        return self.proposal if self.standing in WAITING else None

    @cached_property
    def decisions(self) -> Mapping[Key, Decision]:
        """What was decided last about what is on sale, also where it is in force already."""
        return {key: decision for key, decision in self.decided.items() if key in self.listings}

    @cached_property
    def held(self) -> tuple[Decision, ...]:
        """Prices that wait for a person, because the engine may not move them."""
        return tuple(each for each in self.decisions.values() if each.verdict is Verdict.HELD)

    @cached_property
    def by_event(self) -> Mapping[str, tuple[Offer, ...]]:
        """What is on sale for each event, and under `all` what belongs to none."""
        found: dict[str, list[Offer]] = {}
        for listing in self.listings.values():
            found.setdefault(listing.offer.event, []).append(listing.offer)
        return {event: tuple(offers) for event, offers in found.items()}

    @property
    def events(self) -> tuple[str, ...]:
        """Events on sale, the next one first."""
        begins = {name: self.begins(name) or self.now for name in self.by_event if name != ALL}
        return tuple(sorted(begins, key=lambda name: (begins[name], name)))

    def begins(self, event: str) -> datetime | None:
        """When an event begins."""
        offer = self.by_event[event][0]
        return self.listings[offer.id, offer.channel].sold_until

    def moves(self, event: str | None = None) -> tuple[Decision, ...]:
        """What the waiting proposal would move, of one event or of all."""
        made = self.waiting.decisions if self.waiting else ()
        moving = [decision for decision in made if decision.verdict is Verdict.MOVE]
        if event is None:
            return tuple(moving)
        keys = {(offer.id, offer.channel) for offer in self.by_event.get(event, ())}
        return tuple(decision for decision in moving if decision.key in keys)

    def gains(self, event: str | None = None) -> tuple[TotalGain, ...]:
        """What the waiting proposal is expected to gain, by currency."""
        made = self.waiting.gains if self.waiting else ()
        return tuple(total for total in made if total.event == event)


def situation(backend: Backend) -> Situation:
    """Read it, once for each request."""
    if "situation" not in g:
        g.situation = _read(backend, g.now)
    found: Situation = g.situation
    return found


def _read(backend: Backend, now: datetime) -> Situation:
    with reading(backend.engine) as db:
        book, at = _book(db, backend), moment(db, now)
        standing = None if book.proposal is None else standing_of(db, book.proposal, now)
        overrides = last_overrides(db)
    on_sale = {key: each for key, each in book.listings.items() if each.sold_until is None or now < each.sold_until}
    return Situation(
        now=now,
        settings=backend.settings,
        listings=on_sale,
        prices={
            price.key: price
            for price in book.prices
            if price.valid_from <= at and (price.valid_until is None or at < price.valid_until)
        },
        coming=tuple(price for price in book.prices if price.valid_from > at),
        stop=book.stop,
        last=book.last,
        proposal=book.proposal,
        standing=standing,
        decided=book.decided,
        bookings=load_bookings(backend.root),
        overrides=tuple(each for each in overrides if each.key in on_sale),
        memo=book.memo,
    )


_books: WeakKeyDictionary[Backend, tuple[str, _Book]] = WeakKeyDictionary()


def _book(db: Connection, backend: Backend) -> _Book:
    """The book after its last step, as it was read before if that is still the last one."""
    last = db.scalar(select(log.c.hash).order_by(log.c.number.desc()).limit(1)) or ""
    known = _books.get(backend)
    if known is None or known[0] != last:
        known = _books[backend] = (last, _read_book(db))
    return known[1]


def _read_book(db: Connection) -> _Book:
    made, proposal = all_publications(db), _latest(db)
    since = max((each.at for each in made.values()), default=FIRST)
    return _Book(
        listings=listing_of(db),
        prices=tuple(sorted((*in_force(db, since), *coming(db, since)), key=lambda price: price.key)),
        stop=_stop(db, made.values()),
        last=next((each for each in reversed(made.values()) if each.change is not Change.IMPORT), None),
        proposal=proposal,
        decided=_decided(db, proposal) if proposal else {},
    )


def _decided(db: Connection, proposal: Proposal) -> dict[Key, Decision]:
    """The decisions of a proposal, and where it is a part, those of the other parts."""
    whole = select(proposals.c.body).where(proposals.c.id == origin_of(db, proposal.id))
    others = () if (body := db.scalar(whole)) is None else decoded(body).decisions
    return {decision.key: decision for decision in (*others, *proposal.decisions)}


def _latest(db: Connection) -> Proposal | None:
    body = db.scalar(select(proposals.c.body).order_by(proposals.c.number.desc()).limit(1))
    return None if body is None else decoded(body)


@functools.lru_cache(maxsize=8)
def decoded(body: str) -> Proposal:
    """A proposal from its JSON."""
    return decode(body)


def _stop(db: Connection, made: Collection[Publication]) -> Stop | None:
    row = db.execute(select(freezes).order_by(freezes.c.number.desc()).limit(1)).first()
    if row is None or not row.frozen:
        return None
    by_it = [each.undone for each in made if each.change is Change.ROLLBACK and each.at >= row.at]
    return Stop(row.at, row.by, row.reason, tuple(each for each in by_it if each is not None))
