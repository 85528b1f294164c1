"""Shops: how each stands, what is sold at its places, what a push would change; pushing it, looking, taking it back.

Guarantees
----------
* A page speaks to no shop: whatever has to is asked for as a job, whose result the page shows.
* A push names the comparison that was shown; where the shop or the price book has moved on since, nothing is written.
* Prices are pushed, taken back and taken for right by those who may approve; only an admin connects and disconnects,
  and says that a shop is brought in step by itself.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from http import HTTPStatus

from flask import Response, abort, g, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from api.connecting import disconnect, keep_in_step
from api.errands import ROLES, Errand, Order
from api.http.backend import Backend
from api.locks import locked
from api.pages.desk import Answer, Desk, back_to
from api.pages.paging import page_of
from api.pages.shop_connect import tell
from api.pages.shop_jobs import Decision, Deed, by_size, change, short, work_of
from api.pages.shop_map import Choices, Row, changed, rows_of, typed, with_guesses
from api.pages.shop_since import late, left_out, outdated, overtaken
from api.pages.shop_standing import (
    ShopStanding,
    folder_of,
    said_in,
    sentence,
    standing_of,
    standings,
    table_of,
    verdict,
)
from api.pages.situation import situation
from api.shops.journal import FILE, Journal
from api.shops.offers import Offers
from api.shopstock import newest_stock
from api.spreadsheet import as_csv
from api.store.checks import Key
from api.store.database import reading
from api.store.queries import listing_of
from api.store.runs import Kind, ask
from api.store.users import Role
from pricing.errors import Finding, InputError, RefusedError
from pricing.model import ALL

ON_A_PAGE = 50
"""Places that are mapped at a time: a form must not become too long."""
SHOWN = 100
"""Differences, checks and other rows of a table; where there are more, it says so."""
DAY = 86_400
"""A shop is brought in step at least so often, if at all by itself [seconds]."""
DEEDS = 20
"""Latest entries of the journal."""
SECTIONS = {
    Errand.LOOK: "connection",
    Errand.PULL: "connection",
    Errand.COMPARE: "changes",
    Errand.ACCEPT: "changes",
    Errand.PUSH: "push",
    Errand.VERIFY: "seen",
    Errand.ROLLBACK: "journal",
}
"""Where on the page of a shop it is told what came of each errand."""
ASKED = tuple(errand for errand, role in ROLES.items() if role is Role.ANALYST)
"""What a word is enough to ask for."""
COLUMNS = ("place", "name", "offer", "channel", "currency", "shown", "after", "floor", "ceiling", "lowest")


def add(desk: Desk) -> None:
    """Add them to the desk."""
    _add_pages(desk, desk.backend)
    _add_work(desk, desk.backend)
    _add_changes(desk, desk.backend)


def _add_pages(desk: Desk, backend: Backend) -> None:
    @desk.page("/shops")
    def shops() -> str:
        found = standings(backend, situation(backend))
        return render_template("desk/shops.html", page="shops", shops=found, verdict=verdict(found))

    @desk.page("/shops/<name>")
    def shop(name: str) -> str:
        return _shown(backend, name)

    @desk.page("/shops/<name>/changes.csv")
    def shop_changes(name: str) -> Answer:
        compared = work_of(backend, _known(backend, name).name, g.now).compared or abort(HTTPStatus.NOT_FOUND)
        rows = [{column: getattr(step, column) for column in COLUMNS} for step in by_size(compared.steps)]
        named = {"Content-Disposition": f'attachment; filename="{name}-changes.csv"'}
        return Response(as_csv(COLUMNS, rows), headers=named, content_type="text/csv; charset=utf-8")


def _shown(backend: Backend, name: str, *, filled: tuple[Row, ...] = (), wrong: tuple[str, ...] = ()) -> str:
    """The page of a shop; with `filled`, what was filled in and cannot be saved, for it is `wrong`."""
    at, found = situation(backend), _known(backend, name)
    work, choices, folder = work_of(backend, name, g.now), Choices(at.listings), folder_of(backend, name)
    wanted, journal = request.args.get("q", "").strip(), Journal(folder / FILE)
    rows = rows_of(found.seen.places if found.seen else (), found.said)
    page = page_of([row for row in rows if row.matches(wanted)], request.args.get("page", ""), ON_A_PAGE)
    steps = by_size(work.compared.steps) if work.compared else []
    deeds = journal.history()
    return render_template(
        "desk/shop.html",
        page="shops",
        shop=found,
        work=work,
        outdated=outdated(work, found, at),
        overtaken=overtaken(work, found),
        late=late(found, g.now),
        left_out=left_out(backend, name),
        counted=newest_stock(folder, found.seen),
        next=sentence(found),
        shown=page,
        rows=list(typed(with_guesses(page.items, choices, found.said.values()), filled)),
        sought=wanted,
        open_places=sum(row.place is not None and not row.offer for row in rows),
        lost=sum(row.place is None for row in rows),
        choices=choices,
        wrong=wrong,
        names={each.place: each for each in found.seen.places} if found.seen else {},
        currencies=_currencies(found, choices),
        steps=steps,
        change=change,
        ways=[sum(change(step) > 0 for step in steps), sum(change(step) < 0 for step in steps)],
        short=short,
        most=SHOWN,
        deeds=[Deed.of(each) for each in deeds[:DEEDS]],
        earlier=max(0, len(deeds) - DEEDS),
        amount_of=amount_of,
        decision_of=Decision.of,
        doing=SECTIONS[work.doing] if work.doing else "",
    )


def _currencies(shop: ShopStanding, choices: Choices) -> dict[str, str]:
    """What each place is priced in: as it was seen there, else as its offer is."""
    offers = {place: choices.listings[key].offer for place, key in shop.said.items() if key in choices.listings}
    seen = shop.seen.places if shop.seen else ()
    return {place: offer.currency for place, offer in offers.items()} | {each.place: each.currency for each in seen}


def _add_work(desk: Desk, backend: Backend) -> None:
    @desk.act("/shops/<name>/ask", role=Role.ANALYST)
    def ask_shop(name: str) -> BaseResponse:
        step = request.form.get("step", "")
        if step not in ASKED:
            abort(HTTPStatus.UNPROCESSABLE_ENTITY)
        return _asked(backend, Order(shop=name, step=Errand(step)))

    @desk.act("/shops/<name>/map", role=Role.ANALYST)
    def map_shop(name: str) -> Answer:
        found, rows = _known(backend, name), tuple(_filled())
        try:
            _map(backend, found, rows)
        except InputError as error:
            said = tuple(": ".join(filter(None, (each.value, each.reason))) for each in error.findings)
            return _shown(backend, name, filled=rows, wrong=said), HTTPStatus.UNPROCESSABLE_ENTITY
        return back_to(request.form.get("next", ""), "shop-mapped")

    @desk.act("/shops/<name>/disconnect", role=Role.ADMIN)
    def disconnect_shop(name: str) -> BaseResponse:
        disconnect(backend.root, _known(backend, name).name)
        tell(backend, "disconnect-shop", name, {})
        return back_to(url_for("desk.shops"), "shop-disconnected")

    @desk.act("/shops/<name>/by-itself", role=Role.ADMIN)
    def shop_by_itself(name: str) -> BaseResponse:
        seconds, found = _seconds(request.form.get("seconds", "")), _known(backend, name)
        if seconds is not None and not found.said:
            raise RefusedError(gettext("Say first what is sold where."))
        keep_in_step(backend.root, name, seconds)
        tell(backend, "keep-in-step", name, {"seconds": seconds})
        return back_to(url_for("desk.shop", name=name), "shop-asked" if seconds is None else "shop-by-itself")


def _seconds(text: str) -> int | None:
    """How often a shop is to be brought in step [seconds]; None: nothing is filled in, so only when asked."""
    found = text.strip()
    if found and not (re.fullmatch("[0-9]{1,5}", found) and 1 <= int(found) <= DAY):
        raise InputError(Finding(gettext("How often is told in whole seconds, from 1 to %(most)s, a day.", most=DAY)))
    return int(found) if found else None


def _add_changes(desk: Desk, backend: Backend) -> None:
    @desk.act("/shops/<name>/push", role=Role.APPROVER)
    def push_shop(name: str) -> BaseResponse:
        digest = request.form.get("digest", "") or abort(HTTPStatus.UNPROCESSABLE_ENTITY)
        return _asked(backend, Order(shop=name, step=Errand.PUSH, digest=digest))

    @desk.act("/shops/<name>/rollback", role=Role.APPROVER)
    def rollback_shop(name: str) -> BaseResponse:
        decision = request.form.get("decision", "") or abort(HTTPStatus.UNPROCESSABLE_ENTITY)
        return _asked(backend, Order(shop=name, step=Errand.ROLLBACK, decision=decision))

    @desk.act("/shops/<name>/accept", role=Role.APPROVER)
    def accept_shop(name: str) -> BaseResponse:
        places = tuple(request.form.getlist("place"))
        if not places:
            raise InputError(Finding(gettext("No place is chosen.")))
        return _asked(backend, Order(shop=name, step=Errand.ACCEPT, places=places))


def _asked(backend: Backend, order: Order) -> BaseResponse:
    """Have something done at a shop, and show how far it is."""
    name = _known(backend, order.shop).name
    if work_of(backend, name, g.now).open is not None:
        raise RefusedError(gettext("Something is under way with this shop already. Wait until it has ended."))
    ask(backend.engine, Kind.SHOP, by=g.session.user.name, now=backend.now(), arguments=order.arguments)
    return redirect(url_for("desk.shop", name=name, _anchor=SECTIONS[order.step]), HTTPStatus.SEE_OTHER)


def _map(backend: Backend, shop: ShopStanding, rows: tuple[Row, ...]) -> None:
    """Keep what is sold where; places that are not among these rows keep theirs."""
    with reading(backend.engine) as db:
        sold = {key: each.offer.currency for key, each in listing_of(db).items()}
    seen = {each.place: each.currency for each in shop.seen.places} if shop.seen else {}
    table = table_of(backend, shop.name)
    table.parent.mkdir(parents=True, exist_ok=True)
    with locked(table.parent):  # so that nobody else's rows are lost in between
        Offers.write(table, changed(said_in(backend, shop.name), rows), sold=sold, seen=seen)


def _known(backend: Backend, name: str) -> ShopStanding:
    at = situation(backend)
    found = next((shop for shop in at.settings.shops if shop.name == name), None)
    return standing_of(backend, found or abort(HTTPStatus.NOT_FOUND), at)


def _filled() -> list[Row]:
    """Rows of the form, as far as there are any."""
    cells = {key: value.strip() for key, value in request.form.items() if re.fullmatch(r"\w+\.\d{1,3}", key)}
    numbers = sorted(int(key.partition(".")[2]) for key in cells if key.startswith("place."))
    return [
        Row(cells[f"place.{i}"], None, *_key(cells, "offer", "channel", i), was=_said(_key(cells, "was", "within", i)))
        for i in numbers
    ]


def _key(cells: Mapping[str, str], offer: str, channel: str, number: int) -> Key:
    return cells.get(f"{offer}.{number}", ""), cells.get(f"{channel}.{number}", "") or ALL


def _said(key: Key) -> Key | None:
    return key if key[0] else None


def amount_of(text: str | None) -> Decimal | None:
    """The amount that is written at a place; None if what is written there is none."""
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None
