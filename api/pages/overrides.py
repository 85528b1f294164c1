"""Setting an override, and ending one early.

Guarantees
----------
* Who acts is the person who is signed in, who may approve and says why.
* An override ends at the end of the day that is named, or when the sale does; it cannot be set without an end.
"""

from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus

from flask import abort, g, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from api.gains import gains_instead
from api.http.backend import Backend
from api.pages.desk import Desk, back_to, numbers_of
from api.pages.outlook import current_stage
from api.pages.override_form import Form, editor_of, forms_of
from api.pages.rows import rows_on_sale
from api.pages.situation import situation
from api.pages.strip import reason_given
from api.store.checks import Key
from api.store.log import ANCHOR_NAME
from api.store.overrides import Overrides
from api.store.users import Role
from pricing.book import Listing
from pricing.errors import Finding, InputError
from pricing.model import ALL
from pricing.money import parse_amount
from pricing.overrides import Kind, Override


def add(desk: Desk) -> None:
    """Add them to the desk."""
    backend = desk.backend

    @desk.page("/overrides/new", role=Role.APPROVER)
    def new_override() -> str:
        listing = _listing(backend, (request.args.get("offer", ""), request.args.get("channel", "")))
        event = listing.offer.event
        form = _form(backend, listing)
        home = url_for("desk.product", offer=listing.offer.id) if event == ALL else url_for("desk.event", event=event)
        return render_template(
            "desk/override_page.html", page="events", form=form, editor=editor_of([form], situation(backend)), home=home
        )

    @desk.act("/overrides", role=Role.APPROVER)
    def set_override() -> Response:
        sent, settings = request.form, backend.settings
        listing = _listing(backend, (sent.get("offer", ""), sent.get("channel", "")))
        stage = current_stage(backend.root, backend.snapshots.current().snapshot, g.now)
        made = _overrides(backend).set(
            _wanted(backend, listing),
            policy=settings.policy,
            law=settings.law,
            gains=lambda whole, instead: gains_instead(whole, instead, stage),
        )
        return back_to(sent.get("next", ""), "override-set" if made is None else "override-waits")

    @desk.act("/overrides/<name>/end", role=Role.APPROVER)
    def end_override(name: str) -> Response:
        if not name.isdecimal():
            abort(HTTPStatus.NOT_FOUND)
        _overrides(backend).end(int(name), by=g.session.user.name, now=backend.now(), reason="ended at the desk")
        return back_to(request.form.get("next", ""), "override-ended")


def _overrides(backend: Backend) -> Overrides:
    return Overrides(backend.engine, backend.root / ANCHOR_NAME)


def _listing(backend: Backend, key: Key) -> Listing:
    found = situation(backend).listings.get(key)
    if found is None:
        abort(HTTPStatus.NOT_FOUND)
    return found


def _form(backend: Backend, listing: Listing) -> Form:
    """The form of one offer; its cost is reckoned beside the other prices of its event."""
    at, offer = situation(backend), listing.offer
    beside = at.by_event[offer.event] if offer.event != ALL else (offer,)
    forms = forms_of(rows_on_sale(beside, at), backend, at)
    return next(form for form in forms if form.row.key == (offer.id, offer.channel))


def _wanted(backend: Backend, listing: Listing) -> Override:
    """The override that a form asks for (InputError where it asks for none)."""
    sent, offer, now = request.form, listing.offer, backend.now()
    try:
        return Override(
            offer=offer.id,
            channel=offer.channel,
            kind=Kind(sent.get("kind", "")),
            amount=parse_amount(sent.get("amount", ""), offer.currency),
            currency=offer.currency,
            until=_until(backend, sent.get("until", ""), listing),
            reason=reason_given(),
            by=g.session.user.name,
            at=now,
        )
    except ValueError as error:
        raise InputError(Finding(str(error))) from None


def _until(backend: Backend, text: str, listing: Listing) -> datetime:
    """The end of a day in the zone of the workspace, or that of the sale if it comes first."""
    zone = numbers_of(backend).zone
    try:
        day = date.fromisoformat(text)
        end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):  # no day, or one at the end of all days
        raise InputError(Finding(gettext("Say on which day the override ends."))) from None
    last = listing.sold_until
    return last if last is not None and last.astimezone(zone).date() == day else end
