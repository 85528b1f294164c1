"""What shops say they have left: kept at each pull, and read when prices are proposed.

A shop tells stocks (a quota of pretix, a stock record of Oscar), each with the places that draw on it. A place may draw
on several, and sells no more than the tightest of them has left; an offer sold at several places sells at each, so no
more than the tightest of each have left together.

Guarantees
----------
* A stock is kept whole with its instant, or the one before stays; a shop that does not tell it keeps no sale back.
* Units in carts, held by vouchers or allocated to orders are not left: each shop's figure is without them. What was
  sold from the instant of a figure on is taken off it, and what came back is put back when the shop says so: for a
  moment too few may be left, never too many. What an offer sells elsewhere is taken to draw on its shop's stock, too.
* A stock without a limit says nothing, and neither does a figure older than a day, which is said, or a shop that tells
  none.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import Engine, func, select

from api.atomic import write_bytes
from api.settings import ShopSettings
from api.shops.errors import ShopError
from api.shops.model import Stock
from api.shops.offers import Key, Offers
from api.shops.seen import Seen
from api.shops.shop import Shop
from api.store.database import reading
from api.store.tables import sales
from pricing.errors import InputError

STOCK_NAME = "stock.json"
MOST_AGE = timedelta(days=1)
"""Older figures are not used: too much may have been sold, or put on sale, since."""


LONGEST_NAME = 80
"""Of a stock, in reasons [characters]."""
AGAIN = timedelta(minutes=1)
"""A younger figure is not read anew: a shop answers only so many requests, and what is sold meanwhile is taken off."""


class _Read(msgspec.Struct, frozen=True):
    """What a shop said at an instant; `gone` tells since when there is nothing left of a stock, by its id."""

    at: datetime
    stock: tuple[Stock, ...]
    gone: dict[str, datetime] = {}


@dataclass(frozen=True, slots=True)
class Supply:
    """A stock of a shop with what it has left [units]; its name tells shop and stock."""

    name: str
    left: float


Supplies = Mapping[Key, frozenset[Supply]]
"""Offer and channel -> what its places sell from, for offers that are limited at each of their places."""


@dataclass(frozen=True, slots=True)
class ShopStock:
    """What the shops of a workspace have left; `unused` says in sentences what is not reckoned with, and why."""

    supplies: Supplies
    unused: tuple[str, ...] = ()


def keep(shop: Shop, folder: Path, *, now: datetime) -> str:
    """Keep in its folder what a shop can still sell; returns why that is not known, empty if it is.

    Where it does not tell, the figures of before stay, until they are too old.
    """
    before = _read(folder)
    if before is not None and abs(now - before.at) < AGAIN:
        return ""
    try:
        stock = shop.pull_inventory()
    except ShopError as error:
        return f"what can still be sold is not known: {error}"
    known = {} if before is None else before.gone
    gone = {each.id: known.get(each.id, now) for each in stock if each.available is not None and each.available <= 0}
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(msgspec.json.format(msgspec.json.encode(_Read(now, stock, gone))), folder / STOCK_NAME, mode=0o600)
    return ""


def newest_stock(folder: Path, seen: Seen | None) -> tuple[datetime, tuple[Stock, ...]] | None:
    """When a shop told last what it has left, at a pull or a look, and what; None if it never did."""
    told = [(each.at, each.stock) for each in (seen, _read(folder)) if each is not None]
    return max(told, key=lambda each: each[0], default=None)


def shop_stock(root: Path, shops: Iterable[ShopSettings], engine: Engine, *, now: datetime) -> ShopStock:
    """What the shops of a workspace have left, less what was sold since they said so."""
    sold_from: dict[Key, set[Supply | None]] = {}
    unused: list[str] = []
    for shop in [each.name for each in shops]:
        folder = root / "shops" / shop
        try:
            offers = _offers(folder)
        except InputError as error:
            unused.append(f"What {shop} has left is not reckoned with: {error}")
            continue
        counted = _counted(folder, offers)
        fresh = [(stock, at) for stock, at in counted if abs(now - at) <= MOST_AGE]
        if old := {at for _, at in counted} - {at for _, at in fresh}:
            unused.append(f"What {shop} had left is of {min(old):%Y-%m-%d %H:%M} UTC, too old to be reckoned with.")
        tightest = _tightest(_supplies(shop, fresh, offers, engine))
        for place, key in offers.at.items():
            sold_from.setdefault(key, set()).add(tightest.get(place))
    limited = {key: frozenset(each for each in found if each) for key, found in sold_from.items() if None not in found}
    return ShopStock(limited, tuple(unused))


def sold_out(root: Path, shops: Iterable[ShopSettings]) -> dict[Key, datetime]:
    """Offer and channel -> since when there is nothing left at any of its places, as far as shops say so."""
    since: dict[Key, set[datetime | None]] = {}
    for folder in [root / "shops" / shop.name for shop in shops]:
        gone = _gone(folder)
        for place, key in _offers(folder).at.items():
            since.setdefault(key, set()).add(gone.get(place))
    return {key: max(each for each in found if each) for key, found in since.items() if None not in found}


def _gone(folder: Path) -> dict[str, datetime]:
    """Place -> since when a stock that it draws on has had nothing left."""
    gone: dict[str, datetime] = {}
    if (read := _read(folder)) is not None:
        for stock in sorted((each for each in read.stock if each.id in read.gone), key=lambda each: read.gone[each.id]):
            gone |= {place: read.gone[stock.id] for place in stock.places if place not in gone}
    return gone


def _offers(folder: Path) -> Offers:
    """A shop's table of offers; none where there is no table (InputError if it cannot be used)."""
    path = folder / "offers.csv"
    return Offers.read(path) if path.exists() else Offers({})


def _read(folder: Path) -> _Read | None:
    """What is kept of a shop; None where nothing that can be read is."""
    try:
        return msgspec.json.decode((folder / STOCK_NAME).read_bytes(), type=_Read)
    except (OSError, msgspec.MsgspecError):
        return None


def _counted(folder: Path, offers: Offers) -> list[tuple[Stock, datetime]]:
    """Stocks with a limit that any offer draws on, each with when it was counted."""
    if (read := _read(folder)) is None:
        return []
    stocks = [each for each in read.stock if not offers.at.keys().isdisjoint(each.places)]
    return [(stock, stock.at or read.at) for stock in stocks if stock.available is not None]


def _supplies(
    shop: str, counted: Sequence[tuple[Stock, datetime]], offers: Offers, engine: Engine
) -> Iterator[tuple[Stock, Supply]]:
    """Each stock of a shop, with what is left of it now."""
    times = Counter(_label(stock) for stock, _ in counted)
    sold = {at: _sold_since(at, {*offers.at.values()}, engine) for at in {at for _, at in counted}}
    for stock, at in counted:
        name = _label(stock) if times[_label(stock)] == 1 else f"{_label(stock)} ({stock.id})"
        drawing = {offers.at[place] for place in stock.places if place in offers.at}
        taken = sum(sold[at].get(key, 0.0) for key in drawing)
        yield stock, Supply(f"{shop}: {name}", max(0.0, (stock.available or 0) - taken))


def _label(stock: Stock) -> str:
    """What a stock is called in reasons: its name in the shop, as far as it can be printed."""
    return "".join(sign for sign in stock.name if sign.isprintable())[:LONGEST_NAME]


def _sold_since(at: datetime, keys: Collection[Key], engine: Engine) -> dict[Key, float]:
    """Units sold from an instant on, by offer and channel; what came back is left out."""
    query = select(sales.c.offer, sales.c.channel, func.sum(sales.c.quantity)).where(
        sales.c.offer.in_({offer for offer, _ in keys}),
        sales.c.channel.in_({channel for _, channel in keys}),
        sales.c.sold_at >= at,
        sales.c.quantity > 0,
    )
    with reading(engine) as db:
        rows = db.execute(query.group_by(sales.c.offer, sales.c.channel)).all()
    return {(offer, channel): float(units) for offer, channel, units in rows}


def _tightest(supplies: Iterable[tuple[Stock, Supply]]) -> dict[str, Supply]:
    """Place -> of the stocks it draws on the one with the least left."""
    found: dict[str, Supply] = {}
    for stock, supply in supplies:
        for place in stock.places:
            found[place] = min(found.get(place, supply), supply, key=lambda each: (each.left, each.name))
    return found
