"""The first page: what needs a person, and how what is on sale stands.

Guarantees
----------
* At most `MOST` things are asked of a person, the gravest first, each with what is at stake and one action.
* What is fine is one number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import redirect, render_template, url_for
from flask_babel import gettext, ngettext

from api.bookings import Bookings
from api.http.backend import Backend
from api.pages import words
from api.pages.curve import pace_in_words
from api.pages.desk import Answer, Desk, numbers_of
from api.pages.events import Line, lines_of
from api.pages.history import trail
from api.pages.numbers import Numbers
from api.pages.shop_standing import FIRST, ShopStanding, ShopState, sentence, standings, troubled
from api.pages.situation import Situation, Stop, situation
from api.pages.start import is_empty
from pricing.book import Change, Proposal, Standing
from pricing.model import ALL
from pricing.outcome import TotalGain
from pricing.overrides import Override

MOST = 7
SHOWN, STEPS = 8, 5
"""Events and latest steps listed; the rest are pages of their own."""
BEHIND, SOON = -0.25, timedelta(days=21)
"""An event is worth a look if it sells so much slower than is typical, and begins so soon."""
ENDING = timedelta(days=7)
"""An override that ends so soon is worth a word."""
SAID = (4, 0.0)
"""Weight of what is said and needs nobody."""
OLD = timedelta(days=3)
"""Sales older than this are worth a word."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something that needs a person.

    Attributes
    ----------
    kind, icon : how grave it is (bad, warn, info), and what it is about
    stake, beside : what is at stake, and how sure that is
    action, address : what to do, and where
    weight : how grave it is, then how much money it is about
    """

    kind: str
    icon: str
    title: str
    text: str
    stake: str
    beside: str
    action: str
    address: str
    weight: tuple[int, float]

    @property
    def needed(self) -> bool:
        """Whether it waits for a person; else it is only said."""
        return self.weight < SAID


def add(desk: Desk) -> None:
    """Add it to the desk."""
    backend = desk.backend

    @desk.page("/")
    def overview() -> Answer:
        if is_empty(backend):
            return redirect(url_for("desk.start"))
        at, n = situation(backend), numbers_of(backend)
        lines = lines_of(backend, at)
        items = sorted(_items(backend, at, lines, n), key=lambda item: item.weight)
        return render_template(
            "desk/overview.html",
            page="overview",
            items=items[:MOST],
            needed=sum(item.needed for item in items),
            more=max(0, len(items) - MOST),
            lines=lines[:SHOWN],
            fine=_fine(at, lines),
            sold=sum(line.filling.on_hand for line in lines if line.filling),
            week=_changed(backend, at),
            ending=[each for each in at.overrides if at.now < each.until <= at.now + ENDING],
            steps=trail(backend, before=None, action="", most=STEPS),
        )


def _items(backend: Backend, at: Situation, lines: tuple[Line, ...], n: Numbers) -> Iterator[Item]:
    if at.stop is not None:
        yield _stopped(at.stop, at, n)
    yield from (_to_review(line, at, n) for line in lines if line.moving)
    if at.waiting and (moving := at.moves(ALL)):
        yield _goods(at.waiting, len(moving), at, n)
    yield from (_behind(line, at, n) for line in lines if not line.moving and _is_behind(line, at))
    shops = standings(backend, at)
    yield from (_shop(shop, n) for shop in troubled(shops, at.now))
    if at.waiting is None:
        yield _nothing_waits(at, n)
    if at.proposal and at.held:
        yield _held(at.proposal, at, n)
    yield from (_outlived(each, at, n) for each in at.overrides if _is_outlived(each, at))
    if at.bookings and at.now - max(at.bookings.until, _fetched(shops)) > OLD:
        yield _old(at.bookings, at, n)


def _fetched(shops: tuple[ShopStanding, ...]) -> datetime:
    """When the last of all shops was asked what it had sold: until then, what is not there was not sold."""
    pulled = [shop.status.pulled for shop in shops]
    return min((each.at if each else FIRST for each in pulled), default=FIRST)


def _stopped(stop: Stop, at: Situation, n: Numbers) -> Item:
    since = n.when(stop.at, at.now)
    return Item(
        kind="bad",
        icon="stop",
        title=gettext("All changes are stopped"),
        text=gettext(
            "Since %(when)s by %(name)s: “%(reason)s”. Prices on sale stay as they are.",
            when=since,
            name=stop.by,
            reason=stop.reason,
        ),
        stake=str(len(at.moves())),
        beside=gettext("changes wait"),
        action=gettext("See the log"),
        address=url_for("desk.history", action="freeze"),
        weight=(0, 0.0),
    )


def _to_review(line: Line, at: Situation, n: Numbers) -> Item:
    return Item(
        kind="warn" if _is_behind(line, at) else "info",
        icon="ticket",
        title=_title(line, n),
        text=_selling(line, at, n) + " " + _ready(line),
        **_stake(line.gains, n),
        action=ngettext("Review %(num)d", "Review %(num)d", line.moving),
        address=url_for("desk.event", event=line.event),
        weight=(1, -_money(line.gains)),
    )


def _goods(proposal: Proposal, moving: int, at: Situation, n: Numbers) -> Item:
    gains = at.gains(ALL)
    return Item(
        kind="info",
        icon="box",
        title=gettext("Sold without an event"),
        text=ngettext(
            "One price of %(all)d should change.",
            "%(num)d prices of %(all)d should change.",
            moving,
            all=len(at.by_event.get(ALL, ())),
        ),
        **_stake(gains, n),
        action=ngettext("Review %(num)d", "Review %(num)d", moving),
        address=url_for("desk.proposal", name=proposal.id),
        weight=(1, -_money(gains)),
    )


def _behind(line: Line, at: Situation, n: Numbers) -> Item:
    filling = line.filling
    missing = (filling.usual or 0.0) - filling.on_hand if filling else 0.0
    return Item(
        kind="warn",
        icon="warn",
        title=_title(line, n),
        text=f"{_selling(line, at, n)} {_no_help(at)}",
        stake=n.units(-missing),
        beside=gettext("tickets against typical"),
        action=gettext("Look"),
        address=url_for("desk.event", event=line.event),
        weight=(2, -missing),
    )


def _no_help(at: Situation) -> str:
    """Why no change waits for what sells too slowly; one that lapsed might have helped."""
    if at.standing in {Standing.OPEN, Standing.APPROVED, Standing.PUBLISHED}:
        return gettext("No price change is proposed that would help.")
    return gettext("No proposal waits.")


def _shop(shop: ShopStanding, n: Numbers) -> Item:
    """A shop that is not in step, and will not be by itself."""
    drifted = shop.state is ShopState.DRIFTED
    count = len(shop.status.drifted if drifted else shop.said)
    beside = gettext("changed by hand") if drifted else gettext("prices not in step")
    return Item(
        kind="warn" if drifted else "bad",
        icon="hand" if drifted else "plug",
        title=sentence(shop),
        text=gettext("They are left alone until someone says whose price is right.")
        if drifted
        else gettext("Sales do not come in from it, and approved prices do not reach its buyers."),
        stake=n.units(count) if count else "",
        beside=beside if count else "",
        action=gettext("See the shop"),
        address=url_for("desk.shop", name=shop.name),
        weight=(0, 2.0 if drifted else 1.0),  # what people approved is not what buyers are asked for
    )


def _nothing_waits(at: Situation, n: Numbers) -> Item:
    made, done = at.proposal, at.standing is Standing.PUBLISHED
    if made is None:
        text = gettext("Nothing was proposed yet. Prices stay as they are.")
    elif done:
        text = gettext("The last proposal, of %(when)s, is in force.", when=n.when(made.proposed_at, at.now))
    else:
        text = gettext(
            "The last proposal, of %(when)s, can no longer be published.", when=n.when(made.proposed_at, at.now)
        )
    return Item(
        kind="info",
        icon="check" if done else "clock",
        title=gettext("No proposal waits for you"),
        text=text,
        stake=str(len(at.listings)),
        beside=gettext("prices on sale"),
        action=gettext("See what changed") if done else gettext("Propose anew"),
        address=url_for("desk.history" if done else "desk.jobs"),
        weight=SAID,
    )


def _held(proposal: Proposal, at: Situation, n: Numbers) -> Item:
    return Item(
        kind="info",
        icon="q",
        title=ngettext("One price is held for you", "%(num)d prices are held for you", len(at.held)),
        text=gettext("Sales cannot show how these buyers react to the price, so the engine does not move it."),
        stake=gettext("%(some)s of %(all)s", some=n.units(len(at.held)), all=n.units(len(at.listings))),
        beside=gettext("prices"),
        action=gettext("See why"),
        address=url_for("desk.proposal", name=proposal.id, _anchor="held"),
        weight=(3, 0.0),
    )


def _is_outlived(override: Override, at: Situation) -> bool:
    """Whether a price stands where an override held it that has ended, and nothing was proposed since."""
    price = at.prices.get(override.key)
    silent = at.proposal is None or at.proposal.proposed_at < override.until
    return override.until <= at.now and silent and price is not None and price.price == override.amount


def _outlived(override: Override, at: Situation, n: Numbers) -> Item:
    offer, kind = at.listings[override.key].offer, words.named(words.OVERRIDES, override.kind)
    return Item(
        kind="warn",
        icon="hand",
        title=gettext("Override ended: %(name)s", name=offer.id),
        text=gettext(
            "The %(kind)s of %(name)s (“%(reason)s”) is over, and the price still stands there.",
            kind=kind,
            name=override.by,
            reason=override.reason,
        ),
        stake=n.price(override.amount, override.currency),
        beside=n.last_day(override.until, at.now),
        action=gettext("Look"),
        address=url_for("desk.product", offer=offer.id)
        if offer.event == ALL
        else url_for("desk.event", event=offer.event),
        weight=(0, 1.0),
    )


def _old(bookings: Bookings, at: Situation, n: Numbers) -> Item:
    days = (at.now - bookings.until).days
    return Item(
        kind="warn",
        icon="up",
        title=gettext("Sales are not up to date"),
        text=gettext("The newest sale is of %(day)s. Pace and forecasts are as of then.", day=n.day(bookings.until)),
        stake=n.units(days),
        beside=ngettext("day old", "days old", days),
        action=gettext("See events"),
        address=url_for("desk.events"),
        weight=(2, 0.0),
    )


def _title(line: Line, n: Numbers) -> str:
    venue = line.filling.venue if line.filling else ""
    parts = (line.event, venue, n.short_day(line.begins) if line.begins else "")
    return ", ".join(part for part in parts if part)


def _selling(line: Line, at: Situation, n: Numbers) -> str:
    """How an event sells, in a sentence."""
    filling = line.filling
    if filling is None:
        return gettext("Its sales are not known here yet.")
    days = n.days_until(filling.starts_at, at.now)
    sold, of = n.units(filling.on_hand), n.units(filling.capacity or 0)
    said = (
        gettext("%(sold)s of %(of)s sold", sold=sold, of=of)
        if filling.capacity
        else gettext("%(sold)s sold", sold=sold)
    )
    left = ngettext("one day left", "%(num)d days left", days)
    return f"{said}, {pace_in_words(filling.pace, n)}, {left}."


def _ready(line: Line) -> str:
    said = ngettext("One price change is ready.", "%(num)d price changes are ready.", line.moving)
    held = ngettext("One price is held for you.", "%(num)d prices are held for you.", line.held) if line.held else ""
    return f"{said} {held}".strip()


def _stake(gains: tuple[TotalGain, ...], n: Numbers) -> dict[str, str]:
    """What is at stake, and how sure that is."""
    if not gains:
        return {"stake": "", "beside": ""}
    gain, currency = gains[0].gain, gains[0].currency
    low, high = n.difference(gain.low, currency), n.difference(gain.high, currency)
    return {
        "stake": n.difference(gain.expected, currency),
        "beside": gettext("80%%: %(low)s to %(high)s", low=low, high=high),
    }


def _money(gains: tuple[TotalGain, ...]) -> float:
    return sum(abs(total.gain.expected) for total in gains)


def _is_behind(line: Line, at: Situation) -> bool:
    filling = line.filling
    return (
        filling is not None and filling.pace is not None and filling.pace < BEHIND and filling.starts_at - at.now < SOON
    )


def _fine(at: Situation, lines: tuple[Line, ...]) -> tuple[int, int]:
    """Events and goods that nobody needs to look at."""
    events = sum(not line.moving and not _is_behind(line, at) for line in lines)
    goods = len(at.by_event.get(ALL, ())) - len(at.moves(ALL))
    return events, goods


def _changed(backend: Backend, at: Situation) -> int:
    """How many prices on sale changed within a week; those an offer came on sale with have not."""
    since = at.now - timedelta(days=7)
    begun = [price for price in backend.book.prices_between(since, at.now) if price.valid_from >= since]
    imports = {each.version for each in backend.book.publications() if each.change is Change.IMPORT}
    return len({price.key for price in begun if price.version not in imports} & at.listings.keys())
