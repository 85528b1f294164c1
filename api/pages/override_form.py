"""What the form of an override knows of a price: the steps it may take, and what each costs.

Guarantees
----------
* A cost is the difference to the recommendation without the override, every other price as recommended, in the draws
  that prices are decided on, over all that draw on the same resource. Where sales do not tell how buyers react, or
  there is no forecast of today, none is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from flask_babel import gettext
from numpy.typing import NDArray

from api.gains import touched
from api.http.backend import Backend
from api.pages.desk import numbers_of
from api.pages.outlook import current_stage, known
from api.pages.rows import Row
from api.pages.situation import Situation
from api.stage import Stage
from api.store.checks import Key
from api.store.database import reading
from api.store.queries import between, moment
from api.store.tables import prices
from pricing.book import Standing
from pricing.guardrails import InForce, history_from
from pricing.guardrails.rails import nearest
from pricing.market import Sale, gain_per_unit, served, units_at
from pricing.money import as_floats
from pricing.outcome import ENDS
from pricing.overrides import LONGEST

USUAL_DAYS = 28
"""How long an override of goods lasts unless said otherwise [days]."""
Cost = tuple[int, int, int]
"""(expected, low, high) [currency]"""
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one row.

    Attributes
    ----------
    target : what is recommended, the price in force where nothing is
    waits : whether a proposal waits that can still be changed
    steps : the ladder between the owner's bounds
    reach : the least and the greatest step that a person may set today; none where there is no such step
    costs : by step; empty where none can be given
    until, latest : last day as it is suggested, and as late as it may be
    """

    row: Row
    target: Decimal
    waits: bool
    steps: tuple[Decimal, ...]
    reach: tuple[Decimal, ...]
    costs: Mapping[Decimal, Cost]
    until: date
    latest: date

    @property
    def plain(self) -> dict[str, object]:
        """What the script needs."""
        return {
            "offer": self.row.key[0],
            "channel": self.row.key[1],
            "title": " · ".join(part for part in (self.row.name, self.row.audience) if part),
            "now": f"{self.row.now:f}",
            "target": f"{self.target:f}",
            "waits": self.waits,
            "currency": self.row.currency,
            "reach": [f"{step:f}" for step in self.reach],
            "until": self.until.isoformat(),
            "latest": self.latest.isoformat(),
            "steps": [[f"{step:f}", *self.costs.get(step, ())] for step in self.steps],
        }


def forms_of(rows: Sequence[Row], backend: Backend, at: Situation) -> tuple[Form, ...]:
    """A form for each row; the rows share an event, or none of them has one."""
    stage = current_stage(backend.root, backend.snapshots.current().snapshot, at.now)
    waits = at.waiting is not None and at.standing is Standing.OPEN
    zone = numbers_of(backend).zone
    today = at.now.astimezone(zone).date()
    recommended = {decision.offer: decision.allowed for decision in at.moves()}
    costs, reach = _costs(stage, rows, recommended) if stage else {}, _within_reach(rows, backend, at)
    made = []
    for row in rows:
        listing = at.listings[row.key]
        ends = None if listing.sold_until is None else listing.sold_until.astimezone(zone).date()
        latest = today + LONGEST - timedelta(days=1) if ends is None else min(ends, today + LONGEST - timedelta(days=1))
        made.append(
            Form(
                row=row,
                target=row.recommended or row.now,
                waits=waits,
                steps=listing.offer.ladder.within(row.floor, row.ceiling),
                reach=reach.get(row.key, ()),
                costs=costs.get(row.key[0], {}),
                until=min(latest, today + timedelta(days=USUAL_DAYS)) if ends is None else latest,
                latest=latest,
            )
        )
    return tuple(made)


def _within_reach(rows: Sequence[Row], backend: Backend, at: Situation) -> dict[Key, tuple[Decimal, ...]]:
    """The ends of what the caps on moves leave today, other overrides aside."""
    policy, names = at.settings.policy, {row.key[0] for row in rows}
    with reading(backend.engine) as db:
        now = moment(db, at.now)
        past = between(db, history_from(now, policy), now, prices.c.offer.in_(names))
    found: dict[Key, tuple[Decimal, ...]] = {}
    for row in rows:
        own = [(price.valid_from, price.valid_until, price.price) for price in past if price.key == row.key]
        if row.key in at.prices:
            steps = nearest(at.listings[row.key].offer, InForce.over(own, now, policy), policy)
            found[row.key] = (min(steps), max(steps)) if steps else ()
    return found


def editor_of(forms: Sequence[Form], at: Situation) -> dict[str, object]:
    """What the script works with."""
    return {"forms": [form.plain for form in forms], "step": float(at.settings.policy.step), "said": _said()}


def _said() -> dict[str, str]:
    """Texts of the script; it fills in what stands in %(...)s."""
    return {
        "title": gettext("Override: %(name)s"),
        "keeps": gettext("Nothing changes now: %(price)s keeps it."),
        "waits": gettext(
            "In the proposal that waits, the price becomes %(price)s instead of %(before)s; someone else approves it."
        ),
        "later": gettext(
            "The price stays %(now)s until the next proposal, which makes it %(price)s; someone else approves that."
        ),
        "today": gettext(
            "No price that keeps it is within reach today: the price stays %(now)s until a later proposal moves it."
        ),
        "cost": gettext("Expected %(expected)s against the recommendation, 80%% range %(low)s to %(high)s."),
        "unknown": gettext(
            "What it costs is not known: sales do not tell how these buyers react, or there is no forecast of today."
        ),
        "far": gettext("A price moves by at most %(step)s in one run, so this will be refused: choose a nearer one."),
    }


def _costs(stage: Stage, rows: Sequence[Row], recommended: Mapping[str, Decimal]) -> dict[str, dict[Decimal, Cost]]:
    """By offer and step; `recommended` for whichever offers it is."""
    names = {row.key[0] for row in rows}
    market = touched(stage.market, names)
    ladders = {offer.id: stage.curves.ladders[stage.curves.place[offer.id]] for offer in market.offers}
    wished = {name: price for name, price in recommended.items() if price in ladders.get(name, ())}
    if not market.offers:
        return {}
    sale = Sale.at(market, stage.curves, {**market.prices, **wished}, stage.objective)
    asked = [(i, offer) for i, offer in enumerate(market.offers) if offer.id in names and known(stage, offer)]
    return {offer.id: _of_offer(stage, sale, i) for i, offer in asked}


def _of_offer(stage: Stage, sale: Sale, i: int) -> dict[Decimal, Cost]:
    offer = sale.market.offers[i]
    ladder = stage.curves.ladders[stage.curves.place[offer.id]]
    earned = _earned(
        sale,
        i,
        units_at(stage.curves, offer.id, ladder),
        as_floats(gain_per_unit(offer, price, sale.objective) for price in ladder),
    )
    difference = earned - earned[:, [ladder.index(sale.prices[offer.id])]]
    ends = np.quantile(difference, ENDS, axis=0)
    figures = np.rint(np.vstack([difference.mean(axis=0), ends])).astype(int)
    return {price: (int(figures[0, k]), int(figures[1, k]), int(figures[2, k])) for k, price in enumerate(ladder)}


def _earned(sale: Sale, i: int, demand: Matrix, per_unit: Matrix) -> Matrix:
    """(draws, k) by all offers of the resource, what is left being shared out, if offer i is asked for as `demand`."""
    market, own = sale.market, demand * per_unit
    resource = next((each for each in market.used if each.id == market.offers[i].resource), None)
    if resource is None:
        return own
    others = [k for k in market.users(resource) if k != i]
    wanted = sale.wanted[:, others].sum(axis=1)[:, None] + demand
    worth = (sale.wanted * sale.per_unit)[:, others].sum(axis=1)[:, None] + own
    return np.asarray(served(wanted, resource.capacity) * worth)
