"""One group of buyers: its demand curve over the data, the evidence, the price test proposed, and what is sold to it.

Guarantees
----------
* Nothing is fitted for a page: all of it is what the fit kept. What an earlier Fairfare did not keep is not drawn, and
  the page says what to do.
"""

from http import HTTPStatus

from flask import abort, render_template, request

from api.estimates import Current, Response
from api.grounds import Ground, load_grounds
from api.pages.demand import Axis, curve, drawing, texts, tried
from api.pages.desk import Desk, numbers_of
from api.pages.diagnostics import lines, proposed
from api.pages.paging import page_of
from api.pages.response import Group, currency_of, in_words, meaning, steps_of
from api.pages.rows import rows_on_sale
from api.pages.situation import Situation, situation
from pricing.model import ALL, Offer

ON_A_PAGE = 20


def sold_to(at: Situation, key: tuple[str, str]) -> list[Offer]:
    """Offers of a group on sale, the next event first."""
    order = {event: place for place, event in enumerate((*at.events, ALL))}
    found = [offer for offers in at.by_event.values() for offer in offers if offer.key == key]
    return sorted(found, key=lambda offer: (order[offer.event], offer.id, offer.channel))


def nothing_known(key: tuple[str, str]) -> Response:
    """Of a group that has never been sold at a price."""
    said = "There are no past sales of this kind to forecast from."
    return Response(*key, None, None, None, None, None, "not-identified", "none", 0, 0, said)


def axis_of(ground: Ground | None, currency: str, desk: Desk) -> Axis | None:
    """The scale of its prices; None where no price is known."""
    if ground is None or ground.usual is None:
        return None
    return Axis(ground.usual, ground.alike, currency, numbers_of(desk.backend))


def add(desk: Desk) -> None:
    """Add it to the desk."""
    backend = desk.backend
    current = Current(backend.root / "fits")

    @desk.page("/response/group")
    def group() -> str:
        key = request.args.get("product", ""), request.args.get("segment", ALL)
        said = current.estimates()
        at, n = situation(backend), numbers_of(backend)
        offers = sold_to(at, key)
        found = next((each for each in said.responses if each.key == key), None) if said else None
        found = found or (nothing_known(key) if offers else None)
        if said is None or found is None:
            abort(HTTPStatus.NOT_FOUND)
        grounds = load_grounds(backend.root / "fits", said.model_version)
        ground = grounds.by_key.get(key) if grounds else None
        shown = Group(found, ground)
        currency = currency_of(backend)
        axis = axis_of(ground, currency, desk)
        rows = rows_on_sale(offers, at)
        drawn = drawing(ground, found, axis, sorted({float(row.now) for row in rows})) if ground and axis else None
        return render_template(
            "desk/group.html",
            page="response",
            group=shown,
            fitted_at=said.fitted_at,
            ground=ground,
            kept=grounds is not None,
            verdict=in_words(shown, n),
            meaning=meaning(shown, steps_of(backend.settings.policy).get(shown.status, 0.0), n),
            lines=lines(ground, grounds.needed, n) if ground and grounds else (),
            tried=tried(ground, axis) if ground and axis else "",
            curve=curve(ground, found, axis) if ground and axis else None,
            drawing=drawn,
            said=texts(),
            test=proposed(ground.test, found, alike=ground.alike, currency=currency, n=n)
            if ground and ground.test
            else None,
            shown=page_of(rows, request.args.get("page", "1"), ON_A_PAGE),
        )
