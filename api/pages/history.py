"""What prices were, and every step that led to them.

Guarantees
----------
* A price is told with who set it, when, and what it was before; prices that were taken back before they began are not
  told as if they had been.
* The audit trail is the log itself: nothing can be taken out of it, and the page says whether it still hangs together.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import msgspec
from flask import abort, g, render_template, request
from flask_babel import gettext, ngettext
from sqlalchemy import Connection, select

from api.http.backend import Backend
from api.pages.desk import Desk, numbers_of
from api.pages.words import ROLES, named
from api.store.checks import Key
from api.store.database import reading
from api.store.log import ANCHOR_NAME, Entry, verify
from api.store.queries import all_publications, history_of, listing_of
from api.store.tables import log as log_table
from api.store.tables import proposals
from pricing.book import PriceInForce, Publication

ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class PriceChange:
    """One price that came into force, or will.

    Attributes
    ----------
    before : what it replaced; None: nothing
    proposed_by : who wanted it; None where it was not proposed
    """

    price: PriceInForce
    before: Decimal | None
    publication: Publication
    proposed_by: str | None

    @property
    def name(self) -> str:
        """What is sold to whom."""
        return named_price(self.price)

    @property
    def change(self) -> float:
        """Relative change of the price."""
        return float(self.price.price / self.before) - 1 if self.before else 0.0


def named_price(price: PriceInForce) -> str:
    """What a price is for: what is sold to whom."""
    parts = (price.terms.get("product"), price.terms.get("segment"))
    return " · ".join(part for part in parts if part and part != "all") or price.offer


def changes_of(backend: Backend, keys: Collection[Key], *, limit: int) -> tuple[PriceChange, ...]:
    """The latest changes of some offers' prices, the newest first: no first price, and none set again."""
    with reading(backend.engine) as db:
        made, by = all_publications(db), _proposers(db)
        names = {offer for offer, _ in keys}
        found = [change for name in sorted(names) for change in _told(history_of(db, name), made, by)]
    chosen = [
        change for change in found if change.price.key in keys and change.before not in {None, change.price.price}
    ]
    return tuple(sorted(chosen, key=lambda change: change.price.valid_from, reverse=True)[:limit])


def _told(
    rows: tuple[PriceInForce, ...], made: Mapping[int, Publication], proposers: Mapping[str, str]
) -> Iterator[PriceChange]:
    """Prices of one offer, channel by channel, the oldest first."""
    before: dict[Key, Decimal] = {}
    for row in rows:
        publication = made[row.version]
        yield PriceChange(row, before.get(row.key), publication, proposers.get(publication.proposal or ""))
        before[row.key] = row.price


def _proposers(db: Connection) -> dict[str, str]:
    return {row.id: row.proposed_by for row in db.execute(select(proposals.c.id, proposals.c.proposed_by))}


def add(desk: Desk) -> None:
    """Add them to the desk."""
    backend = desk.backend

    @desk.page("/history")
    def history() -> str:
        before, action = request.args.get("before", ""), request.args.get("action", "")
        beyond = int(before) if before.isdecimal() and len(before) < 16 else None
        found = trail(backend, before=beyond, action=action, most=ON_A_PAGE + 1)
        return render_template(
            "desk/history.html",
            page="history",
            entries=found[:ON_A_PAGE],
            more=len(found) > ON_A_PAGE,
            action=action,
            about=about,
        )

    @desk.page("/history/check")
    def check() -> str:
        found = verify(backend.engine, backend.root / ANCHOR_NAME)
        last = next(iter(trail(backend, before=None, action="", most=1)), None)
        return render_template("desk/check.html", page="history", found=found, last=last)

    @desk.page("/offers/<path:offer>/history")
    def offer_history(offer: str) -> str:
        with reading(backend.engine) as db:
            rows, listed = history_of(db, offer), listing_of(db)
            made, by = all_publications(db), _proposers(db)
        if not rows:
            abort(HTTPStatus.NOT_FOUND)
        changes = sorted(_told(rows, made, by), key=lambda change: change.price.valid_from, reverse=True)
        n = numbers_of(backend)
        return render_template(
            "desk/offer_history.html",
            page="history",
            offer=offer,
            about=next((each.offer for (name, _), each in listed.items() if name == offer), None),
            changes=changes,
            drawn={
                "steps": [_step(change.price, n.local, g.now) for change in reversed(changes)],
                "currency": rows[0].currency,
            },
            table=[
                (n.minute(each.price.valid_from), n.price(each.price.price, each.price.currency)) for each in changes
            ],
        )


def _step(price: PriceInForce, local: Callable[[datetime], datetime], now: datetime) -> dict[str, Any]:
    """A price as it is drawn: instants as the clock of the workspace shows them."""
    end = price.valid_until or max(now, price.valid_from)
    return {
        "channel": price.channel,
        "from": local(price.valid_from).replace(tzinfo=None).isoformat(),
        "until": local(end).replace(tzinfo=None).isoformat(),
        "price": float(price.price),
    }


def trail(backend: Backend, *, before: int | None, action: str, most: int) -> list[Entry]:
    """Steps of the log, the newest first."""
    query = select(log_table).order_by(log_table.c.number.desc()).limit(most)
    if before is not None:
        query = query.where(log_table.c.number < before)
    if action:
        query = query.where(log_table.c.action == action)
    with reading(backend.engine) as db:
        return [Entry(*row) for row in db.execute(query)]


def about(entry: Entry) -> str:
    """What an entry is about, in a few words."""
    said: dict[str, Any] = msgspec.json.decode(entry.body)
    if reason := said.get("reason"):
        return f"“{reason}”"
    if "prices" in said:
        prices = ngettext("one price", "%(num)d prices", len(said["prices"]))
        return gettext("version %(version)s, %(prices)s", version=entry.subject, prices=prices)
    if "role" in said:
        return f"{entry.subject}: {named(ROLES, said['role'])}"
    return entry.subject
