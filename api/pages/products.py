"""The list of what is sold without an event, and the page of each product.

Guarantees
----------
* What needs a person comes first: prices that would move, then those held, then those a guard rail stopped.
* Every figure comes from the book, from what was sold, or from the draws that prices are decided on; what is not known
  is said, and nothing is drawn for it.
* Only the rows that are shown are made, however many products there are.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from http import HTTPStatus

import msgspec
from flask import abort, render_template, request
from flask_babel import gettext, ngettext

from api.bookings import Shelf
from api.http.backend import Backend
from api.pages.choosing import (
    MOVES,
    STATES,
    Choice,
    Fact,
    Sift,
    choice_of,
    fact_of,
    moves_of,
    part_of,
    remembered,
    stage_of,
)
from api.pages.curve import Curve, said
from api.pages.desk import Desk, numbers_of
from api.pages.events import plain
from api.pages.history import changes_of
from api.pages.numbers import DASH, Numbers
from api.pages.outlook import Outlook, current_stage, outlook
from api.pages.override_form import editor_of, forms_of
from api.pages.paging import page_of
from api.pages.rows import Row, rows_on_sale
from api.pages.situation import Situation, situation
from pricing.model import ALL, Offer, Resource

ON_A_PAGE = 50


def facts_of_goods(at: Situation) -> list[Fact]:
    """What each price without an event is sought by; what needs a person first."""
    moving = {decision.key for decision in at.moves(ALL)}
    return remembered(
        at,
        f"goods {at.standing}",
        lambda: (
            fact_of(offer, at.decisions.get(key), moves=key in moving)
            for offer in at.by_event.get(ALL, ())
            for key in ((offer.id, offer.channel),)
        ),
    )


def shelves_of(at: Situation) -> dict[tuple[str, str], Shelf]:
    """How goods sell, by product and segment, as far as it was kept."""
    return {(each.product, each.segment): each for each in (at.bookings.goods if at.bookings else ())}


def _rows(offers: Sequence[Offer], at: Situation) -> tuple[Row, ...]:
    shelves = shelves_of(at)
    known = [shelves.get(offer.key) for offer in offers]
    return tuple(
        replace(row, sold=shelf.lately if shelf else None)
        for row, shelf in zip(rows_on_sale(offers, at), known, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Mark:
    """A price on the scale of a product: what it is, and where it lies [% of the width]."""

    kind: str
    label: str
    price: Decimal
    place: float


def marks_of(row: Row, offer: Offer, margin: Decimal | None) -> tuple[Mark, ...]:
    """Cost, least price for its margin, floor, price now, recommended and ceiling, from left to right."""
    named = [("bound", gettext("floor"), row.floor), ("now", gettext("now"), row.now)]
    if offer.unit_cost:
        named.append(("cost", gettext("unit cost"), offer.unit_cost))
        if margin is not None:
            named.append(("cost", gettext("least margin"), offer.unit_cost / (1 - margin)))
    if row.recommended:
        named.append(("new", gettext("recommended"), row.recommended))
    named.append(("bound", gettext("ceiling"), row.ceiling))
    low, high = min(price for _, _, price in named), max(price for _, _, price in named)
    span = float(high - low) or 1.0
    made = [Mark(kind, label, price, round(2 + 96 * float(price - low) / span, 2)) for kind, label, price in named]
    return tuple(sorted(made, key=lambda mark: mark.place))


def selling(shelf: Shelf | None, view: Outlook | None, n: Numbers) -> str:
    """How a product sells, in a sentence."""
    if shelf is None:
        return gettext("Its sales are not known here yet.")
    sold, periods = n.units(shelf.lately), spell(shelf)
    if view is None:
        return gettext("It sold %(sold)s in the last %(periods)s.", sold=sold, periods=periods)
    return gettext(
        "It sold %(sold)s in the last %(periods)s; in the next as many, %(mean)s are expected at today's price.",
        sold=sold,
        periods=periods,
        mean=n.units(view.now.final.mean),
    )


def at_todays_price(shelf: Shelf, view: Outlook) -> Shelf:
    """Its forecast, which was made at the price of its last sales, moved to today's by how its buyers react."""
    _, mean, _ = shelf.ahead
    moved = view.now.final.mean / mean if mean > 0 else 1.0
    return msgspec.structs.replace(
        shelf,
        mean=tuple(moved * units for units in shelf.mean),
        low=tuple(moved * units for units in shelf.low),
        high=tuple(moved * units for units in shelf.high),
    )


def spell(shelf: Shelf) -> str:
    """How long the forecast is, in words."""
    length, ahead = _days(shelf), len(shelf.mean)
    if length == 1:
        return ngettext("day", "%(num)d days", ahead)
    if length == 7:
        return ngettext("week", "%(num)d weeks", ahead)
    return ngettext("period", "%(num)d periods", ahead)


def _days(shelf: Shelf) -> int:
    return (shelf.periods[-1] - shelf.periods[-2]).days if len(shelf.periods) > 1 else 0


def weeks(shelf: Shelf, view: Outlook | None, n: Numbers) -> Curve:
    """The chart of its sales, in words and numbers."""
    hidden = sum(shelf.gone)
    caption = gettext("Each bar begins on its date.")
    if view is not None:
        caption += " " + gettext("The forecast is at today's price; its band should hold 8 of 10 periods.")
    if hidden:
        caption += " " + ngettext(
            "Hollow: sold out at times in one period, so more was wanted than sold.",
            "Hollow: sold out at times in %(num)d periods, so more was wanted than sold.",
            hidden,
        )
    heads = (gettext("From"), gettext("Sold"), gettext("Expected"), gettext("80% range"))
    return Curve(_label(shelf, view, n), caption, heads, tuple(_told(shelf, view, n)))


def _label(shelf: Shelf, view: Outlook | None, n: Numbers) -> str:
    if view is None:
        return gettext("Units sold by period.")
    final = view.now.final
    return gettext(
        "Units sold by period. Expected in the next %(periods)s: %(mean)s, 80%% range %(low)s to %(high)s.",
        periods=spell(shelf),
        mean=n.units(final.mean),
        low=n.units(final.low),
        high=n.units(final.high),
    )


def _told(shelf: Shelf, view: Outlook | None, n: Numbers) -> list[tuple[str, ...]]:
    """Rows of its table."""
    days = [n.date(day) for day in shelf.periods]
    past: list[tuple[str, ...]]
    past = [(day, n.units(units), "", "") for day, units in zip(days, shelf.sold, strict=False)]
    if view is None:
        return past
    return past + [
        (day, "", n.units(mean), gettext("%(low)s to %(high)s", low=n.units(low), high=n.units(high)))
        for day, mean, low, high in zip(days[len(past) :], shelf.mean, shelf.low, shelf.high, strict=True)
    ]


def drawing(shelf: Shelf | None, view: Outlook | None, step: float, *, counted: bool) -> dict[str, object]:
    """What the script draws: sales, forecast, and each position of the slider; `counted`: whether its stock is."""
    drawn: dict[str, object] = {"cases": [], "step": step, "counted": counted}
    if shelf is not None:
        drawn |= {"periods": [day.isoformat() for day in shelf.periods], "units": shelf.sold, "gone": shelf.gone}
        ends = {"mean": shelf.mean, "low": shelf.low, "high": shelf.high}
        drawn |= {name: [round(each, 2) for each in units] if view else [] for name, units in ends.items()}
    if view is not None:
        recommended = [view.recommended] if view.recommended else []
        drawn |= {"currency": view.currency, "cases": [plain(case) for case in (*view.cases, *recommended)]}
    return drawn


def add(desk: Desk) -> None:
    """Add them to the desk."""
    backend = desk.backend

    @desk.page("/products")
    def products() -> str:
        at, sift = situation(backend), Sift.asked(request.args)
        facts, waiting = facts_of_goods(at), at.waiting
        matching = sift.found(facts)
        chosen = [fact for fact in matching if sift.state not in STATES or sift.state in fact.states]
        choice = choice_of(waiting, request.args, (fact.key for fact in chosen)) if waiting else None
        shown = page_of(chosen, request.args.get("page", "1"), ON_A_PAGE)
        return render_template(
            "desk/products.html",
            page="products",
            rows=_rows([fact.offer for fact in shown.items], at),
            shown=shown,
            counts=Counter(name for fact in matching for name in fact.states),
            all=len(matching),
            matching_moves=sum(MOVES in fact.states for fact in chosen),
            sift=sift,
            filtered=bool(sift.named.keys() - {"q", "state"}),
            rails=sorted({rail for fact in facts for rail in fact.rails}),
            choice=choice,
            part=part_of(at, waiting, choice, ALL, stage_of(backend)) if waiting and choice and at.moves(ALL) else None,
        )

    @desk.page("/products/<path:offer>")
    def product(offer: str) -> str:
        at, n = situation(backend), numbers_of(backend)
        offers = [each for each in at.by_event.get(ALL, ()) if each.id == offer]
        if not offers:
            abort(HTTPStatus.NOT_FOUND)
        first, rows = offers[0], _rows(offers, at)
        shelf = shelves_of(at).get(first.key)
        view, stock = _outlook(backend, at, first)
        shelf = at_todays_price(shelf, view) if shelf and view else shelf
        return render_template(
            "desk/product.html",
            page="products",
            offer=first,
            rows=rows,
            shelf=shelf,
            left=stock.capacity if stock else None,
            drawn=stock.id if stock and stock.id != first.id else "",
            view=view,
            selling=selling(shelf, view, n),
            spell=spell(shelf) if shelf else DASH,
            weeks=weeks(shelf, view, n) if shelf else None,
            marks=[marks_of(row, each, at.settings.policy.min_margin) for row, each in zip(rows, offers, strict=True)],
            drawing=drawing(shelf, view, float(at.settings.policy.step), counted=stock is not None),
            said=said() | said_of_goods(),
            alone=Choice(moves_of(at.waiting)).after("only", {row.key for row in rows}).code if at.waiting else "",
            editor=editor_of(forms_of(rows, backend, at), at),
            changes=changes_of(backend, {row.key for row in rows}, limit=6),
        )


def _outlook(backend: Backend, at: Situation, of: Offer) -> tuple[Outlook | None, Resource | None]:
    """The draws of a product, and its stock with what was left of it as they were made."""
    stage = current_stage(backend.root, backend.snapshots.current().snapshot, at.now)
    if stage is None:
        return None, None
    allowed = {decision.offer: decision.allowed for decision in at.moves(ALL) if decision.offer == of.id}
    stocks = {resource.id: resource for resource in stage.market.resources}
    drawn = next((offer.resource for offer in stage.market.offers if offer.id == of.id), None)
    view = outlook(stage, lambda offer: offer.id == of.id, 0.0, allowed, pinned=at.pinned)
    return view, stocks.get(drawn or "")


def said_of_goods() -> dict[str, str]:
    """Texts of the script that differ from those of an event."""
    return {
        "final": gettext("Units sold"),
        "revenue": gettext("Revenue"),
        "expected": gettext("Expected"),
        "soldin": gettext("Sold"),
    }
