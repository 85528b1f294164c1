"""Does errands at shops (`api.errands`): the part of a worker that talks to them.

Guarantees
----------
* An errand does what `fairfare sync` and `fairfare shops` do, by the same functions (`api.syncing`).
* What keeps a shop from it is said in plain words, and whether trying again is of any use.
* While prices are frozen a push is refused; nothing is written.
* An errand whose worker was killed is begun anew: a push goes on where it stood.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine

from api import errands, syncing
from api.errands import Errand, Order
from api.location import database_of
from api.settings import FILE, read_settings
from api.shops.errors import ShopError
from api.shops.model import Check, Report, Step
from api.shops.offers import Offers
from api.shops.seen import Seen
from api.store.database import open_database
from api.syncing import Door, entered
from pricing.errors import FairfareError, RefusedError, UnavailableError

MOST = 200
"""Sales that could not be used, told of a pull at most."""


def run_errand(
    root: Path, arguments: Mapping[str, str], environment: Mapping[str, str], *, by: str, now: datetime
) -> dict[str, Any]:
    """Do an errand; returns what came of it, in the shape that `api.errands` gives it.

    Raises
    ------
    RefusedError
        if the shop refuses, or the errand is not allowed now.
    UnavailableError
        if the shop does not answer.
    """
    order, engine = Order.of(arguments), open_database(database_of(root))
    try:
        with entered(root, read_settings(root / FILE), order.shop, environment, now=now) as door:
            made = DOING[order.step](_Visit(door, engine, order, by, now))
    except ShopError as error:
        raise _plainly(order.shop, error) from error
    told: dict[str, Any] = msgspec.to_builtins(made)
    return told


def _plainly(shop: str, error: ShopError) -> FairfareError:
    if error.permanent:
        return RefusedError(f"Shop {shop} refuses, and will again until something is changed: {error}")
    return UnavailableError(f"Shop {shop} does not answer now; try again later: {error}")


@dataclass(frozen=True, slots=True)
class _Visit:
    """An errand at a shop that is spoken to."""

    door: Door
    engine: Engine
    order: Order
    by: str
    now: datetime

    def look(self) -> errands.Looked:
        seen = syncing.look(self.door, now=self.now)
        return errands.Looked(len(seen.places), len(seen.stock))

    def pull(self) -> errands.Pulled:
        pulled = syncing.pull(self.door, self.engine, now=self.now)
        more = len(pulled.refused) - MOST
        rest = (f"and {more:,} more, which shops/{self.door.name}/refused.json names",) if more > 0 else ()
        return replace(pulled, refused=(*pulled.refused[:MOST], *rest))

    def compare(self) -> errands.Compared:
        made = syncing.compare(self.door, self.engine, now=self.now)
        return errands.Compared(
            digest=made.digest,
            decision=made.decision,
            steps=tuple(_difference(step, made.offers) for step in made.plan.steps),
            kept=len(made.plan.kept),
            drifted=syncing.told(made.plan.drifted),
            held=made.plan.held,
            refused=made.plan.refused,
            frozen=made.frozen,
        )

    def push(self) -> errands.Pushed:
        if not self.order.digest:
            raise RefusedError("compare first: a push names the comparison that it writes")
        made = syncing.push(self.door, self.engine, by=self.by, now=self.now, digest=self.order.digest)
        if made.report is None:
            raise RefusedError(syncing.FROZEN)
        return self._pushed(made.report, made.checks)

    def verify(self) -> errands.Verified:
        return errands.Verified(_checked(syncing.verify(self.door, self.engine, now=self.now)))

    def roll_back(self) -> errands.Pushed:
        return self._pushed(*syncing.rollback(self.door, self.order.decision, by=self.by, now=self.now))

    def accept(self) -> errands.Accepted:
        taken = syncing.accept(self.door, self.order.places, by=self.by, now=self.now)
        return errands.Accepted(tuple(errands.Taken(each.place, str(each.ours), str(each.found)) for each in taken))

    def _pushed(self, report: Report, checks: Sequence[Check]) -> errands.Pushed:
        seen = Seen.read(self.door.folder)
        names = {} if seen is None else {each.place: each.name for each in seen.places}
        names |= {check.place: check.name for check in checks}
        results = (errands.Ended(r.place, names.get(r.place, r.place), r.outcome, r.reason) for r in report.results)
        whole = report.whole and not any(check.problems for check in checks)
        return errands.Pushed(report.decision, tuple(results), _checked(checks), whole)


def _difference(step: Step, offers: Offers) -> errands.Difference:
    offer, channel = offers.at[step.place]
    return errands.Difference(
        place=step.place,
        name=step.name,
        offer=offer,
        channel=channel,
        before=str(step.before),
        shown=step.shown,
        after=step.after,
        currency=step.currency,
        floor=step.floor,
        ceiling=step.ceiling,
        lowest=step.lowest,
    )


def _checked(checks: Iterable[Check]) -> tuple[errands.Checked, ...]:
    return tuple(msgspec.convert(check, errands.Checked, from_attributes=True) for check in checks)


DOING: Mapping[Errand, Callable[[_Visit], errands.Made]] = {
    Errand.LOOK: _Visit.look,
    Errand.PULL: _Visit.pull,
    Errand.COMPARE: _Visit.compare,
    Errand.PUSH: _Visit.push,
    Errand.VERIFY: _Visit.verify,
    Errand.ROLLBACK: _Visit.roll_back,
    Errand.ACCEPT: _Visit.accept,
}
