"""Where the book stands, read once for a page.

Guarantees
----------
* All of it is one moment of the book.
* A proposal is decoded once, however many pages show it: it never changes.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from flask import g
from sqlalchemy import Connection, select

from api.bookings import Bookings, load_bookings
from api.http.backend import Backend
from api.settings import Settings
from api.store.checks import Key
from api.store.database import reading
from api.store.queries import all_publications, coming, decode, in_force, listing_of, moment, standing_of
from api.store.tables import freezes, proposals
from pricing.book import Change, Decision, Listing, PriceInForce, Proposal, Publication, Standing, Verdict
from pricing.model import ALL, Offer
from pricing.outcome import TotalGain

WAITING = (Standing.OPEN, Standing.APPROVED)


@dataclass(frozen=True, slots=True)
class Stop:
    """All changes are stopped: since when, by whom and why."""

    at: datetime
    by: str
    reason: str


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
    bookings : how events fill up, as far as it was kept
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
    bookings: Bookings | None

    @property
    def waiting(self) -> Proposal | None:
        """The proposal that somebody has to decide about."""
        return self.proposal if self.standing in WAITING else None

    @cached_property
    def decisions(self) -> Mapping[Key, Decision]:
        """What was decided last about what is on sale, also where it is in force already."""
        made = self.proposal.decisions if self.proposal else ()
        return {decision.key: decision for decision in made if decision.key in self.listings}

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
        at = moment(db, now)
        proposal = _latest(db)
        on_sale = {
            key: each for key, each in listing_of(db).items() if each.sold_until is None or now < each.sold_until
        }
        return Situation(
            now=now,
            settings=backend.settings,
            listings=on_sale,
            prices={price.key: price for price in in_force(db, at)},
            coming=coming(db, at),
            stop=_stop(db),
            last=next((each for each in _backwards(db) if each.change is not Change.IMPORT), None),
            proposal=proposal,
            standing=None if proposal is None else standing_of(db, proposal, now),
            bookings=load_bookings(backend.root),
        )


def _backwards(db: Connection) -> list[Publication]:
    return list(all_publications(db).values())[::-1]


def _latest(db: Connection) -> Proposal | None:
    body = db.scalar(select(proposals.c.body).order_by(proposals.c.number.desc()).limit(1))
    return None if body is None else decoded(body)


@functools.lru_cache(maxsize=8)
def decoded(body: str) -> Proposal:
    """A proposal from its JSON."""
    return decode(body)


def _stop(db: Connection) -> Stop | None:
    row = db.execute(select(freezes).order_by(freezes.c.number.desc()).limit(1)).first()
    return Stop(row.at, row.by, row.reason) if row is not None and row.frozen else None
