"""pretix: tickets of events, series of dates and vouchers.

Guarantees
----------
* Prices on a date are read, merged and written whole: pretix replaces the list, and would drop every price that is not
  sent again.
* No `X-Idempotency-Key` is sent. pretix answers a key it has seen without doing anything, whatever is asked for, and
  with "try again" for a day if it was killed meanwhile. A price is an absolute value: written twice it is the same.
* What pretix answers to a write is not read: it shows the prices from before it.
* Each event has its own cursor: one that is added later is read from its first sale, and what is sold at one while
  another is read is not passed over.

Source: https://docs.pretix.eu/dev/api/ (pretix 2026.8); the traps were seen on a running one.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import msgspec

from api.shops.client import Client
from api.shops.credentials import Secret
from api.shops.errors import ShopError
from api.shops.model import Batch, Capabilities, Demand, Listed, Movement, Shown, Stock, Write, Written
from api.shops.pretix import demand
from api.shops.pretix.answers import Date, Override
from api.shops.pretix.catalogue import Catalogue, taxes
from api.shops.pretix.places import SLUG, Place

REQUESTS_PER_MINUTE = 360
"""Most that pretix.eu takes of a client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretix:
    """Events of one organizer.

    Attributes
    ----------
    api : with the key of the team
    storefront : without any key, as buyers come
    organizer, events : their short names in addresses
    vouchers : whether vouchers that name a price are places too, one for each; needs the permission to see them
    """

    api: Client
    storefront: Client
    organizer: str
    events: tuple[str, ...]
    vouchers: bool = False

    def __post_init__(self) -> None:
        if wrong := [name for name in (self.organizer, *self.events) if not re.fullmatch(SLUG, name)]:
            raise ValueError(f"{wrong[0]!r} is no short name of an organizer or event")

    @property
    def capabilities(self) -> Capabilities:
        """What pretix can do."""
        return Capabilities(
            system="pretix", tax_included=True, requests_per_minute=REQUESTS_PER_MINUTE, cart_keeps_price=True
        )

    def pull_demand(self, since: str | None) -> Demand:
        """What was sold and cancelled since a cursor: an instant for each event, less minutes that are read again."""
        starts = _instants(since)
        made: list[Movement] = []
        latest: dict[str, datetime] = {}
        for event in self.events:
            start = starts.get(event)
            found, last = demand.movements(self.api, self._path(event), start, vouchers=self.vouchers)
            made += found
            latest |= {event: max(each for each in (start, last) if each)} if start or last else {}
        ordered = sorted(made, key=lambda movement: (movement.at, movement.id))
        return Demand(tuple(ordered), msgspec.json.encode(latest, order="deterministic").decode())

    def pull_inventory(self) -> tuple[Stock, ...]:
        """What is left of each quota, and how many wait for it."""
        return tuple(
            stock
            for event in self.events
            for stock in demand.stocks(self.api, self._path(event), self._catalogue(event))
        )

    def read_prices(self) -> tuple[Listed, ...]:
        """Every price of every event."""
        return tuple(listed for event in self.events for listed in self._catalogue(event).listed())

    def read_shown(self, places: Collection[str]) -> tuple[Shown, ...]:
        """Every price a buyer sees of the events that have these places."""
        wanted = {Place.parse(place).event for place in places}
        return tuple(
            shown
            for event in self.events
            if event in wanted
            for shown in self._catalogue(event).shown(
                self.storefront, f"/{self.organizer}/{event}", taxes(self.api, self._path(event))
            )
        )

    def batches(self, writes: Sequence[Write]) -> tuple[tuple[Write, ...], ...]:
        """One request for all prices of a date, one for each other price."""
        ordered = sorted(writes, key=lambda write: _request_of(Place.parse(write.place)))
        return tuple(tuple(group) for _, group in groupby(ordered, lambda write: _request_of(Place.parse(write.place))))

    def write(self, batch: Batch) -> None:
        """Write the prices of one date, or one other price."""
        places = [(Place.parse(write.place), write.after) for write in batch.writes]
        place, after = places[0]
        path = self._path(place.event)
        if place.date is not None:
            self._write_date(f"{path}/subevents/{place.date}/", places)
        elif place.voucher is not None:
            self._patch(f"{path}/vouchers/{place.voucher}/", {"value": _text(after)})
        elif place.variation is not None:
            self._patch(f"{path}/items/{place.item}/variations/{place.variation}/", {"default_price": _text(after)})
        else:
            self._patch(f"{path}/items/{place.item}/", {"default_price": _text(after)})

    def _write_date(self, path: str, places: Sequence[tuple[Place, Written]]) -> None:
        now = self.api.get(path, Date)
        items, variations = now.item_price_overrides, now.variation_price_overrides
        for place, after in places:
            if place.variation is None:
                items = _merged(items, {"item": place.item}, after)
            else:
                variations = _merged(variations, {"variation": place.variation}, after)
        self._patch(path, {"item_price_overrides": items, "variation_price_overrides": variations})

    def _patch(self, path: str, body: object) -> None:
        self.api.send("PATCH", path, body=body, repeatable=True)

    def _catalogue(self, event: str) -> Catalogue:
        return Catalogue.read(self.api, self._path(event), vouchers=self.vouchers)

    def _path(self, event: str) -> str:
        return f"/api/v1/organizers/{self.organizer}/events/{event}"


def connect(
    storefront: Client, organizer: str, events: Sequence[str], *, secret: Secret, vouchers: bool = False
) -> Pretix:
    """The connector of a pretix; what it does with its key and as a buyer shares one limit."""
    api = storefront.with_key(f"Token {secret.reveal()}")
    return Pretix(api=api, storefront=storefront, organizer=organizer, events=tuple(events), vouchers=vouchers)


def _instants(cursor: str | None) -> dict[str, datetime]:
    """Up to when each event was read; one that is not named is read from its beginning."""
    try:
        return msgspec.json.decode(cursor or "{}", type=dict[str, datetime])
    except msgspec.DecodeError:  # of a version that kept one for all events: what is read again is known
        return {}


def _request_of(place: Place) -> tuple[str, int, int, int, int]:
    """Places with the same are written by the same request."""
    if place.date is not None:
        return place.event, place.date, 0, 0, 0
    return place.event, 0, place.item or 0, place.variation or 0, place.voucher or 0


def _text(written: Written) -> str | None:
    """A price as pretix takes it."""
    if not written.there:
        raise ShopError("pretix cannot do without a price here", permanent=True)
    return None if written.amount is None else str(written.amount)


def _merged(overrides: Sequence[Override], key: Override, after: Written) -> list[Override]:
    """The list of a date with one price written; a row that says more than a price is never dropped."""
    (kind, number), others = next(iter(key.items())), [row for row in overrides if not key.items() <= row.items()]
    rest = next((row for row in overrides if key.items() <= row.items()), {})
    said = {name: value for name, value in rest.items() if name not in {kind, "price"}}
    if not after.there and not any(said.values()):
        return others
    return [*others, {kind: number, **said, "price": None if after.amount is None else str(after.amount)}]
