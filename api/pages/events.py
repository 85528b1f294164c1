"""The list of events on sale, and the page of each.

Guarantees
----------
* Every figure comes from the book, from what was sold, or from the draws that prices are decided on.
* Where there is no forecast of today, that is said, and nothing is drawn for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from flask import abort, render_template, request

from api.bookings import Filling
from api.http.backend import Backend
from api.pages.choosing import choice_of, part_of, stage_of
from api.pages.curve import curve, said, selling
from api.pages.desk import Desk, numbers_of
from api.pages.history import changes_of
from api.pages.outlook import Case, Outlook, current_stage, finals, outlook
from api.pages.override_form import editor_of, forms_of
from api.pages.paging import Page, page_of
from api.pages.rows import Row, limited, rows_on_sale
from api.pages.situation import Situation, situation
from pricing.model import ALL
from pricing.outcome import Span, TotalGain

ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One event of the list.

    Attributes
    ----------
    final : units expected in the end at today's prices; None where there is no forecast of today
    """

    event: str
    begins: datetime | None
    filling: Filling | None
    final: Span | None
    rows: tuple[Row, ...]
    gains: tuple[TotalGain, ...]

    @property
    def moving(self) -> int:
        """How many prices wait for approval."""
        return sum(row.moves for row in self.rows)

    @property
    def held(self) -> int:
        """How many prices are held for a person."""
        return sum(row.held for row in self.rows)

    @property
    def scale(self) -> float:
        """What its bar is drawn against [units]."""
        filling = self.filling
        known = (filling.capacity, filling.on_hand, filling.usual) if filling else ()
        return max(1.0, self.final.high if self.final else 0.0, *(each or 0.0 for each in known))

    @property
    def prices(self) -> tuple[Row, Row]:
        """The cheapest and the dearest."""
        return min(self.rows, key=lambda row: row.now), max(self.rows, key=lambda row: row.now)


def lines_of(backend: Backend, at: Situation, events: Sequence[str] | None = None) -> tuple[Line, ...]:
    """These events, or every one on sale, the next one first."""
    events = at.events if events is None else events
    fillings = {each.event: each for each in (at.bookings.events if at.bookings else ())}
    stage = current_stage(backend.root, backend.snapshots.current().snapshot, at.now)
    on_hand = {name: fillings[name].on_hand for name in events if name in fillings}
    ends = finals(stage, on_hand) if stage else {}
    drawn = {offer.id: offer.resource for offer in stage.market.offers} if stage else {}
    shops = {shop.name for shop in at.settings.shops}
    return tuple(
        Line(
            event=name,
            begins=at.begins(name),
            filling=fillings.get(name),
            final=ends.get(name),
            rows=tuple(limited(rows_on_sale(at.by_event[name], at), drawn, shops)),
            gains=at.gains(name),
        )
        for name in events
    )


def drawing(filling: Filling | None, view: Outlook | None, step: float) -> dict[str, object]:
    """What the script draws: the path so far, what is typical, and each position of the slider.

    Parameters
    ----------
    step : largest move per run that the owner allows, as a fraction
    """
    drawn: dict[str, object] = {"cases": [], "step": step}
    if filling is not None:
        leads, share = filling.share_left()
        drawn |= {"capacity": filling.capacity, "lead": filling.lead, "sold": filling.sold}
        drawn |= {"ahead": leads, "share": share, "typical": _typical(filling)}
    if view is not None:
        recommended = [view.recommended] if view.recommended else []
        drawn |= {"currency": view.currency, "cases": [plain(case) for case in (*view.cases, *recommended)]}
    return drawn


def _typical(filling: Filling) -> dict[str, object] | None:
    """The typical curve, from where this event's own begins."""
    usual = filling.typical
    if usual is None:
        return None
    start = usual.lead[0] - min(usual.lead[0], filling.lead[0])
    return {name: getattr(usual, name)[start:] for name in ("lead", "low", "median", "high")}


def plain(case: Case) -> dict[str, object]:
    """A case in few digits."""
    return {
        "percent": case.percent,
        "final": _ends(case.final),
        "revenue": round(case.revenue.mean),
        "gain": [round(case.gain.expected), round(case.gain.low), round(case.gain.high)],
        "less": case.gain.less,
        "full": round(case.full, 3),
        "price": round(case.price, 2),
        "beyond": case.beyond,
    }


def _ends(span: Span) -> list[float]:
    return [round(end, 2) for end in (span.low, span.mean, span.high)]


def add(desk: Desk) -> None:
    """Add them to the desk."""
    backend = desk.backend

    @desk.page("/events")
    def events() -> str:
        wanted = request.args.get("q", "").strip()
        lines = [line for line in lines_of(backend, situation(backend)) if _matches(line, wanted)]
        shown: Page[Line] = page_of(lines, request.args.get("page", "1"), ON_A_PAGE)
        return render_template("desk/events.html", page="events", shown=shown, wanted=wanted)

    @desk.page("/events/<path:event>")
    def event(event: str) -> str:
        at, n = situation(backend), numbers_of(backend)
        if event == ALL or event not in at.by_event:
            abort(HTTPStatus.NOT_FOUND)
        (line,) = lines_of(backend, at, [event])
        view, waiting = _outlook(backend, at, line), at.waiting if line.moving else None
        choice = choice_of(waiting, request.args, ()) if waiting else None
        return render_template(
            "desk/event.html",
            page="events",
            line=line,
            view=view,
            gains=at.gains(event),
            choice=choice,
            part=part_of(at, waiting, choice, event, stage_of(backend)) if waiting and choice else None,
            selling=selling(line.filling, n),
            curve=curve(line.filling, view, n) if line.filling else None,
            drawing=drawing(line.filling, view, float(at.settings.policy.step)),
            said=said(),
            editor=editor_of(forms_of(line.rows, backend, at), at),
            changes=changes_of(backend, {row.key for row in line.rows}, limit=6),
        )


def _outlook(backend: Backend, at: Situation, line: Line) -> Outlook | None:
    stage = current_stage(backend.root, backend.snapshots.current().snapshot, at.now)
    allowed = {decision.offer: decision.allowed for decision in at.moves(line.event)}
    on_hand = line.filling.on_hand if line.filling else 0.0
    if stage is None:
        return None
    return outlook(stage, lambda offer: offer.event == line.event, on_hand, allowed, pinned=at.pinned)


def _matches(line: Line, wanted: str) -> bool:
    said = f"{line.event} {line.filling.venue if line.filling else ''}".casefold()
    return all(word in said for word in wanted.casefold().split())
