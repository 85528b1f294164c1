"""The proposal that waits, and what a person decides about it.

Guarantees
----------
* Who acts is the person who is signed in: nobody approves what they proposed.
* Approving and putting in force are one step: if a guard rail refuses the second, the first is undone with it.
* What is approved is the proposal that was shown; another one that was made meanwhile is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import groupby

from flask import abort, g, render_template, request
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from api.http.backend import Backend
from api.pages.desk import Desk, back_to, numbers_of
from api.pages.rows import Row, rows_of
from api.pages.situation import Situation, decoded, situation
from api.pages.strip import reason_given
from api.store.database import reading, writing
from api.store.queries import standing_of
from api.store.tables import proposals, publications
from api.store.users import Role
from pricing.book import Proposal, Standing
from pricing.errors import Finding, InputError
from pricing.outcome import TotalGain


@dataclass(frozen=True, slots=True)
class Group:
    """What a proposal says of one event, or of goods (`event` is "all")."""

    event: str
    rows: tuple[Row, ...]
    gains: tuple[TotalGain, ...]

    @property
    def moving(self) -> int:
        """How many prices move."""
        return sum(row.moves for row in self.rows)

    @property
    def held(self) -> int:
        """How many prices are held for a person."""
        return sum(row.held for row in self.rows)

    @property
    def stake(self) -> float:
        """What its moves are expected to be worth [currency]."""
        return sum(abs(total.gain.expected) for total in self.gains)


def add(desk: Desk) -> None:
    """Add them to the desk."""
    backend = desk.backend

    @desk.page("/proposals/<name>")
    def proposal(name: str) -> str:
        found, standing = _known(backend, name, g.now)
        at = situation(backend)
        groups = sorted(_groups(found, at), key=lambda group: (group.moving == 0, -group.stake))
        return render_template(
            "desk/proposal.html",
            page="overview",
            proposal=found,
            standing=standing,
            version=_published_as(backend, name),
            groups=groups,
            first_held=next((group.event for group in groups if group.held), None),
        )

    @desk.act("/proposals/<name>/approve", role=Role.APPROVER)
    def approve(name: str) -> Response:
        found, _ = _known(backend, name, g.now)
        at, settings, who, now = _begins(backend), backend.settings, g.session.user.name, backend.now()
        with writing(backend.engine):
            backend.book.approve(found.id, by=who, now=now, large="large" in request.form)
            backend.book.publish(found.id, by=who, now=now, policy=settings.policy, law=settings.law, at=at)
        backend.refresh()
        return back_to(request.form.get("next", ""), "published" if at is None else "scheduled")

    @desk.act("/proposals/<name>/reject", role=Role.APPROVER)
    def reject(name: str) -> Response:
        found, _ = _known(backend, name, g.now)
        backend.book.reject(found.id, by=g.session.user.name, now=backend.now(), reason=reason_given())
        return back_to(request.form.get("next", ""), "rejected")


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
        return None
    try:
        local = datetime.fromisoformat(text).replace(tzinfo=numbers_of(backend).zone)
    except ValueError:
        raise InputError(Finding(gettext("Say on which day and at what time the prices begin."))) from None
    return local


def _groups(proposal: Proposal, at: Situation) -> Iterator[Group]:
    rows = rows_of(proposal.decisions, at)
    for event, of_event in groupby(sorted(rows, key=lambda row: row.event), key=lambda row: row.event):
        gains = tuple(total for total in proposal.gains if total.event == event)
        yield Group(event, tuple(of_event), gains)
