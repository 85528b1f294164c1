"""The proposal that waits, and what a person decides about it: all of it, an event's part, or all but exceptions.

Guarantees
----------
* Who acts is the person who is signed in: nobody approves what they proposed.
* Before anyone approves, the page says exactly which prices change, what that is expected to gain, and what putting
  them in force would be refused for as things are.
* Splitting, approving and putting in force are one step: if a guard rail refuses the last, nothing has happened.
* What is approved is the proposal that was shown; another one that was made meanwhile is not.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from flask import abort, g, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from api.gains import take_part
from api.http.backend import Backend
from api.pages.choosing import (
    HELD,
    MOVES,
    STATES,
    Choice,
    Fact,
    Part,
    Sift,
    choice_of,
    fact_of,
    foresee,
    moves_of,
    part_of,
    remembered,
    stage_of,
)
from api.pages.desk import Answer, Desk, back_to, inside, numbers_of
from api.pages.paging import page_of
from api.pages.rows import Row, rows_decided
from api.pages.situation import WAITING, Situation, decoded, situation
from api.pages.strip import reason_given
from api.store.database import reading, writing
from api.store.queries import standing_of
from api.store.tables import proposals, publications
from api.store.users import Role
from pricing.book import Proposal, Standing, Verdict
from pricing.errors import Finding, InputError
from pricing.outcome import TotalGain

ON_A_PAGE = 50
SHOWN = 8
"""Changes listed before approval, the largest first; all of them stand in the list one comes from."""


@dataclass(frozen=True, slots=True)
class Group:
    """What a proposal says of one event, or of goods (`event` is "all")."""

    event: str
    moving: int
    held: int
    prices: int
    gains: tuple[TotalGain, ...]


def add(desk: Desk) -> None:
    """Add them to the desk."""
    _add_whole(desk, desk.backend)
    _add_part(desk, desk.backend)
    _add_steps(desk, desk.backend)


def _add_whole(desk: Desk, backend: Backend) -> None:
    @desk.page("/proposals/<name>")
    def proposal(name: str) -> str:
        found, standing = _known(backend, name, g.now)
        at = situation(backend)
        facts = facts_of(found, at)
        sift, open_ = Sift.asked(request.args), at.waiting is not None and at.waiting.id == name
        matching = sift.found(facts)
        chosen = [fact for fact in matching if sift.state not in STATES or sift.state in fact.states]
        choice = choice_of(found, request.args, (fact.key for fact in chosen))
        decided = {decision.key: decision for decision in found.decisions}
        shown = page_of(chosen, request.args.get("page", "1"), ON_A_PAGE)
        return render_template(
            "desk/proposal.html",
            page="overview",
            proposal=found,
            standing=standing,
            waits=open_,
            version=_published_as(backend, name),
            groups=groups_of(found, facts),
            rows=rows_decided([decided[fact.key] for fact in shown.items], at, waits=open_),
            shown=shown,
            sift=sift,
            choice=choice,
            counts=Counter(state for fact in matching for state in fact.states),
            all=len(matching),
            matching_moves=sum(MOVES in fact.states for fact in chosen),
            rails=sorted({rail for fact in facts for rail in fact.rails}),
            part=part_of(at, found, choice, sift.event, stage_of(backend)) if open_ else None,
        )


def _add_part(desk: Desk, backend: Backend) -> None:
    @desk.page("/proposals/<name>/bar")
    def approve_bar(name: str) -> str:
        part, choice = _asked(backend, name, request.args)
        return render_template("desk/bar.html", part=part, choice=choice)

    @desk.page("/proposals/<name>/approve")
    def approving(name: str) -> Answer:
        if _known(backend, name, g.now)[1] not in WAITING:
            return redirect(url_for("desk.proposal", name=name))
        part, choice = _asked(backend, name, request.args)
        back = inside(request.args.get("back", ""))
        met = foresee(backend.engine, situation(backend), part, by=g.session.user.name, now=g.now)
        return render_template(
            "desk/approving.html",
            page="overview",
            part=part,
            choice=choice,
            met=met,
            without=choice.after("leave", met.named),
            largest=_largest(part, situation(backend)),
            back=back,
            undone=f"{back.partition('?')[0]}?left={choice.code}" if choice.code else back,
        )


def _add_steps(desk: Desk, backend: Backend) -> None:
    @desk.act("/proposals/<name>/approve", role=Role.APPROVER)
    def approve(name: str) -> Response:
        part, _ = _asked(backend, name, request.form)
        approved = _known(backend, name, g.now)[1] is Standing.APPROVED  # by someone who did not put it in force
        at, settings, who, now = _begins(backend), backend.settings, g.session.user.name, backend.now()
        if not part.moves:
            raise InputError(Finding(gettext("No change is chosen.")))
        with writing(backend.engine):
            book = backend.book
            chosen, _ = take_part(book, part.proposal, part.keys, stage_of(backend), by=who, now=now, settings=settings)
            if not approved:
                book.approve(chosen, by=who, now=now, large="large" in request.form)
            book.publish(chosen, by=who, now=now, policy=settings.policy, law=settings.law, at=at)
        backend.refresh()
        return back_to(_home(), "published" if at is None else "scheduled")

    @desk.act("/proposals/<name>/reject", role=Role.APPROVER)
    def reject(name: str) -> Response:
        found, _ = _known(backend, name, g.now)
        who, now, why = g.session.user.name, backend.now(), reason_given()
        keys = part_of(situation(backend), found, Choice(moves_of(found)), request.form.get("event", ""), None).keys
        settings = backend.settings
        with writing(backend.engine):
            closed, _ = take_part(
                backend.book, found, keys, stage_of(backend), by=who, now=now, settings=settings, follows=False
            )
            backend.book.reject(closed, by=who, now=now, reason=why)
        return back_to(_home(), "rejected")


def _home() -> str:
    """The page one came from, without what was chosen there: that was of a proposal that is closed now."""
    return request.form.get("next", "").partition("?")[0]


def _asked(backend: Backend, name: str, args: "MultiDict[str, str]") -> tuple[Part, Choice]:
    """The part of a proposal that an address or a form is about."""
    found, _ = _known(backend, name, g.now)
    choice = Choice.asked(moves_of(found), args)
    part = part_of(situation(backend), found, choice, args.get("event", ""), stage_of(backend))
    return (part, choice) if part.keys or part.left else abort(HTTPStatus.NOT_FOUND)


def facts_of(proposal: Proposal, at: Situation) -> list[Fact]:
    """What each of its decisions about what is still on sale is sought by; what needs a person first."""
    return remembered(
        at,
        f"proposal {proposal.id}",
        lambda: (
            fact_of(at.listings[each.key].offer, each, moves=each.verdict is Verdict.MOVE)
            for each in proposal.decisions
            if each.key in at.listings
        ),
    )


def groups_of(proposal: Proposal, facts: Iterable[Fact]) -> list[Group]:
    """What it says of each event, the dearest first."""
    by_event: dict[str, list[Fact]] = {}
    for fact in facts:
        by_event.setdefault(fact.offer.event, []).append(fact)
    made = [
        Group(
            event=event,
            moving=sum(MOVES in fact.states for fact in own),
            held=sum(HELD in fact.states for fact in own),
            prices=len(own),
            gains=tuple(total for total in proposal.gains if total.event == event),
        )
        for event, own in by_event.items()
    ]
    return sorted(made, key=lambda group: (not group.moving, -sum(abs(each.gain.expected) for each in group.gains)))


def _largest(part: Part, at: Situation) -> tuple[Row, ...]:
    by_size = sorted(part.moves, key=lambda each: -abs(each.allowed / each.in_force - 1))
    return rows_decided(by_size[:SHOWN], at, waits=True)


def _known(backend: Backend, name: str, now: datetime) -> tuple[Proposal, Standing]:
    with reading(backend.engine) as db:
        body = db.scalar(select(proposals.c.body).where(proposals.c.id == name))
        if body is None:
            abort(HTTPStatus.NOT_FOUND)
        found = decoded(body)
        return found, standing_of(db, found, now)


def _published_as(backend: Backend, name: str) -> int | None:
    """The version that put a proposal in force, or will."""
    with reading(backend.engine) as db:
        return db.scalar(select(publications.c.version).where(publications.c.proposal == name))


def _begins(backend: Backend) -> datetime | None:
    """When prices are to begin, in the zone of the workspace; None: at once."""
    text = request.form.get("at", "")
    if request.form.get("when") != "later":
        if text:  # which of the two was meant is not for us to say
            raise InputError(Finding(gettext("You chose “At once” and filled in a time. Choose one of the two.")))
        return None
    try:
        local = datetime.fromisoformat(text).replace(tzinfo=numbers_of(backend).zone)
    except ValueError:
        raise InputError(Finding(gettext("Say on which day and at what time the prices begin."))) from None
    return local
