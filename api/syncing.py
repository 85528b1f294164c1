"""Bring a shop and a workspace together: sales come in, prices that were approved go out, and both are looked at again.

Guarantees
----------
* It is the same whoever asks: the command line, a loop, or a job from the desk. What came of it stands in the shop's
  `status.json` afterwards, a shop that refused or did not answer included.
* A sale is recorded once, however often it is pulled (`api.unrecorded`); the cursor moves on only when what was pulled
  is recorded.
* What is pushed is what is in force in the price book, within the bounds and overrides that stand now; while prices are
  frozen nothing is, and what is published or taken back meanwhile ends a push. A place that cannot be priced is told
  with its reason, and keeps none of the others back.
* A price that somebody changed in the shop, or that a rollback put back, is told and left alone.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine

from api.atomic import write_bytes
from api.errands import Pulled
from api.settings import Settings
from api.shops.errors import ShopError
from api.shops.journal import digest_of
from api.shops.model import Change, Check, Drift, Outcome, Plan, Refused, Report
from api.shops.offers import Key, Offers
from api.shops.opening import folder_of, opened
from api.shops.seen import Seen
from api.shops.shop import Shop
from api.shops.status import DriftedPlace, LastPull, LastPush, Problem, Status, note
from api.shopstock import keep
from api.store.book import PriceBook
from api.store.overrides import Overrides
from api.unrecorded import take_down
from pricing.book import Listing, PriceInForce
from pricing.errors import FairfareError, InputError
from pricing.overrides import Override, broken_by

BEFORE = timedelta(days=30)
"""The lowest price of so long is shown beside a new one."""
SYNC = "sync"
"""Who pushes what is in force, where no person asked for it."""
FROZEN = "prices are frozen, so nothing is pushed"
OVERTAKEN = "prices were published or taken back meanwhile, so the rest of these is not pushed"
TOLD = 20
"""Sales that could not be used, of which the status tells; more are in `refused.json`."""


@dataclass(frozen=True, slots=True)
class Door:
    """A shop that is spoken to, with its name in the settings and its folder."""

    name: str
    shop: Shop
    folder: Path

    @property
    def offers(self) -> Offers:
        """Which offer is sold where."""
        return Offers.read(self.folder / "offers.csv")


@contextmanager
def entered(
    root: Path, settings: Settings, name: str, environment: Mapping[str, str], *, now: datetime
) -> Iterator[Door]:
    """A shop of a workspace; its connections are closed afterwards.

    Raises
    ------
    InputError
        if there is no such shop, or it cannot be spoken to as the settings have it, which its status tells then.
    """
    found = [each for each in settings.shops if each.name == name]
    if not found:
        known = ", ".join(each.name for each in settings.shops) or "none"
        raise InputError(f"there is no shop {name} in the settings, which name: {known}")
    folder = folder_of(root, name)
    with ExitStack() as stack:
        try:
            shop = stack.enter_context(opened(found[0], settings, root, environment))
        except FairfareError as error:
            note_problem(folder, error, now=now)
            raise
        yield Door(name, shop, folder)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push changes, and what came of it.

    Attributes
    ----------
    plan : where the shop differed
    offers : what is sold where
    decision : what the push is called
    frozen : whether nothing may be pushed because prices are frozen
    report : how the push ended; None where nothing was pushed
    checks : what stands in the shop now, where something was pushed
    """

    plan: Plan
    offers: Offers
    decision: str
    frozen: bool
    report: Report | None = None
    checks: tuple[Check, ...] = ()

    @property
    def digest(self) -> str:
        """Names what is to be written."""
        return digest_of(self.decision, self.plan.writes)

    @property
    def arrived(self) -> bool:
        """Whether all that was sent is there, and seen by buyers."""
        return (self.report is None or self.report.whole) and not any(check.problems for check in self.checks)

    @property
    def whole(self) -> bool:
        """Whether all that was to be done is done."""
        return self.arrived and not self.plan.refused


def note_problem(folder: Path, error: FairfareError | None, *, now: datetime) -> None:
    """Keep in a shop's status what went wrong; None: nothing does any more."""
    if error is None:
        note(folder, problem=None)
    else:
        note(folder, problem=Problem(now, str(error), getattr(error, "permanent", True)))


@contextmanager
def _noted(door: Door, now: datetime) -> Iterator[None]:
    """Keep in a shop's status whether what is done there succeeds; what the price book forbids is not the shop's."""
    try:
        yield
    except (ShopError, InputError) as error:
        note_problem(door.folder, error, now=now)
        raise
    else:
        note_problem(door.folder, None, now=now)


def look(door: Door, *, now: datetime) -> Seen:
    """Read prices and stock of a shop, and keep them in its folder."""
    with _noted(door, now):
        shop = door.shop
        seen = Seen.of(shop.capabilities.system, shop.read_prices(), shop.pull_inventory(), at=now)
        seen.write(door.folder)
        return seen


def pull(door: Door, engine: Engine, *, now: datetime) -> Pulled:
    """Record what was sold in a shop since the last time, and keep what it can still sell."""
    with _noted(door, now):
        offers, cursor = door.offers, door.folder / "cursor"
        demand = door.shop.pull_demand(cursor.read_text(encoding="utf-8") if cursor.exists() else None)
    done = take_down(demand.movements, offers, door.folder, engine, name=door.name, now=now)
    write_bytes(demand.cursor.encode(), cursor, mode=0o600)
    refused = [*demand.refused, *done.refused]
    stock = keep(door.shop, door.folder, now=now)
    note(door.folder, pulled=LastPull(now, done.new, (*refused[:TOLD], *([stock] if stock else []))))
    return Pulled(done.new, done.known, done.unmapped, tuple(refused), stock)


@dataclass(frozen=True, slots=True)
class Decided:
    """What is in force for the places of a shop.

    Attributes
    ----------
    changes : the price of each place whose offer is on sale, with its bounds
    refused : places whose offer has no price that may be pushed
    version : of the newest price in force in the book; 0 for an empty one
    """

    changes: tuple[Change, ...]
    refused: tuple[Refused, ...]
    version: int


def decided(engine: Engine, offers: Offers, *, now: datetime) -> Decided:
    """The price in force for each place, with its offer's bounds; what an override forbids now is not pushed."""
    book = PriceBook(engine)
    now = max([now, *(made.at for made in book.publications()[-1:])])  # a clock that went back brings no price back
    listed, past = book.listings(), book.prices_between(now - BEFORE, now)
    in_force = {price.key: price for price in book.prices_in_force(now)}
    lowest: dict[Key, Decimal] = {}
    for each in past:
        lowest[each.key] = min(each.price, lowest.get(each.key, each.price))
    standing: dict[Key, list[Override]] = {}
    for override in Overrides(engine).standing(now):
        standing.setdefault(override.key, []).append(override)
    changes, refused = [], []
    for place, key in offers.at.items():
        listing, price = listed.get(key), in_force.get(key)
        if listing is None or price is None:
            refused.append(Refused(place, f"no price is in force for offer {key[0]} in {key[1]}"))
        elif listing.sold_until is not None and listing.sold_until <= now:
            continue
        elif broken := broken_by(price.price, standing.get(key, ())):
            refused.append(Refused(place, f"{price.price} is {broken.says(price.price)}"))
        else:
            changes.append(_change(place, listing, price, lowest.get(key)))
    return Decided(tuple(changes), tuple(refused), max((each.version for each in in_force.values()), default=0))


def _change(place: str, listing: Listing, price: PriceInForce, lowest: Decimal | None) -> Change:
    return Change(
        place=place,
        price=price.price,
        currency=price.currency,
        floor=listing.offer.floor,
        ceiling=listing.offer.ceiling,
        lowest=lowest,
        version=price.version,
    )


def compare(door: Door, engine: Engine, *, now: datetime) -> Pushed:
    """What a push would change; nothing is written."""
    with _noted(door, now):
        return _compared(door, engine, now)


def _compared(door: Door, engine: Engine, now: datetime) -> Pushed:
    offers = door.offers
    wanted = decided(engine, offers, now=now)
    plan = door.shop.plan(wanted.changes)
    plan = replace(plan, refused=(*wanted.refused, *plan.refused))
    note(door.folder, drifted=told(plan.drifted), held=plan.held, refused=plan.refused)
    return Pushed(plan, offers, f"version {wanted.version}", PriceBook(engine).frozen())


def push(door: Door, engine: Engine, *, by: str, now: datetime, digest: str = "") -> Pushed:
    """Write prices in force where the shop has others, and look at what stands there then.

    Parameters
    ----------
    digest : of the comparison (`Pushed.digest`) that whoever asks has seen; empty: they ask for what is in force

    Raises
    ------
    RefusedError
        if they saw another comparison, or another push is running; nothing was written.
    """
    book = PriceBook(engine)
    version = book.version()

    def stopped() -> str:
        return FROZEN if book.frozen() else "" if book.version() == version else OVERTAKEN

    with _noted(door, now):
        made = _compared(door, engine, now)
        if made.frozen or not (digest or door.shop.left_to_do(made.plan)):
            return made
        report = door.shop.push(made.plan, made.decision, now=now, by=by, digest=digest, stopped=stopped)
        made = replace(made, report=report, checks=door.shop.verify(made.plan))
        note(door.folder, pushed=LastPush(now, made.decision, made.arrived))
        return made


def verify(door: Door, engine: Engine, *, now: datetime) -> tuple[Check, ...]:
    """What stands at every place that has a price in force, to whoever runs the shop and to a buyer."""
    with _noted(door, now):
        wanted = decided(engine, door.offers, now=now)
        return door.shop.check({change.place: change.price for change in wanted.changes})


def rollback(door: Door, decision: str, *, by: str, now: datetime) -> tuple[Report, tuple[Check, ...]]:
    """Put back what stood in a shop before a decision was pushed, and look at what stands there then."""
    with _noted(door, now):
        report = door.shop.rollback(decision, now=now, by=by)
        done = {result.place for result in report.results if result.outcome in {Outcome.DONE, Outcome.ALREADY}}
        sent = (entry.sent for entry in door.shop.journal.entries() if entry.stands)
        back = {each.place: each.before.amount for each in sent if each.decision == decision and each.place in done}
        checks = door.shop.check({place: price for place, price in back.items() if price is not None})
        whole = report.whole and not any(check.problems for check in checks)
        note(door.folder, pushed=LastPush(now, report.decision, whole))
        return report, checks


def accept(door: Door, places: Collection[str], *, by: str, now: datetime) -> tuple[Drift, ...]:
    """Take what stands at places for right, so that the next push may change it again."""
    with _noted(door, now):
        taken = door.shop.accept(places, by=by, now=now)
        kept, done = Status.read(door.folder), {each.place for each in taken}
        note(
            door.folder,
            drifted=tuple(each for each in kept.drifted if each.place not in done),
            held=tuple(each for each in kept.held if each.place not in done),
        )
        return taken


def told(drifted: Iterable[Drift]) -> tuple[DriftedPlace, ...]:
    """Places where somebody changed our price, as they are told."""
    return tuple(DriftedPlace(each.place, each.name, str(each.ours), str(each.found)) for each in drifted)
