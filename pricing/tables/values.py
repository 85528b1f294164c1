"""Makes events, offers and resources of the rows of a table.

Guarantees
----------
* Each value is one the rules accept; everything that stands in the way is reported at once.
* Nothing is guessed: an offer without floor, ceiling or ladder is refused.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import pandas as pd

from pricing.errors import Finding, InputError
from pricing.model import ALL, Event, Ladder, Offer, Resource
from pricing.tables.declaration import EVENTS, OFFERS, RESOURCES, Table

T = TypeVar("T")
Row = Mapping[str, Any]


def offers_from(frame: pd.DataFrame) -> tuple[Offer, ...]:
    """Offers of a table of offers as `examine` returns it.

    Raises
    ------
    InputError
        with a finding for each row that is no offer.
    """
    return _all(frame, _offer)


def events_from(frame: pd.DataFrame) -> tuple[Event, ...]:
    """Events of a table of events as `examine` returns it.

    Raises
    ------
    InputError
        with a finding for each row that is no event.
    """
    return _all(frame, _event)


def resources_from(frame: pd.DataFrame) -> tuple[Resource, ...]:
    """Resources of a table of resources as `examine` returns it.

    Raises
    ------
    InputError
        with a finding for each row that is no resource.
    """
    return _all(frame, _resource)


def row_problems(frame: pd.DataFrame, table: Table) -> Iterator[tuple[int, str]]:
    """Rows (by the frame's index) that make no offer, event or resource, and why."""
    make = {OFFERS.name: _offer, EVENTS.name: _event, RESOURCES.name: _resource}.get(table.name)
    if make is not None:
        for index, row in zip(frame.index, _rows(frame), strict=True):
            try:
                make(row)
            except ValueError as error:
                yield int(index), str(error)


def _all(frame: pd.DataFrame, make: Callable[[Row], T]) -> tuple[T, ...]:
    made, found = [], []
    for row in _rows(frame):
        try:
            made.append(make(row))
        except KeyError as error:
            found.append(Finding(f"{_named(row)} has no {error.args[0]}"))
        except ValueError as error:
            found.append(Finding(str(error)))
    if found:
        raise InputError(found)
    return tuple(made)


def _named(row: Row) -> str:
    """The first thing a row says, which is its id: `offer A1`."""
    return next((f"{name} {value}" for name, value in row.items()), "a row")


def _rows(frame: pd.DataFrame) -> Iterator[Row]:
    """Rows without their blank cells."""
    for record in frame.astype("object").to_dict("records"):
        yield {str(name): value for name, value in record.items() if not _blank(value)}


def _blank(value: object) -> bool:
    return value is None or value is pd.NaT or value != value  # noqa: PLR0124  # NaN, of any type


def _amount(row: Row, name: str) -> Decimal:
    if not isinstance(row[name], Decimal):
        raise TypeError(f"{name} of a table of offers is Decimal, not {type(row[name]).__name__}")
    return row[name]


def _offer(row: Row) -> Offer:
    currency = row["currency"]
    return Offer(
        id=row["offer"],
        product=row["product"],
        currency=currency,
        ladder=Ladder.parse(row["ladder"], currency),
        floor=_amount(row, "floor"),
        ceiling=_amount(row, "ceiling"),
        current_price=_amount(row, "current_price"),
        segment=row.get("segment", ALL),
        event=row.get("event", ALL),
        channel=row.get("channel", ALL),
        unit_cost=_amount(row, "unit_cost") if "unit_cost" in row else Decimal(0),
        resource=row.get("resource"),
        list_price=_amount(row, "list_price") if "list_price" in row else None,
    )


def _event(row: Row) -> Event:
    on_sale = row.get("on_sale_at")
    return Event(
        id=row["event"],
        starts_at=row["starts_at"].to_pydatetime(),
        on_sale_at=None if on_sale is None else on_sale.to_pydatetime(),
        capacity=row.get("capacity"),
        venue=row.get("venue", ALL),
        category=row.get("category", ALL),
    )


def _resource(row: Row) -> Resource:
    return Resource(id=row["resource"], capacity=row["capacity"])
