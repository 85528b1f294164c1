"""The routes that tell what the current fit says: forecasts by day, and how buyers react to prices.

Guarantees
----------
* Nothing is fitted in a request. What is not known is not made up: a forecast has its interval, a price response its
  status and the reason for it, each the fit it comes from and when that was made.
"""

import itertools
from collections.abc import Iterator
from typing import Annotated, Literal

from flask import Response
from pydantic import AwareDatetime, BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from api.estimates import Current, Place, Row, elasticities, forecasts
from api.http.auth import Gate
from api.http.backend import Backend
from api.http.routes import Limit, Query, Routes, Text, answer
from api.store.keys import Scope

READERS = (Scope.PRICES_READ, Scope.PROPOSALS_WRITE)
Cursor = Annotated[str, Field(pattern=r"^([0-9a-f]{2})*(\.([0-9a-f]{2})*){1,4}$")] | SkipJsonSchema[None]


class Fitted(BaseModel):
    """Which fit says it."""

    model_version: str
    fitted_at: AwareDatetime | None = Field(description="sales from before this instant were learned from")


class Forecast(Fitted):
    """What is wanted on one day, not cut at what is left to sell."""

    event: str
    product: str
    segment: str
    channel: str = Field(description='"all": all channels together')
    date: str = Field(json_schema_extra={"format": "date"})
    mean: float = Field(ge=0, description="units")
    lower: float = Field(ge=0)
    upper: float = Field(ge=0)
    level: float = Field(description="share of outcomes between lower and upper")
    price: float = Field(description="the usual price, at which so much is wanted")
    model: str


class ForecastPage(BaseModel):
    """Some of the forecasts, by event, product, segment, channel and date."""

    items: list[Forecast]
    next: str | None = Field(description="cursor of the next page; null: there is none")


class Elasticity(Fitted):
    """How buyers of a product and segment react to its price."""

    product: str
    segment: str
    elasticity: float | None = Field(description="d ln(units) / d ln(price), after pooling")
    se: float | None
    lower: float | None = Field(description="end of the 95 % interval")
    upper: float | None
    raw_elasticity: float | None = Field(description="before pooling; null: there is no estimate of its own")
    status: Literal["identified", "weak", "not-identified"]
    method: str
    n_obs: int
    n_prices: int
    reason: str = Field(description="why the status is what it is")


class ElasticityPage(BaseModel):
    """Some of the price responses, by product and segment."""

    items: list[Elasticity]
    next: str | None = Field(description="cursor of the next page; null: there is none")


class ElasticityQuery(Query):
    """Which price responses, and how many at a time."""

    product: Text = None
    segment: Text = None
    limit: Limit = 100
    cursor: Cursor = Field(default=None, description="`next` of the page before")


class ForecastQuery(ElasticityQuery):
    """Which forecasts, and how many at a time."""

    event: Text = None


def blueprint(backend: Backend, gate: Gate) -> Routes:
    """The routes under /v1/forecasts and /v1/elasticities."""
    routes = Routes("forecasts", "What the current fit says; no items before there is a fit", backend, gate)
    current = Current(backend.root / "fits")

    @routes.reads(
        "GET", "/forecasts", scope=READERS, responses={200: ForecastPage}, summary="What is wanted, day by day"
    )
    def list_forecasts(query: ForecastQuery) -> Response:
        said = current.estimates()
        found = forecasts(said, _where(query), _place(query.cursor, 5)) if said else iter(())
        return answer(_page(found, query.limit))

    @routes.reads(
        "GET", "/elasticities", scope=READERS, responses={200: ElasticityPage}, summary="How buyers react to prices"
    )
    def list_elasticities(query: ElasticityQuery) -> Response:
        said = current.estimates()
        found = elasticities(said, _where(query), _place(query.cursor, 2)) if said else iter(())
        return answer(_page(found, query.limit))

    return routes


def _where(query: ElasticityQuery) -> dict[str, str]:
    return query.model_dump(include={"event", "product", "segment"}, exclude_none=True)


def _page(found: Iterator[tuple[Place, Row]], limit: int) -> dict[str, object]:
    page = list(itertools.islice(found, limit))
    more = len(page) == limit and next(found, None) is not None
    return {"items": [row for _, row in page], "next": _cursor(page[-1][0]) if more else None}


def _cursor(place: Place) -> str:
    """The last place of a page, opaque to the client; it stays good when there is another fit."""
    return ".".join(part.encode().hex() for part in place)


def _place(cursor: str | None, parts: int) -> Place | None:
    """Any cursor of the right form is a place in the order, given out or not."""
    if cursor is None:
        return None
    given = [bytes.fromhex(part).decode(errors="replace") for part in cursor.split(".")]
    return tuple((given + [""] * parts)[:parts])
