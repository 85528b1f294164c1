"""What is left of a stock of goods: as it was last counted, less what came back as sold over the API since.

Guarantees
----------
* A stock counts from the moment its figure was last stated; the same file again states nothing new.
* An event that tells how many places it has sells no more, also where its offers name no resource.
* What was sold is taken off once, whether it has been absorbed into the history or not; a return is put back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pandas as pd
from sqlalchemy import Engine, func, select

from api.store.database import reading
from api.store.sales import latest_number
from api.store.tables import sales
from pricing.model import ALL, Offer, Resource

COUNTED = "counted"
"""Column of the resources in the history: number of the last sale before the figure was stated."""


def counted(frame: pd.DataFrame, before: pd.DataFrame, engine: Engine) -> pd.DataFrame:
    """Resources as uploaded, each with the number of the last sale before its figure was stated.

    Parameters
    ----------
    before : the resources that the history holds
    """
    with reading(engine) as db:
        latest = latest_number(db)
    numbers = before[COUNTED] if COUNTED in before else pd.Series(0, index=before.index)
    known = dict(zip(zip(before["resource"], before.get("capacity", numbers), strict=True), numbers, strict=True))
    figures = zip(frame["resource"], frame["capacity"], strict=True)
    return frame.assign(**{COUNTED: [int(known.get(figure, latest)) for figure in figures]})


def sold_since_counted(resources: pd.DataFrame, offers: Iterable[Offer], engine: Engine) -> Mapping[str, float]:
    """Resource -> units of goods that draw on it, sold over the API since it was counted."""
    if COUNTED not in resources:
        resources = resources.assign(**{COUNTED: 0})
    of = {(offer.id, offer.channel): offer.resource for offer in offers if offer.resource and offer.event == ALL}
    numbers = dict(zip(resources["resource"], resources[COUNTED].fillna(0).astype(int), strict=True))
    sold: dict[str, float] = {}
    with reading(engine) as db:
        for number in sorted({numbers[name] for name in of.values() if name in numbers}):
            query = select(sales.c.offer, sales.c.channel, func.sum(sales.c.quantity)).where(sales.c.number > number)
            for offer, channel, units in db.execute(query.group_by(sales.c.offer, sales.c.channel)):
                name = of.get((offer, channel))
                if name is not None and numbers[name] == number:
                    sold[name] = sold.get(name, 0.0) + float(units)
    return sold


def left(
    resources: Iterable[Resource], offers: Iterable[Offer], sales: pd.DataFrame, sold: Mapping[str, float]
) -> tuple[Resource, ...]:
    """Rooms less what their event has sold; stock of goods less what came back as sold since it was uploaded.

    Each ticket sold is counted once, however many offers sell its like; tickets of an event that no offer names
    are counted against every room of that event, because nobody knows which seats they took.

    Parameters
    ----------
    sales : daily rows of `api.history.History.daily_sales`
    sold : resource -> units, of `sold_since_counted`
    """
    rooms: dict[str, set[str]] = {}
    claimed: dict[tuple[str, str, str], set[str]] = {}
    for offer in offers:
        if offer.resource and offer.event != ALL:
            rooms.setdefault(offer.event, set()).add(offer.resource)
            claimed.setdefault((offer.event, *offer.key), set()).add(offer.resource)
    columns, taken = ["event", "product", "segment", "quantity"], dict(sold)
    for *key, quantity in sales.loc[sales["event"].isin(list(rooms)), columns].itertuples(index=False, name=None):
        for room in claimed.get((key[0], key[1], key[2]), rooms[key[0]]):
            taken[room] = taken.get(room, 0.0) + float(quantity)
    return tuple(Resource(r.id, max(0.0, r.capacity - taken.get(r.id, 0.0))) for r in resources)


def with_places(
    offers: Iterable[Offer], resources: Iterable[Resource], places: Mapping[str, float]
) -> tuple[tuple[Offer, ...], tuple[Resource, ...]]:
    """Offers of an event that draw on nothing share its places: more tickets than places cannot be sold.

    An owner who tells what the tickets of an event draw on knows better; then its places say nothing.

    Parameters
    ----------
    places : event -> how many places it has, where that is known [units]
    """
    offers, resources = tuple(offers), tuple(resources)
    told = {offer.event for offer in offers if offer.resource}
    bare = {offer.event for offer in offers} & places.keys() - told
    rooms = {event: f"places of {event}" for event in sorted(bare)}
    shared = tuple(replace(o, resource=rooms[o.event]) if o.event in rooms else o for o in offers)
    return shared, (*resources, *(Resource(name, places[event]) for event, name in rooms.items()))
