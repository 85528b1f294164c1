"""Versions of the price book, and taking one back.

Guarantees
----------
* Before anyone confirms, the page says exactly which prices change to what, worked out by what also does it.
* If the book moved on meanwhile, or prices that were to be cancelled have begun, nothing is done: what is confirmed is
  what was shown.
"""

from dataclasses import dataclass
from http import HTTPStatus

from flask import abort, g, render_template, request
from flask_babel import gettext
from sqlalchemy import Connection, func, select
from werkzeug.wrappers import Response

from api.http.backend import Backend
from api.pages.desk import Desk, back_to
from api.pages.history import named_price
from api.pages.paging import page_of
from api.store.database import reading, writing
from api.store.queries import (
    all_publications,
    coming,
    freeze_reason,
    latest_version,
    listing_of,
    moment,
    standing_overrides,
    still_standing,
)
from api.store.steps import outside, taken_back, undoable
from api.store.tables import prices
from api.store.users import Role
from pricing.book import Change, PriceInForce, Publication
from pricing.errors import RefusedError

ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the book, as it stands now.

    Attributes
    ----------
    undone_by : the version that took it back
    begun : whether its prices have begun
    """

    made: Publication
    undone_by: int | None
    begun: bool

    @property
    def state(self) -> str:
        """A word of `words.VERSIONS`."""
        if self.undone_by is not None:
            return "undone"
        if self.made.change is Change.PUBLISH and not self.begun:
            return "scheduled"
        return self.made.change.value


@dataclass(frozen=True, slots=True)
class Undoing:
    """What taking a version back does.

    Attributes
    ----------
    changes : each price in force now, and the one that it becomes
    cancelled : prices that were to begin, and then do not
    forbidden : why it is refused, if it is
    latest : the book's version this was worked out at
    undone_too : publications that followed and stand, which are undone with it
    """

    changes: tuple[tuple[PriceInForce, PriceInForce], ...]
    cancelled: tuple[PriceInForce, ...]
    forbidden: tuple[str, ...]
    latest: int
    undone_too: tuple[int, ...]

    @property
    def dearer(self) -> int:
        """How many of the changes raise a price."""
        return sum(earlier.price > current.price for current, earlier in self.changes)


def add(desk: Desk) -> None:
    """Add them to the desk."""
    backend = desk.backend

    @desk.page("/versions")
    def versions() -> str:
        with reading(backend.engine) as db:
            found = _versions(db)[::-1]
            count = select(prices.c.version, func.count().label("moved")).group_by(prices.c.version)
            moved = {row.version: row.moved for row in db.execute(count)}
        shown = page_of(found, request.args.get("page", ""), ON_A_PAGE)
        return render_template("desk/versions.html", page="history", shown=shown, moved=moved)

    @desk.page("/versions/<name>")
    def version(name: str) -> str:
        with reading(backend.engine) as db:
            found = _known(db, name)
            undoing = _undoing(db, found) if _undoable(db, found) else None
            moved = _set_by(db, found.made.version)
        return render_template(
            "desk/version.html", page="history", version=found, undoing=undoing, moved=moved, named_price=named_price
        )

    @desk.act("/versions/<name>/take-back", role=Role.APPROVER)
    def take_back(name: str) -> Response:
        done = _take_back(backend, name, by=g.session.user.name)
        backend.refresh()
        return back_to(request.form.get("next", ""), done)


def _take_back(backend: Backend, name: str, *, by: str) -> str:
    with writing(backend.engine) as db:  # so that nothing changes, or begins, in between
        found = _known(db, name)
        if request.form.get("latest") != str(latest_version(db)):
            raise RefusedError(gettext("Prices have changed since this was shown. Look at it again."))
        if request.form.get("begun") != str(int(found.begun)):
            raise RefusedError(gettext("Its prices have begun since this was shown. Look at it again."))
        backend.book.rollback(found.made.version, by=by, now=backend.now(), policy=backend.settings.policy)
    return "undone" if found.begun else "cancelled"


def _versions(db: Connection) -> list[Version]:
    """Every version, the oldest first."""
    made, now = all_publications(db), moment(db, g.now)
    undone = {each.undone: each.version for each in made.values() if each.undone is not None}
    return [Version(each, undone.get(each.version), each.effective_at <= now) for each in made.values()]


def _undoable(db: Connection, version: Version) -> bool:
    """Whether it can be taken back as such; bounds and a stop are asked besides."""
    try:
        undoable(all_publications(db), version.made.version)
    except RefusedError:
        return False
    return True


def _known(db: Connection, name: str) -> Version:
    found = next((each for each in _versions(db) if str(each.made.version) == name), None)
    return found or abort(HTTPStatus.NOT_FOUND)


def _undoing(db: Connection, version: Version) -> Undoing:
    at = moment(db, g.now)
    steps = taken_back(db, version.made, at)
    touched = {current.key for current, _ in steps}
    bounds, stopped = (listing_of(db), standing_overrides(db, at)), freeze_reason(db)
    return Undoing(
        changes=tuple(step for step in steps if step[0].price != step[1].price),
        cancelled=tuple(price for price in coming(db, at) if price.key in touched),
        forbidden=((stopped,) if stopped else ()) + tuple(text for step in steps for text in outside(step, *bounds)),
        latest=latest_version(db),
        undone_too=_undone_too(db, version.made.version) if version.begun else (),
    )


def _undone_too(db: Connection, version: int) -> tuple[int, ...]:
    """Publications that followed a version and still stand."""
    return tuple(sorted(each.version for each in still_standing(all_publications(db)) if each.version > version))


def _set_by(db: Connection, version: int) -> int:
    """How many prices a version set, also where they were taken back."""
    return db.scalar(select(func.count()).where(prices.c.version == version)) or 0
