"""What was expected at the prices in force against the sales that came back, from what is kept with the fit.

Guarantees
----------
* Nothing is fitted and no table of the history is read: expectations lie beside the fit, sales in the database.
* Sales are held against the fit from its first day on, but not before the first sale that ever came back: what was sold
  before the shop sent its sales is not known.
* Nor after the last time the shop sent any, unless it has been silent for long: what it has not sent yet is no lack of
  demand.
* Once a resource is sold out, what its offers could have sold counts for neither side.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from sqlalchemy import Engine

from api.atomic import write_bytes
from api.seal import sealed
from api.store.checks import Key
from api.store.database import reading
from api.store.queries import between, listing_of
from api.store.sales import SPAN, Sum, heard, sums
from pricing.book import Listing, PriceInForce
from pricing.errors import InputError
from pricing.learning import Expectation, Learned, Spell, Vector, learn
from pricing.market import Market
from pricing.model import ALL

EXPECTED, STOCK = "expected.json", "stock.json"
FAR = 4.0
"""At so many times the price of past sales, up or down, nothing is known of demand."""
SILENCE = timedelta(hours=36)
"""A shop may send its sales a day late; only when it has been silent for longer, silence counts as no sales."""


class Stock(msgspec.Struct, frozen=True):
    """What each resource had left when the fit was made [units], and which one each offer drew on."""

    at: datetime
    left: dict[str, float]
    drawn: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What sales tell about a fit.

    Attributes
    ----------
    fit : its version
    since, until : from when to when sales are held against it; since None if no sale has come back in its days
    beyond : whether its horizon has passed for every offer, so that it says nothing about today
    unknown : offers with a price in force that it expects nothing of
    """

    fit: str
    since: datetime | None
    until: datetime
    beyond: bool
    learned: Learned
    unknown: tuple[str, ...]


def read_expectations(path: Path) -> tuple[Expectation, ...]:
    """What was kept with a fit (InputError if it is not what was kept)."""
    return msgspec.json.decode(sealed(path), type=tuple[Expectation, ...])


def keep_stock(fits: Path, version: str, market: Market, *, now: datetime) -> None:
    """Keep with a fit what is left of what its offers draw on, so that a sell-out is not taken for a lack of demand."""
    drawn = {offer.id: offer.resource for offer in market.offers if offer.resource}
    stock = Stock(now, {resource.id: resource.capacity for resource in market.resources}, drawn)
    write_bytes(msgspec.json.encode(stock), fits / version / STOCK)


def current_fit(fits: Path) -> str:
    """Version of the current fit (InputError if there is none yet)."""
    try:
        return str(msgspec.json.decode((fits / "current.json").read_bytes())["version"])
    except FileNotFoundError:
        raise InputError("there is no fit yet; make one with: fairfare fit") from None


def outcomes(fits: Path, engine: Engine, *, time_zone: str, now: datetime, seed: int) -> Outcomes:
    """Hold the sales that came back against the current fit.

    Parameters
    ----------
    fits : folder of the fits
    time_zone : of the owner, in which the fit's days are told

    Raises
    ------
    InputError
        if there is no fit, or it was made before expectations were kept.
    """
    version = current_fit(fits)
    expected = read_expectations(fits / version / EXPECTED)
    if not expected:
        raise InputError("the current fit holds no expectations; make another with: fairfare fit")
    edges, known = _midnights(expected, ZoneInfo(time_zone)), heard(engine)
    since = now if known is None else max(edges[0], known.since)
    until = now if known is None or now - known.latest > SILENCE else known.latest
    if since >= min(until, edges[-1]):
        return Outcomes(version, None, until, now >= edges[-1], Learned((), ()), ())
    with reading(engine) as db:
        prices, listings = between(db, since, until), listing_of(db)
        sold = sums(db, since=since, until=min(until, edges[-1]))
    calendar = _Calendar(np.array([edge.timestamp() for edge in edges]), since.timestamp(), until.timestamp())
    closed = _sold_out(_stock(fits / version / STOCK), sold, prices, listings)
    found = _Expected.of(expected, prices)
    spells = list(_spells(prices, found, calendar, sold, listings, closed))
    unknown = tuple(sorted({p.offer for p in prices if _holds(p, until) and found.of_price(p) is None}))
    learned = learn(spells, whole=calendar.whole, rng=np.random.default_rng(seed))
    return Outcomes(version, since, until, now >= edges[-1], learned, unknown)


def _midnights(expected: Sequence[Expectation], zone: ZoneInfo) -> list[datetime]:
    """Begin of each day that anything is expected of, and the end of the last (UTC)."""
    first, longest = expected[0].first, max(len(each.shares) for each in expected)
    days = [first + timedelta(days=n) for n in range(longest + 1)]
    return [datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) for day in days]


@dataclass(frozen=True, slots=True, eq=False)
class _Calendar:
    """Days, by their edges [seconds since 1970], and the part of them that counts."""

    edges: Vector
    since: float
    until: float

    @property
    def whole(self) -> slice:
        """The days that count from begin to end."""
        return slice(int((self.edges < self.since).sum()), int((self.edges[1:] <= self.until).sum()))

    def part(self, start: float, end: float) -> Vector:
        """(days,) share of each day between two instants."""
        low = np.maximum(self.edges[:-1], max(start, self.since))
        high = np.minimum(self.edges[1:], min(end, self.until))
        return np.asarray(np.maximum(high - low, 0.0) / np.diff(self.edges))

    def day(self, at: float) -> int:
        """The day an instant lies in."""
        return int(np.searchsorted(self.edges, at, side="right")) - 1


@dataclass(frozen=True, slots=True)
class _Expected:
    """Expectations by whom they are about; `split` are products and segments whose demand is told by channel."""

    known: Mapping[tuple[str, str, str, str], Expectation]
    split: frozenset[tuple[str, str]]
    rivals: Counter[tuple[str, str, str]]

    @classmethod
    def of(cls, expected: Sequence[Expectation], prices: Sequence[PriceInForce]) -> "_Expected":
        split = frozenset((each.product, each.segment) for each in expected if each.channel != ALL)
        rivals = Counter(_kind(price.terms) for price in {price.key: price for price in prices}.values())
        return cls({each.key: each for each in expected}, split, rivals)

    def of_price(self, price: PriceInForce) -> Expectation | None:
        """What is expected of an offer; None where that is not known.

        It may share its demand with others in a way nobody knows, or cost what nobody has seen sales at.
        """
        event, product, segment = _kind(price.terms)
        told = (product, segment) in self.split
        if not told and self.rivals[event, product, segment] > 1:
            return None
        about = self.known.get((event, product, segment, price.channel if told else ALL))
        near = about is not None and about.reference / FAR <= float(price.price) <= about.reference * FAR
        return about if near else None


def _kind(terms: Mapping[str, str | None]) -> tuple[str, str, str]:
    return terms["event"] or ALL, terms["product"] or "", terms["segment"] or ALL


def _holds(price: PriceInForce, now: datetime) -> bool:
    return price.valid_from <= now and (price.valid_until is None or now < price.valid_until)


def _stock(path: Path) -> Stock:
    """What was left when the fit was made; nothing where that was not kept, or cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Stock)
    except (OSError, ValueError):
        return Stock(datetime.max.replace(tzinfo=UTC), {})


def _sold_out(
    stock: Stock, sold: Sequence[Sum], prices: Sequence[PriceInForce], listings: Mapping[Key, Listing]
) -> dict[int, float]:
    """Number of a price -> when what its offer draws on was sold out [seconds since 1970], for those that were."""
    declared = {key: listing.offer.resource for key, listing in listings.items()}
    drawn = {price.number: stock.drawn.get(price.offer) or declared.get(price.key) for price in prices}
    taken: dict[str, list[Sum]] = {}
    for each in sorted(sold, key=lambda each: each.at):
        resource = drawn.get(each.price)
        if resource is not None and resource in stock.left and each.at >= stock.at.timestamp() - SPAN:
            taken.setdefault(resource, []).append(each)
    gone: dict[str, float] = {}
    for resource, rows in taken.items():
        for row, total in zip(rows, accumulate(row.units for row in rows), strict=True):
            if total >= stock.left[resource]:
                gone[resource] = float(row.at + SPAN)
                break
    return {number: gone[resource] for number, resource in drawn.items() if number and resource in gone}


def _spells(  # noqa: PLR0917  # what was in force, what was expected, and what came
    prices: Sequence[PriceInForce],
    expected: _Expected,
    calendar: _Calendar,
    sold: Sequence[Sum],
    listings: Mapping[Key, Listing],
    closed: Mapping[int, float],
) -> Iterator[Spell]:
    by_price: dict[int, list[Sum]] = {}
    for each in sold:
        by_price.setdefault(each.price, []).append(each)
    for price in prices:
        about = expected.of_price(price)
        if about is None:
            continue
        end = _end(price, listings.get(price.key), closed)
        yield _spell(price, about, calendar, end, by_price.get(price.number or 0, ()))


def _end(price: PriceInForce, listing: Listing | None, closed: Mapping[int, float]) -> float:
    """When the offer could no longer be bought at this price [seconds since 1970]."""
    ends = [price.valid_until] if price.valid_until else []
    ends += [listing.sold_until] if listing and listing.sold_until else []
    seconds = [end.timestamp() for end in ends]
    return min(*seconds, closed.get(price.number or 0, np.inf), np.inf)


def _spell(price: PriceInForce, about: Expectation, calendar: _Calendar, end: float, rows: Iterable[Sum]) -> Spell:
    days = len(calendar.edges) - 1
    shares = np.zeros(days)
    shares[: len(about.shares)] = about.shares
    exposure = about.mean * shares * calendar.part(price.valid_from.timestamp(), end)
    units, revenue, otherwise = np.zeros(days), 0.0, 0.0
    for row in rows:
        if row.at < end and exposure[calendar.day(row.at)] > 0:
            units[calendar.day(row.at)] += row.units
            revenue, otherwise = revenue + row.revenue, otherwise + row.otherwise
    return Spell(
        offer=price.offer,
        channel=price.channel,
        currency=price.currency,
        price=price.price,
        since=max(price.valid_from, datetime.fromtimestamp(calendar.since, UTC)),
        in_force=price.valid_until is None or price.valid_until.timestamp() > calendar.until,
        expectation=about,
        exposure=exposure,
        sold=units,
        revenue=revenue,
        otherwise=otherwise,
    )
