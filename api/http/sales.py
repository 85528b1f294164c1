"""The routes by which sales come back, and by which what was expected is read beside what was sold.

Guarantees
----------
* Sales are recorded whole or not at all, each once, whoever sends it again.
* Nothing that is sent here changes a price.
"""

import threading
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

from flask import Response, g
from pydantic import AwareDatetime, BaseModel, Field

from api.http.auth import Gate
from api.http.backend import Backend
from api.http.problems import problems, refuse
from api.http.routes import Cursor, Limit, Query, Routes, answer
from api.outcomes import Outcomes, current_fit, outcomes
from api.store.database import reading
from api.store.keys import Scope
from api.store.queries import latest_version
from api.store.sales import MOST_ROWS, MOST_UNITS, Otherwise, Sale, latest_number, record
from api.strict_json import Instant, Line, Strict
from pricing.errors import InputError
from pricing.learning import GroupOutcome, OfferOutcome

Price = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,4})?$", examples=["12.50"])]
Units = Annotated[float, Field(ge=-MOST_UNITS, le=MOST_UNITS, allow_inf_nan=False)]
FRESH = timedelta(minutes=1)
"""Outcomes are reckoned anew once they are so old, or when anything they rest on has changed."""


class SaleRow(Strict):
    """One sale, or one return."""

    id: Annotated[Line, Field(max_length=200, description="chosen by the shop, and never used for another sale")]
    offer: Line
    channel: Line | None = Field(default=None, description="needed where an offer has several prices")
    sold_at: Instant
    quantity: Units = Field(description="units; negative is a return; not 0")
    price: Price = Field(description="paid for one unit, in major units of the currency")
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217")
    quote: Line | None = Field(default=None, description="id of the quote it was sold on")


class Batch(Strict):
    """Sales, recorded together or not at all."""

    sales: Annotated[list[SaleRow], Field(min_length=1, max_length=MOST_ROWS)]


class Receipt(BaseModel):
    """What came of a batch."""

    recorded: int = Field(description="sales that are new")
    known: int = Field(description="sales that were recorded before")
    otherwise: list[Otherwise] = Field(description="sales at another price than the one in force, or quoted")


class OutcomesQuery(Query):
    """Which page."""

    limit: Limit = 100
    cursor: Cursor = None


class OutcomesPage(BaseModel):
    """Expected against realised, offer by offer; intervals are 80 %."""

    items: list[OfferOutcome]
    next: str | None = Field(description="cursor of the next page; null: there is none")
    fit: str = Field(description="what the expectations come from")
    since: AwareDatetime | None = Field(description="from when on sales are held against it; null: none has come back")
    until: AwareDatetime = Field(description="until when: the last time sales were sent, or now after a long silence")
    beyond: bool = Field(description="whether its horizon has passed, so that it says nothing about today")
    alarms: list[str] = Field(description="what is wrong and what to do; empty: sales are as expected")
    groups: list[GroupOutcome] = Field(
        description="the whole fit, then by product and segment, product, segment, event"
    )
    unknown: list[str] = Field(description="offers of which the fit expects nothing that sales could be held against")


def blueprint(backend: Backend, gate: Gate) -> Routes:
    """The routes /v1/sales and /v1/outcomes."""
    routes = Routes("sales", "What was sold, and whether it is what was expected", backend, gate)
    kept = _Kept(backend)

    @routes.writes("POST", "/sales", scope=Scope.SALES_WRITE, responses={200: Receipt}, summary="Record what was sold")
    def post_sales(sent: Batch) -> Response:
        batch = [Sale(**row.model_dump(exclude={"price"}), price=Decimal(row.price)) for row in sent.sales]
        done = record(backend.engine, batch, by=g.holder, now=backend.now())
        return answer({"recorded": done.new, "known": done.known, "otherwise": done.otherwise})

    @routes.reads(
        "GET",
        "/outcomes",
        scope=Scope.PROPOSALS_APPROVE,
        responses={200: OutcomesPage, **problems(404)},
        summary="Expected against realised sales",
    )
    def get_outcomes(query: OutcomesQuery) -> Response:
        try:
            found = kept.current()
        except InputError as error:
            refuse(404, str(error))
        start = query.cursor or 0
        items = found.learned.offers[start : start + query.limit]
        more = start + query.limit < len(found.learned.offers)
        return answer(
            {
                "items": items,
                "next": str(start + query.limit) if more else None,
                "fit": found.fit,
                "since": found.since,
                "until": found.until,
                "beyond": found.beyond,
                "alarms": found.learned.alarms,
                "groups": found.learned.groups,
                "unknown": found.unknown,
            }
        )

    return routes


class _Kept:
    """Outcomes, kept as long as nothing they rest on has changed; reckoned by one request at a time."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._found: tuple[object, datetime, Outcomes] | None = None

    def current(self) -> Outcomes:
        """The outcomes as they are now."""
        backend, now = self._backend, self._backend.now()
        fits, settings = backend.root / "fits", backend.settings
        with reading(backend.engine) as db:
            mark = (current_fit(fits), latest_number(db), latest_version(db), settings.time_zone)
        with self._lock:
            if self._found is not None and self._found[0] == mark and timedelta() <= now - self._found[1] < FRESH:
                return self._found[2]
            found = outcomes(fits, backend.engine, time_zone=settings.time_zone, now=now, seed=settings.seed)
            self._found = mark, now, found
            return found
