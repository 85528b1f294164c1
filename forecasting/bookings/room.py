"""Places there are: what may still be sold of a coming event, by `capacity` and by `available`; parts that add up.

Guarantees
----------
* A forecast, and the sum of forecasts that share a room, never exceed the places there are.
* Parts add up to the forecast of their event, as far as the places of each part allow.
* `available` limits only where it is what is left: a shop that adds to it from day to day is not held to today's.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.bookings.history import Bookings, Vector
from pricing.model import ALL

RELEASED = 0.05
"""Share of days on which places were added, from which `available` is no limit to what will be sold."""


@dataclass(frozen=True, eq=False)
class Room:
    """A limit that some groups share.

    Attributes
    ----------
    groups : (G,) which groups draw on it
    places : (E,) most net units that these can have together; infinite where unknown [units]
    """

    groups: NDArray[np.bool_]
    places: Vector


def rooms(bookings: Bookings, sales: pd.DataFrame, by: tuple[str, ...]) -> tuple[Room, ...]:
    """The event's capacity, and the places left of each product where the groups tell products apart."""
    everything = Room(np.ones(len(bookings.keys), bool), bookings.capacity)
    if "available" not in sales or "product" not in by:
        return (everything,)
    left = _left(sales)
    names = [name for name in by if name != "event"]
    products = [key[names.index("product")] for key in bookings.keys]
    return (everything, *(_of(bookings, left, product, products) for product in sorted(set(products))))


def _left(sales: pd.DataFrame) -> "pd.Series[float]":
    """Places left of each event and product after its last day; none where places are added as a habit.

    Segments share a product's places: a day begins with the most that any row saw, and ends with all rows sold.
    """
    rows = sales[sales["available"].notna() & (sales["event"] != ALL)]
    keys = ["event", "product", rows["date"].dt.normalize().rename("day")]
    days = rows.groupby(keys).agg(places=("available", "max"), sold=("quantity", "sum"))
    left = (days["places"] - days["sold"]).clip(lower=0.0)
    added = days["places"] > left.groupby(["event", "product"]).shift() + 1e-9
    if added.mean() > RELEASED:
        left = left.iloc[:0]
    return left.groupby(["event", "product"]).last()


def _of(bookings: Bookings, left: "pd.Series[float]", product: str, products: list[str]) -> Room:
    groups = np.array([name == product for name in products])
    index = pd.MultiIndex.from_product([bookings.events["event"], [product]])
    places = left.reindex(index).fillna(np.inf).to_numpy(np.float64)
    return Room(groups, bookings.final[:, groups].sum(axis=1) + places)


def most(limits: tuple[Room, ...], event: int) -> Vector:
    """(G,) most net units of each group on its own [units]."""
    return np.min([np.where(room.groups, room.places[event], np.inf) for room in limits], axis=0)


def fitted(mean: Vector, on_hand: Vector, limits: tuple[Room, ...], event: int) -> Vector:
    """Means that together keep every limit: what is still to come gives way, in proportion."""
    mean = mean.copy()
    for room in limits:
        part = room.groups
        excess = float(mean[part].sum() - room.places[event])
        if excess <= 0:
            continue
        coming = np.maximum(mean - on_hand, 0.0)[part]
        mean[part] -= coming * min(excess / max(float(coming.sum()), 1e-9), 1.0)
        over = float(mean[part].sum())
        if over > room.places[event]:  # more on hand than places
            mean[part] *= room.places[event] / over
    return mean


def agreed(mean: Vector, spread: Vector, whole: float, highest: Vector) -> Vector:
    """Means that add up to the whole, as far as bounds allow: what is uncertain gives way, within [0, highest].

    The difference is shared in proportion to squared spreads, which is what trace minimization gives for parts whose
    errors are independent and a whole that is taken to be right (Wickramasuriya et al. 2019).

    Parameters
    ----------
    mean, spread : (G,) means of the parts, and what their errors are measured in [units]
    whole : the event's own mean [units]
    highest : (G,) most of each part, infinite where unknown [units]
    """
    made = np.clip(mean, 0.0, highest)
    for _ in range(mean.size):  # each pass meets the whole, or one more part its bound
        gap = whole - float(made.sum())
        free = (made < highest) if gap > 0 else (made > 0)
        if abs(gap) <= 1e-12 * max(whole, 1.0) or not free.any():
            break
        share = np.where(free, spread**2, 0.0)
        made = np.clip(made + gap * share / share.sum(), 0.0, highest)
    return made
