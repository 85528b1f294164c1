"""The routes that lock prices and tell locked ones.

Guarantees
----------
* A quoted price holds until it expires: through publications, rollbacks, a freeze, restarts, in every worker, and while
  the database is down.
* Prices are quoted together or not at all, from one version of the book.
* An id that was not given out is not found; one that expired is gone, and says since when.
"""

from datetime import datetime
from typing import Annotated

from flask import Response, g
from pydantic import AwareDatetime, BaseModel, Field

from api.http.auth import Gate
from api.http.backend import Backend
from api.http.prices import Amount
from api.http.problems import problems, refuse
from api.http.routes import Parameters, Routes, goes_to
from api.quote_ids import Quote, read
from api.served.answers import entry_of
from api.served.quoting import Said, together
from api.served.snapshot import Entry
from api.store.database import reading
from api.store.keys import Scope
from api.strict_json import Strict
from pricing.errors import Finding, MismatchError

MOST = 100
"""Prices that are quoted together at most."""
LONGEST_NAME = 500
PATH = "/v1/quotes"
Named = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class Item(Strict):
    """What is to be quoted."""

    offer: Named = Field(description="id of the offer")
    channel: Named | None = Field(default=None, description="where it is sold; left out: the price for all channels")


class Items(Strict):
    """What is to be quoted together."""

    items: list[Item] = Field(min_length=1, max_length=MOST)


class Fee(BaseModel):
    """A fee no buyer can avoid, part of the total."""

    name: str
    amount: Amount


class LockedPrice(BaseModel):
    """A price that is locked until it expires."""

    id: str = Field(description="send it with the sale")
    offer: str
    channel: str
    price: Amount
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217")
    total_price: Amount = Field(description="what the buyer pays, mandatory fees included")
    fees: list[Fee]
    version: int = Field(description="the publication of the price book that set this price")
    product: str
    segment: str
    event: str
    disclosures: list[str] = Field(description="what must stand beside the price")
    explanation: str = Field(description="where the reasons for the price in force are")
    valid_from: AwareDatetime
    valid_until: AwareDatetime = Field(description="the same as expires_at: until then this price is charged")
    expires_at: AwareDatetime
    stale: bool = Field(description="whether the price book could not be reached when this was said; the price holds")


class Quotes(BaseModel):
    """Quotes in the order asked for."""

    items: list[LockedPrice]


class QuotePath(Parameters):
    """Which quote."""

    id: str = Field(min_length=1)


def blueprint(backend: Backend, gate: Gate) -> Routes:
    """The routes under /v1/quotes."""
    routes = Routes("quotes", "Prices that are locked until they expire", backend, gate)

    @routes.reads(
        "POST",
        "/quotes",
        scope=Scope.PRICES_READ,
        responses={200: Quotes},
        summary="Lock the prices of up to 100 offers",
        leads_to=goes_to("quoted_price", id="/items/0/id"),
    )
    def quote_prices(sent: Items) -> Response:
        quotes = backend.desk.quotes(g.view, ((item.offer, item.channel) for item in sent.items))
        if missing := [at for at, made in enumerate(quotes) if made is None]:
            raise MismatchError(
                [Finding("this offer has no price in this channel", column=f"items[{at}]") for at in missing]
            )
        return Response(together(made for made in quotes if made is not None), mimetype="application/json")

    @routes.reads(
        "GET",
        "/quotes/<id>",
        scope=Scope.PRICES_READ,
        responses={200: LockedPrice, **problems(404, 410)},
        summary="A locked price, as it was quoted",
    )
    def quoted_price(path: QuotePath) -> Response:
        held = _held(path.id, g.view.snapshot.content.secret, backend.now())
        entry = g.view.snapshot.rows.get(held.price) or _recorded(backend, held)
        said = Said.of(entry).for_total(held.total)
        return Response(said.quoted(path.id, held, stale=g.view.stale), mimetype="application/json")

    return routes


def _held(quote_id: str, secret: str, now: datetime) -> Quote:
    if (quote := read(quote_id, secret.encode())) is None:
        refuse(404, "No such quote.")
    if not quote.holds(now):
        refuse(410, f"This quote expired at {quote.expires_at.isoformat()}; ask for the price again.")
    return quote


def _recorded(backend: Backend, quote: Quote) -> Entry:
    """The price as the book has it, where the servers hold later ones by now."""
    with reading(backend.engine) as db:
        entry = entry_of(db, quote.price, law=backend.settings.law)
    if entry is None:
        refuse(404, "The price book does not know the quoted price any more.")
    return entry
