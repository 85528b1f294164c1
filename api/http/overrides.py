"""The routes by which a person bounds a price for a time, and ends that early.

Guarantees
----------
* No price changes by them; what a bound does to the next proposal and publication is decided as for every guard rail.
* A bound that could not be kept is refused with every reason.
"""

from decimal import Decimal
from typing import Annotated, Literal

from flask import Response, g
from pydantic import AwareDatetime, BaseModel, Field

from api.http.auth import Gate
from api.http.backend import Backend
from api.http.problems import problems
from api.http.proposals import DECIDERS, Reason
from api.http.routes import Parameters, Routes, answer, goes_to
from api.store.keys import Scope
from api.store.log import ANCHOR_NAME
from api.store.overrides import Overrides
from api.strict_json import Instant, Strict
from pricing.errors import Finding, InputError, RefusedError
from pricing.model import ALL
from pricing.money import parse_amount
from pricing.overrides import LONGEST_REASON, Kind, Override

Form = Literal["floor", "ceiling", "fixed"]


class WantedOverride(Strict):
    """A bound on the price of one offer in one channel."""

    offer: Annotated[str, Field(min_length=1, max_length=300)]
    channel: Annotated[str, Field(min_length=1, max_length=300)] = ALL
    kind: Form = Field(description="never below, never above, or exactly this price; take the mildest that does")
    amount: Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,3})?$")]
    until: Instant = Field(description="when it ends by itself, at the latest when the sale does")
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]


class StandingOverride(BaseModel):
    """An override that stands."""

    number: int
    offer: str
    channel: str
    kind: Form
    amount: str
    currency: str
    until: AwareDatetime
    reason: str
    by: str
    at: AwareDatetime


class OverrideList(BaseModel):
    """All overrides that stand."""

    items: list[StandingOverride]
    next: None = None


class SetOverride(StandingOverride):
    """The override that was set."""

    proposal: str | None = Field(description="the proposal that took the place of one that waited and did not keep it")


class NumberPath(Parameters):
    """Which override."""

    number: Annotated[int, Field(ge=1, le=2**31 - 1)]


def blueprint(backend: Backend, gate: Gate) -> Routes:
    """The routes under /v1/overrides."""
    routes = Routes("overrides", "Bounds that people set on a price for a time", backend, gate)

    @routes.reads("GET", "/overrides", scope=DECIDERS, responses={200: OverrideList}, summary="Overrides that stand")
    def list_overrides() -> Response:
        return answer({"items": [_told(each) for each in _book(backend).standing(backend.now())], "next": None})

    @routes.writes(
        "POST",
        "/overrides",
        scope=Scope.PROPOSALS_APPROVE,
        responses={201: SetOverride, **problems(409)},
        summary="Bound a price until an instant",
        leads_to=goes_to("end_override", number="/number"),
    )
    def set_override(sent: WantedOverride) -> Response:
        settings, wanted = backend.settings, _wanted(sent, backend)
        made = _book(backend).set(wanted, policy=settings.policy, law=settings.law)
        found = next(each for each in _book(backend).last() if (each.key, each.kind) == (wanted.key, wanted.kind))
        return answer({**_told(found), "proposal": None if made is None else made.id}, 201)

    @routes.writes(
        "DELETE",
        "/overrides/<number>",
        scope=Scope.PROPOSALS_APPROVE,
        responses={200: StandingOverride, **problems(409)},
        summary="End an override before its time",
    )
    def end_override(path: NumberPath, sent: Reason) -> Response:
        return answer(_told(_book(backend).end(path.number, by=g.holder, now=backend.now(), reason=sent.reason)))

    return routes


def _book(backend: Backend) -> Overrides:
    return Overrides(backend.engine, backend.root / ANCHOR_NAME)


def _wanted(sent: WantedOverride, backend: Backend) -> Override:
    listing = backend.book.listings().get((sent.offer, sent.channel))
    if listing is None:
        raise RefusedError(f"there is no offer {sent.offer} in channel {sent.channel}")
    currency = listing.offer.currency
    try:
        return Override(
            offer=sent.offer,
            channel=sent.channel,
            kind=Kind(sent.kind),
            amount=parse_amount(Decimal(sent.amount), currency),
            currency=currency,
            until=sent.until,
            reason=sent.reason,
            by=g.holder,
            at=backend.now(),
        )
    except ValueError as error:
        raise InputError(Finding(str(error))) from None


def _told(override: Override) -> dict[str, object]:
    names = ("number", "offer", "channel", "kind", "currency", "until", "reason", "by", "at")
    return {name: getattr(override, name) for name in names} | {"amount": f"{override.amount:f}"}
