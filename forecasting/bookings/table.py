"""Bookings in, a table of final net units out.

Guarantees
----------
* One row per event not yet started and value of the other `by` columns that sells for it, in the order of the starts.
* `0 <= lower <= mean <= upper`, finite, and at most the event's capacity; nothing dated after `as_of` is read.
* The means of an event's parts add up to the mean it has on its own, unless a part has no places left for that.
* The same sales and options give the same table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.bookings.combine import outlook
from forecasting.bookings.history import Bookings, Vector, last_instant, read
from forecasting.bookings.intervals import Errors, Progress, banks, bounds, errors, scale
from forecasting.bookings.room import Room, agreed, fitted, most, rooms
from forecasting.bookings.similar import Traits
from pricing.errors import InputError


def bookings_table(
    sales: pd.DataFrame,
    events: pd.DataFrame,
    *,
    by: Sequence[str] = ("event",),
    as_of: pd.Timestamp | str | None = None,
    level: float = 0.8,
    time_zone: str = "UTC",
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Forecast the final net units of every event that has not started.

    Parameters
    ----------
    sales : canonical sales rows, dated when booked; a cancellation is a negative row dated when cancelled
    events : event, starts_at (UTC); on_sale_at, capacity, venue, category and other features where there are any
    by : columns that tell rows apart, `event` among them
    as_of : last date (or instant) to use; a date is used whole, and an event of that day has started. Default: the
        last date on which anything was booked
    level : share of outcomes the interval is to hold
    time_zone : in which the sales are dated and starts are told (IANA)
    progress : called as past and coming events are foreseen

    Returns
    -------
    the `by` columns, starts_at, days_to_event [days], on_hand, mean, lower, upper (final net units), model

    Raises
    ------
    InputError
        Where a column does not exist, no sale is of an event, every event has started, or none has.
    """
    if not 0.0 < level < 1.0:
        raise InputError(f"the level {level} is not between 0 and 1")
    moment = last_instant(sales, None if as_of is None else pd.Timestamp(as_of))
    history = read(sales, events, by=by, moment=moment, time_zone=time_zone)
    coming = range(history.finished(history.today), len(history.start))
    if not coming:
        raise InputError(f"every event has started by {moment:%Y-%m-%d}: there is nothing to forecast")
    if not coming.start:
        raise InputError(
            f"no event with sales has started by {moment:%Y-%m-%d}: how events end can only be learnt from past ones"
        )
    known = sales[sales["date"] <= moment]
    rows = _rows(history, known, tuple(by), level, progress)
    if set(by) != {"event"}:
        own = read(sales, events, by=("event",), moment=moment, time_zone=time_zone)
        wholes = _rows(own, known, ("event",), level, progress)
        limits = rooms(history, known, tuple(by))
        rows = [
            _in_parts(row, float(whole.mean[0]), history.sells[event], limits, event)
            for event, row, whole in zip(coming, rows, wholes, strict=True)
        ]
    return _table(history, coming, by, rows)


@dataclass(frozen=True, eq=False)
class _Row:
    """One event's figures, (G,) each [units]; `spread` is what errors are measured in."""

    on_hand: Vector
    mean: Vector
    lower: Vector
    upper: Vector
    spread: Vector
    model: str


def _rows(
    history: Bookings, known: pd.DataFrame, by: tuple[str, ...], level: float, progress: Progress | None
) -> list[_Row]:
    """Foresee every coming event."""
    coming = range(history.finished(history.today), len(history.start))
    traits = Traits.of(history)
    found = errors(history, traits, [history.lead_of(event, history.today) for event in coming], progress)
    limits = rooms(history, known, by)
    return [_event(history, traits, found, limits, event=event, level=level) for event in coming]


def _event(
    history: Bookings, traits: Traits, found: Errors, limits: tuple[Room, ...], *, event: int, level: float
) -> _Row:
    """Foresee one coming event, within the places there are."""
    foreseen = outlook(history, traits, event, history.today)
    lead = history.lead_of(event, history.today)
    like = banks(found, traits, event, lead, history.today)
    mean, lower, upper = bounds(foreseen, like, most(limits, event), level, counts=history.counts)
    mean = fitted(mean, foreseen.on_hand, limits, event)
    return _Row(foreseen.on_hand, mean, np.minimum(lower, mean), upper, scale(foreseen), foreseen.model)


def _in_parts(row: _Row, whole: float, sells: NDArray[np.bool_], limits: tuple[Room, ...], event: int) -> _Row:
    """An event's parts, made to add up to the event's own mean."""
    highest = np.where(sells, most(limits, event), 0.0)
    mean = fitted(agreed(row.mean, row.spread, whole, highest), row.on_hand, limits, event)
    return replace(row, mean=mean, lower=np.minimum(row.lower, mean), upper=np.maximum(row.upper, mean))


def _table(history: Bookings, coming: range, by: Sequence[str], rows: Sequence[_Row]) -> pd.DataFrame:
    sells = history.sells[coming.start :]
    event, group = np.nonzero(sells)
    about = history.events.iloc[coming.start :].iloc[event].reset_index(drop=True)
    names = [name for name in by if name != "event"]
    keys = {name: [history.keys[g][j] for g in group] for j, name in enumerate(names)}
    columns = {name: about["event"] if name == "event" else pd.Series(keys[name], dtype="str") for name in by}
    table = pd.DataFrame(columns)
    table["starts_at"] = about["starts_at"]
    table["days_to_event"] = (history.start[coming.start :] - history.today)[event]
    for part in ("on_hand", "mean", "lower", "upper"):
        table[part] = np.array([getattr(row, part) for row in rows])[sells]
    table["model"] = np.array([row.model for row in rows], dtype=object)[event]
    return table.astype({"model": "str"})
