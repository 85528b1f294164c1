"""What is on sale and how much is left of it: as the owner's tables say, and as the shops do.

Guarantees
----------
* No offer without a resource is planned to sell more than its shops have left for it, nor are those together that draw
  on the same stocks, which become their resource.
* A resource its owner declared, or the places of an event, never hold more than the owner's tables say. Offers draw on
  the stocks of their shops instead where each that shares the resource has some, and these have no more left together;
  else they keep to it, and it is said which stock has less left.

What is left out: where a larger stock holds offers that are tighter bound elsewhere (20 places of honour in a hall of
500), those that draw on the larger one alone are planned as if the others took nothing of it. As the larger one empties
it becomes the tightest of all, and is shared by all.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from api.history import History
from api.listings import places_of
from api.settings import Settings
from api.shopstock import Supplies, Supply, shop_stock
from api.stock import left, sold_since_counted, with_places
from pricing.model import Offer, Resource
from pricing.tables.values import resources_from


@dataclass(frozen=True, slots=True)
class Available:
    """Offers with what they draw on, and what is left of it.

    Attributes
    ----------
    unused : what shops say they have left that is not reckoned with, and why, in sentences
    """

    offers: tuple[Offer, ...]
    resources: tuple[Resource, ...]
    unused: tuple[str, ...] = ()


def available(
    root: Path, settings: Settings, history: History, offers: Sequence[Offer], engine: Engine, *, now: datetime
) -> Available:
    """What is left of what these offers draw on, in the workspace at `root`."""
    stock = history.table("resources")
    sold = sold_since_counted(stock, offers, engine)
    drawing, resources = with_places(offers, resources_from(stock), places_of(history.table("events")))
    shops = shop_stock(root, settings.shops, engine, now=now)
    found = within(drawing, left(resources, drawing, history.daily_sales(), sold), shops.supplies)
    return replace(found, unused=(*shops.unused, *found.unused))


def within(offers: Sequence[Offer], resources: Sequence[Resource], supplies: Supplies) -> Available:
    """Offers draw on the stocks of their shops, where no resource of theirs stands against it.

    Parameters
    ----------
    resources : with what is left of each
    """
    standing = _standing(offers, resources, supplies)
    drawn = {each.id: stock for each in offers if each.resource not in standing and (stock := _of(each, supplies))}
    rooms = {_name(stock): _together([stock]) for stock in drawn.values()}
    bound = tuple(replace(each, resource=_name(drawn[each.id])) if each.id in drawn else each for each in offers)
    shared = tuple(Resource(name, units) for name, units in rooms.items())
    tighter = [text for each in resources if each.id in standing for text in _tighter(each, offers, supplies)]
    return Available(bound, (*resources, *shared), tuple(tighter))


def _standing(offers: Iterable[Offer], resources: Iterable[Resource], supplies: Supplies) -> set[str]:
    """Resources that stand: not all that draw on them are limited by shops, or these have more left together."""
    drawing: dict[str, list[frozenset[Supply]]] = {}
    for offer in offers:
        drawing.setdefault(offer.resource or "", []).append(_of(offer, supplies))
    units = {resource.id: resource.capacity for resource in resources}
    return {name for name, stocks in drawing.items() if name and not (all(stocks) and _together(stocks) <= units[name])}


def _tighter(resource: Resource, offers: Iterable[Offer], supplies: Supplies) -> Iterator[str]:
    """Says which stocks have less left than a resource that stands."""
    stocks = {_of(each, supplies) for each in offers if each.resource == resource.id}
    for stock in sorted((stock for stock in stocks if stock and _together([stock]) < resource.capacity), key=_name):
        units = f"{_together([stock]):.0f}, {resource.id} {resource.capacity:.0f}"
        yield f"{_name(stock)} has {units} left; other offers draw on {resource.id} too, so only that is reckoned with."


def _of(offer: Offer, supplies: Supplies) -> frozenset[Supply]:
    return supplies.get((offer.id, offer.channel), frozenset())


def _together(stocks: Iterable[frozenset[Supply]]) -> float:
    """What stocks have left, each counted once [units]."""
    return sum(supply.left for supply in frozenset[Supply]().union(*stocks))


def _name(stock: frozenset[Supply]) -> str:
    return " + ".join(sorted(supply.name for supply in stock))
