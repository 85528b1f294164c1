"""The routes by which proposals are read and decided about.

Guarantees
----------
* Who acts is the holder of the key. A proposal is approved by someone other than its proposer.
* A price of one's own takes the same way as every other price: it is a new proposal, which someone else must approve,
  and every guard rail is asked when it is published.
"""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Annotated, Any

from flask import Response, g
from pydantic import AwareDatetime, BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from api.gains import only, take_part
from api.http.auth import Gate
from api.http.backend import Backend
from api.http.problems import problems, refuse
from api.http.routes import Cursor, Limit, Parameters, Query, Routes, answer, goes_to
from api.stage import Stage, read_stage
from api.store.database import reading, writing
from api.store.keys import Scope
from api.store.pages import proposals_page
from api.store.queries import find_proposal, standing_of
from api.strict_json import Line, Strict
from pricing.book import Decision, Proposal, Provenance, Standing, Verdict
from pricing.by_hand import by_hand
from pricing.errors import Finding, MismatchError, RefusedError
from pricing.guardrails import no_approval
from pricing.model import ALL
from pricing.outcome import TotalGain

DECIDERS = (Scope.PROPOSALS_WRITE, Scope.PROPOSALS_APPROVE)
"""Scopes of which one is enough to read proposals, publications and the freeze."""
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
Price = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,4})?$", examples=["12.50"])]


class ProposalPath(Parameters):
    """Which proposal."""

    id: Id


class ProposalsQuery(Query):
    """Which proposals, and how many at a time."""

    standing: Standing | SkipJsonSchema[None] = None
    limit: Limit = 20
    cursor: Cursor = None


class ProposalSummary(BaseModel):
    """A proposal in short."""

    id: str
    proposed_by: str
    proposed_at: AwareDatetime
    expires_at: AwareDatetime = Field(description="not published by then, it lapses")
    base_version: int = Field(description="version of the price book it was made against")
    standing: Standing
    offers: int = Field(description="how many prices it decides about")
    moves: int = Field(description="how many of them it moves")
    gains: list[TotalGain] = Field(description="of all moves together, by currency and event; 80 % intervals")


class ProposalPage(BaseModel):
    """Some of the proposals, the newest first."""

    items: list[ProposalSummary]
    next: str | None = Field(description="cursor of the next page; null: there is none")


class ProposalAnswer(ProposalSummary):
    """A proposal with every decision, its reasons and what it was made from."""

    provenance: Provenance
    decisions: list[Decision]


class Decided(BaseModel):
    """How far a proposal has come now."""

    proposal: str
    standing: Standing


class Approved(Decided):
    """What may be published now, and what still waits."""

    rest: str | None = Field(description="the proposal with the offers that were left out; null: none was")


class Overridden(BaseModel):
    """The proposal that took the place of another."""

    proposal: str
    standing: Standing
    instead_of: str


class OneOffer(Strict):
    """One offer, in one channel."""

    offer: Line
    channel: Line = ALL


class Approval(Strict):
    """An approval; nothing needs to be said."""

    large: bool = Field(default=False, description="the approver has seen that it moves unusually many prices at once")
    offers: Annotated[list[OneOffer], Field(min_length=1, max_length=10_000)] | None = Field(
        default=None,
        description="only these: they become a proposal of their own, which is approved, and the rest another one, "
        "which stays waiting; left out or null: all of it",
    )


class Reason(Strict):
    """Why."""

    reason: Line


class OwnPrice(Strict):
    """One offer's price."""

    offer: Line
    channel: Line = ALL
    price: Price


class Override(Strict):
    """Prices of one's own."""

    prices: Annotated[list[OwnPrice], Field(min_length=1, max_length=1000)]
    reason: Line


def blueprint(backend: Backend, gate: Gate) -> Routes:
    """The routes under /v1/proposals."""
    routes = Routes("proposals", "Prices that are proposed, and what people decide about them", backend, gate)

    @routes.reads(
        "GET",
        "/proposals",
        scope=DECIDERS,
        responses={200: ProposalPage},
        summary="Proposals, the newest first",
        leads_to=goes_to("one_proposal", id="/items/0/id")
        | goes_to("approve_proposal", id="/items/0/id")
        | goes_to("reject_proposal", id="/items/0/id")
        | goes_to("override_proposal", id="/items/0/id"),
    )
    def list_proposals(query: ProposalsQuery) -> Response:
        page = proposals_page(
            backend.engine,
            standing=query.standing,
            before=query.cursor,
            limit=query.limit,
            now=backend.now(),
        )
        items = [_summary(proposal, standing) for proposal, standing in page.items]
        return answer({"items": items, "next": None if page.next is None else str(page.next)})

    @routes.reads(
        "GET",
        "/proposals/<id>",
        scope=DECIDERS,
        responses={200: ProposalAnswer, **problems(404)},
        summary="One proposal, with every decision and its reasons",
        leads_to=goes_to("approve_proposal", id="/id"),
    )
    def one_proposal(path: ProposalPath) -> Response:
        with reading(backend.engine) as db:
            proposal = find_proposal(db, path.id) or _unknown(path.id)
            standing = standing_of(db, proposal, backend.now())
        whole = {field.name: getattr(proposal, field.name) for field in fields(proposal)}
        return answer(_summary(proposal, standing) | whole)

    @routes.writes(
        "POST",
        "/proposals/<id>/approve",
        scope=Scope.PROPOSALS_APPROVE,
        responses={200: Approved, **problems(404)},
        summary="Allow a proposal, or a part of it, to be published",
        leads_to=goes_to("publish", body={"proposal": "/proposal"}),
    )
    def approve_proposal(path: ProposalPath, sent: Approval) -> Response:
        proposal, settings, now = _known(backend, path.id), backend.settings, backend.now()
        keys = {each.key for each in proposal.decisions}
        if sent.offers is not None:
            keys = {(each.offer, each.channel) for each in sent.offers}
        known = backend.book.listings(), backend.book.known(settings.policy, now=now)
        if why := no_approval(only(proposal, keys), *known, settings.policy, now=now, large=sent.large):
            raise RefusedError(f"proposal {path.id} may not be approved: {why}")
        stage = None if sent.offers is None else _stage(backend)
        with writing(backend.engine):
            chosen, rest = take_part(backend.book, proposal, keys, stage, by=g.holder, now=now, settings=settings)
            backend.book.approve(chosen, by=g.holder, now=now, large=sent.large)
        return answer({"proposal": chosen, "standing": Standing.APPROVED, "rest": rest})

    @routes.writes(
        "POST",
        "/proposals/<id>/reject",
        scope=Scope.PROPOSALS_APPROVE,
        responses={200: Decided, **problems(404)},
        summary="Close a proposal for good",
    )
    def reject_proposal(path: ProposalPath, sent: Reason) -> Response:
        _known(backend, path.id)
        backend.book.reject(path.id, by=g.holder, now=backend.now(), reason=sent.reason)
        return answer({"proposal": path.id, "standing": Standing.REJECTED})

    @routes.writes(
        "POST",
        "/proposals/<id>/override",
        scope=Scope.PROPOSALS_WRITE,
        responses={201: Overridden, **problems(404)},
        summary="Propose prices of one's own instead; someone else must approve them",
        leads_to=goes_to("approve_proposal", id="/proposal"),
    )
    def override_proposal(path: ProposalPath, sent: Override) -> Response:
        changed = _by_hand(_known(backend, path.id), sent, g.holder)
        policy, law, now = backend.settings.policy, backend.settings.law, backend.now()
        made = backend.book.override(path.id, changed, by=g.holder, now=now, policy=policy, law=law)
        return answer({"proposal": made.id, "standing": Standing.OPEN, "instead_of": path.id}, 201)

    return routes


def _stage(backend: Backend) -> Stage | None:
    """The draws that are kept, at the prices that are served."""
    stage = read_stage(backend.root)
    return None if stage is None else stage.at(backend.snapshots.current().snapshot)


def _summary(proposal: Proposal, standing: Standing) -> dict[str, Any]:
    return {
        "id": proposal.id,
        "proposed_by": proposal.proposed_by,
        "proposed_at": proposal.proposed_at,
        "expires_at": proposal.expires_at,
        "base_version": proposal.base_version,
        "standing": standing,
        "offers": len(proposal.decisions),
        "moves": sum(decision.verdict is Verdict.MOVE for decision in proposal.decisions),
        "gains": proposal.gains,
    }


def _known(backend: Backend, name: str) -> Proposal:
    with reading(backend.engine) as db:
        return find_proposal(db, name) or _unknown(name)


def _unknown(name: str) -> Proposal:
    refuse(404, f"There is no proposal {name}.")


def _by_hand(proposal: Proposal, sent: Override, by: str) -> list[Decision]:
    """The decisions as this person wants them; whatever forbids them is said at once."""
    decided = {decision.key: decision for decision in proposal.decisions}
    made: dict[tuple[str, str], Decision] = {}
    wrong: list[Finding] = []
    for n, own in enumerate(sent.prices):
        key, place = (own.offer, own.channel), f"prices[{n}]"
        if key in made:
            wrong.append(Finding("this offer and channel appear twice", column=place))
        try:
            made[key] = by_hand(_decision(decided, key), Decimal(own.price), by=by, reason=sent.reason)
        except ValueError as error:
            wrong.append(Finding(str(error), column=place))
    if wrong:
        raise MismatchError(wrong)
    return list(made.values())


def _decision(decided: Mapping[tuple[str, str], Decision], key: tuple[str, str]) -> Decision:
    if (found := decided.get(key)) is None:
        raise ValueError(f"the proposal decides nothing about {key[0]} in channel {key[1]}")
    return found
