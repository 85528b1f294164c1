"""The routes that serve prices, their explanations and feeds of them.

Guarantees
----------
* A request is answered from memory: no database, no model, no solver. One answer is one version of the book, whole.
* Only a key with the scope `prices:read` is answered.
* A client that asks again with the answer's ETag gets 304 until a price, an explanation or the stale flag changes.
"""

import functools
import re
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from flask import Response, g, request
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from api.http.auth import Gate
from api.http.backend import Backend
from api.http.problems import problems, refuse
from api.http.routes import Query, Routes, Text, check_cursor, goes_to
from api.served.feeds import FEEDS, Form, feed
from api.served.snapshot import Entry, Key, View, json_list
from api.store.keys import Scope

Amount = Annotated[str, Field(pattern=r"^\d+(\.\d+)?$", description="major units of the currency", examples=["12.50"])]
PLACE = re.compile(r"([0-9a-f]{2})*\.([0-9a-f]{2})*")
Cursor = Annotated[
    str,
    AfterValidator(functools.partial(check_cursor, form=PLACE)),
    WithJsonSchema({"type": "string", "pattern": f"^{PLACE.pattern}$"}),
]


class OfferPath(BaseModel):
    """Which offer."""

    offer: str = Field(min_length=1, description="id of the offer")


class FeedPath(BaseModel):
    """Which feed."""

    form: Form


class ChannelQuery(Query):
    """Which channel."""

    channel: Text = Field(default=None, description="where it is sold; left out: the price for all channels")


class FeedQuery(Query):
    """Which channel."""

    channel: Text = Field(
        default=None, description="where it is sold; left out: all of them, or the one price an offer has for all"
    )


class PageQuery(Query):
    """Which prices, and how many at a time."""

    event: Text = None
    segment: Text = None
    product: Text = None
    limit: int = Field(default=100, ge=1, le=1000)
    cursor: Cursor | SkipJsonSchema[None] = Field(default=None, description="`next` of the page before")


class FeeAnswer(BaseModel):
    """A fee no buyer can avoid."""

    name: str
    amount: Amount


class ReductionAnswer(BaseModel):
    """A reduction that the history of prices bears out; amounts with fees."""

    lowest_price: Amount = Field(description="the lowest total in force in the days before the reduction began")
    since: AwareDatetime = Field(description="when the reduction began")
    percent: int = Field(ge=0, le=100, description="of the lowest price, rounded down")
    days: int = Field(ge=0, description="of the days that count before it, how many since it was first on sale in them")


class AnnouncedAnswer(BaseModel):
    """A price that will be."""

    price: Amount
    total_price: Amount
    valid_from: AwareDatetime


class TierNoticeAnswer(BaseModel):
    """What is announced of coming prices."""

    hours: float = Field(description="how long before it begins a rise is announced")
    coming: list[AnnouncedAnswer]


class RangeAnswer(BaseModel):
    """Between which totals the price lies, as far as is announced."""

    lowest: Amount
    highest: Amount


class Price(BaseModel):
    """A price in force."""

    offer: str
    channel: str
    total_price: Amount = Field(description="what the buyer pays, mandatory fees included: the price to show")
    fees: list[FeeAnswer] = Field(description="what of the total is a mandatory fee")
    price: Amount = Field(description="without the fees")
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217")
    market: str | None = Field(description="whose law holds for it; null where there are not several")
    version: int = Field(description="the publication of the price book that set this price")
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = Field(description="null: until it is replaced")
    product: str
    segment: str
    event: str
    list_price: Amount | None = Field(
        description="before any discount, fees included; null where the market's law does not allow it to be shown"
    )
    reduction: ReductionAnswer | None = Field(description="null: nothing may be called a reduction")
    tier_notice: TierNoticeAnswer | None = Field(description="null: the market asks for none")
    price_range: RangeAnswer | None = Field(description="null: the market asks for none")
    disclosures: list[str] = Field(description="what must stand beside the price; empty: no personal data entered it")
    explanation: str = Field(description="where the reasons are")
    stale: bool = Field(description="whether the price book could not be reached: the last good price is given")


class PricePage(BaseModel):
    """Some of the prices in force."""

    items: list[Price]
    next: str | None = Field(description="cursor of the next page; null: there is none")


class EvidenceAnswer(BaseModel):
    """What is known about how buyers react to the price."""

    status: Literal["identified", "weak", "not-identified"]
    elasticity: float = Field(description="d ln(units) / d ln(price)")
    se: float
    reason: str
    model: str


class OutcomeAnswer(BaseModel):
    """What is expected over the horizon at a price; 80 % intervals."""

    price: Amount
    units: float
    units_low: float
    units_high: float
    revenue: float
    revenue_low: float
    revenue_high: float


class GainAnswer(BaseModel):
    """What a price earns more than the one that was in force, in what is maximised; 80 % interval over joint draws."""

    expected: float
    low: float
    high: float
    loss_probability: float = Field(description="chance of earning less")


class AlternativeAnswer(BaseModel):
    """Another price for the offer, every other price being as decided."""

    outcome: OutcomeAnswer
    margin: float
    gain: GainAnswer
    why_not: str = Field(description="why it was not chosen")


class OtherwiseAnswer(BaseModel):
    """What would be decided if one thing were different, every other price being as decided."""

    price: Amount
    gain: GainAnswer
    reason: str = Field(description="why the price would be held then; empty if it would not")


class ProvenanceAnswer(BaseModel):
    """What the decision was made from."""

    input_hash: str
    model_version: str
    solver: str
    sales_until: AwareDatetime | None = Field(description="begin of the newest period of sales that was known")
    fitted_at: AwareDatetime | None = Field(description="when what it was decided with was learned")
    inputs: list[str] = Field(description="columns it was made from")


class Explanation(BaseModel):
    """Why an offer has its price; what was decided is null until something was."""

    offer: str
    channel: str
    price: Amount
    currency: str
    version: int
    set_by: Literal["import", "publish", "rollback"]
    verdict: Literal["move", "keep", "held"] | None
    reasons: list[str] = Field(description="the most important first")
    evidence: EvidenceAnswer | None
    now: OutcomeAnswer | None = Field(description="at the price that was in force when it was decided")
    then: OutcomeAnswer | None = Field(description="at the price that was allowed")
    loss_probability: float | None = Field(description="chance that the allowed price earns less")
    gain: GainAnswer | None = Field(description="of the allowed price over the one that was in force")
    shadow_price: float | None = Field(description="what one more unit of what the offer draws on would earn")
    binding: list[str] = Field(description="rules and resources that stood in the way")
    acted: list[str] = Field(description="names of the guard rails that took away a price within reach, or held it")
    lower: AlternativeAnswer | None = Field(description="the next lower step; null at the end, or without evidence")
    higher: AlternativeAnswer | None = Field(description="the next higher step; null likewise")
    one_step_more: OtherwiseAnswer | None = Field(description="with every cap one step wider; null: the same price")
    weaker_response: OtherwiseAnswer | None = Field(description="if the elasticity were 20 % weaker")
    provenance: ProvenanceAnswer | None
    decided_at: AwareDatetime | None
    stale: bool


PREFIX = "/v1/prices/"
MEDIA_TYPES = {each.media_type for each in FEEDS.values()}


def blueprint(backend: Backend, gate: Gate) -> Routes:
    """The routes under /v1/prices and /v1/feeds, answering from what is served."""
    routes = Routes("prices", "Prices in force, and why they are what they are", backend, gate)
    reads = functools.partial(routes.reads, "GET", scope=Scope.PRICES_READ)

    @reads(
        "/prices",
        responses={200: PricePage},
        summary="Prices in force, by offer and channel",
        leads_to=goes_to("one_price", offer="/items/0/offer") | goes_to("explain_price", offer="/items/0/offer"),
    )
    def list_prices(query: PageQuery) -> Response:
        where = query.model_dump(include={"event", "segment", "product"}, exclude_none=True)
        after = None if query.cursor is None else _place(query.cursor)
        entries, place = g.view.snapshot.page(where, after=after, limit=query.limit)
        items = json_list(with_flag(entry.price, g.view) for entry in entries)
        following = msgspec.json.encode(None if place is None else _cursor(place))
        return _answer(b'{"items":' + items + b',"next":' + following + b"}", g.view)

    @reads("/prices/<path:offer>", responses={200: Price, **problems(404)}, summary="The price of one offer")
    def one_price(path: OfferPath, query: ChannelQuery) -> Response:
        return _answer(with_flag(_entry(g.view, path, query).price, g.view), g.view)

    @reads(
        "/prices/<path:offer>/explanation",
        responses={200: Explanation, **problems(404)},
        summary="Why an offer has its price",
    )
    def explain_price(path: OfferPath, query: ChannelQuery) -> Response:
        return _answer(with_flag(_entry(g.view, path, query).explanation, g.view), g.view)

    @reads(
        "/feeds/<form>",
        responses={200: {"description": "The feed", "content": {kind: {} for kind in sorted(MEDIA_TYPES)}}},
        summary="Every price in force, as a file for platforms and shops",
    )
    def price_feed(path: FeedPath, query: FeedQuery) -> Response:
        return _answer(feed(path.form, g.view, query.channel), g.view, FEEDS[path.form].media_type)

    return routes


def answer_headers(view: View) -> dict[str, str]:
    """What lets a client ask again for less; prices are for whoever holds the key, not for shared caches."""
    return {"ETag": f'"{_tag(view)}"', "Cache-Control": "private, no-cache"}


def _tag(view: View) -> str:
    return f"{view.snapshot.mark}{'-stale' if view.stale else ''}"


def _answer(body: bytes, view: View, media_type: str = "application/json") -> Response:
    headers = answer_headers(view)
    if "HTTP_IF_NONE_MATCH" in request.environ and request.if_none_match.contains_weak(_tag(view)):
        return Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, HTTPStatus.OK, headers, mimetype=media_type)


def with_flag(encoded: msgspec.Raw, view: View) -> bytes:
    """An encoded object, completed with what only the moment of the answer knows: whether it is stale."""
    return bytes(encoded)[:-1] + (b',"stale":true}' if view.stale else b',"stale":false}')


def _entry(view: View, path: OfferPath, query: ChannelQuery) -> Entry:
    if (entry := view.snapshot.find(path.offer, query.channel)) is None:
        channels = ", ".join(view.snapshot.channels(path.offer))
        refuse(404, f"The offer has a price in these channels only: {channels}." if channels else "No such offer.")
    return entry


def _cursor(place: Key) -> str:
    """The last place of a page, opaque to the client; it stays good when the book moves on."""
    return ".".join(part.encode().hex() for part in place)


def _place(cursor: str) -> Key:
    """Any cursor of the right form is a place in the order, given out or not."""
    offer, channel = (bytes.fromhex(part).decode(errors="replace") for part in cursor.split("."))
    return offer, channel
